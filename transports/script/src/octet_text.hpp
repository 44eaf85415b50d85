// Octets as the lines of a transcript.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::script {

/// Getter: the octets with the escapes of raw lines and strings; plain ASCII, safe to print.
[[nodiscard]] std::string escape(std::string_view octets);

/// Getter: a line of a transcript as it is, but for octets that a terminal might take as its own.
[[nodiscard]] std::string printable(std::string_view line);

/// Getter: statements that stand for these octets, one for each line of them: "C: text" if that
/// says it all, else "C| text\n" with escapes; what repeats itself is written with a factor.
[[nodiscard]] std::vector<std::string> to_statements(char who, std::string_view octets);

/// Getter: the octets up to and with each LF.
[[nodiscard]] std::vector<std::string_view> to_lines(std::string_view octets);

}  // namespace sansmtp::script

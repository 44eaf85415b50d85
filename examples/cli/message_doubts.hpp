// What is odd about a message, but does not keep it from being sent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::cli {

// Each doubt is a line for a person, without the name of the message.

/// Getter: of a message that is sent as it is, without a look at its header for the envelope: a Bcc
/// field, which all will see, and what stands before the header and hides it.
[[nodiscard]] std::vector<std::string> doubts_about_header(std::string_view content);

/// Getter: of the first line over 998 octets (RFC 5322 section 2.1.1), which some servers refuse
/// and others cut; lines end in CRLF, LF or CR. Empty if none is that long.
[[nodiscard]] std::string doubt_about_lines(std::string_view content);

}  // namespace sansmtp::cli

// Messages and transcripts, from files or standard input.
#pragma once

#include <string>

namespace sansmtp::cli {

/// Getter: all octets of the file `name`, or of standard input for "-". They are read and not
/// mapped, since a mapped file that somebody shortens meanwhile would end the program. Throws
/// `failure` with `exit_code::no_input`, or `exit_code::temporary` if an `interruption` came while
/// it waited.
[[nodiscard]] std::string read_input(const std::string& name);

/// Getter: what to call that input to a person.
[[nodiscard]] std::string input_name(const std::string& name);

}  // namespace sansmtp::cli

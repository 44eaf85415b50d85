// Standard input, output and error, none of which need be there.
#pragma once

#include <string>
#include <string_view>

namespace sansmtp::cli {

/// Command: to be called first in `main`. A closed standard descriptor would be handed to the next
/// socket, and a report would then go to the mail server: so each closed one is opened on
/// /dev/null. Also ignores SIGPIPE and SIGXFSZ: a reader that went away, or a limit of a file's
/// size, is an error like any other. Returns whether standard output was there.
[[nodiscard]] bool guard_standard_streams();

/// Output: writes all of `text` to standard output, at once. Throws `failure` with
/// `exit_code::io_error` if it is closed or full.
void print(std::string_view text);

/// Output: writes one line to standard error, `text` in display form and an LF. Errors are ignored:
/// there is nobody left to tell.
void complain(std::string_view text);

/// Getter: is standard error, or standard input, a terminal?
[[nodiscard]] bool error_is_terminal() noexcept;
[[nodiscard]] bool input_is_terminal() noexcept;

/// Output: writes `text` to standard error as it is; errors are ignored.
void print_error(std::string_view text);

}  // namespace sansmtp::cli

// `sansmtp send`: messages from files or standard input to a mail server.
#pragma once

#include <CLI/CLI.hpp>

namespace sansmtp::cli {

/// Adds the subcommand `send` to `app`. When it is parsed the messages are sent; then `exit_code`
/// is one of the codes of exit_code.hpp and must live as long as `app` parses. Throws `failure` if
/// it cannot begin or if its report cannot be written.
void add_send_command(CLI::App& app, int& exit_code);

}  // namespace sansmtp::cli

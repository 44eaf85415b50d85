// `sansmtp probe`: what a mail server says of itself, and how fast.
#pragma once

#include <CLI/CLI.hpp>

namespace sansmtp::cli {

/// Adds the subcommand `probe` to `app`. When it is parsed the server is asked; then `exit_code` is
/// one of the codes of exit_code.hpp and must live as long as `app` parses. Throws `failure` if it
/// cannot begin or if its report cannot be written.
void add_probe_command(CLI::App& app, int& exit_code);

}  // namespace sansmtp::cli

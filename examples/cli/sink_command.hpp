// `sansmtp sink`: the SMTP server of sink.hpp on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace sansmtp::cli {

/// Adds the subcommand `sink` to `app`. When it is parsed the server runs until it is told to stop;
/// then `code` is set. Throws `failure` out of the parsing if it cannot begin or report. `code`
/// must live as long as `app`.
void add_sink_command(CLI::App& app, int& code);

}  // namespace sansmtp::cli

// `sansmtp serve`: the server of a transcript for any client.
#pragma once

#include <CLI/CLI.hpp>

namespace sansmtp::cli {

/// Command: adds the subcommand; when it is parsed it runs and puts its exit code into `exit_code`.
void add_serve_command(CLI::App& app, int& exit_code);

}  // namespace sansmtp::cli

// `sansmtp route`.
#pragma once

#include <CLI/CLI.hpp>

namespace sansmtp::cli {

/// Command: adds the subcommand to `app`; `exit_code` is set when it has run.
void add_route_command(CLI::App& app, int& exit_code);

}  // namespace sansmtp::cli

// `sansmtp replay`: a transcript against the engine.
#pragma once

#include <CLI/CLI.hpp>

namespace sansmtp::cli {

/// Adds the subcommand `replay` to `app`. When it is parsed the transcript is played; then
/// `exit_code` is one of the codes of exit_code.hpp and must live as long as `app` parses. Throws
/// `failure` if there is no transcript.
void add_replay_command(CLI::App& app, int& exit_code);

}  // namespace sansmtp::cli

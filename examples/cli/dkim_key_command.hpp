// `sansmtp dkim-key`: a key for signatures, and its record in DNS.
#pragma once

#include <CLI/CLI.hpp>

namespace sansmtp::cli {

/// Adds the subcommand `dkim-key` to `app`. When it is parsed a key is made; then `exit_code` is
/// one of the codes of exit_code.hpp and must live as long as `app` parses. Throws `failure` if
/// there is no key then.
void add_dkim_key_command(CLI::App& app, int& exit_code);

}  // namespace sansmtp::cli

// sansmtp: sends mail, asks servers, is one, and plays transcripts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "dkim_key_command.hpp"
#include "failure.hpp"
#include "help_formatter.hpp"
#include "probe_command.hpp"
#include "replay_command.hpp"
#include "route_command.hpp"
#include "send_command.hpp"
#include "serve_command.hpp"
#include "sink_command.hpp"
#include "standard_streams.hpp"
#include "tls_library.hpp"

namespace sansmtp::cli {
namespace {

// The name of the subcommand that is being run, for messages: "sansmtp send".
std::string full_name(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? "sansmtp" : "sansmtp " + chosen.front()->get_name();
}

// What is wrong with the command line. What was not understood explains more than what is then
// missing: "--sever" is why there is no "--server".
std::string mistake_of(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining(true);
  if (unknown.empty()) return error.what();
  return fmt::format("not expected: {}", fmt::join(unknown, " "));
}

int parse_and_run(CLI::App& app, int argc, char** argv) {
  int result = 0;
  add_send_command(app, result);
  add_route_command(app, result);
  add_probe_command(app, result);
  add_replay_command(app, result);
  add_serve_command(app, result);
  add_sink_command(app, result);
  add_dkim_key_command(app, result);
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A command");
    return result;
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    print(chosen.empty() ? app.help() : chosen.front()->help(app.get_name()));
    return 0;
  } catch (const CLI::CallForVersion& version) {
    print(std::string(version.what()) + '\n');
    return 0;
  } catch (const CLI::ParseError& error) {
    throw failure(exit_code::usage,
                  mistake_of(app, error) + "; see '" + full_name(app) + " --help'");
  }
}

int run(int argc, char** argv) {
  CLI::App app("Sends mail over SMTP, asks servers, is one for tests, and plays transcripts.",
               "sansmtp");
  app.formatter(std::make_shared<help_formatter>());
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "sansmtp " SANSMTP_VERSION "\n" + tls_library_line());
  app.footer("'sansmtp COMMAND --help' tells more about a command.");
  try {
    if (!guard_standard_streams()) {
      throw failure(exit_code::io_error,
                    "standard output is closed, so there would be no report; "
                    "nothing was done");
    }
    return parse_and_run(app, argc, argv);
  } catch (const failure& why) {
    complain(full_name(app) + ": " + why.what());
    return static_cast<int>(why.code());
  } catch (const std::exception& defect) {
    complain(full_name(app) + ": " + defect.what());
    return static_cast<int>(exit_code::software);
  }
}

}  // namespace
}  // namespace sansmtp::cli

int main(int argc, char** argv) { return sansmtp::cli::run(argc, argv); }

#include "serve_command.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "duration.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "output_file.hpp"
#include "sansmtp/script_peer/peer.hpp"
#include "standard_streams.hpp"
#include "transcript_file.hpp"

namespace sansmtp::cli {
namespace {

/// What the command line says.
struct serve_arguments {
  std::string file;
  script::peer_options options;
  bool exact = false;
  std::optional<std::string> port_file;
};

exit_code serve(serve_arguments& given) {
  const script::transcript transcript = read_transcript(given.file);
  const script::scripted_server trial(transcript);
  if (!trial.obstacle().empty()) throw failure(exit_code::data_error, trial.obstacle());
  if (given.exact) given.options.how = script::likeness::exact;
  script::peer peer(transcript, given.options);
  if (peer.error()) {
    throw failure(exit_code::unavailable, fmt::format("cannot listen on port {}: {}",
                                                      given.options.port, peer.error().message()));
  }
  if (given.port_file) {
    write_output(*given.port_file, std::to_string(peer.port()));
  } else {
    print_error(fmt::format("listening on 127.0.0.1:{}\n", peer.port()));
  }
  const script::peer_result result = peer.serve();
  print(to_string(result.said));
  if (result.wrong) print_error(to_string(*result.wrong) + '\n');
  if (result.error && !result.wrong) {
    throw failure(exit_code::mismatch,
                  fmt::format("no dialogue with a client: {}", result.error.message()));
  }
  return result.ok() ? exit_code::ok : exit_code::mismatch;
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
  CLI::App* const command = app.add_subcommand(
      "serve", "Play the server of a transcript to one SMTP client and check what the client says");
  const auto given = std::make_shared<serve_arguments>();
  command->add_option("FILE", given->file, "The transcript; '-' is standard input")
      ->type_name("")
      ->required();
  command
      ->add_option("--port", given->options.port,
                   "Listen on this port of 127.0.0.1; 0, the default, takes any that is free")
      ->type_name("PORT");
  command
      ->add_option("--port-file", given->port_file,
                   "Write the port here once listening, not to standard error")
      ->type_name("FILE");
  command->add_flag("--exact", given->exact,
                    "Compare octet by octet; otherwise verbs may be in any case and the name "
                    "behind EHLO is the client's own");
  command
      ->add_option(
          "--speed", given->options.speed,
          "Let the pauses ('@') of the transcript pass so many times as fast; by default 1")
      ->type_name("FACTOR")
      ->check(CLI::Range(0.001, 1e9));
  command
      ->add_option_function<std::string>(
          "--patience",
          [given](const std::string& text) {
            const auto duration = parse_duration(text);
            if (!duration) {
              throw CLI::ValidationError(
                  "--patience", fmt::format("'{}' is no duration like 250ms, 30s, 5m", text));
            }
            given->options.patience = *duration;
          },
          "Wait so long for the client; by default 30s")
      ->type_name("DURATION");
  command->footer(
      "S lines are said and C lines awaited; what a transcript says of the engine ('>', '*', '=') "
      "is\nskipped. Each reply follows the command it answers, so the client may pipeline or not. "
      "One\nconnection is served; then the dialogue is printed, and a mismatch on standard "
      "error.\n\nExample:\n"
      "  sansmtp serve --port 2525 session.smtp &\n"
      "  curl smtp://127.0.0.1:2525 --mail-from a@x.example --mail-rcpt b@y.example -T "
      "letter.eml\n\n"
      "Exit codes: 0 as the transcript says; 1 a mismatch, or no client; 64 wrong usage; 65 not a\n"
      "transcript, or one with TLS; 66 the file is missing or cannot be read; 69 cannot listen; 74 "
      "a\nfile cannot be written or standard output is closed.");
  command->callback([given, &exit_code] { exit_code = static_cast<int>(serve(*given)); });
}

}  // namespace sansmtp::cli

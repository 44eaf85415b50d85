#include "replay_command.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "exit_code.hpp"
#include "failure.hpp"
#include "input.hpp"
#include "sansmtp/script/script.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

script::transcript read_transcript(const std::string& file) {
  auto parsed = script::parse(read_input(file), input_name(file));
  if (const auto* error = std::get_if<script::parse_error>(&parsed)) {
    throw failure(exit_code::data_error, to_string(*error));
  }
  return std::get<script::transcript>(std::move(parsed));
}

exit_code replay(const std::string& file, bool every_mode) {
  const script::transcript transcript = read_transcript(file);
  script::play_result result = play(transcript);
  print(to_string(result.said));
  if (every_mode) {
    for (const script::mode how : transcript.modes()) {
      if (!result.ok()) break;
      if (how == script::mode::whole) continue;
      result = play(transcript, how);
    }
  }
  if (result.ok()) return exit_code::ok;
  print_error(to_string(*result.wrong) + '\n');
  return exit_code::mismatch;
}

}  // namespace

void add_replay_command(CLI::App& app, int& exit_code) {
  struct arguments {
    std::string file;
    bool every_mode = false;
  };
  CLI::App* const command = app.add_subcommand(
      "replay", "Play a transcript against the engine in virtual time and print the dialogue");
  const auto given = std::make_shared<arguments>();
  command->add_option("FILE", given->file, "The transcript; '-' is standard input")
      ->type_name("")
      ->required();
  command->add_flag("--every-mode", given->every_mode,
                    "Play it also octet by octet, cut at every place, with one-octet writes and "
                    "with a fault at every position");
  command->footer(
      "Each line begins with the virtual time in seconds. A mismatch is shown on standard error "
      "with the\nline of the transcript. The grammar is in tests/README.md.\n\nExample:\n"
      "  sansmtp replay tests/transcripts/two_mails.smtp\n\n"
      "Exit codes: 0 as the transcript says; 1 a mismatch; 64 wrong usage; 65 not a transcript;\n"
      "66 the file is missing or cannot be read; 74 standard output is closed or full.");
  command->callback([given, &exit_code] {
    exit_code = static_cast<int>(replay(given->file, given->every_mode));
  });
}

}  // namespace sansmtp::cli

#include "replay_command.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "exit_code.hpp"
#include "input.hpp"
#include "output_file.hpp"
#include "sansmtp/script/script.hpp"
#include "standard_streams.hpp"
#include "transcript_file.hpp"

namespace sansmtp::cli {
namespace {

/// What the command line says.
struct replay_arguments {
  std::string file;
  bool every_mode = false;
  bool svg = false;
  std::optional<std::string> output;
  std::optional<double> speed;
};

// One statement after the other, `speed` times as fast as it was.
void print_in_time(const script::dialogue& said, double speed) {
  std::chrono::milliseconds at{0};
  for (const script::dialogue_entry& entry : said) {
    std::this_thread::sleep_for((entry.at - at) / speed);
    at = entry.at;
    print(to_string(script::dialogue{entry}));
  }
}

void show(const replay_arguments& given, const script::play_result& result) {
  if (given.svg) {
    const std::string svg = to_svg(result.said, input_name(given.file));
    if (given.output) {
      write_output(*given.output, svg);
    } else {
      print(svg);
    }
  } else if (given.speed) {
    print_in_time(result.said, *given.speed);
  } else {
    print(to_string(result.said));
  }
}

exit_code replay(const replay_arguments& given) {
  const script::transcript transcript = read_transcript(given.file);
  script::play_result result = play(transcript);
  show(given, result);
  if (given.every_mode) {
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
  CLI::App* const command = app.add_subcommand(
      "replay", "Play a transcript against the engine in virtual time and print the dialogue");
  const auto given = std::make_shared<replay_arguments>();
  command->add_option("FILE", given->file, "The transcript; '-' is standard input")
      ->type_name("")
      ->required();
  command->add_flag("--every-mode", given->every_mode,
                    "Play it also octet by octet, cut at every place, with one-octet writes and "
                    "with a fault at every position");
  CLI::Option* const svg = command->add_flag(
      "--svg", given->svg, "Draw the dialogue as a ladder diagram in SVG instead of printing it");
  command
      ->add_option("-o,--output", given->output,
                   "Write the drawing to this file, not to standard output")
      ->type_name("FILE")
      ->needs(svg);
  command
      ->add_option("--speed", given->speed,
                   "Print the dialogue in its own time, so many times as fast: 1 as it was, 0.1 in "
                   "slow motion; by default all at once")
      ->type_name("FACTOR")
      ->check(CLI::Range(0.001, 1e9))
      ->excludes(svg);
  command->footer(
      "Each line begins with the virtual time in seconds. A mismatch is shown on standard error "
      "with the\nline of the transcript. The grammar is transports/script/transcripts.md,\n"
      "installed with the documentation.\n\nExample:\n"
      "  sansmtp replay tests/transcripts/pipelining/two-mails.smtp\n"
      "  sansmtp send --record session.smtp ... && sansmtp replay --svg -o session.svg "
      "session.smtp\n\n"
      "Exit codes: 0 as the transcript says; 1 a mismatch; 64 wrong usage; 65 not a transcript;\n"
      "66 the file is missing or cannot be read; 74 standard output is closed or full.");
  command->callback([given, &exit_code] { exit_code = static_cast<int>(replay(*given)); });
}

}  // namespace sansmtp::cli

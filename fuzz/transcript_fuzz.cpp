// Transcripts of any text: what is none is told with its place; what is one is played, and what the
// engine did is written down, is a transcript again, and holds when it is played. The player looks
// at the invariants of a session all the while (transports/script/transcripts.md), so this fuzzes the session too.
//
// Input: the text.
#include <sansmtp/script/script.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <variant>

#include "exact_block.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;
using script::mode;
using script::transcript;

// What a fuzzer makes of repetitions must not take all of its time.
constexpr std::size_t most_octets = 4096;

bool is_long(const transcript& t) { return t.server_octets().size() > most_octets; }

/// Getter: does a number of four digits stand behind a `*`, or behind the first of its two?
/// Repetitions that are long take long, and show nothing that short ones do not.
bool repeats_long(std::string_view text) {
  constexpr std::string_view digits = "0123456789";
  for (std::size_t at = text.find('*'); at < text.size(); at = text.find('*', at)) {
    for (++at; at < text.size() && (digits.find(text[at]) < digits.size() || text[at] == '-');) {
      const std::size_t end = std::min(text.find_first_not_of(digits, at), text.size());
      if (end - at > 3) return true;
      at = end + (end < text.size() && text[end] == '-' ? 1 : 0);
      if (end == at) break;
    }
  }
  return false;
}

void require_ok(const script::play_result& result, const char* rule) {
  if (!result.ok()) std::fputs(to_string(*result.wrong).c_str(), stderr);
  require(result.ok(), rule);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const exact_block block({reinterpret_cast<const char*>(data), size});
  const std::string_view text = as_text(block.view());
  if (repeats_long(text)) return 0;
  const auto parsed = script::parse(text, "t");
  if (const auto* error = std::get_if<script::parse_error>(&parsed)) {
    require(error->line >= 1 && error->column >= 1 && !error->what.empty(), "the place is told");
    require(to_string(*error).starts_with("t:"), "the place is told");
    return 0;
  }
  const auto& given = std::get<transcript>(parsed);
  require(given.modes().front() == mode::whole, "whole is always possible");
  if (is_long(given)) return 0;
  const bool holds = script::play(given).ok();
  const std::string blessed = script::bless(given);
  const auto again = script::parse(blessed, "t");
  if (const auto* error = std::get_if<script::parse_error>(&again)) {
    std::fputs((to_string(*error) + '\n' + blessed).c_str(), stderr);
    require(false, "what is written down is a transcript");
  }
  const auto& right = std::get<transcript>(again);
  if (holds) require_ok(script::play(right), "what holds still holds when it is written down");
  // Getters are not rewritten; without them all holds now, in every mode whose pieces cannot
  // change what the transcript means.
  if (blessed.find("\n=") != std::string::npos) return 0;
  // Of several levels only the last is written down.
  if (!right.levels().empty() && !holds) return 0;
  const auto whole = script::play(right);
  // A misuse of `! sent`, `! write` or a chunk is the transcript's own mistake, and stays one.
  const bool misused =
      !whole.ok() && whole.wrong->what.find("octets are offered") != std::string::npos;
  if (!whole.ok() && !misused && blessed.find("lend") == std::string::npos) {
    require_ok(whole, "what was written down holds");
  }
  if (!whole.ok()) return 0;
  for (const mode how : right.modes()) {
    // A fault at each place plays the file some hundred times: only for one in a few short ones.
    const bool faults = how == mode::faults && size < 600 && size % 8 == 0;
    if (how == mode::writes || faults) require_ok(script::play(right, how), "invariants hold");
  }
  return 0;
}

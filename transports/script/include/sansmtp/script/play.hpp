// A transcript against a session, in virtual time.
#pragma once

#include <optional>
#include <string>

#include "sansmtp/script/dialogue.hpp"
#include "sansmtp/script/mismatch.hpp"
#include "sansmtp/script/mode.hpp"
#include "sansmtp/script/transcript.hpp"

namespace sansmtp::script {

/// What came of playing a transcript.
struct play_result {
  std::optional<mismatch> wrong;  ///< Nothing: the engine did what the transcript says.
  /// Up to the end or the mismatch. In the modes that play many times: of the last play.
  dialogue said;

  /// Getter: did the engine do what the transcript says?
  [[nodiscard]] bool ok() const noexcept { return !wrong; }
};

/// Plays `script` against a `sansmtp::session` of its own. Deterministic; no clock and no I/O is
/// involved. In each mode but `mode::faults` the events of the engine must also be the same as in
/// `mode::whole`, those included that the transcript leaves out. A mode that the transcript forbids
/// (`transcript::modes`) is played all the same. A transcript that names several levels is played
/// at one after the other, up to the first that fails, and `said` is that of the last one played.
[[nodiscard]] play_result play(const transcript& script, mode how = mode::whole);

/// Plays `script` in `mode::whole` and returns its text with those C and `*` lines rewritten that
/// the engine does not fulfil. All other lines stay as they are; `=` lines too, even if they fail.
/// A `> ready` or a repetition is written out once a part of it does not hold. Of several levels
/// the last one that is named is played; the others may still do otherwise.
[[nodiscard]] std::string bless(const transcript& script);

}  // namespace sansmtp::script

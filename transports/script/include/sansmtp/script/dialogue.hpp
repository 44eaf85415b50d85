// What was said and done while a transcript was played.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sansmtp::script {

/// One thing that happened.
struct dialogue_entry {
  enum class speaker : std::uint8_t {
    server,  ///< `text` holds the octets as they are; neighbours at one time are joined.
    client,  ///< The same, for what the engine wrote.
    user,    ///< `text` is the transcript's own line: `> ...`, `! ...` or `@ ...`.
    engine,  ///< `text` is an event in the transcript's spelling: `* ...`.
  };

  speaker who = speaker::server;
  std::chrono::milliseconds at{0};  ///< Virtual time since the transcript began.
  std::string text;
};

/// All that happened, in order.
using dialogue = std::vector<dialogue_entry>;

/// Getter: the dialogue for a person: one line for each statement in the transcript's spelling, its
/// time in seconds in front of it. Octets that are no plain text are escaped, so it is safe to
/// print.
[[nodiscard]] std::string to_string(const dialogue& d);

}  // namespace sansmtp::script

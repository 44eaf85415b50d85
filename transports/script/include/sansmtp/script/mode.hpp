// How a transcript is chopped when it is played.
#pragma once

#include <cstdint>
#include <string_view>

namespace sansmtp::script {

/// The ways to play a transcript. In all of them but `faults` the engine must write and tell
/// exactly what the transcript says.
enum class mode : std::uint8_t {
  whole,   ///< Each run of server octets arrives at once, each write takes all.
  octets,  ///< Server octets arrive one by one (CORE-02).
  splits,  ///< Each run of server octets arrives in two pieces, once for every place to cut it.
  writes,  ///< Output is taken octet by octet (CORE-03).
  /// After each octet, in both directions, the link ends, or the deadline is reached, or the user
  /// aborts. Instead of the transcript the invariants are checked (CORE-05, CORE-10, OUT-02,
  /// OUT-03).
  faults,
};

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(mode m) noexcept;

}  // namespace sansmtp::script

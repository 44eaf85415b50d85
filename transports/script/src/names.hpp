// Names to enumerators: the other way round than the engine's own `to_string`.
#pragma once

#include <optional>
#include <string_view>

#include "sansmtp/sansmtp.hpp"

namespace sansmtp::script {

/// Getter: the last enumerator of an enumeration that counts from 0.
constexpr errc last_of(errc) noexcept { return errc::aborted; }
constexpr failure_category last_of(failure_category) noexcept { return failure_category::aborted; }
constexpr verb last_of(verb) noexcept { return verb::quit; }
constexpr outcome last_of(outcome) noexcept { return outcome::in_doubt; }
constexpr hint last_of(hint) noexcept { return hint::another_connection; }
constexpr event::kind last_of(event::kind) noexcept { return event::kind::closed; }

/// Getter: the enumerator that is spelt like this, if there is one.
template <class Enum>
[[nodiscard]] std::optional<Enum> from_name(std::string_view name) noexcept {
  for (unsigned i = 0; i <= static_cast<unsigned>(last_of(Enum{})); ++i) {
    if (to_string(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

/// Getter: the spelling of a phase.
[[nodiscard]] constexpr std::string_view name_of(phase p) noexcept {
  switch (p) {
    case phase::unconnected: return "unconnected";
    case phase::opening: return "opening";
    case phase::ready: return "ready";
    case phase::quitting: return "quitting";
    case phase::closed: return "closed";
  }
  return "?";
}

}  // namespace sansmtp::script

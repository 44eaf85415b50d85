// The one vocabulary type for octets: a view, never an owner.
#pragma once

#include <span>
#include <string_view>

namespace sansmtp {

/// A view of octets. It never owns them; each function that takes or returns one says whose memory
/// it shows and until when.
using bytes = std::span<const char>;

/// Getter: the octets of `text` as `bytes`; valid as long as the text itself.
[[nodiscard]] constexpr bytes as_bytes(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

/// Getter: the octets as text; valid as long as the octets themselves.
[[nodiscard]] constexpr std::string_view as_text(bytes octets) noexcept {
  return {octets.data(), octets.size()};
}

}  // namespace sansmtp

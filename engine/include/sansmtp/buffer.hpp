// The one vocabulary type for octets: a view, never an owner.
#pragma once

#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>

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

/// Whether `T` is an array, as a string literal is: taken as `bytes` it would end with its NUL.
/// What takes `bytes` refuses it; `as_bytes` takes the text alone.
template <class T>
concept octet_array = std::is_array_v<std::remove_reference_t<T>>;

/// Whether `T` is a temporary that owns its octets: a view of them would outlive them. What keeps
/// `bytes` refuses it.
template <class T>
concept octets_on_leave =
    !std::is_lvalue_reference_v<T> && !octet_array<T> && std::convertible_to<T, bytes> &&
    !std::ranges::enable_borrowed_range<std::remove_cvref_t<T>>;

}  // namespace sansmtp

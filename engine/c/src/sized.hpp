// Structs that begin with their size: how one of another version is read and filled.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "sansmtp.h"

namespace sansmtp::c {

/// No struct will ever be larger: what claims to be was not initialised.
inline constexpr std::size_t largest_struct = 4096;

/// Is this the size of some version of `T`? Members are whole multiples of its alignment, alone or
/// in pairs, so that none is cut.
template <class T>
[[nodiscard]] constexpr bool is_size_of(std::size_t size) noexcept {
  return size >= sizeof(std::size_t) && size <= largest_struct && size % alignof(T) == 0;
}

/// Getter: the struct that is given, or `room` with what an older or newer one holds of it; nullptr
/// if its size is none, or if it says more than is known here.
template <class T>
[[nodiscard]] const T* read(const T* from, T& room) noexcept {
  if (from == nullptr) return nullptr;
  const std::size_t size = from->size;
  if (size == sizeof(T)) return from;
  if (!is_size_of<T>(size)) return nullptr;
  const char* const octets = reinterpret_cast<const char*>(from);
  for (std::size_t i = sizeof(T); i < size; ++i) {
    if (octets[i] != 0) return nullptr;
  }
  room = T{};
  std::memcpy(&room, octets, std::min(size, sizeof(T)));
  return &room;
}

/// Output: fills what the caller has room for. Returns false, and fills nothing, if its size is
/// none.
template <class T, class Fill>
[[nodiscard]] inline bool write(T* to, Fill fill) {
  if (to == nullptr) return false;
  const std::size_t size = to->size;
  if (size == sizeof(T)) {
    fill(*to);
    return true;
  }
  if (!is_size_of<T>(size)) return false;
  T whole{};
  fill(whole);
  whole.size = size;
  const std::size_t known = std::min(size, sizeof(T));
  std::memcpy(to, &whole, known);
  std::memset(reinterpret_cast<char*>(to) + known, 0, size - known);
  return true;
}

/// Getter: the i-th struct of an array whose elements have the size of the first, as `read` does.
template <class T>
[[nodiscard]] const T* read_at(const T* first, std::size_t i, T& room) noexcept {
  const char* const octets = reinterpret_cast<const char*>(first) + i * first->size;
  const T* const at = reinterpret_cast<const T*>(octets);
  return at->size == first->size ? read(at, room) : nullptr;
}

/// Is there room in an address space for so many?
template <class T>
[[nodiscard]] constexpr bool is_array(const T* first, std::size_t count) noexcept {
  return count == 0 || (first != nullptr && count <= PTRDIFF_MAX / largest_struct);
}

/// Are the octets there, as far as that can be seen?
[[nodiscard]] constexpr bool is_text(sansmtp_bytes b) noexcept {
  return b.size == 0 || (b.data != nullptr && b.size <= PTRDIFF_MAX);
}

[[nodiscard]] constexpr std::string_view text(sansmtp_bytes b) noexcept {
  return b.size == 0 ? std::string_view() : std::string_view(b.data, b.size);
}

[[nodiscard]] constexpr sansmtp_bytes view(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

}  // namespace sansmtp::c

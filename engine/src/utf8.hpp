// UTF-8 (RFC 3629), strictly: no overlong forms, no surrogates, nothing above U+10FFFF (UTF8-02).
#pragma once

#include <cstddef>
#include <string_view>

namespace sansmtp::utf8 {

struct character {
  char32_t value = 0;
  std::size_t size = 0;  // octets; 0 if the text does not begin with a valid character
};

/// Reads the character at the start of `text`.
[[nodiscard]] constexpr character decode(std::string_view text) noexcept {
  if (text.empty()) return {};
  const auto octet = [text](std::size_t i) -> char32_t {
    return static_cast<unsigned char>(text[i]);
  };
  const char32_t lead = octet(0);
  if (lead < 0x80) return {lead, 1};

  // The smallest value of each length makes overlong forms known.
  std::size_t size = 0;
  char32_t value = 0;
  char32_t smallest = 0;
  if ((lead & 0xE0) == 0xC0) {
    size = 2, value = lead & 0x1F, smallest = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    size = 3, value = lead & 0x0F, smallest = 0x800;
  } else if ((lead & 0xF8) == 0xF0) {
    size = 4, value = lead & 0x07, smallest = 0x10000;
  } else {
    return {};
  }
  if (text.size() < size) return {};
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (octet(i) & 0x3F);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest || value > 0x10FFFF || surrogate) return {};
  return {value, size};
}

/// C1 controls: they end lines or move the cursor just as C0 controls do.
[[nodiscard]] constexpr bool is_c1(char32_t c) noexcept { return c >= 0x80 && c <= 0x9F; }

/// The line and paragraph separators.
[[nodiscard]] constexpr bool is_separator(char32_t c) noexcept {
  return c == 0x2028 || c == 0x2029;
}

}  // namespace sansmtp::utf8

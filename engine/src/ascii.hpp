// Octet classes without locale, and comparison of ASCII words in any case.
#pragma once

#include <algorithm>
#include <string_view>

namespace sansmtp::ascii {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr char to_upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
  return to_upper(c) >= 'A' && to_upper(c) <= 'Z';
}

[[nodiscard]] constexpr bool is_alnum(char c) noexcept { return is_digit(c) || is_letter(c); }

[[nodiscard]] constexpr bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (to_upper(c) >= 'A' && to_upper(c) <= 'F');
}

/// C0 and DEL.
[[nodiscard]] constexpr bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

[[nodiscard]] constexpr bool is_ascii(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x80;
}

/// Does `test` hold for each octet? A loop in place of `std::all_of`, which is written out four
/// times wherever it stands.
template <class Test>
[[nodiscard]] constexpr bool all_of(std::string_view text, Test test) noexcept {
  for (const char c : text) {
    if (!test(c)) return false;
  }
  return true;
}

/// The keyword of an EHLO line or of a parameter (RFC 5321 sections 4.1.1.1 and 4.1.2).
[[nodiscard]] constexpr bool is_keyword(std::string_view word) noexcept {
  return !word.empty() && is_alnum(word.front()) &&
         all_of(word, [](char c) { return is_alnum(c) || c == '-'; });
}

/// Are the words equal, whatever the case of their ASCII letters?
[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_upper(x) == to_upper(y); });
}

/// An order of words in which only the case of ASCII letters does not matter.
struct iless {
  using is_transparent = void;
  [[nodiscard]] constexpr bool operator()(std::string_view a, std::string_view b) const noexcept {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return to_upper(x) < to_upper(y); });
  }
};

}  // namespace sansmtp::ascii

#include "sansmtp/xtext.hpp"

#include <cstddef>

namespace sansmtp {
namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

constexpr bool stands_for_itself(char c) noexcept {
  return c >= 33 && c <= 126 && c != '+' && c != '=';
}

}  // namespace

std::string xtext_encode(std::string_view octets) {
  std::string text;
  text.reserve(octets.size());
  for (const char c : octets) {
    if (stands_for_itself(c)) {
      text += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      text += {'+', hex_digits[octet >> 4U], hex_digits[octet & 0x0FU]};
    }
  }
  return text;
}

std::optional<std::string> xtext_decode(std::string_view text) {
  std::string octets;
  octets.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (stands_for_itself(text[i])) {
      octets += text[i];
      continue;
    }
    if (text[i] != '+' || text.size() - i < 3) return std::nullopt;
    const std::size_t high = hex_digits.find(text[i + 1]);
    const std::size_t low = hex_digits.find(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    octets += static_cast<char>(high << 4U | low);
    i += 2;
  }
  return octets;
}

}  // namespace sansmtp

#include "sansmtp/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace sansmtp {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint8_t not_a_letter = 0xFF;

constexpr auto values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(not_a_letter);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

}  // namespace

std::string base64_encode(std::string_view octets) {
  std::string text;
  text.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t left = octets.size() - i;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < left ? static_cast<unsigned char>(octets[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= left ? alphabet[group >> (18 - 6 * k) & 0x3FU] : '=';
    }
  }
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t octets_in_groups = text.size() / 4 * 3;
  // Only the last group may be padded, with one or two.
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  text.remove_suffix(padding);

  std::string octets;
  octets.reserve(octets_in_groups);
  std::uint32_t group = 0;
  unsigned bits = 0;  // of the group, not yet put out
  for (const char c : text) {
    const std::uint8_t value = values[static_cast<unsigned char>(c)];
    if (value == not_a_letter) return std::nullopt;
    group = (group << 6U | value) & 0xFFFFU;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      octets += static_cast<char>(group >> bits & 0xFFU);
    }
  }
  // Bits of the last letter beyond the last octet must be zero, or two texts would mean the same.
  if ((group & ((1U << bits) - 1U)) != 0) return std::nullopt;
  return octets;
}

}  // namespace sansmtp

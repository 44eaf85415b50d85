// base64 and xtext: what is encoded is decoded again, what is decoded is canonical, and both agree
// with slow and obvious codecs (AUTH-06, CMD-16).
//
// Input: text to encode and to decode.
#include <sansmtp/base64.hpp>
#include <sansmtp/xtext.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exact_block.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

/// Bit by bit, as RFC 4648 section 4 draws it.
std::string obvious_base64(std::string_view octets) {
  std::string bits;
  for (const char c : octets) {
    for (int bit = 7; bit >= 0; --bit) {
      bits += ((static_cast<unsigned char>(c) >> bit) & 1) != 0 ? '1' : '0';
    }
  }
  while (bits.size() % 6 != 0) bits += '0';
  std::string text;
  for (std::size_t i = 0; i < bits.size(); i += 6) {
    text += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[std::stoul(
        bits.substr(i, 6), nullptr, 2)];
  }
  while (text.size() % 4 != 0) text += '=';
  return text;
}

bool is_xchar(char c) { return c >= '!' && c <= '~' && c != '+' && c != '='; }

std::string obvious_xtext(std::string_view octets) {
  std::string text;
  for (const char c : octets) {
    if (is_xchar(c)) {
      text += c;
    } else {
      const unsigned octet = static_cast<unsigned char>(c);
      text += '+';
      text += "0123456789ABCDEF"[octet / 16];
      text += "0123456789ABCDEF"[octet % 16];
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const exact_block block({reinterpret_cast<const char*>(data), size});
  const std::string_view text = as_text(block.view());

  const std::string base64 = base64_encode(text);
  require(base64 == obvious_base64(text), "base64 is that of RFC 4648");
  require(base64_decode(base64) == text, "what is encoded is decoded");
  if (const auto octets = base64_decode(text)) {
    require(base64_encode(*octets) == text, "only canonical base64 is decoded");
  }

  const std::string xtext = xtext_encode(text);
  require(xtext == obvious_xtext(text), "xtext is that of RFC 3461");
  require(xtext_decode(xtext) == text, "what is encoded is decoded");
  if (const auto octets = xtext_decode(text)) {
    // "+41" stands for "A" as well; each has one spelling in capitals that means the same.
    require(xtext_decode(xtext_encode(*octets)) == octets, "what is decoded can be encoded");
    for (std::size_t i = 0; i < text.size(); ++i) {
      require(is_xchar(text[i]) || text[i] == '+', "only octets of xtext are decoded");
    }
    require(text.size() >= octets->size(), "no octet comes from nothing");
  }
  return 0;
}

// The part of the parser that nearly every reply passes through, for the session to have inline: a
// call costs a third of what it does.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "octet_block.hpp"
#include "sansmtp/reply_parser.hpp"

namespace sansmtp {

/// The common case at one go: a reply of one line that is here as a whole and within its limits;
/// its text is shown where it is. Anything else is left to the machine; this changes nothing then.
[[gnu::always_inline]] inline bool reply_parser::whole_reply(bytes& in,
                                                             reply& found) const noexcept {
  constexpr std::size_t least = 6;  // a code, a space, CR and LF
  if (state_ != state::done || in.size() < least) return false;
  const char* const p = in.data();
  const char* const end = p + in.size();
  // Three digits and a space, looked at together: each octet's upper half is that of '0', and stays
  // so if 6 is added, which takes ':' to '?' over the edge.
  std::uint32_t head = 0;
  std::memcpy(&head, p, sizeof head);
  if constexpr (std::endian::native == std::endian::big) return false;
  const std::uint32_t digits = head ^ 0x20303030U;
  if (((digits | (digits + 0x060606U)) & 0xFFF0F0F0U) != 0) return false;
  const int code = p[0] * 100 + p[1] * 10 + p[2] - '0' * 111;
  if (code < 200 || code > 599) return false;
  const char* const text = p + sizeof head;
  const char* const stop = detail::find_low(text, end, p);
  constexpr std::string_view crlf = "\r\n";
  if (end - stop < 2 || std::memcmp(stop, crlf.data(), crlf.size()) != 0) return false;
  const auto octets = static_cast<std::size_t>(stop + 2 - p);
  if (octets > limits_.line || octets > limits_.octets) return false;

  found = {code, {text, static_cast<std::size_t>(stop - text)}};
  in = bytes(stop + 2, in.size() - octets);
  return true;
}

}  // namespace sansmtp

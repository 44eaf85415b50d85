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

namespace detail {
/// A reply that needed more than this gives its memory back, so that one long reply does not make an
/// idle session large.
inline constexpr std::size_t kept_reply_capacity = 2048;
}  // namespace detail

/// The common case at one go: a reply of one line that is here as a whole and within its limits;
/// its text is shown where it is. Anything else is left to the machine; this changes nothing then.
[[gnu::always_inline]] inline bool reply_parser::whole_reply(bytes& in) noexcept {
  constexpr std::size_t least = 6;  // a code, a space, CR and LF
  if (state_ != state::done || in.size() < least) return false;
  // The machine gives back what a long reply took.
  if (text_.capacity() > detail::kept_reply_capacity) return false;
  const char* const p = in.data();
  const char* const end = p + in.size();
  // Three digits and a space, looked at together: each octet's upper half is that of '0', and stays
  // so if 6 is added, which takes ':' to '?' over the edge.
  std::uint32_t head = 0;
  std::memcpy(&head, p, sizeof head);
  if constexpr (std::endian::native == std::endian::big) return false;
  if ((head & 0xFFF0F0F0U) != 0x20303030U || ((head + 0x060606U) & 0xF0F0F0U) != 0x303030U) {
    return false;
  }
  const std::uint32_t first = head & 0x0F;
  if (first - 2 > 3) return false;
  const char* const text = p + sizeof head;
  const char* const stop = detail::find_low(text, end, p);
  constexpr std::string_view crlf = "\r\n";
  if (end - stop < 2 || std::memcmp(stop, crlf.data(), crlf.size()) != 0) return false;
  const auto octets = static_cast<std::size_t>(stop + 2 - p);
  if (octets > limits_.line || octets > limits_.octets) return false;

  in_place_ = {text, static_cast<std::size_t>(stop - text)};
  code_ = static_cast<std::uint16_t>(first * 100 + (head >> 8 & 0x0F) * 10 + (head >> 16 & 0x0F));
  in = bytes(stop + 2, in.size() - octets);
  return true;
}

[[gnu::always_inline]] inline reply_parser::status reply_parser::parse_inline(bytes& in) {
  if (whole_reply(in)) return status::complete;
  return run(in);
}

}  // namespace sansmtp

// What content must be, and a look at all of it before it goes out (RFC 5321 section 4.5.3.1.6).
#pragma once

#include <cstdint>

#include "sansmtp/buffer.hpp"
#include "sansmtp/dot_stuffer.hpp"

namespace sansmtp::detail {

/// Octets of a line with its CRLF (RFC 5321 section 4.5.3.1.6).
inline constexpr std::uint64_t line_limit = 1000;

/// Getter: what `scan_content` gives, but `longest_line` is `usual_line` if no line is longer; and
/// the dots that begin lines, as far as there is room among `dots`.
[[nodiscard]] content_facts look_at(bytes content, line_end_policy policy, std::uint64_t usual_line,
                                    dot_places& dots) noexcept;

}  // namespace sansmtp::detail

#include "sansmtp/config.hpp"

#include <algorithm>
#include <cstddef>

#include "client_attributes.hpp"
#include "protocol_table.hpp"
#include "sansmtp/path.hpp"

namespace sansmtp {

timeouts::duration timeouts::of(verb v) const noexcept {
  if (static_cast<std::size_t>(v) >= verb_count) return command;
  return this->*detail::row_of(v).timeout;
}

errc session_config::check() const noexcept {
  // A 4yz would turn a busy server into one that lacks ESMTP (SESS-08).
  const auto is_5yz = [](std::uint16_t code) { return code >= 500 && code <= 599; };
  if (!std::all_of(helo_fallback_codes.begin(), helo_fallback_codes.end(), is_5yz)) {
    return errc::bad_configuration;
  }
  // RFC 5321 section 4.5.3.1.5 lets each server send lines of 512 octets (LIM-01).
  constexpr std::uint32_t least_line = 512;
  if (limits.reply.line < least_line || limits.reply.octets < least_line ||
      limits.auth_line < least_line) {
    return errc::bad_configuration;
  }
  // With a window of zero nothing would ever move.
  if (limits.reply.lines == 0 || limits.recipients == 0 || limits.outstanding == 0 ||
      limits.group_octets == 0 || limits.progress_octets == 0 || limits.chunk_octets == 0 ||
      limits.chunks == 0 || limits.body_octets == 0 || limits.stream_mails == 0 ||
      limits.stream_outstanding == 0) {
    return errc::bad_configuration;
  }
  // Times that cannot be waited for: less than none, or more than a clock can add.
  constexpr timeouts::duration longest = std::chrono::hours(24 * 366);
  for (std::size_t i = 0; i < verb_count; ++i) {
    const timeouts::duration t = timeouts.of(static_cast<verb>(i));
    if (t < timeouts::duration::zero() || t > longest) return errc::bad_configuration;
  }
  for (const timeouts::duration t : {timeouts.block, timeouts.progress}) {
    if (t < timeouts::duration::zero() || t > longest) return errc::bad_configuration;
  }
  // SESS-16; a Domain or literal has at most 255 octets (RFC 5321 section 4.5.3.1.2).
  constexpr std::size_t longest_name = 255;
  const bool named = local_name.empty() || is_domain(local_name) ||
                     (local_name.size() <= longest_name && is_address_literal(local_name));
  const bool good = named && detail::are_attributes(verb::xclient, xclient, true) &&
                    detail::are_attributes(verb::xforward, xforward, false);
  return good ? errc::none : errc::bad_argument;
}

}  // namespace sansmtp

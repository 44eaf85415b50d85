#include "sansmtp/config.hpp"

#include <algorithm>
#include <cstddef>

#include "sansmtp/path.hpp"

namespace sansmtp {

timeouts::duration timeouts::of(verb v) const noexcept {
  switch (v) {
    case verb::greeting: return greeting;
    case verb::ehlo:
    case verb::helo: return hello;
    case verb::starttls: return starttls;
    case verb::handshake: return handshake;
    case verb::auth:
    case verb::auth_cancel: return auth;
    case verb::mail: return mail;
    case verb::rcpt: return rcpt;
    case verb::data: return data;
    case verb::content:
    case verb::lone_dot: return content;
    case verb::rset: return reset;
    case verb::noop:
    case verb::help:
    case verb::vrfy:
    case verb::expn:
    case verb::raw: return command;
    case verb::quit: return quit;
  }
  return command;
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
      limits.group_octets == 0 || limits.progress_octets == 0) {
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
  // (SESS-16)
  if (!local_name.empty() && !is_domain(local_name) && !is_address_literal(local_name)) {
    return errc::bad_argument;
  }
  return errc::none;
}

}  // namespace sansmtp

// Which command, or which wait, something is about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sansmtp {

/// What a reply answers, and so also the stage at which something happened. Connecting and the TLS
/// handshake are commands too: what answers them is the greeting and the transport's word.
enum class verb : std::uint8_t {
  greeting,
  ehlo,
  helo,
  starttls,
  handshake,    ///< The transport's TLS handshake; answered by `tls_established` or `tls_failed`.
  auth,         ///< The AUTH line and each response line.
  auth_cancel,  ///< The line "*" (AUTH-08).
  mail,
  rcpt,
  data,
  content,   ///< All from 354 to the final reply.
  lone_dot,  ///< The terminator alone, sent when no recipient was accepted (PIPE-09).
  rset,
  noop,
  help,
  vrfy,
  expn,
  raw,
  quit,
};

inline constexpr std::size_t verb_count = static_cast<std::size_t>(verb::quit) + 1;

/// Getter: the lower-case name, e.g. "rcpt"; a static string.
[[nodiscard]] std::string_view to_string(verb v) noexcept;

}  // namespace sansmtp

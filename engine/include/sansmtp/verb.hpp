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
  lhlo,  ///< LMTP's EHLO (RFC 2033 section 4.1).
  starttls,
  handshake,    ///< The transport's TLS handshake; answered by `tls_established` or `tls_failed`.
  xclient,      ///< Who the client is to be taken for; a 2yz is a greeting (EXT-14).
  xforward,     ///< From whom the next mail came to the client (EXT-15).
  auth,         ///< The AUTH line and each response line.
  auth_cancel,  ///< The line "*" (AUTH-08).
  mail,
  rcpt,
  data,
  content,    ///< All from 354 to the final reply; by LMTP to one reply for each recipient.
  lone_dot,   ///< The terminator alone, sent when no recipient was accepted (PIPE-09).
  bdat,       ///< A chunk of content, but for the last one (RFC 3030).
  bdat_last,  ///< The last chunk; its reply is the verdict.
  verdict,    ///< One recipient's reply to content, before the one that is for all (PRDR-02).
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

// What is known of a TLS link once it is there.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/channel_binding.hpp"

namespace sansmtp {

/// What a record layer, or a transport with a TLS of its own, knows about the link that it made.
/// The session looks at `verified` and `binding` only; the rest is for people and logs.
struct tls_info {
  /// Was the peer's identity proven? Without that no secret is shown (AUTH-13).
  bool verified = false;
  /// What SCRAM's -PLUS variants bind to; copied. Left empty, this link cannot be bound (SASL-11).
  channel_binding binding{};
  /// Why it was not verified; no error if nobody asked (no server name was given, TLS-10).
  std::error_code verdict{};
  bool resumed = false;    ///< Without a new full handshake.
  std::string protocol{};  ///< "TLSv1.3"
  std::string cipher{};    ///< The cipher suite's name.
  std::vector<std::string>
      peer_names{};  ///< DNS names and addresses of the peer's certificate, sorted.
  /// Its key as a pin: "sha256/" and the base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC
  /// 7469 section 2.4); empty if it is not known.
  std::string peer_key{};
  std::int64_t peer_expiry = 0;  ///< Its notAfter, in seconds since 1970; 0 if it is not known.
};

}  // namespace sansmtp

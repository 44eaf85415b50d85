// What one certificate says, and what is wrong with it, whoever signed it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "sansmtp/tls/server_identity.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp::tls {

/// A certificate of any kind of key, as a library has read it. Nothing of it is verified.
struct certificate_facts {
  tls_errc unreadable = tls_errc::none;  ///< Why it cannot be read; all else is then empty.
  /// Its typed names: no common name, no e-mail address, no URI (RFC 9525 section 3).
  certificate_names names;
  /// notBefore and notAfter in seconds since 1970, or 0.
  std::int64_t begin = 0;
  std::int64_t expiry = 0;
  /// The names of owner and issuer, as octets that are equal if the names are.
  std::string subject;
  std::string issuer;
  /// May it sign certificates (RFC 5280 sections 4.2.1.3 and 4.2.1.9)?
  bool is_authority = false;
  /// How many authorities may stand between it and a server's; none: any number.
  std::optional<int> path_length;
  /// May it identify a server that signs its handshake?
  bool is_for_servers = false;
  /// Is its signature made over a hash that can be forged (RFC 9155)?
  bool has_weak_signature = true;
  /// Does it have an RSA key of fewer than 2048 bits, or is it signed by one?
  bool has_weak_key = true;
  /// Is its signature of a kind that can be verified?
  bool has_supported_signature = false;
  /// Is its key of a kind that handshakes can be verified with?
  bool has_supported_key = false;
};

/// Octets of the modulus of an RSA key, and of what it signs, below which it is weak (TLS-15).
inline constexpr std::size_t least_rsa_octets = 2048 / 8;

/// Getter: does `c` name `other` as its issuer?
[[nodiscard]] bool is_issued_by(const certificate_facts& c, const certificate_facts& other);
/// Getter: is the issuer's name its own?
[[nodiscard]] bool is_self_issued(const certificate_facts& c);

/// Getter: why it cannot be an authority between a server and a trusted one, or none; a
/// `tls_errc`. Looks at the time of day.
[[nodiscard]] std::error_code problem_of_authority(const certificate_facts& c);
/// Getter: why it cannot be a server's, or none; a `tls_errc`. Looks at the time of day.
[[nodiscard]] std::error_code problem_of_server(const certificate_facts& c);

/// Getter: the verdict on a chain, the server's certificate first. `distrust` says why nobody who
/// is trusted vouches for that by a valid way, or nothing if somebody does; the reason of a
/// certificate on the way up, or of the server's own, is told before that (TLS-15).
[[nodiscard]] std::error_code verdict_on_chain(std::span<const certificate_facts> chain,
                                               std::error_code distrust);

}  // namespace sansmtp::tls

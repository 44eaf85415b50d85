// Is this certificate the server's that was meant (RFC 9525)?
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::tls {

/// The names that a certificate was issued for, by type: nothing else of it identifies a server
/// (RFC 9525 section 3; the common name does not).
struct certificate_names {
  std::vector<std::string> dns;        ///< dNSName, as in the certificate.
  std::vector<std::string> addresses;  ///< iPAddress: 4 or 16 raw octets.
};

/// Getter: the address as 4 or 16 raw octets if `name` is a numeric one, "192.0.2.1",
/// "2001:db8::1" or "[2001:db8::1]"; else empty.
[[nodiscard]] std::string address_octets(std::string_view name);

/// Getter: is `name` a DNS name that a certificate can hold: ASCII labels of letters, digits and
/// inner hyphens (and underscores, which are met), at most 253 octets? One dot may end it.
[[nodiscard]] bool is_dns_name(std::string_view name) noexcept;

/// Getter: is `reference`, the name that the caller gave, one of `names` (RFC 9525 section 6)? A
/// numeric address matches an iPAddress only, and exactly. A DNS name matches a dNSName without
/// regard to case; "*" may stand for the whole left-most label of at least three, and for nothing
/// else. A final dot of `reference` is ignored (TLS-11).
[[nodiscard]] bool matches(const certificate_names& names, std::string_view reference);

}  // namespace sansmtp::tls

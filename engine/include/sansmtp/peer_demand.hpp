// What TLS must prove about one peer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sansmtp {

/// How much has to be proven before mail is handed over.
enum class demand_level : std::uint8_t {
  encrypted,  ///< Nothing: TLS with whoever answers (TLS-10).
  names,      ///< That the peer's certificate, vouched for by a trusted authority, is for a name.
};

/// What is demanded of one peer; a plain value. It belongs to the link, so it is part of the key
/// under which TLS sessions are resumed and connections are pooled (TLS-16). It fails closed: a
/// link whose peer is to be verified and has no name to verify it by is refused (TLS-13).
struct peer_demand {
  demand_level level = demand_level::names;
  /// With `demand_level::names`: the names, DNS names (A-labels) or numeric addresses, of which one
  /// must be the certificate's (RFC 9525). They come from whoever configured the destination, never
  /// from a banner, a certificate or a DNS answer (TLS-11). None: the host that the link is made
  /// to.
  std::vector<std::string> names{};

  friend bool operator==(const peer_demand&, const peer_demand&) = default;
};

}  // namespace sansmtp

// What TLS must prove about one peer.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace sansmtp {

/// How much has to be proven before mail is handed over.
enum class demand_level : std::uint8_t {
  encrypted,  ///< Nothing: TLS with whoever answers (TLS-10).
  names,      ///< That the peer's certificate, vouched for by a trusted authority, is for a name.
  records,    ///< That the peer's certificate is what one of the records says (RFC 7672).
};

/// A TLSA record (RFC 6698 section 2.1); a plain value.
struct tlsa_record {
  std::uint8_t usage = 0;     ///< Whose certificate it is about.
  std::uint8_t selector = 0;  ///< What of the certificate: all of it, or its key.
  std::uint8_t matching = 0;  ///< What `data` is: the thing itself, or a digest of it.
  std::string data;           ///< Octets, not their spelling.

  friend auto operator<=>(const tlsa_record&, const tlsa_record&) = default;
};

/// What is demanded of one peer; a plain value. It belongs to the link, so it is part of the key
/// under which TLS sessions are resumed and connections are pooled (TLS-16). It fails closed: a
/// link whose peer is to be verified and has no name to verify it by is refused (TLS-13).
struct peer_demand {
  demand_level level = demand_level::names;
  /// With `demand_level::names`: the names, DNS names (A-labels) or numeric addresses, of which one
  /// must be the certificate's (RFC 9525). They come from whoever configured the destination, or
  /// from an answer of the DNS that DNSSEC or a policy vouches for, never from a banner, a
  /// certificate or any other answer (TLS-11). None: the host that the link is made to.
  std::vector<std::string> names{};
  /// With `demand_level::records`: the records of which one must be true of the peer. A record that
  /// names an authority (usage 2) also needs one of `names` in the peer's certificate. A
  /// layer passes over those that it cannot judge; if it can judge none, it refuses the link.
  std::vector<tlsa_record> records{};

  friend bool operator==(const peer_demand&, const peer_demand&) = default;
};

}  // namespace sansmtp

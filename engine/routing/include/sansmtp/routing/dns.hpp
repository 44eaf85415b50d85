// What is asked of the DNS, and what comes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/peer_demand.hpp"
#include "sansmtp/routing/address_rules.hpp"

namespace sansmtp::routing {

/// The kinds of record that are asked for, by their numbers in the DNS.
enum class record : std::uint16_t { a = 1, mx = 15, txt = 16, aaaa = 28, tlsa = 52 };

/// How a question came out.
enum class found : std::uint8_t {
  ok,       ///< There are records.
  no_data,  ///< The name is there, but has no record of the kind.
  no_name,  ///< There is no such name (NXDOMAIN).
  failed,   ///< Nobody knows: SERVFAIL, REFUSED, a timeout, an answer that cannot be read.
  bogus,    ///< An answer that its signatures disprove (RFC 4035 section 4.3).
};

/// Getter: the name as in a zone, e.g. "AAAA", and the enumerator's spelling; static strings.
[[nodiscard]] std::string_view to_string(record r) noexcept;
[[nodiscard]] std::string_view to_string(found f) noexcept;

/// An MX record. A null MX has the exchange "." or "" (RFC 7505).
struct mx_record {
  std::uint16_t preference = 0;
  std::string exchange;

  friend bool operator==(const mx_record&, const mx_record&) = default;
};

/// A question to be asked, once. Names are in A-labels, lower case and without a dot at the end.
struct question {
  std::uint32_t id = 0;
  record type = record::a;
  std::string name;
};

/// The answer to a question; what the kind of the question does not need is ignored. Names may be
/// in any case and have a dot at the end.
struct dns_answer {
  found what = found::failed;
  /// Did the resolver itself verify the whole chain, aliases included (RFC 4035 section 4.3)? A bit
  /// that came over an open network is no such proof (RFC 7672 section 2.2).
  bool secure = false;
  std::chrono::seconds ttl{0};
  std::string canonical;  ///< The last name of a chain of aliases; empty: there was none.
  std::vector<mx_record> exchanges;
  std::vector<ip_address> addresses;  ///< In the resolver's order.
  std::vector<tlsa_record> tlsas;
  std::vector<std::string> texts;  ///< Of each TXT record, its strings joined.
};

}  // namespace sansmtp::routing

// DANE for SMTP: which TLSA records can be used, and where they stand (RFC 7672).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/peer_demand.hpp"

namespace sansmtp::routing {

/// Getter: can a certificate be proven by this record (RTE-25, RFC 7672 section 3.1)? Usage 2 or 3,
/// selector 0 or 1, and a digest of the right size or, by matching type 0, the thing itself.
[[nodiscard]] bool is_usable(const tlsa_record& r) noexcept;

/// Getter: the name of the records for a port of a host, e.g. "_25._tcp.mx.test" (RFC 6698
/// section 3).
[[nodiscard]] std::string tlsa_name(std::uint16_t port, std::string_view base);

/// Getter: what the records demand of a host (RTE-25, RTE-26). Some are usable: `records`, those
/// alone, sorted, and as names the TLSA base domain, followed by `host` and `domain` if a record
/// names an authority and not the certificate itself. None is usable: `encrypted`.
[[nodiscard]] peer_demand demand_of(const std::vector<tlsa_record>& found, std::string_view base,
                                    std::string_view host, std::string_view domain);

}  // namespace sansmtp::routing

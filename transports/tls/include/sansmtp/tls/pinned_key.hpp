// A server's key that its owner has told somebody, in place of an authority.
#pragma once

#include <optional>
#include <string_view>

#include "sansmtp/peer_demand.hpp"

namespace sansmtp::tls {

/// Output: the record that says that a server has just the key of this pin, "sha256/" and the
/// base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC 7469 section 2.4; `tls_info::peer_key` is
/// written so): usage 3, selector 1, matching type 1 (RFC 7672 section 3.1). Nothing if it is no
/// such text. Several of them in a `peer_demand` of `demand_level::records` mean one of these keys.
[[nodiscard]] std::optional<tlsa_record> pinned_key(std::string_view pin);

}  // namespace sansmtp::tls

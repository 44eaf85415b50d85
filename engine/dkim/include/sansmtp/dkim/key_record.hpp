// The public key in DNS (RFC 6376 section 3.6).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/dkim/crypto.hpp"
#include "sansmtp/dkim/refusal.hpp"

namespace sansmtp::dkim {

/// Getter: can a signature name this domain and selector (RFC 6376 sections 3.1 and 3.5)? Gives
/// `bad_domain`, `bad_selector`, `name_too_long` or `none`. Names beyond ASCII come as A-labels.
[[nodiscard]] refusal check_names(std::string_view domain, std::string_view selector) noexcept;

/// Getter: is the key strong enough, and one that receivers know? Gives `short_key`, `long_key` or
/// `none`.
[[nodiscard]] refusal check_key(const private_key& key) noexcept;

/// Getter: the name of the record, without a dot at its end: `s1._domainkey.example.org`.
[[nodiscard]] std::string record_name(std::string_view domain, std::string_view selector);

/// Getter: the text of the record: `v=DKIM1; k=rsa; p=...`. `public_key` is what
/// `private_key::public_key` gives.
[[nodiscard]] std::string record_text(key_type type, std::string_view public_key);

/// Getter: the text as the strings of a TXT record, of at most 255 octets each (RFC 1035 section
/// 3.3.14); a reader puts them together without blanks (RFC 6376 section 3.6.2.2).
[[nodiscard]] std::vector<std::string> record_strings(std::string_view text);

/// Getter: the record as a line of a zone file (RFC 1035 section 5.1), without a line end.
[[nodiscard]] std::string zone_line(std::string_view domain, std::string_view selector,
                                    std::string_view text);

}  // namespace sansmtp::dkim

// xtext, the encoding of parameter values (RFC 3461 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sansmtp {

/// Getter: octets 33 to 126 except `+` and `=` as themselves, all others as `+` and two upper-case
/// hex digits (CMD-16).
[[nodiscard]] std::string xtext_encode(std::string_view octets);

/// Getter: the octets, or nothing if `text` holds lower-case hex, a stray `+` or an octet that must
/// be encoded (CMD-16).
[[nodiscard]] std::optional<std::string> xtext_decode(std::string_view text);

}  // namespace sansmtp

// Base64 as SASL needs it (RFC 4648 section 4): strict, since challenges are hostile input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sansmtp {

/// Getter: the encoding with padding, on one line.
[[nodiscard]] std::string base64_encode(std::string_view octets);

/// Getter: the octets, or nothing unless `text` is canonical: length a multiple of four, only
/// letters of the alphabet, padding only at the end, no bits lost in the last letter (AUTH-06).
/// Empty text is an empty value.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace sansmtp

// The hash functions that AUTH needs on the sink's side.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sansmtp::cli {

enum class digest { md5, sha256 };

/// Getter: are there hash functions in this build? Without them the others must not be called.
[[nodiscard]] bool has_digests() noexcept;

/// Getter: the hash of `text`, HMAC (RFC 2104), PBKDF2 with one block of HMAC-SHA-256 (RFC 8018
/// section 5.2); raw octets.
[[nodiscard]] std::string hash_of(digest with, std::string_view text);
[[nodiscard]] std::string hmac_of(digest with, std::string_view key, std::string_view text);
[[nodiscard]] std::string pbkdf2_of(std::string_view password, std::string_view salt,
                                    int iterations);

/// Output: so many random octets.
[[nodiscard]] std::string random_octets(std::size_t count);

}  // namespace sansmtp::cli

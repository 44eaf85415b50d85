// The arithmetic of CRAM-MD5 and SCRAM, which comes from outside: the engine has no crypto of its
// own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sansmtp/buffer.hpp"

namespace sansmtp {

/// The hash functions that SASL mechanisms are built on.
enum class hash_algorithm : std::uint8_t { md5, sha1, sha256 };

/// Octets of the longest digest.
inline constexpr std::size_t max_digest_size = 32;

/// Getter: octets of a digest of this function.
[[nodiscard]] constexpr std::size_t digest_size(hash_algorithm h) noexcept {
  return h == hash_algorithm::md5 ? 16 : h == hash_algorithm::sha1 ? 20 : 32;
}

/// Hash functions and randomness, as a library of the caller's offers them; `sansmtp::openssl`
/// and `sansmtp::wolfssl` have one. It must outlive every mechanism that was made with it. Never
/// called from two threads at once. Each function writes exactly `out.size()` octets and returns
/// true, or returns false if it cannot; then the mechanism gives up. Input is read only during the
/// call, and no copy of it may stay behind (SEC-03).
class hash_suite {
 public:
  hash_suite() = default;
  hash_suite(const hash_suite&) = delete;
  hash_suite& operator=(const hash_suite&) = delete;
  virtual ~hash_suite() = default;

  /// Output: the digest of `text`; `out` has `digest_size(h)` octets.
  [[nodiscard]] virtual bool hash(hash_algorithm h, bytes text, std::span<char> out) = 0;
  /// Output: HMAC (RFC 2104); `out` has `digest_size(h)` octets.
  [[nodiscard]] virtual bool hmac(hash_algorithm h, bytes key, bytes text, std::span<char> out) = 0;
  /// Output: PBKDF2 (RFC 8018 section 5.2) with HMAC. Takes as long as `iterations` asks for: about
  /// 3 ms for 4096, and a server may ask for as many as `scram_options::max_iterations`.
  [[nodiscard]] virtual bool pbkdf2(hash_algorithm h, bytes password, bytes salt,
                                    std::uint32_t iterations, std::span<char> out) = 0;
  /// Output: octets that nobody can foresee.
  [[nodiscard]] virtual bool random(std::span<char> out) = 0;
};

}  // namespace sansmtp

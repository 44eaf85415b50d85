// The arithmetic of signatures, which comes from outside: this room has no crypto of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sansmtp/buffer.hpp"
#include "sansmtp/dkim/refusal.hpp"

namespace sansmtp::dkim {

/// Octets of a SHA-256 digest.
inline constexpr std::size_t sha256_size = 32;

/// What a key is for: a=rsa-sha256 (RFC 6376 section 3.3.1) or a=ed25519-sha256 (RFC 8463).
enum class key_type : std::uint8_t { rsa, ed25519 };

/// The least and the most bits of an RSA key (RFC 8301 section 3.2).
inline constexpr unsigned least_rsa_bits = 2048;
inline constexpr unsigned most_rsa_bits = 4096;

/// SHA-256 of octets that come in pieces.
class sha256_stream {
  // All of it is inline, so that a class with run-time types may derive from it: this room has
  // none.
 public:
  sha256_stream() = default;
  sha256_stream(const sha256_stream&) = delete;
  sha256_stream& operator=(const sha256_stream&) = delete;
  virtual ~sha256_stream() = default;

  /// Input: the next octets, which are read during the call only. False if it cannot.
  [[nodiscard]] virtual bool add(bytes octets) = 0;
  /// Output: the digest. Nothing is added behind it.
  [[nodiscard]] virtual bool finish(std::span<char, sha256_size> digest) = 0;
};

/// A private key. It wipes itself when it is destroyed. Used by one thread at a time.
class private_key {
 public:
  private_key() = default;
  private_key(const private_key&) = delete;
  private_key& operator=(const private_key&) = delete;
  virtual ~private_key() = default;

  /// Getter.
  [[nodiscard]] virtual key_type type() const noexcept = 0;
  /// Getter: bits of an RSA key's modulus; 256 of an Ed25519 key.
  [[nodiscard]] virtual unsigned bits() const noexcept = 0;
  /// Output: a raw signature of a SHA-256 digest: RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2), whose
  /// hash this is; or PureEdDSA with the digest as its message (RFC 8463 section 3). Nothing if it
  /// fails.
  [[nodiscard]] virtual std::optional<std::string> sign(
      std::span<const char, sha256_size> digest) = 0;
  /// Output: the public key as a record of DNS holds it, raw: SubjectPublicKeyInfo in DER of RSA,
  /// the 32 octets of Ed25519 (RFC 8463 section 4). Nothing if it fails.
  [[nodiscard]] virtual std::optional<std::string> public_key() const = 0;
  /// Output: the private key as PEM (PKCS #8, or PKCS #1 of RSA) that `crypto::read_key` reads. The
  /// caller wipes it. Nothing if it fails.
  [[nodiscard]] virtual std::optional<std::string> to_pem() const = 0;
};

/// A key, or why there is none.
struct key_result {
  std::unique_ptr<private_key> key;
  refusal why = refusal::none;
};

/// Hash and keys, as a library of the caller's offers them; `sansmtp::openssl` and
/// `sansmtp::wolfssl` have one. Used by one thread at a time. What it makes may outlive it.
class crypto {
 public:
  crypto() = default;
  crypto(const crypto&) = delete;
  crypto& operator=(const crypto&) = delete;
  virtual ~crypto() = default;

  /// Output: a hash that has seen nothing; nullptr if there is none to be had.
  [[nodiscard]] virtual std::unique_ptr<sha256_stream> begin_sha256() = 0;
  /// Output: the key in a PEM file without passphrase. Refuses with `unreadable_key`, `unknown_key`
  /// and `key_unavailable`; what a signer refuses, such as a short key, it gives.
  [[nodiscard]] virtual key_result read_key(bytes pem) = 0;
  /// Output: a new key, of RSA with so many bits. Refuses with `key_unavailable` or
  /// `crypto_failed`.
  [[nodiscard]] virtual key_result make_key(key_type type, unsigned rsa_bits = least_rsa_bits) = 0;
};

}  // namespace sansmtp::dkim

// The arithmetic of CRAM-MD5 and SCRAM, by OpenSSL 3.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sansmtp/hash_suite.hpp"

namespace sansmtp::openssl {

/// MD5, SHA-1 and SHA-256 with HMAC and PBKDF2, and OpenSSL's random source. Holds the functions
/// that it has looked up: one object serves any number of sessions of one thread, and must outlive
/// their mechanisms.
class hash_suite final : public sansmtp::hash_suite {
 public:
  /// A function that the system's configuration forbids (MD5 under FIPS) returns false for ever.
  hash_suite();
  ~hash_suite() override;

  [[nodiscard]] bool hash(hash_algorithm h, bytes text, std::span<char> out) override;
  [[nodiscard]] bool hmac(hash_algorithm h, bytes key, bytes text, std::span<char> out) override;
  [[nodiscard]] bool pbkdf2(hash_algorithm h, bytes password, bytes salt, std::uint32_t iterations,
                            std::span<char> out) override;
  [[nodiscard]] bool random(std::span<char> out) override;

 private:
  struct functions;
  std::unique_ptr<functions> functions_;
};

}  // namespace sansmtp::openssl

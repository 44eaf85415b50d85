// The arithmetic of CRAM-MD5 and SCRAM, by wolfCrypt.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sansmtp/hash_suite.hpp"

namespace sansmtp::wolfssl {

/// MD5, SHA-1 and SHA-256 with HMAC and PBKDF2, and a random source that the system seeds. Holds
/// the state of the source, about half a kilobyte: one object serves any number of sessions of one
/// thread, and must outlive their mechanisms.
class hash_suite final : public sansmtp::hash_suite {
 public:
  /// If the system has no randomness to give, `random` returns false for ever.
  hash_suite();
  ~hash_suite() override;

  [[nodiscard]] bool hash(hash_algorithm h, bytes text, std::span<char> out) override;
  [[nodiscard]] bool hmac(hash_algorithm h, bytes key, bytes text, std::span<char> out) override;
  [[nodiscard]] bool pbkdf2(hash_algorithm h, bytes password, bytes salt, std::uint32_t iterations,
                            std::span<char> out) override;
  [[nodiscard]] bool random(std::span<char> out) override;

 private:
  struct generator;
  std::unique_ptr<generator> generator_;
};

}  // namespace sansmtp::wolfssl

// The arithmetic of DKIM signatures, by wolfCrypt.
#pragma once

#include <memory>

#include "sansmtp/dkim/crypto.hpp"

namespace sansmtp::wolfssl {

/// SHA-256 and keys of RSA and, where wolfSSL was built with it as Debian's is, Ed25519; else these
/// are refused as `key_unavailable`. Keys are read from PEM (PKCS #8 and PKCS #1) without a
/// passphrase. Each key holds a random source of its own, against guesses by time.
class dkim_crypto final : public dkim::crypto {
 public:
  [[nodiscard]] std::unique_ptr<dkim::sha256_stream> begin_sha256() override;
  [[nodiscard]] dkim::key_result read_key(bytes pem) override;
  [[nodiscard]] dkim::key_result make_key(dkim::key_type type,
                                          unsigned rsa_bits = dkim::least_rsa_bits) override;
};

}  // namespace sansmtp::wolfssl

// The arithmetic of DKIM signatures, by OpenSSL 3.
#pragma once

#include <memory>

#include "sansmtp/dkim/crypto.hpp"

namespace sansmtp::openssl {

/// SHA-256 and keys of RSA and Ed25519. Keys are read from PEM: PKCS #8, PKCS #1 and whatever else
/// OpenSSL knows, without a passphrase; it never asks for one.
class dkim_crypto final : public dkim::crypto {
 public:
  [[nodiscard]] std::unique_ptr<dkim::sha256_stream> begin_sha256() override;
  [[nodiscard]] dkim::key_result read_key(bytes pem) override;
  [[nodiscard]] dkim::key_result make_key(dkim::key_type type,
                                          unsigned rsa_bits = dkim::least_rsa_bits) override;
};

}  // namespace sansmtp::openssl

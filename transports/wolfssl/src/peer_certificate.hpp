// What one certificate says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sansmtp/buffer.hpp"
#include "sansmtp/wolfssl/server_identity.hpp"

struct DecodedCert;

namespace sansmtp::wolfssl {

/// A certificate of any kind of key, read from its DER octets, which must outlive this. Nothing of
/// it is verified. (Not by wolfSSL's X509 objects: there are none for some kinds of key.)
class peer_certificate {
 public:
  explicit peer_certificate(bytes der);
  ~peer_certificate();
  peer_certificate(peer_certificate&&) noexcept;
  peer_certificate& operator=(peer_certificate&&) noexcept;

  /// Getter: why it cannot be read, in wolfSSL's numbers; 0 if it can. The other getters then show
  /// nothing.
  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] bytes der() const noexcept { return der_; }

  /// Getter: its typed names: no common name, no e-mail address, no URI (RFC 9525 section 3).
  [[nodiscard]] certificate_names names() const;
  /// Getter: notBefore and notAfter in seconds since 1970, or 0.
  [[nodiscard]] std::int64_t begin() const noexcept;
  [[nodiscard]] std::int64_t expiry() const noexcept;
  /// Getter: its hash for tls-server-end-point (RFC 5929 section 4.1), or empty.
  [[nodiscard]] std::string hash() const;

  /// Getter: is the issuer's name its own?
  [[nodiscard]] bool is_self_issued() const noexcept;
  /// Getter: does it name `other` as its issuer?
  [[nodiscard]] bool is_issued_by(const peer_certificate& other) const noexcept;
  /// Getter: may it sign certificates (RFC 5280 sections 4.2.1.3 and 4.2.1.9)?
  [[nodiscard]] bool is_authority() const noexcept;
  /// Getter: how many authorities may stand between it and a server's; none: any number.
  [[nodiscard]] std::optional<int> path_length() const noexcept;
  /// Getter: may it identify a server that signs its handshake?
  [[nodiscard]] bool is_for_servers() const noexcept;
  /// Getter: is its signature made over a hash that can be forged (RFC 9155)?
  [[nodiscard]] bool has_weak_signature() const noexcept;
  /// Getter: does it have an RSA key of fewer than 2048 bits, or is it signed by one?
  [[nodiscard]] bool has_weak_key() const noexcept;
  /// Getter: is its signature of a kind that can be verified?
  [[nodiscard]] bool has_supported_signature() const noexcept;
  /// Getter: is its key of a kind that handshakes can be verified with?
  [[nodiscard]] bool has_supported_key() const noexcept;

 private:
  struct release {
    void operator()(DecodedCert* p) const noexcept;
  };

  bytes der_;
  std::unique_ptr<DecodedCert, release> parsed_;
  int error_ = 0;
};

}  // namespace sansmtp::wolfssl

// Reads a certificate by OpenSSL.
#pragma once

#include <openssl/x509.h>

#include <string>

#include "certificate_facts.hpp"

namespace sansmtp::openssl {

/// Output: what the certificate says.
[[nodiscard]] tls::certificate_facts read_certificate(X509* certificate);

/// Output: its hash for tls-server-end-point (RFC 5929 section 4.1), or empty.
[[nodiscard]] std::string end_point_hash(const X509* certificate);

}  // namespace sansmtp::openssl

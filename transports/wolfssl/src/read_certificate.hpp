// Reads a certificate by wolfSSL.
#pragma once

#include <string>

#include "certificate_facts.hpp"
#include "sansmtp/buffer.hpp"

namespace sansmtp::wolfssl {

/// Output: what the certificate says, of any kind of key, from its DER octets. (Not by wolfSSL's
/// X509 objects: there are none for some kinds of key.)
[[nodiscard]] tls::certificate_facts read_certificate(bytes der);

/// Output: its hash for tls-server-end-point (RFC 5929 section 4.1), or empty.
[[nodiscard]] std::string end_point_hash(bytes der);

}  // namespace sansmtp::wolfssl

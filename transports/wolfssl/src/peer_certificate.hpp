// What the server's certificate says.
#pragma once

#include <cstdint>
#include <string>

#include "handles.hpp"
#include "sansmtp/wolfssl/server_identity.hpp"

namespace sansmtp::wolfssl {

/// Getter: its typed names: no common name, no e-mail address, no URI (RFC 9525 section 3).
[[nodiscard]] certificate_names names_of(WOLFSSL_X509* certificate);

/// Getter: notAfter in seconds since 1970, or 0.
[[nodiscard]] std::int64_t expiry_of(WOLFSSL_X509* certificate);

/// Getter: its hash for tls-server-end-point (RFC 5929 section 4.1), or empty.
[[nodiscard]] std::string hash_of(WOLFSSL_X509* certificate);

/// Getter: did it sign itself?
[[nodiscard]] bool is_self_signed(WOLFSSL_X509* certificate);

}  // namespace sansmtp::wolfssl

// Does a trusted authority vouch for the server?
#pragma once

#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "peer_certificate.hpp"

struct WOLFSSL_CERT_MANAGER;

namespace sansmtp::wolfssl {

/// Getter: why nobody in `authorities` vouches for the first certificate of `chain`, or none. The
/// others are what the server sent along, in any order, more than one edition of an authority
/// included: it is enough if some of them make a path, and only those count (RFC 5280 section 6;
/// TLS-15). A `tls_errc`; the reason of a certificate on the way is told before "untrusted".
[[nodiscard]] std::error_code judge_chain(WOLFSSL_CERT_MANAGER* authorities,
                                          std::span<const peer_certificate> chain);

}  // namespace sansmtp::wolfssl

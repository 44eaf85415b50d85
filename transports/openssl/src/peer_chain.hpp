// Does a trusted authority vouch for the server?
#pragma once

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <span>
#include <system_error>

#include "certificate_facts.hpp"

namespace sansmtp::openssl {

/// Getter: why nobody in `authorities` vouches for the first certificate of `shown`, whose `chain`
/// says what is in each, or nothing if somebody does. The others are what the server sent along, in
/// any order, more than one edition of an authority included: it is enough if some of them make a
/// path, and only those count (RFC 5280 section 6; TLS-15). A `tls_errc`.
[[nodiscard]] std::error_code distrust_of(X509_STORE* authorities, const STACK_OF(X509) * shown,
                                          std::span<const tls::certificate_facts> chain);

}  // namespace sansmtp::openssl

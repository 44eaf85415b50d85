// Does a trusted authority vouch for the server?
#pragma once

#include <span>

#include "certificate_facts.hpp"
#include "sansmtp/buffer.hpp"

struct WOLFSSL_CERT_MANAGER;

namespace sansmtp::wolfssl {

/// Getter: does somebody in `authorities` vouch for the first certificate of `shown`, whose `chain`
/// says what is in each? The others are what the server sent along, in any order, more than one
/// edition of an authority included: it is enough if some of them make a path, and only those count
/// (RFC 5280 section 6; TLS-15). What is wrong with the server's own certificate is not asked.
[[nodiscard]] bool is_vouched_for(WOLFSSL_CERT_MANAGER* authorities, std::span<const bytes> shown,
                                  std::span<const tls::certificate_facts> chain);

}  // namespace sansmtp::wolfssl

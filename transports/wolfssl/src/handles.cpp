#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/ssl.h>

#include "handles.hpp"

namespace sansmtp::wolfssl {

void release::operator()(WOLFSSL_CTX* p) const noexcept { wolfSSL_CTX_free(p); }
void release::operator()(WOLFSSL* p) const noexcept { wolfSSL_free(p); }

}  // namespace sansmtp::wolfssl

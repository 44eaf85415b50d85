// Owners of wolfSSL's objects. wolfSSL's own headers stay out of this one.
#pragma once

#include <memory>

struct WOLFSSL;
struct WOLFSSL_CTX;

namespace sansmtp::wolfssl {

struct release {
  void operator()(WOLFSSL_CTX* p) const noexcept;
  void operator()(WOLFSSL* p) const noexcept;
};

using context_handle = std::unique_ptr<WOLFSSL_CTX, release>;
using link_handle = std::unique_ptr<WOLFSSL, release>;

}  // namespace sansmtp::wolfssl

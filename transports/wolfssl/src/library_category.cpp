#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/ssl.h>

#include <array>
#include <string>

#include "sansmtp/wolfssl/tls_context.hpp"

namespace sansmtp::wolfssl {

namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sansmtp.tls.wolfssl"; }

  std::string message(int value) const override {
    std::array<char, WOLFSSL_MAX_ERROR_SZ> text{};
    wolfSSL_ERR_error_string_n(static_cast<unsigned long>(value), text.data(), text.size());
    return "TLS failed: " + std::string(text.data()) + ".";
  }
};

}  // namespace

const std::error_category& library_category() noexcept {
  static const category instance;
  return instance;
}

}  // namespace sansmtp::wolfssl

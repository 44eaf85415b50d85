#include <openssl/err.h>

#include <string>

#include "sansmtp/openssl/tls_context.hpp"

namespace sansmtp::openssl {

namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sansmtp.tls.openssl"; }

  std::string message(int value) const override {
    const auto code = static_cast<unsigned int>(value);
    const char* const reason = ERR_reason_error_string(code);
    return "TLS failed: " +
           (reason == nullptr ? "error " + std::to_string(code) : std::string(reason)) + ".";
  }
};

}  // namespace

const std::error_category& library_category() noexcept {
  static const category instance;
  return instance;
}

}  // namespace sansmtp::openssl

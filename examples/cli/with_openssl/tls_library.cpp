#include "tls_library.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <utility>

#include "sansmtp/openssl/dkim_crypto.hpp"
#include "sansmtp/openssl/hash_suite.hpp"
#include "sansmtp/openssl/tls_context.hpp"

namespace sansmtp::cli {

std::string tls_library_line() {
  return fmt::format(
      "TLS by OpenSSL {} (Apache License 2.0); sansmtp itself is under the MIT licence",
      OpenSSL_version(OPENSSL_VERSION_STRING));
}

std::optional<tls_context> make_tls_context(tls_options options) {
  return openssl::tls_context(std::move(options));
}

std::unique_ptr<hash_suite> make_hash_suite() { return std::make_unique<openssl::hash_suite>(); }

std::unique_ptr<dkim::crypto> make_dkim_crypto() {
  return std::make_unique<openssl::dkim_crypto>();
}

bool is_library_error(const std::error_code& error) noexcept {
  return error.category() == openssl::library_category();
}

}  // namespace sansmtp::cli

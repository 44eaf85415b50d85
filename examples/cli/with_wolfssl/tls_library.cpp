#include "tls_library.hpp"

#include <fmt/format.h>
#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/ssl.h>

#include <utility>

#include "sansmtp/wolfssl/dkim_crypto.hpp"
#include "sansmtp/wolfssl/hash_suite.hpp"
#include "sansmtp/wolfssl/tls_context.hpp"

namespace sansmtp::cli {

std::string tls_library_line() {
  return fmt::format("TLS by wolfSSL {} (GPL); this program is therefore under the GPL, too",
                     wolfSSL_lib_version());
}

std::optional<tls_context> make_tls_context(tls_options options) {
  return wolfssl::tls_context(std::move(options));
}

std::unique_ptr<hash_suite> make_hash_suite() { return std::make_unique<wolfssl::hash_suite>(); }

std::unique_ptr<dkim::crypto> make_dkim_crypto() {
  return std::make_unique<wolfssl::dkim_crypto>();
}

bool is_library_error(const std::error_code& error) noexcept {
  return error.category() == wolfssl::library_category();
}

}  // namespace sansmtp::cli

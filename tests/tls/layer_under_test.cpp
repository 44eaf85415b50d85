#include "layer_under_test.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

#ifdef SANSMTP_TEST_WOLFSSL
#include "sansmtp/wolfssl/dkim_crypto.hpp"
#include "sansmtp/wolfssl/hash_suite.hpp"
#include "sansmtp/wolfssl/tls_context.hpp"
#endif
#ifdef SANSMTP_TEST_OPENSSL
#include "sansmtp/openssl/dkim_crypto.hpp"
#include "sansmtp/openssl/hash_suite.hpp"
#include "sansmtp/openssl/tls_context.hpp"
#endif

namespace sansmtp::test {

namespace {

template <typename Context>
sansmtp::tls_context context_of(tls_options options) {
  return Context(std::move(options));
}
template <typename Suite>
std::unique_ptr<hash_suite> suite_of() {
  return std::make_unique<Suite>();
}
template <typename Crypto>
std::unique_ptr<dkim::crypto> crypto_of() {
  return std::make_unique<Crypto>();
}

const tls_library all[] = {
#ifdef SANSMTP_TEST_WOLFSSL
    {"wolfssl", context_of<wolfssl::tls_context>, suite_of<wolfssl::hash_suite>,
     crypto_of<wolfssl::dkim_crypto>,
     []() -> const std::error_category& { return wolfssl::library_category(); }, -188, false, true,
     false, false},
#endif
#ifdef SANSMTP_TEST_OPENSSL
    {"openssl", context_of<openssl::tls_context>, suite_of<openssl::hash_suite>,
     crypto_of<openssl::dkim_crypto>,
     []() -> const std::error_category& { return openssl::library_category(); }, 0x0a000086, true,
     false, true, true},
#endif
};

const tls_library& chosen() {
  const char* const name = std::getenv("SANSMTP_TLS_LIBRARY");
  for (const tls_library& l : all) {
    if (name == nullptr || l.name == name) return l;
  }
  throw std::runtime_error("there is no layer by " + std::string(name));
}

}  // namespace

std::span<const tls_library> libraries() { return all; }

const tls_library& under_test() {
  static const tls_library& library = chosen();
  return library;
}

}  // namespace sansmtp::test

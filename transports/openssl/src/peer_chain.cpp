#include "peer_chain.hpp"

#include <openssl/x509v3.h>

#include "owned.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp::openssl {

namespace {

/// More certificates than any chain has; each of them costs a signature to be verified.
constexpr int longest_path = 10;
/// 112 bits, as RSA with 2048 has.
constexpr int security_level = 2;

void free_stack(STACK_OF(X509) * stack) noexcept { sk_X509_free(stack); }

/// What OpenSSL has against a path, in our words.
tls_errc error_of(int verdict, bool server) noexcept {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return server ? tls_errc::expired_certificate : tls_errc::expired_authority;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return server ? tls_errc::not_yet_valid_certificate : tls_errc::not_yet_valid_authority;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL: return tls_errc::weak_key;
    case X509_V_ERR_CA_MD_TOO_WEAK: return tls_errc::weak_signature;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA: return tls_errc::wrong_key_usage;
    default: return tls_errc::untrusted_certificate;
  }
}

}  // namespace

std::error_code distrust_of(X509_STORE* authorities, const STACK_OF(X509) * shown,
                            std::span<const tls::certificate_facts> chain) {
  if (chain.empty() || authorities == nullptr) return tls_errc::untrusted_certificate;
  X509* const server = sk_X509_value(shown, 0);
  const owned<STACK_OF(X509), free_stack> usable(sk_X509_new_null());
  const owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (usable == nullptr || context == nullptr) return tls_errc::unavailable;
  for (std::size_t i = 1; i != chain.size(); ++i) {
    // What signed itself is among the trusted ones, or is of no use. (OpenSSL would find most of
    // the other problems by itself, but these rules are the same for every library.)
    if (is_self_issued(chain[i]) || problem_of_authority(chain[i])) continue;
    if (sk_X509_push(usable.get(), sk_X509_value(shown, static_cast<int>(i))) == 0) {
      return tls_errc::unavailable;
    }
  }
  // OpenSSL takes the first issuer that it finds and never turns back: what leads nowhere is taken
  // away, and then it looks for another way.
  std::error_code reason;
  for (;;) {
    X509_STORE_CTX* const c = context.get();
    if (X509_STORE_CTX_init(c, authorities, server, usable.get()) != 1) {
      return tls_errc::unavailable;
    }
    X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(c);
    X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_trust(rules, X509_TRUST_SSL_SERVER);
    X509_VERIFY_PARAM_set_auth_level(rules, security_level);
    X509_VERIFY_PARAM_set_depth(rules, longest_path);
    // Each certificate that is trusted ends a path, also one that signed another.
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    if (X509_verify_cert(c) == 1) return {};

    const int depth = X509_STORE_CTX_get_error_depth(c);
    if (!reason) reason = error_of(X509_STORE_CTX_get_error(c), depth == 0);
    const int untrusted = X509_STORE_CTX_get_num_untrusted(c);
    const int dead_end = depth < untrusted ? depth : untrusted - 1;
    if (dead_end <= 0) return reason;
    const X509* const culprit = sk_X509_value(X509_STORE_CTX_get0_chain(c), dead_end);
    int at = sk_X509_num(usable.get()) - 1;
    while (at >= 0 && sk_X509_value(usable.get(), at) != culprit) --at;
    X509_STORE_CTX_cleanup(c);
    if (at < 0) return reason;
    sk_X509_delete(usable.get(), at);
  }
}

}  // namespace sansmtp::openssl

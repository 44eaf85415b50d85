#include "layer.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <utility>
#include <vector>

#include "peer_chain.hpp"
#include "read_certificate.hpp"
#include "sansmtp/openssl/tls_context.hpp"

namespace sansmtp::openssl {

namespace {

/// What OpenSSL is to take for the reason, so that its alert says what is meant (RFC 8446 section
/// 6.2).
int verdict_for_alert(std::error_code verdict) noexcept {
  if (verdict == tls_errc::untrusted_certificate || verdict == tls_errc::self_signed) {
    return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
  }
  if (verdict == tls_errc::expired_certificate || verdict == tls_errc::expired_authority) {
    return X509_V_ERR_CERT_HAS_EXPIRED;
  }
  if (verdict == tls_errc::wrong_key_usage || verdict == tls_errc::unsupported_key) {
    return X509_V_ERR_INVALID_PURPOSE;
  }
  return X509_V_ERR_CERT_REJECTED;
}

/// The word that there is for a failure of OpenSSL's.
std::error_code error_of(unsigned long code) noexcept {
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    const int reason = ERR_GET_REASON(code);
    // OpenSSL counts the alerts of the peer as we do.
    static_assert(SSL_AD_REASON_OFFSET == static_cast<int>(tls_errc::alert_base));
    if (reason >= SSL_AD_REASON_OFFSET) return {reason, tls_category()};
    switch (reason) {
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_WRONG_SSL_VERSION:
      case SSL_R_WRONG_CIPHER_RETURNED:
      case SSL_R_UNKNOWN_CIPHER_RETURNED:
      case SSL_R_NO_CIPHERS_AVAILABLE:
      case SSL_R_NO_PROTOCOLS_AVAILABLE: return tls_errc::no_common_ground;
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return tls_errc::no_certificate;
      case SSL_R_BAD_ECC_CERT: return tls_errc::wrong_key_usage;
      default: break;
    }
  }
  return {static_cast<int>(static_cast<unsigned int>(code)), library_category()};
}

std::string der_of(X509* certificate) {
  unsigned char* octets = nullptr;
  const int size = i2d_X509(certificate, &octets);
  std::string der;
  if (size > 0) der.assign(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size));
  OPENSSL_free(octets);
  return der;
}

}  // namespace

int judge_peer(X509_STORE_CTX* store, void*) noexcept {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  return static_cast<layer*>(SSL_get_app_data(ssl))->judge_chain_of(store) ? 1 : 0;
}

layer::layer(std::shared_ptr<layer_context> context, link_handle link, tls::link_terms terms)
    : record_layer(context, std::move(terms)),
      context_(std::move(context)),
      link_(std::move(link)) {
  SSL* const ssl = link_.get();
  SSL_set_app_data(ssl, this);
  SSL_set_verify(ssl, verifies() ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (void* const session = offer()) SSL_set_session(ssl, static_cast<SSL_SESSION*>(session));
}

layer::~layer() {
  SSL* const ssl = link_.get();
  if (established() && options().resumable_sessions != 0) {
    // Not before now: with TLS 1.3 the tickets come behind the handshake.
    std::shared_ptr<void> session(SSL_get1_session(ssl),
                                  [](void* p) { SSL_SESSION_free(static_cast<SSL_SESSION*>(p)); });
    if (session != nullptr &&
        SSL_SESSION_is_resumable(static_cast<SSL_SESSION*>(session.get())) == 1) {
      keep(std::move(session));
    }
  }
  // Else a link that was cut would take its session along.
  SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

// -- the handshake --------------------------------------------------------------------------------

bool layer::judge_chain_of(X509_STORE_CTX* store) noexcept {
  const STACK_OF(X509)* const shown = X509_STORE_CTX_get0_untrusted(store);
  std::vector<tls::certificate_facts> chain;
  for (int i = 0; i < sk_X509_num(shown); ++i) {
    chain.push_back(read_certificate(sk_X509_value(shown, i)));
    if (!verifies()) break;
  }
  const std::string der = chain.empty() ? std::string() : der_of(sk_X509_value(shown, 0));
  if (!chain.empty()) {
    look_at(as_bytes(der), chain.front(), end_point_hash(sk_X509_value(shown, 0)));
  }
  // Who demands no proof does not ask whether the chain is good either (TLS-10).
  bool go_on = true;
  if (goes_by_records()) {
    go_on = judge_by_records(as_bytes(der));
  } else if (verifies()) {
    go_on = judge(chain, distrust_of(context_->trust.get(), shown, chain));
  }
  ERR_clear_error();  // what was wrong with certificates is said by the verdict
  X509_STORE_CTX_set_error(store, go_on ? X509_V_OK : verdict_for_alert(info().verdict));
  return go_on;
}

tls_layer::progress layer::handshake() {
  if (error()) return progress::failed;
  SSL* const ssl = link_.get();
  ERR_clear_error();
  const int result = SSL_connect(ssl);
  if (result == 1) {
    return finish({SSL_session_reused(ssl) == 1, SSL_get_extms_support(ssl) == 1,
                   SSL_get_version(ssl), SSL_get_cipher_name(ssl)});
  }
  if (SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ) return progress::wants_octets;
  fail_now();
  return progress::failed;
}

std::string layer::digest(tls::record_hash with, bytes octets) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  const EVP_MD* const function = with == tls::record_hash::sha512 ? EVP_sha512() : EVP_sha256();
  const bool good =
      EVP_Digest(octets.data(), octets.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                 function, nullptr) == 1;
  out.resize(good ? size : 0);
  return out;
}

std::string layer::binding_octets(std::string_view type) {
  SSL* const ssl = link_.get();
  std::array<char, 32> octets{};
  if (type == "tls-exporter") {
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    // Without a context, which TLS 1.3 does not tell from an empty one.
    const bool good =
        SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(octets.data()),
                                   octets.size(), label.data(), label.size(), nullptr, 0, 0) == 1;
    return good ? std::string(octets.data(), octets.size()) : std::string();
  }
  // The first Finished of the handshake: ours, or the server's if the session was resumed
  // (RFC 5929 section 3.1).
  constexpr std::size_t length = 12;
  const std::size_t size = SSL_session_reused(ssl) == 1
                               ? SSL_get_peer_finished(ssl, octets.data(), length)
                               : SSL_get_finished(ssl, octets.data(), length);
  return size == length ? std::string(octets.data(), size) : std::string();
}

/// Nothing goes on after this.
void layer::fail_now() {
  const unsigned long code = ERR_peek_last_error();
  fail(error_of(code != 0 ? code : ERR_PACK(ERR_LIB_SSL, 0, ERR_R_INTERNAL_ERROR)));
}

// -- records --------------------------------------------------------------------------------------

tls_layer::reading layer::read(std::span<char> into, std::size_t& size) {
  size = 0;
  if (error()) return reading::failed;
  if (truncated_) return reading::truncated;
  SSL* const ssl = link_.get();
  ERR_clear_error();
  const int result = SSL_read_ex(ssl, into.data(), into.size(), &size);
  if (result == 1) return reading::octets;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ: return reading::wants_octets;
    case SSL_ERROR_ZERO_RETURN: return reading::ended;
    default: break;
  }
  if (at_end() && ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    truncated_ = true;
    return reading::truncated;
  }
  fail_now();
  return reading::failed;
}

bool layer::write(bytes plaintext) {
  if (error() || truncated_) return false;
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(link_.get(), plaintext.data(), plaintext.size(), &written);
  if (result == 1 && written == plaintext.size()) return true;
  fail_now();
  return false;
}

void layer::say_close() { SSL_shutdown(link_.get()); }  // what the peer answers does not matter

}  // namespace sansmtp::openssl

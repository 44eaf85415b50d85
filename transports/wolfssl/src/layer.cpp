#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "layer.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "peer_chain.hpp"
#include "read_certificate.hpp"
#include "sansmtp/wolfssl/tls_context.hpp"

namespace sansmtp::wolfssl {

namespace {

/// wolfSSL keeps tables of curve points for each thread, up to 12 MB, and frees them for none.
struct thread_end {
  ~thread_end() {
    wc_ecc_fp_free();
    wolfSSL_ERR_clear_error();
  }
};

int receive_from(WOLFSSL*, char* into, int size, void* from) {
  auto& l = *static_cast<layer*>(from);
  const std::size_t part = l.give(into, static_cast<std::size_t>(size));
  if (part != 0) return static_cast<int>(part);
  return l.at_end() ? WOLFSSL_CBIO_ERR_CONN_CLOSE : WOLFSSL_CBIO_ERR_WANT_READ;
}
int send_to(WOLFSSL*, char* octets, int size, void* to) {
  static_cast<layer*>(to)->take({octets, static_cast<std::size_t>(size)});
  return size;
}
int judge_peer(int, WOLFSSL_X509_STORE_CTX* store) {
  return static_cast<layer*>(store->userCtx)->judge_chain_of(*store) ? 1 : 0;
}

bytes octets_of(const unsigned char* from, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(from), size};
}

/// The server's own certificate, or nothing if it has shown none.
bytes shown_certificate(WOLFSSL* ssl) noexcept {
  WOLFSSL_X509_CHAIN* const chain = wolfSSL_get_peer_chain(ssl);
  if (chain == nullptr || wolfSSL_get_chain_count(chain) < 1) return {};
  const int size = wolfSSL_get_chain_length(chain, 0);
  return octets_of(wolfSSL_get_chain_cert(chain, 0), static_cast<std::size_t>(std::max(size, 0)));
}

}  // namespace

layer::layer(std::shared_ptr<layer_context> context, link_handle link, tls::link_terms terms)
    : record_layer(context, std::move(terms)),
      context_(std::move(context)),
      link_(std::move(link)) {
  WOLFSSL* const ssl = link_.get();
  wolfSSL_SSLSetIORecv(ssl, receive_from);
  wolfSSL_SSLSetIOSend(ssl, send_to);
  wolfSSL_SetIOReadCtx(ssl, this);
  wolfSSL_SetIOWriteCtx(ssl, this);
  // Who demands no proof does not ask whether the chain is good either (TLS-10).
  wolfSSL_set_verify(ssl, verifies() ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE,
                     verifies() ? judge_peer : nullptr);
  wolfSSL_SetCertCbCtx(ssl, this);
  if (verifies()) {
    // wolfSSL keeps what it takes for an authority. It does so for this link only, and what it
    // thinks of the chain does not count: see judge_chain_of().
    wolfSSL_set0_verify_cert_store(ssl, wolfSSL_X509_STORE_new());
  }
  if (void* const session = offer()) {
    wolfSSL_set_session(ssl, static_cast<WOLFSSL_SESSION*>(session));
  }
}

layer::~layer() {
  if (!established() || options().resumable_sessions == 0) return;
  // Not before now: with TLS 1.3 the tickets come behind the handshake.
  std::shared_ptr<void> session(wolfSSL_get1_session(link_.get()), [](void* p) {
    wolfSSL_SESSION_free(static_cast<WOLFSSL_SESSION*>(p));
  });
  if (session != nullptr &&
      wolfSSL_SESSION_is_resumable(static_cast<WOLFSSL_SESSION*>(session.get())) == 1) {
    keep(std::move(session));
  }
}

// -- the handshake --------------------------------------------------------------------------------

/// The server's own certificate is asked about last, and the answer to that is the one that counts.
bool layer::judge_chain_of(const WOLFSSL_X509_STORE_CTX& store) noexcept {
  if (store.error_depth != 0) return true;
  std::vector<bytes> shown;
  std::vector<tls::certificate_facts> chain;
  for (int i = 0; i < store.totalCerts; ++i) {
    shown.push_back(octets_of(store.certs[i].buffer, store.certs[i].length));
    chain.push_back(read_certificate(shown.back()));
  }
  if (!chain.empty()) look_at(shown.front(), chain.front(), end_point_hash(shown.front()));
  if (goes_by_records()) return judge_by_records(shown.empty() ? bytes() : shown.front());
  WOLFSSL_CERT_MANAGER* const trust = wolfSSL_CTX_GetCertManager(context_->trust.get());
  const bool trusted = is_vouched_for(trust, shown, chain);
  return judge(chain, trusted ? std::error_code() : tls_errc::untrusted_certificate);
}

void layer::feed(bytes ciphertext) {
  if (!established()) hello_.feed(ciphertext);
  record_layer::feed(ciphertext);
}

tls_layer::progress layer::handshake() {
  static thread_local const thread_end at_end;
  static_cast<void>(at_end);
  if (error()) return progress::failed;
  WOLFSSL* const ssl = link_.get();
  wolfSSL_ERR_clear_error();
  const int result = wolfSSL_connect(ssl);
  if (result == WOLFSSL_SUCCESS) {
    return finish({wolfSSL_session_reused(ssl) == 1, hello_.extended_master_secret(),
                   wolfSSL_get_version(ssl), wolfSSL_get_cipher_name(ssl)});
  }
  const int code = wolfSSL_get_error(ssl, result);
  if (code == WOLFSSL_ERROR_WANT_READ) return progress::wants_octets;
  fail_with(code);
  return progress::failed;
}

void layer::look_at_peer() {
  const bytes certificate = shown_certificate(link_.get());
  if (certificate.empty()) return;
  look_at(certificate, read_certificate(certificate), end_point_hash(certificate));
}

std::string layer::digest(tls::record_hash with, bytes octets) {
  const bool longer = with == tls::record_hash::sha512;
  constexpr std::size_t sha512_octets = WC_SHA512_DIGEST_SIZE;
  constexpr std::size_t sha256_octets = WC_SHA256_DIGEST_SIZE;
  std::string out(longer ? sha512_octets : sha256_octets, '\0');
  const int result =
      wc_Hash(longer ? WC_HASH_TYPE_SHA512 : WC_HASH_TYPE_SHA256,
              reinterpret_cast<const byte*>(octets.data()), static_cast<word32>(octets.size()),
              reinterpret_cast<byte*>(out.data()), static_cast<word32>(out.size()));
  return result == 0 ? out : std::string();
}

std::string layer::binding_octets(std::string_view type) {
  WOLFSSL* const ssl = link_.get();
  std::array<char, 32> octets{};
  auto* const to = reinterpret_cast<unsigned char*>(octets.data());
  if (type == "tls-exporter") {
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    const bool good =
        wolfSSL_export_keying_material(ssl, to, octets.size(), label.data(), label.size(), nullptr,
                                       0, 0) == WOLFSSL_SUCCESS;
    return good ? std::string(octets.data(), octets.size()) : std::string();
  }
  // The first Finished of the handshake: ours, or the server's if the session was resumed
  // (RFC 5929 section 3.1).
  constexpr std::size_t length = 12;
  const std::size_t size = wolfSSL_session_reused(ssl) == 1
                               ? wolfSSL_get_peer_finished(ssl, to, length)
                               : wolfSSL_get_finished(ssl, to, length);
  return size == length ? std::string(octets.data(), size) : std::string();
}

/// Nothing goes on after this: wolfSSL would still write, but nobody may rely on it.
void layer::fail_with(int code) {
  if (!established()) {
    const bytes certificate = shown_certificate(link_.get());
    if (!certificate.empty() && !read_certificate(certificate).has_supported_key) {
      return fail(tls_errc::unsupported_key);
    }
  }
  WOLFSSL_ALERT_HISTORY alerts{};
  if (code == FATAL_ERROR && wolfSSL_get_alert_history(link_.get(), &alerts) == WOLFSSL_SUCCESS &&
      alerts.last_rx.code >= 0) {
    return fail({static_cast<int>(tls_errc::alert_base) + alerts.last_rx.code, tls_category()});
  }
  switch (code) {
    case MATCH_SUITE_ERROR:
    case UNSUPPORTED_SUITE: return fail(tls_errc::no_common_ground);
    case NO_PEER_CERT: return fail(tls_errc::no_certificate);
    case KEYUSE_SIGNATURE_E: return fail(tls_errc::wrong_key_usage);
    default: return fail({code < 0 ? code : FATAL_ERROR, library_category()});
  }
}

// -- records --------------------------------------------------------------------------------------

tls_layer::reading layer::read(std::span<char> into, std::size_t& size) {
  size = 0;
  if (error()) return reading::failed;
  wolfSSL_ERR_clear_error();
  const int result = wolfSSL_read(link_.get(), into.data(), static_cast<int>(into.size()));
  if (result > 0) {
    size = static_cast<std::size_t>(result);
    return reading::octets;
  }
  switch (const int code = wolfSSL_get_error(link_.get(), result)) {
    case WOLFSSL_ERROR_WANT_READ: return reading::wants_octets;
    case WOLFSSL_ERROR_ZERO_RETURN: return reading::ended;
    case SOCKET_PEER_CLOSED_E: return reading::truncated;
    default:
      if (at_end()) return reading::truncated;
      fail_with(code);
      return reading::failed;
  }
}

bool layer::write(bytes plaintext) {
  if (error()) return false;
  wolfSSL_ERR_clear_error();
  const int size = static_cast<int>(plaintext.size());
  const int result = wolfSSL_write(link_.get(), plaintext.data(), size);
  if (result == size) return true;
  fail_with(wolfSSL_get_error(link_.get(), result));
  return false;
}

void layer::say_close() { wolfSSL_shutdown(link_.get()); }  // what the peer answers does not matter

}  // namespace sansmtp::wolfssl

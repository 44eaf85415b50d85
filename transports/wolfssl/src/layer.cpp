#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <arpa/inet.h>

#include "layer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "peer_chain.hpp"
#include "sansmtp/channel_binding.hpp"
#include "sansmtp/wolfssl/server_identity.hpp"
#include "sansmtp/wolfssl/tls_errc.hpp"

namespace sansmtp::wolfssl {

namespace {

/// wolfSSL keeps tables of curve points for each thread, up to 12 MB, and frees them for none.
struct thread_end {
  ~thread_end() {
    wc_ecc_fp_free();
    wolfSSL_ERR_clear_error();
  }
};

int receive_from(WOLFSSL*, char* into, int size, void* to) {
  return static_cast<layer*>(to)->give(into, size);
}
int send_to(WOLFSSL*, char* octets, int size, void* to) {
  return static_cast<layer*>(to)->take(octets, size);
}
int judge_peer(int, WOLFSSL_X509_STORE_CTX* store) {
  return static_cast<layer*>(store->userCtx)->judge(*store);
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

std::string printable(const std::string& address) {
  std::array<char, 64> text{};
  const bool v4 = address.size() == 4;
  if (!v4 && address.size() != 16) return {};
  return ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data(), text.data(), text.size()) == nullptr
             ? std::string()
             : std::string(text.data());
}

}  // namespace

layer::layer(std::shared_ptr<layer_context> context, link_handle link, peer_demand demand,
             std::string key)
    : context_(std::move(context)),
      link_(std::move(link)),
      demand_(std::move(demand)),
      key_(std::move(key)) {
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
    // thinks of the chain does not count: see judge().
    wolfSSL_set0_verify_cert_store(ssl, wolfSSL_X509_STORE_new());
  }
  resumed_ = context_->sessions.take(key_);
  if (resumed_) wolfSSL_set_session(ssl, resumed_->session.get());
}

layer::~layer() {
  if (!established_ || error_ || info_.verdict || context_->options.resumable_sessions == 0) return;
  // Not before now: with TLS 1.3 the tickets come behind the handshake.
  session_handle session(wolfSSL_get1_session(link_.get()));
  if (session == nullptr || wolfSSL_SESSION_is_resumable(session.get()) != 1) return;
  info_.resumed = false;
  context_->sessions.put(key_, {std::move(session), std::move(info_), certificate_hash_});
}

// -- what wolfSSL calls ---------------------------------------------------------------------------

int layer::give(char* into, int size) noexcept {
  if (in_.empty()) return end_ ? WOLFSSL_CBIO_ERR_CONN_CLOSE : WOLFSSL_CBIO_ERR_WANT_READ;
  const std::size_t part = std::min(in_.size(), static_cast<std::size_t>(size));
  std::memcpy(into, in_.data(), part);
  in_ = in_.subspan(part);
  return static_cast<int>(part);
}

int layer::take(const char* octets, int size) noexcept {
  out_.insert(out_.end(), octets, octets + size);
  return size;
}

/// The server's own certificate is asked about last, and the answer to that is the one that counts
/// (TLS-11, TLS-15). It comes inside the handshake, so that nothing of ours is shown to a wrong
/// server, and it is told by an alert.
int layer::judge(const WOLFSSL_X509_STORE_CTX& store) noexcept {
  if (store.error_depth != 0) return 1;
  std::vector<peer_certificate> chain;
  for (int i = 0; i < store.totalCerts; ++i) {
    chain.emplace_back(octets_of(store.certs[i].buffer, store.certs[i].length));
  }
  if (!chain.empty()) look_at(chain.front());
  info_.verdict = verdict_on(chain);
  judged_ = true;
  return !info_.verdict || context_->options.report_only ? 1 : 0;
}

std::error_code layer::verdict_on(std::span<const peer_certificate> chain) const {
  WOLFSSL_CERT_MANAGER* const trust = wolfSSL_CTX_GetCertManager(context_->trust.get());
  if (const std::error_code error = judge_chain(trust, chain)) return error;
  if (demand_.names.empty()) return tls_errc::no_server_name;
  const certificate_names names = chain.front().names();
  const bool right =
      std::any_of(demand_.names.begin(), demand_.names.end(),
                  [&names](const std::string& name) { return matches(names, name); });
  return right ? std::error_code() : tls_errc::name_mismatch;
}

void layer::look_at(const peer_certificate& certificate) {
  const certificate_names names = certificate.names();
  info_.peer_names = names.dns;
  for (const std::string& address : names.addresses) {
    info_.peer_names.push_back(printable(address));
  }
  std::sort(info_.peer_names.begin(), info_.peer_names.end());
  info_.peer_expiry = certificate.expiry();
  certificate_hash_ = certificate.hash();
}

// -- the handshake --------------------------------------------------------------------------------

void layer::feed(bytes ciphertext) {
  if (!established_) hello_.feed(ciphertext);
  in_ = ciphertext;
}

tls_layer::progress layer::handshake() {
  static thread_local const thread_end at_end;
  static_cast<void>(at_end);
  if (error_) return progress::failed;
  wolfSSL_ERR_clear_error();
  const int result = wolfSSL_connect(link_.get());
  if (result == WOLFSSL_SUCCESS) return finish();
  const int code = wolfSSL_get_error(link_.get(), result);
  if (code == WOLFSSL_ERROR_WANT_READ) return progress::wants_octets;
  fail(code);
  return progress::failed;
}

tls_layer::progress layer::finish() {
  WOLFSSL* const ssl = link_.get();
  info_.resumed = wolfSSL_session_reused(ssl) == 1;
  if (info_.resumed && resumed_) {
    info_ = std::move(resumed_->info);
    info_.resumed = true;
    certificate_hash_ = std::move(resumed_->certificate_hash);
  } else {
    look_at_peer();
  }
  resumed_.reset();
  info_.protocol = wolfSSL_get_version(ssl);
  info_.cipher = wolfSSL_get_cipher_name(ssl);
  if (info_.verdict && !context_->options.report_only) {
    error_ = info_.verdict;
    wolfSSL_shutdown(ssl);  // the only alert that can still be sent
    return progress::failed;
  }
  bind();
  established_ = true;
  const auto& accept = context_->options.accept;
  return accept && !accept(info_) ? progress::too_weak : progress::established;
}

/// Whose certificate is it, if nobody had to judge it?
void layer::look_at_peer() {
  if (verifies()) {
    if (!judged_) info_.verdict = tls_errc::no_certificate;
    info_.verified = !info_.verdict;
    return;
  }
  if (const bytes certificate = shown_certificate(link_.get()); !certificate.empty()) {
    look_at(peer_certificate(certificate));
  }
}

/// What ties an authentication to this link (SASL-12).
void layer::bind() {
  WOLFSSL* const ssl = link_.get();
  const std::string_view protocol = info_.protocol;
  const tls_version version = protocol == "TLSv1.3"   ? tls_version::tls_1_3
                              : protocol == "TLSv1.2" ? tls_version::tls_1_2
                                                      : tls_version::older;
  channel_binding binding;
  binding.type =
      binding_type_for(version, hello_.extended_master_secret(), context_->options.binding);
  if (binding.type == "tls-exporter") {
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    std::array<unsigned char, 32> octets{};
    if (wolfSSL_export_keying_material(ssl, octets.data(), octets.size(), label.data(),
                                       label.size(), nullptr, 0, 0) == WOLFSSL_SUCCESS) {
      binding.octets.assign(reinterpret_cast<const char*>(octets.data()), octets.size());
    }
  } else if (binding.type == "tls-unique") {
    // The first Finished of the handshake: ours, or the server's if the session was resumed
    // (RFC 5929 section 3.1).
    std::array<unsigned char, 12> octets{};
    const std::size_t size = info_.resumed
                                 ? wolfSSL_get_peer_finished(ssl, octets.data(), octets.size())
                                 : wolfSSL_get_finished(ssl, octets.data(), octets.size());
    if (size == octets.size()) {
      binding.octets.assign(reinterpret_cast<const char*>(octets.data()), size);
    }
  } else if (binding.type == "tls-server-end-point") {
    binding.octets = certificate_hash_;
  }
  info_.binding = std::move(binding);
}

/// Nothing goes on after this: wolfSSL would still write, but nobody may rely on it.
void layer::fail(int code) {
  if (info_.verdict && !established_) {
    error_ = info_.verdict;
    return;
  }
  if (!established_) {
    const bytes certificate = shown_certificate(link_.get());
    if (!certificate.empty() && !peer_certificate(certificate).has_supported_key()) {
      error_ = tls_errc::unsupported_key;
      return;
    }
  }
  WOLFSSL_ALERT_HISTORY alerts{};
  if (code == FATAL_ERROR && wolfSSL_get_alert_history(link_.get(), &alerts) == WOLFSSL_SUCCESS &&
      alerts.last_rx.code >= 0) {
    error_ = {static_cast<int>(tls_errc::alert_base) + alerts.last_rx.code, tls_category()};
    return;
  }
  switch (code) {
    case MATCH_SUITE_ERROR:
    case UNSUPPORTED_SUITE: error_ = tls_errc::no_common_ground; return;
    case NO_PEER_CERT: error_ = tls_errc::no_certificate; return;
    case KEYUSE_SIGNATURE_E: error_ = tls_errc::wrong_key_usage; return;
    default: break;
  }
  error_ = {code < 0 ? code : FATAL_ERROR, tls_category()};
}

// -- records --------------------------------------------------------------------------------------

tls_layer::reading layer::read(std::span<char> into, std::size_t& size) {
  size = 0;
  if (error_) return reading::failed;
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
      if (end_ && in_.empty()) return reading::truncated;
      fail(code);
      return reading::failed;
  }
}

bool layer::write(bytes plaintext) {
  if (error_) return false;
  wolfSSL_ERR_clear_error();
  const int size = static_cast<int>(plaintext.size());
  const int result = wolfSSL_write(link_.get(), plaintext.data(), size);
  if (result == size) return true;
  fail(wolfSSL_get_error(link_.get(), result));
  return false;
}

void layer::close() {
  if (error_ || std::exchange(closed_, true)) return;
  wolfSSL_shutdown(link_.get());  // what the peer answers does not matter
}

}  // namespace sansmtp::wolfssl

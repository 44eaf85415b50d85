// A TLS server over memory, by OpenSSL, for the layers of all libraries.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "sansmtp/buffer.hpp"

namespace sansmtp::test {

/// What a server shows and demands.
struct server_options {
  std::string certificate = "server";  // its name in the test's PKI
  bool tls_1_3 = true;                 // else 1.2 only
  bool demand_client_certificate = false;
  std::string ciphers{};  // of the version that it speaks, by OpenSSL's names; empty: its own
};

inline std::string pki(const std::string& file) { return std::string(SANSMTP_PKI) + "/" + file; }

/// Names a row of a table of what servers show, with the version of TLS, for GoogleTest.
inline std::string row_name(std::string shown, bool tls_1_3, std::size_t index) {
  return shown + (tls_1_3 ? "_v1_3_" : "_v1_2_") + std::to_string(index);
}

inline void must(bool done) {
  if (!done) throw std::runtime_error("the test's server cannot be set up");
}

/// What links of one server share; tickets need the same one for the second link.
class memory_server_context {
 public:
  explicit memory_server_context(const server_options& options = {})
      : ctx_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX* const ctx = ctx_.get();
    must(ctx != nullptr);
    SSL_CTX_set_security_level(ctx, 0);  // it is the clients that have to refuse what is weak
    SSL_CTX_set_max_proto_version(ctx, options.tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    const std::string name = pki(options.certificate);
    must(SSL_CTX_use_certificate_chain_file(ctx, (name + ".pem").c_str()) == 1);
    must(SSL_CTX_use_PrivateKey_file(ctx, (name + ".key").c_str(), SSL_FILETYPE_PEM) == 1);
    if (!options.ciphers.empty()) {
      must((options.tls_1_3 ? SSL_CTX_set_ciphersuites : SSL_CTX_set_cipher_list)(
               ctx, options.ciphers.c_str()) == 1);
    }
    constexpr unsigned char me[] = "test";
    SSL_CTX_set_session_id_context(ctx, me, sizeof me);
    if (options.demand_client_certificate) {
      must(SSL_CTX_load_verify_file(ctx, pki("ca.pem").c_str()) == 1);
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  [[nodiscard]] SSL_CTX* get() const noexcept { return ctx_.get(); }

 private:
  struct release {
    void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
  };
  std::unique_ptr<SSL_CTX, release> ctx_;
};

class memory_server {
 public:
  explicit memory_server(const memory_server_context& context) : ssl_(SSL_new(context.get())) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_.get());
  }

  /// Input: octets of the client; the handshake goes on, plaintext is gathered in `heard`.
  void feed(bytes octets) {
    BIO_write(SSL_get_rbio(ssl_.get()), octets.data(), static_cast<int>(octets.size()));
    ERR_clear_error();
    if (!done_) done_ = SSL_do_handshake(ssl_.get()) == 1;
    char buffer[4096];
    while (done_) {
      const int n = SSL_read(ssl_.get(), buffer, sizeof buffer);
      if (n <= 0) {
        closed = closed || SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
        return;
      }
      heard.append(buffer, static_cast<std::size_t>(n));
    }
  }
  void say(std::string_view text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  void close() { SSL_shutdown(ssl_.get()); }
  /// Output: what is to be written to the client.
  std::string drain() {
    BIO* const out = SSL_get_wbio(ssl_.get());
    std::string octets(BIO_ctrl_pending(out), '\0');
    if (!octets.empty()) BIO_read(out, octets.data(), static_cast<int>(octets.size()));
    return octets;
  }

  /// Command: asks the client for new keys, with TLS 1.3; gives it one more ticket.
  void ask_for_new_keys() {
    must(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1);
    must(SSL_do_handshake(ssl_.get()) == 1);
  }
  void give_a_ticket() {
    must(SSL_new_session_ticket(ssl_.get()) == 1);
    must(SSL_do_handshake(ssl_.get()) == 1);
  }

  /// Getter: what it knows of the link.
  [[nodiscard]] bool done() const noexcept { return done_; }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  [[nodiscard]] std::string exported() const {
    std::string octets(32, '\0');
    must(SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(octets.data()),
                                    octets.size(), "EXPORTER-Channel-Binding", 24, nullptr, 0,
                                    0) == 1);
    return octets;
  }
  /// Getter: the first Finished: the client's, or its own if the session was resumed.
  [[nodiscard]] std::string first_finished() const {
    std::string octets(12, '\0');
    const std::size_t size = resumed()
                                 ? SSL_get_finished(ssl_.get(), octets.data(), octets.size())
                                 : SSL_get_peer_finished(ssl_.get(), octets.data(), octets.size());
    must(size == octets.size());
    return octets;
  }

  std::string heard;
  bool closed = false;

 private:
  struct release {
    void operator()(SSL* p) const noexcept { SSL_free(p); }
  };
  std::unique_ptr<SSL, release> ssl_;
  bool done_ = false;
};

}  // namespace sansmtp::test

// A TLS server over memory, by wolfSSL.
#pragma once

#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/ssl.h>

#include <algorithm>
#include <cstring>
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
  std::string ciphers{};  // empty: the library's own
};

inline std::string pki(const std::string& file) { return std::string(SANSMTP_PKI) + "/" + file; }

inline void must(int result) {
  if (result != WOLFSSL_SUCCESS) throw std::runtime_error("the test's server cannot be set up");
}

/// What links of one server share; tickets need the same one for the second link.
class memory_server_context {
 public:
  explicit memory_server_context(const server_options& options = {}) {
    wolfSSL_Init();
    ctx_.reset(wolfSSL_CTX_new(wolfTLS_server_method()));
    WOLFSSL_CTX* const ctx = ctx_.get();
    if (!options.tls_1_3) wolfSSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    const std::string name = pki(options.certificate);
    must(wolfSSL_CTX_use_certificate_chain_file(ctx, (name + ".pem").c_str()));
    must(wolfSSL_CTX_use_PrivateKey_file(ctx, (name + ".key").c_str(), WOLFSSL_FILETYPE_PEM));
    if (!options.ciphers.empty()) {
      must(wolfSSL_CTX_set_cipher_list(ctx, options.ciphers.c_str()));
    }
    if (options.demand_client_certificate) {
      must(wolfSSL_CTX_load_verify_locations(ctx, pki("ca.pem").c_str(), nullptr));
      wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                             nullptr);
    }
  }
  [[nodiscard]] WOLFSSL_CTX* get() const noexcept { return ctx_.get(); }

 private:
  struct release {
    void operator()(WOLFSSL_CTX* p) const noexcept { wolfSSL_CTX_free(p); }
  };
  std::unique_ptr<WOLFSSL_CTX, release> ctx_;
};

class memory_server {
 public:
  explicit memory_server(const memory_server_context& context) : ssl_(wolfSSL_new(context.get())) {
    wolfSSL_SSLSetIORecv(ssl_.get(), receive);
    wolfSSL_SSLSetIOSend(ssl_.get(), send);
    wolfSSL_SetIOReadCtx(ssl_.get(), this);
    wolfSSL_SetIOWriteCtx(ssl_.get(), this);
  }
  memory_server(const memory_server&) = delete;
  memory_server& operator=(const memory_server&) = delete;

  /// Input: octets of the client; the handshake goes on, plaintext is gathered in `heard`.
  void feed(bytes octets) {
    in_.append(as_text(octets));
    if (!done_) {
      done_ = wolfSSL_accept(ssl_.get()) == WOLFSSL_SUCCESS;
      if (!done_) error = wolfSSL_get_error(ssl_.get(), WOLFSSL_FATAL_ERROR);
    }
    char buffer[4096];
    while (done_) {
      const int n = wolfSSL_read(ssl_.get(), buffer, sizeof buffer);
      if (n <= 0) {
        error = wolfSSL_get_error(ssl_.get(), n);
        closed = closed || error == WOLFSSL_ERROR_ZERO_RETURN;
        return;
      }
      heard.append(buffer, static_cast<std::size_t>(n));
    }
  }
  void say(std::string_view text) {
    wolfSSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  void close() { wolfSSL_shutdown(ssl_.get()); }
  /// Output: what is to be written to the client.
  std::string drain() { return std::exchange(out_, {}); }

  [[nodiscard]] bool done() const noexcept { return done_; }
  [[nodiscard]] WOLFSSL* get() const noexcept { return ssl_.get(); }

  std::string heard;
  bool closed = false;
  int error = 0;

 private:
  struct release {
    void operator()(WOLFSSL* p) const noexcept { wolfSSL_free(p); }
  };
  static int receive(WOLFSSL*, char* into, int size, void* to) {
    std::string& in = static_cast<memory_server*>(to)->in_;
    if (in.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
    const std::size_t n = std::min(in.size(), static_cast<std::size_t>(size));
    std::memcpy(into, in.data(), n);
    in.erase(0, n);
    return static_cast<int>(n);
  }
  static int send(WOLFSSL*, char* octets, int size, void* to) {
    static_cast<memory_server*>(to)->out_.append(octets, static_cast<std::size_t>(size));
    return size;
  }

  std::unique_ptr<WOLFSSL, release> ssl_;
  std::string in_, out_;
  bool done_ = false;
};

}  // namespace sansmtp::test

#include "server_tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "failure.hpp"

namespace sansmtp::cli {

namespace {

template <auto free>
struct freed_by {
  template <typename T>
  void operator()(T* p) const noexcept {
    free(p);
  }
};
template <typename T, auto free>
using owned = std::unique_ptr<T, freed_by<free>>;

class link final : public server_tls {
 public:
  explicit link(SSL_CTX* context) : ssl_(SSL_new(context)) {
    if (!ssl_) throw failure(exit_code::software, "TLS could not be set up");
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_.get());
  }

  state receive(std::string_view ciphertext, std::string& plain, std::string& wire) override {
    SSL* const ssl = ssl_.get();
    ERR_clear_error();
    BIO_write(SSL_get_rbio(ssl), ciphertext.data(), static_cast<int>(ciphertext.size()));
    if (state_ == state::handshaking) {
      const int result = SSL_do_handshake(ssl);
      if (result == 1) {
        state_ = state::open;
      } else {
        judge(result);
      }
    }
    while (state_ == state::open) {
      std::array<char, 16 * 1024> buffer;
      const int n = SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()));
      if (n <= 0) {
        judge(n);
        break;
      }
      plain.append(buffer.data(), static_cast<std::size_t>(n));
    }
    collect(wire);
    return state_;
  }

  void send(std::string_view plain, std::string& wire) override {
    ERR_clear_error();
    const int size = static_cast<int>(plain.size());
    if (SSL_write(ssl_.get(), plain.data(), size) != size) state_ = state::failed;
    collect(wire);
  }

  void close(std::string& wire) override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    collect(wire);
  }

 private:
  void judge(int result) {
    const int why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_READ) return;
    state_ = why == SSL_ERROR_ZERO_RETURN ? state::ended : state::failed;
  }

  /// Appends what OpenSSL has written.
  void collect(std::string& wire) {
    BIO* const out = SSL_get_wbio(ssl_.get());
    const std::size_t before = wire.size();
    wire.resize(before + BIO_ctrl_pending(out));
    if (wire.size() != before) {
      BIO_read(out, wire.data() + before, static_cast<int>(wire.size() - before));
    }
  }

  owned<SSL, SSL_free> ssl_;
  state state_ = state::handshaking;
};

/// Nobody is there who could be asked for the password of a key.
int no_password(char*, int, int, void*) noexcept { return -1; }

class context final : public server_tls_context {
 public:
  context() : ctx_(SSL_CTX_new(TLS_server_method())) {
    if (!ctx_ || SSL_CTX_set_min_proto_version(ctx_.get(), TLS1_2_VERSION) != 1) {
      throw failure(exit_code::software, "TLS could not be set up");
    }
    SSL_CTX_set_default_passwd_cb(ctx_.get(), no_password);
    SSL_CTX_set_options(ctx_.get(), SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx_.get(), SSL_MODE_RELEASE_BUFFERS);
  }

  void read(const std::string& certificate_file, const std::string& key_file) {
    if (SSL_CTX_use_certificate_chain_file(ctx_.get(), certificate_file.c_str()) != 1) {
      throw failure(exit_code::no_input,
                    fmt::format("cannot use the certificate {}", certificate_file));
    }
    if (SSL_CTX_use_PrivateKey_file(ctx_.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx_.get()) != 1) {
      throw failure(exit_code::no_input,
                    fmt::format("cannot use the key {}: it is none, or not that of {}", key_file,
                                certificate_file));
    }
  }

  /// An ECDSA certificate that vouches for itself.
  void make_own() {
    const auto check = [](bool done) {
      if (!done) throw failure(exit_code::software, "cannot make a certificate");
    };
    // (The macro for just this has a cast that Clang does not like.)
    const owned<EVP_PKEY, EVP_PKEY_free> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    const owned<X509, X509_free> made(X509_new());
    X509* const c = made.get();
    check(key != nullptr && c != nullptr);
    constexpr long days = 30;
    std::uint64_t serial = 0;
    check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
    X509_NAME* const name = X509_get_subject_name(c);
    constexpr unsigned char common_name[] = "sansmtp sink";
    check(X509_set_version(c, X509_VERSION_3) == 1 &&
          ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial) == 1 &&
          X509_gmtime_adj(X509_getm_notBefore(c), -60 * 60) != nullptr &&
          X509_gmtime_adj(X509_getm_notAfter(c), days * 24 * 60 * 60) != nullptr &&
          X509_set_pubkey(c, key.get()) == 1 &&
          X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, common_name, -1, -1, 0) ==
              1 &&
          X509_set_issuer_name(c, name) == 1);
    X509V3_CTX about{};
    X509V3_set_ctx(&about, c, c, nullptr, nullptr, 0);
    const auto add = [&](int kind, const char* value) {
      const owned<X509_EXTENSION, X509_EXTENSION_free> extension(
          X509V3_EXT_conf_nid(nullptr, &about, kind, value));
      check(extension != nullptr && X509_add_ext(c, extension.get(), -1) == 1);
    };
    add(NID_basic_constraints, "critical,CA:TRUE");  // or no client could take it for an authority
    add(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    check(X509_sign(c, key.get(), EVP_sha256()) != 0 &&
          SSL_CTX_use_certificate(ctx_.get(), c) == 1 &&
          SSL_CTX_use_PrivateKey(ctx_.get(), key.get()) == 1);
    const owned<BIO, BIO_free_all> pem(BIO_new(BIO_s_mem()));
    check(pem != nullptr && PEM_write_bio_X509(pem.get(), c) == 1);
    self_made_.resize(BIO_ctrl_pending(pem.get()));
    check(BIO_read(pem.get(), self_made_.data(), static_cast<int>(self_made_.size())) > 0);
  }

  [[nodiscard]] std::unique_ptr<server_tls> accept() override {
    return std::make_unique<link>(ctx_.get());
  }
  [[nodiscard]] const std::string& self_made() const noexcept override { return self_made_; }

 private:
  owned<SSL_CTX, SSL_CTX_free> ctx_;
  std::string self_made_;
};

}  // namespace

std::unique_ptr<server_tls_context> server_tls_context::make(const std::string& certificate_file,
                                                             const std::string& key_file) {
  auto made = std::make_unique<context>();
  if (certificate_file.empty()) {
    made->make_own();
  } else {
    made->read(certificate_file, key_file);
  }
  return made;
}

}  // namespace sansmtp::cli

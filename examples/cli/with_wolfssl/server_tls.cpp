#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "failure.hpp"
#include "server_tls.hpp"

namespace sansmtp::cli {

namespace {

/// wolfSSL keeps tables of curve points for each thread and frees them for none.
struct thread_end {
  ~thread_end() { wc_ecc_fp_free(); }
};

class link final : public server_tls {
 public:
  explicit link(WOLFSSL_CTX* context) : ssl_(wolfSSL_new(context), wolfSSL_free) {
    if (!ssl_) throw failure(exit_code::software, "TLS could not be set up");
    wolfSSL_SSLSetIORecv(ssl_.get(), give);
    wolfSSL_SSLSetIOSend(ssl_.get(), take);
    wolfSSL_SetIOReadCtx(ssl_.get(), this);
    wolfSSL_SetIOWriteCtx(ssl_.get(), this);
  }

  state receive(std::string_view ciphertext, std::string& plain, std::string& wire) override {
    static thread_local const thread_end at_end;
    static_cast<void>(at_end);
    in_ = ciphertext;
    wire_ = &wire;
    if (state_ == state::handshaking) shake_hands();
    while (state_ == state::open) {
      std::array<char, 16 * 1024> buffer;
      const int n = wolfSSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (n <= 0) {
        judge(n);
        break;
      }
      plain.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return state_;
  }

  void send(std::string_view plain, std::string& wire) override {
    wire_ = &wire;
    const int size = static_cast<int>(plain.size());
    if (wolfSSL_write(ssl_.get(), plain.data(), size) != size) state_ = state::failed;
  }

  void close(std::string& wire) override {
    wire_ = &wire;
    wolfSSL_shutdown(ssl_.get());
  }

 private:
  void shake_hands() {
    const int result = wolfSSL_accept(ssl_.get());
    if (result == WOLFSSL_SUCCESS) {
      state_ = state::open;
    } else {
      judge(result);
    }
  }

  void judge(int result) {
    const int why = wolfSSL_get_error(ssl_.get(), result);
    if (why == WOLFSSL_ERROR_WANT_READ) return;
    state_ = why == WOLFSSL_ERROR_ZERO_RETURN ? state::ended : state::failed;
  }

  static int give(WOLFSSL* /*ssl*/, char* into, int size, void* self) {
    std::string_view& in = static_cast<link*>(self)->in_;
    if (in.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
    const std::size_t part = std::min(in.size(), static_cast<std::size_t>(size));
    std::memcpy(into, in.data(), part);
    in.remove_prefix(part);
    return static_cast<int>(part);
  }

  static int take(WOLFSSL* /*ssl*/, char* octets, int size, void* self) {
    static_cast<link*>(self)->wire_->append(octets, static_cast<std::size_t>(size));
    return size;
  }

  std::unique_ptr<WOLFSSL, decltype(&wolfSSL_free)> ssl_;
  state state_ = state::handshaking;
  std::string_view in_;
  std::string* wire_ = nullptr;
};

class context final : public server_tls_context {
 public:
  context() : wolf_(wolfSSL_CTX_new(wolfTLS_server_method()), wolfSSL_CTX_free) {
    if (!wolf_ || wolfSSL_CTX_SetMinVersion(wolf_.get(), WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS) {
      throw failure(exit_code::software, "TLS could not be set up");
    }
  }

  void read(const std::string& certificate_file, const std::string& key_file) {
    if (wolfSSL_CTX_use_certificate_chain_file(wolf_.get(), certificate_file.c_str()) !=
        WOLFSSL_SUCCESS) {
      throw failure(exit_code::no_input,
                    fmt::format("cannot use the certificate {}", certificate_file));
    }
    if (wolfSSL_CTX_use_PrivateKey_file(wolf_.get(), key_file.c_str(), WOLFSSL_FILETYPE_PEM) !=
            WOLFSSL_SUCCESS ||
        wolfSSL_CTX_check_private_key(wolf_.get()) != WOLFSSL_SUCCESS) {
      throw failure(exit_code::no_input,
                    fmt::format("cannot use the key {}: it is none, or not that of {}", key_file,
                                certificate_file));
    }
  }

  /// An ECDSA certificate that vouches for itself.
  void make_own() {
    const auto check = [](int result, int least = 0) {
      if (result < least) {
        throw failure(exit_code::software, fmt::format("cannot make a certificate ({})", result));
      }
      return result;
    };
    struct material {
      WC_RNG random{};
      ecc_key key{};
      material() {
        wc_InitRng(&random);
        wc_ecc_init(&key);
      }
      ~material() {
        wc_ecc_free(&key);
        wc_FreeRng(&random);
      }
    } own;
    check(wc_ecc_make_key(&own.random, 32, &own.key));

    Cert certificate;
    check(wc_InitCert(&certificate));
    constexpr std::string_view name = "sansmtp sink";
    std::memcpy(certificate.subject.commonName, name.data(), name.size());
    certificate.isCA = 1;  // or no client could take it for an authority
    certificate.daysValid = 30;
    certificate.sigType = CTC_SHA256wECDSA;
    certificate.selfSigned = 1;
    constexpr std::array<unsigned char, 37> names{
        0x30, 35,                                               // SEQUENCE
        0x82, 9,  'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't',  // dNSName
        0x87, 4,  127, 0,   0,   1,                             // iPAddress
        0x87, 16, 0,   0,   0,   0,   0,   0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 1};
    std::memcpy(certificate.altNames, names.data(), names.size());
    certificate.altNamesSz = static_cast<int>(names.size());

    std::vector<unsigned char> der(4096);
    const auto room = static_cast<word32>(der.size());
    check(wc_MakeCert_ex(&certificate, der.data(), room, ECC_TYPE, &own.key, &own.random));
    const int size = check(wc_SignCert_ex(certificate.bodySz, certificate.sigType, der.data(), room,
                                          ECC_TYPE, &own.key, &own.random));
    std::vector<unsigned char> key(512);
    const int key_size =
        check(wc_EccKeyToDer(&own.key, key.data(), static_cast<word32>(key.size())));
    check(wolfSSL_CTX_use_certificate_buffer(wolf_.get(), der.data(), size, WOLFSSL_FILETYPE_ASN1),
          WOLFSSL_SUCCESS);
    check(
        wolfSSL_CTX_use_PrivateKey_buffer(wolf_.get(), key.data(), key_size, WOLFSSL_FILETYPE_ASN1),
        WOLFSSL_SUCCESS);
    self_made_.resize(2 * der.size());
    self_made_.resize(static_cast<std::size_t>(check(wc_DerToPem(
        der.data(), static_cast<word32>(size), reinterpret_cast<unsigned char*>(self_made_.data()),
        static_cast<word32>(self_made_.size()), CERT_TYPE))));
  }

  [[nodiscard]] std::unique_ptr<server_tls> accept() override {
    return std::make_unique<link>(wolf_.get());
  }
  [[nodiscard]] const std::string& self_made() const noexcept override { return self_made_; }

 private:
  std::unique_ptr<WOLFSSL_CTX, decltype(&wolfSSL_CTX_free)> wolf_;
  std::string self_made_;
};

}  // namespace

std::unique_ptr<server_tls_context> server_tls_context::make(const std::string& certificate_file,
                                                             const std::string& key_file) {
  static const bool started = wolfSSL_Init() == WOLFSSL_SUCCESS;
  if (!started) throw failure(exit_code::software, "TLS could not be set up");
  auto made = std::make_unique<context>();
  if (certificate_file.empty()) {
    made->make_own();
  } else {
    made->read(certificate_file, key_file);
  }
  return made;
}

}  // namespace sansmtp::cli

#include "sansmtp/openssl/dkim_crypto.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "owned.hpp"

namespace sansmtp::openssl {
namespace {

using dkim::key_type;
using dkim::refusal;
using dkim::sha256_size;

using pkey = owned<EVP_PKEY, EVP_PKEY_free>;
using bio = owned<BIO, BIO_free_all>;

/// What fails here leaves no error behind, which would be taken for one of a TLS link.
struct no_errors_left {
  no_errors_left() noexcept { ERR_set_mark(); }
  no_errors_left(const no_errors_left&) = delete;
  no_errors_left& operator=(const no_errors_left&) = delete;
  ~no_errors_left() { ERR_pop_to_mark(); }
};

const unsigned char* octets(const char* at) noexcept {
  return reinterpret_cast<const unsigned char*>(at);
}
unsigned char* octets(char* at) noexcept { return reinterpret_cast<unsigned char*>(at); }

class sha256 final : public dkim::sha256_stream {
 public:
  [[nodiscard]] bool begin() noexcept {
    const no_errors_left guard;
    return context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
  }
  [[nodiscard]] bool add(bytes b) override {
    const no_errors_left guard;
    return EVP_DigestUpdate(context_.get(), b.data(), b.size()) == 1;
  }
  [[nodiscard]] bool finish(std::span<char, sha256_size> digest) override {
    const no_errors_left guard;
    return EVP_DigestFinal_ex(context_.get(), octets(digest.data()), nullptr) == 1;
  }

 private:
  owned<EVP_MD_CTX, EVP_MD_CTX_free> context_{EVP_MD_CTX_new()};
};

class key final : public dkim::private_key {
 public:
  key(pkey of, key_type type) noexcept : key_(std::move(of)), type_(type) {}

  [[nodiscard]] key_type type() const noexcept override { return type_; }
  [[nodiscard]] unsigned bits() const noexcept override {
    return type_ == key_type::ed25519 ? 256U : static_cast<unsigned>(EVP_PKEY_get_bits(key_.get()));
  }

  [[nodiscard]] std::optional<std::string> sign(
      std::span<const char, sha256_size> digest) override {
    const no_errors_left guard;
    return type_ == key_type::rsa ? sign_by_rsa(digest) : sign_by_ed25519(digest);
  }

  [[nodiscard]] std::optional<std::string> public_key() const override {
    const no_errors_left guard;
    std::string out;
    if (type_ == key_type::ed25519) {
      std::size_t size = 32;
      out.resize(size);
      if (EVP_PKEY_get_raw_public_key(key_.get(), octets(out.data()), &size) != 1) return {};
      return out;
    }
    const int size = i2d_PUBKEY(key_.get(), nullptr);
    if (size <= 0) return {};
    out.resize(static_cast<std::size_t>(size));
    unsigned char* to = octets(out.data());
    if (i2d_PUBKEY(key_.get(), &to) != size) return {};
    return out;
  }

  [[nodiscard]] std::optional<std::string> to_pem() const override {
    const no_errors_left guard;
    const bio out(BIO_new(BIO_s_secmem()));
    if (out == nullptr || PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0,
                                                        nullptr, nullptr) != 1) {
      return {};
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    if (size <= 0) return {};
    return std::string(text, static_cast<std::size_t>(size));
  }

 private:
  std::optional<std::string> sign_by_rsa(std::span<const char, sha256_size> digest) {
    const owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (context == nullptr || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1) {
      return {};
    }
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
    std::string out(size, '\0');
    if (EVP_PKEY_sign(context.get(), octets(out.data()), &size, octets(digest.data()),
                      digest.size()) != 1) {
      return {};
    }
    out.resize(size);
    return out;
  }

  std::optional<std::string> sign_by_ed25519(std::span<const char, sha256_size> digest) {
    const owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    if (context == nullptr ||
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1) {
      return {};
    }
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
    std::string out(size, '\0');
    if (EVP_DigestSign(context.get(), octets(out.data()), &size, octets(digest.data()),
                       digest.size()) != 1) {
      return {};
    }
    out.resize(size);
    return out;
  }

  pkey key_;
  key_type type_;
};

dkim::key_result own(pkey k) {
  if (EVP_PKEY_is_a(k.get(), "RSA") == 1) {
    return {std::make_unique<key>(std::move(k), key_type::rsa), refusal::none};
  }
  if (EVP_PKEY_is_a(k.get(), "ED25519") == 1) {
    return {std::make_unique<key>(std::move(k), key_type::ed25519), refusal::none};
  }
  return {nullptr, refusal::unknown_key};
}

/// Nobody is asked for a passphrase.
int no_passphrase(char* /*to*/, int /*room*/, int /*writing*/, void* /*data*/) { return -1; }

}  // namespace

std::unique_ptr<dkim::sha256_stream> dkim_crypto::begin_sha256() {
  auto stream = std::make_unique<sha256>();
  if (!stream->begin()) return nullptr;
  return stream;
}

dkim::key_result dkim_crypto::read_key(bytes pem) {
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return {nullptr, refusal::unreadable_key};
  }
  const no_errors_left guard;
  const bio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (in == nullptr) return {nullptr, refusal::crypto_failed};
  pkey k(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (k == nullptr) return {nullptr, refusal::unreadable_key};
  return own(std::move(k));
}

dkim::key_result dkim_crypto::make_key(key_type type, unsigned rsa_bits) {
  const no_errors_left guard;
  pkey k(type == key_type::rsa ? EVP_RSA_gen(rsa_bits)
                               : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (k == nullptr) return {nullptr, refusal::crypto_failed};
  return own(std::move(k));
}

}  // namespace sansmtp::openssl

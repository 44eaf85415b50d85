#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sansmtp/sasl.hpp"
#include "sansmtp/wolfssl/dkim_crypto.hpp"

namespace sansmtp::wolfssl {
namespace {

using dkim::key_type;
using dkim::refusal;
using dkim::sha256_size;

/// A key in DER, or in PEM, of RSA with 4096 bits needs less.
constexpr std::size_t key_room = 8192;
constexpr std::size_t longest_pem = std::size_t{1} << 20U;

const byte* octets(const char* at) noexcept { return reinterpret_cast<const byte*>(at); }
byte* octets(char* at) noexcept { return reinterpret_cast<byte*>(at); }

/// Octets of a key, wiped in the end.
struct secret : std::string {
  secret() : std::string(key_room, '\0') {}
  secret(const secret&) = delete;
  secret& operator=(const secret&) = delete;
  ~secret() { wipe(*this); }

  /// Command: what was written, whose size or error a function gave. False if it is an error.
  [[nodiscard]] bool keep(int written) {
    if (written <= 0) return false;
    resize(static_cast<std::size_t>(written));
    return true;
  }
  [[nodiscard]] word32 length() const noexcept { return static_cast<word32>(size()); }
};

class sha256 final : public dkim::sha256_stream {
 public:
  sha256() noexcept : good_(wc_InitSha256(&state_) == 0) {}
  sha256(const sha256&) = delete;
  sha256& operator=(const sha256&) = delete;
  ~sha256() override {
    if (good_) wc_Sha256Free(&state_);
  }

  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] bool add(bytes b) override {
    constexpr std::size_t most = std::size_t{1} << 30U;
    while (!b.empty()) {
      const bytes part = b.first(std::min(most, b.size()));
      if (wc_Sha256Update(&state_, octets(part.data()), static_cast<word32>(part.size())) != 0) {
        return false;
      }
      b = b.subspan(part.size());
    }
    return true;
  }
  [[nodiscard]] bool finish(std::span<char, sha256_size> digest) override {
    return wc_Sha256Final(&state_, octets(digest.data())) == 0;
  }

 private:
  wc_Sha256 state_{};
  bool good_;
};

/// A key as DER, which wolfCrypt has made of PEM; PKCS #8 is taken off. wolfCrypt wipes it in the end,
/// as it does private keys.
class decoded_key {
 public:
  explicit decoded_key(bytes pem) noexcept
      : good_(wc_PemToDer(octets(pem.data()), static_cast<long>(pem.size()), PRIVATEKEY_TYPE, &der_,
                          nullptr, nullptr, &algorithm_) == 0) {}
  decoded_key(const decoded_key&) = delete;
  decoded_key& operator=(const decoded_key&) = delete;
  ~decoded_key() { wc_FreeDer(&der_); }

  [[nodiscard]] bool good() const noexcept { return good_ && der_ != nullptr; }
  /// What kind of key its PKCS #8 or its label names, as wolfCrypt numbers them; 0 if neither does.
  [[nodiscard]] int algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] const byte* data() const noexcept { return der_->buffer; }
  [[nodiscard]] word32 length() const noexcept { return der_->length; }

 private:
  DerBuffer* der_ = nullptr;
  int algorithm_ = 0;
  bool good_;
};

/// The PEM text of a key in DER.
std::optional<std::string> pem_of(const secret& der, int type) {
  secret pem;
  if (!pem.keep(
          wc_DerToPem(octets(der.data()), der.length(), octets(pem.data()), pem.length(), type))) {
    return {};
  }
  return std::string(pem);
}

class random_source {
 public:
  random_source() noexcept : good_(wc_InitRng(&source_) == 0) {}
  random_source(const random_source&) = delete;
  random_source& operator=(const random_source&) = delete;
  ~random_source() {
    if (good_) wc_FreeRng(&source_);
  }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] WC_RNG* get() noexcept { return &source_; }

 private:
  WC_RNG source_{};
  bool good_;
};

class rsa_key final : public dkim::private_key {
 public:
  rsa_key() noexcept : good_(wc_InitRsaKey(&key_, nullptr) == 0) {}
  rsa_key(const rsa_key&) = delete;
  rsa_key& operator=(const rsa_key&) = delete;
  ~rsa_key() override {
    if (good_) wc_FreeRsaKey(&key_);
  }

  [[nodiscard]] bool read(const decoded_key& der) {
    word32 at = 0;
    return ready() && wc_RsaPrivateKeyDecode(der.data(), &at, &key_, der.length()) == 0;
  }
  [[nodiscard]] bool make(unsigned bits) {
    return ready() &&
           wc_MakeRsaKey(&key_, static_cast<int>(bits), WC_RSA_EXPONENT, random_.get()) == 0;
  }

  [[nodiscard]] key_type type() const noexcept override { return key_type::rsa; }
  [[nodiscard]] unsigned bits() const noexcept override {
    // (Not a function of const in wolfCrypt.)
    return static_cast<unsigned>(mp_count_bits(const_cast<mp_int*>(&key_.n)));
  }
  [[nodiscard]] std::optional<std::string> sign(
      std::span<const char, sha256_size> digest) override {
    std::array<byte, MAX_DER_DIGEST_SZ> info;
    const word32 size = wc_EncodeSignature(info.data(), octets(digest.data()), sha256_size,
                                           wc_HashGetOID(WC_HASH_TYPE_SHA256));
    const int room = wc_RsaEncryptSize(&key_);
    if (size == 0 || room <= 0) return {};
    std::string out(static_cast<std::size_t>(room), '\0');
    const int written = wc_RsaSSL_Sign(info.data(), size, octets(out.data()),
                                       static_cast<word32>(out.size()), &key_, random_.get());
    if (written != room) return {};
    return out;
  }
  [[nodiscard]] std::optional<std::string> public_key() const override {
    secret out;
    if (!out.keep(wc_RsaKeyToPublicDer(&key_, octets(out.data()), out.length()))) return {};
    return std::string(out);
  }
  [[nodiscard]] std::optional<std::string> to_pem() const override {
    secret der;
    if (!der.keep(wc_RsaKeyToDer(&key_, octets(der.data()), der.length()))) return {};
    return pem_of(der, PRIVATEKEY_TYPE);
  }

 private:
  [[nodiscard]] bool ready() {
    return good_ && random_.good() && wc_RsaSetRNG(&key_, random_.get()) == 0;
  }

  random_source random_;
  mutable RsaKey key_{};
  bool good_;
};

#ifdef HAVE_ED25519
class ed25519_private_key final : public dkim::private_key {
 public:
  ed25519_private_key() noexcept : good_(wc_ed25519_init(&key_) == 0) {}
  ed25519_private_key(const ed25519_private_key&) = delete;
  ed25519_private_key& operator=(const ed25519_private_key&) = delete;
  ~ed25519_private_key() override {
    if (good_) wc_ed25519_free(&key_);
  }

  [[nodiscard]] bool read(const decoded_key& der) {
    word32 at = 0;
    return good_ && wc_Ed25519PrivateKeyDecode(der.data(), &at, &key_, der.length()) == 0 &&
           complete();
  }
  [[nodiscard]] bool make() {
    random_source random;
    return good_ && random.good() &&
           wc_ed25519_make_key(random.get(), ED25519_KEY_SIZE, &key_) == 0;
  }

  [[nodiscard]] key_type type() const noexcept override { return key_type::ed25519; }
  [[nodiscard]] unsigned bits() const noexcept override { return 256; }
  [[nodiscard]] std::optional<std::string> sign(
      std::span<const char, sha256_size> digest) override {
    std::string out(ED25519_SIG_SIZE, '\0');
    word32 size = ED25519_SIG_SIZE;
    if (wc_ed25519_sign_msg(octets(digest.data()), sha256_size, octets(out.data()), &size, &key_) !=
        0) {
      return {};
    }
    return out;
  }
  [[nodiscard]] std::optional<std::string> public_key() const override {
    std::string out(ED25519_PUB_KEY_SIZE, '\0');
    word32 size = ED25519_PUB_KEY_SIZE;
    if (wc_ed25519_export_public(&key_, octets(out.data()), &size) != 0) return {};
    return out;
  }
  [[nodiscard]] std::optional<std::string> to_pem() const override {
    secret der;
    if (!der.keep(wc_Ed25519PrivateKeyToDer(&key_, octets(der.data()), der.length()))) return {};
    return pem_of(der, PKCS8_PRIVATEKEY_TYPE);
  }

 private:
  /// A file holds the private half alone: the public one is computed from it.
  [[nodiscard]] bool complete() {
    std::array<byte, ED25519_PUB_KEY_SIZE> half;
    return wc_ed25519_make_public(&key_, half.data(), ED25519_PUB_KEY_SIZE) == 0 &&
           wc_ed25519_import_public(half.data(), ED25519_PUB_KEY_SIZE, &key_) == 0;
  }

  mutable ed25519_key key_{};
  bool good_;
};
#endif

template <typename Key>
dkim::key_result read_as(const decoded_key& der) {
  auto key = std::make_unique<Key>();
  if (!key->read(der)) return {nullptr, refusal::unreadable_key};
  return {std::move(key), refusal::none};
}

}  // namespace

std::unique_ptr<dkim::sha256_stream> dkim_crypto::begin_sha256() {
  auto stream = std::make_unique<sha256>();
  if (!stream->good()) return nullptr;
  return stream;
}

dkim::key_result dkim_crypto::read_key(bytes pem) {
  // (What wolfCrypt decodes may also be a public key.)
  if (pem.size() > longest_pem || as_text(pem).find("PRIVATE KEY-----") == std::string_view::npos) {
    return {nullptr, refusal::unreadable_key};
  }
  const decoded_key der(pem);
  if (!der.good()) return {nullptr, refusal::unreadable_key};
  switch (der.algorithm()) {
    case 0:  // PKCS #1, or nothing of use
    case RSAk: return read_as<rsa_key>(der);
    case ED25519k:
#ifdef HAVE_ED25519
      return read_as<ed25519_private_key>(der);
#else
      return {nullptr, refusal::key_unavailable};
#endif
    default: return {nullptr, refusal::unknown_key};
  }
}

dkim::key_result dkim_crypto::make_key(key_type type, unsigned rsa_bits) {
  if (type == key_type::rsa) {
    auto key = std::make_unique<rsa_key>();
    if (!key->make(rsa_bits)) return {nullptr, refusal::crypto_failed};
    return {std::move(key), refusal::none};
  }
#ifdef HAVE_ED25519
  auto key = std::make_unique<ed25519_private_key>();
  if (!key->make()) return {nullptr, refusal::crypto_failed};
  return {std::move(key), refusal::none};
#else
  return {nullptr, refusal::key_unavailable};
#endif
}

}  // namespace sansmtp::wolfssl

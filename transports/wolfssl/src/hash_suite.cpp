#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/pwdbased.h>
#include <wolfssl/wolfcrypt/random.h>

#include <limits>

#include "sansmtp/wolfssl/hash_suite.hpp"

namespace sansmtp::wolfssl {
namespace {

const byte* octets(bytes b) noexcept {
  // wolfCrypt refuses a null pointer even for a length of zero.
  static constexpr byte nothing = 0;
  return b.empty() ? &nothing : reinterpret_cast<const byte*>(b.data());
}

byte* octets(std::span<char> b) noexcept { return reinterpret_cast<byte*>(b.data()); }

bool fits(bytes b) noexcept {
  return b.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max());
}

wc_HashType type_of(hash_algorithm h) noexcept {
  switch (h) {
    case hash_algorithm::md5: return WC_HASH_TYPE_MD5;
    case hash_algorithm::sha1: return WC_HASH_TYPE_SHA;
    case hash_algorithm::sha256: return WC_HASH_TYPE_SHA256;
  }
  return WC_HASH_TYPE_NONE;
}

}  // namespace

struct hash_suite::generator {
  generator() noexcept : good(wc_InitRng(&source) == 0) {}
  generator(const generator&) = delete;
  generator& operator=(const generator&) = delete;
  ~generator() {
    if (good) wc_FreeRng(&source);
  }

  WC_RNG source{};
  bool good;
};

hash_suite::hash_suite() : generator_(std::make_unique<generator>()) {}
hash_suite::~hash_suite() = default;

bool hash_suite::hash(hash_algorithm h, bytes text, std::span<char> out) {
  if (out.size() != digest_size(h) || !fits(text)) return false;
  return wc_Hash(type_of(h), octets(text), static_cast<word32>(text.size()), octets(out),
                 static_cast<word32>(out.size())) == 0;
}

bool hash_suite::hmac(hash_algorithm h, bytes key, bytes text, std::span<char> out) {
  if (out.size() != digest_size(h) || !fits(key) || !fits(text)) return false;
  Hmac state{};
  if (wc_HmacInit(&state, nullptr, INVALID_DEVID) != 0) return false;
  const bool good =
      wc_HmacSetKey(&state, type_of(h), octets(key), static_cast<word32>(key.size())) == 0 &&
      wc_HmacUpdate(&state, octets(text), static_cast<word32>(text.size())) == 0 &&
      wc_HmacFinal(&state, octets(out)) == 0;
  wc_HmacFree(&state);
  return good;
}

bool hash_suite::pbkdf2(hash_algorithm h, bytes password, bytes salt, std::uint32_t iterations,
                        std::span<char> out) {
  constexpr auto most = static_cast<std::uint32_t>(std::numeric_limits<int>::max());
  if (out.size() != digest_size(h) || !fits(password) || !fits(salt)) return false;
  if (iterations == 0 || iterations > most) return false;
  return wc_PBKDF2(octets(out), octets(password), static_cast<int>(password.size()), octets(salt),
                   static_cast<int>(salt.size()), static_cast<int>(iterations),
                   static_cast<int>(out.size()), type_of(h)) == 0;
}

bool hash_suite::random(std::span<char> out) {
  return generator_->good && wc_RNG_GenerateBlock(&generator_->source, octets(out),
                                                  static_cast<word32>(out.size())) == 0;
}

}  // namespace sansmtp::wolfssl

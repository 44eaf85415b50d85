#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/pwdbased.h>
#include <wolfssl/wolfcrypt/random.h>

#include "digests.hpp"
#include "failure.hpp"

namespace sansmtp::cli {

namespace {

wc_HashType type_of(digest d) { return d == digest::md5 ? WC_HASH_TYPE_MD5 : WC_HASH_TYPE_SHA256; }

std::string make_room(digest d) {
  return std::string(static_cast<std::size_t>(wc_HashGetDigestSize(type_of(d))), '\0');
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void check(int result) {
  if (result != 0) throw failure(exit_code::software, "a hash function failed");
}

}  // namespace

bool has_digests() noexcept { return true; }

std::string hash_of(digest with, std::string_view text) {
  std::string hash = make_room(with);
  check(wc_Hash(type_of(with), octets(text), static_cast<word32>(text.size()), octets(hash),
                static_cast<word32>(hash.size())));
  return hash;
}

std::string hmac_of(digest with, std::string_view key, std::string_view text) {
  std::string hash = make_room(with);
  Hmac hmac;
  check(wc_HmacInit(&hmac, nullptr, INVALID_DEVID));
  check(wc_HmacSetKey(&hmac, type_of(with), octets(key), static_cast<word32>(key.size())));
  check(wc_HmacUpdate(&hmac, octets(text), static_cast<word32>(text.size())));
  check(wc_HmacFinal(&hmac, octets(hash)));
  wc_HmacFree(&hmac);
  return hash;
}

std::string pbkdf2_of(std::string_view password, std::string_view salt, int iterations) {
  std::string hash = make_room(digest::sha256);
  check(wc_PBKDF2(octets(hash), octets(password), static_cast<int>(password.size()), octets(salt),
                  static_cast<int>(salt.size()), iterations, static_cast<int>(hash.size()),
                  WC_HASH_TYPE_SHA256));
  return hash;
}

std::string random_octets(std::size_t count) {
  std::string random(count, '\0');
  WC_RNG source;
  check(wc_InitRng(&source));
  check(wc_RNG_GenerateBlock(&source, octets(random), static_cast<word32>(count)));
  wc_FreeRng(&source);
  return random;
}

}  // namespace sansmtp::cli

#include "sansmtp/openssl/hash_suite.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <limits>

#include "owned.hpp"

namespace sansmtp::openssl {

namespace {

using function = owned<EVP_MD, EVP_MD_free>;

const unsigned char* octets(bytes b) noexcept {
  // To HMAC a null pointer means the key of the last time.
  static constexpr unsigned char nothing = 0;
  return b.empty() ? &nothing : reinterpret_cast<const unsigned char*>(b.data());
}

unsigned char* octets(std::span<char> b) noexcept {
  return reinterpret_cast<unsigned char*>(b.data());
}

constexpr auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());

}  // namespace

struct hash_suite::functions {
  function md5{EVP_MD_fetch(nullptr, "MD5", nullptr)};
  function sha1{EVP_MD_fetch(nullptr, "SHA1", nullptr)};
  function sha256{EVP_MD_fetch(nullptr, "SHA256", nullptr)};

  [[nodiscard]] const EVP_MD* of(hash_algorithm h) const noexcept {
    switch (h) {
      case hash_algorithm::md5: return md5.get();
      case hash_algorithm::sha1: return sha1.get();
      case hash_algorithm::sha256: return sha256.get();
    }
    return nullptr;
  }
};

hash_suite::hash_suite() : functions_(std::make_unique<functions>()) {}
hash_suite::~hash_suite() = default;

bool hash_suite::hash(hash_algorithm h, bytes text, std::span<char> out) {
  const EVP_MD* const f = functions_->of(h);
  if (f == nullptr || out.size() != digest_size(h)) return false;
  return EVP_Digest(octets(text), text.size(), octets(out), nullptr, f, nullptr) == 1;
}

bool hash_suite::hmac(hash_algorithm h, bytes key, bytes text, std::span<char> out) {
  const EVP_MD* const f = functions_->of(h);
  if (f == nullptr || out.size() != digest_size(h) || key.size() > most) return false;
  return HMAC(f, octets(key), static_cast<int>(key.size()), octets(text), text.size(), octets(out),
              nullptr) != nullptr;
}

bool hash_suite::pbkdf2(hash_algorithm h, bytes password, bytes salt, std::uint32_t iterations,
                        std::span<char> out) {
  const EVP_MD* const f = functions_->of(h);
  if (f == nullptr || out.size() != digest_size(h)) return false;
  if (password.size() > most || salt.size() > most || iterations == 0 || iterations > most) {
    return false;
  }
  return PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(octets(password)),
                           static_cast<int>(password.size()), octets(salt),
                           static_cast<int>(salt.size()), static_cast<int>(iterations), f,
                           static_cast<int>(out.size()), octets(out)) == 1;
}

bool hash_suite::random(std::span<char> out) {
  return out.size() <= most && RAND_bytes(octets(out), static_cast<int>(out.size())) == 1;
}

}  // namespace sansmtp::openssl

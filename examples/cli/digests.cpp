#include "digests.hpp"

#include "failure.hpp"
#include "tls_library.hpp"

namespace sansmtp::cli {

namespace {

/// One suite for each thread, since none may be used by two at once.
hash_suite* suite() {
  thread_local const std::unique_ptr<hash_suite> own = make_hash_suite();
  return own.get();
}

hash_algorithm algorithm_of(digest d) noexcept {
  return d == digest::md5 ? hash_algorithm::md5 : hash_algorithm::sha256;
}

std::string make_room(digest d) { return std::string(digest_size(algorithm_of(d)), '\0'); }

void check(bool done) {
  if (!done) throw failure(exit_code::software, "a hash function failed");
}

}  // namespace

bool has_digests() noexcept { return suite() != nullptr; }

std::string hash_of(digest with, std::string_view text) {
  std::string hash = make_room(with);
  check(suite()->hash(algorithm_of(with), as_bytes(text), hash));
  return hash;
}

std::string hmac_of(digest with, std::string_view key, std::string_view text) {
  std::string hash = make_room(with);
  check(suite()->hmac(algorithm_of(with), as_bytes(key), as_bytes(text), hash));
  return hash;
}

std::string pbkdf2_of(std::string_view password, std::string_view salt, int iterations) {
  std::string hash = make_room(digest::sha256);
  check(suite()->pbkdf2(hash_algorithm::sha256, as_bytes(password), as_bytes(salt),
                        static_cast<std::uint32_t>(iterations), hash));
  return hash;
}

std::string random_octets(std::size_t count) {
  std::string random(count, '\0');
  check(suite()->random(random));
  return random;
}

}  // namespace sansmtp::cli

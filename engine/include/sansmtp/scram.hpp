// SCRAM: both sides prove that they know the password, and neither shows it (RFC 5802, RFC 7677).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sansmtp/hash_suite.hpp"
#include "sansmtp/sasl.hpp"

namespace sansmtp {

/// What a password becomes for one salt and iteration count; worth as much as the password itself
/// at the server that has this salt. Unused octets are zero.
struct scram_keys {
  std::array<char, max_digest_size> client{};
  std::array<char, max_digest_size> server{};
};

/// Keeps derived keys, so that only the first of many sessions pays for the derivation (RFC 5802
/// section 5.1): a server's salt and count for an account seldom change. One object serves any
/// number of accounts; it holds the newest eight and no password, and wipes them when it goes. Not
/// locked: it belongs to one thread at a time, and must outlive the mechanisms that use it. To keep
/// a loop from being blocked, call `keys` ahead of a session in another thread, with the salt and
/// count that an earlier exchange had.
class scram_key_cache {
 public:
  scram_key_cache() = default;
  scram_key_cache(const scram_key_cache&) = delete;
  scram_key_cache& operator=(const scram_key_cache&) = delete;
  ~scram_key_cache() { clear(); }

  /// Output: the keys, derived unless they are there; nullptr if the suite cannot. Valid until the
  /// next call.
  [[nodiscard]] const scram_keys* keys(hash_suite& suite, hash_algorithm hash,
                                       std::string_view password, std::string_view salt,
                                       std::uint32_t iterations);
  /// Command: wipes all.
  void clear() noexcept;

 private:
  struct entry {
    std::array<char, max_digest_size> mark{};   // of password, salt and count
    hash_algorithm hash = hash_algorithm::md5;  // no SCRAM has MD5: the entry is empty
    scram_keys keys;
  };
  static constexpr std::size_t capacity = 8;

  std::array<entry, capacity> entries_{};
  std::size_t next_ = 0;  // the oldest, to be replaced
};

/// Does SCRAM tie the authentication to the TLS link (-PLUS)?
enum class scram_binding : bool { off, plus };

/// Options of one SCRAM attempt.
struct scram_options {
  std::string authorization_id{};
  bool already_prepared = false;  ///< As for `make_plain` (SASL-02).
  /// A server that asks for more is refused: each million costs most of a second (SASL-08).
  std::uint32_t max_iterations = 10'000'000;
  scram_key_cache* cache = nullptr;  ///< Keeps the keys; nullptr: they are derived each time.
  /// For tests: the client's nonce. Empty: 18 octets of the suite's randomness in base64 (SASL-06).
  std::string nonce{};
};

/// SCRAM-SHA-1 or SCRAM-SHA-256, or their -PLUS variants (`check` refuses MD5). The plain variant
/// is not used where the server offers -PLUS and the link can be bound, and tells the server so
/// where only the offer is missing (SASL-11): put both into the list of mechanisms.
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_scram(hash_algorithm hash, scram_binding binding,
                                                         std::string name, std::string password,
                                                         hash_suite& suite,
                                                         scram_options options = {});

}  // namespace sansmtp

// From credentials to the list of mechanisms that may use them, best first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/hash_suite.hpp"
#include "sansmtp/sasl.hpp"
#include "sansmtp/scram.hpp"

namespace sansmtp {

/// Who somebody is, and how they show it. A plain value; the secret is wiped when it goes.
struct credentials {
  enum class kind : std::uint8_t {
    password,  ///< SCRAM, PLAIN, LOGIN, CRAM-MD5.
    token,     ///< OAUTHBEARER, XOAUTH2.
    external,  ///< EXTERNAL: whatever the link itself proves, e.g. a client certificate.
  };

  kind what = kind::password;
  std::string name;
  std::string secret;             ///< The password or the token.
  std::string authorization_id;   ///< Act as somebody else: PLAIN, SCRAM, EXTERNAL.
  bool already_prepared = false;  ///< Non-ASCII octets went through SASLprep (SASL-02).
  std::string host;               ///< The server's name and port, for OAUTHBEARER; may be left out.
  std::uint16_t port = 0;

  ~credentials() { wipe(secret); }
};

/// How much a mechanism does for its user.
enum class auth_strength : std::uint8_t {
  any,
  hidden,  ///< The secret is not shown: CRAM-MD5, SCRAM, EXTERNAL.
  mutual,  ///< The server proves that it knows the secret, too: SCRAM.
  bound,   ///< And nobody stands between: the -PLUS variants.
};

/// What may be used.
struct mechanism_options {
  hash_suite* suite = nullptr;       ///< Without one there is neither SCRAM nor CRAM-MD5.
  scram_key_cache* cache = nullptr;  ///< See `scram_options`.
  std::uint32_t max_scram_iterations = 10'000'000;
  /// Nothing weaker is used, whatever the server offers and refuses (SEC-05).
  auth_strength minimum = auth_strength::any;
  /// The caller's own choice and order, names in any case. Empty: the order of AUTH-12.
  std::vector<std::string_view> names;
};

/// Getter: mechanisms for `session::authenticate`, best first: SCRAM-SHA-256-PLUS,
/// SCRAM-SHA-1-PLUS, SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, LOGIN, CRAM-MD5; OAUTHBEARER, XOAUTH2;
/// EXTERNAL (AUTH-12). The session takes the first that the server offers and the link allows.
[[nodiscard]] std::vector<std::unique_ptr<sasl_mechanism>> make_mechanisms(
    const credentials& who, const mechanism_options& options = {});

}  // namespace sansmtp

// SASL mechanisms as pure steps: challenge in, response out. The engine does base64, "*", line
// limits and the choice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sansmtp/channel_binding.hpp"
#include "sansmtp/error.hpp"
#include "sansmtp/hash_suite.hpp"

namespace sansmtp {

/// Command: overwrites the string's octets so that the compiler cannot leave it out, then empties
/// it (SEC-03).
void wipe(std::string& secret) noexcept;

/// What an exchange gives away to whoever sees it.
enum class exposure : std::uint8_t {
  nothing,
  guessable,  ///< Enough to try out passwords at leisure: needs TLS (AUTH-12).
  secret,     ///< The secret itself: needs TLS with a verified peer (AUTH-13).
};

/// What a session tells a mechanism of the link and of the server's offer before it begins.
struct sasl_link {
  bool tls = false;
  bool verified = false;      ///< Was the peer's identity proven?
  bool plus_offered = false;  ///< Does the server offer this mechanism's name with "-PLUS", too?
  channel_binding binding{};  ///< Empty: the link cannot be bound.
};

/// One attempt to authenticate with one mechanism (SASL-16). The session owns it, uses it for one
/// exchange and destroys it; it must wipe its secrets then. Never called from two threads. The
/// session calls `check`, `bind` and `initial_response` once each, in this order, then `respond`
/// for each challenge.
class sasl_mechanism {
  // All of it is inline, so that a class with run-time types may derive from it: the engine has
  // none.
 public:
  sasl_mechanism() = default;
  sasl_mechanism(const sasl_mechanism&) = delete;
  sasl_mechanism& operator=(const sasl_mechanism&) = delete;
  virtual ~sasl_mechanism() = default;

  /// Getter: the name as in the EHLO reply, upper case; a static string.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Getter: what the exchange gives away, which decides over which links it may run.
  [[nodiscard]] virtual exposure exposes() const noexcept = 0;

  /// Getter: `errc::none`, or `bad_argument` if the credentials cannot be used with this mechanism;
  /// it is asked before the first octet goes out.
  [[nodiscard]] virtual errc check() const noexcept = 0;

  /// Input: the link that the exchange will run over. Returns `errc::none`, or why the mechanism
  /// cannot or must not be used on it; then the next one is tried.
  [[nodiscard]] virtual errc bind([[maybe_unused]] const sasl_link& link) { return errc::none; }

  /// Output: the initial response, raw (not base64). Nothing: the server speaks first (AUTH-05). An
  /// empty one differs from nothing (AUTH-03).
  [[nodiscard]] virtual std::optional<std::string> initial_response() = 0;

  /// Input and output: the answer to a challenge, both raw. Nothing: give up, and the session sends
  /// "*" (AUTH-08).
  [[nodiscard]] virtual std::optional<std::string> respond(std::string_view challenge) = 0;

  /// Getter: may the server say 235 now? False while the server still has to prove itself
  /// (AUTH-10).
  [[nodiscard]] virtual bool satisfied() const noexcept = 0;

  /// Getter: why `respond` gave up. `server_not_proven` ends the session: the peer is not who it
  /// should be (SASL-10).
  [[nodiscard]] virtual errc reason() const noexcept { return errc::auth_bad_challenge; }

  /// Getter: the secret in clear, which the session masks in replies that repeat it (SEC-06), as it
  /// does with the lines that were sent; empty if there is none. Valid as long as the mechanism.
  [[nodiscard]] virtual std::string_view secret() const noexcept { return {}; }

  /// Getter: what the server said inside the exchange about its refusal, safe to be shown and
  /// without any secret; it becomes the `detail` of the event. Valid as long as the mechanism.
  [[nodiscard]] virtual std::string_view detail() const noexcept { return {}; }
};

// Names, passwords and tokens are moved into the mechanism and wiped with it. `check` refuses an
// empty name or secret, NUL and controls (SASL-01, SASL-02, SASL-15); non-ASCII names and passwords
// must be valid UTF-8 and `already_prepared` by the caller.

/// PLAIN (RFC 4616).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_plain(std::string name, std::string password,
                                                         std::string authorization_id = {},
                                                         bool already_prepared = false);

/// LOGIN (draft-murchison-sasl-login): answers the first challenge with the name, the second with
/// the password, whatever they say; gives up at a third (SASL-03).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_login(std::string name, std::string password,
                                                         bool already_prepared = false);

/// CRAM-MD5 (RFC 2195): an old one that shows no password, but does not prove the server (SASL-04).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_cram_md5(std::string name, std::string password,
                                                            hash_suite& suite,
                                                            bool already_prepared = false);

/// EXTERNAL (RFC 4422 appendix A): the identity comes from outside, for example a client
/// certificate (SASL-05).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_external(std::string authorization_id = {});

/// XOAUTH2, as Google and Microsoft describe it (SASL-14).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_xoauth2(std::string user, std::string token);

/// OAUTHBEARER (RFC 7628). An empty `user`, an empty `host` and port 0 are left out (SASL-13).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_oauthbearer(std::string user, std::string token,
                                                               std::string host = {},
                                                               std::uint16_t port = 0);

}  // namespace sansmtp

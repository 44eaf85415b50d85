// SASL mechanisms as pure steps: challenge in, response out. The engine does base64, "*", line
// limits and the choice.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sansmtp/error.hpp"

namespace sansmtp {

/// Command: overwrites the string's octets so that the compiler cannot leave it out, then empties
/// it (SEC-03).
void wipe(std::string& secret) noexcept;

/// One attempt to authenticate with one mechanism (SASL-16). The session owns it, uses it for one
/// exchange and destroys it; it must wipe its secrets then. Never called from two threads.
class sasl_mechanism {
 public:
  sasl_mechanism() = default;
  sasl_mechanism(const sasl_mechanism&) = delete;
  sasl_mechanism& operator=(const sasl_mechanism&) = delete;
  virtual ~sasl_mechanism() = default;

  /// Getter: the name as in the EHLO reply, upper case; a static string.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Getter: does the exchange show the secret to the peer or to who listens? Then it needs TLS
  /// with a verified peer (AUTH-13).
  [[nodiscard]] virtual bool reveals_secret() const noexcept = 0;

  /// Getter: `errc::none`, or `bad_argument` if the credentials cannot be used with this mechanism;
  /// it is asked before the first octet goes out.
  [[nodiscard]] virtual errc check() const noexcept = 0;

  /// Output: the initial response, raw (not base64). Nothing: the server speaks first (AUTH-05). An
  /// empty one differs from nothing (AUTH-03).
  [[nodiscard]] virtual std::optional<std::string> initial_response() = 0;

  /// Input and output: the answer to a challenge, both raw. Nothing: give up, and the session sends
  /// "*" (AUTH-08).
  [[nodiscard]] virtual std::optional<std::string> respond(std::string_view challenge) = 0;

  /// Getter: may the server say 235 now? False while the server still has to prove itself
  /// (AUTH-10).
  [[nodiscard]] virtual bool satisfied() const noexcept = 0;
};

/// PLAIN (RFC 4616). `check` refuses an empty name or password, NUL and controls (SASL-01,
/// SASL-02); non-ASCII fields must be valid UTF-8 and `already_prepared` by the caller.
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_plain(std::string name, std::string password,
                                                         std::string authorization_id = {},
                                                         bool already_prepared = false);

/// LOGIN (draft-murchison-sasl-login): answers the first challenge with the name, the second with
/// the password, whatever they say; gives up at a third (SASL-03).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_login(std::string name, std::string password,
                                                         bool already_prepared = false);

/// EXTERNAL (RFC 4422 appendix A): the identity comes from outside, for example a client
/// certificate (SASL-05).
[[nodiscard]] std::unique_ptr<sasl_mechanism> make_external(std::string authorization_id = {});

}  // namespace sansmtp

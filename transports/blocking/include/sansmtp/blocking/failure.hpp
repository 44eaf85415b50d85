// What went wrong, with all that is known about it, owned.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include "sansmtp/event.hpp"

namespace sansmtp::blocking {

/// A failure and its context (ERR-01).
struct failure {
  /// A condition of the engine (`errc`), or the system's: from a socket (`std::errc` values
  /// compare) or from name resolution (`resolver_category`). No error: nothing has failed.
  std::error_code error;
  failure_category category = failure_category::none;
  operation_id id = 0;          ///< The mail or command that failed; 0: the connection.
  verb stage = verb::greeting;  ///< Where it failed; before there was a connection: the greeting.
  std::uint32_t recipient = 0;  ///< Index into the envelope, if the stage is `rcpt`.
  std::string command;          ///< The line it answers, secrets masked; may be empty.
  int code = 0;                 ///< Of the reply; 0 if there was none.
  enhanced_status enhanced;     ///< Of the reply.
  std::string text;             ///< Of the reply, raw, lines joined by LF.
  std::string excerpt;          ///< The offending octets of a protocol or limit failure.
  std::string server;  ///< The address in use: "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path".
  bool tls = false;    ///< Was TLS on?

  /// Getter: has anything failed?
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(error); }
};

/// Getter: one line for a person, made safe for a terminal (REP-21), e.g.
/// "192.0.2.1:25: rcpt: 550 5.1.1 no such user".
[[nodiscard]] std::string to_string(const failure& what);

}  // namespace sansmtp::blocking

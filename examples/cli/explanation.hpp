// Failures in words: what happened, and what to do about it.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>

#include "connection_options.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "sansmtp/blocking/failure.hpp"
#include "sansmtp/delivery.hpp"
#include "session_notes.hpp"

namespace sansmtp::cli {

/// Getter: the index of the first recipient, of at least one, whose outcome is the exit code's.
[[nodiscard]] std::size_t worst_of(const delivery& report);

/// How and where something failed; what a `delivery` and a `blocking::failure` have in common.
struct mishap {
  std::error_code error;
  verb stage = verb::greeting;
  int code = 0;           ///< Of the reply; 0 if there was none.
  std::string text;       ///< Of the reply.
  bool in_doubt = false;  ///< May somebody have got the mail nevertheless?

  /// Getter: why a mail failed as a whole. If the link was lost, but each recipient had been
  /// refused before, the refusal is the reason. No error if it was delivered to anybody.
  [[nodiscard]] static mishap of(const delivery& report);
  /// Getter: the same of a session.
  [[nodiscard]] static mishap of(const std::error_code& error, const blocking::failure& last);
};

/// Getter: the sentence for a person, and what to do about it where the error alone tells. It ends
/// without a full stop, so that more may follow.
[[nodiscard]] std::string explain(const std::error_code& error);

/// Getter: the same with all that is known of the connection, and the exit code.
[[nodiscard]] failure explain(const mishap& what, const connection_options& options,
                              const session_notes& notes);

/// Getter: the exit code for a mail or a session that failed so; `ok` for no error. `reply_code` is
/// that of the reply that came with it, 0 if none did.
[[nodiscard]] exit_code exit_code_of(const std::error_code& error, int reply_code = 0) noexcept;

/// Getter: the exit code of one recipient's outcome.
[[nodiscard]] exit_code exit_code_of(const recipient_report& r) noexcept;

}  // namespace sansmtp::cli

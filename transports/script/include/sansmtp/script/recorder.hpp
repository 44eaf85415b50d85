// A real session, written down as a transcript.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sansmtp/sansmtp.hpp"

namespace sansmtp::script {

/// How much of a session is written down.
struct recorder_options {
  /// Content of more octets is replaced by as many others, so that the transcript stays small; what
  /// the engine writes but for these octets is the same. If that would expand to more than a
  /// transcript may hold (`max_transcript_octets`) it is replaced by fewer, and a comment says so.
  std::size_t longest_content = 64 * 1024;
};

/// Writes down what happens in a session so that it can be played again (`play`, `sansmtp replay`):
/// the server's replies with their times, what the user asked, how the link ended. What the engine
/// wrote and told is added when the text is made, by playing it.
///
/// It works with any adapter: it is told each event of the session, whose `session_config::trace`
/// must be on, and each command of the user. Secrets are never in it, since the engine masks them
/// in trace events; a transcript has `masked` in their place. A mechanism whose server proves that
/// it knows the password (SCRAM) can be recorded, but its play fails at that proof.
///
/// Nothing it is given is kept by reference. It calls no clock: times are those that it is told,
/// and only their differences matter.
class recorder {
 public:
  /// `now` is the time at which the link is up, `local` what `session::connected` was told; without
  /// it the name that the session used is written down.
  recorder(time_point now, const session_config& config, const endpoint_info& local = {},
           recorder_options options = {});
  recorder(recorder&&) noexcept;
  recorder& operator=(recorder&&) noexcept;
  ~recorder();

  /// Input: a word for the reader, as a comment at the top: where to, what for.
  void comment(std::string_view text);

  // -- what the user asks, told before or after the session is ------------------------------------

  /// Input: `session::send`. Mails get the numbers 1, 2 and so on.
  void send(time_point now, const envelope& env, const message& content);
  /// Input: `session::lend`, if the chunk was taken.
  void lend(time_point now, bytes chunk, bool last);
  /// Input: `session::cancel` for the mail of this number.
  void cancel(time_point now, std::uint32_t number);
  /// Input: `session::authenticate`, as a transcript spells it: `plain:user:password`, or more of
  /// them joined by `+`. The password is masked.
  void authenticate(time_point now, std::string_view mechanisms);
  /// Input: any other command as a transcript spells it: `quit`, `noop`, `raw XFOO`.
  void command(time_point now, std::string_view text);

  // -- what happens -------------------------------------------------------------------------------

  /// Input: `session::tls_established`.
  void tls_established(time_point now, const tls_info& info);
  /// Input: an event of the session, in the order in which the session told them.
  void take(time_point now, const event& e);

  // -- the transcript -----------------------------------------------------------------------------

  /// Getter: all so far as a transcript that can be played, if what happened can be written down:
  /// where a play of it ends otherwise than the session did, a comment at the top says so.
  [[nodiscard]] std::string text() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sansmtp::script

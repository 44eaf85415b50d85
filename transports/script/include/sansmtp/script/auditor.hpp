// What must hold in every session, whatever its server, its link and its user do.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sansmtp/sansmtp.hpp"

namespace sansmtp::script {

/// Watches a session from outside, octets of both sides and events, keeps books of its own and
/// remembers the first thing that is never allowed: the player of transcripts and the fuzz harness
/// are judged by it. It knows nothing of what a particular dialogue should be.
///
/// It reads what the session writes line by line: form, order and grouping of commands, what may be
/// said in clear text, content as it was given. It compares what the session tells with the replies
/// that it was given: each mail done once, nobody `delivered` or `in_doubt` without an accepted
/// RCPT and a terminator, a refusal kept. And it looks at deadlines, memory and the end.
///
/// All octets are those of the dialogue, inside TLS in clear text. Nothing that it is given is kept
/// by reference.
class auditor {
 public:
  /// A command line, or the end of content, that was handed out.
  struct command_line {
    std::string text;     ///< Without CRLF; of content its dot.
    std::size_t end = 0;  ///< Octets of all that was handed out up to here.
  };

  auditor();
  auditor(auditor&&) noexcept;
  auditor& operator=(auditor&&) noexcept;
  ~auditor();

  // -- what the user asks -------------------------------------------------------------------------

  /// Input: the session's options, before it does anything. `told`: each mail and each command of
  /// the user will be told, too; if not, only what needs no book of them is judged.
  void open(const session_config& config, bool told = true);
  /// Input: `session::send` returned this id. What is given to a session that is over is done
  /// behind `closed`.
  void mail(const session& s, mail_id id, const envelope& env, const message& content);
  /// Input: `session::lend` took a chunk.
  void lent(bytes chunk, bool last);
  /// Input: `session::authenticate` or another command returned this id.
  void command(const session& s, operation_id id, bool is_auth);
  /// Input: a line of the user's own, without CRLF, is given to `session::raw`.
  void raw(std::string_view line);
  /// Input: octets that no event may show, nor any line before a peer that may see them: a
  /// password, a token. Fewer than four octets might be anywhere and are not looked for.
  void watch_for(std::string_view secret);

  // -- what the link does -------------------------------------------------------------------------

  /// Input: `session::tls_established` is called.
  void tls_up(bool verified);
  /// Input: octets of the server, before the session reads them.
  void received(std::string_view octets);
  /// Input: octets of the session that `output` offers for the first time.
  void handed_out(const session& s, std::string_view octets);
  /// Input: so many of them, from the first that was not yet reported, were written for sure.
  void sent(std::size_t octets);
  /// Input: octets that were handed out and written at once.
  void written(const session& s, std::string_view octets);

  // -- what the session tells ---------------------------------------------------------------------

  /// Input: an event, when it is taken, in the session's order.
  void event_taken(const event& e);
  /// Input: all octets and events of this moment were taken. `asked`: output was asked for, so that
  /// the deadline is that of what was handed out.
  void rest(const session& s, time_point now, bool asked);
  /// Input: the link ends, the time is up, or the user aborts: from here on nothing may be written,
  /// and what is not decided is decided by what was written (attacks B15). `write_in_flight`:
  /// octets are lent of which the transport has not said yet that none was written.
  void fault(const session& s, bool write_in_flight);
  /// Input: all that a fault causes was taken; nothing may be open any more.
  void after_fault(const session& s);

  /// Getter: do the octets handed out so far end inside content, or inside a line?
  [[nodiscard]] bool inside_content() const noexcept;
  [[nodiscard]] bool inside_line() const noexcept;
  /// Getter: what was handed out so far and wants a reply, in order; valid until the next input.
  [[nodiscard]] std::span<const command_line> commands() const noexcept;
  /// Getter: how many complete replies the session was given.
  [[nodiscard]] std::size_t replies() const noexcept;
  /// Getter: what is wrong; empty if nothing. Valid until the next input.
  [[nodiscard]] const std::string& problem() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sansmtp::script

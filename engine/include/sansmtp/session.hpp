// The state machine: octets and time in, octets and events out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sansmtp/buffer.hpp"
#include "sansmtp/capabilities.hpp"
#include "sansmtp/config.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/message.hpp"
#include "sansmtp/sasl.hpp"
#include "sansmtp/time_point.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp {

/// What the transport knows about its own end; read only during `connected`.
struct endpoint_info {
  std::string_view host_name;  ///< This host's name; used if it is a Domain with a dot (SESS-14).
  std::string_view local_address;  ///< Numeric, "192.0.2.5" or "2001:db8::5" (SESS-15).
};

/// Where a session stands.
enum class phase : std::uint8_t {
  unconnected,  ///< `connected` has not been called.
  opening,      ///< Greeting, EHLO, TLS, AUTH.
  ready,        ///< Mails and commands.
  quitting,     ///< QUIT is on its way.
  closed,       ///< Over.
};

/// A client session of SMTP (RFC 5321) or LMTP (RFC 2033) without I/O, clock, thread, lock,
/// exception or global state.
/// One thread at a time. Four kinds of method: *input* (the world tells the engine), *output* (the
/// engine tells the world), *command* (the user asks), *getter*. The order to call them: after
/// anything, take `next_event()` until there is none and write all that `output()` offers, as long
/// as either has something; then wait for octets or for `deadline()`.
///
/// Four rules of lifetime: input is read only during `receive`; views from `output()` live until
/// `sent()` and nothing else disturbs them; a borrowed message lives until its `mail_done`; an
/// event lives until the next `next_event()`.
class session {
 public:
  explicit session(session_config config = {});
  /// A session that was moved from may only be destroyed or assigned to.
  session(session&&) noexcept;
  session& operator=(session&&) noexcept;
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  /// Destroying it is safe in any state; untaken events are lost (CORE-10).
  ~session();

  // -- input --------------------------------------------------------------------------------------
  // Times never go back: an earlier `now` than the last one counts as the last one (TIME-02).

  /// Input: the link is up. Starts the greeting timer, or asks for TLS first in
  /// `tls_mode::implicit`.
  void connected(time_point now, const endpoint_info& local = {});

  /// Input: octets from the peer, all of them eaten; they are read only during the call. Replies
  /// are acted on also while output is pending (CORE-04). Ignored once closed (CORE-07).
  void receive(time_point now, bytes octets);
  /// Not of a literal, which would bring its NUL: `as_bytes` takes the text alone.
  template <octet_array T>
  void receive(time_point now, T&& octets) = delete;

  /// Command: has the processor fetch what the next reply will need, and changes nothing. With
  /// thousands of sessions each has left the cache in the meantime, so their loop calls it as soon
  /// as it knows which one is next.
  void prefetch() const noexcept;

  /// Input: the peer closed, or the link broke (`why`, the transport's error). Before telling this,
  /// a transport whose write failed tells `sent` with what it wrote, zero included, and reads to
  /// the end, for the last words of the server.
  void receive_end(time_point now, std::error_code why = {});

  /// Input: `n` octets of the views that `output()` lent last were written, and the others were
  /// not: they will be offered again (CORE-03). After this those views are void. Restarts the timer
  /// of content if n > 0 (TIME-05).
  void sent(time_point now, std::size_t n);

  /// Input: time passes. Acts if a deadline is reached (TIME-06).
  void advance(time_point now);

  /// Input: the handshake that `upgrade_to_tls` asked for is done. All that was learnt in clear
  /// text is forgotten (TLS-06).
  void tls_established(time_point now, const tls_info& info);
  /// Input: it failed, or what it made broke later; `why` is the transport's, or an `errc` that
  /// says more than `errc::tls_failed`. `answer` is what the peer said in clear text instead, if
  /// that is the reason. Before the greeting it also says that there will be no TLS, whatever
  /// happens. No further octet leaves (TLS-08).
  void tls_failed(time_point now, std::error_code why, bytes answer = {});
  /// Input: it is done, but the caller finds it too weak: QUIT is the next command (TLS-09).
  void tls_rejected(time_point now);

  // -- output -------------------------------------------------------------------------------------

  /// Output: what may be written now, as a gather list; empty if nothing. Formatting happens here
  /// and nowhere else, so a write may be in flight while commands are queued and replies arrive:
  /// until `sent()` the same views come back, or none once the session is over, though their octets
  /// stay where they are. A command counts as handed out, and its timer runs, from here.
  [[nodiscard]] std::span<const bytes> output(time_point now);

  /// Output: when `advance` must be called at the latest; nothing if no timer runs (TIME-07).
  [[nodiscard]] std::optional<time_point> deadline() const noexcept;
  /// Getter: which step the deadline belongs to; meaningful only if there is one.
  [[nodiscard]] verb deadline_of() const noexcept;

  /// Output: the next event, or nullptr if there is none now; valid until the next call. The
  /// `mail_done` of a borrowed message is held back while a write of its octets is in flight.
  [[nodiscard]] const event* next_event();

  // -- command ------------------------------------------------------------------------------------
  // All only enqueue, in any phase before the end, and never write. EHLO, AUTH and a raw line are
  // refused with `bad_state` while a mail is being sent. A refusal arrives as the event that
  // completes the command; each command is completed exactly once (CORE-05). They run in the order
  // given, but NOOP, VRFY, EXPN and HELP, if next in the queue, may run between the RCPTs of a mail
  // (CMD-18).

  /// Command: a mail. The envelope is copied, see `message` for the content. Completed by
  /// `mail_done`.
  mail_id send(const envelope& env, message content);

  /// Command: the next chunk of the streamed message that `ready_for_data` or `chunk_released`
  /// asked for; `last` ends the content (an empty last chunk is fine). The octets stay the caller's
  /// and must live until `chunk_released`, or `mail_done` if that comes first. Returns `bad_state`
  /// if nothing was asked for; then nothing is kept.
  errc lend(bytes chunk, bool last);
  /// Not of a literal, which would bring its NUL, nor of a temporary, which dies too soon.
  template <class T>
  requires(octet_array<T> || octets_on_leave<T>) errc lend(T&& chunk, bool last)
  = delete;

  /// Command: takes back a mail that has not begun: it is `not_attempted`. Returns whether it was
  /// so; if not, nothing changes, and `cancel` may do more.
  bool withdraw(mail_id mail);
  /// Command: give up a mail. Not begun: `not_attempted`. Before DATA, and between two chunks of
  /// BDAT: RSET before the next (BDAT-13). After DATA was handed out the only way out is to close
  /// the link (TXN-20). After the terminator or the last chunk was handed out nothing can be taken
  /// back: the reply decides.
  void cancel(mail_id mail);

  /// Command: authenticate, with the first of `mechanisms` that is offered and allowed. Before the
  /// session is ready it is part of the opening, and its failure is the session's (SESS-26), or
  /// with `auth_optional` perhaps only a warning that carries the id; later it is completed by
  /// `authenticated` or by `command_done` with an error.
  operation_id authenticate(std::vector<std::unique_ptr<sasl_mechanism>> mechanisms);

  operation_id hello();  ///< Command: EHLO or LHLO again, when idle (SESS-18).
  operation_id noop(std::string_view arg = {});  ///< Command: NOOP.
  operation_id reset();                          ///< Command: RSET, between mails.
  operation_id verify(std::string_view arg);     ///< Command: VRFY.
  operation_id expand(std::string_view arg);     ///< Command: EXPN.
  operation_id help(std::string_view arg = {});  ///< Command: HELP.
  /// Command: one line as it is, without its CRLF, when idle; it must be an extension of the
  /// caller's (not one of the engine's own verbs nor SEND, SOML, SAML, TURN) and get one reply
  /// (CMD-18).
  operation_id raw(std::string_view line);

  /// Command: QUIT, after all that was queued before it. `closed` completes it.
  void quit();
  /// Command: QUIT as soon as the protocol allows it: a mail before 354 is aborted, queued ones
  /// are not attempted (SESS-25). Content that the server waits for is ended as ever, with its
  /// chunks if it is streamed, and its verdict awaited before; `cancel` and `abort` do not wait.
  void quit_now();
  /// Command: the end, at once and without an octet; outcomes as for a lost link (CORE-10).
  void abort(std::error_code why = make_error_code(errc::aborted));

  // -- getter -------------------------------------------------------------------------------------

  /// Getter: the envelope of the mail whose `mail_done` is the event taken last, copied: for who
  /// sends a mail again and keeps no envelopes himself. An empty one if that event is another one.
  [[nodiscard]] envelope envelope_of_event() const;
  /// Command: gives back the content of that mail, borrowed or owned as it was given; once, and an
  /// empty message if there is none. Who sends the mail again need not keep it meanwhile.
  [[nodiscard]] message content_of_event();
  [[nodiscard]] const session_config& config() const noexcept;
  /// Getter: what the last EHLO reply offered; empty before it and in a HELO session (SESS-12).
  [[nodiscard]] const capabilities& peer() const noexcept;
  /// Getter: first word of the last greeting, and the rest of its first line (SESS-02); valid until
  /// the next input.
  [[nodiscard]] std::string_view server_name() const noexcept;
  [[nodiscard]] std::string_view banner() const noexcept;
  [[nodiscard]] phase where() const noexcept;
  /// Getter: is the link inside TLS, and was its peer verified?
  [[nodiscard]] bool tls_active() const noexcept;
  [[nodiscard]] bool tls_verified() const noexcept;
  /// Getter: ready, nothing queued, nothing outstanding, nothing to write?
  [[nodiscard]] bool idle() const noexcept;
  /// Getter: is it over? Output may still hold a QUIT that is worth one try. If a write is in
  /// flight, cancel it and tell `sent`: until then events are held back that show what it may be
  /// reading.
  [[nodiscard]] bool closed() const noexcept;
  /// Getter: does it wait for a handshake that the transport makes (TLS-04)?
  [[nodiscard]] bool awaits_handshake() const noexcept;
  /// Getter: was QUIT among what `output()` offered? Then it ended, or will end, in order.
  [[nodiscard]] bool said_quit() const noexcept;
  /// Getter: how often octets that `output()` could have offered, or has, were taken back. Who
  /// encrypts octets before they are written must not write those (`channel` shows how).
  [[nodiscard]] std::uint32_t withdrawals() const noexcept;
  /// Getter: commands handed out and not answered.
  [[nodiscard]] std::size_t in_flight() const noexcept;
  /// Getter: octets held by the session itself: objects, queues and buffers with their capacity,
  /// but neither borrowed nor owned message content.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sansmtp

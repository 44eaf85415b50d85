// What the engine tells: events, pulled one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>

#include "sansmtp/error.hpp"
#include "sansmtp/outcome.hpp"
#include "sansmtp/reply.hpp"
#include "sansmtp/verb.hpp"

namespace sansmtp {

/// Names one thing that the user asked for; monotonic in a session, 0 means none.
using operation_id = std::uint64_t;
/// The same for a mail.
using mail_id = operation_id;

/// Of the text of a reply a result keeps so many octets at most, in whole lines where it has
/// several: a mail may have many recipients, and a server much to say to each (LIM-01).
inline constexpr std::size_t kept_reply_octets = 4096;

/// What became of one recipient. All views live as long as the event that shows them.
struct recipient_result {
  std::string_view address;  ///< As in the envelope.
  outcome result = outcome::pending;
  verb stage = verb::mail;  ///< Where it was decided; `mail` also for local refusals.
  errc why = errc::none;    ///< None if delivered.
  hint advice = hint::none;
  reply answer;  ///< The deciding reply, if there was one; its text: see `kept_reply_octets`.
  /// The enhanced code that the engine suggests for a local obstacle (OUT-05); else none: see
  /// `answer`.
  enhanced_status suggested;

  /// Getter: the category of `why` (OUT-01).
  [[nodiscard]] failure_category category() const noexcept { return category_of(why); }
};

/// One event. A `switch` over `what` is the visitor. Everything in it lives until the next
/// `next_event()` of its session.
struct event {
  enum class kind : std::uint8_t {
    reply_parsed,  ///< Trace only: a reply came; `answers` is its command, `answer` the reply.
    line_sent,     ///< Trace only: a command line was handed out; `command`, secrets masked.
    content_sent,  ///< Trace only: `octets` of content were written.
    greeted,       ///< A greeting came, the first one or the one behind XCLIENT; `answer`.
    /// Start the handshake, then say `tls_established` or `tls_failed`. Take all events first:
    /// `closed` may follow at once, if octets came in behind the 220 (TLS-05).
    upgrade_to_tls,
    authenticated,       ///< AUTH succeeded; `detail` names the mechanism.
    ready,               ///< The session is open for mails. Once.
    session_failed,      ///< It will never be; `answers` says at which stage. Instead of `ready`.
    sender_accepted,     ///< MAIL was answered with 2yz.
    sender_rejected,     ///< MAIL was refused; each recipient gets this reply.
    recipient_accepted,  ///< So far: the outcome follows in `mail_done`.
    recipient_rejected,  ///< Refused by the server; final.
    /// 354 came, or by BDAT the first chunk of a streamed message may leave. Lend the first piece
    /// of a streamed message.
    ready_for_data,
    chunk_released,  ///< The chunk lent last is the caller's again; lend the next.
    mail_done,       ///< Exactly once for each mail; `results` has one entry for each recipient.
    command_done,    ///< Exactly once for each other command; `answer` or `error`.
    warning,         ///< Something odd that changes nothing; `error` or `detail` says what.
    closed,          ///< The last event: write what output() still offers, then close the link.
  };

  kind what = kind::closed;
  verb answers = verb::greeting;  ///< The command or stage that it is about.
  operation_id id = 0;            ///< The mail or command; 0 if it is about the session.
  /// Index into the envelope's recipients: whom a recipient event is about, and of `mail_done` the
  /// one whose outcome and reply it shows as the mail's.
  std::uint32_t recipient = 0;
  /// For `mail_done`: the outcome that all recipients share, else the first one that is not
  /// `delivered`, in the order in_doubt, deferred, not_attempted, rejected. For recipient_rejected:
  /// the recipient's.
  outcome result = outcome::pending;
  hint advice = hint::none;
  bool tls = false;  ///< Was TLS on (ERR-01)?
  reply answer;      ///< The reply that it is about, if there is one.
  /// Why it failed; no error for a success, for a clean end, and for a mail that was delivered to
  /// some of its recipients. Compare with `errc` values, or see `category`; it may be a foreign
  /// code that the caller gave (`abort`, `tls_failed`, `receive_end`).
  std::error_code error;
  failure_category category = failure_category::none;
  /// The command line that it answers, without CRLF, secrets masked; empty for the greeting and for
  /// successes unless it is a trace event.
  std::string_view command;
  /// For protocol and limit failures: the offending octets as received, at most 256, never of AUTH.
  std::string_view excerpt;
  /// A word for a person: the mechanism's name, what a warning is about, or what the server said
  /// inside a failed AUTH exchange.
  std::string_view detail;
  std::uint64_t octets = 0;                     ///< For `content_sent`.
  std::span<const recipient_result> results{};  ///< For `mail_done`; empty after a usage error.
};

/// Getter: the kind's name, e.g. "mail_done"; a static string.
[[nodiscard]] std::string_view to_string(event::kind k) noexcept;

}  // namespace sansmtp

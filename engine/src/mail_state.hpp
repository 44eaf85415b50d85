// One mail on its way through a session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "event_queue.hpp"
#include "expected.hpp"
#include "sansmtp/dot_stuffer.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/message.hpp"
#include "text_buffer.hpp"

namespace sansmtp::detail {

/// A reply that a result shows: its text is kept in the mail.
struct kept_reply {
  std::uint16_t code = 0;
  text_span text;
};

/// How far a recipient is.
enum class rcpt_step : std::uint8_t {
  waiting,   // RCPT not formatted
  asked,     // RCPT formatted, no reply yet
  accepted,  // 2yz
  refused,   // 4yz or 5yz, or refused locally
};

/// What ends a mail, or a part of it.
struct verdict {
  verb stage = verb::mail;
  errc why = errc::none;
  hint advice = hint::none;
  kept_reply answer;
  enhanced_status suggested;
};

/// One recipient, and once it has its outcome what decided it.
struct rcpt_state : verdict {
  rcpt_step step = rcpt_step::waiting;
  outcome result = outcome::pending;
  std::uint64_t end = 0;  // output position behind its RCPT
  text_span line;         // "RCPT TO:<address>", in the mail's text
  errc bad = errc::none;  // what is wrong with the address
  bool utf8 = false;      // the address needs SMTPUTF8

  void decide(outcome o, const verdict& v) noexcept {
    result = o;
    static_cast<verdict&>(*this) = v;
  }
};

/// Where the sender is with a mail.
enum class mail_step : std::uint8_t {
  queued,    // nothing formatted
  rcpts,     // MAIL formatted, some RCPT perhaps
  data,      // DATA formatted
  content,   // 354 came, content on its way
  finished,  // terminator formatted
};

/// What changes while a mail is on its way.
struct mail_progress {
  mail_step step = mail_step::queued;
  std::uint32_t next_rcpt = 0;
  std::uint32_t accepted = 0;
  std::uint32_t owed = 0;  // replies to MAIL, RCPT and DATA outstanding
  bool checked = false;    // nothing local is in its way
  bool mail_formatted = false;
  bool sender_refused = false;
  bool rcpt_refused = false;  // by the server, at least one
  bool cancelled = false;
  bool enough_rcpts = false;  // the server takes no more in this transaction (TXN-10)
  bool rode = false;          // MAIL went out behind content without a reply (PIPE-17)
  bool delivered = false;

  // Content.
  bytes rest;  // not yet staged
  bool last_chunk = true;
  bool wants_chunk = false;  // lend() is welcome
  bool lending = false;      // a chunk is lent and not released
  bool warned_long = false;
  bool eight_bit = false;       // MAIL declared it, or nobody cares
  std::uint64_t chunk_end = 0;  // output position behind the chunk
  std::uint64_t content_begin = 0;
  std::uint64_t content_end = expected::open;  // output position behind the terminator
};

/// Has an envelope anything but addresses? Most have not, and then those are all that is copied.
[[nodiscard]] inline bool has_parameters(const envelope& e) noexcept {
  if (e.return_content != dsn_return::unset || !e.envelope_id.empty() || e.authenticated_sender ||
      e.require_tls || !e.deliver_by.empty() || e.priority || !e.hold_for.empty() ||
      !e.hold_until.empty() || !e.parameters.empty()) {
    return true;
  }
  for (const recipient& r : e.recipients) {
    if (r.notification != notify::unset || !r.original.empty() || !r.parameters.empty())
      return true;
  }
  return false;
}

/// A mail. Objects of this kind are recycled: `start` sets everything, strings keep their capacity.
struct mail_state : mail_progress {
  static constexpr std::string_view mail_from = "MAIL FROM:<";
  static constexpr std::string_view rcpt_to = "RCPT TO:<";

  operation_id id = 0;
  text_span mail_line;  // "MAIL FROM:<address>", in `text`
  errc bad_sender = errc::none;
  bool utf8_sender = false;
  bool utf8_recipient = false;  // at least one
  bool skip_bad_recipients = false;
  bool parameters = false;  // `env` is set
  message content;
  content_facts facts;  // set, as the stuffer is, when the mail is looked at
  dot_stuffer stuffer;
  std::vector<rcpt_state> rcpts;
  text_buffer text;                  // the lines, and the text of kept replies
  std::size_t place = 0;             // among all mails of the session
  std::uint32_t released = 0;        // by which count it became free
  mail_state* next_spare = nullptr;  // while it waits to be used again
  verdict sender_verdict;            // MAIL's refusal, if `sender_refused`
  envelope env;                      // for its parameters only

  mail_state() noexcept;
  mail_state(const mail_state&) = delete;
  mail_state& operator=(const mail_state&) = delete;
  ~mail_state();

  void start(operation_id new_id, const envelope& e, message&& m) {
    id = new_id;
    content = std::move(m);
    static_cast<mail_progress&>(*this) = mail_progress();
    parameters = has_parameters(e);
    if (parameters) keep_parameters(e);
    skip_bad_recipients = e.skip_bad_recipients;

    text.clear();
    mail_line = begin_line(mail_from, e.sender);
    bad_sender = e.sender.error();
    utf8_sender = e.sender.is_utf8();
    utf8_recipient = false;
    rcpts.resize(e.recipients.size());
    rcpt_state* to = rcpts.data();
    for (const recipient& r : e.recipients) {
      *to = rcpt_state{};
      to->line = begin_line(rcpt_to, r.address);
      to->bad = r.address.error();
      to->utf8 = r.address.is_utf8();
      utf8_recipient |= to->utf8;
      ++to;
    }
  }

  /// Getter: the forward-path of a recipient, without its brackets.
  [[nodiscard]] std::string_view address_of(const rcpt_state& r) const noexcept {
    const std::size_t around = rcpt_to.size() + 1;
    return text.view(r.line.at + rcpt_to.size(), r.line.size - around);
  }

  // Inline since it is on the way of every mail.
  [[nodiscard, gnu::always_inline]] kept_reply keep(const reply& r) {
    const std::string_view kept = first_lines(r.text(), kept_reply_octets);
    const kept_reply k{
        static_cast<std::uint16_t>(r.code()),
        {static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(kept.size())}};
    text.append(kept);
    return k;
  }
  [[nodiscard]] reply show(const kept_reply& k) const noexcept {
    if (k.code == 0) return {};
    return {k.code, text.view(k.text.at, k.text.size)};
  }

  /// Getter: the envelope as it was given, copied.
  [[nodiscard]] envelope given_envelope() const;

  /// Frees owned content.
  void give_content_back() noexcept;

  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  void keep_parameters(const envelope& e);
  /// A command up to the end of its path.
  [[nodiscard]] text_span begin_line(std::string_view command, const path& address) {
    const std::size_t at = text.size();
    text.append(command, address.text(), '>');
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(text.size() - at)};
  }
};

}  // namespace sansmtp::detail

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

struct rcpt_state {
  rcpt_step step = rcpt_step::waiting;
  outcome result = outcome::pending;
  verb stage = verb::mail;
  errc why = errc::none;
  hint advice = hint::none;
  kept_reply answer;
  enhanced_status suggested;
  std::uint64_t end = 0;  // output position behind its RCPT
};

/// Where the sender is with a mail.
enum class mail_step : std::uint8_t {
  queued,    // nothing formatted
  rcpts,     // MAIL formatted, some RCPT perhaps
  data,      // DATA formatted
  content,   // 354 came, content on its way
  finished,  // terminator formatted, or the mail is over
};

/// What ends a mail, or a part of it.
struct verdict {
  verb stage = verb::mail;
  errc why = errc::none;
  hint advice = hint::none;
  kept_reply answer;
  enhanced_status suggested;
};

/// What changes while a mail is on its way.
struct mail_progress {
  mail_step step = mail_step::queued;
  std::uint32_t next_rcpt = 0;
  std::uint32_t accepted = 0;
  std::uint32_t owed = 0;    // replies to MAIL, RCPT and DATA outstanding
  bool checked = false;       // nothing local is in its way
  bool mail_formatted = false;
  bool sender_refused = false;
  bool rcpt_refused = false;  // by the server, at least one
  bool cancelled = false;
  bool enough_rcpts = false;  // the server takes no more in this transaction (TXN-10)
  bool rode = false;          // MAIL went out behind content without a reply (PIPE-17)
  bool delivered = false;
  verdict sender_verdict;     // MAIL's refusal

  // Content.
  content_facts facts;
  dot_stuffer stuffer;
  bytes rest;                 // not yet staged
  bool last_chunk = true;
  bool wants_chunk = false;   // lend() is welcome
  bool lending = false;       // a chunk is lent and not released
  bool warned_long = false;
  bool eight_bit = false;     // MAIL declared it, or nobody cares
  std::uint64_t chunk_end = 0;    // output position behind the chunk
  std::uint64_t content_begin = 0;
  std::uint64_t content_end = expected::open;  // output position behind the terminator
};

/// Copies an envelope so that strings and vectors keep their capacity, which the standard assignment
/// does as well, but without touching what is empty on both sides: most parameters of most mails.
/// Returns whether there are any parameters at all.
inline bool copy_envelope(envelope& to, const envelope& from) {
  const auto copy = [](auto& t, const auto& f) {
    if (!(t.empty() && f.empty())) t = f;
    return !f.empty();
  };
  bool extras = from.return_content != dsn_return::unset || from.require_tls || from.priority ||
                from.authenticated_sender;
  to.sender = from.sender;
  to.recipients.resize(from.recipients.size());
  for (std::size_t i = 0; i < from.recipients.size(); ++i) {
    recipient& t = to.recipients[i];
    const recipient& f = from.recipients[i];
    t.address = f.address;
    t.notification = f.notification;
    copy(t.original, f.original);
    copy(t.parameters, f.parameters);
  }
  to.return_content = from.return_content;
  extras |= copy(to.envelope_id, from.envelope_id);
  if (to.authenticated_sender || from.authenticated_sender) {
    to.authenticated_sender = from.authenticated_sender;
  }
  to.require_tls = from.require_tls;
  extras |= copy(to.deliver_by, from.deliver_by);
  to.priority = from.priority;
  extras |= copy(to.hold_for, from.hold_for);
  extras |= copy(to.hold_until, from.hold_until);
  extras |= copy(to.parameters, from.parameters);
  to.skip_bad_recipients = from.skip_bad_recipients;
  return extras;
}

/// A mail. Objects of this kind are recycled: `start` sets everything, strings keep their capacity.
struct mail_state : mail_progress {
  operation_id id = 0;
  envelope env;
  bool extras = false;  // MAIL has parameters beyond SIZE, BODY and SMTPUTF8
  message content;
  std::vector<rcpt_state> rcpts;
  text_buffer text;           // of kept replies

  void start(operation_id new_id, const envelope& e, message&& m) {
    id = new_id;
    extras = copy_envelope(env, e);
    content = std::move(m);
    static_cast<mail_progress&>(*this) = mail_progress();
    rcpts.assign(e.recipients.size(), rcpt_state{});
    text.clear();
  }

  [[nodiscard]] kept_reply keep(const reply& r) {
    const kept_reply k{static_cast<std::uint16_t>(r.code()),
                       {static_cast<std::uint32_t>(text.size()),
                        static_cast<std::uint32_t>(r.text().size())}};
    text.append(r.text());
    return k;
  }
  [[nodiscard]] reply show(const kept_reply& k) const noexcept {
    if (k.code == 0) return {};
    return {k.code, text.view(k.text.at, k.text.size)};
  }

  [[nodiscard]] std::size_t memory() const noexcept;
};

}  // namespace sansmtp::detail

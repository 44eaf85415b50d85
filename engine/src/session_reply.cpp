// The receiver: what a reply means. It pops what is owed, looks at the table of reactions, and
// acts.
#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "reply_parser_inline.hpp"
#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::hint_of;
using detail::mail_step;
using detail::outcome_of;
using detail::rcpt_step;
using detail::reaction;
using detail::refusal;
using detail::trait;

}  // namespace

void session::impl::trace_reply(verb about, const reply& r) {
  if (!config_.trace) return;
  // Nothing of an AUTH exchange is ever shown (SEC-03).
  const bool secret = detail::is(about, trait::exchange) && r.first_digit() == 3;
  tell_event(event::kind::reply_parsed, about,
             secret ? reply{r.code(), detail::auth_mask::mask_text} : r);
}

/// Holds a reply that waits for `sent()`, and acts on one that came too early.
void session::impl::untimely(detail::window::timing how, const reply& r) {
  if (how == detail::window::timing::waits) {
    held_reply_ = r.code();
    held_.text = r.text();
    return;
  }
  const expected& e = window_.oldest();
  trace_reply(e.what, r);
  premature(e, r);
}

/// A reply to content decides all recipients that the server had accepted, or one of them
/// (LMTP-04).
[[gnu::always_inline]] inline void session::impl::decide_content(const expected& e, outcome o,
                                                                 const verdict& v) {
  if (e.mail->each) {
    e.mail->decide(e.mail->rcpts[e.recipient], o, v);
  } else {
    conclude(*e.mail, o, v);
  }
}

/// Acts on a reply that came before all of its command had left (TXN-27).
void session::impl::premature(const expected& e, const reply& r) {
  if (detail::reaction_of(detail::any_verb, r.code()) == reaction::close_session) {
    server_closes(r, e.what, e.end);
    return;
  }
  if (e.is.has(trait::early) && e.mail != nullptr && r.first_digit() >= 4) {
    refuse_content(e, r);
    fail({refusal(r), e.what, {}, r, hint::none, {}});
    return;
  }
  fail_unexpected(errc::unsolicited_reply, e.what, r);
}

/// A reply that has no place here. Nothing of an exchange of AUTH is ever shown (SEC-03).
void session::impl::fail_unexpected(errc why, verb about, const reply& r) {
  const bool secret = detail::is(about, trait::exchange);
  fail({why,
        about,
        {},
        secret ? reply{} : r,
        hint::none,
        secret ? std::string_view() : r.text().substr(0, excerpt_octets)});
}

// -- reactions to what is said of mails -----------------------------------------------------------
// Inline where nearly every mail has such a reply. A reply to a mail that is over means nothing.

[[gnu::always_inline]] inline void session::impl::accept_sender(const expected& e, const reply& r) {
  if (e.mail == nullptr || !config_.progress) return;
  tell_event(event::kind::sender_accepted, verb::mail, r).id = e.mail->id;
}

[[gnu::always_inline]] inline void session::impl::accept_recipient(const expected& e,
                                                                   const reply& r) {
  if (e.mail == nullptr) return;
  mail_state& m = *e.mail;
  m.rcpts[e.recipient].step = rcpt_step::accepted;
  ++m.accepted;
  if (config_.progress && !m.sender_refused) {  // PIPE-12
    detail::pending_event& told = tell_event(event::kind::recipient_accepted, verb::rcpt, r);
    told.id = m.id;
    told.recipient = e.recipient;
  }
}

/// The server took or refused the content.
[[gnu::always_inline]] inline void session::impl::answer_content(const expected& e, reaction what,
                                                                 const reply& r) {
  if (e.mail == nullptr) return;
  mail_state& m = *e.mail;
  const bool taken = what == reaction::deliver || what == reaction::take_last_chunk;
  if (m.verdicts == detail::prdr::announced && taken) [[unlikely]]
    return take_verdicts(m);
  m.delivered |= taken;
  delivered_ |= taken;
  if (taken) {
    decide_content(e, outcome::delivered, {e.what, errc::none, hint::none, m.keep(r), {}});
  } else {
    decide_content(e, outcome_of(r), refusal_by(m, e.what, r));
  }
}

/// Each accepted recipient will have a reply of its own, and then all of them have one.
void session::impl::announce_verdicts(const expected& e, const reply& r) {
  if (e.mail->verdicts != detail::prdr::asked) return violated(e, r);
  e.mail->verdicts = detail::prdr::announced;
  window_.owe_verdicts(*e.mail, e.end, now_);
}

/// Keeps what one recipient's reply says: without the reply for all it decides nothing (PRDR-03).
void session::impl::note_verdict(const expected& e, const reply& r) {
  mail_state& m = *e.mail;
  verdict& own = m.rcpts[e.recipient];
  if (r.first_digit() == 2) {
    own = {verb::content, errc::none, hint::none, m.keep(r), {}};
  } else {
    own = refusal_by(m, verb::content, r);
  }
}

/// The reply for all says that the content was taken, so each recipient's own one decides.
void session::impl::take_verdicts(mail_state& m) {
  m.delivered = true;  // the transaction is over in any case
  for (detail::rcpt_state& to : m.rcpts) {
    if (to.result != outcome::pending || to.step != rcpt_step::accepted) continue;
    const outcome own = to.why == errc::none                  ? outcome::delivered
                        : to.why == errc::refused_permanently ? outcome::rejected
                                                              : outcome::deferred;
    delivered_ |= own == outcome::delivered;
    m.decide(to, own, to);
  }
}

/// The verdict on content that the server was not to take any more, since its envelope or an
/// earlier chunk was refused. If it says that it took it, nobody knows what it has for those whom
/// it had accepted (BDAT-09, BDAT-14).
void session::impl::answer_unwanted(const expected& e, reaction what, const reply& r) {
  mail_state& m = *e.mail;
  if (what != reaction::take_last_chunk) {
    conclude(m, outcome::deferred, m.refusal);
    return;
  }
  const verdict doubt{e.what, errc::contradictory_reply, hint::none, m.keep(r), {}};
  decide_accepted(m, outcome::in_doubt, doubt);
  fail({errc::contradictory_reply, e.what, {}, r, hint::none, {}});
}

/// The verdict on content that went by BDAT.
void session::impl::answer_last_chunk(const expected& e, reaction what, const reply& r) {
  if (e.mail == nullptr) return;
  const mail_state& m = *e.mail;
  const bool wanted = m.accepted != 0 && !m.sender_refused && !m.chunk_refused;
  return wanted ? answer_content(e, what, r) : answer_unwanted(e, what, r);
}

/// A chunk that is not the last was taken or refused.
void session::impl::answer_chunk(const expected& e, reaction what, const reply& r) {
  if (e.mail == nullptr) return;
  --e.mail->chunks_owed;
  if (what == reaction::refuse_chunk) refuse_chunk(*e.mail, e.what, r);
}

/// A chunk was refused, and with it the content (BDAT-08). Behind a last chunk its reply decides.
void session::impl::refuse_chunk(mail_state& m, verb at, const reply& r) {
  if (m.sender_refused || m.chunk_refused || m.accepted == 0) return;
  m.chunk_refused = true;
  m.refusal = refusal_by(m, at, r);
  if (m.step == mail_step::chunks) conclude(m, outcome::deferred, m.refusal);
}

/// The server refused content, or a part of it, before all of that was known to have left.
void session::impl::refuse_content(const expected& e, const reply& r) {
  const reaction what = detail::reaction_of(e.what, r.code());
  if (what == reaction::refuse_chunk) return answer_chunk(e, what, r);
  if (what == reaction::refuse_last_chunk) return answer_last_chunk(e, what, r);
  answer_content(e, reaction::refuse_content, r);
}

/// MAIL was refused. Where it ran ahead of a verdict that may have been for its place: then the
/// server takes nothing before its verdict, whatever it offers, and nothing runs ahead any more.
void session::impl::refuse_mail(const expected& e, reaction what, const reply& r) {
  if (e.mail == nullptr) return;
  const bool for_its_place = what == reaction::refuse_place && e.mail->rode;
  if (for_its_place) {
    level_ = std::min(level_, pipelining_level::envelope);
    outstanding_ = config_.limits.outstanding;
  }
  refuse_sender(*e.mail, for_its_place ? errc::ran_ahead : refusal(r), r);
}

// -- reactions to what is said of the session and of the user's commands --------------------------

void session::impl::answer_reset(const expected& e, reaction what, const reply& r) {
  --rset_owed_;
  const bool refused = what == reaction::refuse_reset;
  if (e.id != 0 && refused) {
    fail_command(e, refusal(r), r);
  } else if (e.id != 0) {
    tell_event(event::kind::command_done, e.what, r).id = e.id;
  }
  if (refused) leave({errc::reset_refused, e.what, {}, r, hint::none, {}});  // TXN-18
}

void session::impl::complete_command(const expected& e, const reply& r) {
  if (r.first_digit() >= 4) {
    fail_command(e, refusal(r), r);
  } else {
    tell_event(event::kind::command_done, e.what, r).id = e.id;
  }
}

/// The server closes the connection instead of an answer.
void session::impl::answer_closing(const expected& e, reaction what, const reply& r) {
  if (what == reaction::close_at_sender && e.mail != nullptr) {
    refuse_sender(*e.mail, errc::service_closing, r);
  }
  if (e.id != 0) fail_command(e, errc::service_closing, r);
  server_closes(r, e.what, e.end);
}

void session::impl::violated(const expected& e, const reply& r) {
  if (e.id != 0) fail_command(e, errc::unexpected_reply, r);
  fail_unexpected(errc::unexpected_reply, e.what, r);
}

/// Once QUIT was decided, outstanding replies are ignored, except those that complete a user's
/// command or close the session.
bool session::impl::ignores(reaction what, const expected& e, const reply& r) {
  if (e.mail != nullptr || e.id != 0 || e.is.has(trait::final)) return false;
  if (what == reaction::close_session || what == reaction::close_at_sender) return false;
  // But where the server waits for content, QUIT would be content: then there is only silence.
  if (what == reaction::start_content) {
    fail({errc::contradictory_reply, e.what, {}, r, hint::none, {}});
  }
  return true;
}

/// Does what the table says. Part of `on_reply`, and inline since this is the way of every reply.
[[gnu::always_inline]] inline void session::impl::react(reaction what, const expected& e,
                                                        const reply& r) {
  if (stage_ == stage::leaving && ignores(what, e, r)) return;
  switch (what) {
    case reaction::open: return greeted(r);
    case reaction::take_capabilities: return take_capabilities(r);
    case reaction::go_without_extensions: return go_without_extensions();
    case reaction::start_handshake: return start_handshake();
    case reaction::start_over: return start_over(r);
    case reaction::accept_login: return accept_login(r);
    case reaction::answer_challenge: return answer_challenge(r);
    case reaction::accept_sender: return accept_sender(e, r);
    case reaction::accept_recipient: return accept_recipient(e, r);
    case reaction::start_content:
    case reaction::refuse_data: return answer_data(e, r);
    case reaction::deliver:
    case reaction::refuse_content: return answer_content(e, what, r);
    case reaction::take_last_chunk:
    case reaction::refuse_last_chunk: return answer_last_chunk(e, what, r);
    case reaction::take_chunk:
    case reaction::refuse_chunk: return answer_chunk(e, what, r);
    case reaction::announce_verdicts: return announce_verdicts(e, r);
    case reaction::note_verdict: return note_verdict(e, r);
    case reaction::note_reset:
    case reaction::refuse_reset: return answer_reset(e, what, r);
    case reaction::complete: return complete_command(e, r);
    case reaction::ignore: return;
    case reaction::end_session: return finish_leaving();
    case reaction::close_session:
    case reaction::close_at_sender: return answer_closing(e, what, r);
    case reaction::refuse_session:
    case reaction::fail_opening:
    case reaction::try_helo:
    case reaction::refuse_hello: return refuse_opening(e, what, r);
    case reaction::refuse_tls: return refuse_tls(r);
    case reaction::refuse_forward: return refuse_forward(r);
    case reaction::refuse_login: return login_failed(errc::auth_refused, r);
    case reaction::refuse_mechanism: return refuse_mechanism(r);
    case reaction::note_cancelled: return login_failed(login_->cancelled, r);
    case reaction::refuse_sender:
    case reaction::refuse_place: return refuse_mail(e, what, r);
    case reaction::refuse_recipient:
    case reaction::refuse_surplus:
    case reaction::refuse_storage: return refuse_recipient(e, what, r);
    case reaction::violation: return violated(e, r);
    default: detail::not_in_the_table();
  }
}

/// What may be shown of something that the server said: nothing that was sent in an exchange of
/// AUTH (SEC-06).
std::string session::impl::masked(std::string_view said) const {
  std::string into;
  return std::string(mask_ == nullptr ? said : mask_->shown(said, login_ != nullptr, into));
}

/// The same of a reply, valid until the next one; but a challenge is computed with, and never
/// shown.
reply session::impl::masked(const reply& r) {
  const bool challenge =
      window_.awaits(trait::exchange) &&
      detail::reaction_of(window_.oldest().what, r.code()) == reaction::answer_challenge;
  if (challenge) return r;
  return {r.code(), mask_->shown(r.text(), login_ != nullptr, masked_reply_)};
}

/// Part of `read`, as `react` is.
[[gnu::always_inline]] inline void session::impl::on_reply(const reply& r) {
  if (window_.empty()) {
    const verb about = login_ && login_->current ? verb::auth : detail::any_verb;
    trace_reply(about, r);
    if (detail::reaction_of(detail::any_verb, r.code()) == reaction::close_session) {
      server_closes(r, detail::any_verb, out_.sent());  // SESS-23
    } else {
      fail_unexpected(errc::unsolicited_reply, about, r);
    }
    return;
  }
  const detail::window::timing how = window_.timing_of(r.code(), out_);
  if (how != detail::window::timing::counts) return untimely(how, r);
  if (config_.trace) trace_reply(window_.oldest().what, r);
  const expected e = window_.answer(now_);
  react(detail::reaction_of(e.what, r.code()), e, r);
  if (e.mail != nullptr) settle(*e.mail);
}

/// Makes the parser ready for what is owed next. False if nothing is to be read now.
bool session::impl::prepare_parser(bytes octets) {
  if (stage_ == stage::closed) return false;
  if (held_reply_ != 0) {
    hold(octets);
    return false;
  }
  long_lines_ = login_ != nullptr && window_.awaits(trait::exchange);
  const limits& limit = config_.limits;
  parser_.line_limit(long_lines_ ? std::max(limit.auth_line, limit.reply.line)
                                 : limit.reply.line);  // AUTH-09
  if (!window_.awaits(trait::by_transport)) return true;
  // Whatever comes before the handshake was not said under its protection (TLS-05).
  const bool implicit = config_.tls == tls_mode::implicit;
  fail({implicit ? errc::plaintext_peer : errc::injection,
        implicit ? verb::handshake : verb::starttls,
        {},
        {},
        hint::none,
        as_text(octets).substr(0, excerpt_octets)});
  return false;
}

/// Takes a reply that is not there as a single line. False if there is none.
bool session::impl::parse_by_octets(bytes& octets, reply& r) {
  const reply_parser::status status = parser_.parse(octets);
  if (status == reply_parser::status::need_more) return false;
  if (status != reply_parser::status::complete) {
    garbled(long_lines_, octets);
    return false;
  }
  if (parser_.saw_bare_lf() && !warned_bare_lf_) {
    warned_bare_lf_ = true;
    warn(errc::bare_lf_in_reply, {});
  }
  r = parser_.result();
  return true;
}

/// Takes a reply off the octets; false if there is none that may be acted upon now.
[[gnu::always_inline]] inline bool session::impl::next_reply(bytes& octets, reply& r) {
  if (octets.empty()) return false;
  // Only the opening, AUTH and the end have replies that are not parsed like any other.
  const bool like_any_other =
      stage_ == stage::ready && login_ == nullptr && !long_lines_ && held_reply_ == 0;
  if (!like_any_other && !prepare_parser(octets)) return false;
  return parser_.whole_reply(octets, r) || parse_by_octets(octets, r);
}

/// Acts on the replies in `octets`, and before them on one that was `held`, if there is one.
void session::impl::read(const reply* held, bytes octets) {
  reply r;
  if (held != nullptr) [[unlikely]] {
    r = *held;
  } else if (!next_reply(octets, r)) {
    return;
  }
  do {
    if (mask_ != nullptr) [[unlikely]]
      r = masked(r);
    on_reply(r);
  } while (next_reply(octets, r));
}

/// A plain command got a reply that is no success.
void session::impl::fail_command(const expected& e, errc why, const reply& r) {
  detail::pending_event& done = tell_event(event::kind::command_done, e.what, r);
  done.id = e.id;
  fill_failure(done, {why, e.what, {}, r, hint_of(r, e.what), {}});
}

// -- mails ----------------------------------------------------------------------------------------

/// MAIL was refused, and with it every recipient (TXN-04).
void session::impl::refuse_sender(mail_state& m, errc why, const reply& r) {
  m.sender_refused = true;
  // A server that has taken mails and now takes none for a while has had enough of this session.
  const bool enough = delivered_ && why == errc::refused_transiently;
  const hint advice = enough ? hint::another_connection : hint_of(r, verb::mail);
  m.refusal = {verb::mail, why, advice, m.keep(r), {}};
  detail::pending_event& told = tell_event(event::kind::sender_rejected, verb::mail, r);
  told.id = m.id;
  told.error = std::error_code(why);
  told.category = category_of(why);
  told.advice = advice;
  told.command = events_.keep(command_of(verb::mail, &m, 0));
}

/// Decides a mail that is over before DATA, if it is. (TXN-04, TXN-07, TXN-08, TXN-20)
void session::impl::end_envelope(mail_state& m) {
  const errc why = given_up(m);
  const bool all_asked =
      m.enough_rcpts ||
      std::all_of(m.rcpts.begin() + static_cast<std::ptrdiff_t>(m.next_rcpt), m.rcpts.end(),
                  [](const detail::rcpt_state& r) { return r.step == rcpt_step::refused; });
  if (!m.sender_refused && why == errc::none && !(all_asked && m.accepted == 0)) return;
  conclude(m, outcome::deferred, {verb::rcpt, why, hint::none, {}, {}});
}

void session::impl::refuse_recipient(const expected& e, reaction what, const reply& r) {
  if (e.mail == nullptr) return;
  mail_state& m = *e.mail;
  detail::rcpt_state& to = m.rcpts[e.recipient];
  to.step = rcpt_step::refused;
  m.rcpt_refused = true;
  // After a refused MAIL the replies to RCPT say nothing about the recipients (PIPE-12).
  if (m.sender_refused) return;
  detail::pending_event& told = tell_event(event::kind::recipient_rejected, verb::rcpt, r);
  told.id = m.id;
  told.recipient = e.recipient;
  // RFC 5321 section 4.5.3.1.10: 552 may mean what 452 does; X.5.3 says so, another status denies.
  const enhanced_status status = r.enhanced();
  const bool surplus = what == reaction::refuse_surplus ||
                       (what == reaction::refuse_storage &&
                        (!status || (status.subject == 5 && status.detail == 3)));
  const bool crowded = surplus && m.accepted != 0;
  verdict v = refusal_by(m, verb::rcpt, r);
  if (crowded) {  // TXN-09
    v.why = errc::recipient_limit;
    v.advice = hint::too_many_recipients;
  }
  m.decide(to, crowded ? outcome::deferred : outcome_of(r), v);
  told.result = to.result;
  told.advice = to.advice;
  told.error = std::error_code(to.why);
  told.category = failure_category::reply;
  told.command = events_.keep(command_of(verb::rcpt, &m, e.recipient));
  // The first such reply ends the envelope (TXN-10). A mail that was given up has not met a limit.
  if (!crowded || std::exchange(m.enough_rcpts, true) || given_up(m) != errc::none) return;
  for (detail::rcpt_state& other : m.rcpts) {
    if (other.step != rcpt_step::waiting || other.result != outcome::pending) continue;
    m.decide(other, outcome::not_attempted, to);
  }
}

void session::impl::answer_data(const expected& e, const reply& r) {
  if (e.mail == nullptr) return;
  mail_state& m = *e.mail;
  if (r.first_digit() != 3) {  // TXN-11, PIPE-08
    conclude(m, outcome_of(r), refusal_by(m, verb::data, r));
    return;
  }
  if (m.accepted == 0) {
    conclude(m, outcome::deferred, m.refusal);  // else all have their own refusal
    // The server wants content for nobody: the terminator alone ends it without a message
    // (PIPE-09).
    pressing_ = verb::lone_dot;
    ++m.owed;
    return;
  }
  if (m.sender_refused) {
    // A lone dot could deliver an empty message (PIPE-11). A mail that rode behind another's
    // content was perhaps refused only for its place, so its refusal is not held against its
    // recipients.
    if (m.rode) m.sender_refused = false;
    fail({errc::contradictory_reply, verb::data, {}, r, hint::none, {}});
    return;
  }
  if (m.cancelled) {
    fail({errc::session_aborted, verb::data, {}, {}, hint::none, {}});  // TXN-20
    return;
  }
  m.step = mail_step::content;
  if (m.content.is_streamed()) {
    dotted_.start_stream(config_.line_ends);
    m.wants_chunk = true;
  } else {
    dotted_.start(config_.line_ends, m.content.content(), m.facts, dots_);
  }
  m.each = lmtp();
  window_.owe_content(m, out_, now_);
  if (config_.progress || m.content.is_streamed()) {
    tell_event(event::kind::ready_for_data, verb::data, r).id = m.id;
  }
}

}  // namespace sansmtp

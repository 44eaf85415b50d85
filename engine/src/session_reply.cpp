// The receiver: what a reply means. It pops what is owed, looks at the table of reactions, and
// acts.
#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "reply_parser_inline.hpp"
#include "sansmtp/base64.hpp"
#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::mail_step;
using detail::rcpt_step;
using detail::reaction;

constexpr std::size_t auth_line_with_response = 512;  // with CRLF (AUTH-04)
constexpr unsigned auth_rounds = 10;                  // more challenges than any mechanism has

errc refusal(const reply& r) noexcept {
  return r.first_digit() == 5 ? errc::refused_permanently : errc::refused_transiently;
}

/// What a code says beyond its class (TXN-24, AUTH-11).
hint hint_of(const reply& r, verb about = verb::mail) noexcept {
  if (r.code() == 530) return hint::auth_or_tls_required;
  return r.code() == 432 && about == verb::auth ? hint::password_transition : hint::none;
}

}  // namespace

void session::impl::trace_reply(verb about, const reply& r) {
  if (!config_.trace) return;
  // Nothing of an AUTH exchange is ever shown (SEC-03).
  const bool secret = about == verb::auth && r.first_digit() == 3;
  tell_event(event::kind::reply_parsed, about,
             secret ? reply{r.code(), detail::auth_mask::mask_text} : r);
}

/// Not all of the command that a reply answers was reported as written. True if it may have been,
/// and the reply counts now.
bool session::impl::is_timely(const reply& r) {
  const expected& e = owed_.front();
  if (e.end <= out_.handed()) {
    if (e.what != verb::content || e.mail == nullptr) return true;
    // Whether the terminator has left is open while a write is in flight. A refusal is one either
    // way; a success waits for the transport's word.
    if (r.first_digit() <= 3) {
      held_reply_ = r.code();
      held_text_ = r.text();
      return false;
    }
  }
  trace_reply(e.what, r);
  premature(e, r);
  return false;
}

/// A reply before its command has left. Only content can be answered early (TXN-27).
void session::impl::premature(const expected& e, const reply& r) {
  if (r.code() == 421) {
    server_closes(r, e.what, e.end);
    return;
  }
  if (e.what == verb::content && e.mail != nullptr && r.first_digit() >= 4) {
    mail_state& m = *e.mail;
    conclude(m, r.first_digit() == 5 ? outcome::rejected : outcome::deferred,
             {verb::content, refusal(r), hint_of(r), m.keep(r), {}});
    fail({refusal(r), verb::content, {}, r, hint::none, {}});
    return;
  }
  fail_unexpected(errc::unsolicited_reply, e.what, r);
}

/// A reply that has no place here. Nothing of an exchange of AUTH is ever shown (SEC-03).
void session::impl::fail_unexpected(errc why, verb about, const reply& r) {
  const bool secret = about == verb::auth || about == verb::auth_cancel;
  fail({why,
        about,
        {},
        secret ? reply{} : r,
        hint::none,
        secret ? std::string_view() : r.text().substr(0, excerpt_octets)});
}

/// Part of `react`, as most mails have nothing but such replies.
[[gnu::always_inline]] inline void session::impl::accept_recipient(const expected& e,
                                                                   const reply& r) {
  mail_state& m = *e.mail;
  m.rcpts[e.recipient].step = rcpt_step::accepted;
  ++m.accepted;
  if (config_.progress && !m.sender_refused) {  // PIPE-12
    detail::pending_event& told = tell_event(event::kind::recipient_accepted, verb::rcpt, r);
    told.id = m.id;
    told.recipient = e.recipient;
  }
  settle(m);
}

/// Part of `on_reply`, and inline since this is the way of every reply.
[[gnu::always_inline]] inline void session::impl::react(reaction what, const expected& e,
                                                        const reply& r) {
  // What was owed when a polite end began is read and changes nothing; what is the user's still
  // ends by its reply.
  if (stage_ == stage::leaving && e.mail == nullptr && e.id == 0 && e.what != verb::quit) {
    // But where the server waits for content, QUIT would be content: then there is only silence.
    if (what == reaction::start_content) {
      fail({errc::contradictory_reply, e.what, {}, r, hint::none, {}});
    }
    return;
  }
  switch (what) {
    case reaction::open:
      read_greeting(r);
      tell_event(event::kind::greeted, verb::greeting, r);
      pressing_ = verb::ehlo;
      return;

    case reaction::take_capabilities:
      peer_.assign(r, config_.ignored_keywords);
      for (std::size_t i = 0; i < peer_.skipped(); ++i) {
        warn(errc::none, "a line of the EHLO reply has no valid keyword and is ignored");
      }
      for (std::size_t i = 0; i < peer_.duplicates(); ++i) {
        warn(errc::none, "a keyword stands twice in the EHLO reply; the first counts");
      }
      if (hello_id_ != 0) {
        tell_event(event::kind::command_done, verb::ehlo, r).id = std::exchange(hello_id_, 0);
        return;
      }
      proceed_opening();
      return;

    case reaction::go_without_extensions:
      peer_.clear();  // SESS-12
      proceed_opening();
      return;

    case reaction::start_handshake:
      owed_.push({verb::handshake, 0, nullptr, 0, 0});
      group_closed_ = true;
      tell_event(event::kind::upgrade_to_tls, verb::handshake);
      return;

    case reaction::accept_login: {
      const bool proven = login_->current->satisfied() && !login_->held_back;
      if (!proven) {
        fail({errc::server_not_proven, verb::auth, {}, r, hint::none, {}});  // AUTH-10
        return;
      }
      authenticated_ = true;
      detail::pending_event& done = tell_event(event::kind::authenticated, verb::auth, r);
      done.id = login_->id;
      done.detail = events_.keep(login_->current->name());
      login_.reset();
      if (config_.ehlo_after_auth) {
        pressing_ = verb::ehlo;  // AUTH-14
      } else if (stage_ == stage::opening) {
        become_ready();
      }
      return;
    }

    case reaction::answer_challenge:
      if (r.code() != 334) break;  // REP-05: another 3yz is no challenge
      answer_challenge(r);
      return;

    case reaction::accept_sender:
      if (e.mail == nullptr) return;
      if (config_.progress) {
        tell_event(event::kind::sender_accepted, verb::mail, r).id = e.mail->id;
      }
      settle(*e.mail);
      return;

    case reaction::accept_recipient:
      if (e.mail != nullptr) accept_recipient(e, r);
      return;

    case reaction::refuse_recipient:
      if (e.mail != nullptr) refuse_recipient(e, r);
      return;

    case reaction::start_content:
    case reaction::refuse_data:
      if (e.mail != nullptr) answer_data(*e.mail, r);
      return;

    case reaction::deliver:
    case reaction::refuse_content: {
      if (e.mail == nullptr) return;
      mail_state& m = *e.mail;
      m.delivered = what == reaction::deliver;
      delivered_ |= m.delivered;
      const outcome o = m.delivered            ? outcome::delivered
                        : r.first_digit() == 5 ? outcome::rejected
                                               : outcome::deferred;
      conclude(m, o,
               {verb::content, m.delivered ? errc::none : refusal(r), hint_of(r), m.keep(r), {}});
      finish(m);
      return;
    }

    case reaction::note_reset:
      --rset_owed_;
      if (e.id != 0) tell_event(event::kind::command_done, verb::rset, r).id = e.id;
      return;

    case reaction::complete:
      if (r.first_digit() >= 4) {
        fail_command(e, refusal(r), r);
      } else {
        tell_event(event::kind::command_done, e.what, r).id = e.id;
      }
      return;

    case reaction::ignore:
      if (e.mail != nullptr) finish(*e.mail);
      return;

    case reaction::end_session: close(leaving_because_); return;

    case reaction::refuse_hello: {
      const bool users = hello_id_ != 0;
      const auto& more = config_.helo_fallback_codes;
      const bool fits = r.code() == 500 || r.code() == 502 ||
                        std::find(more.begin(), more.end(), r.code()) != more.end();
      // HELO gives neither TLS nor AUTH; whoever needs these must not be talked down (SESS-11).
      const bool content_with_less = !tls_ && config_.tls != tls_mode::required &&
                                     !authenticated_ && (!login_ || config_.auth_optional);
      if (!users && !told_ready_ && fits && content_with_less) {
        pressing_ = verb::helo;
        return;
      }
    }
      [[fallthrough]];
    case reaction::fail_opening:
      peer_.clear();  // an earlier set is gone also when the new EHLO fails (SESS-17)
      if (hello_id_ != 0) {
        detail::pending_event& done = tell_event(event::kind::command_done, verb::ehlo, r);
        done.id = std::exchange(hello_id_, 0);
        done.error = std::error_code(refusal(r));
        done.category = failure_category::reply;
        return;
      }
      if (e.what == verb::greeting) read_greeting(r);
      leave({refusal(r), e.what, {}, r, hint_of(r), {}});
      return;

    case reaction::refuse_tls:
      if (config_.tls == tls_mode::required) {
        leave({errc::tls_refused, verb::starttls, {}, r, hint::none, {}});  // TLS-07
        return;
      }
      starttls_refused_ = true;
      warn(errc::tls_refused, "STARTTLS was refused: going on in clear text");
      proceed_opening();
      return;

    case reaction::refuse_mechanism:
      login_->current.reset();
      try_next_mechanism(r);
      return;

    case reaction::refuse_login: login_failed(errc::auth_refused, r); return;

    case reaction::note_cancelled: login_failed(login_->cancelled, r); return;

    case reaction::refuse_place:
      if (e.mail != nullptr && e.mail->rode) {
        // This server takes nothing before its verdict, whatever it offers: no more of that.
        level_ = std::min(level_, pipelining_level::envelope);
        refuse_sender(*e.mail, errc::ran_ahead, r);
        settle(*e.mail);
        return;
      }
      [[fallthrough]];
    case reaction::refuse_sender:
      if (e.mail == nullptr) return;
      refuse_sender(*e.mail, refusal(r), r);
      settle(*e.mail);
      return;

    case reaction::refuse_reset:
      --rset_owed_;
      if (e.id != 0) fail_command(e, refusal(r), r);
      leave({errc::reset_refused, verb::rset, {}, r, hint::none, {}});  // TXN-18
      return;

    case reaction::violation: break;
  }
  if (e.id != 0) fail_command(e, errc::unexpected_reply, r);
  fail_unexpected(errc::unexpected_reply, e.what, r);
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
  if (r.code() == 334 && !owed_.empty() && owed_.front().what == verb::auth) return r;
  return {r.code(), mask_->shown(r.text(), login_ != nullptr, masked_reply_)};
}

/// Part of `read`, as `react` is.
[[gnu::always_inline]] inline void session::impl::on_reply(const reply& r) {
  if (owed_.empty()) {
    const verb about = login_ && login_->current ? verb::auth : verb::noop;
    trace_reply(about, r);
    if (r.code() == 421) {
      server_closes(r, verb::noop, out_.sent());  // SESS-23
    } else {
      fail_unexpected(errc::unsolicited_reply, about, r);
    }
    return;
  }
  if (owed_.front().end > out_.sent() && !is_timely(r)) return;
  if (config_.trace) trace_reply(owed_.front().what, r);

  const expected e = owed_.front();
  owed_.pop();
  answered_ = e.end;
  base_ = now_;  // the next oldest is waited for from here (TIME-03)
  if (e.end > group_begin_) group_begin_ = e.end;
  if (owed_.empty()) group_closed_ = false;
  const bool envelope = e.what == verb::rcpt || e.what == verb::mail || e.what == verb::data;
  if (envelope && e.mail != nullptr) --e.mail->owed;

  if (r.code() == 421 && e.what != verb::quit) {
    if (e.id != 0) fail_command(e, errc::service_closing, r);
    if (e.mail != nullptr && e.what == verb::mail) refuse_sender(*e.mail, errc::service_closing, r);
    server_closes(r, e.what, e.end);
    return;
  }
  react(detail::reaction_of(e.what, r.code()), e, r);
}

/// Makes the parser ready for what is owed next. False if nothing is to be read now.
bool session::impl::prepare_parser(bytes octets) {
  if (stage_ == stage::closed) return false;
  if (held_reply_ != 0) {
    hold(octets);
    return false;
  }
  long_lines_ = login_ != nullptr && !owed_.empty() && owed_.front().what == verb::auth;
  const limits& limit = config_.limits;
  parser_.line_limit(long_lines_ ? std::max(limit.auth_line, limit.reply.line)
                                 : limit.reply.line);  // AUTH-09
  if (owed_.empty() || owed_.front().what != verb::handshake) return true;
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

/// Acts on the replies in `octets`, and before them on one that was `held`.
void session::impl::read(reply held, bytes octets) {
  reply r = held;
  if (!r && !next_reply(octets, r)) return;
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
  fill_failure(done, {why, e.what, {}, r, hint_of(r), {}});
}

void session::impl::read_greeting(const reply& r) {
  greeting_ = r.line(0);  // SESS-02
}

// -- opening --------------------------------------------------------------------------------------

void session::impl::proceed_opening() {
  const bool wants_tls =
      config_.tls == tls_mode::opportunistic || config_.tls == tls_mode::required;
  // Not after AUTH: what was shown in clear text cannot be taken back.
  if (wants_tls && !tls_ && !starttls_refused_ && !authenticated_) {
    if (peer_.has(extension::starttls)) {
      pressing_ = verb::starttls;
      return;
    }
    if (config_.tls == tls_mode::required) {
      leave({errc::tls_not_offered, verb::starttls, {}, {}, hint::none, {}});  // TLS-03
      return;
    }
  }
  if (login_ && !authenticated_) {
    try_next_mechanism({});
    return;
  }
  become_ready();
}

void session::impl::become_ready() {
  stage_ = stage::ready;
  if (told_ready_) return;
  told_ready_ = true;
  tell_event(event::kind::ready, verb::ehlo);
}

// -- AUTH -----------------------------------------------------------------------------------------

/// May this mechanism run over this link? If so, it is told of the link.
errc session::impl::usable(sasl_mechanism& m) {
  const session_config& c = config_;
  bool allowed = true;
  switch (m.exposes()) {
    case exposure::nothing: break;
    case exposure::guessable:
      allowed = tls_ || c.allow_challenge_cleartext || c.allow_auth_cleartext;
      break;
    case exposure::secret:  // AUTH-13
      allowed = tls_ ? tls_verified_ || c.allow_auth_unverified_tls : c.allow_auth_cleartext;
      break;
  }
  if (!allowed) return errc::auth_needs_tls;
  if (const errc bad = m.check(); bad != errc::none) return bad;
  sasl_link link{tls_, tls_verified_, false, binding_};
  std::string plus(m.name());
  plus += "-PLUS";
  link.plus_offered = peer_.offers_mechanism(plus);
  return m.bind(link);
}

/// Begins with the next mechanism that is offered and may be used here; `last` is the refusal of
/// the one before, if there was one.
void session::impl::try_next_mechanism(const reply& last) {
  login& l = *login_;
  errc why = last ? errc::auth_refused : errc::auth_not_offered;
  while (l.next < l.mechanisms.size()) {
    std::unique_ptr<sasl_mechanism> m = std::move(l.mechanisms[l.next++]);
    if (!m || !peer_.offers_mechanism(m->name())) continue;  // AUTH-01
    if (const errc bad = usable(*m); bad != errc::none) {
      if (!last) why = bad;
      continue;
    }
    l.current = std::move(m);
    l.rounds = 0;
    l.held_back.reset();
    if (mask_ == nullptr) mask_ = std::make_unique<detail::auth_mask>();
    if (const std::string_view secret = l.current->secret(); !secret.empty()) {
      std::string encoded = base64_encode(secret);
      mask_->add_secret(secret);
      mask_->add_line(encoded);
      wipe(encoded);
    }
    l.line = "AUTH ";
    l.line += l.current->name();
    if (std::optional<std::string> first = l.current->initial_response()) {
      std::string encoded = first->empty() ? std::string("=") : base64_encode(*first);
      const bool fits = l.line.size() + 1 + encoded.size() + 2 <= auth_line_with_response;
      if (fits && !config_.no_initial_response) {
        l.line += ' ';
        l.line += encoded;
        note_response(*first, encoded);
        wipe(*first);
      } else {
        l.held_back = std::move(first);  // AUTH-04
      }
      wipe(encoded);
    }
    pressing_ = verb::auth;
    return;
  }
  const bool unusable = why == errc::auth_not_offered || why == errc::auth_needs_tls;
  if (l.opening && config_.auth_optional && unusable) {  // SESS-27
    warn(why, "going on without authentication", l.id);
    login_.reset();
    become_ready();
    return;
  }
  login_failed(why, last);
}

/// What is sent now is masked from now on; the raw form, too, if passwords can be tried out with
/// it.
void session::impl::note_response(std::string_view raw, std::string_view encoded) {
  mask_->add_line(encoded);
  if (login_->current->exposes() == exposure::guessable) mask_->add_secret(raw);
}

void session::impl::send_auth_line(verb v) {
  login& l = *login_;
  // What a trace may show: the mechanism, nothing of the exchange (SEC-03).
  std::string shown(detail::auth_mask::mask_text);
  if (v == verb::auth_cancel) {
    shown = l.line;
  } else if (l.line.starts_with("AUTH ")) {
    const std::size_t response = l.line.find(' ', 5);
    shown = l.line.substr(0, response);
    if (response != std::string::npos) shown.append(" ").append(detail::auth_mask::mask_text);
  }
  write_secret_line(v, l.line, shown);
  wipe(l.line);
}

void session::impl::answer_challenge(const reply& r) {
  login& l = *login_;
  std::optional<std::string> challenge;
  if (r.line_count() == 1) challenge = base64_decode(r.text());
  if (!challenge || ++l.rounds > auth_rounds || (l.held_back && !challenge->empty())) {
    cancel_login(errc::auth_bad_challenge);  // AUTH-06
    return;
  }
  std::optional<std::string> response =
      l.held_back ? std::exchange(l.held_back, std::nullopt) : l.current->respond(*challenge);
  wipe(*challenge);
  if (!response) {
    const errc why = l.current->reason();
    cancel_login(why == errc::none ? errc::auth_bad_challenge : why);
    return;
  }
  l.line = base64_encode(*response);  // an empty response is an empty line (AUTH-07)
  note_response(*response, l.line);
  wipe(*response);
  if (l.line.size() + 2 > config_.limits.auth_line) {
    cancel_login(errc::line_too_long);  // AUTH-09
    return;
  }
  pressing_ = verb::auth;
}

void session::impl::cancel_login(errc why) {
  login_->cancelled = why;
  if (login_->held_back) wipe(*login_->held_back);
  wipe(login_->line);
  login_->line = "*";
  pressing_ = verb::auth_cancel;
}

void session::impl::login_failed(errc why, const reply& r) {
  // The mechanism and its text go while the failure is told.
  const std::string detail = masked(login_->current ? login_->current->detail() : "");
  const failure f{why, verb::auth, {}, r, hint_of(r, verb::auth), detail};
  if (why == errc::server_not_proven) {
    fail(f);  // SASL-10
    return;
  }
  if (login_->opening) {
    leave(f);  // part of the opening (SESS-21)
    return;
  }
  detail::pending_event& done = tell_event(event::kind::command_done, verb::auth);
  done.id = login_->id;
  fill_failure(done, f);
  login_.reset();
}

// -- mails ----------------------------------------------------------------------------------------

/// MAIL was refused, and with it every recipient (TXN-04).
void session::impl::refuse_sender(mail_state& m, errc why, const reply& r) {
  m.sender_refused = true;
  // A server that has taken mails and now takes none for a while has had enough of this session.
  const bool enough = delivered_ && why == errc::refused_transiently;
  const hint advice = enough ? hint::another_connection : hint_of(r);
  m.sender_verdict = {verb::mail, why, advice, m.keep(r), {}};
  detail::pending_event& told = tell_event(event::kind::sender_rejected, verb::mail, r);
  told.id = m.id;
  told.error = std::error_code(why);
  told.category = category_of(why);
  told.advice = advice;
  told.command = events_.keep(command_of(verb::mail, &m, 0));
}

/// Is a mail over before DATA? Looks after each reply to MAIL or RCPT, and after a cancellation.
void session::impl::settle(mail_state& m) {
  if (m.step != mail_step::rcpts || m.owed != 0) return;  // else DATA's reply decides
  const errc why = given_up(m);
  const bool all_asked =
      m.enough_rcpts ||
      std::all_of(m.rcpts.begin() + static_cast<std::ptrdiff_t>(m.next_rcpt), m.rcpts.end(),
                  [](const detail::rcpt_state& r) { return r.step == rcpt_step::refused; });
  if (!m.sender_refused && why == errc::none && !(all_asked && m.accepted == 0)) return;
  conclude(m, outcome::deferred, {verb::rcpt, why, hint::none, {}, {}});
  finish(m);
}

void session::impl::refuse_recipient(const expected& e, const reply& r) {
  mail_state& m = *e.mail;
  detail::rcpt_state& to = m.rcpts[e.recipient];
  to.step = rcpt_step::refused;
  m.rcpt_refused = true;
  // After a refused MAIL the replies to RCPT say nothing about the recipients (PIPE-12).
  if (!m.sender_refused) {
    detail::pending_event& told = tell_event(event::kind::recipient_rejected, verb::rcpt, r);
    told.id = m.id;
    told.recipient = e.recipient;
    const enhanced_status status = r.enhanced();
    const bool crowded =
        m.accepted != 0 &&
        (r.code() == 452 ||
         (r.code() == 552 && (!status || (status.subject == 5 && status.detail == 3))));
    const outcome o = crowded || r.first_digit() == 4 ? outcome::deferred : outcome::rejected;
    to.decide(o, {verb::rcpt,
                  crowded ? errc::recipient_limit : refusal(r),  // TXN-09
                  crowded ? hint::too_many_recipients : hint_of(r),
                  m.keep(r),
                  {}});
    told.result = to.result;
    told.advice = to.advice;
    told.error = std::error_code(to.why);
    told.category = failure_category::reply;
    told.command = events_.keep(command_of(verb::rcpt, &m, e.recipient));
    if (crowded) {
      m.enough_rcpts = true;  // TXN-10
    }
    // Whom nobody wants to send to any more has not met a limit.
    if (crowded && given_up(m) == errc::none) {
      for (detail::rcpt_state& other : m.rcpts) {
        if (other.step != rcpt_step::waiting || other.result != outcome::pending) continue;
        other.decide(outcome::not_attempted, to);
      }
    }
  }
  settle(m);
}

void session::impl::answer_data(mail_state& m, const reply& r) {
  if (r.first_digit() != 3) {  // TXN-11, PIPE-08
    conclude(m, r.first_digit() == 5 ? outcome::rejected : outcome::deferred,
             {verb::data, refusal(r), hint_of(r), m.keep(r), {}});
    finish(m);
    return;
  }
  if (m.accepted == 0) {
    conclude(m, outcome::deferred, m.sender_verdict);  // else all have their own refusal
    // The server wants content for nobody: the terminator alone ends it without a message
    // (PIPE-09).
    pressing_ = verb::lone_dot;
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
  m.content_begin = stretch_begin_ = out_.staged();
  stretch_base_ = now_;
  m.rest = m.content.content();
  if (m.content.is_streamed()) {
    m.last_chunk = false;
    m.wants_chunk = true;
  }
  owed_.push({verb::content, 0, &m, 0, expected::open});
  if (config_.progress || m.content.is_streamed()) {
    tell_event(event::kind::ready_for_data, verb::data, r).id = m.id;
  }
}

}  // namespace sansmtp

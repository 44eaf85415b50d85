// Lifetime, time, events, and what the user asks.
#include "sansmtp/session.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sansmtp/path.hpp"
#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::mail_step;
using detail::rcpt_step;

/// Printable ASCII and blanks only: no CR, LF or NUL can get into a command (CMD-04).
[[gnu::cold]] bool is_command_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// How much care an outcome needs from the sender.
constexpr int care(outcome o) noexcept {
  switch (o) {
    case outcome::in_doubt: return 4;
    case outcome::deferred: return 3;
    case outcome::not_attempted: return 2;
    case outcome::rejected: return 1;
    case outcome::delivered:
    case outcome::pending: break;
  }
  return 0;
}

/// The engine's own verbs change its state, so they cannot go through `raw`; the SEND family and
/// TURN are obsolete or dangerous (CMD-18).
[[gnu::cold]] bool is_reserved(std::string_view line) noexcept {
  constexpr std::string_view reserved[] = {
      "EHLO",     "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "AUTH",
      "STARTTLS", "NOOP", "HELP", "VRFY", "EXPN", "SEND", "SOML", "SAML", "TURN"};
  const std::string_view word = line.substr(0, line.find(' '));
  return std::any_of(std::begin(reserved), std::end(reserved), [word](std::string_view r) {
    return word.size() == r.size() && std::equal(word.begin(), word.end(), r.begin(),
                                                 [](char a, char b) { return (a & ~0x20) == b; });
  });
}

}  // namespace

// -- construction ---------------------------------------------------------------------------------

session::impl::impl(session_config c)
    : level_(c.pipelining), parser_(c.limits.reply), config_(std::move(c)) {}
session::impl::~impl() = default;

[[gnu::cold]] session::session(session_config config)
    : impl_(std::make_unique<impl>(std::move(config))) {}
session::session(session&&) noexcept = default;
session& session::operator=(session&&) noexcept = default;
[[gnu::cold]] session::~session() = default;

// -- mails: making and recycling ------------------------------------------------------------------

session::impl::mail_state& session::impl::take_mail() {
  if (spare_ == nullptr) return make_mail();
  return *std::exchange(spare_, spare_->next_spare);
}

session::impl::mail_state& session::impl::make_mail() {
  mails_.push_back(std::make_unique<mail_state>());
  mails_.back()->place = mails_.size() - 1;
  return *mails_.back();
}

/// The event taken last is void now, and with it the mail whose results it showed.
[[gnu::always_inline]] inline void session::impl::release_shown() {
  if (mail_state* const m = std::exchange(shown_, nullptr); m != nullptr) {
    if (m->content.is_owned()) m->give_content_back();
    m->next_spare = std::exchange(spare_, m);
    m->released = ++released_;
    if (released_ % mails_of_period == 0) give_spares_back();
  }
  events_.release();
}

/// A period is over, and mails that were free all the time are left from a burst. Who has as many
/// at a time in every period keeps all of them, and allocates nothing.
void session::impl::give_spares_back() {
  mail_state** end = &spare_;  // the one that was released last stands first
  while (*end != nullptr && released_ - (*end)->released < mails_of_period) {
    end = &(*end)->next_spare;
  }
  for (const mail_state* m = std::exchange(*end, nullptr); m != nullptr;) {
    const std::size_t place = m->place;
    m = m->next_spare;
    std::swap(mails_[place], mails_.back());
    mails_[place]->place = place;
    mails_.pop_back();
  }

  // The queues of what is wanted and told were as long as the mails were many. Only what is several
  // times too large is cut, so that this is seldom and an even flow finds its room again at once.
  if (mails_.capacity() <= 4 * mails_.size() + 16) return;
  // `shrink_to_fit` does nothing where there are no exceptions.
  mails_ = decltype(mails_)(std::make_move_iterator(mails_.begin()),
                            std::make_move_iterator(mails_.end()));
  wanted_.trim();
  events_.trim();
}

// -- events ---------------------------------------------------------------------------------------

detail::pending_event& session::impl::tell_event(event::kind what, verb about, const reply& r) {
  detail::pending_event& e = events_.push(what, about, tls_);
  if (r) {
    e.code = static_cast<std::uint16_t>(r.code());
    e.with_status = about != verb::greeting && about != verb::ehlo;  // EXT-09
    e.text = events_.keep(r.text());
  }
  return e;
}

/// The command that a failure answers, as it stood on the wire without CRLF (ERR-01), from which
/// all secrets are left out; valid until `line_` is used again.
std::string_view session::impl::command_of(verb v, mail_state* m, std::uint32_t recipient) {
  switch (v) {
    case verb::ehlo:
    case verb::helo:
      line_ = v == verb::ehlo ? "EHLO " : "HELO ";
      line_ += hello_name_;
      return line_.view();
    case verb::mail:
      if (m == nullptr || format_mail(*m, line_) != errc::none) return "MAIL";
      return line_.view();
    case verb::rcpt:
      if (m == nullptr || format_rcpt(*m, recipient, line_) != errc::none) return "RCPT";
      return line_.view();
    case verb::auth: return "AUTH ****";
    case verb::auth_cancel: return "*";
    case verb::content:
    case verb::lone_dot: return ".";
    case verb::starttls: return "STARTTLS";
    case verb::data: return "DATA";
    case verb::rset: return "RSET";
    case verb::noop: return "NOOP";
    case verb::help: return "HELP";
    case verb::vrfy: return "VRFY";
    case verb::expn: return "EXPN";
    case verb::quit: return "QUIT";
    case verb::greeting:
    case verb::handshake:
    case verb::raw: break;
  }
  return {};
}

void session::impl::fill_failure(detail::pending_event& e, const failure& f) {
  e.error = f.code ? f.code : std::error_code(f.why);
  e.category = category_of(f.why);
  e.advice = f.advice;
  if (f.answer && e.code == 0) {
    e.code = static_cast<std::uint16_t>(f.answer.code());
    e.with_status = f.stage != verb::greeting && f.stage != verb::ehlo;
    e.text = events_.keep(f.answer.text());
  }
  if (category_of(f.why) != failure_category::local) {
    e.command = events_.keep(command_of(f.stage, nullptr, 0));
  }
  if (!f.excerpt.empty()) {
    (e.category == failure_category::auth ? e.detail : e.excerpt) = events_.keep(f.excerpt);
  }
}

void session::impl::warn(errc why, std::string_view detail, operation_id id) {
  if (warnings_ == config_.limits.warnings) return;
  ++warnings_;
  detail::pending_event& e = tell_event(event::kind::warning, verb::ehlo);
  e.error = std::error_code(why);
  e.category = category_of(why);
  if (!detail.empty()) e.detail = events_.keep(detail);
  e.id = id;
}

[[gnu::always_inline]] inline void session::impl::show_results(mail_state& m,
                                                               std::size_t answer_of) {
  results_.resize(m.rcpts.size());
  recipient_result* to = results_.data();
  for (const detail::rcpt_state& r : m.rcpts) {
    to->address = m.address_of(r);
    to->result = r.result;
    to->stage = r.stage;
    to->why = r.why;
    to->advice = r.advice;
    to->answer = m.show(r.answer);
    to->suggested = r.suggested;
    ++to;
  }
  current_.results = results_;
  if (!results_.empty()) current_.answer = results_[answer_of].answer;
}

const event* session::next_event() {
  impl& s = *impl_;
  if (s.shown_ == nullptr && s.events_.clean()) return nullptr;  // most calls
  s.release_shown();
  return s.events_.empty() ? nullptr : s.show_next();
}

const event* session::impl::show_next() {
  const detail::pending_event& p = events_.front();
  // A transport may still be reading the mail's octets; its owner must not free them yet.
  if (p.what == event::kind::mail_done && out_.lends_borrowed()) return nullptr;

  event& e = current_;
  e.what = p.what;
  e.answers = p.answers;
  e.id = p.id;
  e.recipient = p.recipient;
  e.result = p.result;
  e.advice = p.advice;
  e.tls = p.tls;
  e.answer = p.code != 0 ? reply(p.code, events_.show(p.text), p.with_status) : reply();
  e.error = p.error;
  e.category = p.category;
  e.command = events_.show(p.command);
  e.excerpt = events_.show(p.excerpt);
  e.detail = events_.show(p.detail);
  e.octets = p.octets;
  e.results = {};
  if (p.mail != nullptr) {
    show_results(*p.mail, p.recipient);
    shown_ = p.mail;
  }
  events_.pop();
  return &e;
}

// -- how mails end --------------------------------------------------------------------------------

/// Gives each recipient that has none yet its outcome: `if_handed` if its RCPT has left, else
/// `not_attempted` (OUT-04). MAIL's refusal outranks all that came later (PIPE-12).
void session::impl::conclude(mail_state& m, outcome if_handed, const verdict& v) {
  for (detail::rcpt_state& r : m.rcpts) {
    if (r.result != outcome::pending) continue;
    if (m.sender_refused) {
      const bool for_good = m.sender_verdict.why == errc::refused_permanently;
      r.decide(for_good ? outcome::rejected : outcome::deferred, m.sender_verdict);
      continue;
    }
    const bool handed =
        r.step != rcpt_step::waiting && (r.step != rcpt_step::asked || r.end <= out_.handed());
    r.decide(handed ? if_handed : outcome::not_attempted, v);
  }
}

/// The mail is over; every recipient has its outcome, or there are none to have, and then `why`
/// says the reason. `code` is told instead of `why`, if there is one.
void session::impl::finish(mail_state& m, errc why, const std::error_code* code) {
  // RSET goes before the next MAIL unless the mail was delivered, or the next one rides already and
  // the end of content has cleared the server's buffers (TXN-16, PIPE-17).
  if (m.mail_formatted && !m.delivered && (sending_ == nullptr || sending_ == &m)) rset_due_ = true;
  if (sending_ == &m) sending_ = nullptr;
  active_.remove(&m);

  detail::pending_event& e = events_.push(event::kind::mail_done, verb::content, tls_);
  e.id = m.id;
  e.mail = &m;
  // One word for all: what they share, else what needs most care.
  const detail::rcpt_state* example = nullptr;
  bool any_delivered = false;
  for (const detail::rcpt_state& r : m.rcpts) {
    if (example == nullptr || care(r.result) > care(example->result)) example = &r;
    any_delivered |= r.result == outcome::delivered;
  }
  errc told = why;
  e.answers = verb::mail;
  if (example != nullptr) {
    e.result = example->result;
    e.answers = example->stage;
    // A mail that reached somebody has not failed; what became of the others is in their results.
    told = any_delivered ? errc::none : example->why;
    e.advice = example->advice;
    e.recipient = static_cast<std::uint32_t>(example - m.rcpts.data());
    // A command that was never written is none that a failure could answer.
    const bool said = example->why != errc::none && m.mail_formatted &&
                      category_of(example->why) != failure_category::local &&
                      (example->stage != verb::rcpt || example->step != rcpt_step::waiting);
    if (said) {
      // Who was accepted waits for the others: theirs is the RCPT that got no answer.
      const auto unanswered = [&](std::uint32_t own) {
        if (example->stage != verb::rcpt || example->step != rcpt_step::accepted) return own;
        for (std::uint32_t at = own; at != m.rcpts.size(); ++at) {
          if (m.rcpts[at].step == rcpt_step::asked) return at;
        }
        return own;
      };
      e.command = events_.keep(command_of(example->stage, &m, unanswered(e.recipient)));
    }
  }
  if (told != errc::none) {
    e.error = code != nullptr && told == why ? *code : std::error_code(told);
    e.category = category_of(told);
  }
  out_.trim();
}

/// What is told to those who only shared the session. What is wrong with the content of one mail,
/// or was answered to it, says nothing of the others.
session::impl::failure session::impl::as_shared(const failure& f) {
  const failure_category c = category_of(f.why);
  const bool of_one_mail =
      f.stage == verb::content && (c == failure_category::reply || c == failure_category::local);
  if (!of_one_mail) return f;
  return {errc::session_aborted, f.stage, {}, {}, hint::none, {}};
}

/// All mails end because the session does. In doubt is what was handed over whole (OUT-02).
void session::impl::lose_mails(const failure& f) {
  const auto lose = [&](mail_state& m) {
    if (const errc own = given_up(m); own != errc::none) {
      const verb at = own == errc::recipient_refused ? verb::rcpt : f.stage;
      conclude(m, outcome::deferred, {at, own, hint::none, {}, {}});
      finish(m, own);
      return;
    }
    verdict v{f.stage, f.why, f.advice, {}, {}};
    if (f.answer) v.answer = m.keep(f.answer);
    // A 421 is a reply: nothing is in doubt after it (OUT-06).
    const bool doubt =
        m.content_end <= out_.handed() && category_of(f.why) != failure_category::closing;
    conclude(m, doubt ? outcome::in_doubt : outcome::deferred, v);
    finish(m, f.why, f.code ? &f.code : nullptr);
  };
  while (!active_.empty()) lose(*active_.front());
  for (std::size_t i = 0; i < owed_.size(); ++i) owed_[i].mail = nullptr;
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].mail != nullptr) lose(*std::exchange(wanted_[i].mail, nullptr));
  }
}

/// All commands that were asked for and are not answered end because the session does.
void session::impl::complete_commands(const failure& f) {
  const auto complete = [&](verb what, operation_id id) {
    if (id == 0) return;
    detail::pending_event& e = tell_event(event::kind::command_done, what);
    e.id = id;
    fill_failure(e, f);
  };
  for (std::size_t i = 0; i < owed_.size(); ++i) {
    complete(owed_[i].what, std::exchange(owed_[i].id, 0));
  }
  if (login_ && !login_->opening) complete(verb::auth, login_->id);
  complete(verb::ehlo, std::exchange(hello_id_, 0));
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].what != verb::mail) complete(wanted_[i].what, wanted_[i].id);
  }
  wanted_.clear();
  logins_wanted_.clear();
  login_.reset();
  pressing_.reset();
}

// -- how sessions end -----------------------------------------------------------------------------

void session::impl::report_opening_failure(const failure& f) {
  if (told_ready_ || told_opening_failure_) return;
  told_opening_failure_ = true;
  detail::pending_event& e = tell_event(event::kind::session_failed, f.stage);
  fill_failure(e, f);
}

void session::impl::close(const failure& f) {
  stage_ = stage::closed;
  owed_.clear();  // above all a handshake, which nobody may end any more
  detail::pending_event& e = tell_event(event::kind::closed, f.stage);
  if (f.why != errc::none) fill_failure(e, f);
}

/// The end at once: nothing more is written, not even QUIT (SESS-21).
void session::impl::fail(const failure& f) {
  if (stage_ == stage::closed) return;
  // What went wrong first is what the session died of; an answer to QUIT changes nothing any more.
  const bool had_reason = stage_ == stage::leaving && leaving_because_.why != errc::none;
  const failure shared = as_shared(f);
  lose_mails(shared);
  complete_commands(shared);
  report_opening_failure(f);
  out_.drop();
  close(had_reason ? leaving_because_ : f);
}

/// The end with QUIT: what is owed is read and ignored.
void session::impl::leave(const failure& f) {
  lose_mails(f);
  complete_commands(f);
  report_opening_failure(f);
  leaving_because_ = f;
  leaving_because_.excerpt = {};
  leaving_text_ = f.answer.text();
  leaving_because_.answer = reply{f.answer.code(), leaving_text_};
  stage_ = stage::leaving;
}

/// 421: the command failed for now, and so did all behind it (SESS-22, PIPE-15). Between commands
/// QUIT is handed out and nothing awaited; inside content there is only silence (SESS-24).
void session::impl::server_closes(const reply& r, verb at, std::uint64_t answered) {
  const failure f{errc::service_closing, at, {}, r, hint::none, {}};
  // A border between commands: all was written, or is being written, or what was ends with a line.
  bool boundary = out_.empty() || out_.lent() || out_.sent() == answered;
  for (std::size_t i = 0; i < owed_.size(); ++i) boundary |= owed_[i].end == out_.sent();
  const bool in_content =
      !owed_.empty() && owed_.front().what == verb::content && owed_.front().end > out_.sent();
  const bool in_data = in_content || pressing_ == verb::lone_dot;
  const bool quit_before = quit_written_;
  lose_mails(f);
  complete_commands(f);
  report_opening_failure(f);
  if (!out_.lent() || in_data) out_.drop();
  farewell_ = boundary && !in_data && !quit_before;
  close(f);
}

// -- input: lifetime and time ---------------------------------------------------------------------

[[gnu::cold]] void session::connected(time_point now, const endpoint_info& local) {
  impl& s = *impl_;
  s.tell(now);
  if (s.stage_ != impl::stage::unconnected) return;
  s.stage_ = impl::stage::opening;
  if (const errc bad = s.config_.check(); bad != errc::none) {
    s.fail({bad, verb::ehlo, {}, {}, hint::none, {}});
    return;
  }
  if (!s.config_.local_name.empty()) {
    s.hello_name_ = s.config_.local_name;
  } else if (local.host_name.find('.') != std::string_view::npos && is_domain(local.host_name)) {
    s.hello_name_ = local.host_name;  // SESS-14
  } else {
    s.hello_name_ = address_literal(local.local_address);  // SESS-15
  }
  if (s.hello_name_.empty()) {
    s.fail({errc::no_local_name, verb::ehlo, {}, {}, hint::none, {}});
    return;
  }
  s.base_ = s.now_;
  // Connecting is itself a command, and the greeting answers it; so is the handshake of implicit
  // TLS.
  const bool implicit = s.config_.tls == tls_mode::implicit;
  s.owed_.push({implicit ? verb::handshake : verb::greeting, 0, nullptr, 0, 0});
  if (implicit) s.tell_event(event::kind::upgrade_to_tls, verb::handshake);
}

void session::receive(time_point now, bytes octets) {
  impl& s = *impl_;
  s.tell(now);
  if (s.stage_ != impl::stage::unconnected) s.read({}, octets);  // no link, no peer
}

void session::prefetch() const noexcept {
#if defined(__GNUC__)
  constexpr std::ptrdiff_t cache_line = 64;
  // All that mails need stands before what few need.
  const auto* at = reinterpret_cast<const char*>(impl_.get());
  const auto* const end = reinterpret_cast<const char*>(&impl_->hello_name_);
  for (; at < end; at += cache_line) __builtin_prefetch(at);
#endif
}

/// What comes behind a held reply waits with it, up to what the replies that are owed may cost.
void session::impl::hold(bytes octets) {
  const std::size_t most =
      std::size_t{config_.limits.reply.octets} * std::max<std::size_t>(owed_.size(), 1);
  if (held_input_.size() + octets.size() > most) {
    fail({errc::reply_too_long, verb::content, {}, {}, hint::none, {}});
    return;
  }
  held_input_.append(as_text(octets));
}

/// The parser understands the peer no more, from the first octet of `rest` on; `secret` if that was
/// in an AUTH exchange.
void session::impl::garbled(bool secret, bytes rest) {
  std::string excerpt = secret ? std::string() : parser_.excerpt();
  const verb about = owed_.empty() ? verb::greeting : owed_.front().what;
  if (about == verb::quit) {
    out_.drop();
    close(leaving_because_);  // any octets are as good as an answer to QUIT (SESS-19)
    return;
  }
  const bool greeting = !owed_.empty() && about == verb::greeting;
  // The first line of what is no SMTP tells what it is instead, as far as it came at once. Its
  // first octet is in the excerpt already.
  if (greeting && !secret && parser_.error() == errc::malformed_reply) {
    const std::string_view line = as_text(rest).substr(0, as_text(rest).find_first_of("\r\n"));
    if (!line.empty())
      excerpt += line.substr(1, excerpt_octets - std::min(excerpt.size(), excerpt_octets));
  }
  // Where a greeting was to be, an octet that begins a TLS record tells of a port for implicit TLS.
  const bool tls = greeting && !tls_ && (excerpt[0] == 0x15 || excerpt[0] == 0x16);
  fail({parser_.error(),
        about,
        {},
        {},
        tls ? hint::server_speaks_tls : hint::none,
        masked(excerpt)});
}

[[gnu::cold]] void session::receive_end(time_point now, std::error_code why) {
  impl& s = *impl_;
  s.tell(now);
  if (s.stage_ == impl::stage::closed) return;
  if (s.held_reply_ != 0) {
    s.held_end_ = why;  // what was said before it comes first
    return;
  }
  if (!s.owed_.empty() && s.owed_.front().what == verb::quit) {
    s.out_.drop();
    s.close(s.leaving_because_);  // an end is an answer to QUIT (SESS-19)
    return;
  }
  if (awaits_handshake()) return s.fail_handshake(errc::handshake_lost);
  const bool login = !s.owed_.empty() && s.owed_.front().what == verb::auth;
  // A fragment is never a reply, but it may explain what happened (REP-17).
  const bool nothing = s.parser_.idle() || login;
  const std::string excerpt = nothing ? std::string() : s.masked(s.parser_.excerpt());
  const verb about =
      s.owed_.empty() ? (s.told_ready_ ? verb::noop : verb::greeting) : s.owed_.front().what;
  s.fail({errc::connection_lost, about, why, {}, hint::none, excerpt});
}

/// Octets were written; `before` had been before.
[[gnu::always_inline]] inline void session::impl::note_progress(std::uint64_t before) {
  if (owed_.empty()) return;
  const expected& oldest = owed_.front();
  if (oldest.what != verb::content || oldest.mail == nullptr) return;
  detail::mail_state& m = *oldest.mail;
  // Progress of content, up to its last octet, restarts the timer (TIME-05).
  if (before < m.content_end) {
    base_ = now_;
    if (out_.sent() - stretch_begin_ >= config_.limits.progress_octets) {  // TIME-08
      stretch_begin_ = out_.sent();
      stretch_base_ = now_;
    }
    if (config_.trace && out_.sent() > m.content_begin) {
      detail::pending_event& e = tell_event(event::kind::content_sent, verb::content);
      e.id = m.id;
      e.octets = std::min(out_.sent(), m.content_end) - std::max(before, m.content_begin);
    }
    if (m.lending) release_chunk();
  }
}

void session::sent(time_point now, std::size_t n) {
  impl& s = *impl_;
  s.tell(now);
  const std::uint64_t before = s.out_.sent();
  s.out_.took(n);
  if (s.out_.sent() < s.answered_) {
    // The peer answered a command that, as it turns out, has not left whole: the rest of it must
    // never leave, least of all behind an answer that changed the rules (TLS-05, SESS-24).
    s.out_.drop();
    s.farewell_ = false;
    s.fail({errc::unsolicited_reply, verb::noop, {}, {}, hint::none, {}});
    return;
  }
  if (s.stage_ == impl::stage::closed) {
    // QUIT has its place only behind a whole line, and nothing but QUIT is worth writing now.
    constexpr std::uint64_t quit_line = 6;
    const bool only_quit = s.quit_written_ && s.out_.staged() - s.out_.sent() <= quit_line;
    if (!s.out_.empty() && !only_quit) {
      s.out_.drop();
      s.farewell_ = false;
    }
    return;
  }
  if (n != 0) s.note_progress(before);
  if (s.held_reply_ == 0) return;
  // Now it is known what the reply that came during the write was worth.
  const int code = std::exchange(s.held_reply_, 0);
  const std::string text = std::exchange(s.held_text_, {});
  const std::string behind = std::exchange(s.held_input_, {});
  s.read({code, text}, as_bytes(behind));
  if (s.held_reply_ == 0 && s.held_end_) receive_end(now, *std::exchange(s.held_end_, {}));
}

std::optional<time_point> session::deadline() const noexcept {
  const impl& s = *impl_;
  if (s.stage_ == impl::stage::closed || s.owed_.empty()) return std::nullopt;
  const impl::expected& oldest = s.owed_.front();
  const auto due = [](time_point base, timeouts::duration limit) -> std::optional<time_point> {
    if (limit == timeouts::duration::zero()) return std::nullopt;
    return limit > time_point::max() - base ? time_point::max() : base + limit;
  };
  if (oldest.what == verb::content && oldest.mail != nullptr) {
    const detail::mail_state& m = *oldest.mail;
    if (s.out_.sent() < m.content_end) {
      // Nothing staged of a stream: it is the turn of the caller, or of output() (TIME-05).
      if (m.content.is_streamed() && s.out_.empty()) return std::nullopt;
      const auto blocked = due(s.base_, s.config_.timeouts.block);
      const auto slow = due(s.stretch_base_, s.config_.timeouts.progress);  // TIME-08
      return blocked && (!slow || *blocked < *slow) ? blocked : slow;
    }
  }
  return due(s.base_, s.config_.timeouts.of(oldest.what));
}

verb session::deadline_of() const noexcept {
  return impl_->owed_.empty() ? verb::greeting : impl_->owed_.front().what;
}

void session::advance(time_point now) {
  impl& s = *impl_;
  s.tell(now);
  const std::optional<time_point> due = deadline();
  if (!due || s.now_ < *due) return;
  const verb about = deadline_of();
  if (about == verb::quit && !s.owed_.empty()) {
    s.out_.drop();
    s.close(s.leaving_because_);  // waited long enough (TIME-07)
    return;
  }
  if (awaits_handshake()) return s.fail_handshake(errc::handshake_timed_out);
  s.fail({errc::timed_out, about, {}, {}, hint::none, {}});
}

/// The end in the handshake: if it was optional, the next link does without (TLS-08).
void session::impl::fail_handshake(errc why, std::error_code cause, std::string_view excerpt) {
  const bool optional = config_.tls == tls_mode::opportunistic;
  fail({why,
        verb::handshake,
        cause,
        {},
        optional ? hint::retry_without_tls : hint::none,
        excerpt.substr(0, excerpt_octets)});
}

[[gnu::cold]] void session::tls_established(time_point now, const tls_info& info) {
  impl& s = *impl_;
  s.tell(now);
  if (!awaits_handshake()) return;
  s.owed_.pop();
  s.tls_ = true;
  s.tls_verified_ = info.verified;
  s.binding_ = info.binding;
  // Nothing learnt in clear text survives (TLS-06).
  s.parser_.reset();
  s.peer_.clear();
  s.base_ = s.now_;
  if (s.config_.tls == tls_mode::implicit) {
    s.owed_.push({verb::greeting, 0, nullptr, 0, 0});
  } else {
    s.greeting_.clear();
    s.pressing_ = verb::ehlo;
  }
}

[[gnu::cold]] void session::tls_failed(time_point now, std::error_code why, bytes answer) {
  impl& s = *impl_;
  s.tell(now);
  const errc known = condition_of(why);
  const errc condition = known == errc::none ? errc::tls_failed : known;
  if (awaits_handshake()) return s.fail_handshake(condition, why, as_text(answer));
  const bool before = !s.tls_ && s.config_.tls != tls_mode::off && !s.owed_.empty() &&
                      s.owed_.front().what == verb::greeting;
  if (!before && !s.tls_) return;
  // Once there was a link, its failure says nothing about the next one.
  const verb about = before ? verb::handshake : s.owed_.empty() ? verb::noop : s.owed_.front().what;
  s.fail({condition, about, why, {}, hint::none, {}});
}

[[gnu::cold]] void session::tls_rejected(time_point now) {
  impl& s = *impl_;
  s.tell(now);
  if (!awaits_handshake()) return;
  s.owed_.pop();
  s.tls_ = true;
  s.peer_.clear();
  s.base_ = s.now_;
  // In implicit mode the server speaks first, also to a client that only wants to leave (SESS-01).
  if (s.config_.tls == tls_mode::implicit) s.owed_.push({verb::greeting, 0, nullptr, 0, 0});
  s.leave({errc::tls_too_weak, verb::handshake, {}, {}, hint::none, {}});
}

// -- output ---------------------------------------------------------------------------------------

std::span<const bytes> session::output(time_point now) {
  impl& s = *impl_;
  s.tell(now);
  if (!s.out_.lent()) s.fill();
  return s.out_.lend();
}

// -- commands -------------------------------------------------------------------------------------

mail_id session::send(const envelope& env, message content) {
  impl& s = *impl_;
  detail::mail_state& m = s.take_mail();
  m.start(++s.last_id_, env, std::move(content));
  const mail_id id = m.id;
  if (s.over()) {
    s.conclude(m, outcome::not_attempted, {verb::mail, errc::session_closed, hint::none, {}, {}});
    s.finish(m, errc::session_closed);
    return id;
  }
  impl::operation& op = s.wanted_.push();
  op.what = verb::mail;
  op.id = id;
  op.mail = &m;
  return id;
}

errc session::lend(bytes chunk, bool last) {
  impl& s = *impl_;
  if (s.stage_ == impl::stage::closed) return errc::session_closed;
  if (s.sending_ == nullptr || !s.sending_->wants_chunk) return errc::bad_state;
  detail::mail_state& m = *s.sending_;
  m.wants_chunk = false;
  m.lending = true;
  m.rest = chunk;
  m.last_chunk = last;
  return errc::none;
}

/// A mail that has not begun will not.
void session::impl::give_up(operation& op) {
  mail_state& m = *std::exchange(op.mail, nullptr);
  conclude(m, outcome::not_attempted, {verb::mail, errc::aborted, hint::none, {}, {}});
  finish(m, errc::aborted);
}

[[gnu::cold]] bool session::withdraw(mail_id mail) {
  impl& s = *impl_;
  // What waits stands in the order of its ids, but for a QUIT at the end, which has none: 0, less
  // one, is the greatest of all.
  std::size_t first = 0;
  for (std::size_t end = s.wanted_.size(); first != end;) {
    const std::size_t middle = first + (end - first) / 2;
    if (s.wanted_[middle].id - 1 < mail - 1) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  if (first == s.wanted_.size()) return false;
  impl::operation& op = s.wanted_[first];
  if (op.id != mail || op.mail == nullptr) return false;
  s.give_up(op);
  return true;
}

[[gnu::cold]] void session::cancel(mail_id mail) {
  if (withdraw(mail)) return;
  impl& s = *impl_;
  // Others that share the session are not those that were given up (TXN-20).
  const impl::failure f{errc::session_aborted, verb::content, {}, {}, hint::none, {}};
  if (s.sending_ == nullptr || s.sending_->id != mail) {
    // Perhaps its terminator is formatted, but certainly not written yet: then it can be kept back.
    for (std::size_t i = 0; i < s.active_.size(); ++i) {
      detail::mail_state* const m = s.active_[i];
      if (m->id == mail && m->content_end != impl::expected::open &&
          m->content_end > s.out_.handed()) {
        m->cancelled = true;
        s.fail(f);
        return;
      }
    }
    return;
  }
  detail::mail_state& m = *s.sending_;
  m.cancelled = true;
  if (m.step == mail_step::content) {
    s.fail(f);
    return;
  }
  s.settle(m);
}

[[gnu::cold]] operation_id session::authenticate(
    std::vector<std::unique_ptr<sasl_mechanism>> mechanisms) {
  impl& s = *impl_;
  auto wanted = std::make_unique<impl::login>();
  wanted->mechanisms = std::move(mechanisms);
  const operation_id id = ++s.last_id_;
  wanted->id = id;
  if (s.over()) {
    s.refuse_command(verb::auth, id, errc::session_closed);
    return id;
  }
  if (!s.active_.empty()) {  // AUTH-01
    s.refuse_command(verb::auth, id, errc::bad_state);
    return id;
  }
  const bool opening = s.stage_ == impl::stage::unconnected || s.stage_ == impl::stage::opening;
  if (opening && !s.login_ && !s.authenticated_) {
    wanted->opening = true;
    s.login_ = std::move(wanted);
    return id;
  }
  s.logins_wanted_.push_back(std::move(wanted));
  impl::operation& op = s.wanted_.push();
  op.what = verb::auth;
  op.id = id;
  op.mail = nullptr;
  return id;
}

void session::impl::refuse_command(verb what, operation_id id, errc why) {
  detail::pending_event& e = tell_event(event::kind::command_done, what);
  e.id = id;
  e.error = std::error_code(why);
  e.category = category_of(why);
}

operation_id session::impl::enqueue(verb what, std::string_view word, std::string_view arg,
                                    bool arg_required) {
  const operation_id id = ++last_id_;
  if (over()) {
    refuse_command(what, id, errc::session_closed);
    return id;
  }
  // These would end the transaction, or are not for the middle of one (SESS-18, CMD-18).
  if ((what == verb::ehlo || what == verb::raw) && !active_.empty()) {
    refuse_command(what, id, errc::bad_state);
    return id;
  }
  const std::size_t line_size =
      word.size() + (word.empty() || arg.empty() ? 0 : 1) + arg.size() + 2;
  errc bad = errc::none;
  if (!is_command_text(arg) || (arg_required && arg.empty())) {
    bad = errc::bad_argument;
  } else if (line_size > command_line_limit) {
    bad = errc::line_too_long;
  } else if (what == verb::raw && (is_reserved(arg) || arg.front() == ' ' || arg.back() == ' ')) {
    bad = errc::bad_argument;
  }
  if (bad != errc::none) {
    refuse_command(what, id, bad);
    return id;
  }
  operation& op = wanted_.push();
  op.what = what;
  op.id = id;
  op.mail = nullptr;
  op.text = word;
  if (!word.empty() && !arg.empty()) op.text += ' ';
  op.text += arg;
  return id;
}

operation_id session::hello() { return impl_->enqueue(verb::ehlo, "EHLO", {}, false); }
operation_id session::noop(std::string_view arg) {
  return impl_->enqueue(verb::noop, "NOOP", arg, false);
}
operation_id session::reset() { return impl_->enqueue(verb::rset, "RSET", {}, false); }
operation_id session::verify(std::string_view arg) {
  return impl_->enqueue(verb::vrfy, "VRFY", arg, true);
}
operation_id session::expand(std::string_view arg) {
  return impl_->enqueue(verb::expn, "EXPN", arg, true);
}
operation_id session::help(std::string_view arg) {
  return impl_->enqueue(verb::help, "HELP", arg, false);
}
operation_id session::raw(std::string_view line) {
  return impl_->enqueue(verb::raw, {}, line, true);
}

[[gnu::cold]] void session::quit() {
  impl& s = *impl_;
  if (s.over()) return;
  s.quit_asked_ = true;
  impl::operation& op = s.wanted_.push();
  op.what = verb::quit;
  op.id = 0;
  op.mail = nullptr;
}

[[gnu::cold]] void session::quit_now() {
  impl& s = *impl_;
  if (s.stage_ == impl::stage::closed || s.stage_ == impl::stage::leaving) return;
  const impl::failure f{errc::aborted, verb::mail, {}, {}, hint::none, {}};
  for (std::size_t i = 0; i < s.wanted_.size(); ++i) {
    if (s.wanted_[i].mail != nullptr) s.give_up(s.wanted_[i]);
  }
  // Content that was begun can only be ended, or the link cut; what is under way is to be decided.
  if (s.sending_ != nullptr && s.sending_->step != mail_step::content) cancel(s.sending_->id);
  if (s.stage_ == impl::stage::closed) return;
  if (s.stage_ == impl::stage::opening) {
    // Inside an exchange of AUTH or a handshake there is no place for a command.
    const verb about = s.owed_.empty() ? verb::ehlo : s.owed_.front().what;
    if (about == verb::auth || about == verb::handshake) {
      s.fail({f.why, about, {}, {}, hint::none, {}});
    } else {
      s.leave({f.why, about, {}, {}, hint::none, {}});
    }
    return;
  }
  // Nothing that was asked for and not begun goes before QUIT.
  for (std::size_t i = 0; i < s.wanted_.size(); ++i) {
    const impl::operation& op = s.wanted_[i];
    if (op.what != verb::mail && op.id != 0) s.refuse_command(op.what, op.id, f.why);
  }
  s.wanted_.clear();
  s.logins_wanted_.clear();
  s.quit_asked_ = false;
  quit();
}

[[gnu::cold]] void session::abort(std::error_code why) {
  impl& s = *impl_;
  const verb about = s.owed_.empty() ? verb::noop : s.owed_.front().what;
  const errc cause = why == errc::session_aborted ? errc::session_aborted : errc::aborted;
  s.fail({cause, about, why, {}, hint::none, {}});
}

// -- getters --------------------------------------------------------------------------------------

[[gnu::cold]] envelope session::envelope_of_event() const {
  return impl_->shown_ != nullptr ? impl_->shown_->given_envelope() : envelope();
}
[[gnu::cold]] message session::content_of_event() {
  return impl_->shown_ != nullptr ? std::exchange(impl_->shown_->content, message()) : message();
}
const session_config& session::config() const noexcept { return impl_->config_; }
const capabilities& session::peer() const noexcept { return impl_->peer_; }

std::string_view session::server_name() const noexcept {
  return std::string_view(impl_->greeting_).substr(0, impl_->greeting_.find(' '));
}

std::string_view session::banner() const noexcept {
  const std::string_view all = impl_->greeting_;
  const std::size_t blank = all.find(' ');
  return blank == std::string_view::npos ? std::string_view() : all.substr(blank + 1);
}

phase session::where() const noexcept {
  switch (impl_->stage_) {
    case impl::stage::unconnected: return phase::unconnected;
    case impl::stage::opening: return phase::opening;
    case impl::stage::ready: return impl_->quit_written_ ? phase::quitting : phase::ready;
    case impl::stage::leaving: return phase::quitting;
    case impl::stage::closed: break;
  }
  return phase::closed;
}

bool session::tls_active() const noexcept { return impl_->tls_; }
bool session::tls_verified() const noexcept { return impl_->tls_verified_; }

bool session::idle() const noexcept {
  const impl& s = *impl_;
  return s.stage_ == impl::stage::ready && s.owed_.empty() && s.wanted_.empty() &&
         s.active_.empty() && s.out_.empty() && !s.pressing_;
}

bool session::awaits_handshake() const noexcept {
  const impl& s = *impl_;
  return !s.owed_.empty() && s.owed_.front().what == verb::handshake;
}

bool session::said_quit() const noexcept { return impl_->quit_written_; }
std::uint32_t session::withdrawals() const noexcept { return impl_->out_.withdrawals(); }

bool session::closed() const noexcept { return impl_->stage_ == impl::stage::closed; }
std::size_t session::in_flight() const noexcept { return impl_->owed_.size(); }

[[gnu::cold]] std::size_t session::memory() const noexcept {
  const impl& s = *impl_;
  std::size_t n = sizeof(session) + sizeof(impl) + s.owed_.memory() + s.out_.memory() +
                  s.events_.memory() + s.wanted_.memory() + s.parser_.memory() + s.peer_.memory() +
                  s.hello_name_.capacity() + s.greeting_.capacity() + s.leaving_text_.capacity() +
                  s.line_.capacity() + s.mail_line_.capacity() + s.held_text_.capacity() +
                  s.held_input_.capacity() + s.binding_.octets.capacity() +
                  s.results_.capacity() * sizeof(recipient_result) +
                  s.slices_.capacity() * sizeof(bytes) + s.active_.memory() +
                  s.mails_.capacity() * sizeof(void*);
  if (s.mask_ != nullptr) n += s.mask_->memory() + s.masked_reply_.capacity();
  for (const auto& m : s.mails_) n += m->memory();
  return n;
}

}  // namespace sansmtp

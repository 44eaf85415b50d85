// How mails and sessions end: who decides what, and what is told.
#include <utility>

#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::mail_step;
using detail::rcpt_step;
using detail::trait;

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

}  // namespace

// -- how mails end --------------------------------------------------------------------------------

/// Gives each recipient that has none yet its outcome: `if_handed` if its RCPT has left, else
/// `not_attempted` (OUT-04). The refusal of MAIL or of a chunk outranks all that came later
/// (PIPE-12, BDAT-08).
void session::impl::conclude(mail_state& m, outcome if_handed, const verdict& v) {
  for (detail::rcpt_state& r : m.rcpts) {
    if (r.result != outcome::pending) continue;
    if (m.sender_refused || m.chunk_refused) {
      const bool for_good = m.refusal.why == errc::refused_permanently;
      m.decide(r, for_good ? outcome::rejected : outcome::deferred, m.refusal);
      continue;
    }
    const bool handed =
        r.step != rcpt_step::waiting && (r.step != rcpt_step::asked || r.end <= out_.handed());
    m.decide(r, handed ? if_handed : outcome::not_attempted, v);
  }
}

/// Gives those whom the server had accepted, and who have no outcome yet, this one.
void session::impl::decide_accepted(mail_state& m, outcome o, const verdict& v) {
  for (detail::rcpt_state& r : m.rcpts) {
    if (r.result == outcome::pending && r.step == rcpt_step::accepted) m.decide(r, o, v);
  }
}

/// The mail is decided and owes nothing: tells what became of it. Called by `settle` only. `code`
/// is told instead of the mail's `why`, if there is one.
void session::impl::finish(mail_state& m, const std::error_code* code) {
  // RSET goes before the next MAIL unless the mail was delivered, or the next one went out already:
  // then the end of content has cleared the server's buffers, or a RSET stands between (TXN-16,
  // PIPE-17, BDAT-14).
  if (newest_ == &m) {
    newest_ = nullptr;
    rset_due_ = !m.delivered;
  }
  if (sending_ == &m) sending_ = nullptr;
  active_.remove(&m);
  const bool begun = m.step != mail_step::queued;
  m.step = mail_step::over;

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
  errc told = m.why;
  e.answers = verb::mail;
  if (example != nullptr) {
    e.result = example->result;
    e.answers = example->stage;
    // A mail that reached somebody has not failed; what became of the others is in their results.
    told = any_delivered ? errc::none : example->why;
    e.advice = example->advice;
    e.recipient = static_cast<std::uint32_t>(example - m.rcpts.data());
    // A command that was never written is none that a failure could answer.
    const bool said = example->why != errc::none && begun &&
                      category_of(example->why) != failure_category::local &&
                      (example->stage != verb::rcpt || example->step != rcpt_step::waiting);
    if (said) {
      // An accepted recipient waits for the others, so the command that is shown is the first RCPT
      // without an answer.
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
    e.error = code != nullptr && told == m.why ? *code : std::error_code(told);
    e.category = category_of(told);
  }
  out_.trim();
}

/// What is told to those who only shared the session. What is wrong with the content of one mail,
/// or was answered to it, says nothing of the others.
session::impl::failure session::impl::as_shared(const failure& f) {
  const failure_category c = category_of(f.why);
  const bool of_one_mail = detail::is(f.stage, trait::body) &&
                           (c == failure_category::reply || c == failure_category::local);
  if (!of_one_mail) return f;
  return {errc::session_aborted, f.stage, {}, {}, hint::none, {}};
}

/// All mails end because the session does. In doubt is what was handed over whole (OUT-02).
void session::impl::lose_mails(const failure& f) {
  // A refusal that waits for the end of a write counts even if that end never leaves.
  if (held_reply_ >= 400 && window_.oldest().mail != nullptr) {
    refuse_content(window_.oldest(), {held_reply_, held_.text});
  }
  window_.forget_mails();
  const auto lose = [&](mail_state& m) {
    m.owed = 0;
    if (const errc own = given_up(m); own != errc::none) {
      const verb at = own == errc::recipient_refused ? verb::rcpt : f.stage;
      conclude(m, outcome::deferred, {at, own, hint::none, {}, {}});
      m.why = own;
      settle(m);
      return;
    }
    verdict v{f.stage, f.why, f.advice, {}, {}};
    if (f.answer) v.answer = m.keep(f.answer);
    // A 421 is a reply: nothing is in doubt after it (OUT-06).
    const bool doubt =
        m.content_end <= out_.handed() && category_of(f.why) != failure_category::closing;
    conclude(m, doubt ? outcome::in_doubt : outcome::deferred, v);
    m.why = f.why;
    settle(m, f.code ? &f.code : nullptr);
  };
  while (!active_.empty()) lose(*active_.front());
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
  for (expected e = window_.forget_command(); e.id != 0; e = window_.forget_command()) {
    complete(e.what, e.id);
  }
  if (login_ && !login_->opening) complete(verb::auth, login_->id);
  complete(hello_verb(), std::exchange(hello_id_, 0));
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (!wanted_[i].is_mail()) complete(wanted_[i].what, wanted_[i].id);
  }
  wanted_.clear();
  logins_wanted_.clear();
  login_.reset();
  pressing_.reset();
}

// -- how sessions end -----------------------------------------------------------------------------

void session::impl::report_opening_failure(const failure& f) {
  if (told_ready_ || ending_.told_opening_failure) return;
  ending_.told_opening_failure = true;
  detail::pending_event& e = tell_event(event::kind::session_failed, f.stage);
  fill_failure(e, f);
}

void session::impl::close(const failure& f) {
  stage_ = stage::closed;
  window_.clear();  // above all a handshake, which nobody may end any more
  detail::pending_event& e = tell_event(event::kind::closed, f.stage);
  if (f.why != errc::none) fill_failure(e, f);
}

/// The end for which QUIT was written.
void session::impl::finish_leaving() { close(ending_.because); }

/// The end at once: nothing more is written, not even QUIT (SESS-21).
void session::impl::fail(const failure& f) {
  if (stage_ == stage::closed) return;
  // What went wrong first is what the session died of; an answer to QUIT changes nothing any more.
  const bool had_reason = stage_ == stage::leaving && ending_.because.why != errc::none;
  const failure shared = as_shared(f);
  lose_mails(shared);
  complete_commands(shared);
  report_opening_failure(f);
  out_.drop();
  close(had_reason ? ending_.because : f);
}

/// The end with QUIT: what is owed is read and ignored. Where content is on its way there is no
/// place for QUIT (SESS-21).
void session::impl::leave(const failure& f) {
  if (window_.has_body_behind(out_.sent())) return fail(f);
  lose_mails(f);
  complete_commands(f);
  report_opening_failure(f);
  ending_.because = f;
  ending_.because.excerpt = {};
  ending_.text = f.answer.text();
  ending_.because.answer = reply{f.answer.code(), ending_.text};
  stage_ = stage::leaving;
}

/// 421: the command failed for now, and so did all behind it (SESS-22, PIPE-15). Between commands
/// QUIT is handed out and nothing awaited; inside content there is only silence (SESS-24).
void session::impl::server_closes(const reply& r, verb at, std::uint64_t answered) {
  const failure f{errc::service_closing, at, {}, r, hint::none, {}};
  // A border between commands: all was written, or is being written, or what was ends with a line.
  const bool boundary =
      out_.empty() || out_.lent() || out_.sent() == answered || window_.ends_at(out_.sent());
  const bool in_content = (window_.awaits(trait::body) && window_.oldest().end > out_.sent()) ||
                          window_.has_body_behind(out_.lent() ? out_.handed() : out_.sent());
  const bool in_data = in_content || (pressing_ && detail::is(*pressing_, trait::body));
  const bool quit_before = quit_written_;
  lose_mails(f);
  complete_commands(f);
  report_opening_failure(f);
  if (!out_.lent() || in_data) out_.drop();
  ending_.farewell = boundary && !in_data && !quit_before;
  close(f);
}

/// A mail that has not begun will not.
void session::impl::give_up(operation& op) {
  mail_state& m = *std::exchange(op.mail, nullptr);
  conclude(m, outcome::not_attempted, {verb::mail, errc::aborted, hint::none, {}, {}});
  m.why = errc::aborted;
  settle(m);
}

}  // namespace sansmtp

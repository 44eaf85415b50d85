#include "sansmtp/script/auditor.hpp"

#include <algorithm>
#include <utility>

#include "auditor_impl.hpp"
#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

/// Can this be advice about such a failure (TXN-09, TXN-24, AUTH-11, TLS-08, OUT-05)?
bool fits(hint advice, errc why, int code) {
  switch (advice) {
    case hint::none:
      return why != errc::recipient_limit && (why != errc::refused_permanently || code != 530);
    case hint::auth_or_tls_required: return code == 530;
    case hint::password_transition: return code == 432;
    case hint::too_many_recipients: return why == errc::recipient_limit;
    case hint::retry_without_tls:  // or what the layer passed on
      return why == errc::tls_failed || why == errc::plaintext_peer ||
             why == errc::handshake_lost || why == errc::handshake_timed_out;
    case hint::server_speaks_tls: return category_of(why) == failure_category::protocol;
    case hint::other_host: return category_of(why) == failure_category::local;
    case hint::another_connection:
      return why == errc::refused_transiently || why == errc::session_exhausted;
  }
  return false;
}

/// Getter: the path as MAIL and RCPT spell it.
std::string in_brackets(const path& p) { return '<' + std::string(p.text()) + '>'; }

}  // namespace

auditor::auditor() : impl_(std::make_unique<impl>()) {}
auditor::auditor(auditor&&) noexcept = default;
auditor& auditor::operator=(auditor&&) noexcept = default;
auditor::~auditor() = default;

const std::string& auditor::problem() const noexcept { return impl_->problem_; }
bool auditor::inside_line() const noexcept {
  return impl_->reading_ == impl::reading::commands && !impl_->unread_.empty();
}
bool auditor::inside_content() const noexcept {
  return impl_->reading_ == impl::reading::content || impl_->reading_ == impl::reading::chunk;
}
std::span<const auditor::command_line> auditor::commands() const noexcept { return impl_->lines_; }
std::size_t auditor::replies() const noexcept { return impl_->replies_.size(); }

void auditor::impl::fail(std::string what) {
  if (problem_.empty()) problem_ = std::move(what);
}

// -- what the user asks ---------------------------------------------------------------------------

void auditor::open(const session_config& config, bool told) {
  impl_->config_ = config;
  impl_->told_ = told;
  const timeouts& t = config.timeouts;
  for (const auto& timeout : {t.greeting, t.hello, t.starttls, t.handshake, t.auth, t.mail, t.rcpt,
                              t.data, t.block, t.chunk, t.content, t.reset, t.command, t.quit}) {
    if (timeout.count() == 0) impl_->timers_ = false;
  }
  // Generous factors: this shall find what grows without a bound, not measure (CORE-09).
  const auto& l = config.limits;
  impl_->memory_limit_ = std::size_t{64} * 1024 + std::size_t{4} * l.reply.octets +
                         std::size_t{4} * l.auth_line + std::size_t{4} * l.group_octets +
                         std::size_t{256} * l.outstanding + std::size_t{512} * l.warnings;
}

void auditor::watch_for(std::string_view secret) {
  impl_->watching_ = true;
  if (secret.size() < 4) return;  // might be anywhere
  for (std::string one : {std::string(secret), base64_encode(secret)}) {
    impl_->clear_secrets_.push_back(one);
    impl_->add_secret(std::move(one));
  }
}

void auditor::impl::add_secret(std::string secret) {
  must(shown_.find(secret) == std::string::npos, "an event showed a secret (SEC-03)");
  secrets_.push_back(std::move(secret));
}

void auditor::mail(const session& s, mail_id id, const envelope& env, const message& content) {
  if (!impl_->told_) return;
  impl::mail_book book;
  book.late = s.closed();
  book.streamed = content.is_streamed();
  book.binary = content.is_binary();
  book.ended = !book.streamed;
  book.sender = in_brackets(env.sender);
  book.content = as_text(content.content());
  if (!env.parameters.empty()) impl_->raw_parameters_ = true;
  impl_->memory_limit_ += 4096;
  book.recipients.resize(env.recipients.size());
  for (std::size_t i = 0; i < env.recipients.size(); ++i) {
    book.recipients[i].path = in_brackets(env.recipients[i].address);
    impl_->memory_limit_ += 1024 + 8 * book.recipients[i].path.size();
  }
  // What is owned is the session's while it needs it.
  if (content.is_owned()) impl_->memory_limit_ += 2 * book.content.size();
  const bool first = id != 0 && impl_->mails_.emplace(id, std::move(book)).second;
  impl_->must(first, "send() gave an id twice");
}

void auditor::lent(bytes chunk, bool last) {
  impl_->caller_owes_ = false;
  const auto mail = impl_->mails_.find(impl_->asking_);
  if (mail == impl_->mails_.end()) return;
  mail->second.content += as_text(chunk);
  mail->second.ended = last;
}

void auditor::command(const session& s, operation_id id, bool is_auth) {
  if (!impl_->told_) return;
  impl_->memory_limit_ += 8192;
  const impl::command_book book{s.closed(), is_auth, !impl_->ready_, 0};
  impl_->must(id != 0 && impl_->commands_.emplace(id, book).second, "a command's id came twice");
}

void auditor::raw(std::string_view line) { impl_->raw_lines_.emplace(line); }

// -- what the link does ---------------------------------------------------------------------------

void auditor::tls_up(bool verified) {
  impl_->tls_ = true;
  impl_->verified_ = verified;
  impl_->handshake_ = false;
}

void auditor::received(std::string_view octets) {
  std::string& line = impl_->unfinished_;
  while (!octets.empty()) {
    const std::size_t end = octets.find('\n');
    line.append(octets.substr(0, end == std::string_view::npos ? end : end + 1));
    if (end == std::string_view::npos) return;
    octets.remove_prefix(end + 1);
    impl_->read_reply_line(line);
    line.clear();
  }
}

/// What is no reply counts as one that says nothing: it has no code.
void auditor::impl::read_reply_line(std::string_view line) {
  int code = 0;
  for (const char c : line.substr(0, 3)) {
    const bool digit = c >= '0' && c <= '9';
    code = digit && code >= 0 ? code * 10 + (c - '0') : -1;
  }
  if (line.size() < 4 || std::string_view(" -\r\n").find(line[3]) == std::string_view::npos)
    code = -1;
  if (reply_code_ && *reply_code_ != code) code = -1;
  reply_code_ = code;
  if (line.size() > 3 && line[3] == '-') return;
  replies_.push_back({std::max(code, 0), handed_});
  server_closes_ |= code == 421;
  reply_code_.reset();
}

void auditor::handed_out(const session& s, std::string_view octets) {
  impl& a = *impl_;
  if (octets.empty()) return;
  if (a.silent_) a.fail("octets were written after the fault: " + escape(octets.substr(0, 256)));
  a.must(a.config_.tls != tls_mode::implicit || a.tls_, "octets were written before TLS");
  if (a.closed_) {
    a.after_closed_ += octets;
    a.must(std::string_view("QUIT\r\n").ends_with(a.after_closed_),
           "octets other than QUIT were written after closed");
    a.must(!inside_content(), "no QUIT inside content");
    return;
  }
  a.read_handed_out(s, octets);
}

void auditor::sent(std::size_t octets) { impl_->sent_ += octets; }

void auditor::written(const session& s, std::string_view octets) {
  handed_out(s, octets);
  sent(octets.size());
}

// -- what the session tells -----------------------------------------------------------------------

void auditor::event_taken(const event& e) {
  impl& a = *impl_;
  if (a.closed_ && !a.is_late(e)) {
    a.fail("an event came after closed: " + std::string(to_string(e.what)));
  }
  a.check_secrets(e);
  a.check_failure(e);
  a.must(e.command.find('\n') == std::string_view::npos, "a command is one line");
  switch (e.what) {
    case event::kind::closed:
      a.closed_ = true;
      a.handshake_ = false;
      break;
    case event::kind::ready:
      a.must(!a.ready_, "ready came twice");
      a.ready_ = true;
      break;
    case event::kind::upgrade_to_tls: a.handshake_ = true; break;
    case event::kind::sender_accepted:
    case event::kind::sender_rejected:
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected:
    case event::kind::ready_for_data:
    case event::kind::chunk_released:
    case event::kind::mail_done:
    case event::kind::content_sent: {
      const auto mail = a.mails_.find(e.id);
      if (mail == a.mails_.end()) {
        if (a.told_) a.fail(std::string(to_string(e.what)) + " names no mail");
      } else {
        a.take_mail_event(e, mail->second);
      }
      break;
    }
    case event::kind::authenticated:
    case event::kind::command_done: {
      const auto command = a.commands_.find(e.id);
      if (command != a.commands_.end()) {
        a.must(++command->second.done < 2, "a command was completed twice");
      } else if (e.what == event::kind::command_done && a.told_) {
        a.fail("command_done names no command");
      }
      break;
    }
    case event::kind::reply_parsed:
    case event::kind::line_sent:
    case event::kind::greeted:
    case event::kind::session_failed:
    case event::kind::warning: break;
  }
}

void auditor::impl::take_mail_event(const event& e, mail_book& mail) {
  if (mail.done && e.what != event::kind::content_sent) {
    fail(std::string(to_string(e.what)) + " came behind mail_done");
    return;
  }
  switch (e.what) {
    case event::kind::sender_accepted:
    case event::kind::sender_rejected: return sender_answered(e, mail);
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected: return recipient_answered(e, mail);
    case event::kind::ready_for_data:
      must(!mail.asked, "ready_for_data came twice for a mail");
      mail.asked = true;
      caller_owes_ = mail.streamed;
      asking_ = e.id;
      return;
    case event::kind::chunk_released:
      must(mail.streamed, "chunk_released is about no streamed mail");
      caller_owes_ = true;
      asking_ = e.id;
      return;
    case event::kind::mail_done:
      mail.done = true;
      if (mail.streamed && mail.asked) caller_owes_ = false;
      if (e.results.empty()) {
        must(bool(e.error) || mail.recipients.empty(),
             "mail_done has neither results nor an error");
        must(!mail.asked, "mail_done has no results though content was asked for");
      } else if (e.results.size() != mail.recipients.size()) {
        fail("mail_done has not one result for each recipient");
      } else {
        check_done(e, mail);
        delivered_ |=
            std::any_of(e.results.begin(), e.results.end(),
                        [](const recipient_result& r) { return r.result == outcome::delivered; });
      }
      return;
    case event::kind::reply_parsed:
    case event::kind::line_sent:
    case event::kind::content_sent:
    case event::kind::greeted:
    case event::kind::upgrade_to_tls:
    case event::kind::authenticated:
    case event::kind::ready:
    case event::kind::session_failed:
    case event::kind::command_done:
    case event::kind::warning:
    case event::kind::closed: return;
  }
}

void auditor::impl::sender_answered(const event& e, mail_book& mail) {
  bind(mail);
  must(mail.transaction != npos, "the sender was answered, and no MAIL names it");
  if (e.what == event::kind::sender_accepted) return;
  mail.sender_code = e.answer.code();
  mail.ran_ahead = e.error == errc::ran_ahead;
  const bool riding = config_.pipelining >= pipelining_level::messages;
  must(!mail.ran_ahead || (riding && e.answer.code() == 503),
       "no MAIL ran ahead of a verdict that says so by 503 (PIPE-17)");
  const bool enough = delivered_ && e.error == errc::refused_transiently;
  must((e.advice == hint::another_connection) == enough,
       "another connection is advice about 4yz to MAIL behind a delivery, and always");
}

void auditor::impl::recipient_answered(const event& e, mail_book& mail) {
  using answer = recipient_book::answer;
  if (e.recipient >= mail.recipients.size()) return fail("the envelope has no such recipient");
  recipient_book& to = mail.recipients[e.recipient];
  must(to.said == answer::none, "a recipient was answered twice");
  to.said = e.what == event::kind::recipient_accepted ? answer::accepted : answer::rejected;
  to.result = e.result;
  to.code = e.answer.code();
}

void auditor::impl::check_failure(const event& e) {
  const errc why = condition_of(e.error);
  // What ended a handshake may have a code of ours too, which the layer passed on.
  const bool passed_on = e.category == failure_category::tls;
  if (why != errc::none && !passed_on && e.category != category_of(why)) {
    fail("an event has not the category of its error: " + std::string(to_string(why)));
  }
  if (!e.error && e.category != failure_category::none) fail("a category without an error");
  const auto check = [this](hint advice, errc reason, int code) {
    if (!fits(advice, reason, code)) {
      fail("this is no advice about " + std::string(to_string(reason)) + " " +
           std::to_string(code) + ": " + std::string(to_string(advice)));
    }
  };
  bool example = e.results.empty();
  for (const recipient_result& r : e.results) {
    check(r.advice, r.why, r.answer.code());
    example |= r.result == e.result && r.advice == e.advice && r.stage == e.answers;
  }
  if (!example) fail("mail_done says of the mail what it says of no recipient");
  const bool foreign = e.error && why == errc::none;
  if (e.results.empty() && !foreign) check(e.advice, why, e.answer.code());
}

bool auditor::impl::is_late(const event& e) const {
  if (!told_) return e.what == event::kind::mail_done || e.what == event::kind::command_done;
  const auto mail = mails_.find(e.id);
  if (mail != mails_.end()) return e.what == event::kind::mail_done && mail->second.late;
  const auto command = commands_.find(e.id);
  return e.what == event::kind::command_done && command != commands_.end() && command->second.late;
}

void auditor::impl::check_secrets(const event& e) {
  if (!watching_) return;
  const auto check = [this](std::string_view text) {
    if (text.empty()) return;
    shown_.append(text).append(1, '\n');
    for (const std::string& secret : secrets_) {
      if (text.find(secret) != std::string_view::npos) fail("an event shows a secret (SEC-03)");
    }
  };
  // What the server repeats is no better than what the engine says (SEC-06).
  for (const std::string_view text : {e.command, e.excerpt, e.detail, e.answer.text()}) check(text);
  for (const recipient_result& r : e.results) check(r.answer.text());
}

void auditor::rest(const session& s, time_point now, bool asked) {
  impl& a = *impl_;
  if (a.closed_) a.check_all_done();
  const auto deadline = s.deadline();
  a.must(s.closed() == a.closed_, "closed() and the closed event disagree");
  a.must(a.closed_ == (s.where() == phase::closed), "closed() and where() disagree");
  a.must(!a.closed_ || !deadline, "a timer runs though the session is closed");
  // While the caller's content is awaited no timer runs (TIME-05).
  const bool timed =
      asked && a.told_ && !a.closed_ && a.timers_ && !a.caller_owes_ && s.in_flight() > 0;
  a.must(!timed || deadline, "no timer runs though a reply is awaited (TIME-01)");
  a.must(!asked || !deadline || *deadline > now, "the deadline is not in the future (TIME-02)");
  if (const std::size_t held = s.memory(); a.told_ && held > a.memory_limit_) {
    a.fail("the session holds " + std::to_string(held) + " octets, more than " +
           std::to_string(a.memory_limit_) + " (CORE-09)");
  }
}

void auditor::fault(const session& s, bool write_in_flight) {
  impl& a = *impl_;
  a.in_flight_ = write_in_flight;
  a.silent_ = !s.closed();
  for (auto& [id, mail] : a.mails_) {
    mail.cut = !mail.done && a.silent_;
    if (mail.cut) a.bind(mail);
  }
}

void auditor::after_fault(const session& s) {
  impl_->must(impl_->closed_ && s.closed(), "the session is not closed after the fault");
  impl_->check_all_done();
}

void auditor::impl::check_all_done() {
  for (const auto& [id, mail] : mails_) must(mail.done, "a mail was never done (CORE-05)");
  for (const auto& [id, command] : commands_) {
    // The session itself completes an AUTH that is a part of its opening (SESS-26).
    const bool of_opening = command.is_auth && command.before_ready;
    must(command.done != 0 || of_opening, "a command was never completed (CORE-05)");
  }
}

}  // namespace sansmtp::script

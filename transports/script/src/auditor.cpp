#include "auditor.hpp"

#include <algorithm>

#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

constexpr std::string_view terminator = "\r\n.\r\n";

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

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
    case hint::another_connection: return why == errc::refused_transiently;
  }
  return false;
}

}  // namespace

void auditor::fail(std::string what) {
  if (problem_.empty()) problem_ = std::move(what);
}

void auditor::open(const open_session& options) {
  const session_config& config = options.config;
  tls_mode_ = config.tls;
  riding_ = config.pipelining == pipelining_level::messages;
  for (const auto& timeout :
       {config.timeouts.greeting, config.timeouts.hello, config.timeouts.starttls,
        config.timeouts.handshake, config.timeouts.auth, config.timeouts.mail, config.timeouts.rcpt,
        config.timeouts.data, config.timeouts.block, config.timeouts.content, config.timeouts.reset,
        config.timeouts.command, config.timeouts.quit}) {
    if (timeout.count() == 0) timers_ = false;
  }
  // Generous factors: this shall find what grows without a bound, not measure (CORE-09).
  const auto& l = config.limits;
  memory_limit_ = std::size_t{64} * 1024 + std::size_t{4} * l.reply.octets +
                  std::size_t{4} * l.auth_line + std::size_t{4} * l.group_octets +
                  std::size_t{256} * l.outstanding + std::size_t{512} * l.warnings;
  watch_for(options.auth);
}

void auditor::watch_for(const std::vector<authentication>& auth) {
  if (!auth.empty()) watching_ = true;
  for (const auto& [who, mechanism, minimum] : auth) {
    if (who.secret.size() < 4) continue;  // might be anywhere
    add_secret(who.secret);
    add_secret(base64_encode(who.secret));
  }
}

void auditor::add_secret(std::string secret) {
  if (shown_.find(secret) != std::string::npos) fail("an event showed a secret (SEC-03)");
  secrets_.push_back(std::move(secret));
}

void auditor::mail(mail_id id, const send_mail& mail) {
  mail_state state;
  state.number = mail.number;
  state.late = closed_;
  state.streamed = mail.from == send_mail::source::streamed;
  state.recipients.resize(mail.env.recipients.size());
  memory_limit_ += 4096;
  for (const recipient& to : mail.env.recipients)
    memory_limit_ += 1024 + 8 * to.address.text().size();
  if (id == 0 || !mails_.emplace(id, std::move(state)).second) fail("send() gave an id twice");
}

void auditor::command(operation_id id, bool is_auth) {
  memory_limit_ += 8192;
  if (id == 0 || !commands_.emplace(id, command_state{closed_, is_auth, !ready_, 0}).second) {
    fail("a command's id came twice");
  }
}

void auditor::event_taken(const event& e) {
  if (closed_ && !is_late(e)) {
    fail("an event came after closed: " + std::string(to_string(e.what)));
  }
  check_secrets(e);
  check_failure(e);
  const auto found = mails_.find(e.id);
  mail_state* mail = found == mails_.end() ? nullptr : &found->second;
  switch (e.what) {
    case event::kind::closed: closed_ = true; break;
    case event::kind::ready:
      if (ready_) fail("ready came twice");
      ready_ = true;
      break;
    case event::kind::sender_accepted:
    case event::kind::sender_rejected:
      if (mail == nullptr || mail->done) {
        fail("the sender's event names no mail at hand");
      } else {
        mail->answered = true;
        if (e.what == event::kind::sender_rejected) {
          mail->sender_code = e.answer.code();
          mail->ran_ahead = e.error == errc::ran_ahead;
          if (mail->ran_ahead && (!riding_ || e.answer.code() != 503)) {
            fail("no MAIL ran ahead of a verdict that says so by 503 (PIPE-17)");
          }
          const bool enough = delivered_ && e.error == errc::refused_transiently;
          if ((e.advice == hint::another_connection) != enough) {
            fail("another connection is advice about 4yz to MAIL behind a delivery, and always");
          }
        }
      }
      break;
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected: {
      if (mail == nullptr || mail->done || e.recipient >= mail->recipients.size()) {
        fail("the recipient's event names no mail at hand");
        break;
      }
      auto& to = mail->recipients[e.recipient];
      if (to.said != recipient_state::answer::none) fail("a recipient was answered twice");
      to.said = e.what == event::kind::recipient_accepted ? recipient_state::answer::accepted
                                                          : recipient_state::answer::rejected;
      to.result = e.result;
      to.code = e.answer.code();
      break;
    }
    case event::kind::ready_for_data:
      if (mail == nullptr || mail->done || mail->content) {
        fail("ready_for_data names no mail at hand");
      } else {
        mail->content = true;
        next_content_ = e.id;
        caller_owes_ = mail->streamed;
      }
      break;
    case event::kind::mail_done: {
      if (mail == nullptr) {
        fail("mail_done names no mail");
        break;
      }
      if (mail->done) fail("mail_done came twice for mail " + std::to_string(mail->number));
      mail->done = true;
      if (mail->streamed && mail->content) caller_owes_ = false;
      if (e.results.empty()) {
        if (!e.error) fail("mail_done has neither results nor an error");
        if (mail->content) fail("mail_done has no results though content was asked for");
        break;
      }
      if (e.results.size() != mail->recipients.size()) {
        fail("mail_done has not one result for each recipient");
        break;
      }
      done_mail done;
      done.id = e.id;
      for (const recipient_result& r : e.results) {
        delivered_ |= r.result == outcome::delivered;
        done.recipients.push_back(
            {r.result, r.answer.code(), r.category() == failure_category::local});
      }
      done_.push_back(std::move(done));
      break;
    }
    case event::kind::authenticated:
    case event::kind::command_done: {
      const auto command = commands_.find(e.id);
      if (command != commands_.end()) {
        if (++command->second.done > 1) fail("a command was completed twice");
      } else if (e.what == event::kind::command_done) {
        fail("command_done names no command");
      }
      break;
    }
    case event::kind::content_sent:
      if (mail == nullptr) fail("content_sent names no mail");
      break;
    case event::kind::reply_parsed:
    case event::kind::line_sent:
    case event::kind::greeted:
    case event::kind::upgrade_to_tls:
    case event::kind::session_failed:
    case event::kind::warning: break;
    case event::kind::chunk_released:
      if (mail == nullptr || !mail->streamed) fail("chunk_released names no mail at hand");
      caller_owes_ = true;
      break;
  }
}

void auditor::check_failure(const event& e) {
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

bool auditor::is_late(const event& e) const {
  const auto mail = mails_.find(e.id);
  if (mail != mails_.end()) return e.what == event::kind::mail_done && mail->second.late;
  const auto command = commands_.find(e.id);
  return e.what == event::kind::command_done && command != commands_.end() && command->second.late;
}

void auditor::check_secrets(const event& e) {
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

void auditor::written(std::string_view octets) {
  if (octets.empty()) return;
  if (silent_) fail("octets were written after the fault: " + escape(octets.substr(0, 256)));
  if (tls_mode_ == tls_mode::implicit && !tls_) fail("octets were written before TLS");
  if (closed_) {
    after_closed_ += octets;
    constexpr std::string_view quit = "QUIT\r\n";
    if (after_closed_.size() > quit.size() ||
        quit.substr(quit.size() - after_closed_.size()) != after_closed_) {
      fail("octets were written after closed: " + escape(octets.substr(0, 256)));
    }
  }
  unread_ += octets;
}

void auditor::rest(const session& s, time_point now, bool asked) {
  read_wire();
  for (const done_mail& done : done_) check_done(done);
  done_.clear();

  if (closed_) check_all_done();

  const auto deadline = s.deadline();
  if (s.closed() != closed_) fail("closed() and the closed event disagree");
  if (closed_ != (s.where() == phase::closed)) fail("closed() and where() disagree");
  if (closed_ && deadline) fail("a timer runs though the session is closed");
  // While the caller's content is awaited no timer runs (TIME-05).
  if (asked && !closed_ && timers_ && !caller_owes_ && s.in_flight() > 0 && !deadline) {
    fail("no timer runs though a reply is awaited (TIME-01)");
  }
  if (asked && deadline && *deadline <= now) fail("the deadline is not in the future (TIME-02)");
  if (s.memory() > memory_limit_) {
    fail("the session holds " + std::to_string(s.memory()) + " octets, more than " +
         std::to_string(memory_limit_) + " (CORE-09)");
  }
}

void auditor::read_wire() {
  // Nothing but content can follow DATA, and it begins only once the event came; so it is enough to
  // look at the events of a moment before its octets.
  if (next_content_) {
    if (wire_ != wire::after_data) fail("ready_for_data came without DATA");
    wire_ = wire::content;
    content_of_ = *next_content_;
    matched_ = 2;  // the line of DATA ended just before
    next_content_.reset();
  }
  for (const char c : unread_) {
    if (wire_ == wire::content) {
      content_octet(c);
    } else {
      command_octet(c);
    }
  }
  unread_.clear();
}

void auditor::command_octet(char c) {
  line_ += c;
  if (c != '\n') return;
  wire_ = line_ == "DATA\r\n" ? wire::after_data : wire::command;
  if (tls_mode_ == tls_mode::required && !tls_ && !begins_with(line_, "EHLO ") &&
      line_ != "STARTTLS\r\n" && line_ != "QUIT\r\n") {
    fail("this left in clear text under tls=required: " + escape(line_.substr(0, 256)));
  }
  if (watching_ && line_.size() > 2) {
    // What is written as base64 was meant for the server alone.
    const std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
    const std::string_view word = line.substr(line.rfind(' ') + 1);
    const bool response =
        begins_with(line, "AUTH ") || (word.size() == line.size() && raw_lines_.count(line) == 0);
    constexpr std::size_t longer_than_a_verb = 12;
    if (response && word.size() >= longer_than_a_verb && base64_decode(word)) {
      add_secret(std::string(word));
    }
  }
  if (begins_with(line_, "MAIL FROM:")) {
    ++mail_lines_;
    rcpt_lines_ = 0;
  } else if (begins_with(line_, "RCPT TO:")) {
    ++rcpt_lines_;
  }
  line_.clear();
}

void auditor::content_octet(char c) {
  if (c == terminator[matched_]) {
    ++matched_;
  } else {
    matched_ = c == '\r' ? 1 : 0;
  }
  if (matched_ < terminator.size()) return;
  matched_ = 0;
  wire_ = wire::command;
  mails_[content_of_].terminated = true;
}

void auditor::check_done(const done_mail& done) {
  const mail_state& mail = mails_[done.id];
  std::size_t rcpts = 0;  // those that have one: what is refused locally never gets so far
  for (std::size_t i = 0; i < mail.recipients.size(); ++i) {
    const decision& what = done.recipients[i];
    check_recipient(mail, mail.recipients[i], what, rcpts < mail.rcpts_written);
    if (!what.local) ++rcpts;
  }
}

void auditor::check_recipient(const mail_state& mail, const recipient_state& to,
                              const decision& what, bool left) {
  using answer = recipient_state::answer;
  const auto [result, code, local] = what;
  const auto wrong = [&](const std::string& why) {
    fail("a recipient of mail " + std::to_string(mail.number) + " is " +
         std::string(to_string(what.result)) + ", but " + why);
  };
  if (result == outcome::pending) wrong("each needs an outcome (OUT-01)");
  const bool terminated = mail.terminated || (in_flight_ && mail.content);
  if (!terminated && (result == outcome::delivered || result == outcome::in_doubt)) {
    wrong("the terminator was not written (OUT-03)");
  }
  if (result == outcome::not_attempted && to.said != answer::none) {
    wrong("its RCPT was answered (OUT-04)");
  }
  if (local) return;  // refused before anything was written for it
  if (mail.sender_code) {
    // A server that did not see the end of the content before it may refuse a MAIL that rides with
    // the dot; then the session ends, and the mail may be sent again (PIPE-17).
    const bool contradictory = riding_ && result == outcome::deferred;
    const bool for_good = *mail.sender_code / 100 == 5 && !mail.ran_ahead;
    const outcome right = for_good ? outcome::rejected : outcome::deferred;
    if ((result != right || code != *mail.sender_code) && !contradictory) {
      wrong("the sender was refused, which outranks all (PIPE-12)");
    }
    return;
  }
  if (to.said == answer::rejected) {
    if (result != to.result || code != to.code) wrong("it was refused with another reply (OUT-03)");
    return;
  }
  if (to.said == answer::none && (result == outcome::delivered || result == outcome::in_doubt)) {
    wrong("it was never accepted");
  }
  if (!mail.cut) return;
  if (to.said == answer::accepted) {
    const outcome right = mail.terminated ? outcome::in_doubt : outcome::deferred;
    // The terminator may be among the octets in flight, and the session must assume that they left.
    if (result != right && !(in_flight_ && result == outcome::in_doubt)) {
      wrong("it was accepted, the terminator was " +
            std::string(mail.terminated ? "written" : "not written") +
            " and no final reply came (OUT-02, OUT-03)");
    }
  } else if (!in_flight_) {
    if (result != (left ? outcome::deferred : outcome::not_attempted)) {
      wrong("its RCPT was " + std::string(left ? "written" : "not written") + " (OUT-03, OUT-04)");
    }
  }
}

void auditor::fault(const session& s, bool write_in_flight) {
  in_flight_ = write_in_flight;
  silent_ = !s.closed();
  count_rcpts();
  for (auto& [id, mail] : mails_) mail.cut = !mail.done && silent_;
}

void auditor::count_rcpts() {
  // Mails begin in the order given, so the lines behind the last MAIL belong to the first mail that
  // has no reply to its MAIL yet, or, if each MAIL was answered, to the last one that was.
  std::size_t answered = 0;
  mail_state* last_answered = nullptr;
  mail_state* first_open = nullptr;
  for (auto& [id, mail] : mails_) {
    mail.rcpts_written = mail.answered ? mail.recipients.size() : 0;
    if (mail.answered) {
      ++answered;
      last_answered = &mail;
    } else if (!mail.done && first_open == nullptr) {
      first_open = &mail;
    }
  }
  mail_state* writing = mail_lines_ > answered ? first_open : last_answered;
  if (writing != nullptr) writing->rcpts_written = rcpt_lines_;
}

void auditor::after_fault(const session& s) {
  if (!closed_ || !s.closed()) fail("the session is not closed after the fault");
  check_all_done();
}

void auditor::check_all_done() {
  for (const auto& [id, mail] : mails_) {
    if (!mail.done) fail("mail " + std::to_string(mail.number) + " was never done (CORE-05)");
  }
  for (const auto& [id, command] : commands_) {
    // The session itself completes an AUTH that is a part of its opening (SESS-26).
    const bool of_opening = command.is_auth && command.before_ready;
    if (command.done == 0 && !of_opening) fail("a command was never completed (CORE-05)");
  }
}

}  // namespace sansmtp::script

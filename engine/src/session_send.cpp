// The sender: what may be written now. It runs inside `output()` and nowhere else. It looks at the
// queue of what is owed and at the table of rules; it decides nothing about replies.
#include <algorithm>
#include <string_view>
#include <utility>

#include "ascii.hpp"
#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::crlf;
using detail::line_form;
using detail::mail_step;
using detail::rcpt_step;
using detail::trait;

}  // namespace

// -- the loop -------------------------------------------------------------------------------------

/// What is to be written next before the session is ready and after that.
verb session::impl::next_verb_unready() const noexcept {
  if (stage_ == stage::leaving && !quit_written_) return verb::quit;
  return stage_ == stage::opening ? pressing_.value_or(nothing) : nothing;
}

/// What is to be written next, whatever the group says. Mails that are refused locally end here
/// (TXN-28).
[[gnu::always_inline]] inline verb session::impl::next_verb() {
  if (stage_ != stage::ready) return next_verb_unready();
  if (pressing_) return *pressing_;

  if (sending_ != nullptr) {
    mail_state& m = *sending_;
    if (m.step != mail_step::rcpts || m.cancelled || m.sender_refused) return nothing;
    if (config_.require_all_recipients && m.rcpt_refused) return nothing;
    // Between RCPTs, with nothing outstanding, some commands are allowed (CMD-18).
    if (window_.empty() && !wanted_.empty()) {
      const verb w = wanted_.front().what;
      if (detail::is(w, trait::side)) return w;
    }
    while (m.next_rcpt < m.rcpts.size() && m.rcpts[m.next_rcpt].step == rcpt_step::refused) {
      ++m.next_rcpt;  // refused locally
    }
    if (m.next_rcpt < m.rcpts.size() && !m.enough_rcpts) return verb::rcpt;
    if (m.chunked) [[unlikely]]
      return waits_for_chunk(m) ? nothing : verb::bdat;
    // DATA waits for what could forbid it: a refused RSET leaves old recipients in place (TXN-19).
    if (rset_owed_ != 0) return nothing;
    if ((config_.require_all_recipients || lmtp()) && m.owed != 0) return nothing;  // LMTP-03
    return verb::data;
  }

  while (!wanted_.empty()) {
    operation& op = wanted_.front();
    if (!op.is_mail()) return op.what;
    if (op.mail == nullptr) {  // cancelled
      wanted_.pop();
      continue;
    }
    // A mail is looked at only when nothing outstanding can change what the server offers.
    if (window_.closed()) return nothing;
    mail_state& m = *op.mail;
    if (!m.checked && !has_mails_left()) return leave_exhausted();
    if (!m.checked && refuse_locally(m)) {
      wanted_.pop();
      continue;
    }
    m.checked = true;
    if (streaming()) [[unlikely]] {
      if (active_.size() >= config_.limits.stream_mails) return nothing;
      if (!rset_due_) return forwards_due_ == 0 ? verb::mail : verb::xforward;
      return verb::rset;
    }
    if (rset_due_) return verb::rset;
    if (rset_owed_ != 0 && !config_.pipeline_rset) return nothing;
    return forwards_due_ == 0 ? verb::mail : verb::xforward;
  }
  return nothing;
}

// -- lines ----------------------------------------------------------------------------------------

void session::impl::trace_line(verb v, const command& c) {
  detail::pending_event& t = tell_event(event::kind::line_sent, v);
  t.id = c.mail != nullptr ? c.mail->id : c.id;
  t.recipient = c.recipient;
  t.command = events_.keep(c.line);
}

/// Puts EHLO or HELO with the client's name into `line_`.
void session::impl::format_hello(verb v) {
  line_ = detail::row_of(v).wire;
  line_ += ' ';
  line_ += hello_name_;
}

/// Says SMTPUTF8 in a command of the user's whose argument is beyond ASCII (UTF8-05). Without the
/// offer the command ends here, and false is returned.
bool session::impl::complete_text(verb v) {
  operation& op = wanted_.front();
  if (ascii::all_of(op.text, ascii::is_ascii)) return true;
  if (peer_.has(extension::smtputf8)) {
    op.text += utf8_suffix;
    return true;
  }
  const operation_id id = op.id;
  wanted_.pop();
  refuse_command(v, id, errc::utf8_not_offered);
  return false;
}

/// Prepares a command that few mails need.
session::impl::command session::impl::prepare(verb v) {
  command c;
  c.line = detail::row_of(v).wire;
  switch (detail::line_of(v)) {
    case line_form::word: pressing_.reset(); return c;

    case line_form::hello:
      format_hello(v);
      c.line = line_.view();
      if (!pressing_) {
        hello_id_ = wanted_.front().id;
        wanted_.pop();
      }
      pressing_.reset();
      return c;

    case line_form::client:
      pressing_.reset();
      c.line = client_line();
      --forwards_due_;
      return c;

    case line_form::dot:
      pressing_.reset();
      --sending_->owed;  // the dot that was to be written; its reply is owed instead
      sending_->step = mail_step::finished;
      c.mail = sending_;
      return c;

    case line_form::reset:
      ++rset_owed_;
      forwards_due_ = forwards_;  // EXT-15
      // The session's own RSET, before a MAIL, is the user's as well if that is what comes next.
      if (std::exchange(rset_due_, false) && (wanted_.empty() || wanted_.front().what != v))
        return c;
      break;

    case line_form::text: c.line = wanted_.front().text; break;  // the slot keeps it

    case line_form::farewell:
      quit_written_ = true;
      if (stage_ == stage::leaving) return c;
      stage_ = stage::leaving;
      ending_.because = {};
      break;  // nothing is behind it: what was asked after QUIT is refused already

    case line_form::none:
    case line_form::login:
    case line_form::sender:
    case line_form::recipient:
    case line_form::data:
    case line_form::chunk: return c;
  }
  c.id = wanted_.front().id;
  wanted_.pop();
  return c;
}

/// Formats a command; false if it does not fit into the group after all, or the session is over.
[[gnu::always_inline]] inline bool session::impl::write(verb v) {
  command c;
  switch (detail::line_of(v)) {
    case line_form::sender: {
      mail_state& m = *wanted_.front().mail;
      wanted_.pop();
      sending_ = newest_ = &m;
      m.rode = window_.begin_envelope();
      if (m.chunked) begin_ahead(m);
      active_.push(&m);
      m.step = mail_step::rcpts;
      ++mails_begun_;
      if (peer_.has(extension::limits)) [[unlikely]]
        count_domains(m);
      forwards_due_ = forwards_;
      c.line = m.text.view(m.mail_line.at, m.mail_line.size);
      c.mail = &m;
      break;
    }

    case line_form::recipient: {
      mail_state& m = *sending_;
      c.recipient = m.next_rcpt;
      detail::rcpt_state& to = m.rcpts[c.recipient];
      c.line = m.text.view(to.line.at, to.line.size);
      if (!fits(c.line.size())) return false;
      ++m.next_rcpt;
      to.step = rcpt_step::asked;
      to.end = out_.staged() + c.line.size() + crlf.size();
      c.mail = &m;
      break;
    }

    case line_form::data:
      c.line = detail::row_of(v).wire;
      if (!fits(c.line.size())) return false;
      sending_->step = mail_step::data;
      c.mail = sending_;
      break;

    case line_form::chunk: return write_chunks(*sending_);

    case line_form::login: write_login(v); return true;

    case line_form::none: return false;
    case line_form::client:
      if (!fits(client_line().size())) return false;
      c = prepare(v);
      break;
    case line_form::text:
      if (!complete_text(v)) return true;
      [[fallthrough]];
    case line_form::word:
    case line_form::hello:
    case line_form::dot:
    case line_form::reset:
    case line_form::farewell: c = prepare(v); break;
    default: detail::not_in_the_table();
  }
  out_.line(c.line);
  owe(v, c.mail, c.recipient, c.id);
  if (config_.trace) trace_line(v, command(c));
  if (config_.quit_no_wait && detail::is(v, trait::final)) finish_leaving();  // SESS-20
  return true;
}

/// Stages content as far as there is room. Only content can be much: lines are bounded by their
/// group. False if nothing else may be written now.
[[gnu::always_inline]] inline bool session::impl::write_body(mail_state& m) {
  if (m.step == mail_step::chunks) return write_chunks(m);
  while (sending_ != nullptr) {
    if (out_.full() || !write_content(m)) return false;
  }
  return true;
}

void session::impl::fill() {
  if (stage_ == stage::closed) {
    if (std::exchange(ending_.farewell, false)) {
      out_.line("QUIT");
      quit_written_ = true;
    }
    return;
  }
  if (sending_ != nullptr && is_body(sending_->step) && !write_body(*sending_)) return;
  for (;;) {
    const verb next = next_verb();
    if (next == nothing || !may_write(next) || !write(next)) return;
  }
}

// -- content --------------------------------------------------------------------------------------

/// Stages some content. False if there is nothing more to stage now.
bool session::impl::write_content(mail_state& m) {
  if (m.wants_chunk) return false;
  if (out_.empty()) window_.resume(now_);
  if (dotted_.starved()) {
    m.chunk_end = out_.staged();
    release_chunk();
    return false;
  }
  errc wrong = dotted_.read();
  if (wrong == errc::none && m.content.is_streamed()) {
    wrong = check_streamed(m, dotted_.counted(), dotted_.ended());
  }
  if (wrong != errc::none) {
    stop_content(m, wrong);
    return false;
  }
  dotted_.write(out_);
  if (!dotted_.finished()) return true;
  // Now nothing can be taken back; what is owed for this content can be told from a premature
  // reply.
  m.content_end = out_.staged();
  m.step = mail_step::finished;
  sending_ = nullptr;
  // How many replies come is not known where each recipient may have one (PRDR-02).
  window_.end_content(out_,
                      level_ >= pipelining_level::messages && m.verdicts == detail::prdr::none);
  return true;
}

/// The chunk lent last is the caller's again once all of it was written.
void session::impl::release_chunk() {
  if (sending_ == nullptr) return;
  mail_state& m = *sending_;
  const bool starved = m.chunked ? chunks_.starved() : dotted_.starved();
  if (!is_body(m.step) || !m.lending || !starved) return;
  if (m.chunk_end == 0 || out_.sent() < m.chunk_end) return;
  m.lending = false;
  m.wants_chunk = true;
  m.chunk_end = 0;
  detail::pending_event& e = tell_event(event::kind::chunk_released, verb::content);
  e.id = m.id;
}

}  // namespace sansmtp

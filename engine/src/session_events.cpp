// What the engine tells: events between their making and their taking, and the mails that they
// show.
#include <utility>

#include "session_impl.hpp"

namespace sansmtp {

using detail::line_form;
using detail::trait;

/// Mails were given back. The queues of what is wanted and told were as long as those were many.
void session::impl::trim_queues() {
  wanted_.trim();
  events_.trim();
}

/// The event taken last is void now, and with it the mail whose results it showed.
[[gnu::always_inline]] inline void session::impl::release_shown() {
  if (mail_state* const m = std::exchange(shown_.mail, nullptr); m != nullptr) {
    if (m->content.is_owned()) m->give_content_back();
    if (mails_.give_back(*m)) trim_queues();
  }
  events_.release();
}

detail::pending_event& session::impl::tell_event(event::kind what, verb about, const reply& r) {
  detail::pending_event& e = events_.push(what, about, tls_);
  if (r) {
    e.code = static_cast<std::uint16_t>(r.code());
    e.with_status = !detail::is(about, trait::plain_text);
    e.text = events_.keep(r.text());
  }
  return e;
}

/// The command that a failure answers, as it stood on the wire without CRLF (ERR-01), from which
/// all secrets are left out; valid until `line_` is used again.
std::string_view session::impl::command_of(verb v, mail_state* m, std::uint32_t recipient) {
  const detail::row& row = detail::row_of(v);
  switch (row.line) {
    case line_form::hello: format_hello(v); return line_.view();
    case line_form::client:  // which of several lines it was is not remembered
      return client_lines_.find('\n') == std::string::npos ? client_lines_ : row.wire;
    case line_form::sender:
      return m == nullptr ? row.wire : m->text.view(m->mail_line.at, m->mail_line.size);
    case line_form::recipient:
      if (m == nullptr) return row.wire;
      return m->text.view(m->rcpts[recipient].line.at, m->rcpts[recipient].line.size);
    case line_form::login:
      if (!row.is.has(trait::secret)) return row.wire;
      line_ = row.wire;
      line_ += ' ';
      line_ += detail::auth_mask::mask_text;
      return line_.view();
    case line_form::none:
    case line_form::word:
    case line_form::data:
    case line_form::dot:
    case line_form::chunk:
    case line_form::reset:
    case line_form::text:
    case line_form::farewell: break;
  }
  return row.wire;
}

void session::impl::fill_failure(detail::pending_event& e, const failure& f) {
  e.error = f.code ? f.code : std::error_code(f.why);
  e.category = category_of(f.why);
  e.advice = f.advice;
  if (f.answer && e.code == 0) {
    e.code = static_cast<std::uint16_t>(f.answer.code());
    e.with_status = !detail::is(f.stage, trait::plain_text);
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
  warn(why, detail, id, hello_verb());
}

void session::impl::warn(errc why, std::string_view detail, operation_id id, verb about) {
  if (warnings_ == config_.limits.warnings) return;
  ++warnings_;
  detail::pending_event& e = tell_event(event::kind::warning, about);
  e.error = std::error_code(why);
  e.category = category_of(why);
  if (!detail.empty()) e.detail = events_.keep(detail);
  e.id = id;
}

[[gnu::always_inline]] inline void session::impl::show_results(mail_state& m,
                                                               std::size_t answer_of) {
  shown_.results.resize(m.rcpts.size());
  recipient_result* to = shown_.results.data();
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
  shown_.what.results = shown_.results;
  if (!shown_.results.empty()) shown_.what.answer = shown_.results[answer_of].answer;
}

const event* session::next_event() {
  impl& s = *impl_;
  if (s.shown_.mail == nullptr && s.events_.clean()) return nullptr;  // most calls
  s.release_shown();
  return s.events_.empty() ? nullptr : s.show_next();
}

const event* session::impl::show_next() {
  const detail::pending_event& p = events_.front();
  // A transport may still be reading the mail's octets; its owner must not free them yet.
  if (p.what == event::kind::mail_done && out_.lends_borrowed()) return nullptr;

  event& e = shown_.what;
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
    shown_.mail = p.mail;
  }
  events_.pop();
  return &e;
}

[[gnu::cold]] envelope session::envelope_of_event() const {
  return impl_->shown_.mail != nullptr ? impl_->shown_.mail->given_envelope() : envelope();
}
[[gnu::cold]] message session::content_of_event() {
  return impl_->shown_.mail != nullptr ? std::exchange(impl_->shown_.mail->content, message())
                                       : message();
}

}  // namespace sansmtp

#include "sansmtp/delivery.hpp"

#include <algorithm>

#include "sansmtp/envelope.hpp"
#include "text_buffer.hpp"

namespace sansmtp {

namespace {

/// What is reported of one mail is mostly as long as what was reported of the one before, and then
/// all that is left of an assignment is a copy.
inline void assign_text(std::string& to, std::string_view from) {
  if (to.size() == from.size()) {
    detail::copy(to.data(), from);
  } else {
    to.assign(from);
  }
}

/// What the event shows of the reply.
void take_answer(recipient_report& entry, const event& e) {
  entry.stage = e.answers;
  entry.advice = e.advice;
  entry.code = e.answer.code();
  entry.enhanced = e.answer.enhanced();
  entry.text.assign(detail::first_lines(e.answer.text(), kept_reply_octets));
}

void answer(recipient_report& entry, const event& e) {
  if (e.what == event::kind::recipient_rejected) {
    entry.result = e.result;
    entry.why = condition_of(e.error);
  }
  take_answer(entry, e);
}

}  // namespace

[[gnu::cold]] void delivery::list(const envelope& env, outcome result, verb stage, errc why) {
  recipients.resize(env.recipients.size());
  auto to = recipients.begin();
  for (const recipient& from : env.recipients) {
    to->address = from.address.text();
    to->result = result;
    to->stage = stage;
    to->why = why;
    to->advice = hint::none;
    to->code = 0;
    to->enhanced = {};
    to->text.clear();
    ++to;
  }
}

void delivery::begin(mail_id mail, const envelope& env) {
  id = mail;
  error.clear();
  list(env, outcome::pending, verb::rcpt, errc::none);
  auto to = recipients.begin();
  for (const recipient& from : env.recipients) {
    to->why = from.address.error();
    if (to->why != errc::none) to->result = outcome::rejected;
    ++to;
  }
}

void delivery::assign(const event& done) {
  const bool answered =
      done.what == event::kind::recipient_accepted || done.what == event::kind::recipient_rejected;
  if (answered && done.recipient < recipients.size()) answer(recipients[done.recipient], done);
  if (done.what != event::kind::mail_done) return;
  id = done.id;
  error = done.error;
  // Entries and their strings are filled again, not made anew: that keeps their capacity.
  recipients.resize(done.results.size());
  auto to = recipients.begin();
  for (const recipient_result& from : done.results) {
    assign_text(to->address, from.address);
    to->result = from.result;
    to->stage = from.stage;
    to->why = from.why;
    to->advice = from.advice;
    to->code = from.answer.code();
    to->enhanced = from.answer.enhanced();
    if (!to->enhanced) to->enhanced = from.suggested;
    assign_text(to->text, from.answer.text());
    ++to;
  }
}

bool delivery::delivered_to_all() const noexcept {
  return !recipients.empty() && count(outcome::delivered) == recipients.size();
}

std::size_t delivery::count(outcome o) const noexcept {
  const auto has_it = [o](const recipient_report& r) { return r.result == o; };
  return static_cast<std::size_t>(std::count_if(recipients.begin(), recipients.end(), has_it));
}

recipient_report failure_of(const event& e) {
  using enum failure_category;
  recipient_report result;
  result.result = e.what == event::kind::mail_done ? e.result : outcome::not_attempted;
  result.why = condition_of(e.error);
  if (e.error && result.why == errc::none) {
    result.why = e.category == tls       ? errc::tls_failed
                 : e.category == aborted ? errc::aborted
                                         : errc::connection_lost;
  }
  take_answer(result, e);
  return result;
}

}  // namespace sansmtp

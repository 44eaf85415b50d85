// What the window is asked seldom: about the end, about replies that come early, about time.
#include "window.hpp"

namespace sansmtp::detail {

namespace {

std::optional<time_point> due(time_point base, timeouts::duration limit) noexcept {
  if (limit == timeouts::duration::zero()) return std::nullopt;
  return limit > time_point::max() - base ? time_point::max() : base + limit;
}

}  // namespace

bool window::ends_at(std::uint64_t position) const noexcept {
  for (std::size_t i = 0; i < owed_.size(); ++i) {
    if (owed_[i].end == position) return true;
  }
  return false;
}

void window::forget_mails() noexcept {
  for (std::size_t i = 0; i < owed_.size(); ++i) owed_[i].mail = nullptr;
}

expected window::forget_command() noexcept {
  for (std::size_t i = 0; i < owed_.size(); ++i) {
    if (owed_[i].id == 0) continue;
    const expected e = owed_[i];
    owed_[i].id = 0;
    return e;
  }
  return {};
}

bool window::has_body_behind(std::uint64_t position) const noexcept {
  for (std::size_t i = 0; i < owed_.size(); ++i) {
    if (owed_[i].is.has(trait::body) && owed_[i].end > position) return true;
  }
  return false;
}

void window::owe_for_each(verb v, mail_state& m, std::uint64_t end, time_point now) {
  for (std::uint32_t i = 0; i < m.rcpts.size(); ++i) {
    if (m.rcpts[i].step == rcpt_step::accepted) owe(v, &m, i, 0, end, now);
  }
}

void window::owe_verdicts(mail_state& m, std::uint64_t end, time_point now) {
  owe_for_each(verb::verdict, m, end, now);
  owe(verb::content, &m, 0, 0, end, now);
}

/// `sent()` has not covered the answered command yet. While a write of content is in flight nobody
/// knows whether its end has left: a refusal counts regardless, a success waits for `sent()`. A
/// chunk must leave to its last octet, so its refusal waits as well (BDAT-14).
window::timing window::timing_in_flight(int code, const output_stage& out) const noexcept {
  const expected& e = owed_.front();
  if (e.is.has(trait::counted) && e.mail != nullptr) {
    if (code == closing_code) return timing::premature;
    return code >= 400 || e.end <= out.handed() ? timing::waits : timing::premature;
  }
  if (e.end > out.handed()) return timing::premature;
  if (!e.is.has(trait::early) || e.mail == nullptr) return timing::counts;
  // Where each recipient has a reply of its own, a refusal of one ends nothing, but 421 does.
  if (code == closing_code) return timing::premature;
  return code < 400 || e.mail->each ? timing::waits : timing::premature;
}

std::optional<time_point> window::deadline(const output_stage& out,
                                           const timeouts& t) const noexcept {
  if (owed_.empty()) return std::nullopt;
  const expected& e = owed_.front();
  if (e.is.has(trait::by_progress) && e.mail != nullptr && out.sent() < e.end) {
    // Nothing staged of a stream: it is the turn of the caller, or of output() (TIME-05).
    if (e.mail->content.is_streamed() && out.empty()) return std::nullopt;
    const auto blocked = due(base_, t.block);
    const auto slow = due(stretch_of_ == e.end ? stretch_base_ : base_, t.progress);  // TIME-08
    return blocked && (!slow || *blocked < *slow) ? blocked : slow;
  }
  return due(base_, t.of(e.what));
}

}  // namespace sansmtp::detail

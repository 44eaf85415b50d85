#include "sansmtp/delivery.hpp"

#include <algorithm>

namespace sansmtp {

void delivery::assign(const event& done) {
  if (done.what != event::kind::mail_done) return;
  id = done.id;
  error = done.error;
  // Entries and their strings are filled again, not made anew: that keeps their capacity.
  recipients.resize(done.results.size());
  auto to = recipients.begin();
  for (const recipient_result& from : done.results) {
    to->address.assign(from.address);
    to->result = from.result;
    to->stage = from.stage;
    to->why = from.why;
    to->advice = from.advice;
    to->code = from.answer.code();
    to->enhanced = from.answer.enhanced();
    if (!to->enhanced) to->enhanced = from.suggested;
    to->text.assign(from.answer.text());
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

}  // namespace sansmtp

#include "sansmtp/resend.hpp"

#include <algorithm>
#include <initializer_list>

namespace sansmtp {

std::string_view to_string(resend r) noexcept {
  switch (r) {
    case resend::no: return "no";
    case resend::transaction: return "transaction";
    case resend::connection: return "connection";
    case resend::without_tls: return "without_tls";
  }
  return "unknown";
}

resend resend_of(const recipient_report& to) noexcept {
  if (to.result != outcome::deferred && to.result != outcome::not_attempted) return resend::no;
  if (to.advice == hint::retry_without_tls) return resend::without_tls;
  if (to.advice == hint::another_connection) return resend::connection;
  const auto is_one_of = [why = to.why](std::initializer_list<errc> list) {
    return std::find(list.begin(), list.end(), why) != list.end();
  };
  if (is_one_of({errc::recipient_limit, errc::ran_ahead})) return resend::transaction;  // TXN-10
  if (is_one_of({errc::reset_refused, errc::service_closing, errc::connection_lost,
                 errc::tls_truncated, errc::handshake_lost, errc::session_closed,
                 errc::session_exhausted, errc::session_aborted})) {
    return resend::connection;
  }
  return resend::no;
}

resend_plan plan_resend(const delivery& report, bool all_or_none) {
  resend_plan plan;
  for (std::size_t i = 0; i < report.recipients.size(); ++i) {
    const recipient_report& to = report.recipients[i];
    resend how = resend_of(to);
    // Who was not sent to since another was refused says nothing of its own; who was refused does.
    if (all_or_none && to.why == errc::recipient_limit) how = resend::no;
    if (how == resend::no) {
      if (all_or_none) return {};
      continue;
    }
    plan.how = std::max(plan.how, how);
    plan.recipients.push_back(i);
  }
  return plan;
}

}  // namespace sansmtp

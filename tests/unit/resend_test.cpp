#include "sansmtp/resend.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sansmtp/error.hpp"

namespace sansmtp {
namespace resend_test {
namespace {

recipient_report recipient(outcome result, errc why, hint advice = hint::none) {
  recipient_report r;
  r.result = result;
  r.why = why;
  r.advice = advice;
  return r;
}

TEST(resend, depends_on_why_for_those_who_were_not_served) {  // POOL-01
  for (int i = 0; i <= static_cast<int>(errc::aborted); ++i) {
    const auto why = static_cast<errc>(i);
    resend expected = resend::no;
    if (why == errc::recipient_limit || why == errc::ran_ahead) expected = resend::transaction;
    for (const errc of_session : {errc::reset_refused, errc::service_closing, errc::connection_lost,
                                  errc::tls_truncated, errc::handshake_lost, errc::session_closed,
                                  errc::session_exhausted, errc::session_aborted}) {
      if (why == of_session) expected = resend::connection;
    }
    SCOPED_TRACE(to_string(why));
    EXPECT_EQ(resend_of(recipient(outcome::deferred, why)), expected);
    EXPECT_EQ(resend_of(recipient(outcome::not_attempted, why)), expected);
    for (const outcome decided : {outcome::delivered, outcome::rejected, outcome::in_doubt}) {
      EXPECT_EQ(resend_of(recipient(decided, why)), resend::no);
      EXPECT_EQ(resend_of(recipient(decided, why, hint::retry_without_tls)), resend::no);
      EXPECT_EQ(resend_of(recipient(decided, why, hint::another_connection)), resend::no);
    }
  }
}

TEST(resend, follows_advice) {  // TLS-08
  EXPECT_EQ(resend_of(recipient(outcome::not_attempted, errc::tls_failed, hint::retry_without_tls)),
            resend::without_tls);
  EXPECT_EQ(
      resend_of(recipient(outcome::deferred, errc::refused_transiently, hint::another_connection)),
      resend::connection);
  EXPECT_EQ(resend_of(recipient(outcome::deferred, errc::refused_transiently)), resend::no);
}

TEST(resend, takes_those_who_may_and_what_the_neediest_of_them_asks_for) {  // POOL-01
  delivery report;
  report.recipients = {recipient(outcome::delivered, errc::none),
                       recipient(outcome::deferred, errc::recipient_limit),
                       recipient(outcome::rejected, errc::refused_permanently),
                       recipient(outcome::not_attempted, errc::service_closing)};
  const resend_plan plan = plan_resend(report, false);
  EXPECT_EQ(plan.how, resend::connection);
  EXPECT_EQ(plan.recipients, (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(plan_resend({}, false).how, resend::no);
}

TEST(resend, is_whole_or_not_at_all_for_a_mail_for_all_or_nobody) {  // POOL-01 TXN-08
  delivery report;
  report.recipients = {recipient(outcome::deferred, errc::connection_lost),
                       recipient(outcome::not_attempted, errc::session_closed)};
  EXPECT_EQ(plan_resend(report, true).how, resend::connection);
  EXPECT_EQ(plan_resend(report, true).recipients.size(), 2U);

  // Whoever was refused stays refused, also if the link ended behind it.
  for (const recipient_report& refused : {recipient(outcome::rejected, errc::refused_permanently),
                                          recipient(outcome::deferred, errc::refused_transiently),
                                          recipient(outcome::deferred, errc::recipient_limit),
                                          recipient(outcome::deferred, errc::recipient_refused)}) {
    report.recipients.push_back(refused);
    EXPECT_EQ(plan_resend(report, true).how, resend::no);
    EXPECT_TRUE(plan_resend(report, true).recipients.empty());
    report.recipients.pop_back();
  }
}

TEST(resend, has_names) {
  EXPECT_EQ(to_string(resend::no), "no");
  EXPECT_EQ(to_string(resend::transaction), "transaction");
  EXPECT_EQ(to_string(resend::connection), "connection");
  EXPECT_EQ(to_string(resend::without_tls), "without_tls");
  EXPECT_EQ(to_string(static_cast<resend>(200)), "unknown");
}

}  // namespace
}  // namespace resend_test
}  // namespace sansmtp

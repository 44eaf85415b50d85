#include "sansmtp/delivery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "sansmtp/envelope.hpp"

namespace {

using namespace sansmtp;

recipient_result result_of(std::string_view address, outcome o) {
  recipient_result r;
  r.address = address;
  r.result = o;
  return r;
}

event done(mail_id id, std::span<const recipient_result> results) {
  event e;
  e.what = event::kind::mail_done;
  e.id = id;
  e.results = results;
  return e;
}

TEST(delivery, copies_everything) {  // OUT-01
  delivery report;
  {
    // All of this is gone when the report is read.
    std::string address = "a.rather.long.address@b.test";
    std::string text = "5.1.1 no such user here\nreally not";
    std::array<recipient_result, 2> results;
    results[0].address = address;
    results[0].result = outcome::rejected;
    results[0].stage = verb::rcpt;
    results[0].why = errc::refused_permanently;
    results[0].advice = hint::auth_or_tls_required;
    results[0].answer = reply(550, text);
    results[0].suggested = {4, 0, 0};
    results[1] = result_of("r2@b.test", outcome::rejected);
    results[1].why = errc::content_too_big;
    results[1].suggested = {5, 3, 4};
    event e = done(7, results);
    e.error = errc::content_too_big;
    report.assign(e);
    address.assign(address.size(), '!');
    text.assign(text.size(), '!');
  }
  EXPECT_EQ(report.id, 7U);
  EXPECT_EQ(report.error, errc::content_too_big);
  ASSERT_EQ(report.recipients.size(), 2U);

  const recipient_report& first = report.recipients[0];
  EXPECT_EQ(first.address, "a.rather.long.address@b.test");
  EXPECT_EQ(first.result, outcome::rejected);
  EXPECT_EQ(first.stage, verb::rcpt);
  EXPECT_EQ(first.why, errc::refused_permanently);
  EXPECT_EQ(first.category(), failure_category::reply);
  EXPECT_EQ(first.advice, hint::auth_or_tls_required);
  EXPECT_EQ(first.code, 550);
  EXPECT_EQ(first.enhanced, (enhanced_status{5, 1, 1})) << "the server's word comes first";
  EXPECT_EQ(first.text, "5.1.1 no such user here\nreally not");

  const recipient_report& second = report.recipients[1];
  EXPECT_EQ(second.address, "r2@b.test");
  EXPECT_EQ(second.stage, verb::mail);
  EXPECT_EQ(second.category(), failure_category::local);
  EXPECT_EQ(second.code, 0);
  EXPECT_EQ(second.enhanced, (enhanced_status{5, 3, 4}));  // OUT-05
  EXPECT_EQ(second.text, "");
}

TEST(delivery, takes_no_event_of_nobody) {  // OUT-01
  const std::array results{result_of("r1@b.test", outcome::delivered)};
  delivery report;
  report.assign(done(1, results));
  for (int i = 0; i <= static_cast<int>(event::kind::closed); ++i) {
    event other = done(2, {});
    other.what = static_cast<event::kind>(i);
    other.error = errc::aborted;
    other.recipient = 1;  // which there is not
    if (other.what != event::kind::mail_done) report.assign(other);
  }
  EXPECT_EQ(report.id, 1U);
  EXPECT_FALSE(report.error);
  ASSERT_EQ(report.recipients.size(), 1U);
  EXPECT_EQ(report.recipients[0].why, errc::none);
}

TEST(delivery, says_so_far_what_was_answered) {  // OUT-01, TXN-28
  envelope env;
  env.recipients = {recipient("r1@b.test"), recipient("not an address"), recipient("r3@b.test")};
  delivery report;
  report.error = errc::aborted;
  report.begin(5, env);
  EXPECT_EQ(report.id, 5U);
  EXPECT_FALSE(report.error);
  ASSERT_EQ(report.recipients.size(), 3U);
  EXPECT_EQ(report.recipients[0].address, "r1@b.test");
  EXPECT_EQ(report.recipients[0].result, outcome::pending);
  EXPECT_EQ(report.recipients[0].stage, verb::rcpt);
  EXPECT_EQ(report.recipients[0].why, errc::none);
  EXPECT_EQ(report.recipients[1].result, outcome::rejected);
  EXPECT_EQ(report.recipients[1].why, env.recipients[1].address.error());

  event answer;
  answer.what = event::kind::recipient_accepted;
  answer.answers = verb::rcpt;
  answer.answer = reply(250, "2.1.5 fine");
  report.assign(answer);
  EXPECT_EQ(report.recipients[0].result, outcome::pending) << "it is not delivered yet";
  EXPECT_EQ(report.recipients[0].code, 250);
  EXPECT_EQ(report.recipients[0].enhanced, (enhanced_status{2, 1, 5}));
  EXPECT_EQ(report.recipients[0].text, "2.1.5 fine");

  answer.what = event::kind::recipient_rejected;
  answer.recipient = 2;
  answer.result = outcome::deferred;
  answer.error = errc::refused_transiently;
  answer.advice = hint::too_many_recipients;
  answer.answer = reply(452, "later");
  report.assign(answer);
  EXPECT_EQ(report.recipients[2].result, outcome::deferred);
  EXPECT_EQ(report.recipients[2].why, errc::refused_transiently);
  EXPECT_EQ(report.recipients[2].advice, hint::too_many_recipients);
  EXPECT_EQ(report.recipients[2].code, 452);
  EXPECT_EQ(report.recipients[2].text, "later");
  EXPECT_EQ(report.recipients[0].code, 250) << "the others say what they said";

  report.list(env, outcome::not_attempted, verb::greeting, errc::connection_lost);
  for (const recipient_report& r : report.recipients) {
    EXPECT_EQ(r.result, outcome::not_attempted);
    EXPECT_EQ(r.stage, verb::greeting);
    EXPECT_EQ(r.why, errc::connection_lost);
    EXPECT_EQ(r.advice, hint::none);
    EXPECT_EQ(r.code, 0);
    EXPECT_FALSE(r.enhanced);
    EXPECT_EQ(r.text, "");
  }
}

TEST(delivery, keeps_no_more_than_some_lines_of_a_reply) {  // LIM-01, POOL-06
  envelope env;
  env.sender = path("a@b.test");
  env.recipients.emplace_back(path("r@b.test"));
  const auto text_of = [&env](std::string_view text) {
    delivery report;
    report.begin(1, env);
    event refused;
    refused.what = event::kind::recipient_rejected;
    refused.answers = verb::rcpt;
    refused.answer = reply(550, text);
    report.assign(refused);
    return report.recipients[0].text;
  };
  const std::string line(kept_reply_octets / 2, 'x');
  EXPECT_EQ(text_of(line), line);
  EXPECT_EQ(text_of(line + '\n' + line), line);  // one octet too many for both
  const std::string fits(kept_reply_octets - line.size() - 1, 'y');
  EXPECT_EQ(text_of(line + '\n' + fits), line + '\n' + fits);
  EXPECT_EQ(text_of(line + '\n' + fits + '\n' + line), line + '\n' + fits);
  EXPECT_EQ(text_of(line + line + "z"), line + line);  // no line of it fits
}

TEST(delivery, keeps_nothing_of_the_mail_before) {  // OUT-01
  std::array results{result_of("r1@b.test", outcome::rejected),
                     result_of("r2@b.test", outcome::deferred)};
  results[0].answer = reply(550, "5.1.1 no");
  results[0].why = errc::refused_permanently;
  event e = done(1, results);
  e.error = errc::aborted;
  delivery report;
  report.assign(e);

  const std::array next{result_of("r3@b.test", outcome::delivered)};
  report.assign(done(2, next));
  EXPECT_EQ(report.id, 2U);
  EXPECT_FALSE(report.error);
  ASSERT_EQ(report.recipients.size(), 1U);
  EXPECT_EQ(report.recipients[0].address, "r3@b.test");
  EXPECT_EQ(report.recipients[0].code, 0);
  EXPECT_EQ(report.recipients[0].text, "");
  EXPECT_EQ(report.recipients[0].why, errc::none);
  EXPECT_FALSE(report.recipients[0].enhanced);
}

TEST(delivery, fills_a_warm_report_in_place) {  // OUT-01
  const std::string text(300, 'x');
  const std::string address = std::string(60, 'a') + "@b.test";
  std::vector<recipient_result> results(20, result_of(address, outcome::delivered));
  for (recipient_result& r : results) r.answer = reply(250, text);

  delivery report;
  report.assign(done(1, results));
  const auto places = [&report] {
    std::vector<const void*> all{report.recipients.data()};
    for (const recipient_report& r : report.recipients) {
      all.push_back(r.address.data());
      all.push_back(r.text.data());
    }
    return all;
  };
  const auto before = places();
  report.assign(done(2, results));
  EXPECT_EQ(places(), before);
  EXPECT_EQ(report.id, 2U);
}

TEST(delivery, counts) {  // OUT-01
  using enum outcome;
  const struct {
    std::vector<outcome> outcomes;
    bool to_all;
  } rows[] = {
      {{}, false},  // A usage error has no results.
      {{delivered}, true},
      {{delivered, delivered}, true},
      {{delivered, rejected}, false},
      {{in_doubt, in_doubt}, false},
      {{pending, deferred, not_attempted}, false},
  };
  for (const auto& row : rows) {
    std::vector<recipient_result> results;
    for (const outcome o : row.outcomes) results.push_back(result_of("r@b.test", o));
    delivery report;
    report.assign(done(1, results));
    EXPECT_EQ(report.delivered_to_all(), row.to_all);
    for (int i = 0; i <= static_cast<int>(in_doubt); ++i) {
      const auto o = static_cast<outcome>(i);
      EXPECT_EQ(report.count(o),
                static_cast<std::size_t>(std::count(row.outcomes.begin(), row.outcomes.end(), o)));
    }
  }
}

TEST(delivery, says_what_a_failure_means_for_a_mail) {  // POOL-01
  const auto foreign = std::make_error_code(std::errc::operation_canceled);
  const struct {
    std::error_code error;
    failure_category category;
    errc why;
  } rows[] = {
      {{}, failure_category::none, errc::none},
      {errc::service_closing, failure_category::reply, errc::service_closing},
      {errc::aborted, failure_category::aborted, errc::aborted},
      {foreign, failure_category::tls, errc::tls_failed},
      {foreign, failure_category::aborted, errc::aborted},
      {foreign, failure_category::connection_lost, errc::connection_lost},
  };
  for (const auto& row : rows) {
    event e;
    e.what = event::kind::session_failed;
    e.error = row.error;
    e.category = row.category;
    EXPECT_EQ(failure_of(e).why, row.why) << row.error.message();
    EXPECT_EQ(failure_of(e).result, outcome::not_attempted);
  }
}

TEST(delivery, copies_the_reply_of_a_failure) {  // OUT-01, LIM-01
  recipient_report r;
  {
    const std::string text = "4.3.2 first\n" + std::string(kept_reply_octets, 'x');
    event e;
    e.what = event::kind::mail_done;
    e.result = outcome::deferred;
    e.answers = verb::rcpt;
    e.error = errc::service_closing;
    e.advice = hint::another_connection;
    e.answer = reply(421, text);
    r = failure_of(e);
  }
  EXPECT_EQ(r.result, outcome::deferred);
  EXPECT_EQ(r.stage, verb::rcpt);
  EXPECT_EQ(r.advice, hint::another_connection);
  EXPECT_EQ(r.code, 421);
  EXPECT_EQ(r.enhanced, (enhanced_status{4, 3, 2}));
  EXPECT_EQ(r.text, "4.3.2 first");
}

}  // namespace

// AUTH as far as the session is concerned: logins one after the other, and what is never shown.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session_setup.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;
using kind = event::kind;

TEST(session, a_second_login_is_refused) {  // CORE-06 AUTH-01
  session_driver d = logging_in();
  d.talk("235 ok");
  EXPECT_EQ(d.count(kind::ready), 1U);
  int living = 0;
  std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
  mechanisms.push_back(std::make_unique<talkative>(living, "PLAIN", "x"));
  const operation_id again = d.s.authenticate(std::move(mechanisms));
  d.s.noop();
  EXPECT_EQ(d.take(), "NOOP\r\n") << "a following legal action works";
  ASSERT_NE(d.completion(again), nullptr);
  EXPECT_EQ(d.completion(again)->error, errc::bad_state);
  EXPECT_EQ(living, 0);
}

TEST(session, a_login_is_not_for_the_middle_of_a_transaction) {  // AUTH-01
  session_driver d(cleartext_config());
  d.open("250-mx.test\r\n250 AUTH PLAIN");
  d.s.send(envelope_to(1), borrowed_body());
  d.take();
  const operation_id login = d.s.authenticate(plain_login());
  d.pull();
  ASSERT_NE(d.completion(login), nullptr);
  EXPECT_EQ(d.completion(login)->error, errc::bad_state);
}

// The places of operations are used again: a login must not inherit a mail.
TEST(session, a_login_that_waits_is_no_mail) {  // CORE-05
  for (std::size_t mails = 0; mails != 20; ++mails) {
    session_driver d = opened();
    for (std::size_t i = 0; i != mails; ++i) {
      d.s.send(envelope_to(1), borrowed_body());
      d.take();
      d.talk("250 s\r\n250 r\r\n354 go");
      d.talk("250 ok");
    }
    const operation_id login = d.s.authenticate(plain_login());
    d.end();
    EXPECT_EQ(d.count(kind::mail_done), mails);
    ASSERT_NE(d.completion(login), nullptr);
    EXPECT_EQ(d.completion(login)->error, errc::connection_lost);
  }
}

// Whatever the server says inside an exchange of AUTH, nothing of it and nothing of the answers is
// ever shown, in whatever field of whatever event.
TEST(session, shows_nothing_of_an_exchange_of_auth) {  // SEC-03 AUTH-12
  const std::string_view secret = "c2VjcmV0";
  const std::string_view rows[] = {
      "334 c2VjcmV0",                   // a challenge that PLAIN does not expect
      "334-c2VjcmV0\r\n334 c2VjcmV0",   // one of two lines
      "350 c2VjcmV0",                   // no challenge
      "354 c2VjcmV0",                   //
      "334 c2VjcmV0\r\n354 c2VjcmV0",   // behind the "*"
      "334c2VjcmV0",                    // no reply at all
      "334 c2VjcmV0\r\nx334 c2VjcmV0",  // nor is that
      "334-c2VjcmV0\r\n501 c2VjcmV0",   // nor that
  };
  for (const std::string_view said : rows) {
    session_driver d = logging_in(true);
    d.talk(said);
    d.end();
    EXPECT_TRUE(d.s.closed());
    EXPECT_EQ(d.count(kind::authenticated), 0U);
    for (const seen_event& e : d.events) {
      for (const std::string& text : {e.text, e.command, e.excerpt, e.detail}) {
        EXPECT_EQ(text.find(secret), std::string::npos) << said << ": " << summary(e);
        EXPECT_EQ(text.find("AHVzZXI"), std::string::npos) << said << ": " << summary(e);
      }
    }
  }
  // The last word of an exchange is no secret.
  session_driver d = logging_in(true);
  d.events.clear();
  d.talk("235 2.7.0 welcome");
  EXPECT_EQ(d.last(kind::reply_parsed)->text, "2.7.0 welcome");
  EXPECT_EQ(d.last(kind::authenticated)->text, "2.7.0 welcome");
}

TEST(session, a_login_that_fails_leaves_nothing_to_the_next) {  // AUTH-04 AUTH-11 SEC-03
  int living = 0;
  const auto both = [&living] {
    std::vector<std::unique_ptr<sasl_mechanism>> all;
    all.push_back(std::make_unique<talkative>(living, "PLAIN", "secret"));
    all.push_back(std::make_unique<talkative>(living, "LOGIN", std::nullopt, "user"));
    return all;
  };
  session_config config = config_of();
  config.no_initial_response = true;
  session_driver d(std::move(config));
  d.open("250-mx.test\r\n250 AUTH PLAIN LOGIN");
  const operation_id first = d.s.authenticate(both());
  EXPECT_EQ(d.take(), "AUTH PLAIN\r\n");
  EXPECT_EQ(d.talk("504 not that"), "AUTH LOGIN\r\n");
  EXPECT_EQ(d.talk("334 VXNlcg=="), "dXNlcg==\r\n") << "not what the other one had to say";
  d.talk("535 no");
  ASSERT_NE(d.completion(first), nullptr);
  EXPECT_EQ(d.completion(first)->error, errc::auth_refused);
  EXPECT_EQ(living, 0);
  const operation_id second = d.s.authenticate(both());
  EXPECT_EQ(d.take(), "AUTH PLAIN\r\n");
  EXPECT_EQ(d.talk("334"), "c2VjcmV0\r\n");
  d.talk("235 welcome");
  EXPECT_FALSE(d.completion(second)->error);
  EXPECT_EQ(living, 0);
}

TEST(session, bounds_the_rounds_of_each_mechanism) {  // AUTH-06
  int living = 0;
  std::vector<std::unique_ptr<sasl_mechanism>> all;
  all.push_back(std::make_unique<talkative>(living, "ONE", std::nullopt, "1"));
  all.push_back(std::make_unique<talkative>(living, "TWO", std::nullopt, "2"));
  session_config config = config_of();
  config.trace = true;
  session_driver d(std::move(config));
  d.open("250-mx.test\r\n250 AUTH ONE TWO");
  d.s.authenticate(std::move(all));
  EXPECT_EQ(d.take(), "AUTH ONE\r\n");
  for (int i = 0; i != 10; ++i) EXPECT_EQ(d.talk("334"), "MQ==\r\n");
  EXPECT_EQ(d.talk("504 enough"), "AUTH TWO\r\n");
  for (int i = 0; i != 10; ++i) EXPECT_EQ(d.talk("334"), "Mg==\r\n");
  EXPECT_EQ(d.talk("334"), "*\r\n");
  EXPECT_EQ(d.last(kind::line_sent)->command, "*");
  d.talk("501 ok");
  EXPECT_EQ(d.last(kind::command_done)->error, errc::auth_bad_challenge);
}

TEST(session, bounds_the_line_of_a_response) {  // AUTH-09
  for (const bool fits : {true, false}) {
    int living = 0;
    std::vector<std::unique_ptr<sasl_mechanism>> all;
    all.push_back(std::make_unique<talkative>(living, "ONE", std::nullopt, std::string(600, 'x')));
    session_config config = config_of();
    config.limits.auth_line = fits ? 802 : 801;  // 600 octets are 800 in base64
    session_driver d(std::move(config));
    d.open("250-mx.test\r\n250 AUTH ONE");
    d.s.authenticate(std::move(all));
    EXPECT_EQ(d.take(), "AUTH ONE\r\n");
    EXPECT_EQ(d.talk("334").size(), fits ? 802U : 3U);
    d.talk("501 no");
    EXPECT_EQ(d.last(kind::command_done)->error, fits ? errc::auth_refused : errc::line_too_long);
  }
}

// The mechanism, and what it knows, goes with the login; and one that never came to its turn too.
TEST(session, keeps_no_secret_behind_its_end) {  // SEC-03
  for (const bool asked : {true, false}) {
    int living = 0;
    const auto login = [&living] {
      std::vector<std::unique_ptr<sasl_mechanism>> all;
      all.push_back(std::make_unique<talkative>(living, "PLAIN", "x"));
      return all;
    };
    session_driver d;
    d.s.authenticate(login());
    if (asked) {
      d.open("250-mx.test\r\n250 AUTH PLAIN");
    } else {
      d.s.connected(d.now);
    }
    EXPECT_EQ(living, 1);
    d.end();
    EXPECT_TRUE(d.s.closed());
    EXPECT_EQ(living, 0);
  }
  for (const bool politely : {true, false}) {
    int living = 0;
    std::vector<std::unique_ptr<sasl_mechanism>> all;
    all.push_back(std::make_unique<talkative>(living, "PLAIN", "x"));
    session_driver d = opened();
    d.s.authenticate(std::move(all));
    EXPECT_EQ(living, 1) << "it waits";
    if (politely) {
      d.s.quit_now();
    } else {
      d.end();
    }
    EXPECT_EQ(living, 0);
  }
}

TEST(session, shows_the_fragment_at_the_end_but_never_one_of_a_login) {  // REP-17 SEC-03
  session_driver d = opened();
  d.s.noop();
  d.take();
  d.feed("250 half");
  d.end();
  EXPECT_EQ(d.last(kind::closed)->excerpt, "250 half");
  EXPECT_EQ(d.last(kind::closed)->error, errc::connection_lost);

  session_driver login = logging_in();
  login.feed("334 c2VjcmV0");
  login.end();
  EXPECT_EQ(login.last(kind::closed)->excerpt, "");
  EXPECT_EQ(login.last(kind::closed)->detail, "");

  session_driver greeting;
  greeting.s.connected(greeting.now);
  greeting.feed("22");
  greeting.end();
  EXPECT_EQ(greeting.last(kind::closed)->excerpt, "22");
}

}  // namespace

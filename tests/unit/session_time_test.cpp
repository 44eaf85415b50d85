// Deadlines, and who moves them.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session_setup.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;
using namespace std::chrono_literals;
using kind = event::kind;

TEST(session, each_step_has_its_timer) {  // TIME-01 TIME-02 TIME-03 TIME-06 CORE-05 ERR-01
  const auto starttls = [](bool go) {
    session_config config = config_of();
    config.tls = tls_mode::required;
    session_driver d = greeted(std::move(config));
    d.talk("250-mx.test\r\n250 STARTTLS");
    if (go) d.talk("220 go");
    return d;
  };
  const struct {
    const char* name;
    const char* command;
    verb step;
    std::chrono::seconds limit;
    std::function<session_driver()> begin;
  } rows[] = {
      {"greeting", "", verb::greeting, 5min,
       [] {
         session_driver d;
         d.s.connected(d.now);
         return d;
       }},
      {"ehlo", "EHLO client.test", verb::ehlo, 5min, [] { return greeted(); }},
      {"helo", "HELO client.test", verb::helo, 5min,
       [] {
         session_driver d = greeted();
         d.talk("500 what");
         return d;
       }},
      {"starttls", "STARTTLS", verb::starttls, 5min, [=] { return starttls(false); }},
      {"handshake", "", verb::handshake, 1min, [=] { return starttls(true); }},
      {"auth", "AUTH ****", verb::auth, 5min, [] { return logging_in(); }},
      {"auth cancelled", "*", verb::auth_cancel, 5min,
       [] {
         session_driver d = logging_in();
         d.talk("334 ?");
         return d;
       }},
      {"mail", "MAIL", verb::mail, 5min, [] { return lockstep(0); }},
      {"rcpt", "RCPT", verb::rcpt, 5min, [] { return lockstep(1); }},
      {"second rcpt", "RCPT", verb::rcpt, 5min, [] { return lockstep(2); }},
      {"data", "DATA", verb::data, 2min, [] { return lockstep(3); }},
      {"content block", ".", verb::content, 3min,
       [] {
         session_driver d = lockstep(3);
         d.say("354 go");
         EXPECT_FALSE(d.lent().empty());
         d.sent(1);
         EXPECT_FALSE(d.lent().empty());
         return d;
       }},
      {"content", ".", verb::content, 10min, [] { return lockstep(4); }},
      {"rset", "RSET", verb::rset, 1min, [] { return commanding([](session& s) { s.reset(); }); }},
      {"noop", "NOOP", verb::noop, 5min, [] { return commanding([](session& s) { s.noop(); }); }},
      {"vrfy", "VRFY", verb::vrfy, 5min,
       [] { return commanding([](session& s) { s.verify("x"); }); }},
      {"expn", "EXPN", verb::expn, 5min,
       [] { return commanding([](session& s) { s.expand("x"); }); }},
      {"help", "HELP", verb::help, 5min, [] { return commanding([](session& s) { s.help(); }); }},
      {"raw", "", verb::raw, 5min, [] { return commanding([](session& s) { s.raw("XFOO"); }); }},
      {"quit", "QUIT", verb::quit, 10s, [] { return commanding([](session& s) { s.quit(); }); }},
  };
  for (const auto& row : rows) {
    session_driver d = row.begin();
    d.pull();
    ASSERT_TRUE(d.s.deadline()) << row.name;
    EXPECT_EQ(*d.s.deadline() - d.now, row.limit) << row.name;
    EXPECT_EQ(d.s.deadline_of(), row.step) << row.name;
    d.events.clear();
    d.pass(row.limit - 1s);
    EXPECT_TRUE(d.events.empty()) << row.name;
    EXPECT_FALSE(d.s.closed()) << row.name;
    // A clock that stands or goes back is harmless (TIME-02).
    d.s.advance(d.now);
    d.s.advance(d.now - 1h);
    d.pull();
    EXPECT_FALSE(d.s.closed()) << row.name;
    d.pass(1s);
    EXPECT_TRUE(d.s.closed()) << row.name;
    EXPECT_EQ(d.count(kind::closed), 1U) << row.name;
    EXPECT_EQ(d.s.deadline(), std::nullopt) << row.name;
    const seen_event& closed = *d.last(kind::closed);
    if (row.step == verb::quit) {
      EXPECT_FALSE(closed.error) << "a clean end (TIME-07)";
    } else {
      const bool in_tls = row.step == verb::handshake;
      EXPECT_EQ(closed.error, in_tls ? errc::handshake_timed_out : errc::timed_out) << row.name;
      EXPECT_EQ(closed.answers, row.step) << row.name;
      EXPECT_EQ(closed.category, failure_category::timeout) << row.name;
      EXPECT_EQ(closed.command, row.command) << row.name;
    }
    const std::size_t events = d.events.size();
    d.pass(0s);
    d.pass(1h);
    EXPECT_EQ(d.events.size(), events) << row.name << ": the same time twice is one event";
    d.sent(0);
    EXPECT_EQ(d.take(), "") << row.name;
  }
}

TEST(session, each_call_tells_the_time) {  // TIME-02 TIME-03 TIME-05
  session_driver handed = opened();
  handed.s.noop();
  handed.now += 1h;
  static_cast<void>(handed.s.output(handed.now));
  EXPECT_EQ(handed.s.deadline(), handed.now + 5min);

  session_driver written = lockstep(3);
  written.say("354 go");
  EXPECT_FALSE(written.lent().empty());
  written.now += 2min;
  written.s.sent(written.now, 1);
  static_cast<void>(written.s.output(written.now));
  EXPECT_EQ(written.s.deadline(), written.now + 3min);

  for (const bool accepted : {true, false}) {
    session_config config = config_of();
    config.tls = tls_mode::implicit;
    session_driver tls(std::move(config));
    tls.s.connected(tls.now);
    EXPECT_EQ(tls.s.deadline(), tls.now + 1min);
    tls.now += 30s;
    if (accepted) {
      tls.s.tls_established(tls.now, {true});
    } else {
      tls.s.tls_rejected(tls.now);
    }
    EXPECT_EQ(tls.s.deadline(), tls.now + 5min) << "of the greeting";
    EXPECT_EQ(tls.s.deadline_of(), verb::greeting);
  }
}

TEST(session, a_handshake_that_takes_too_long_may_be_worth_a_try_in_clear_text) {  // TLS-08 TIME-06
  for (const tls_mode mode : {tls_mode::opportunistic, tls_mode::required, tls_mode::implicit}) {
    session_config config = config_of();
    config.tls = mode;
    session_driver d(std::move(config));
    d.s.connected(d.now);
    if (mode != tls_mode::implicit) {
      d.talk("220 mx.test");
      d.talk("250-mx.test\r\n250 STARTTLS");
      d.talk("220 go");
    }
    EXPECT_EQ(d.s.deadline_of(), verb::handshake);
    d.pass(1min);
    ASSERT_EQ(d.count(kind::closed), 1U);
    EXPECT_EQ(d.last(kind::closed)->error, errc::handshake_timed_out);
    EXPECT_EQ(d.last(kind::closed)->advice,
              mode == tls_mode::opportunistic ? hint::retry_without_tls : hint::none);
  }
  // An answer that is late is no reason to do without.
  session_config config = config_of();
  config.tls = tls_mode::opportunistic;
  session_driver d(std::move(config));
  d.s.connected(d.now);
  d.talk("220 mx.test");
  d.pass(5min);
  EXPECT_EQ(d.last(kind::closed)->advice, hint::none);
}

TEST(session, says_quit_over_the_link_that_it_does_not_trust) {  // TLS-11 SESS-21
  session_config config = config_of();
  config.tls = tls_mode::required;
  session_driver d(std::move(config));
  d.s.connected(d.now);
  d.talk("220 mx.test");
  d.talk("250-mx.test\r\n250-SIZE 10\r\n250 STARTTLS");
  EXPECT_TRUE(d.s.peer().has(extension::size));
  d.talk("220 go");
  d.s.tls_rejected(d.now);
  EXPECT_FALSE(d.s.peer().has(extension::size)) << "what was learnt in clear text is forgotten";
  EXPECT_EQ(d.take(), "QUIT\r\n");
  const event* e = nullptr;
  d.s.receive(d.now, as_bytes("221 bye\r\n"));
  while ((e = d.s.next_event()) != nullptr) {
    EXPECT_TRUE(e->tls) << to_string(e->what);
  }
  EXPECT_TRUE(d.s.closed());
}

TEST(session, each_timer_can_be_set_or_left_out) {  // TIME-01
  const auto timed = [](timeouts::duration each) {
    session_config config = config_of(pipelining_level::off);
    config.timeouts = {each, each, each, each, each, each, each, each,
                       each, each, each, each, each, each, each};
    session_driver d(std::move(config));
    std::vector<std::optional<std::chrono::nanoseconds>> seen;
    const auto look = [&] {
      seen.push_back(d.s.deadline()
                         ? std::optional<std::chrono::nanoseconds>(*d.s.deadline() - d.now)
                         : std::nullopt);
    };
    d.s.connected(d.now);
    look();
    d.s.send(envelope_to(1), borrowed_body());
    d.s.noop();
    d.s.reset();
    d.s.quit();
    for (const std::string_view line : {"220 mx.test", "250 mx.test", "250 sender", "250 noop",
                                        "250 r1", "354 go", "250 taken", "250 reset"}) {
      d.talk(line);
      look();
    }
    return seen;
  };
  for (const auto& left : timed(7s)) EXPECT_EQ(left, std::optional<std::chrono::nanoseconds>(7s));
  for (const auto& left : timed(0s)) EXPECT_EQ(left, std::nullopt);
}

TEST(session, the_timer_of_a_group_is_the_oldest_commands) {  // TIME-03
  session_driver d = opened();
  d.s.send(envelope_to(1), borrowed_body());
  d.take();
  EXPECT_EQ(d.s.deadline_of(), verb::mail);
  d.pass(4min);
  d.say("250 sender");
  EXPECT_EQ(d.s.deadline_of(), verb::rcpt);
  d.pass(4min);
  d.say("250 r1");
  EXPECT_EQ(d.s.deadline_of(), verb::data);
  d.pass(2min - 1s);
  EXPECT_FALSE(d.s.closed());
  d.pass(1s);
  EXPECT_EQ(d.last(kind::closed)->answers, verb::data);
}

TEST(session, a_reply_starts_the_timer_of_the_next) {  // TIME-03
  session_driver d = opened();
  d.s.send(envelope_to(2), borrowed_body());
  EXPECT_FALSE(d.take().empty());
  const time_point begin = d.now;
  EXPECT_EQ(d.s.deadline(), begin + 5min);
  for (const auto reply : {1min, 3min, 4min}) {
    d.now = begin + reply;
    d.say("250 ok");
    EXPECT_EQ(d.s.deadline(), d.now + (reply == 4min ? 2min : 5min)) << "of RCPT, then of DATA";
  }
}

TEST(session, a_timer_starts_when_the_command_is_handed_out) {  // TIME-03
  session_driver d = opened();
  d.s.reset();
  EXPECT_EQ(d.s.deadline(), std::nullopt) << "asked for, not handed out";
  d.pass(1h);
  EXPECT_EQ(d.take(), "RSET\r\n");
  ASSERT_TRUE(d.s.deadline());
  EXPECT_EQ(*d.s.deadline() - d.now, 1min);
  // A command behind it does not give the server more time for it.
  d.pass(30s);
  d.s.quit();
  EXPECT_EQ(d.take(), "QUIT\r\n");
  EXPECT_EQ(d.s.deadline_of(), verb::rset);
  EXPECT_EQ(*d.s.deadline() - d.now, 30s);
}

TEST(session, dribbled_octets_buy_no_time) {  // TIME-04
  session_driver d = commanding([](session& s) { s.noop(); });
  const std::string_view drip = "250-a\r\n250";
  for (std::size_t minute = 1; minute < 5; ++minute) {
    d.feed(drip.substr(2 * minute - 2, 2));
    d.pass(1min);
    EXPECT_FALSE(d.s.closed()) << minute;
  }
  d.feed("2");
  d.pass(1min);
  EXPECT_EQ(d.last(kind::closed)->error, errc::timed_out);
}

TEST(session, progress_of_content_buys_time) {  // TIME-05
  const std::string content(50000, 'x');
  session_driver d = opened();
  d.s.send(envelope_to(1), message::borrow(as_bytes(content)));
  d.take();
  d.say("250 s\r\n250 r\r\n354 go");
  for (int i = 0; i < 30; ++i) {
    d.lent();
    d.pass(2min);
    ASSERT_FALSE(d.s.closed());
    d.sent(1024);
  }
  d.lent();
  d.pass(3min - 1s);
  EXPECT_FALSE(d.s.closed());
  d.sent(0);  // no progress
  d.lent();
  d.pass(1s);
  ASSERT_TRUE(d.s.closed());
  d.sent(0);  // the write that was in flight held the events back
  EXPECT_EQ(d.last(kind::closed)->error, errc::timed_out);
}

/// A session that has been asked for the content of its mail.
session_driver writing(session_config config, message content) {
  session_driver d = opened(std::move(config));
  d.s.send(envelope_to(1), std::move(content));
  d.take();
  d.say("250 s\r\n250 r\r\n354 go");
  return d;
}

TEST(session, too_little_progress_of_content_ends_the_mail) {  // TIME-08
  const std::string content(50000, 'x');
  const auto borrowed = [&] { return message::borrow(as_bytes(content)); };
  // One octet every two minutes: over after ten, with or without a timeout for each block.
  for (const auto block : {3min, 0min}) {
    session_config config = config_of();
    config.timeouts.block = block;
    session_driver d = writing(config, borrowed());
    for (int i = 0; i < 4; ++i) {
      d.lent();
      EXPECT_LE(d.s.deadline(), d.now + 10min - i * 2min);
      d.pass(2min);
      d.sent(1);
    }
    d.lent();
    EXPECT_EQ(d.s.deadline(), d.now + 2min);
    EXPECT_EQ(d.s.deadline_of(), verb::content);
    d.pass(2min - 1s);
    EXPECT_FALSE(d.s.closed());
    d.sent(1);
    EXPECT_EQ(d.s.deadline(), d.now + 1s) << "an octet buys no time";
    d.pass(1s);
    ASSERT_TRUE(d.s.closed());
    EXPECT_TRUE(d.take().empty());
    EXPECT_EQ(d.last(kind::closed)->error, errc::timed_out);
    EXPECT_EQ(d.last(kind::closed)->answers, verb::content);
    EXPECT_EQ(d.last(kind::mail_done)->report.recipients.at(0).result, outcome::deferred);
  }
  // 1 KiB every two minutes goes on; one octet less than 4 KiB in ten minutes does not.
  for (const std::size_t in_all : {std::size_t{5 * 1024}, std::size_t{4095}}) {
    session_driver d = writing(config_of(), borrowed());
    for (int i = 0; i < 5 && !d.s.closed(); ++i) {
      d.lent();
      d.pass(2min);
      d.sent(i == 0 ? in_all - 4 * (in_all / 5) : in_all / 5);
    }
    EXPECT_EQ(d.s.closed(), in_all == 4095) << in_all;
  }
  session_config never = config_of();
  never.timeouts.progress = 0min;
  session_driver d = writing(never, borrowed());
  for (int i = 0; i < 100; ++i) {
    d.lent();
    d.pass(2min);
    d.sent(1);
  }
  EXPECT_FALSE(d.s.closed());
}

TEST(session, counts_no_time_of_the_caller_as_too_little_progress) {  // TIME-05 TIME-08
  session_driver d = writing(config_of(), message::stream());
  for (int i = 0; i < 4; ++i) {
    d.pass(1h);  // the caller thinks
    ASSERT_EQ(d.s.lend(as_bytes("abc\r\n"), false), errc::none);
    d.lent();
    EXPECT_EQ(d.s.deadline(), d.now + std::min<std::chrono::minutes>(3min, 10min - i * 2min));
    d.pass(2min);  // and the server reads
    d.sent(5);
    EXPECT_EQ(d.s.deadline(), std::nullopt);
  }
  d.pass(1h);
  ASSERT_EQ(d.s.lend(as_bytes("abc\r\n"), true), errc::none);
  d.lent();
  EXPECT_EQ(d.s.deadline(), d.now + 2min);
  d.pass(2min - 1s);
  d.sent(8);
  EXPECT_EQ(d.s.deadline(), d.now + 10min) << "all is written: now the final reply is waited for";
  d.talk("250 ok");
  EXPECT_EQ(d.last(kind::mail_done)->report.recipients.at(0).result, outcome::delivered);
}

TEST(session, has_no_timer_while_it_is_the_callers_turn) {  // TIME-05 TIME-07
  session_driver d = opened();
  EXPECT_EQ(d.s.deadline(), std::nullopt) << "idle";
  d.pass(24h);
  EXPECT_TRUE(d.s.idle());
  const mail_id id = d.s.send(envelope_to(1), message::stream());
  d.take();
  d.talk("250 s\r\n250 r\r\n354 go");
  EXPECT_EQ(d.s.deadline(), std::nullopt) << "it is asked for content";
  d.pass(24h);
  EXPECT_EQ(d.s.lend(as_bytes("x\r\n"), false), errc::none);
  EXPECT_FALSE(d.lent().empty());
  ASSERT_TRUE(d.s.deadline());
  EXPECT_EQ(*d.s.deadline() - d.now, 3min);
  d.sent(3);
  EXPECT_EQ(d.s.deadline(), std::nullopt);
  d.pass(24h);
  EXPECT_EQ(d.s.lend({}, true), errc::none);
  d.take();
  EXPECT_EQ(*d.s.deadline() - d.now, 10min);
  d.talk("250 ok");
  EXPECT_EQ(d.outcomes(id), std::vector{outcome::delivered});
  EXPECT_EQ(d.s.deadline(), std::nullopt);
}

TEST(session, never_lets_time_go_back) {  // TIME-02
  session_driver d = opened();
  d.s.noop();
  d.take();
  const auto due = d.s.deadline();
  d.now -= 1h;
  d.s.advance(d.now);
  (void)d.s.output(d.now);
  d.s.sent(d.now, 0);
  EXPECT_EQ(d.s.deadline(), due);
  d.say("250 ok");
  d.s.noop();
  d.take();
  EXPECT_GE(d.s.deadline(), due);
}

TEST(session, a_deadline_is_never_behind_the_end_of_all_time) {  // TIME-01 TIME-07
  session_config config = config_of();
  config.timeouts.greeting = 5min;
  for (const auto left : {time_point::duration(5min), time_point::duration(5min) - 1ns}) {
    session_driver d(config);
    d.now = time_point::max() - left;
    d.s.connected(d.now);
    ASSERT_TRUE(d.s.deadline().has_value());
    EXPECT_EQ(*d.s.deadline(), time_point::max());
  }
}

}  // namespace

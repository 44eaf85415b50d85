// What events say: whose they are, of which command, with which text.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session_setup.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using kind = event::kind;

TEST(session, shows_all_that_is_said_behind_a_write) {  // OUT-02 TXN-27 ERR-01
  session_config config = config_of(pipelining_level::off);
  config.trace = true;
  session_driver d = opened(std::move(config));
  d.s.send(envelope_to(1), borrowed_body());
  for (const std::string_view said : {"250 s", "250 r"}) {
    d.take();
    d.say(said);
  }
  d.take();
  d.say("354 go");
  const std::size_t size = d.lent().size();
  d.say("250 2.6.0 taken as 4711");
  EXPECT_EQ(d.count(kind::mail_done), 0U) << "not before it is known what was written";
  d.sent(size);
  ASSERT_EQ(d.count(kind::mail_done), 1U);
  EXPECT_EQ(d.last(kind::mail_done)->report.recipients[0].text, "2.6.0 taken as 4711");

  d.s.noop();
  d.events.clear();
  static_cast<void>(d.s.output(d.now));
  d.sent(3);
  d.say("250 too early");
  ASSERT_EQ(d.count(kind::reply_parsed), 1U);
  EXPECT_EQ(d.last(kind::reply_parsed)->text, "too early");
  ASSERT_EQ(d.count(kind::closed), 1U);
  EXPECT_EQ(d.last(kind::closed)->error, errc::unsolicited_reply);
  EXPECT_EQ(d.last(kind::closed)->excerpt, "too early");
}

TEST(session, shows_the_beginning_of_a_reply_that_nobody_asked_for) {  // ERR-01 REP-15
  const std::string text(300, 'x');
  session_driver idle = opened();
  idle.say("250 " + text);
  EXPECT_EQ(idle.last(kind::closed)->excerpt, text.substr(0, 256));
  session_driver asked = opened();
  asked.s.noop();
  asked.take();
  asked.say("350 " + text);
  EXPECT_EQ(asked.last(kind::closed)->excerpt, text.substr(0, 256));
  EXPECT_EQ(asked.last(kind::closed)->error, errc::unexpected_reply);
  session_driver early = opened();
  early.s.noop();
  static_cast<void>(early.s.output(early.now));
  early.sent(1);
  early.say("250 " + text);
  EXPECT_EQ(early.last(kind::closed)->excerpt, text.substr(0, 256));
}

TEST(session, traces_whose_line_it_is) {  // ERR-01
  session_config config = config_of();
  config.trace = true;
  session_driver d = opened(std::move(config));
  d.s.noop();
  d.take();
  d.talk("250 ok");
  d.events.clear();
  const mail_id mail = d.s.send(envelope_to(3), borrowed_body());
  d.take();
  std::vector<std::uint32_t> recipients;
  for (const seen_event& e : d.events) {
    ASSERT_EQ(e.what, kind::line_sent);
    EXPECT_EQ(e.id, mail);
    recipients.push_back(e.recipient);
  }
  EXPECT_EQ(recipients, (std::vector<std::uint32_t>{0, 0, 1, 2, 0})) << "MAIL, 3 RCPT, DATA";
  d.talk("250 s\r\n250 1\r\n250 2\r\n250 3\r\n354 go");
  d.talk("250 ok");
  d.events.clear();
  const operation_id noop = d.s.noop();
  d.take();
  ASSERT_EQ(d.count(kind::line_sent), 1U);
  EXPECT_EQ(d.last(kind::line_sent)->id, noop);
}

TEST(session, looks_at_a_mail_once) {
  session_driver d = lockstep(0);
  d.talk("550 no");
  d.s.send(envelope_to(1), message::own(std::string(2000, 'x')));
  EXPECT_EQ(d.take(), "RSET\r\n") << "before the mail, which is looked at already";
  EXPECT_EQ(d.talk("250 ok").rfind("MAIL", 0), 0U);
  EXPECT_EQ(d.count(kind::warning), 1U);
}

// With a 354 in the middle of a write of DATA, content begins behind what is not yet reported.
TEST(session, traces_the_octets_of_content_alone) {  // ERR-01
  session_config config = config_of(pipelining_level::off);
  config.trace = true;
  session_driver d = opened(std::move(config));
  d.s.send(envelope_to(1), borrowed_body());
  d.take();
  d.talk("250 s");
  d.say("250 r");
  ASSERT_EQ(d.lent(), "DATA\r\n");
  d.say("354 go");
  d.sent(6);
  EXPECT_EQ(d.count(kind::content_sent), 0U);
  EXPECT_EQ(d.lent(), std::string(body) + ".\r\n");
  std::uint64_t octets = 0;
  d.s.sent(d.now, 10);
  while (const event* e = d.s.next_event()) {
    if (e->what == kind::content_sent) octets += e->octets;
  }
  EXPECT_EQ(octets, 10U);
}

TEST(session, a_streamed_mail_is_asked_for_without_progress_events) {  // TXN-13
  for (const bool streamed : {true, false}) {
    session_config config = config_of(pipelining_level::off);
    config.progress = false;
    session_driver d = opened(std::move(config));
    d.s.send(envelope_to(1), streamed ? message::stream() : borrowed_body());
    for (const std::string_view said : {"250 s", "250 r", "354 go"}) {
      d.take();
      d.say(said);
    }
    EXPECT_EQ(d.count(kind::ready_for_data), streamed ? 1U : 0U);
  }
}

TEST(session, remembers_the_greeting_and_no_other_reply) {  // SESS-02
  session_driver d;
  d.s.connected(d.now);
  d.talk("554-mx.test no\r\n554 more");
  EXPECT_EQ(d.s.server_name(), "mx.test");
  EXPECT_EQ(d.s.banner(), "no");
  session_driver other = greeted();
  EXPECT_EQ(other.s.server_name(), "mx.test");
  other.talk("550 other.test");
  EXPECT_EQ(other.s.server_name(), "mx.test");
}

TEST(session, warns_of_lines_that_it_ignores_without_calling_them_failures) {  // EXT-02 EXT-03
  session_driver d;
  d.open("250-mx.test\r\n250-=\r\n250-SIZE 1\r\n250 SIZE 2");
  EXPECT_EQ(d.count(kind::warning), 2U);
  for (const seen_event& e : d.events) {
    if (e.what == kind::warning) {
      EXPECT_FALSE(e.error);
      EXPECT_EQ(e.category, failure_category::none);
      EXPECT_FALSE(e.detail.empty());
    }
  }
}

TEST(session, a_refusal_names_its_command) {  // ERR-01
  session_driver to = lockstep(1);
  to.say("550 no");
  ASSERT_EQ(to.count(kind::recipient_rejected), 1U);
  EXPECT_EQ(to.last(kind::recipient_rejected)->command, "RCPT TO:<r1@b.test>");

  session_driver d = lockstep(0);
  d.say("550 no");
  ASSERT_EQ(d.count(kind::sender_rejected), 1U);
  EXPECT_EQ(d.last(kind::sender_rejected)->command, "MAIL FROM:<s@a.test> SIZE=22");
}

TEST(session, reads_no_status_in_a_greeting_or_an_answer_to_ehlo) {  // EXT-09
  session_driver d;
  std::vector<enhanced_status> seen;
  const auto look = [&] {
    while (const event* e = d.s.next_event()) {
      if (e->answer) seen.push_back(e->answer.enhanced());
    }
  };
  const auto say = [&](std::string_view line) {
    d.s.receive(d.now, as_bytes(line));
    look();
    for (const bytes view : d.s.output(d.now)) d.s.sent(d.now, view.size());
  };
  d.s.connected(d.now);
  say("220 2.0.0 mx.test\r\n");
  EXPECT_EQ(seen, std::vector<enhanced_status>(1)) << "of `greeted`";
  say("554 5.5.1 no\r\n");
  say("554 5.5.1 no\r\n");
  ASSERT_GE(seen.size(), 2U);
  EXPECT_FALSE(seen[1]) << "of `session_failed`";

  session_driver other = opened();
  other.s.noop();
  other.take();
  other.s.receive(other.now, as_bytes("250 2.1.5 ok\r\n"));
  const event* const e = other.s.next_event();
  ASSERT_NE(e, nullptr);
  EXPECT_EQ(e->answer.enhanced(), (enhanced_status{2, 1, 5}));
}

TEST(session, a_warning_says_what_about) {
  session_config config = cleartext_config();
  config.auth_optional = true;
  session_driver d(std::move(config));
  const operation_id login = d.s.authenticate(plain_login());
  d.open("250-mx.test\r\n250 X");
  ASSERT_EQ(d.count(kind::warning), 1U);
  EXPECT_EQ(d.last(kind::warning)->id, login);
  EXPECT_FALSE(d.last(kind::warning)->detail.empty());
  EXPECT_TRUE(d.last(kind::warning)->error);
}

TEST(session, shows_what_was_told_of_a_client) {  // ERR-01 EXT-14 EXT-15
  const auto xclient = [](std::string_view reply) {
    session_config config = config_of();
    config.xclient = {{"name", "a b.test"}};
    session_driver d(std::move(config));
    d.open("250-mx.test\r\n250 XCLIENT NAME");
    d.talk(reply);
    return d;
  };
  const session_driver refused = xclient("550 5.7.0 no");
  EXPECT_EQ(refused.last(kind::session_failed)->command, "XCLIENT NAME=a+20b.test");
  EXPECT_EQ(refused.last(kind::session_failed)->answers, verb::xclient);
  EXPECT_EQ(xclient("354 go").last(kind::closed)->command, "XCLIENT NAME=a+20b.test");

  const auto xforward = [](std::size_t octets, std::string_view reply) {
    session_config config = config_of();
    config.xforward = {{"NAME", std::string(octets, 'n')}, {"HELO", std::string(octets, 'h')}};
    session_driver d(std::move(config));
    d.s.send(envelope_to(1), message::own("x\r\n"));
    d.open("250-mx.test\r\n250 XFORWARD NAME HELO");
    d.talk(reply);
    return d;
  };
  EXPECT_EQ(xforward(1, "354 go").last(kind::closed)->command, "XFORWARD NAME=n HELO=h");
  // Which of two lines it was is not said.
  EXPECT_EQ(xforward(255, "354 go").last(kind::closed)->command, "XFORWARD");
  const session_driver warned = xforward(1, "550 no");
  EXPECT_EQ(warned.count(kind::warning), 1U);
  EXPECT_EQ(warned.last(kind::warning)->answers, verb::xforward);
  EXPECT_EQ(warned.last(kind::warning)->error, errc::refused_permanently);
}

TEST(session, shows_even_one_octet_that_is_wrong) {  // ERR-01
  session_driver d = opened();
  d.s.noop();
  d.take();
  d.feed("x");
  ASSERT_EQ(d.count(kind::closed), 1U);
  EXPECT_EQ(d.last(kind::closed)->excerpt, "x");
  EXPECT_EQ(d.last(kind::closed)->command, "NOOP");
}

TEST(session, shows_the_first_line_of_what_is_no_smtp) {  // ERR-01
  const auto excerpt_of = [](std::string_view octets) {
    session_driver d;
    d.s.connected(d.now);
    d.feed(octets);
    return std::string(d.last(kind::session_failed)->excerpt);
  };
  EXPECT_EQ(excerpt_of("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"),
            "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(excerpt_of("* OK IMAP"), "* OK IMAP");  // what came of it so far
  EXPECT_EQ(excerpt_of("22x what\r\n"), "22x what");
  EXPECT_EQ(excerpt_of("220"
                       "! bang\n"),
            "220! bang");
  EXPECT_EQ(excerpt_of("\r\n"), "\r");
  EXPECT_EQ(excerpt_of("H" + std::string(1000, 'x')), "H" + std::string(255, 'x'));
}

// What comes where nothing is awaited is no greeting, also if it looks like TLS.
TEST(session, shows_the_same_of_what_is_unasked_however_it_is_cut) {  // CORE-02, REP-16
  for (const bool at_once : {true, false}) {
    session_driver d = opened();
    if (at_once) {
      d.feed("\x16UU");
    } else {
      d.feed("\x16");
      d.feed("UU");
    }
    ASSERT_EQ(d.count(kind::closed), 1U);
    EXPECT_EQ(d.last(kind::closed)->error, errc::malformed_reply);
    EXPECT_EQ(d.last(kind::closed)->excerpt, "\x16");
    EXPECT_EQ(d.last(kind::closed)->advice, hint::none);
  }
}

// One word for all recipients: what needs most care, and of several the first.
TEST(session, mail_done_speaks_of_the_first_of_those_that_need_most_care) {  // OUT-01
  const struct {
    const char* first;
    const char* second;
    outcome result;
    int code;
  } rows[] = {{"550 a", "551 b", outcome::rejected, 550},
              {"550 a", "450 b", outcome::deferred, 450},
              {"450 a", "550 b", outcome::deferred, 450},
              {"451 a", "450 b", outcome::deferred, 451}};
  for (const auto& row : rows) {
    session_driver d = opened();
    d.s.send(envelope_to(2), borrowed_body());
    d.take();
    d.talk("250 ok\r\n" + std::string(row.first) + "\r\n" + row.second + "\r\n503 none");
    ASSERT_EQ(d.count(kind::mail_done), 1U);
    const seen_event& done = *d.last(kind::mail_done);
    EXPECT_EQ(done.result, row.result);
    EXPECT_EQ(done.code, row.code);
    EXPECT_EQ(done.answers, verb::rcpt);
    const bool first = row.code == std::stoi(row.first);
    EXPECT_EQ(done.recipient, first ? 0U : 1U);
    EXPECT_EQ(done.command, first ? "RCPT TO:<r1@b.test>" : "RCPT TO:<r2@b.test>");
    EXPECT_TRUE(done.error);
  }
}

TEST(session, a_mail_that_reached_somebody_has_not_failed) {  // OUT-01
  session_driver d = opened();
  d.s.send(envelope_to(2), borrowed_body());
  d.take();
  d.talk("250 ok\r\n550 no\r\n250 ok\r\n354 go");
  d.talk("250 taken");
  ASSERT_EQ(d.count(kind::mail_done), 1U);
  const seen_event& done = *d.last(kind::mail_done);
  EXPECT_FALSE(done.error);
  EXPECT_EQ(done.category, failure_category::none);
  EXPECT_EQ(done.result, outcome::rejected) << "who needs most care";
  EXPECT_EQ(done.report.recipients[1].result, outcome::delivered);
}

TEST(session, what_was_never_written_is_no_command_that_failed) {  // ERR-01
  session_driver d = opened();
  const mail_id local = d.s.send(envelope_to(1), message::own("a\0b\r\n"s));
  d.take();
  ASSERT_NE(d.completion(local), nullptr);
  EXPECT_EQ(d.completion(local)->command, "");
  EXPECT_TRUE(d.completion(local)->error);

  envelope nobody = envelope_to(0);
  const mail_id usage = d.s.send(nobody, borrowed_body());
  d.take();
  ASSERT_NE(d.completion(usage), nullptr);
  EXPECT_EQ(d.completion(usage)->answers, verb::mail);
  EXPECT_EQ(d.completion(usage)->command, "");

  // The second mail has not begun when the link breaks.
  session_driver off = opened(config_of(pipelining_level::off));
  off.s.send(envelope_to(1), borrowed_body());
  const mail_id second = off.s.send(envelope_to(1), borrowed_body());
  off.take();
  off.end();
  ASSERT_NE(off.completion(second), nullptr);
  EXPECT_EQ(off.completion(second)->command, "");
  EXPECT_EQ(off.outcomes(second), std::vector{outcome::not_attempted});

  // Of its recipients the first waits for an answer, the second was not asked.
  session_driver half = lockstep(1);
  half.end();
  EXPECT_EQ(half.last(kind::mail_done)->command, "RCPT TO:<r1@b.test>");
  EXPECT_EQ(half.outcomes(half.last(kind::mail_done)->id),
            (std::vector{outcome::deferred, outcome::not_attempted}));
}

TEST(session, keeps_the_reason_why_it_leaves) {  // SESS-21 ERR-01
  session_driver d = greeted();
  d.talk("550 5.7.1 go away");
  EXPECT_EQ(d.take(), "");
  const std::string before = summary(*d.last(kind::session_failed));
  ASSERT_FALSE(d.s.closed()) << "QUIT is not answered yet";
  d.end();  // that it is not answered is no reason
  ASSERT_EQ(d.count(kind::closed), 1U);
  const seen_event& closed = *d.last(kind::closed);
  EXPECT_EQ(closed.error, d.last(kind::session_failed)->error);
  EXPECT_EQ(closed.code, 550);
  EXPECT_EQ(closed.text, "5.7.1 go away") << before;
  EXPECT_EQ(closed.answers, verb::ehlo);
}

// A recipient that is skipped has no RCPT, whatever there is in its place.
TEST(session, a_mail_that_fails_names_no_command_that_was_not_sent) {  // ERR-01 SEC-01 TXN-28
  session_driver d = opened(config_of(pipelining_level::off));
  envelope env = envelope_to(3);
  env.recipients[1].address = path("x\r\nRSET@b.test");
  env.skip_bad_recipients = true;
  d.s.send(env, borrowed_body());
  d.take();
  d.talk("250 s");
  EXPECT_EQ(d.talk("250 r1"), "RCPT TO:<r3@b.test>\r\n");
  d.end();
  EXPECT_EQ(d.last(kind::mail_done)->command, "RCPT TO:<r3@b.test>");
}

TEST(session, a_mail_that_fails_names_its_command) {  // ERR-01
  const std::string_view commands[] = {"MAIL FROM:<s@a.test> SIZE=22", "RCPT TO:<r1@b.test>",
                                       "RCPT TO:<r2@b.test>", "DATA", "."};
  for (std::size_t replies = 0; replies != std::size(commands); ++replies) {
    session_driver d = lockstep(replies);
    d.pass(1h);
    ASSERT_EQ(d.count(kind::mail_done), 1U);
    EXPECT_EQ(d.last(kind::mail_done)->command, commands[replies]);
    EXPECT_EQ(d.last(kind::mail_done)->error, errc::timed_out);
  }
}

// OUT-01: who keeps no contents can send a mail again all the same.
TEST(session, gives_back_the_content_of_a_mail_that_is_over) {
  session s(config_of(pipelining_level::off));
  const std::string lent = "Lent: yes\r\n\r\nx\r\n";
  envelope env;
  env.sender = path("s@a.test");
  env.recipients.emplace_back("r@b.test");
  s.send(env, message::borrow(lent).utf8_headers(true));
  s.send(env, message::own("Owned: yes\r\n\r\nx\r\n"));
  s.abort();
  std::vector<message> given_back;
  while (const event* e = s.next_event()) {
    message content = s.content_of_event();
    if (e->what == kind::mail_done) {
      given_back.push_back(std::move(content));
      EXPECT_TRUE(s.content_of_event().content().empty()) << "once";
    } else {
      EXPECT_TRUE(content.content().empty()) << to_string(e->what);
    }
  }
  ASSERT_EQ(given_back.size(), 2U);
  EXPECT_EQ(given_back[0].content().data(), lent.data());
  EXPECT_TRUE(given_back[0].has_utf8_headers());
  EXPECT_EQ(as_text(given_back[1].content()), "Owned: yes\r\n\r\nx\r\n");
}

// OUT-01: who keeps no envelopes can send a mail again all the same.
TEST(session, gives_back_the_envelope_of_a_mail_that_is_over) {
  session s(config_of(pipelining_level::off));
  std::vector<envelope> given_back;
  const auto say = [&](std::string_view replies) {
    s.receive({}, as_bytes(replies));
    for (bool again = true; again;) {
      again = false;
      while (const event* e = s.next_event()) {
        const envelope of_event = s.envelope_of_event();
        if (e->what == kind::mail_done) {
          given_back.push_back(of_event);
        } else {
          EXPECT_TRUE(of_event.recipients.empty()) << to_string(e->what);
        }
      }
      std::size_t size = 0;
      for (const bytes view : s.output({})) size += view.size();
      if (size != 0) s.sent({}, size);
      again = size != 0;
    }
  };
  s.connected({});
  say("220 mx.test\r\n");
  say("250-mx.test\r\n250 DSN\r\n");
  envelope plain;
  plain.sender = path("s@under_score.test", {.allow_underscore = true});
  plain.recipients.emplace_back("r1@b.test");
  plain.recipients.emplace_back(R"("r 2"@b.test)");
  plain.skip_bad_recipients = true;
  envelope with_parameters = plain;
  with_parameters.envelope_id = "id";
  with_parameters.recipients[1].notification = notify::never;
  for (const envelope& given : {plain, with_parameters}) {
    s.send(given, borrowed_body());
    say("");
    say("421 4.3.2 not now\r\n");
    if (given_back.size() == 1) {  // the next one needs another session
      s = session(config_of(pipelining_level::off));
      s.connected({});
      say("220 mx.test\r\n");
      say("250-mx.test\r\n250 DSN\r\n");
    }
    ASSERT_FALSE(given_back.empty());
    const envelope& back = given_back.back();
    EXPECT_EQ(back.sender, given.sender);
    EXPECT_EQ(back.sender.error(), errc::none);
    ASSERT_EQ(back.recipients.size(), 2U);
    for (std::size_t i = 0; i != 2; ++i) {
      EXPECT_EQ(back.recipients[i].address, given.recipients[i].address);
      EXPECT_EQ(back.recipients[i].address.error(), errc::none);
      EXPECT_EQ(back.recipients[i].notification, given.recipients[i].notification);
    }
    EXPECT_EQ(back.envelope_id, given.envelope_id);
    EXPECT_EQ(back.skip_bad_recipients, given.skip_bad_recipients);
  }
  EXPECT_EQ(given_back.size(), 2U);
}

}  // namespace

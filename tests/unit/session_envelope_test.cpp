// What callers may not say, and how what they may is spelt.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session_setup.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;
using namespace std::string_literals;
using kind = event::kind;

// What no string argument may bring to the wire.
const std::string bad_strings[] = {"x\r\nRSET", "x\nRSET",   "x\rRSET",
                                   "x\0y"s,     "\r\n",      "b\xC3\xBC",
                                   "\x7f",      "tab\there", std::string(1500, 'x')};

// Refused with a type, without an octet, and the session goes on.
void expect_refused(session_driver& d, operation_id id, const std::string& what) {
  ASSERT_EQ(d.take(), "") << what;
  const seen_event* const done = d.completion(id);
  ASSERT_NE(done, nullptr) << what;
  EXPECT_EQ(done->category, failure_category::local) << what << ": " << summary(*done);
  EXPECT_NE(condition_of(done->error), errc::none) << what;
  for (const outcome o : d.outcomes(id)) EXPECT_NE(o, outcome::delivered) << what;
  const operation_id noop = d.s.noop();
  EXPECT_EQ(d.take(), "NOOP\r\n") << what;
  d.say("250 ok");
  ASSERT_NE(d.completion(noop), nullptr) << what;
  EXPECT_FALSE(d.completion(noop)->error) << what;
}

constexpr std::string_view everything_offered =
    "250-mx.test\r\n250-PIPELINING\r\n250-DSN\r\n250-AUTH PLAIN\r\n250-DELIVERBY\r\n"
    "250-MT-PRIORITY\r\n250-FUTURERELEASE\r\n250-XFOO\r\n250 8BITMIME";

TEST(session, refuses_bad_strings_in_commands) {  // CMD-04 CMD-11 CMD-17 CMD-18 SEC-01
  session_driver d;
  d.open(everything_offered);
  for (const std::string& bad : bad_strings) {
    expect_refused(d, d.s.noop(bad), "noop");
    expect_refused(d, d.s.verify(bad), "verify");
    expect_refused(d, d.s.expand(bad), "expand");
    expect_refused(d, d.s.help(bad), "help");
    expect_refused(d, d.s.raw("XFOO " + bad), "raw");
    expect_refused(d, d.s.raw(bad), "raw");
  }
  expect_refused(d, d.s.verify(""), "verify nothing");
  expect_refused(d, d.s.expand(""), "expand nothing");
  for (const std::string_view line : {"",
                                      " XFOO",
                                      "XFOO ",
                                      "SEND FROM:<a@b.c>",
                                      "soml x",
                                      "SAML x",
                                      "TURN",
                                      "mail FROM:<x@y.z>",
                                      "RCPT TO:<x@y.z>",
                                      "DATA",
                                      "BDAT 0 LAST",
                                      "QUIT",
                                      "Rset",
                                      "EHLO x",
                                      "HELO x",
                                      "LHLO x",
                                      "STARTTLS",
                                      "AUTH PLAIN",
                                      "NOOP",
                                      "HELP",
                                      "VRFY x",
                                      "EXPN x"}) {
    expect_refused(d, d.s.raw(line), std::string("raw ").append(line));
  }
  // The line limit counts CRLF.
  d.s.noop(std::string(505, 'x'));
  EXPECT_EQ(d.take().size(), 512U);
  d.say("250 ok");
  expect_refused(d, d.s.noop(std::string(506, 'x')), "513 octets");
}

TEST(session, refuses_bad_strings_in_envelopes) {
  // CMD-04 CMD-05 CMD-11 CMD-13 CMD-17 DSN-03 SEC-01
  session_driver d;
  d.open(everything_offered);
  const auto refuse = [&](const std::string& what, const std::string& bad, const auto& spoil) {
    envelope env = envelope_to(2);
    spoil(env, bad);
    expect_refused(d, d.s.send(env, borrowed_body()), what + " " + bad);
    if (d.s.in_flight() != 0) {  // it went out: the rest needs a session that is idle
      d = session_driver();
      d.open(everything_offered);
    }
  };
  for (const std::string& bad : bad_strings) {
    refuse("sender", bad,
           [](envelope& e, const std::string& s) { e.sender = path(s + "@a.test"); });
    refuse("sender's domain", bad,
           [](envelope& e, const std::string& s) { e.sender = path("a@" + s + ".test"); });
    refuse("recipient", bad, [](envelope& e, const std::string& s) {
      e.recipients[1].address = path(s + "@b.test");
    });
    refuse("address given by its parts", bad, [](envelope& e, const std::string& s) {
      e.recipients[1].address = path::from_parts("b", s);
    });
    refuse("sender authenticated", bad,
           [](envelope& e, const std::string& s) { e.authenticated_sender = path(s + "@a.test"); });
    refuse("envelope id", bad, [](envelope& e, const std::string& s) { e.envelope_id = s; });
    refuse("deliver by", bad, [](envelope& e, const std::string& s) { e.deliver_by = s; });
    refuse("hold for", bad, [](envelope& e, const std::string& s) { e.hold_for = s; });
    refuse("hold until", bad, [](envelope& e, const std::string& s) { e.hold_until = s; });
    refuse("keyword of MAIL", bad, [](envelope& e, const std::string& s) {
      e.parameters.push_back({s, "x"});
    });
    refuse("value of MAIL", bad, [](envelope& e, const std::string& s) {
      e.parameters.push_back({"XFOO", s});
    });
    refuse("keyword of RCPT", bad, [](envelope& e, const std::string& s) {
      e.recipients[1].parameters.push_back({s, "x"});
    });
    refuse("value of RCPT", bad, [](envelope& e, const std::string& s) {
      e.recipients[1].parameters.push_back({"XFOO", s});
    });
    refuse("type of ORCPT", bad,
           [](envelope& e, const std::string& s) { e.recipients[1].original = s + ";a@b.test"; });
  }
  // An original address is encoded, so only its length is a matter; no octet of it can do harm.
  refuse("length of ORCPT", std::string(600, 'x'),
         [](envelope& e, const std::string& s) { e.recipients[1].original = "rfc822;" + s; });
}

TEST(session, refuses_what_is_wrong_with_a_mail) {
  // TXN-21 TXN-26 CMD-13 CMD-14 EXT-12 EXT-13 DSN-02 DATA-04
  session_driver d;
  d.open(everything_offered);
  const struct {
    const char* name;
    std::function<void(envelope&)> spoil;
    errc why;
  } rows[] = {
      {"no recipients", [](envelope& e) { e.recipients.clear(); }, errc::no_recipients},
      {"101 recipients", [](envelope& e) { e = envelope_to(101); }, errc::too_many_recipients},
      {"null recipient", [](envelope& e) { e.recipients = {recipient(path())}; },
       errc::bad_address},
      {"bad address", [](envelope& e) { e.recipients[1].address = path("bob"); }, errc::none},
      {"parameter twice",
       [](envelope& e) {
         e.parameters = {{"XFOO", "1"}, {"xfoo", "2"}};
       },
       errc::bad_parameter},
      {"the engine's own parameter",
       [](envelope& e) {
         e.deliver_by = "120;R";
         e.parameters = {{"BY", "1"}};
       },
       errc::bad_parameter},
      {"parameter not offered",
       [](envelope& e) {
         e.parameters = {{"XBAR", ""}};
       },
       errc::parameter_not_offered},
      {"priority", [](envelope& e) { e.priority = static_cast<std::int8_t>(10); },
       errc::bad_parameter},
      {"both holds",
       [](envelope& e) {
         e.hold_for = "1";
         e.hold_until = "2030-01-01T00:00:00Z";
       },
       errc::bad_parameter},
      {"deliver by 0", [](envelope& e) { e.deliver_by = "0;R"; }, errc::bad_parameter},
      {"never and failure",
       [](envelope& e) { e.recipients[0].notification = notify::never | notify::failure; },
       errc::bad_parameter},
      {"original without type or domain", [](envelope& e) { e.recipients[0].original = "a"; },
       errc::bad_parameter},
      {"REQUIRETLS without TLS", [](envelope& e) { e.require_tls = true; },
       errc::require_tls_not_offered},
      {"UTF-8 without SMTPUTF8",
       [](envelope& e) { e.recipients[0].address = path("\xC3\xA9@b.test"); }, errc::none},
  };
  for (const auto& row : rows) {
    envelope env = envelope_to(2);
    row.spoil(env);
    const mail_id id = d.s.send(env, borrowed_body());
    expect_refused(d, id, row.name);
    if (row.why != errc::none) {
      EXPECT_EQ(d.completion(id)->error, row.why) << row.name;
    }
  }
  const mail_id empty = d.s.send(envelope_to(1), message::own(""));
  expect_refused(d, empty, "empty content");
  EXPECT_EQ(d.completion(empty)->error, errc::empty_content);
}

TEST(session, looks_at_no_more_parameters_than_fit_into_a_line) {  // CMD-11 CMD-13
  session_config config = config_of();
  config.allow_unadvertised = true;
  session_driver d(config);
  d.open(everything_offered);
  std::vector<parameter> many;
  for (int i = 0; i < 2000; ++i) many.push_back({"X" + std::to_string(i), {}});
  many.push_back({"X0", {}});  // which nobody comes to
  envelope to_sender = envelope_to(1);
  to_sender.parameters = many;
  envelope to_recipient = envelope_to(1);
  to_recipient.recipients[0].parameters = many;
  for (const envelope& env : {to_sender, to_recipient}) {
    const mail_id id = d.s.send(env, borrowed_body());
    expect_refused(d, id, "2001 parameters");
    EXPECT_EQ(d.completion(id)->error, errc::line_too_long);
  }
}

TEST(session, takes_a_parameter_up_to_its_bounds) {  // EXT-12 EXT-13 DSN-03 DSN-04 CMD-13
  const struct {
    const char* name;
    std::function<void(envelope&)> set;
    bool good;
  } rows[] = {
      {"BY", [](envelope& e) { e.deliver_by = "120;R"; }, true},
      {"BY with trace", [](envelope& e) { e.deliver_by = "120;RT"; }, true},
      {"BY notify", [](envelope& e) { e.deliver_by = "0;N"; }, true},
      {"BY notify with trace", [](envelope& e) { e.deliver_by = "-5;NT"; }, true},
      {"BY signed", [](envelope& e) { e.deliver_by = "+7;R"; }, true},
      {"BY 9 digits", [](envelope& e) { e.deliver_by = "999999999;N"; }, true},
      {"BY 10 digits", [](envelope& e) { e.deliver_by = "1234567890;N"; }, false},
      {"BY in the past", [](envelope& e) { e.deliver_by = "-1;R"; }, false},
      {"BY other mode", [](envelope& e) { e.deliver_by = "5;X"; }, false},
      {"BY other trace", [](envelope& e) { e.deliver_by = "5;NX"; }, false},
      {"BY no mode", [](envelope& e) { e.deliver_by = "5"; }, false},
      {"BY empty mode", [](envelope& e) { e.deliver_by = "5;"; }, false},
      {"BY no time", [](envelope& e) { e.deliver_by = ";N"; }, false},
      {"BY two signs", [](envelope& e) { e.deliver_by = "+-5;N"; }, false},
      {"HOLDFOR 9 digits", [](envelope& e) { e.hold_for = "123456789"; }, true},
      {"HOLDFOR 10 digits", [](envelope& e) { e.hold_for = "1234567890"; }, false},
      {"HOLDUNTIL 9 digits", [](envelope& e) { e.hold_until = "2030-01-31T23:59:59.123456789Z"; },
       true},
      {"HOLDUNTIL 10 digits", [](envelope& e) { e.hold_until = "2030-01-31T23:59:59.1234567890Z"; },
       false},
      {"HOLDUNTIL no year", [](envelope& e) { e.hold_until = "X030-01-31T23:59:59Z"; }, false},
      {"ENVID 100", [](envelope& e) { e.envelope_id = std::string(100, 'x'); }, true},
      {"ENVID 101", [](envelope& e) { e.envelope_id = std::string(101, 'x'); }, false},
      {"ENVID 100 encoded", [](envelope& e) { e.envelope_id = std::string(97, 'x') + '+'; }, true},
      {"ENVID 101 encoded", [](envelope& e) { e.envelope_id = std::string(98, 'x') + '+'; }, false},
      {"ORCPT 500",
       [](envelope& e) { e.recipients[0].original = "rfc822;" + std::string(493, 'x'); }, true},
      {"ORCPT 501",
       [](envelope& e) { e.recipients[0].original = "rfc822;" + std::string(494, 'x'); }, false},
      {"different ones",
       [](envelope& e) {
         e.parameters = {{"XFOO", ""}, {"XBAR", "1"}};
       },
       true},
      {"one twice, with another between",
       [](envelope& e) {
         e.parameters = {{"XFOO", ""}, {"XBAR", "1"}, {"XFOO", "2"}};
       },
       false},
      {"one twice, with blanks in the path",
       [](envelope& e) {
         e.sender = path("\"x xfoo y\"@a.test");
         e.parameters = {{"XFOO", ""}};
       },
       true},
  };
  for (const auto& row : rows) {
    session_config config = config_of(pipelining_level::off);
    config.allow_unadvertised = true;
    session_driver d(std::move(config));
    d.open(everything_offered);
    envelope env = envelope_to(1);
    row.set(env);
    const mail_id id = d.s.send(env, borrowed_body());
    if (row.good) {
      EXPECT_EQ(d.take().rfind("MAIL FROM:<", 0), 0U) << row.name;
      EXPECT_EQ(d.talk("250 ok").rfind("RCPT TO:<", 0), 0U) << row.name;
    } else {
      expect_refused(d, id, row.name);
      EXPECT_EQ(d.completion(id)->error, errc::bad_parameter) << row.name;
    }
  }
}

TEST(session, leaves_out_what_is_not_offered_or_says_so) {  // DSN-01 EXT-12 EXT-13 EXT-14 CMD-17
  session_driver d(config_of(pipelining_level::off));
  d.open("250-mx.test\r\n250 AUTH PLAIN");
  envelope env = envelope_to(1);
  env.return_content = dsn_return::full;
  env.recipients[0].notification = notify::success;
  d.s.send(env, borrowed_body());
  EXPECT_EQ(d.take(), "MAIL FROM:<s@a.test>\r\n");
  EXPECT_EQ(d.count(kind::warning), 2U) << "of RET and of NOTIFY";
  for (const seen_event& e : d.events) {
    if (e.what == kind::warning) {
      EXPECT_EQ(e.error, errc::parameter_not_offered);
    }
  }
  EXPECT_EQ(d.talk("250 ok"), "RCPT TO:<r1@b.test>\r\n");
  d.talk("550 no");
  EXPECT_EQ(d.last(kind::mail_done)->command, "RCPT TO:<r1@b.test>");
  EXPECT_EQ(d.count(kind::warning), 2U) << "once each";

  const struct {
    const char* name;
    std::function<void(envelope&)> set;
    errc why;
  } rows[] = {
      {"BY", [](envelope& e) { e.deliver_by = "120;R"; }, errc::parameter_not_offered},
      {"MT-PRIORITY", [](envelope& e) { e.priority = static_cast<std::int8_t>(1); },
       errc::parameter_not_offered},
      {"HOLDFOR", [](envelope& e) { e.hold_for = "1"; }, errc::parameter_not_offered},
      {"AUTH=", [](envelope& e) { e.authenticated_sender = path("\xC3\xA9@a.test"); },
       errc::utf8_not_offered},
  };
  for (const auto& row : rows) {
    session_driver plain(config_of(pipelining_level::off));
    plain.open("250-mx.test\r\n250 AUTH PLAIN");
    envelope other = envelope_to(1);
    row.set(other);
    const mail_id id = plain.s.send(other, borrowed_body());
    expect_refused(plain, id, row.name);
    EXPECT_EQ(plain.completion(id)->error, row.why) << row.name;
  }
}

TEST(session, spells_priorities_and_notifications) {  // EXT-14 DSN-02
  for (const int priority : {-9, -1, 0, 1, 9}) {
    session_driver d(config_of(pipelining_level::off));
    d.open(everything_offered);
    envelope env = envelope_to(1);
    env.priority = static_cast<std::int8_t>(priority);
    d.s.send(env, borrowed_body());
    EXPECT_EQ(d.take(), "MAIL FROM:<s@a.test> MT-PRIORITY=" + std::to_string(priority) + "\r\n");
  }
  const struct {
    notify set;
    const char* words;
  } rows[] = {
      {notify::never, "NEVER"},
      {notify::success, "SUCCESS"},
      {notify::failure, "FAILURE"},
      {notify::delay, "DELAY"},
      {notify::failure | notify::delay, "FAILURE,DELAY"},
      {notify::success | notify::failure | notify::delay, "SUCCESS,FAILURE,DELAY"},
  };
  for (const auto& row : rows) {
    session_driver d(config_of(pipelining_level::off));
    d.open(everything_offered);
    envelope env = envelope_to(1);
    env.recipients[0].notification = row.set;
    d.s.send(env, borrowed_body());
    d.take();
    EXPECT_EQ(d.talk("250 ok"), "RCPT TO:<r1@b.test> NOTIFY=" + std::string(row.words) + "\r\n");
  }
}

TEST(session, warns_once_of_long_lines_that_are_streamed) {  // DATA-08
  for (const std::size_t size : {std::size_t{998}, std::size_t{999}}) {
    session_driver d = opened(config_of(pipelining_level::off));
    d.s.send(envelope_to(1), message::stream());
    d.take();
    for (const std::string_view said : {"250 s", "250 r", "354 go"}) d.talk(said);
    const std::string line = std::string(size, 'x') + "\r\n";
    for (int i = 0; i != 3; ++i) {
      EXPECT_EQ(d.s.lend(as_bytes(line), i == 2), errc::none);
      EXPECT_EQ(d.take(), i == 2 ? line + ".\r\n" : line);
    }
    EXPECT_EQ(d.count(kind::warning), size == 998 ? 0U : 1U);
  }
}

TEST(session, suggests_a_status_for_each_local_obstacle) {  // OUT-05
  const struct {
    const char* name;
    std::function<message(envelope&)> spoil;
    const char* status;
    hint advice;
  } rows[] = {
      {"sender",
       [](envelope& e) {
         e.sender = path("bob");
         return borrowed_body();
       },
       "5.1.7", hint::none},
      {"recipient",
       [](envelope& e) {
         e.recipients[0].address = path("bob");
         return borrowed_body();
       },
       "5.1.3", hint::none},
      {"sender in UTF-8",
       [](envelope& e) {
         e.sender = path("\xC3\xA9@a.test");
         return borrowed_body();
       },
       "5.6.7", hint::other_host},
      {"recipient in UTF-8",
       [](envelope& e) {
         e.recipients[0].address = path("\xC3\xA9@b.test");
         return borrowed_body();
       },
       "5.6.7", hint::other_host},
      {"REQUIRETLS",
       [](envelope& e) {
         e.require_tls = true;
         return borrowed_body();
       },
       "5.7.10", hint::other_host},
      {"NUL", [](envelope&) { return message::own("a\0b\r\n"s); }, "5.6.0", hint::none},
      {"nothing", [](envelope&) { return message::own(""); }, "5.6.0", hint::none},
      {"long line", [](envelope&) { return message::own(std::string(999, 'x') + "\r\n"); }, "5.6.0",
       hint::none},
      {"eight bits", [](envelope&) { return message::own("\xC3\xA9\r\n"); }, "5.6.3",
       hint::other_host},
      {"too big", [](envelope&) { return message::own("1234567890\r\n1234567\r\n"); }, "5.3.4",
       hint::other_host},
  };
  for (const auto& row : rows) {
    session_config config = config_of();
    config.reject_long_lines = true;
    session_driver d(std::move(config));
    d.open(std::string_view(row.name) == "too big" ? "250-mx.test\r\n250 SIZE 20" : "250 mx.test");
    envelope env = envelope_to(1);
    message content = row.spoil(env);
    const mail_id id = d.s.send(env, std::move(content));
    expect_refused(d, id, row.name);
    ASSERT_EQ(d.completion(id)->report.recipients.size(), 1U);
    const recipient_report& r = d.completion(id)->report.recipients[0];
    EXPECT_EQ(r.result, outcome::rejected) << row.name;
    EXPECT_EQ(to_string(r.enhanced), row.status) << row.name;
    EXPECT_EQ(r.advice, row.advice) << row.name;
  }
  // What is at the bound is none.
  session_config config = config_of(pipelining_level::off);
  config.reject_long_lines = true;
  session_driver d(std::move(config));
  d.open("250-mx.test\r\n250 SIZE 1000");
  d.s.send(envelope_to(1), message::own(std::string(998, 'x') + "\r\n"));
  EXPECT_EQ(d.take(), "MAIL FROM:<s@a.test> SIZE=1000\r\n");
}

TEST(session, sends_a_stream_that_turns_out_to_be_eight_bit_if_that_is_wanted) {  // DATA-10 EXT-08
  for (const bool wanted : {true, false}) {
    session_config config = config_of(pipelining_level::off);
    config.allow_unadvertised_8bit = wanted;
    session_driver d(std::move(config));
    d.open("250 mx.test");
    const mail_id id = d.s.send(envelope_to(1), message::stream());
    EXPECT_EQ(d.take(), "MAIL FROM:<s@a.test>\r\n");
    for (const std::string_view said : {"250 s", "250 r", "354 go"}) d.talk(said);
    EXPECT_EQ(d.s.lend(as_bytes(std::string_view("\xC3\xA9\r\n")), true), errc::none);
    EXPECT_EQ(d.take(), wanted ? "\xC3\xA9\r\n.\r\n" : "");
    if (wanted) d.talk("250 ok");
    EXPECT_EQ(d.outcomes(id), std::vector{wanted ? outcome::delivered : outcome::rejected});
  }
}

// Found only behind a 354: the link is the price, and the recipients hear why.
TEST(session, suggests_a_status_for_what_is_wrong_with_a_stream) {  // DATA-08 DATA-12 OUT-05
  const struct {
    const char* chunk;
    errc why;
    const char* status;
    hint advice;
  } rows[] = {{"\xC3\xA9\r\n", errc::eight_bit_not_offered, "5.6.3", hint::other_host},
              {"1234567890\r\n1234567\r\n", errc::content_too_big, "5.3.4", hint::other_host},
              {"a\nb\r\n", errc::bare_lf_in_content, "5.6.0", hint::none},
              {"", errc::empty_content, "5.6.0", hint::none}};
  for (const auto& row : rows) {
    session_config config = config_of(pipelining_level::off);
    config.line_ends = line_end_policy::strict;
    session_driver d(std::move(config));
    d.open("250-mx.test\r\n250 SIZE 20");
    d.s.send(envelope_to(2), message::stream());
    d.take();
    for (const std::string_view said : {"250 s", "250 r", "550 r", "354 go"}) d.talk(said);
    EXPECT_EQ(d.s.lend(as_bytes(std::string_view(row.chunk)), true), errc::none);
    EXPECT_EQ(d.take(), "");
    EXPECT_TRUE(d.s.closed());
    ASSERT_EQ(d.count(kind::mail_done), 1U);
    const std::vector<recipient_report>& all = d.last(kind::mail_done)->report.recipients;
    EXPECT_EQ(all[0].result, outcome::rejected);
    EXPECT_EQ(all[0].why, row.why);
    EXPECT_EQ(to_string(all[0].enhanced), row.status);
    EXPECT_EQ(all[0].advice, row.advice);
    EXPECT_EQ(all[1].code, 550) << "it was refused before";
    EXPECT_EQ(d.last(kind::closed)->error, row.why);
  }
}

TEST(session, a_size_that_is_not_the_declared_one_is_no_failure) {  // EXT-06
  session_driver d = opened(config_of(pipelining_level::off));
  d.s.send(envelope_to(1), message::stream(100));
  d.take();
  for (const std::string_view said : {"250 s", "250 r", "354 go"}) d.talk(said);
  EXPECT_EQ(d.s.lend(as_bytes(body), true), errc::none);
  d.take();
  ASSERT_EQ(d.count(kind::warning), 1U);
  EXPECT_FALSE(d.last(kind::warning)->error);
  d.talk("250 ok");
  EXPECT_FALSE(d.last(kind::mail_done)->error);
}

// A group is as large as it may be, to the octet (PIPE-16).
TEST(session, fills_a_group_to_its_bound) {  // PIPE-16
  const std::string_view lines = "MAIL FROM:<s@a.test> SIZE=22\r\nRCPT TO:<r1@b.test>\r\n";
  const std::string_view next = "RCPT TO:<r2@b.test>\r\n";
  for (const bool fits : {true, false}) {
    session_config config = config_of();
    config.limits.group_octets = static_cast<std::uint32_t>(lines.size() + next.size() - !fits);
    session_driver d = opened(std::move(config));
    d.s.send(envelope_to(2), borrowed_body());
    EXPECT_EQ(d.take(), std::string(lines) + (fits ? std::string(next) : ""));

    session_config with_data = config_of();
    with_data.limits.group_octets = static_cast<std::uint32_t>(lines.size() + 6 - !fits);
    d = opened(std::move(with_data));
    d.s.send(envelope_to(1), borrowed_body());
    EXPECT_EQ(d.take(), std::string(lines) + (fits ? "DATA\r\n" : ""));
  }
}

TEST(session, holds_until_a_time_that_is_one) {  // EXT-13
  const struct {
    const char* time;
    bool good;
  } rows[] = {
      {"2030-01-31T23:59:59Z", true},       {"2030-01-31T23:59:59.5Z", true},
      {"2030-01-31T23:59:59", false},       {"2030-01-31 23:59:59Z", false},
      {"2030-01-31T23:59:59.Z", false},     {"2030-1-31T23:59:59Z", false},
      {"2030-01-31T23:59:59+00:00", false}, {"soon", false},
      {"2030-01-31T23:59:59,5Z", false},    {"2O30-01-31T23:59:59Z", false},
  };
  for (const auto& row : rows) {
    session_driver d(config_of(pipelining_level::off));
    d.open(everything_offered);
    envelope env = envelope_to(1);
    env.hold_until = row.time;
    const mail_id id = d.s.send(env, borrowed_body());
    if (row.good) {
      EXPECT_EQ(d.take(), "MAIL FROM:<s@a.test> HOLDUNTIL=" + env.hold_until + "\r\n");
    } else {
      expect_refused(d, id, row.time);
      EXPECT_EQ(d.completion(id)->error, errc::bad_parameter) << row.time;
    }
  }
}

TEST(session, demands_tls_of_the_link_if_the_mail_does) {  // TLS-12 OUT-05 SEC-05
  for (const bool verified : {false, true}) {
    for (const bool offered : {false, true}) {
      session_config config = config_of(pipelining_level::off);
      config.tls = tls_mode::required;
      session_driver d = greeted(std::move(config));
      d.talk("250-mx.test\r\n250-REQUIRETLS\r\n250 STARTTLS");
      d.talk("220 go");
      d.s.tls_established(d.now, {verified});
      d.take();
      d.talk(offered ? "250-mx.test\r\n250 REQUIRETLS" : "250 mx.test");
      envelope env = envelope_to(1);
      env.require_tls = true;
      const mail_id id = d.s.send(env, borrowed_body());
      if (verified && offered) {
        EXPECT_EQ(d.take(), "MAIL FROM:<s@a.test> REQUIRETLS\r\n");
        continue;
      }
      expect_refused(d, id, "REQUIRETLS");
      EXPECT_EQ(d.outcomes(id), std::vector{outcome::rejected});
      EXPECT_EQ(to_string(d.completion(id)->report.recipients[0].enhanced), "5.7.30");
      EXPECT_EQ(d.completion(id)->error, errc::require_tls_not_offered);
      EXPECT_EQ(d.completion(id)->advice, hint::other_host);
    }
  }
}

TEST(session, refuses_a_bad_name_for_ehlo) {  // CMD-04 SESS-15 SESS-16
  for (const std::string& bad : bad_strings) {
    session_config config;
    config.local_name = bad;
    session_driver d(std::move(config));
    const mail_id id = d.s.send(envelope_to(1), borrowed_body());
    d.s.connected(d.now);
    EXPECT_EQ(d.take(), "") << bad;
    EXPECT_TRUE(d.s.closed());
    EXPECT_EQ(d.last(kind::closed)->error, errc::bad_argument) << bad;
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::not_attempted});

    // A name and an address that the transport found are not used unless they are well formed.
    session_driver e{session_config{}};
    e.s.connected(e.now, {bad + ".test", bad});
    EXPECT_EQ(e.take(), "");
    EXPECT_EQ(e.last(kind::closed)->error, errc::no_local_name);
  }
}

}  // namespace

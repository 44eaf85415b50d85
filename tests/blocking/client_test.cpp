// Mails, commands and the end of a session, and what servers do to it.
#include "sansmtp/blocking/client.hpp"

#include <gtest/gtest.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <future>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "fixture.hpp"
#include "sansmtp/blocking/send_mail.hpp"
#include "scripted_server.hpp"
#include "sink.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

TEST(client, sends_one_mail_in_one_call) {
  std::string content;
  std::string quit;
  scripted_server server([&](server_link& link) {
    link.open();
    content = link.take_mail(2);
    quit = link.hear();
    link.say("221 bye\r\n");
  });
  const delivery report = blocking::send_mail(server.address(), mail_to({"r1@b.test", "r2@b.test"}),
                                              small_message(), named_options());
  server.join();
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.count(outcome::delivered), 2U);
  EXPECT_EQ(content, std::string(small_content) + ".\r\n");
  EXPECT_EQ(quit, "QUIT\r\n");
}

TEST(client, shows_what_the_server_offers) {
  scripted_server server([](server_link& link) { link.open("250-mx.test\r\n250 SIZE 1000\r\n"); });
  client c(named_options());
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_FALSE(c.peer().has(extension::size));
  EXPECT_FALSE(c.open());
  EXPECT_TRUE(c.peer().has(extension::size));
  EXPECT_EQ(c.peer().size_limit(), 1000U);
  EXPECT_EQ(c.engine().server_name(), "mx.test");
  EXPECT_FALSE(c.open()) << "open again is no error";
}

TEST(client, tells_why_a_session_was_refused) {
  scripted_server server([](server_link& link) {
    link.say("554 no smtp here\r\n");
    link.hear();
  });
  client c(named_options());
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_EQ(c.open(), errc::refused_permanently);
  EXPECT_FALSE(c.connected());
  const blocking::failure& f = c.last_error();
  EXPECT_EQ(f.error, errc::refused_permanently);
  EXPECT_EQ(f.category, failure_category::reply);
  EXPECT_EQ(f.stage, verb::greeting);
  EXPECT_EQ(f.code, 554);
  EXPECT_EQ(f.text, "no smtp here");
  EXPECT_EQ(f.server, server.address());
  EXPECT_EQ(to_string(f), server.address() + ": greeting: 554 no smtp here");
}

// ERR-01
TEST(client, tells_the_context_of_a_failure) {
  scripted_server server([](server_link& link) {
    link.open();
    for (int i = 0; i != 4; ++i) link.hear();
    link.say("250 ok\r\n250 ok\r\n550 5.1.1 no such user\r\n354 go\r\n");
    link.hear("\r\n.\r\n");
    link.say("250 ok\r\n");
    link.hear();
    link.say("25O ok\r\n");
    link.hear();
  });
  client c(named_options());
  EXPECT_FALSE(c.connect(server.address()));
  const delivery report = c.send(mail_to({"r1@b.test", "r2@b.test"}), small_message());
  EXPECT_EQ(report.count(outcome::delivered), 1U);
  EXPECT_EQ(c.last_error().error, errc::refused_permanently);
  EXPECT_EQ(c.last_error().stage, verb::rcpt);
  EXPECT_EQ(c.last_error().recipient, 1U);
  EXPECT_EQ(c.last_error().command, "RCPT TO:<r2@b.test>");
  EXPECT_EQ(c.last_error().code, 550);
  EXPECT_EQ(to_string(c.last_error().enhanced), "5.1.1");
  EXPECT_EQ(c.noop().error, errc::malformed_reply);
  EXPECT_EQ(c.last_error().category, failure_category::protocol);
  EXPECT_EQ(c.last_error().excerpt.substr(0, 3), "25O");
}

TEST(client, sends_commands) {
  std::vector<std::string> lines;
  scripted_server server([&](server_link& link) {
    link.open();
    for (const char* answer : {"250 fine\r\n", "252 perhaps\r\n", "250-<a@b>\r\n250 <c@d>\r\n",
                               "214 help\r\n", "250 ok\r\n", "250 flushed\r\n", "500 what\r\n",
                               "250-mx\r\n250 SIZE\r\n", "221 bye\r\n"}) {
      lines.push_back(link.hear());
      link.say(answer);
    }
  });
  client c(named_options());
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_EQ(c.noop().text, "fine");
  EXPECT_EQ(c.verify("joe").code, 252);
  EXPECT_EQ(c.expand("list").text, "<a@b>\n<c@d>");
  EXPECT_EQ(c.help().code, 214);
  EXPECT_EQ(c.raw("XFOO bar").code, 250);
  EXPECT_FALSE(c.reset().error);
  const blocking::command_result refused = c.noop("x");
  EXPECT_EQ(refused.error, errc::refused_permanently);
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(c.verify("").error, errc::bad_argument);
  EXPECT_FALSE(c.hello().error);
  EXPECT_TRUE(c.peer().has(extension::size));
  EXPECT_FALSE(c.quit());
  EXPECT_FALSE(c.connected());
  EXPECT_EQ(c.quit(), errc::session_closed);
  server.join();
  const std::vector<std::string> expected = {"NOOP\r\n",   "VRFY joe\r\n",         "EXPN list\r\n",
                                             "HELP\r\n",   "XFOO bar\r\n",         "RSET\r\n",
                                             "NOOP x\r\n", "EHLO client.test\r\n", "QUIT\r\n"};
  EXPECT_EQ(lines, expected);
}

TEST(client, authenticates) {
  std::vector<std::string> lines;
  scripted_server server([&](server_link& link) {
    link.open("250-mx.test\r\n250 AUTH PLAIN\r\n");
    lines.push_back(link.hear());
    link.say("235 welcome\r\n");
  });
  client_options options = named_options();
  options.session.allow_auth_cleartext = true;
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
  mechanisms.push_back(make_plain("joe", "secret"));
  EXPECT_FALSE(c.authenticate(std::move(mechanisms)));
  EXPECT_FALSE(c.open());
  server.join();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
}

// CORE-05: whatever the server does, each mail has one report and each recipient one entry.
class step : public ::testing::TestWithParam<std::tuple<int, pipelining_level, bool>> {};

TEST_P(step, ends_the_session_and_every_mail_is_reported) {
  const int last_step = std::get<0>(GetParam());
  const bool says_421 = std::get<2>(GetParam());
  const auto play = [&](server_link& link) {
    int at = 0;
    // At the last step the server says 421 or nothing, and closes.
    const auto answer = [&](std::string_view reply) {
      if (at++ < last_step) return link.say(reply);
      if (says_421) link.say("421 4.3.2 going down\r\n");
      return false;
    };
    if (!answer("220 mx.test\r\n")) return;
    link.hear();
    if (!answer("250-mx.test\r\n250 PIPELINING\r\n")) return;
    for (int mail = 0; mail != 2; ++mail) {
      link.hear();
      if (!answer("250 ok\r\n")) return;
      link.hear();
      if (!answer("250 ok\r\n")) return;
      link.hear();
      if (!answer("354 go\r\n")) return;
      link.hear("\r\n.\r\n");
      if (!answer("250 ok\r\n")) return;
    }
    link.hear();
    link.say("221 bye\r\n");
  };
  scripted_server server([&](server_link& link) {
    play(link);
    // An orderly end first, so that the last words are not overtaken by a reset.
    ::shutdown(link.fd(), SHUT_WR);
    link.hear_all();
  });

  client_options options = named_options();
  options.session.pipelining = std::get<1>(GetParam());
  options.moves = 0;  // it is this session that matters
  client c(options);
  ASSERT_FALSE(c.connect(server.address()));
  const std::vector<delivery> reports = send_many(c, 2);
  ASSERT_EQ(reports.size(), 2U);
  const int whole_mails = last_step < 6 ? 0 : last_step < 10 ? 1 : 2;
  for (int mail = 0; mail != 2; ++mail) {
    const delivery& report = reports[static_cast<std::size_t>(mail)];
    ASSERT_EQ(report.recipients.size(), 1U);
    EXPECT_EQ(report.recipients[0].address, "r" + std::to_string(mail) + "@b.test");
    const outcome result = report.recipients[0].result;
    if (mail < whole_mails) {
      EXPECT_EQ(result, outcome::delivered);
      continue;
    }
    const int step_of_mail = last_step - 2 - 4 * mail;
    const bool lockstep = std::get<1>(GetParam()) == pipelining_level::off;
    if (mail > whole_mails || step_of_mail < 0) {
      // The second envelope may ride with the first content.
      EXPECT_TRUE(result == outcome::not_attempted || result == outcome::deferred)
          << to_string(result);
    } else if (step_of_mail == 0 && lockstep && !says_421) {
      EXPECT_EQ(result, outcome::not_attempted) << "OUT-04: RCPT waits for the answer to MAIL";
    } else if (step_of_mail == 3 && !says_421) {
      EXPECT_EQ(result, outcome::in_doubt);
    } else {
      EXPECT_EQ(result, outcome::deferred);
    }
    EXPECT_EQ(report.recipients[0].why, says_421 ? errc::service_closing : errc::connection_lost);
  }
  EXPECT_EQ(c.connected(), last_step == 10);
  if (last_step == 10) {
    EXPECT_FALSE(c.quit());
  } else {
    EXPECT_EQ(c.last_error().error, says_421 ? errc::service_closing : errc::connection_lost);
  }
  const delivery late = c.send(mail_to({"late@b.test"}), small_message());
  EXPECT_EQ(late.count(outcome::not_attempted), 1U);
}

INSTANTIATE_TEST_SUITE_P(client, step,
                         ::testing::Combine(::testing::Range(0, 11),
                                            ::testing::Values(pipelining_level::off,
                                                              pipelining_level::envelope,
                                                              pipelining_level::messages),
                                            ::testing::Bool()));

TEST(client, reports_many_mails_in_order) {
  for (const auto level :
       {pipelining_level::off, pipelining_level::envelope, pipelining_level::messages}) {
    scripted_server server([&](server_link& link) {
      link.open();
      for (int i = 0; i != 20; ++i) {
        link.hear();
        link.say("250 ok\r\n");
        const bool refused = link.hear() == "RCPT TO:<r7@b.test>\r\n";
        link.say(refused ? "550 no\r\n" : "250 ok\r\n");
        if (refused && level == pipelining_level::off) {
          link.hear();  // RSET
          link.say("250 ok\r\n");
          continue;
        }
        link.hear();
        link.say(refused ? "554 none\r\n" : "354 go\r\n");
        if (!refused) {
          link.hear("\r\n.\r\n");
          link.say("250 ok\r\n");
        } else {
          link.hear();  // RSET
          link.say("250 ok\r\n");
        }
      }
    });
    client_options options = named_options();
    options.session.pipelining = level;
    client c(options);
    ASSERT_FALSE(c.connect(server.address()));
    const std::vector<delivery> reports = send_many(c, 20);
    ASSERT_EQ(reports.size(), 20U);
    for (std::size_t i = 0; i != reports.size(); ++i) {
      ASSERT_EQ(reports[i].recipients.size(), 1U);
      EXPECT_EQ(reports[i].recipients[0].address, "r" + std::to_string(i) + "@b.test");
      EXPECT_EQ(reports[i].recipients[0].result, i == 7 ? outcome::rejected : outcome::delivered);
    }
  }
}

// A window without end costs nothing but the mails that are there.
TEST(client, has_as_many_mails_under_way_as_there_are) {
  cli::sink server({});
  server.start();
  client_options options = named_options();
  options.session.pipelining = pipelining_level::stream;
  options.session.limits.stream_mails = std::numeric_limits<std::uint32_t>::max();
  client c(options);
  ASSERT_FALSE(c.connect("127.0.0.1:" + std::to_string(server.port())));
  ASSERT_EQ(c.mails_ahead(), std::size_t{1} << 32U);
  const std::vector<delivery> reports = send_many(c, 40);
  ASSERT_EQ(reports.size(), 40U);
  for (const delivery& report : reports) EXPECT_TRUE(report.delivered_to_all());
}

TEST(client, lets_go_of_everything_if_a_callback_throws) {
  scripted_server server([](server_link& link) {
    link.open();
    link.take_mail();
    link.hear_all();
  });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  const auto next = [](envelope& env, message& content) {
    env = mail_to({"r@b.test"});
    content = small_message();
    return true;
  };
  EXPECT_THROW(c.send_all(next, [](const delivery&) { throw std::runtime_error("full"); }),
               std::runtime_error);
  EXPECT_FALSE(c.connected());
  EXPECT_EQ(c.noop().error, errc::aborted);
}

// A refusal comes at once: nothing is waited for that nobody was asked.
TEST(client, refuses_a_streamed_message_that_nobody_would_stream) {
  scripted_server server([](server_link& link) {
    link.open();
    link.take_mail();
  });
  client c(named_options());
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_EQ(c.send(mail_to({"r@b.test"}), message::stream()).error, errc::bad_argument);
  EXPECT_EQ(c.transaction(mail_to({"r@b.test"}), small_message()).error(), errc::bad_state);
  EXPECT_FALSE(c.open());
  EXPECT_EQ(c.send(mail_to({}), small_message()).error, errc::no_recipients);
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all()) << "still usable";
}

TEST(client, shows_all_events_to_the_trace) {
  scripted_server server([](server_link& link) {
    link.open();
    link.take_mail();
  });
  client_options options = named_options();
  std::string lines;
  int done = 0;
  options.trace = [&](const event& e) {
    if (e.what == event::kind::line_sent) lines += std::string(e.command) + '\n';
    if (e.what == event::kind::reply_parsed) lines += std::to_string(e.answer.code()) + '\n';
    if (e.what == event::kind::mail_done) ++done;
  };
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  EXPECT_EQ(lines,
            "220\nEHLO client.test\n250\nMAIL FROM:<s@a.test>\nRCPT TO:<r@b.test>\nDATA\n"
            "250\n250\n354\n250\n");
  EXPECT_EQ(done, 1);
}

// TIME-01, TIME-06
TEST(client, gives_up_at_the_deadline) {
  scripted_server server([](server_link& link) {
    link.open();
    link.hear_all();
  });
  client_options options = named_options();
  options.session.timeouts.mail = milliseconds(150);
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_FALSE(c.open());
  delivery report;
  const milliseconds taken =
      time_of([&] { c.send(mail_to({"r@b.test"}), small_message(), report); });
  EXPECT_GE(taken, milliseconds(150));
  ASSERT_EQ(report.recipients.size(), 1U);
  EXPECT_EQ(report.recipients[0].result, outcome::deferred);
  EXPECT_EQ(report.recipients[0].why, errc::timed_out);
  EXPECT_FALSE(c.connected());
}

// TIME-04
TEST(client, is_not_kept_waiting_by_a_dribble) {
  scripted_server server([](server_link& link) {
    link.say("220 ");
    while (link.say("x")) std::this_thread::sleep_for(milliseconds(10));
  });
  client_options options = named_options();
  options.session.timeouts.greeting = milliseconds(150);
  client c(options);
  // The wait for the greeting begins with the connection and not with open().
  const milliseconds taken = time_of([&] {
    EXPECT_FALSE(c.connect(server.address()));
    EXPECT_EQ(c.open(), errc::timed_out);
  });
  EXPECT_GE(taken, milliseconds(150));
}

// SESS-19, TIME-07
TEST(client, does_not_wait_long_for_the_answer_to_quit) {
  scripted_server server([](server_link& link) {
    link.open();
    link.hear_all();
  });
  client_options options = named_options();
  options.session.timeouts.quit = milliseconds(100);
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_FALSE(c.open());
  EXPECT_GE(time_of([&] { EXPECT_FALSE(c.quit()); }), milliseconds(100));
  EXPECT_FALSE(c.connected());
}

// NET-03, SESS-20
TEST(client, writes_quit_also_if_it_does_not_wait) {
  std::string rest;
  scripted_server server([&](server_link& link) {
    link.open();
    rest = link.hear_all();
  });
  client_options options = named_options();
  options.session.quit_no_wait = true;
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_FALSE(c.open());
  EXPECT_FALSE(c.quit());
  server.join();
  EXPECT_EQ(rest, "QUIT\r\n");
}

// NET-03, SESS-24
TEST(client, says_quit_to_a_server_that_is_closing) {
  std::string rest;
  scripted_server server([&](server_link& link) {
    link.open("250 mx.test\r\n");
    link.hear();
    link.say("421 bye\r\n");
    rest = link.hear_all();
  });
  client_options options = named_options();
  options.moves = 0;
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  const delivery report = c.send(mail_to({"r@b.test"}), small_message());
  EXPECT_EQ(report.recipients.at(0).why, errc::service_closing);
  server.join();
  EXPECT_EQ(rest, "QUIT\r\n");
}

std::atomic<int> signals = 0;
void count_signal(int) { ++signals; }

// The last words of a server are heard after a write error, and SIGPIPE is never raised: a Unix
// socket fails with EPIPE at once, TCP with a reset.
TEST(client, hears_the_last_words_after_a_write_error) {
  signals = 0;
  struct sigaction counting {};
  struct sigaction before {};
  counting.sa_handler = count_signal;
  ::sigaction(SIGPIPE, &counting, &before);
  const std::string path = ::testing::TempDir() + "sansmtp-words-" + std::to_string(::getpid());
  for (const std::string& address : {std::string("127.0.0.1"), path}) {
    for (const bool with_words : {true, false}) {
      std::promise<void> opened;
      std::promise<void> gone;
      scripted_server server({.address = address}, [&](server_link& link) {
        link.open();
        opened.get_future().wait();
        if (with_words) link.say("421 4.3.2 too idle\r\n");
        link.reset();
        gone.set_value();
      });
      client_options options = named_options();
      options.moves = 0;
      client c(options);
      EXPECT_FALSE(c.connect(server.address()));
      EXPECT_FALSE(c.open());
      opened.set_value();
      gone.get_future().wait();
      const delivery report = c.send(mail_to({"r@b.test"}), small_message());
      ASSERT_EQ(report.recipients.size(), 1U);
      EXPECT_EQ(report.recipients[0].why,
                with_words ? errc::service_closing : errc::connection_lost);
      EXPECT_EQ(report.recipients[0].code, with_words ? 421 : 0);
      EXPECT_NE(report.recipients[0].result, outcome::in_doubt);
      EXPECT_FALSE(c.connected());
    }
  }
  ::sigaction(SIGPIPE, &before, nullptr);
  EXPECT_EQ(signals, 0);
}

TEST(client, goes_on_after_a_signal) {
  signals = 0;
  struct sigaction counting {};
  struct sigaction before {};
  counting.sa_handler = count_signal;  // without SA_RESTART
  ::sigaction(SIGALRM, &counting, &before);
  scripted_server server([](server_link& link) {
    // The signals are for the client's thread.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::this_thread::sleep_for(milliseconds(100));
    link.open();
    std::this_thread::sleep_for(milliseconds(100));
    link.take_mail();
  });
  client_options options = named_options();
  options.session.timeouts.mail =
      std::chrono::minutes(1);  // waits by poll there, by recv elsewhere
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  const itimerval often{{0, 5000}, {0, 5000}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  const delivery report = c.send(mail_to({"r@b.test"}), small_message());
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  EXPECT_TRUE(report.delivered_to_all());
  EXPECT_GT(signals, 0);
}

// NET-04: the server reads no further until each reply is taken off its hands.
TEST(client, reads_while_it_writes) {
  constexpr int count = 10000;
  constexpr int buffers = 4096;
  bool stuck = false;
  scripted_server server({.buffers = buffers}, [&](server_link& link) {
    link.open();
    const timeval patience{10, 0};
    ::setsockopt(link.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    for (int i = 0; i != count + 1 && !stuck; ++i) {
      link.hear();
      stuck = !link.say("250 2.1.5 this recipient is accepted, as all the others are\r\n");
    }
    link.hear();
    link.say("354 go\r\n");
    link.hear("\r\n.\r\n");
    link.say("250 ok\r\n");
  });
  client_options options = named_options();
  options.send_buffer = buffers;
  options.receive_buffer = buffers;
  options.session.limits.recipients = count;
  options.session.limits.outstanding = 2 * count;
  options.session.limits.group_octets = 10'000'000;
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  std::vector<std::string> recipients;
  for (int i = 0; i != count; ++i)
    recipients.push_back("recipient" + std::to_string(i) + "@b.test");
  const delivery report = c.send(mail_to(recipients), small_message());
  server.join();
  EXPECT_FALSE(stuck);
  EXPECT_EQ(report.count(outcome::delivered), static_cast<std::size_t>(count));
}

// TXN-27: a refusal in the middle of content is seen at once, by a server that reads on as well as
// by one that does not.
TEST(client, sees_a_refusal_in_the_middle_of_content) {
  std::string content(64 * 1024 * 1024, 'x');
  for (std::size_t i = 78; i < content.size(); i += 80) content[i] = '\r', content[i + 1] = '\n';
  for (const bool reads_on : {true, false}) {
    std::size_t octets = 0;
    std::string tail;
    std::promise<void> over;
    scripted_server server([&](server_link& link) {
      link.open();
      for (int i = 0; i != 3; ++i) link.hear();
      link.say("250 ok\r\n250 ok\r\n354 go\r\n");
      link.hear("\r\n");
      link.say("552 5.3.4 too big\r\n");
      if (!reads_on) over.get_future().wait();
      for (std::string more; !(more = link.hear("\r\n.\r\n")).empty();) {
        octets += more.size();
        tail = more.substr(more.size() - std::min<std::size_t>(more.size(), 5));
      }
    });
    client c(named_options());
    EXPECT_FALSE(c.connect(server.address()));
    const delivery report = c.send(mail_to({"r@b.test"}), message::borrow(as_bytes(content)));
    over.set_value();
    server.join();
    ASSERT_EQ(report.recipients.size(), 1U);
    EXPECT_EQ(report.recipients[0].result, outcome::rejected);
    EXPECT_EQ(report.recipients[0].code, 552);
    EXPECT_LT(octets, content.size() / 2);
    EXPECT_NE(tail, "\r\n.\r\n") << "DATA-14";
    EXPECT_FALSE(c.connected());
  }
}

}  // namespace

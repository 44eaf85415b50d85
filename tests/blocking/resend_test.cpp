// Mails that are sent again since the reason lay in the session: TXN-10, POOL-01, PIPE-17, TXN-18.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "sansmtp/blocking/send_mail.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "scripted_server.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

// What a server saw, connection by connection; to be looked at once it is joined.
struct seen_by_server {
  struct connection {
    std::vector<std::string> commands;  // without CRLF
    std::vector<std::string> contents;

    // How many commands begin so.
    [[nodiscard]] std::ptrdiff_t count(std::string_view begin) const {
      return std::count_if(commands.begin(), commands.end(), [begin](const std::string& c) {
        return std::string_view(c).substr(0, begin.size()) == begin;
      });
    }
  };
  std::vector<connection> connections;

  [[nodiscard]] std::size_t contents() const {
    std::size_t n = 0;
    for (const connection& c : connections) n += c.contents.size();
    return n;
  }
};

// One command of a client, as a server looks at it.
struct command {
  std::string line;            // without CRLF; "." for the end of content
  std::size_t connection = 0;  // from 0
  std::size_t mail = 0;        // MAILs on this connection so far, this one included
  std::size_t recipient = 0;   // RCPTs of this mail so far, this one included
  std::size_t accepted = 0;    // of those before it
  bool sender = false;         // was MAIL accepted?

  [[nodiscard]] bool is(std::string_view verb) const {
    return std::string_view(line).substr(0, verb.size()) == verb;
  }
};

// What it answers, without CRLF. Empty: the obvious. "close": nothing, and the link ends; behind a
// comma, "421 bye,close", after that answer.
using answers = std::function<std::string(const command&)>;

std::string obvious(const command& c) {
  if (c.is("EHLO")) return "250-mx.test\r\n250-DSN\r\n250-AUTH PLAIN\r\n250 PIPELINING";
  if (c.is("AUTH")) return "235 2.7.0 welcome";
  if (c.is("RCPT") && !c.sender) return "503 5.5.1 no sender";
  if (c.is("DATA")) return c.accepted != 0 ? "354 go" : "554 5.5.1 no valid recipients";
  if (c.is("QUIT")) return "221 bye,close";
  return "250 2.0.0 ok";
}

void serve(server_link& link, std::size_t connection, const answers& answer,
           seen_by_server::connection& seen) {
  command c{"", connection};
  // Says it, and returns whether the link goes on.
  const auto say = [&](std::string reply) {
    const std::size_t end = reply.rfind("close");
    const bool over = end != std::string::npos;
    if (over) reply.erase(end == 0 ? 0 : end - 1);
    if (!reply.empty()) link.say(reply + "\r\n");
    if (!over) return true;
    // An orderly end, so that the last words are not overtaken by a reset.
    ::shutdown(link.fd(), SHUT_WR);
    std::string rest = link.hear_all();
    for (std::size_t at = 0; (at = rest.find("\r\n")) != std::string::npos; rest.erase(0, at + 2)) {
      seen.commands.push_back(rest.substr(0, at));
    }
    return false;
  };
  c.line = "connect";
  std::string greeting = answer(c);
  if (greeting.empty()) greeting = "220 mx.test";
  for (bool on = say(greeting); on;) {
    c.line = link.hear();
    if (c.line.size() < 2) return;  // the client has gone
    c.line.resize(c.line.size() - 2);
    seen.commands.push_back(c.line);
    if (c.is("MAIL")) {
      ++c.mail;
      c.recipient = c.accepted = 0;
    }
    if (c.is("RCPT")) ++c.recipient;
    std::string reply = answer(c);
    if (reply.empty()) reply = obvious(c);
    on = say(reply);
    if (c.is("MAIL")) c.sender = reply[0] == '2';
    if (c.is("RCPT") && reply[0] == '2') ++c.accepted;
    if (!on || reply[0] != '3') continue;
    seen.contents.push_back(link.hear("\r\n.\r\n"));
    c.line = ".";
    reply = answer(c);
    on = say(reply.empty() ? obvious(c) : reply);
  }
}

// A server for a number of connections, one after the other.
class counting_server {
 public:
  counting_server(int connections, answers answer, const std::string& at = "127.0.0.1")
      : server_({.address = at, .connections = connections},
                [this, answer = std::move(answer)](server_link& link) {
                  seen_.connections.emplace_back();
                  serve(link, seen_.connections.size() - 1, answer, seen_.connections.back());
                }) {}

  [[nodiscard]] const std::string& address() const { return server_.address(); }
  const seen_by_server& seen() {
    server_.join();
    return seen_;
  }

 private:
  seen_by_server seen_;
  scripted_server server_;
};

std::string nothing_special(const command&) { return {}; }

std::vector<std::string> recipients(std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i != count; ++i) all.push_back("r" + std::to_string(i) + "@b.test");
  return all;
}

// Each mail has its report, in order, with this outcome.
void expect_all(const std::vector<delivery>& reports, std::size_t count, outcome result) {
  ASSERT_EQ(reports.size(), count);
  for (std::size_t i = 0; i != count; ++i) {
    ASSERT_EQ(reports[i].recipients.size(), 1U);
    EXPECT_EQ(reports[i].recipients[0].address, "r" + std::to_string(i) + "@b.test");
    EXPECT_EQ(reports[i].recipients[0].result, result) << i;
    EXPECT_EQ(reports[i].delivered_to_all(), result == outcome::delivered);
  }
}

// -- another transaction --------------------------------------------------------------------------

class resend_at_level : public ::testing::TestWithParam<pipelining_level> {
 protected:
  static client_options options() {
    client_options o = named_options();
    o.session.pipelining = GetParam();
    return o;
  }
};

std::string at_most_three_recipients(const command& c) {
  return c.is("RCPT") && c.recipient > 3 ? "452 4.5.3 too many recipients" : "";
}

TEST_P(resend_at_level, recipients_beyond_the_limit_go_in_further_transactions) {
  counting_server server(1, at_most_three_recipients);
  client c(options());
  ASSERT_FALSE(c.connect(server.address()));
  const delivery report = c.send(mail_to(recipients(8)), small_message());
  EXPECT_TRUE(report.delivered_to_all());
  EXPECT_FALSE(report.error);
  ASSERT_EQ(report.recipients.size(), 8U);
  for (std::size_t i = 0; i != 8; ++i) {
    EXPECT_EQ(report.recipients[i].address, "r" + std::to_string(i) + "@b.test");
  }
  EXPECT_FALSE(c.last_error()) << to_string(c.last_error());
  EXPECT_FALSE(c.quit());
  const seen_by_server& seen = server.seen();
  EXPECT_EQ(seen.connections.at(0).contents.size(), 3U);
  EXPECT_EQ(seen.connections.at(0).count("MAIL"), 3);
}

TEST_P(resend_at_level, a_mail_for_all_or_nobody_is_not_split) {
  counting_server server(1, at_most_three_recipients);
  client_options o = options();
  o.session.require_all_recipients = true;
  client c(o);
  ASSERT_FALSE(c.connect(server.address()));
  const delivery report = c.send(mail_to(recipients(5)), small_message());
  EXPECT_EQ(report.count(outcome::delivered), 0U);
  EXPECT_FALSE(c.quit());
  EXPECT_EQ(server.seen().contents(), 0U);
}

// No transaction takes the fourth: that ends.
TEST_P(resend_at_level, transactions_that_bring_nothing_are_bounded) {
  counting_server server(1, [](const command& c) {
    return c.is("RCPT") && !c.is("RCPT TO:<r0@") ? "452 4.5.3 too many recipients" : "";
  });
  client c(options());
  ASSERT_FALSE(c.connect(server.address()));
  const delivery report = c.send(mail_to(recipients(3)), small_message());
  EXPECT_EQ(report.recipients.at(0).result, outcome::delivered);
  EXPECT_EQ(report.recipients.at(1).result, outcome::deferred);
  EXPECT_EQ(report.recipients.at(1).code, 452);
  EXPECT_EQ(c.last_error().code, 452);
  EXPECT_TRUE(c.connected());
  EXPECT_FALSE(c.quit());
  EXPECT_LE(server.seen().connections.at(0).count("MAIL"), 3);
}

// -- another connection ---------------------------------------------------------------------------

TEST_P(resend_at_level, a_server_that_closes_after_each_mail_gets_a_connection_for_each) {
  counting_server server(4, [](const command& c) { return c.is(".") ? "250 ok,close" : ""; });
  client c(options());
  expect_all(connect_and_send(c, server.address(), 4), 4, outcome::delivered);
  static_cast<void>(c.quit());  // that the link is closed is not known before it
  const seen_by_server& seen = server.seen();
  ASSERT_EQ(seen.connections.size(), 4U);
  for (const auto& connection : seen.connections) EXPECT_EQ(connection.contents.size(), 1U);
}

TEST_P(resend_at_level, what_a_421_leaves_goes_over_another_connection) {
  for (const std::string_view at : {"MAIL", "RCPT", "DATA"}) {
    counting_server server(3, [at](const command& c) {
      return c.is(at) && c.mail == 3 ? "421 4.7.0 too many messages in this session,close" : "";
    });
    client c(options());
    expect_all(connect_and_send(c, server.address(), 5), 5, outcome::delivered);
    EXPECT_FALSE(c.last_error()) << to_string(c.last_error());
    EXPECT_FALSE(c.quit());
    const seen_by_server& seen = server.seen();
    ASSERT_EQ(seen.connections.size(), 3U) << at;
    EXPECT_EQ(seen.contents(), 5U) << "each once";
  }
}

// A server that has had enough of this session says so to RSET, and that is said of no mail.
TEST_P(resend_at_level, a_refused_rset_costs_no_mail) {
  for (const std::string_view refusal :
       {"503 5.5.1 bad sequence", "554 too many nonmail commands"}) {
    counting_server server(2, [refusal](const command& c) -> std::string {
      if (c.is("RCPT TO:<r0@")) return "550 5.1.1 no such user";
      return c.is("RSET") ? std::string(refusal) : "";
    });
    client c(options());
    const std::vector<delivery> reports = connect_and_send(c, server.address(), 4);
    ASSERT_EQ(reports.size(), 4U);
    EXPECT_EQ(reports[0].recipients.at(0).code, 550);
    for (std::size_t i = 1; i != 4; ++i) EXPECT_TRUE(reports[i].delivered_to_all()) << i;
    EXPECT_EQ(c.last_error().code, 550);
    EXPECT_FALSE(c.quit());
    const seen_by_server& seen = server.seen();
    ASSERT_EQ(seen.connections.size(), 2U);
    EXPECT_EQ(seen.connections[0].commands.back(), "QUIT");
  }
}

// It takes so many mails in a session and no more, and says so to MAIL.
TEST_P(resend_at_level, mails_beyond_the_limit_of_a_session_go_over_another_connection) {
  counting_server server(3, [](const command& c) {
    return c.is("MAIL") && c.mail > 2 ? "452 4.5.3 Too many messages sent" : "";
  });
  client c(options());
  expect_all(connect_and_send(c, server.address(), 6), 6, outcome::delivered);
  EXPECT_FALSE(c.last_error()) << to_string(c.last_error());
  EXPECT_FALSE(c.quit());
  const seen_by_server& seen = server.seen();
  ASSERT_EQ(seen.connections.size(), 3U);
  EXPECT_EQ(seen.contents(), 6U) << "each once";
  for (const auto& connection : seen.connections) EXPECT_EQ(connection.commands.back(), "QUIT");
}

// However many mails were under way when it had enough of one: each session takes a further one.
TEST(resend, many_mails_behind_a_full_session_are_moved) {
  counting_server server(20, [](const command& c) {
    return c.is("MAIL") && c.mail > 1 ? "452 4.5.3 Too many messages sent" : "";
  });
  client_options o = named_options();
  o.session.pipelining = pipelining_level::stream;
  o.session.limits.stream_mails = 8;
  client c(o);
  expect_all(connect_and_send(c, server.address(), 20), 20, outcome::delivered);
  EXPECT_FALSE(c.last_error()) << to_string(c.last_error());
  EXPECT_FALSE(c.quit());
  EXPECT_EQ(server.seen().contents(), 20U) << "each once";
}

// A sender that each session refuses for the moment is told so by a session that took nothing yet.
TEST(resend, a_mail_that_a_fresh_session_refuses_is_told_so) {
  counting_server server(
      2, [](const command& c) { return c.is("MAIL FROM:<grey@") ? "450 4.7.1 not you" : ""; });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  envelope env = mail_to({"r@b.test"});
  env.sender = path("grey@a.test");
  EXPECT_EQ(c.send(env, small_message()).count(outcome::deferred), 1U);
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  EXPECT_FALSE(c.quit());
  EXPECT_EQ(server.seen().connections.size(), 2U);
}

// One by one, and the report is the caller's.
TEST_P(resend_at_level, single_mails_are_sent_again_too) {
  counting_server server(2, [](const command& c) {
    return c.is("MAIL") && c.mail == 2 ? "421 4.7.0 enough,close" : "";
  });
  client c(options());
  ASSERT_FALSE(c.connect(server.address()));
  delivery report;
  for (int i = 0; i != 2; ++i) {
    c.send(mail_to({"r@b.test"}), message::own(std::string(small_content)), report);
    EXPECT_TRUE(report.delivered_to_all());
  }
  EXPECT_FALSE(c.quit());
  const seen_by_server& seen = server.seen();
  ASSERT_EQ(seen.connections.size(), 2U);
  EXPECT_EQ(seen.connections[1].contents.at(0), std::string(small_content) + ".\r\n");
}

// What was handed over whole and never answered may have arrived.
TEST_P(resend_at_level, a_mail_in_doubt_is_not_sent_again) {
  counting_server server(
      2, [](const command& c) { return c.connection == 0 && c.is(".") ? "close" : ""; });
  client c(options());
  const std::vector<delivery> reports = connect_and_send(c, server.address(), 3);
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0].count(outcome::in_doubt), 1U);
  EXPECT_TRUE(reports[1].delivered_to_all());
  EXPECT_TRUE(reports[2].delivered_to_all());
  EXPECT_EQ(c.last_error().error, errc::connection_lost) << "that mail's";
  EXPECT_FALSE(c.quit());
  EXPECT_EQ(server.seen().contents(), 3U);
}

TEST_P(resend_at_level, all_or_nobody_is_sent_again_whole) {
  counting_server server(2, [](const command& c) {
    return c.connection == 0 && c.recipient == 2 ? "421 4.3.2 going down,close" : "";
  });
  client_options o = options();
  o.session.require_all_recipients = true;
  client c(o);
  ASSERT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.send(mail_to(recipients(3)), small_message()).delivered_to_all());
  EXPECT_FALSE(c.quit());
  const seen_by_server& seen = server.seen();
  EXPECT_EQ(seen.connections.at(1).count("RCPT"), 3);
  EXPECT_EQ(seen.contents(), 1U);
}

// POOL-01: also if the link is cut behind the refusal.
TEST_P(resend_at_level, all_or_nobody_stays_nobody_once_one_was_refused) {
  for (const char* refusal : {"550 5.1.1 no such user", "550 5.1.1 no such user,close"}) {
    counting_server server(
        1, [refusal](const command& c) { return c.is("RCPT TO:<r1@") ? refusal : ""; });
    client_options o = options();
    o.session.require_all_recipients = true;
    client c(o);
    ASSERT_FALSE(c.connect(server.address()));
    const delivery report = c.send(mail_to(recipients(3)), small_message());
    EXPECT_EQ(report.recipients.at(1).result, outcome::rejected);
    EXPECT_EQ(report.count(outcome::delivered), 0U);
    static_cast<void>(c.quit());
    EXPECT_EQ(server.seen().contents(), 0U);
  }
}

// Those who were refused keep their refusal, and the others get another chance.
TEST_P(resend_at_level, the_report_has_the_last_word_for_each_recipient) {
  counting_server server(2, [](const command& c) -> std::string {
    if (c.is("RCPT TO:<r1@")) return "550 5.1.1 no such user";
    if (c.is("RCPT TO:<r3@")) return "550 5.1.1 no such user";
    return c.connection == 0 && c.is("DATA") ? "421 4.3.2 going down,close" : "";
  });
  client c(options());
  ASSERT_FALSE(c.connect(server.address()));
  const delivery report = c.send(mail_to(recipients(5)), small_message());
  ASSERT_EQ(report.recipients.size(), 5U);
  for (std::size_t i = 0; i != 5; ++i) {
    EXPECT_EQ(report.recipients[i].address, "r" + std::to_string(i) + "@b.test");
    EXPECT_EQ(report.recipients[i].result,
              i == 1 || i == 3 ? outcome::rejected : outcome::delivered);
  }
  EXPECT_FALSE(report.error) << "it was delivered to somebody";
  EXPECT_EQ(c.last_error().code, 550) << "and that was not mended";
  EXPECT_FALSE(c.quit());
  EXPECT_EQ(server.seen().connections.at(1).count("RCPT"), 3);
}

// Neither parameters nor the message change on the way.
TEST_P(resend_at_level, the_envelope_is_the_same_again) {
  counting_server server(2, [](const command& c) {
    return c.connection == 0 && c.is("DATA") ? "421 4.3.2 going down,close" : "";
  });
  client c(options());
  ASSERT_FALSE(c.connect(server.address()));
  int next = 0;
  std::vector<delivery> reports;
  c.send_all(
      [&](envelope& env, message& content) {
        if (next == 2) return false;
        // The envelope of the first mail is gone by the time it fails.
        env = mail_to({"r0@b.test", "r1@b.test"});
        env.sender = path("s" + std::to_string(next) + "@under_score.test", {true, false});
        if (next++ == 0) {
          env.envelope_id = "id";
          env.recipients[1].notification = notify::never;
        }
        content = small_message();
        return true;
      },
      [&](const delivery& report) { reports.push_back(report); });
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_TRUE(reports[0].delivered_to_all());
  EXPECT_TRUE(reports[1].delivered_to_all());
  EXPECT_FALSE(c.quit());
  const seen_by_server& seen = server.seen();
  ASSERT_EQ(seen.connections.size(), 2U);
  const auto& again = seen.connections[1];
  EXPECT_EQ(again.count("MAIL FROM:<s0@under_score.test> ENVID=id"), 1);
  EXPECT_EQ(again.count("MAIL FROM:<s1@under_score.test>"), 1);
  EXPECT_EQ(again.count("RCPT TO:<r1@b.test> NOTIFY=NEVER"), 1);
}

// A connection that comes to nothing, over and over: neither a mail nor all of them go on for ever.
TEST_P(resend_at_level, connections_that_bring_nothing_are_bounded) {
  // Two mails are under way at a time; each is tried three times, and after three mails that is
  // enough.
  counting_server server(6, [](const command& c) { return c.is("MAIL") ? "close" : ""; });
  client c(options());
  const std::vector<delivery> reports = connect_and_send(c, server.address(), 10);
  ASSERT_EQ(reports.size(), 10U);
  for (const delivery& report : reports) {
    EXPECT_EQ(report.count(outcome::delivered), 0U);
    EXPECT_EQ(report.recipients.at(0).why, errc::connection_lost);
  }
  EXPECT_FALSE(c.can_send());
  EXPECT_EQ(c.last_error().error, errc::connection_lost);
  EXPECT_EQ(server.seen().connections.size(), 6U);
}

// It is this one mail that the server cannot stand.
TEST_P(resend_at_level, a_mail_that_no_connection_survives_does_not_stop_the_others) {
  counting_server server(4, [](const command& c) { return c.is("RCPT TO:<r2@") ? "close" : ""; });
  client c(options());
  const std::vector<delivery> reports = connect_and_send(c, server.address(), 6);
  ASSERT_EQ(reports.size(), 6U);
  for (std::size_t i = 0; i != 6; ++i) {
    if (i == 3) continue;  // may have been with it each time
    EXPECT_EQ(reports[i].recipients.at(0).result, i == 2 ? outcome::deferred : outcome::delivered)
        << i;
  }
  EXPECT_FALSE(c.quit());
}

TEST_P(resend_at_level, the_limit_of_a_connection_is_kept) {
  counting_server server(3, nothing_special);
  client_options o = options();
  o.mails_per_connection = 2;
  client c(o);
  expect_all(connect_and_send(c, server.address(), 5), 5, outcome::delivered);
  EXPECT_FALSE(c.last_error());
  EXPECT_FALSE(c.quit());
  const seen_by_server& seen = server.seen();
  ASSERT_EQ(seen.connections.size(), 3U);
  for (const auto& connection : seen.connections) {
    EXPECT_LE(connection.contents.size(), 2U);
    EXPECT_EQ(connection.commands.back(), "QUIT");
  }
}

std::string name_of_level(const ::testing::TestParamInfo<pipelining_level>& tested) {
  switch (tested.param) {
    case pipelining_level::off: return "off";
    case pipelining_level::envelope: return "envelope";
    case pipelining_level::messages: return "messages";
    case pipelining_level::stream: return "stream";
  }
  return "unknown";
}

INSTANTIATE_TEST_SUITE_P(levels, resend_at_level,
                         ::testing::Values(pipelining_level::off, pipelining_level::envelope,
                                           pipelining_level::messages),
                         name_of_level);

// -- who may make another connection --------------------------------------------------------------

std::vector<std::unique_ptr<sasl_mechanism>> plain() {
  std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
  mechanisms.push_back(make_plain("joe", "secret"));
  return mechanisms;
}

std::string closing_after_each_mail(const command& c) { return c.is(".") ? "250 ok,close" : ""; }

TEST(resend, logs_in_again) {
  counting_server server(3, closing_after_each_mail);
  client_options options = named_options();
  options.session.allow_auth_cleartext = true;
  options.credentials = plain;
  client c(options);
  expect_all(connect_and_send(c, server.address(), 3), 3, outcome::delivered);
  static_cast<void>(c.quit());
  const seen_by_server& seen = server.seen();
  ASSERT_EQ(seen.connections.size(), 3U);
  for (const auto& connection : seen.connections) EXPECT_EQ(connection.count("AUTH PLAIN "), 1);
}

TEST(resend, does_not_go_on_without_the_login_that_it_had) {
  counting_server server(1, closing_after_each_mail);
  client_options options = named_options();
  options.session.allow_auth_cleartext = true;
  client c(options);
  ASSERT_FALSE(c.connect(server.address()));
  ASSERT_FALSE(c.authenticate(plain()));
  const std::vector<delivery> reports = send_many(c, 2);
  EXPECT_TRUE(reports.at(0).delivered_to_all());
  EXPECT_EQ(reports.at(1).count(outcome::delivered), 0U);
  EXPECT_FALSE(c.can_send());
}

// A password that was refused is not tried again.
TEST(resend, one_refused_login_is_the_end) {
  counting_server server(2, [](const command& c) -> std::string {
    if (c.connection == 1 && c.is("AUTH")) return "535 5.7.8 not any more";
    return closing_after_each_mail(c);
  });
  client_options options = named_options();
  options.session.allow_auth_cleartext = true;
  options.credentials = plain;
  client c(options);
  const std::vector<delivery> reports = connect_and_send(c, server.address(), 4);
  ASSERT_EQ(reports.size(), 4U);
  EXPECT_TRUE(reports[0].delivered_to_all());
  for (std::size_t i = 1; i != 4; ++i) EXPECT_EQ(reports[i].recipients.at(0).code, 535) << i;
  EXPECT_EQ(c.last_error().code, 535);
  EXPECT_EQ(server.seen().connections.size(), 2U);
}

TEST(resend, an_adopted_socket_has_no_other_one) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  seen_by_server::connection seen;
  std::thread server([&] {
    server_link link(pair[1]);
    serve(link, 0, closing_after_each_mail, seen);
  });
  client c(named_options());
  ASSERT_FALSE(c.adopt(pair[0]));
  const std::vector<delivery> reports = send_many(c, 2);
  server.join();
  EXPECT_TRUE(reports.at(0).delivered_to_all());
  EXPECT_EQ(reports.at(1).count(outcome::delivered), 0U);
}

// What one server takes in a session says nothing of another one's (LIMITS).
TEST(resend, the_limit_of_the_last_server_is_forgotten) {
  counting_server first(1, [](const command& c) {
    return c.is("EHLO") ? "250-mx.test\r\n250 LIMITS MAILMAX=1" : "";
  });
  counting_server second(2, nothing_special);
  client c(named_options());
  ASSERT_FALSE(c.connect(first.address()));
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  expect_all(connect_and_send(c, second.address(), 2), 2, outcome::delivered);
  EXPECT_FALSE(c.quit());
  ASSERT_EQ(second.seen().connections.size(), 1U);
  EXPECT_EQ(second.seen().connections[0].contents.size(), 2U);
}

TEST(resend, can_be_switched_off) {
  counting_server server(1, [](const command& c) -> std::string {
    if (c.mail == 2 && c.is(".")) return "250 ok,close";
    return at_most_three_recipients(c);
  });
  client_options options = named_options();
  options.moves = 0;
  options.mails_per_connection = 1;
  client c(options);
  ASSERT_FALSE(c.connect(server.address()));
  const delivery split = c.send(mail_to(recipients(4)), small_message());
  EXPECT_EQ(split.recipients.at(3).why, errc::recipient_limit);
  const std::vector<delivery> reports = send_many(c, 2);
  EXPECT_TRUE(reports.at(0).delivered_to_all());
  EXPECT_EQ(reports.at(1).count(outcome::delivered), 0U);
  EXPECT_FALSE(c.can_send());
}

TEST(resend, not_behind_quit) {
  counting_server server(1, nothing_special);
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  ASSERT_FALSE(c.open());
  EXPECT_TRUE(c.can_send());
  EXPECT_FALSE(c.quit());
  EXPECT_FALSE(c.can_send());
  EXPECT_EQ(c.send(mail_to({"r@b.test"}), small_message()).error, errc::session_closed);
}

// The first connection: whether another one is worth a try is for who made it.
TEST(resend, not_if_the_session_never_opened) {
  counting_server server(
      1, [](const command& c) { return c.is("connect") ? "421 4.3.2 too busy,close" : ""; });
  const delivery report = blocking::send_mail(server.address(), mail_to({"r@b.test"}),
                                              small_message(), named_options());
  EXPECT_EQ(report.recipients.at(0).result, outcome::not_attempted);
  EXPECT_EQ(report.recipients.at(0).code, 421);
}

// It offers PIPELINING, but not across the end of content: a mail that rode behind another one's is
// sent again in the same session, and none rides any more (PIPE-17).
TEST(resend, a_mail_that_ran_ahead_in_vain) {
  std::vector<std::string> ridden;
  std::vector<std::string> behind;
  int contents = 0;
  scripted_server server([&](server_link& link) {
    link.open();
    for (int i = 0; i != 3; ++i) link.hear();
    link.say("250 ok\r\n250 ok\r\n354 go\r\n");
    link.hear("\r\n.\r\n");
    ++contents;
    for (int i = 0; i != 3; ++i) ridden.push_back(link.hear());
    link.say("250 taken\r\n");
    for (int i = 0; i != 3; ++i) link.say("503 5.5.1 pipelined after the end of DATA\r\n");
    for (bool on = true; on;) {
      behind.push_back(link.hear());
      on = !behind.back().empty() && behind.back() != "QUIT\r\n";
      if (behind.back() != "DATA\r\n") {
        link.say("250 ok\r\n");
        continue;
      }
      link.say("354 go\r\n");
      link.hear("\r\n.\r\n");
      ++contents;
      link.say("250 taken\r\n");
    }
  });
  client_options options = named_options();
  options.session.pipelining = pipelining_level::messages;
  client c(options);
  expect_all(connect_and_send(c, server.address(), 4), 4, outcome::delivered);
  EXPECT_FALSE(c.last_error()) << to_string(c.last_error());
  EXPECT_FALSE(c.quit());
  server.join();
  ASSERT_EQ(ridden.size(), 3U);
  EXPECT_EQ(ridden[1], "RCPT TO:<r1@b.test>\r\n");
  EXPECT_EQ(contents, 4) << "each once";
  EXPECT_EQ(behind.front(), "RSET\r\n");
}

// Streamed content is gone; the next transaction is the caller's to begin, on a link of his.
TEST(resend, not_for_streamed_content) {
  counting_server server(
      1, [](const command& c) { return c.is("DATA") ? "421 4.3.2 going down,close" : ""; });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  blocking::writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
  EXPECT_FALSE(w.wants_content());
  EXPECT_EQ(w.finish().recipients.at(0).why, errc::service_closing);
  EXPECT_EQ(c.transaction(path("s@a.test"), {recipient("r@b.test")}).error(),
            errc::service_closing);
}

// The server has gone altogether: what is known of each mail stays, and nothing is tried again.
TEST(resend, ends_where_no_connection_can_be_made) {
  const std::string path = ::testing::TempDir() + "sansmtp-gone-" + std::to_string(::getpid());
  counting_server server(
      1,
      [&](const command& c) -> std::string {
        if (c.mail != 2) return {};
        ::unlink(path.c_str());
        return "421 4.3.2 going down,close";
      },
      path);
  client c(named_options());
  const std::vector<delivery> reports = connect_and_send(c, server.address(), 5);
  ASSERT_EQ(reports.size(), 5U);
  EXPECT_TRUE(reports[0].delivered_to_all());
  EXPECT_EQ(reports[1].recipients.at(0).code, 421);
  EXPECT_NE(reports[1].recipients.at(0).result, outcome::in_doubt);
  for (std::size_t i = 3; i != 5; ++i) {
    EXPECT_EQ(reports[i].error, std::errc::no_such_file_or_directory);
    EXPECT_EQ(reports[i].recipients.at(0).result, outcome::not_attempted);
  }
  EXPECT_FALSE(c.can_send());
  EXPECT_EQ(c.last_error().error, std::errc::no_such_file_or_directory);
}

// TLS was optional and failed: that mail goes in clear text (TLS-08).
TEST(resend, without_tls_where_that_was_optional) {
  counting_server server(2, [](const command& c) -> std::string {
    if (c.is("EHLO")) return "250-mx.test\r\n250 STARTTLS";
    return c.is("STARTTLS") ? "220 go,close" : "";
  });
  client_options options = named_options();
  options.session.tls = tls_mode::opportunistic;
  options.tls = [](const tls_target&) { return std::make_unique<script::memory_layer>(); };
  const delivery report =
      blocking::send_mail(server.address(), mail_to({"r@b.test"}), small_message(), options);
  EXPECT_TRUE(report.delivered_to_all());
  const seen_by_server& seen = server.seen();
  ASSERT_EQ(seen.connections.size(), 2U);
  EXPECT_EQ(seen.connections[0].count("MAIL"), 0);
  EXPECT_EQ(seen.connections[1].count("STARTTLS"), 0);
}

// A server whose TLS never works: it is asked for again and again, but not for each mail.
TEST(resend, tls_is_tried_again_after_a_few_mails_without) {  // TLS-08
  const answers broken_tls = [](const command& c) -> std::string {
    if (c.is("EHLO")) return "250-mx.test\r\n250 STARTTLS";
    return c.is("STARTTLS") ? "220 go,close" : "";
  };
  counting_server server(20, broken_tls);
  client_options options = named_options();
  options.session.tls = tls_mode::opportunistic;
  options.tls = [](const tls_target&) { return std::make_unique<script::memory_layer>(); };
  client c(options);
  expect_all(connect_and_send(c, server.address(), 12), 12, outcome::delivered);
  EXPECT_FALSE(c.quit());
  std::vector<std::ptrdiff_t> in_clear;
  const seen_by_server& seen = server.seen();
  for (std::size_t i = 0; i != seen.connections.size(); ++i) {
    const bool with_tls = i % 2 == 0;
    EXPECT_EQ(seen.connections[i].count("STARTTLS"), with_tls ? 1 : 0) << i;
    const std::ptrdiff_t mails = seen.connections[i].count("MAIL");
    if (with_tls) {
      EXPECT_EQ(mails, 0) << i;
    } else {
      in_clear.push_back(mails);
    }
  }
  // Two mails are on their way when a handshake fails, so that it is no fewer.
  EXPECT_EQ(in_clear, (std::vector<std::ptrdiff_t>{2, 2, 3, 4, 1}));
}

// The handshake failed before there was a mail.
TEST(resend, without_tls_after_an_opening_that_failed) {  // TLS-08
  counting_server server(2, [](const command& c) -> std::string {
    if (c.is("EHLO")) return "250-mx.test\r\n250 STARTTLS";
    return c.is("STARTTLS") ? "220 go,close" : "";
  });
  client_options options = named_options();
  options.session.tls = tls_mode::opportunistic;
  options.tls = [](const tls_target&) { return std::make_unique<script::memory_layer>(); };
  client c(options);
  ASSERT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.open());
  EXPECT_TRUE(c.can_send());
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
}

}  // namespace

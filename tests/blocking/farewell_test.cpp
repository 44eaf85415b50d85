// QUIT reaches a server whose session could not be opened: SESS-03, SESS-04, SESS-21, SESS-27.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fixture.hpp"
#include "sansmtp/blocking/send_mail.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "scripted_server.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

// How an opening fails: the server's replies one by one, and what the client demands.
struct failing_opening {
  const char* name;
  std::vector<std::string_view> replies;
  tls_mode tls = tls_mode::off;
  bool login = false;
};

void PrintTo(const failing_opening& how, std::ostream* out) { *out << how.name; }

const failing_opening all_openings[] = {
    {"greeting_4yz", {"450 4.3.2 busy\r\n"}},
    {"greeting_5yz", {"554 5.3.2 no smtp here\r\n"}},
    {"ehlo_4yz", {"220 mx.test\r\n", "450 later\r\n"}},
    {"ehlo_5yz", {"220 mx.test\r\n", "550 go away\r\n"}},
    {"helo_5yz", {"220 mx.test\r\n", "502 what\r\n", "550 go away\r\n"}},
    {"auth_refused",
     {"220 mx.test\r\n", "250-mx.test\r\n250 AUTH PLAIN\r\n", "535 5.7.8 no\r\n"},
     tls_mode::off,
     true},
    {"auth_not_offered", {"220 mx.test\r\n", "250 mx.test\r\n"}, tls_mode::off, true},
    {"tls_not_offered", {"220 mx.test\r\n", "250 mx.test\r\n"}, tls_mode::required},
    {"tls_refused",
     {"220 mx.test\r\n", "250-mx.test\r\n250 STARTTLS\r\n", "454 4.7.0 not now\r\n"},
     tls_mode::required},
};

client_options options_for(const failing_opening& how) {
  client_options options = named_options();
  options.session.tls = how.tls;
  options.session.allow_auth_cleartext = true;
  options.tls = [](const tls_target&) { return std::make_unique<script::memory_layer>(); };
  if (how.login) {
    options.credentials = [] {
      std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
      mechanisms.push_back(make_plain("joe", "secret"));
      return mechanisms;
    };
  }
  return options;
}

class opening : public ::testing::TestWithParam<failing_opening> {
 protected:
  // A server that plays the opening and answers QUIT if it is `polite`; what came behind its last
  // reply is in `rest_` once it is joined.
  scripted_server make_server(bool polite = true) {
    return scripted_server([this, polite](server_link& link) {
      std::string_view last;
      for (const std::string_view reply : GetParam().replies) {
        if (!last.empty()) link.hear();
        link.say(reply);
        last = reply;
      }
      rest_ = link.hear();
      if (polite) link.say("221 bye\r\n");
      rest_ += link.hear_all();
    });
  }

  std::string rest_;
};

TEST_P(opening, is_left_with_quit_by_open) {
  scripted_server server = make_server();
  client c(options_for(GetParam()));
  ASSERT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.open());
  EXPECT_FALSE(c.connected());
  EXPECT_TRUE(c.last_error()) << "and it says why";
  server.join();
  EXPECT_EQ(rest_, "QUIT\r\n");
}

TEST_P(opening, is_left_with_quit_by_a_mail) {
  scripted_server server = make_server();
  const delivery report = blocking::send_mail(server.address(), mail_to({"r@b.test"}),
                                              small_message(), options_for(GetParam()));
  EXPECT_EQ(report.count(outcome::not_attempted), 1U);
  EXPECT_TRUE(report.error);
  server.join();
  EXPECT_EQ(rest_, "QUIT\r\n");
}

TEST_P(opening, is_left_with_quit_by_a_transaction) {
  scripted_server server = make_server();
  client c(options_for(GetParam()));
  ASSERT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.transaction(path("s@a.test"), {recipient("r@b.test")}).error());
  server.join();
  EXPECT_EQ(rest_, "QUIT\r\n");
}

// The server neither answers QUIT nor closes: the QUIT timeout ends it.
TEST_P(opening, is_left_in_time) {
  client_options options = options_for(GetParam());
  options.session.timeouts.quit = std::chrono::milliseconds(50);
  scripted_server server = make_server(false);
  client c(options);
  ASSERT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.open());
  EXPECT_FALSE(c.connected());
  server.join();
  EXPECT_EQ(rest_, "QUIT\r\n");
}

INSTANTIATE_TEST_SUITE_P(farewell, opening, ::testing::ValuesIn(all_openings),
                         [](const auto& tested) { return std::string(tested.param.name); });

// What a mail is told that comes too late for such a session.
TEST(farewell, later_mails_know_what_ended_the_session) {
  scripted_server server([](server_link& link) {
    link.open("250 mx.test\r\n");
    link.hear();
    link.say("250 ok\r\n");
    link.hear();
    link.say("421 4.3.2 going down\r\n");
    link.hear_all();
  });
  client_options options = named_options();
  options.moves = 0;
  client c(options);
  ASSERT_FALSE(c.connect(server.address()));
  static_cast<void>(c.send(mail_to({"r1@b.test"}), small_message()));
  const delivery late = c.send(mail_to({"r2@b.test"}), small_message());
  ASSERT_EQ(late.recipients.size(), 1U);
  EXPECT_EQ(late.recipients[0].result, outcome::not_attempted);
  EXPECT_EQ(late.recipients[0].why, errc::service_closing);
  EXPECT_EQ(late.recipients[0].stage, verb::rcpt);
  EXPECT_EQ(late.recipients[0].code, 421);
  EXPECT_EQ(late.recipients[0].text, "4.3.2 going down");
  EXPECT_EQ(to_string(late.recipients[0].enhanced), "4.3.2");
}

// The sender is refused, and the server closes behind that while RCPT and DATA wait for their
// replies.
TEST(farewell, a_lost_link_does_not_hide_the_refusal_before_it) {
  scripted_server server([](server_link& link) {
    link.open();
    for (int i = 0; i != 3; ++i) link.hear();
    link.say("550 5.7.1 not you\r\n");
    ::shutdown(link.fd(), SHUT_WR);
    link.hear_all();
  });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  const delivery report = c.send(mail_to({"r@b.test"}), small_message());
  EXPECT_EQ(report.count(outcome::rejected), 1U);
  EXPECT_EQ(report.recipients.at(0).code, 550);
  EXPECT_EQ(report.error, errc::refused_permanently);
  EXPECT_EQ(c.last_error().error, errc::refused_permanently);
  EXPECT_EQ(c.last_error().code, 550);
  EXPECT_EQ(c.last_error().stage, verb::mail);
}

}  // namespace

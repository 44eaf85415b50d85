// How a program that is to end gets honest outcomes: `client_options::stop`.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "sansmtp/blocking/client.hpp"
#include "scripted_server.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;
using blocking::stop_request;

// A client that is asked to stop as soon as all of a mail's content is written.
struct stopped_client {
  explicit stopped_client(stop_request how, event::kind when = event::kind::content_sent) {
    blocking::client_options options = named_options();
    options.trace = [this, how, when](const event& e) {
      if (e.what == when) asked = how;
    };
    options.stop = [this] { return asked; };
    client = blocking::client(std::move(options));
  }

  stop_request asked = stop_request::no;
  blocking::client client;
};

TEST(stop, at_once_leaves_in_doubt_what_was_handed_over) {  // SEC-07, OUT-03
  std::string rest = "not heard";
  scripted_server server([&rest](server_link& link) {
    link.open();
    for (int i = 0; i != 3; ++i) link.hear();
    link.say("250 ok\r\n250 ok\r\n354 go\r\n");
    link.hear("\r\n.\r\n");
    rest = link.hear_all();  // the verdict never comes
  });
  stopped_client it(stop_request::at_once);
  ASSERT_FALSE(it.client.connect(server.address()));
  const delivery report = it.client.send(mail_to({"b@y.test"}), small_message());
  EXPECT_EQ(report.error, errc::aborted);
  ASSERT_EQ(report.recipients.size(), 1U);
  EXPECT_EQ(report.recipients[0].result, outcome::in_doubt);
  EXPECT_FALSE(it.client.connected());
}

TEST(stop, soon_decides_what_is_under_way_and_begins_nothing) {  // SEC-07, SESS-25
  std::string rest;
  scripted_server server([&rest](server_link& link) {
    link.open();
    link.take_mail();
    rest = link.hear();
    link.say("221 bye\r\n");
  });
  stopped_client it(stop_request::soon, event::kind::ready_for_data);
  ASSERT_FALSE(it.client.connect(server.address()));
  std::vector<outcome> outcomes;
  int given = 0;
  it.client.send_all(
      [&](envelope& env, message& content) {
        env = mail_to({"b@y.test"});
        content = small_message();
        return ++given <= 3;
      },
      [&](const delivery& report) { outcomes.push_back(report.recipients.at(0).result); });
  EXPECT_EQ(outcomes,
            (std::vector{outcome::delivered, outcome::not_attempted, outcome::not_attempted}));
  EXPECT_FALSE(it.client.connected());
  it.asked = stop_request::no;
  it.client.quit();
  EXPECT_EQ(rest, "QUIT\r\n");
}

TEST(stop, no_connection_is_begun) {
  scripted_server server([](server_link& link) { link.hear_all(); });
  stopped_client it(stop_request::soon);
  it.asked = stop_request::soon;
  EXPECT_EQ(it.client.connect(server.address()), errc::aborted);
  it.asked = stop_request::no;
  EXPECT_FALSE(it.client.connect(server.address()));
}

std::atomic<bool> signalled = false;

TEST(stop, a_signal_ends_a_wait) {  // SEC-07
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { signalled = true; };
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  const pthread_t sender = ::pthread_self();
  {
    scripted_server server([sender](server_link& link) {
      link.open();
      for (int i = 0; i != 3; ++i) link.hear();
      link.say("250 ok\r\n250 ok\r\n354 go\r\n");
      link.hear("\r\n.\r\n");
      ::pthread_kill(sender, SIGUSR1);
      link.hear_all();
    });
    blocking::client_options options = named_options();
    options.stop = [] { return signalled ? stop_request::at_once : stop_request::no; };
    blocking::client client(std::move(options));
    ASSERT_FALSE(client.connect(server.address()));
    const delivery report = client.send(mail_to({"b@y.test"}), small_message());
    ASSERT_EQ(report.recipients.size(), 1U);
    EXPECT_EQ(report.recipients[0].result, outcome::in_doubt);
  }
  ::sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace

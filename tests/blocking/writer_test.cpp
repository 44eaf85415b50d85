// Transaction level: each recipient's result, then content as a stream (TXN-23).
#include "sansmtp/blocking/writer.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fixture.hpp"
#include "scripted_server.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;
using blocking::writer;

std::string lines(std::size_t octets) {
  std::string text;
  while (text.size() < octets)
    text += "A line of some length, " + std::to_string(text.size()) + "\r\n";
  return text;
}

TEST(writer, tells_each_recipient_and_streams) {
  const std::string content = lines(100'000);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, std::size_t{16 * 1024},
                                  std::size_t{40'000}, content.size()}) {
    std::string taken;
    scripted_server server([&](server_link& link) {
      link.open();
      for (int i = 0; i != 5; ++i) link.hear();
      link.say("250 ok\r\n250 first\r\n550 5.1.1 no\r\n450 later\r\n354 go\r\n");
      taken = link.hear("\r\n.\r\n");
      link.say("250 taken\r\n");
      link.hear();
      link.say("250 ok\r\n");
    });
    client c(named_options());
    ASSERT_FALSE(c.connect(server.address()));
    writer w = c.transaction(
        path("s@a.test"), {recipient("r1@b.test"), recipient("r2@b.test"), recipient("r3@b.test")});
    ASSERT_TRUE(w.wants_content());
    ASSERT_EQ(w.recipients().size(), 3U);
    EXPECT_EQ(w.recipients()[0].address, "r1@b.test");
    EXPECT_EQ(w.recipients()[0].result, outcome::pending);
    EXPECT_EQ(w.recipients()[0].text, "first");
    EXPECT_EQ(w.recipients()[1].result, outcome::rejected);
    EXPECT_EQ(w.recipients()[1].code, 550);
    EXPECT_EQ(w.recipients()[1].why, errc::refused_permanently);
    EXPECT_EQ(w.recipients()[2].result, outcome::deferred);

    for (std::size_t at = 0; at < content.size(); at += piece) {
      // A copy that goes at once: nothing of it may be looked at later.
      const std::string now = content.substr(at, piece);
      ASSERT_FALSE(w.write(as_bytes(now)));
    }
    const delivery report = w.finish();
    ASSERT_EQ(report.recipients.size(), 3U);
    EXPECT_EQ(report.recipients[0].result, outcome::delivered);
    EXPECT_EQ(report.recipients[0].text, "taken");
    EXPECT_EQ(report.recipients[1].result, outcome::rejected);
    EXPECT_EQ(report.recipients[2].result, outcome::deferred);
    EXPECT_EQ(w.finish().recipients.size(), 3U) << "once more";
    EXPECT_TRUE(w.write(as_bytes("x"))) << "too late";
    EXPECT_FALSE(c.noop().error) << "the client goes on";
    server.join();
    EXPECT_EQ(taken, content + ".\r\n");
  }
}

TEST(writer, tells_why_no_content_is_wanted) {
  scripted_server server([](server_link& link) {
    link.open();
    for (int i = 0; i != 3; ++i) link.hear();
    link.say("250 ok\r\n550 5.1.1 no\r\n554 no valid recipients\r\n");
    link.hear();  // RSET
    link.say("250 ok\r\n");
    link.take_mail();
  });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
  EXPECT_FALSE(w.wants_content());
  EXPECT_EQ(w.error(), errc::refused_permanently);
  EXPECT_EQ(w.write(as_bytes("x")), errc::refused_permanently);
  EXPECT_EQ(w.recipients()[0].code, 550);
  EXPECT_EQ(w.finish().recipients.at(0).result, outcome::rejected);
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
}

// TXN-28
TEST(writer, shows_recipients_that_are_refused_locally) {
  scripted_server server([](server_link& link) {
    link.open();
    link.take_mail();
  });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  envelope env = mail_to({"r1@b.test", "no address"});
  env.skip_bad_recipients = true;
  writer w = c.transaction(env);
  ASSERT_TRUE(w.wants_content());
  EXPECT_EQ(w.recipients()[0].result, outcome::pending);
  EXPECT_EQ(w.recipients()[1].result, outcome::rejected);
  EXPECT_EQ(w.recipients()[1].why, errc::bad_address);
  w.write(as_bytes(small_content));
  const delivery report = w.finish();
  EXPECT_EQ(report.recipients.at(0).result, outcome::delivered);
  EXPECT_EQ(report.recipients.at(1).result, outcome::rejected);
}

// TXN-27
TEST(writer, returns_a_refusal_in_the_middle) {
  std::promise<void> refused;
  scripted_server server([&](server_link& link) {
    link.open();
    for (int i = 0; i != 3; ++i) link.hear();
    link.say("250 ok\r\n250 ok\r\n354 go\r\n");
    link.hear("\r\n");
    link.say("552 5.3.4 too big\r\n");
    refused.set_value();
    link.hear_all();
  });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
  ASSERT_TRUE(w.wants_content());
  const std::string piece = lines(20'000);
  EXPECT_FALSE(w.write(as_bytes(piece)));
  refused.get_future().wait();
  EXPECT_EQ(w.write(as_bytes(piece)), errc::refused_permanently);
  EXPECT_FALSE(w.wants_content());
  EXPECT_EQ(w.finish().recipients.at(0).code, 552);
  EXPECT_EQ(c.last_error().code, 552);
  EXPECT_FALSE(c.connected());
}

// TXN-20, DATA-14
TEST(writer, aborts_without_a_terminator) {
  for (const bool by_destructor : {false, true}) {
    std::string taken;
    scripted_server server([&](server_link& link) {
      link.open();
      for (int i = 0; i != 3; ++i) link.hear();
      link.say("250 ok\r\n250 ok\r\n354 go\r\n");
      taken = link.hear_all();
    });
    client c(named_options());
    ASSERT_FALSE(c.connect(server.address()));
    {
      writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
      w.write(as_bytes(lines(20'000)));
      if (!by_destructor) {
        const delivery report = w.abort();
        EXPECT_EQ(report.recipients.at(0).result, outcome::deferred);
        EXPECT_EQ(report.recipients.at(0).why, errc::aborted);
      }
    }
    EXPECT_FALSE(c.connected());
    server.join();
    EXPECT_GE(taken.size(), 20'000U);
    EXPECT_EQ(taken.find("\r\n.\r\n"), std::string::npos);
    EXPECT_EQ(taken.find("QUIT"), std::string::npos);
  }
}

TEST(writer, leaves_the_client_to_nobody_else_meanwhile) {
  scripted_server server([](server_link& link) {
    link.open();
    link.take_mail();
    link.take_mail();
  });
  client c(named_options());
  ASSERT_FALSE(c.connect(server.address()));
  writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
  ASSERT_TRUE(w.wants_content());
  EXPECT_EQ(c.send(mail_to({"r@b.test"}), small_message()).error, errc::bad_state);
  EXPECT_EQ(c.noop().error, errc::bad_state);
  EXPECT_EQ(c.quit(), errc::bad_state);
  EXPECT_EQ(c.open(), errc::bad_state);
  EXPECT_EQ(c.connect(server.address()), errc::bad_state);
  {
    writer second = c.transaction(path("s@a.test"), {recipient("r@b.test")});
    EXPECT_EQ(second.error(), errc::bad_state);
    EXPECT_FALSE(second.wants_content());
    EXPECT_EQ(second.finish().error, errc::bad_state);
  }
  ASSERT_TRUE(w.wants_content()) << "nothing of that has disturbed it";
  writer moved = std::move(w);
  EXPECT_FALSE(moved.write(as_bytes(small_content)));
  EXPECT_TRUE(moved.finish().delivered_to_all());

  writer next = c.transaction(path("s@a.test"), {recipient("r@b.test")});
  EXPECT_TRUE(next.wants_content());
  EXPECT_EQ(moved.finish().error, errc::bad_state) << "an old writer has no part in it";
  next.write(as_bytes(small_content));
  EXPECT_TRUE(next.finish().delivered_to_all());
}

}  // namespace

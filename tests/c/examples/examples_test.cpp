// The programs in C that people copy do what they say, against a real server.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "programs.hpp"
#include "sink.hpp"

namespace {

using sansmtp::cli::sink;
using sansmtp::test::output_of;

std::string poll_send(std::uint16_t port, const std::string& arguments) {
  const std::filesystem::path program = sansmtp::test::program("c/poll_send");
  return output_of(program.string() + " 127.0.0.1 " + std::to_string(port) + ' ' + arguments);
}

TEST(c_examples, poll_send) {
  sink::options wanted;
  wanted.messages = sink::keep::in_memory;
  wanted.refused_recipients = {{"no@b.test", "550 5.1.1 no such user"}};
  sink server(wanted);
  server.start();
  EXPECT_EQ(poll_send(server.port(), "s@a.test r@b.test").substr(0, 24),
            "r@b.test: delivered 250 ");
  EXPECT_EQ(poll_send(server.port(), "s@a.test no@b.test"),
            "no@b.test: rejected 550 5.1.1 no such user\nexit 1");
  EXPECT_EQ(poll_send(server.port(), "s@a.test bad").substr(0, 16), "bad: rejected 0 ");
  ASSERT_EQ(server.messages().size(), 1U);
  EXPECT_EQ(server.messages()[0].content, "Subject: Hello\r\n\r\nIt works.\r\n");
}

TEST(c_examples, poll_send_without_a_server) {
  EXPECT_EQ(poll_send(1, "s@a.test r@b.test"), "poll_send: no connection\nexit 1");
}

}  // namespace

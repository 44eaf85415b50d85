// The programs that people copy do what they say, against a real server.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "programs.hpp"
#include "sink.hpp"

namespace {

using sansmtp::cli::sink;
using sansmtp::test::output_of;
using sansmtp::test::program;

class examples : public ::testing::Test {
 protected:
  void SetUp() override { server_.start(); }

  [[nodiscard]] std::string run(const std::string& name, const std::string& arguments) const {
    return output_of(program(name).string() + ' ' + server_.address() + ' ' + arguments);
  }

  static sink::options options() {
    sink::options wanted;
    wanted.messages = sink::keep::in_memory;
    wanted.refused_recipients = {{"no@b.test", "550 5.1.1 no such user"}};
    return wanted;
  }

  sink server_{options()};
};

TEST_F(examples, send_one) {
  EXPECT_EQ(run("send_one", "s@a.test no@b.test").substr(0, 36),
            "no@b.test: rejected 550 5.1.1 no suc");
  const std::string both = run("send_one", "s@a.test r@b.test no@b.test");
  EXPECT_EQ(both.substr(0, 25), "r@b.test: delivered 250 2") << both;
  EXPECT_EQ(run("send_one", "s@a.test r@b.test").substr(0, 20), "r@b.test: delivered ");
  ASSERT_EQ(server_.messages().size(), 2U);
  EXPECT_EQ(server_.messages()[1].content, "Subject: Hello\r\n\r\nIt works.\r\n");
}

TEST_F(examples, tell_of_a_missing_server) {
  const std::string to = " unix:/no/such/socket s@a.test r@b.test";
  EXPECT_EQ(output_of(program("send_one").string() + to),
            "r@b.test: not_attempted 0 No such file or directory\nexit 1");
  for (const char* name : {"open_session", "stream_content"}) {
    EXPECT_EQ(output_of(program(name).string() + to),
              std::string(name) + ": unix:/no/such/socket: No such file or directory\nexit 1");
  }
}

TEST_F(examples, send_many) {
  EXPECT_EQ(run("send_many", "s@a.test r@b.test 100"), "100 of 100 delivered\nexit 0");
  EXPECT_EQ(server_.totals().messages, 100U);
  EXPECT_EQ(server_.totals().connections, 1U);
}

TEST_F(examples, open_session) {
  const std::string shown = run("open_session", "s@a.test r@b.test");
  EXPECT_NE(shown.find("offers PIPELINING\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("delivered\nexit 0"), std::string::npos) << shown;
  ASSERT_EQ(server_.messages().size(), 1U);
  EXPECT_EQ(server_.messages()[0].content, "Subject: Hi\r\n\r\nGr\xc3\xbc\xc3\x9f\x65!\r\n");
}

TEST_F(examples, stream_content) {
  const std::string shown =
      run("stream_content", "s@a.test no@b.test r@b.test < " SANSMTP_SOURCE_DIR
                            "/tests/blocking/examples/examples_test.cpp");
  EXPECT_EQ(shown, "no@b.test: refused\nr@b.test: accepted\ndelivered to 1\nexit 0");
  ASSERT_EQ(server_.messages().size(), 1U);
  EXPECT_EQ(server_.messages()[0].content.substr(0, 2), "//");
}

TEST_F(examples, event_loop) {
  const std::string arguments = "127.0.0.1 " + std::to_string(server_.port()) + " s@a.test ";
  EXPECT_EQ(output_of(program("event_loop").string() + ' ' + arguments + "r@b.test"),
            "delivered\nexit 0");
  EXPECT_EQ(output_of(program("event_loop").string() + ' ' + arguments + "no@b.test").substr(0, 9),
            "The serve");
  // What is refused before anything is written is told before the loop waits.
  EXPECT_EQ(output_of(program("event_loop").string() + ' ' + arguments + "not-an-address"),
            "The address is not a mailbox.\nexit 1");
  EXPECT_EQ(server_.totals().messages, 1U);
}

TEST_F(examples, own_tls) {
  const std::string shown = output_of(program("own_tls").string());
  EXPECT_NE(shown.find("clear STARTTLS\r\nTLS   EHLO me.example\r\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("TLS   MAIL FROM:<me@here.example>\r\n"), std::string::npos) << shown;
  EXPECT_TRUE(shown.ends_with("TLS   QUIT\r\ndelivered\nexit 0")) << shown;
}

// Through STARTTLS, with a login, at a server that proves to be localhost.
TEST_F(examples, submit) {
  if (!std::filesystem::exists(program("submit"))) GTEST_SKIP() << "built without wolfSSL";
  sink::options wanted = options();
  wanted.tls = sink::tls_use::starttls;
  wanted.user = "me";
  wanted.password = "secret";
  wanted.require_login = true;
  sink provider(wanted);
  provider.start();
  const std::filesystem::path authority =
      std::filesystem::path(::testing::TempDir()) / "examples_submit.pem";
  std::ofstream(authority) << provider.certificate();
  const auto submit = [&](const std::string& password, const std::string& trusted) {
    return output_of("echo 'Subject: Hi' | SUBMIT_PASSWORD=" + password + ' ' +
                     program("submit").string() + " localhost:" + std::to_string(provider.port()) +
                     " me s@a.test r@b.test " + trusted);
  };
  EXPECT_EQ(submit("secret", authority.string()),
            "TLSv1.3, server verified\nr@b.test: delivered 250 2.0.0 accepted\nexit 0");
  ASSERT_EQ(provider.messages().size(), 1U);
  EXPECT_EQ(provider.messages()[0].user, "me");
  EXPECT_TRUE(provider.messages()[0].tls);
  EXPECT_NE(submit("wrong", authority.string()).find("535"), std::string::npos);
  EXPECT_NE(submit("secret", "").find("self-signed"), std::string::npos);
  EXPECT_NE(submit("secret", "/no/such/file").find("cannot be read"), std::string::npos);
  EXPECT_EQ(provider.totals().messages, 1U);
}

}  // namespace

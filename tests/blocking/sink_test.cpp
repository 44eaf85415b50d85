// The server that other tests trust is tested with bare sockets, not with the engine.
#include "sink.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "failure.hpp"

namespace sink_test {
namespace {

using sansmtp::cli::sink;
using namespace std::chrono_literals;

// A client that says what it is told. Every wait is bounded, so a server that hangs fails the test.
class client {
 public:
  explicit client(const sink& server) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;  // Cut octets are to arrive cut.
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ADD_FAILURE() << "cannot connect";
    }
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client() { ::close(fd_); }

  // False if the server has closed.
  bool say(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t n = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (n < 0) return false;
      octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // Reads until `lines` whole reply lines have come, or the end, or nothing comes for five seconds.
  std::string hear(std::size_t lines) {
    std::string heard;
    while (lines > 0) {
      if (const std::size_t lf = unread_.find('\n', taken_); lf != std::string::npos) {
        heard.append(unread_, taken_, lf + 1 - taken_);
        taken_ = lf + 1;
        --lines;
        continue;
      }
      unread_.erase(0, taken_);
      taken_ = 0;
      pollfd ready{fd_, POLLIN, 0};
      if (::poll(&ready, 1, 60'000) != 1) return heard + unread_ + "(silence)";
      char octets[4096];
      const ssize_t n = ::recv(fd_, octets, sizeof octets, 0);
      if (n <= 0) return heard + unread_ + "(end)";
      unread_.append(octets, static_cast<std::size_t>(n));
    }
    return heard;
  }

  std::string ask(std::string_view octets, std::size_t lines = 1) {
    say(octets);
    return hear(lines);
  }

  // Says EHLO; the greeting is one line, the EHLO reply has one more than there are extensions.
  void open() {
    hear(1);
    EXPECT_TRUE(
        ask("EHLO client.test\r\n", 1 + sink::extensions().size()).ends_with("250 DSN\r\n"));
  }

  // Whether nothing comes for the given time, not even the end.
  bool silent_for(std::chrono::milliseconds time) {
    pollfd ready{fd_, POLLIN, 0};
    return taken_ == unread_.size() && ::poll(&ready, 1, static_cast<int>(time.count())) == 0;
  }

 private:
  int fd_ = -1;
  std::string unread_;
  std::size_t taken_ = 0;  // The beginning of `unread_` that has been heard.
};

// A sink that runs; by default it keeps messages in memory.
struct running_sink : sink {
  explicit running_sink(options wanted = in_memory()) : sink(std::move(wanted)) { start(); }

  static options in_memory() {
    options wanted;
    wanted.messages = keep::in_memory;
    return wanted;
  }
};

constexpr std::string_view envelope =
    "MAIL FROM:<s@a.test>\r\nRCPT TO:<r1@b.test>\r\nRCPT TO:<r2@b.test>\r\nDATA\r\n";
constexpr std::string_view envelope_replies =
    "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n250 2.1.5 recipient ok\r\n"
    "354 end with CRLF.CRLF\r\n";

TEST(sink, answers_ehlo_with_its_extensions) {
  running_sink server;
  client c(server);
  EXPECT_EQ(c.hear(1), "220 localhost ESMTP sansmtp sink\r\n");
  EXPECT_EQ(c.ask("EHLO client.test\r\n", 8),
            "250-localhost\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n"
            "250-SMTPUTF8\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n");
}

TEST(sink, hides_extensions_and_what_they_bring) {
  sink::options wanted;
  wanted.hidden = {"chunking", "ENHANCEDSTATUSCODES", "SIZE", "DSN", "SMTPUTF8", "8BITMIME"};
  running_sink server(wanted);
  client c(server);
  c.hear(1);
  EXPECT_EQ(c.ask("EHLO client.test\r\n", 2), "250-localhost\r\n250 PIPELINING\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test> SIZE=1\r\n"), "555 unknown parameter\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>\r\n"), "250 sender ok\r\n");
  EXPECT_EQ(c.ask("BDAT 0 LAST\r\n"), "500 unknown command\r\n");
}

TEST(sink, takes_pipelined_groups_and_two_mails) {
  running_sink server;
  client c(server);
  c.open();
  EXPECT_EQ(c.ask(envelope, 4), envelope_replies);
  const std::string next = "Hi\r\n\r\n..dot\r\n.\r\n" + std::string(envelope);
  EXPECT_EQ(c.ask(next, 5), "250 2.0.0 accepted\r\n" + std::string(envelope_replies));
  EXPECT_EQ(c.ask(".\r\nQUIT\r\n", 3), "250 2.0.0 accepted\r\n221 2.0.0 goodbye\r\n(end)");
  const std::vector<sink::message> mails = server.messages();
  ASSERT_EQ(mails.size(), 2U);
  EXPECT_EQ(mails[0].helo, "client.test");
  EXPECT_EQ(mails[0].sender.address, "s@a.test");
  ASSERT_EQ(mails[0].recipients.size(), 2U);
  EXPECT_EQ(mails[0].recipients[1].address, "r2@b.test");
  EXPECT_EQ(mails[0].content, "Hi\r\n\r\n.dot\r\n");
  EXPECT_FALSE(mails[0].chunked);
  EXPECT_EQ(mails[1].content, "");
  const sink::counters totals = server.totals();
  EXPECT_EQ(totals.connections, 1U);
  EXPECT_EQ(totals.messages, 2U);
  EXPECT_EQ(totals.recipients, 4U);
  EXPECT_EQ(totals.octets, 12U);
}

// Content, what must be kept of it, and the bare CR and LF in it.
struct transparency_case {
  std::string_view wire;
  std::string_view kept;
  std::uint64_t bare_cr;
  std::uint64_t bare_lf;
};

constexpr transparency_case transparency[] = {
    {".\r\n", "", 0, 0},
    {"\r\n.\r\n", "\r\n", 0, 0},
    {"a\r\n..\r\n.\r\n", "a\r\n.\r\n", 0, 0},
    {"..\r\n...\r\n.a\r\n.\r\n", ".\r\n..\r\na\r\n", 0, 0},
    {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", 0, 2},
    {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", 0, 1},
    {"a\r.\rb\r\n.\r\n", "a\r.\rb\r\n", 2, 0},
    {"a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", 1, 0},
    {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", 0, 1},
    {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", 1, 0},
    {"a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n", 1, 0},
    {"a\r\r\n.\r\n", "a\r\r\n", 1, 0},
    {"\n\r\r\n\n.\r\n\r\n.\r\n", "\n\r\r\n\n.\r\n\r\n", 1, 2},
};

TEST(sink, ends_content_at_crlf_dot_crlf_only_however_it_is_cut) {
  for (const transparency_case& t : transparency) {
    for (std::size_t cut = 0; cut <= t.wire.size(); ++cut) {
      SCOPED_TRACE(testing::PrintToString(std::string(t.wire)) + " cut at " + std::to_string(cut));
      running_sink server;
      client c(server);
      c.open();
      c.ask(envelope, 4);
      c.say(t.wire.substr(0, cut));
      // Long enough for the first part to be read alone, most of the time.
      if (cut != 0 && cut != t.wire.size()) c.silent_for(1ms);
      EXPECT_EQ(c.ask(t.wire.substr(cut)), "250 2.0.0 accepted\r\n");
      ASSERT_EQ(server.messages().size(), 1U);
      EXPECT_EQ(server.messages()[0].content, t.kept);
      EXPECT_EQ(server.totals().bare_cr, t.bare_cr);
      EXPECT_EQ(server.totals().bare_lf, t.bare_lf);
      EXPECT_EQ(server.totals().octets, t.kept.size());
    }
  }
}

TEST(sink, counts_without_keeping_as_it_counts_with) {
  for (const transparency_case& t : transparency) {
    running_sink server{sink::options{}};
    client c(server);
    c.open();
    c.ask(envelope, 4);
    EXPECT_EQ(c.ask(t.wire), "250 2.0.0 accepted\r\n");
    EXPECT_EQ(server.totals().octets, t.kept.size());
    EXPECT_TRUE(server.messages().empty());
  }
}

TEST(sink, understands_octet_by_octet) {
  running_sink server;
  client c(server);
  c.open();
  const auto dribble = [&](std::string_view octets) {
    for (const char octet : octets) {
      c.say(std::string_view(&octet, 1));
      std::this_thread::sleep_for(100us);
    }
  };
  dribble(envelope);
  EXPECT_EQ(c.hear(4), envelope_replies);
  dribble("a\r\n..b\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<x@b.test>\r\nBDAT 3\r\n");
  EXPECT_EQ(c.hear(3), "250 2.0.0 accepted\r\n250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n");
  dribble("a\nbBDAT 0 LAST\r\n");
  EXPECT_EQ(c.hear(2), "250 2.0.0 chunk received\r\n250 2.0.0 accepted\r\n");
  ASSERT_EQ(server.messages().size(), 2U);
  EXPECT_EQ(server.messages()[0].content, "a\r\n.b\r\n");
  EXPECT_EQ(server.messages()[1].content, "a\nb");
}

TEST(sink, takes_chunks_exactly) {
  running_sink server;
  client c(server);
  c.open();
  const std::string octets("x\0\r\n.\r\n\n..", 10);
  const std::string group = "MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\nBDAT 10\r\n" + octets +
                            "BDAT 2 LAST\r\nyzNOOP\r\n";
  EXPECT_EQ(c.ask(group, 5),
            "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n250 2.0.0 chunk received\r\n"
            "250 2.0.0 accepted\r\n250 2.0.0 ok\r\n");
  ASSERT_EQ(server.messages().size(), 1U);
  EXPECT_EQ(server.messages()[0].content, octets + "yz");
  EXPECT_TRUE(server.messages()[0].chunked);
  EXPECT_EQ(server.totals().bare_lf, 0U);
}

TEST(sink, skips_the_octets_of_a_chunk_it_refuses) {
  running_sink server;
  client c(server);
  c.open();
  const std::string refusal = "503 5.5.1 say MAIL and RCPT first, or RSET\r\n";
  c.say("BDAT 6 LAST\r\nQ");
  EXPECT_TRUE(c.silent_for(5ms));
  EXPECT_EQ(c.ask("UIT\r\nNOOP\r\n", 2), refusal + "250 2.0.0 ok\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>\r\nBDAT 2\r\nabRCPT TO:<r@b.test>\r\nBDAT 1 LAST\r\na", 4),
            "250 2.1.0 sender ok\r\n" + refusal + "503 5.5.1 say MAIL first\r\n" + refusal);
  EXPECT_EQ(c.ask("RSET\r\nMAIL FROM:<s@a.test>\r\n", 2),
            "250 2.0.0 reset\r\n250 2.1.0 sender ok\r\n");
  EXPECT_EQ(server.totals().messages, 0U);
}

TEST(sink, data_and_bdat_do_not_mix) {
  running_sink server;
  client c(server);
  c.open();
  c.ask("MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\nBDAT 1\r\na", 3);
  EXPECT_EQ(c.ask("DATA\r\n"), "503 5.5.1 say MAIL first\r\n");
  EXPECT_EQ(c.ask("RCPT TO:<r@b.test>\r\n"), "503 5.5.1 say MAIL first\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>\r\n"), "503 5.5.1 a mail is open already\r\n");
  EXPECT_EQ(c.ask("BDAT 1 LAST\r\nb"), "250 2.0.0 accepted\r\n");
  EXPECT_EQ(server.messages().at(0).content, "ab");
}

TEST(sink, refuses_what_comes_out_of_order) {
  running_sink server;
  client c(server);
  c.hear(1);
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>\r\n"), "503 5.5.1 say EHLO first\r\n");
  c.say("EHLO x\r\n");
  c.hear(8);
  EXPECT_EQ(c.ask("RCPT TO:<r@b.test>\r\n"), "503 5.5.1 say MAIL first\r\n");
  EXPECT_EQ(c.ask("DATA\r\n"), "503 5.5.1 say MAIL first\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<>\r\n"), "250 2.1.0 sender ok\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<>\r\n"), "503 5.5.1 a mail is open already\r\n");
  EXPECT_EQ(c.ask("DATA\r\n"), "503 5.5.1 no valid recipients\r\n");
  EXPECT_EQ(c.ask("RSET\r\n"), "250 2.0.0 reset\r\n");
  EXPECT_EQ(c.ask("RCPT TO:<r@b.test>\r\n"), "503 5.5.1 say MAIL first\r\n");
}

TEST(sink, refuses_lines_that_are_wrong) {
  running_sink server;
  client c(server);
  c.open();
  EXPECT_EQ(c.ask("WHAT\r\n"), "500 5.5.2 unknown command\r\n");
  EXPECT_EQ(c.ask("STARTTLS\r\n"), "500 5.5.2 unknown command\r\n");
  EXPECT_EQ(c.ask("NOOP\n"), "500 5.5.2 line does not end in CRLF\r\n");
  EXPECT_EQ(c.ask("NO\rOP\r\n"), "500 5.5.2 control character in command\r\n");
  EXPECT_EQ(c.ask("RSET now\r\n"), "501 5.5.4 no argument allowed\r\n");
  EXPECT_EQ(c.ask("QUIT \r\n"), "501 5.5.4 no argument allowed\r\n");
  EXPECT_EQ(c.ask("MAIL FROM: <s@a.test>\r\n"), "501 5.5.4 MAIL FROM:<address> expected\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test\r\n"), "501 5.5.4 MAIL FROM:<address> expected\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>SIZE=1\r\n"), "501 5.5.4 bad parameter\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>  SIZE=1\r\n"), "501 5.5.4 bad parameter\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test> SIZE=x\r\n"), "501 5.5.4 bad parameter\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test> SIZE=1 SIZE=1\r\n"), "501 5.5.4 bad parameter\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test> NOTIFY=NEVER\r\n"), "555 5.5.4 unknown parameter\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s\xc3\xa9@a.test>\r\n"), "553 5.6.7 this sender needs SMTPUTF8\r\n");
  EXPECT_EQ(c.ask("BDAT x\r\n"), "501 5.5.4 BDAT size [LAST] expected\r\n");
  EXPECT_EQ(c.ask("VRFY x\r\n"), "252 2.0.0 send mail and see\r\n");
  EXPECT_EQ(c.ask("HELP\r\n"), "214 2.0.0 see RFC 5321\r\n");
}

TEST(sink, drops_an_endless_line_and_goes_on) {
  running_sink server;
  client c(server);
  c.open();
  const std::string fits = "NOOP " + std::string(2048 - 7, 'x') + "\r\n";
  EXPECT_EQ(c.ask(fits), "250 2.0.0 ok\r\n");
  EXPECT_EQ(c.ask("x" + fits), "500 5.5.2 line too long\r\n");
  EXPECT_EQ(c.ask(std::string(1'000'000, 'x') + "\r\nNOOP\r\n", 2),
            "500 5.5.2 line too long\r\n250 2.0.0 ok\r\n");
}

TEST(sink, keeps_parameters_as_sent) {
  running_sink server;
  client c(server);
  c.open();
  c.ask(
      "MAIL FROM:<\"a >b\"@a.test> SIZE=12 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By\r\n"
      "RCPT TO:<\xc3\xa9@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b.test\r\nDATA\r\n.\r\n",
      4);
  ASSERT_EQ(server.messages().size(), 1U);
  const sink::message mail = server.messages()[0];
  EXPECT_EQ(mail.sender.address, "\"a >b\"@a.test");
  EXPECT_EQ(mail.sender.parameters,
            (std::vector<std::string>{"SIZE=12", "BODY=8BITMIME", "SMTPUTF8", "RET=HDRS",
                                      "ENVID=x+2By"}));
  EXPECT_EQ(mail.recipients.at(0).parameters,
            (std::vector<std::string>{"NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;a@b.test"}));
}

TEST(sink, holds_the_size_limit) {
  sink::options wanted = running_sink::in_memory();
  wanted.max_size = 10;
  running_sink server(wanted);
  client c(server);
  c.open();
  const std::string too_big = "552 5.3.4 message too big\r\n";
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test> SIZE=11\r\n"), too_big);
  c.ask(envelope, 4);
  EXPECT_EQ(c.ask("123456789\r\n.\r\n"), too_big);
  c.ask(envelope, 4);
  EXPECT_EQ(c.ask("..2345678\r\n.\r\n"),
            "250 2.0.0 accepted\r\n");  // 10 octets, one dot is stuffing
  c.ask("MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\n", 2);
  EXPECT_EQ(c.ask("BDAT 11\r\n12345678901"), too_big);
  EXPECT_EQ(c.ask("RSET\r\n"), "250 2.0.0 reset\r\n");
  c.ask("MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\n", 2);
  EXPECT_EQ(c.ask("BDAT 6\r\n123456BDAT 5 LAST\r\n12345", 2),
            "250 2.0.0 chunk received\r\n" + too_big);
  ASSERT_EQ(server.messages().size(), 1U);
  EXPECT_EQ(server.messages()[0].content, ".2345678\r\n");
}

TEST(sink, refuses_addresses_by_rule) {
  sink::options wanted = running_sink::in_memory();
  wanted.refused_recipients = {{"Bad@b.test", ""}, {"*@full.test", "452 4.2.2 full"}};
  wanted.refused_senders = {{"spam@a.test", ""}};
  wanted.max_recipients = 2;
  running_sink server(wanted);
  client c(server);
  c.open();
  EXPECT_EQ(c.ask("MAIL FROM:<spam@a.test>\r\n"), "550 5.7.1 sender refused\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\nRCPT TO:<bad@B.test>\r\n"
                  "RCPT TO:<x@full.test>\r\nRCPT TO:<q@b.test>\r\nRCPT TO:<z@b.test>\r\nDATA\r\n",
                  7),
            "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n550 5.1.1 no such user\r\n"
            "452 4.2.2 full\r\n250 2.1.5 recipient ok\r\n452 4.5.3 too many recipients\r\n"
            "354 end with CRLF.CRLF\r\n");
  c.ask(".\r\n");
  ASSERT_EQ(server.messages().size(), 1U);
  ASSERT_EQ(server.messages()[0].recipients.size(), 2U);
  EXPECT_EQ(server.messages()[0].recipients[1].address, "q@b.test");
}

TEST(sink, answers_as_fixed) {
  sink::options wanted = running_sink::in_memory();
  wanted.replies = {{sink::stage::ehlo, "502 no"},
                    {sink::stage::rcpt, "550-5.1.1 two\r\n550 5.1.1 lines"},
                    {sink::stage::data, "354 go"},
                    {sink::stage::content, "421 4.3.2 going"}};
  running_sink server(wanted);
  client c(server);
  c.hear(1);
  EXPECT_EQ(c.ask("EHLO client.test\r\n"), "502 no\r\n");
  EXPECT_EQ(c.ask("HELO client.test\r\n"), "250 localhost\r\n");
  EXPECT_EQ(c.ask("MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\nDATA\r\n", 4),
            "250 2.1.0 sender ok\r\n550-5.1.1 two\r\n550 5.1.1 lines\r\n354 go\r\n");
  EXPECT_EQ(c.ask(".\r\nNOOP\r\n", 2), "421 4.3.2 going\r\n(end)");
  EXPECT_EQ(server.totals().messages, 0U);
}

TEST(sink, gives_no_service_after_a_bad_greeting) {
  sink::options wanted;
  wanted.replies = {{sink::stage::greeting, "554 5.3.2 no"}};
  running_sink server(wanted);
  client c(server);
  EXPECT_EQ(c.hear(1), "554 5.3.2 no\r\n");
  EXPECT_EQ(c.ask("EHLO x\r\nQUIT\r\n", 3),
            "503 5.5.1 no service here\r\n221 2.0.0 goodbye\r\n(end)");
}

// What the client has heard before the end, where the sink closes after each stage.
TEST(sink, closes_after_a_stage) {
  struct closing_case {
    sink::stage at;
    std::string_view heard;
    std::uint64_t messages;
  };
  const std::string before = "220 localhost ESMTP sansmtp sink\r\n250 localhost\r\n";
  const std::string to_data = before + std::string(envelope_replies);
  const closing_case cases[] = {
      {sink::stage::connect, "(end)", 0},
      {sink::stage::greeting, "220 localhost ESMTP sansmtp sink\r\n(end)", 0},
      {sink::stage::helo, "220 localhost ESMTP sansmtp sink\r\n250 localhost\r\n(end)", 0},
      {sink::stage::mail, "250 2.1.0 sender ok\r\n(end)", 0},
      {sink::stage::rcpt, "250 2.1.5 recipient ok\r\n(end)", 0},
      {sink::stage::data, "354 end with CRLF.CRLF\r\n(end)", 0},
      {sink::stage::content_start, "354 end with CRLF.CRLF\r\n(end)", 0},
      {sink::stage::content, "354 end with CRLF.CRLF\r\n(end)", 1},
      {sink::stage::rset, "250 2.0.0 accepted\r\n250 2.0.0 reset\r\n(end)", 1},
      {sink::stage::quit, "250 2.0.0 reset\r\n(end)", 1},
  };
  for (const closing_case& t : cases) {
    SCOPED_TRACE(static_cast<int>(t.at));
    sink::options wanted;
    wanted.close_after = t.at;
    running_sink server(wanted);
    client c(server);
    std::string heard = c.hear(1);
    for (const auto& [step, lines] : {std::pair<std::string_view, std::size_t>{"HELO x\r\n", 1},
                                      {envelope, 4},
                                      {"a\r\n.\r\n", 1},
                                      {"RSET\r\n", 1},
                                      {"QUIT\r\n", 1}}) {
      if (heard.ends_with("(end)")) break;
      heard += c.ask(step, lines);
    }
    EXPECT_TRUE(heard.ends_with(t.heard)) << heard;
    server.stop();
    server.join();
    EXPECT_EQ(server.totals().messages, t.messages);
  }
}

TEST(sink, stalls_at_a_stage) {
  sink::options wanted;
  wanted.stall = sink::stage::content;
  running_sink server(wanted);
  client c(server);
  c.open();
  EXPECT_EQ(c.ask(envelope, 4), envelope_replies);
  c.say("a\r\n.\r\nNOOP\r\n");
  EXPECT_TRUE(c.silent_for(50ms));
}

TEST(sink, holds_replies_back) {
  sink::options wanted;
  wanted.delay = 60ms;
  running_sink server(wanted);
  const auto start = std::chrono::steady_clock::now();
  client c(server);
  c.hear(1);
  EXPECT_EQ(c.ask("NOOP\r\nNOOP\r\nQUIT\r\n", 4),
            "250 2.0.0 ok\r\n250 2.0.0 ok\r\n221 2.0.0 goodbye\r\n(end)");
  const auto time = std::chrono::steady_clock::now() - start;
  // Two round trips, the group being one, however many replies it has.
  EXPECT_GE(time, 120ms);
}

TEST(sink, ends_after_the_messages_wanted_but_lets_a_client_quit) {
  sink::options wanted;
  wanted.max_messages = 1;
  sink server(wanted);
  std::thread loop([&] { server.run(); });
  client c(server);
  c.open();
  c.ask(envelope, 4);
  EXPECT_EQ(c.ask(".\r\n"), "250 2.0.0 accepted\r\n");
  EXPECT_EQ(c.ask("QUIT\r\n", 2), "221 2.0.0 goodbye\r\n(end)");
  loop.join();
  EXPECT_EQ(server.totals().messages, 1U);
}

TEST(sink, does_not_grow_for_a_client_that_never_reads) {
  running_sink server;
  client c(server);
  c.open();
  std::thread writer([&] {
    std::string group;
    for (int i = 0; i < 100'000; ++i) group += "VRFY x\r\n";
    c.say(group);
  });
  std::this_thread::sleep_for(20ms);
  // Another client is served meanwhile, and no reply is lost.
  client other(server);
  other.open();
  std::size_t heard = 0;
  while (heard < 100'000 && c.hear(1) == "252 2.0.0 send mail and see\r\n") ++heard;
  writer.join();
  EXPECT_EQ(heard, 100'000U);
}

TEST(sink, serves_many_connections_at_once) {
  running_sink server{sink::options{}};
  std::vector<std::unique_ptr<client>> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(std::make_unique<client>(server));
  for (const auto& c : clients) c->open();
  for (const auto& c : clients) c->say(envelope);
  for (const auto& c : clients) EXPECT_EQ(c->hear(4), envelope_replies);
  for (const auto& c : clients) EXPECT_EQ(c->ask(".\r\n"), "250 2.0.0 accepted\r\n");
  EXPECT_EQ(server.totals().connections, 300U);
  EXPECT_EQ(server.totals().messages, 300U);
}

TEST(sink, stores_content_and_envelope) {
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / ("sink_test_" + std::to_string(::getpid()));
  const auto slurp = [&](const std::string& name) {
    std::ifstream file(directory / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  sink::options wanted;
  wanted.messages = sink::keep::in_store;
  wanted.store = directory;
  // The second run goes on where the first one ended.
  for (int run = 0; run < 2; ++run) {
    running_sink server(wanted);
    client c(server);
    c.open();
    c.ask("MAIL FROM:<s@a.test> BODY=7BIT\r\nRCPT TO:<r@b.test>\r\nBDAT 3 LAST\r\na\nb", 3);
  }
  EXPECT_EQ(slurp("000001.eml"), "a\nb");
  EXPECT_EQ(slurp("000002.eml"), "a\nb");
  const std::string envelope_file = slurp("000002.json");
  for (const std::string_view part :
       {"\"helo\": \"client.test\"", "\"address\": \"s@a.test\"", "\"BODY=7BIT\"",
        "\"address\": \"r@b.test\"", "\"size\": 3", "\"via\": \"BDAT\""}) {
    EXPECT_NE(envelope_file.find(part), std::string::npos) << part << " in " << envelope_file;
  }
  std::filesystem::remove_all(directory);
}

TEST(sink, says_why_it_cannot_listen) {
  const running_sink server;
  const auto code_of = [](const std::string& where) {
    try {
      sink::options wanted;
      wanted.listen = where;
      sink unused(wanted);
    } catch (const sansmtp::cli::failure& failure) {
      return failure.code();
    }
    return sansmtp::cli::exit_code::ok;
  };
  EXPECT_EQ(code_of(server.address()), sansmtp::cli::exit_code::unavailable);
  EXPECT_EQ(code_of("127.0.0.1"), sansmtp::cli::exit_code::usage);
  EXPECT_EQ(code_of("127.0.0.1:65536"), sansmtp::cli::exit_code::usage);
  EXPECT_EQ(code_of("::1:25"), sansmtp::cli::exit_code::usage);
  EXPECT_EQ(code_of("unix:"), sansmtp::cli::exit_code::usage);
  EXPECT_EQ(code_of("127.0.0.1:0"), sansmtp::cli::exit_code::ok);
}

TEST(sink, listens_on_a_unix_socket_and_takes_over_a_stale_one_only) {
  const std::string path = testing::TempDir() + "sink_test_" + std::to_string(::getpid()) + ".sock";
  sink::options wanted;
  wanted.listen = "unix:" + path;
  {
    const running_sink server(wanted);
    EXPECT_EQ(server.address(), "unix:" + path);
    EXPECT_EQ(server.port(), 0);
    EXPECT_THROW(sink another(wanted), sansmtp::cli::failure);
  }
  EXPECT_FALSE(std::filesystem::exists(path));

  // What a killed sink leaves behind.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(stale);
  { EXPECT_NO_THROW(sink takes_over(wanted)); }

  std::ofstream(path) << "precious";
  EXPECT_THROW(sink overwrites(wanted), sansmtp::cli::failure);
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace sink_test

// The programs with Asio that people copy do what they say, against a real server.
#include <gtest/gtest.h>
#include <sys/types.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "programs.hpp"
#include "sink.hpp"

namespace sansmtp::test {
namespace {

namespace fs = std::filesystem;
using cli::sink;

class asio_examples : public testing::Test {
 protected:
  static sink::options options() {
    sink::options wanted;
    wanted.messages = sink::keep::in_memory;
    wanted.refused_recipients = {{"no@b.test", "550 5.1.1 no such user"}};
    return wanted;
  }

  static std::string run(const std::string& name, const sink& server,
                         const std::string& arguments) {
    return output_of(program(name).string() + " 127.0.0.1 " + std::to_string(server.port()) + ' ' +
                     arguments);
  }

  /// A directory with numbered messages.
  static fs::path messages(int count) {
    const fs::path folder =
        fs::path(testing::TempDir()) / ("asio_examples." + std::to_string(::getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
    for (int i = 0; i != count; ++i) {
      std::ofstream(folder / (std::to_string(i) + ".eml"))
          << "Subject: " << i << "\r\n\r\nHello!\r\n";
    }
    return folder;
  }

  /// How often each message was accepted.
  static std::map<std::string, int> accepted(const sink& server) {
    std::map<std::string, int> times;
    for (const sink::message& m : server.messages()) ++times[m.content];
    return times;
  }
};

TEST_F(asio_examples, send_one) {
  sink server(options());
  server.start();
  EXPECT_EQ(run("async_send_one", server, "s@a.test r@b.test"),
            "r@b.test: delivered 250 2.0.0 accepted\nexit 0");
  EXPECT_EQ(run("async_send_one", server, "s@a.test no@b.test"),
            "no@b.test: rejected 550 5.1.1 no such user\nexit 1");
  EXPECT_EQ(output_of(program("async_send_one").string() + " 127.0.0.1 1 s@a.test r@b.test"),
            "r@b.test: not_attempted 0 Connection refused\nexit 1");
}

TEST_F(asio_examples, bulk_sends_each_message_once) {
  sink server(options());
  server.start();
  const fs::path folder = messages(50);
  const std::string shown = run("async_bulk", server, "s@a.test r@b.test " + folder.string());
  EXPECT_NE(shown.find("50/50 "), std::string::npos) << shown;
  EXPECT_TRUE(shown.ends_with("delivered: 50\nexit 0")) << shown;
  EXPECT_EQ(run("async_bulk", server, "s@a.test r@b.test " + folder.string()),
            "delivered before: 50\nexit 0");
  EXPECT_EQ(server.messages().size(), 50U);
  EXPECT_EQ(server.totals().connections, 4U);
  fs::remove_all(folder);
}

TEST_F(asio_examples, bulk_knows_a_file_by_its_name_whatever_that_is) {
  sink server(options());
  server.start();
  const fs::path folder = messages(0);
  for (const char* name : {"a\nb.eml", "delivered a\n", " c", "d\\n.eml", "d\n.eml", "e.eml"}) {
    std::ofstream(folder / name) << "Subject: x\r\n\r\nHello!\r\n";
  }
  const std::string arguments = "s@a.test r@b.test " + folder.string();
  run("async_bulk", server, arguments);
  EXPECT_EQ(run("async_bulk", server, arguments), "delivered before: 6\nexit 0");
  EXPECT_EQ(server.messages().size(), 6U);
  fs::remove_all(folder);
}

// A disk that was full has cut the last line: it says nothing, and takes no line with it.
TEST_F(asio_examples, bulk_forgets_a_torn_line_of_its_journal) {
  sink server(options());
  server.start();
  const fs::path folder = messages(2);
  std::ofstream(folder / "sent.log") << "begun 0.eml\nbegun 1.eml\ndelivered 0.eml\nrejected 1";
  std::ofstream(folder / "1") << "Subject: one\r\n\r\nHello!\r\n";
  const std::string arguments = "s@a.test r@b.test " + folder.string();
  EXPECT_TRUE(
      run("async_bulk", server, arguments)
          .ends_with("delivered: 1\ndelivered before: 1\nin doubt since before: 1\nexit 0"));
  EXPECT_EQ(run("async_bulk", server, arguments),
            "delivered before: 2\nin doubt since before: 1\nexit 0");
  fs::remove_all(folder);
}

// An interrupted run, and one that is killed, and then one that is left alone.
TEST_F(asio_examples, bulk_never_sends_a_delivered_message_again) {
  sink::options slow = options();
  slow.delay = std::chrono::milliseconds(50);  // so that there is time to look before all is sent
  sink server(slow);
  server.start();
  const fs::path folder = messages(120);
  const std::string bulk = program("async_bulk").string() + " 127.0.0.1 " +
                           std::to_string(server.port()) + " s@a.test r@b.test " + folder.string();
  // Runs it until it has delivered some more, then sends it a signal.
  const auto run_until_delivered = [&](int count, const std::string& signal) {
    return output_of(bulk + " & until [ $(grep -cs delivered " + (folder / "sent.log").string() +
                     ") -ge " + std::to_string(count) + " ]; do sleep 0.02; done; kill -" + signal +
                     " $!; wait $!");
  };
  const std::string interrupted = run_until_delivered(10, "TERM");
  EXPECT_NE(interrupted.find("interrupted\nexit 1"), std::string::npos) << interrupted;
  run_until_delivered(30, "KILL");
  const std::string last = output_of(bulk);
  EXPECT_NE(last.find("delivered before: "), std::string::npos) << last;

  const std::map<std::string, int> times = accepted(server);
  for (const auto& [content, n] : times) EXPECT_EQ(n, 1) << content;
  // Only what was under way when the run was killed or interrupted may be missing: four at most,
  // each time.
  EXPECT_GE(times.size(), 112U);
  fs::remove_all(folder);
}

/// The server of the examples, with some descriptors at most.
class example_server {
 public:
  example_server(std::uint16_t mail_port, const std::string& limit)
      : pipe_(::popen((limit + "echo $$; exec " + program("async_server").string() +
                       " 0 127.0.0.1 " + std::to_string(mail_port) + " s@a.test r@b.test")
                          .c_str(),
                      "r")) {
    EXPECT_EQ(std::fscanf(pipe_, "%d listening on 127.0.0.1:%u", &pid_, &port_), 2);
  }
  example_server(const example_server&) = delete;
  example_server& operator=(const example_server&) = delete;
  ~example_server() {
    ::kill(pid_, SIGTERM);
    ::pclose(pipe_);
  }
  [[nodiscard]] asio::ip::tcp::endpoint where() const {
    return {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port_)};
  }

 private:
  FILE* pipe_;
  pid_t pid_ = 0;
  unsigned port_ = 0;
};

/// What it answers to a line.
std::string answer_to(const std::string& line, asio::ip::tcp::socket& by) {
  asio::write(by, asio::buffer(line));
  std::string answer;
  asio::read_until(by, asio::dynamic_buffer(answer), '\n');
  return answer;
}

TEST_F(asio_examples, server_mails_from_its_own_loop) {
  sink mail(options());
  mail.start();
  const example_server server(mail.port(), "");
  asio::io_context io;
  asio::ip::tcp::socket idle(io);
  asio::ip::tcp::socket busy(io);
  idle.connect(server.where());
  busy.connect(server.where());
  EXPECT_EQ(answer_to("first\n", busy), "mailed\n");
  EXPECT_EQ(answer_to("second\n", busy), "mailed\n");
  ASSERT_EQ(mail.messages().size(), 2U);
  EXPECT_EQ(mail.messages()[1].content, "Subject: A notice\r\n\r\nsecond\r\n");
  EXPECT_EQ(mail.totals().connections, 1U);
}

TEST_F(asio_examples, server_outlives_a_want_of_descriptors) {
  sink mail(options());
  mail.start();
  const example_server server(mail.port(), "ulimit -n 20; exec 2> /dev/null; ");
  asio::io_context io;
  std::vector<asio::ip::tcp::socket> clients;
  for (int i = 0; i != 40; ++i) clients.emplace_back(io).connect(server.where());
  // Whether a descriptor is left for the mail itself is chance, but there is an answer.
  const std::string first = answer_to("first\n", clients.front());
  EXPECT_TRUE(first == "mailed\n" || first.starts_with("failed: ")) << first;
  clients.erase(clients.begin() + 1, clients.end() - 1);
  // Those that go are closed one after the other.
  std::string last;
  for (int tries = 0; tries != 100 && last != "mailed\n"; ++tries) {
    last = answer_to("last\n", clients.back());
  }
  EXPECT_EQ(last, "mailed\n");
}

}  // namespace
}  // namespace sansmtp::test

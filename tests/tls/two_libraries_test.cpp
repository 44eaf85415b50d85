// Both TLS libraries at work in one process, by turns and at once (transports/README.md says what
// could go wrong: wolfSSL exports names of libssl).
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "memory_link.hpp"

namespace sansmtp::test {
namespace {

/// Says something and hears something through a new link; returns what is known of it.
tls_info talk(const sansmtp::tls_context& client, const memory_server_context& server) {
  link l(client, server);
  EXPECT_EQ(l.shake(), tls_layer::progress::established) << l.layer->error().message();
  l.peer.say("220 x\r\n");
  EXPECT_EQ(l.hear(l.peer.drain()), "220 x\r\n");
  EXPECT_TRUE(l.layer->write(as_bytes("EHLO x\r\n")));
  l.peer.feed(as_bytes(l.drain()));
  EXPECT_EQ(l.peer.heard, "EHLO x\r\n");
  return l.layer->info();
}

class two_libraries : public testing::Test {
 protected:
  void SetUp() override {
    if (libraries().size() < 2) GTEST_SKIP() << "only one library is built";
    for (const tls_library& l : libraries()) clients.push_back(l.make_context(trusting()));
  }
  std::vector<sansmtp::tls_context> clients;
  const memory_server_context server;
};

TEST_F(two_libraries, work_by_turns_and_resume_their_own_sessions) {
  for (const bool resumed : {false, true, true}) {
    for (const sansmtp::tls_context& client : clients) {
      const tls_info info = talk(client, server);
      EXPECT_TRUE(info.verified);
      EXPECT_EQ(info.resumed, resumed);
      EXPECT_TRUE(info.binding);
    }
  }
}

TEST_F(two_libraries, fail_each_with_its_own_reason) {
  server_options shown;
  shown.certificate = "untrusted";
  const memory_server_context liar(shown);
  for (const tls_library& l : libraries()) {
    link bad(l.make_context(trusting()), liar);
    EXPECT_EQ(bad.shake(), tls_layer::progress::failed);
    EXPECT_EQ(bad.layer->error(), tls_errc::untrusted_certificate);
    link broken(l.make_context(trusting()), server);
    ASSERT_EQ(broken.shake(), tls_layer::progress::established);
    broken.hear(std::string("\x17\x03\x03\x00\x1c", 5) + "this was encrypted by nobody");
    EXPECT_EQ(broken.last, tls_layer::reading::failed);
    EXPECT_EQ(broken.layer->error().category(), l.category());
    for (const sansmtp::tls_context& client : clients) EXPECT_TRUE(talk(client, server).verified);
  }
}

TEST_F(two_libraries, work_at_once) {
  std::vector<int> done(2 * clients.size());
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t != done.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i != 8; ++i) done[t] += talk(clients[t / 2], server).verified ? 1 : 0;
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(done, std::vector<int>(done.size(), 8));
}

}  // namespace
}  // namespace sansmtp::test

// What a peer can make a layer do by itself, and how much of it is kept (TLS-14).
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "memory_link.hpp"
#include "sansmtp/channel.hpp"

namespace sansmtp::test {
namespace {

using namespace std::chrono_literals;

std::size_t heap() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

/// A session over TLS 1.3 that awaits its greeting, and a server of which `ask` makes use.
struct flooded {
  flooded() : client(trusting()), peer(server) {
    session_config config;
    config.local_name = "client.test";
    config.tls = tls_mode::implicit;
    c = channel(config, client.make_layer(target));
    c.connected(now);
    for (int i = 0; i < 4; ++i) write();
  }
  /// What is to be written arrives, and what the server has to say to that.
  void write() {
    for (auto out = c.output(now); !out.empty(); out = c.output(now)) {
      peer.feed(out[0]);
      c.sent(now, out[0].size());
    }
    hear();
  }
  void hear() {
    const std::string back = peer.drain();
    if (!back.empty()) c.receive(now, as_bytes(back));
  }
  /// The most that is held while the server asks so often, or until the link has failed.
  std::size_t most_held(int times, bool reads, const std::function<void(memory_server&)>& ask) {
    std::size_t most = 0;
    const std::size_t before = heap();
    for (int i = 0; i < times && !c.closed(); ++i) {
      ask(peer);
      hear();
      if (reads) write();
      const std::size_t after = heap();
      most = std::max(most, after > before ? after - before : 0);
    }
    return most;
  }

  const time_point now{1h};
  const tls_context client;
  const memory_server_context server;
  memory_server peer;
  channel c;
};

void ask_for_new_keys(memory_server& peer) { peer.ask_for_new_keys(); }

TEST(tls_flood, of_key_updates_from_a_peer_that_reads_nothing) {
  flooded f;
  ASSERT_TRUE(f.peer.done());
  ASSERT_TRUE(f.c.engine().tls_active());
  EXPECT_LT(f.most_held(100'000, false, ask_for_new_keys), std::size_t{512} << 10);
  EXPECT_TRUE(f.c.closed());
  EXPECT_TRUE(f.c.output(f.now).empty());
  std::error_code why;
  while (const event* e = f.c.next_event()) {
    if (e->what == event::kind::closed) why = e->error;
  }
  EXPECT_EQ(why, errc::tls_flood);
}

TEST(tls_flood, of_key_updates_from_a_peer_that_reads_is_answered) {
  flooded f;
  ASSERT_TRUE(f.peer.done());
  EXPECT_LT(f.most_held(500, true, ask_for_new_keys), std::size_t{512} << 10);
  EXPECT_FALSE(f.c.closed());
}

TEST(tls_flood, of_tickets_is_not_kept) {
  flooded f;
  ASSERT_TRUE(f.peer.done());
  EXPECT_LT(f.most_held(2'000, false, [](memory_server& peer) { peer.give_a_ticket(); }),
            std::size_t{512} << 10);
  EXPECT_FALSE(f.c.closed());
}

}  // namespace
}  // namespace sansmtp::test

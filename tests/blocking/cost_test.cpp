// What a mail costs: system calls and allocations, counted exactly, from within this executable.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "counted_allocations.hpp"
#include "fixture.hpp"
#include "scripted_server.hpp"
#include "sink.hpp"

namespace {

// Of this thread alone: the servers have threads of their own.
thread_local int system_calls = 0;
thread_local int last_socket = -1;  // that was written to
thread_local int quick_acknowledgements = 0;

template <typename Function>
Function* libc(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// These stand before the C library's, so that the transport calls them.
extern "C" {

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const next = libc<ssize_t(int, const msghdr*, int)>("sendmsg");
  ++system_calls;
  last_socket = fd;
  return next(fd, message, flags);
}

ssize_t send(int fd, const void* octets, size_t size, int flags) {
  static auto* const next = libc<ssize_t(int, const void*, size_t, int)>("send");
  ++system_calls;
  last_socket = fd;
  return next(fd, octets, size, flags);
}

ssize_t recv(int fd, void* octets, size_t size, int flags) {
  static auto* const next = libc<ssize_t(int, void*, size_t, int)>("recv");
  ++system_calls;
  return next(fd, octets, size, flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static auto* const next = libc<ssize_t(int, msghdr*, int)>("recvmsg");
  ++system_calls;
  return next(fd, message, flags);
}

int poll(pollfd* entries, nfds_t count, int timeout) {
  static auto* const next = libc<int(pollfd*, nfds_t, int)>("poll");
  ++system_calls;
  return next(entries, count, timeout);
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  static auto* const next = libc<int(int, int, int, const void*, socklen_t)>("setsockopt");
  ++system_calls;
  if (level == IPPROTO_TCP && name == TCP_QUICKACK) ++quick_acknowledgements;
  return next(fd, level, name, value, size);
}

}  // extern "C"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

const std::string& kilobyte() {
  static const std::string text = [] {
    std::string t = "Subject: one KiB\r\n\r\n";
    while (t.size() < 1024 - 66) t += std::string(64, 'x') + "\r\n";
    return t + std::string(1022 - t.size(), 'y') + "\r\n";
  }();
  return text;
}

struct cost {
  int calls = 0;
  int allocated = 0;
};

// A session with a real server that answers each group at once.
class session_with_sink {
 public:
  explicit session_with_sink(pipelining_level level) : server_({}) {
    server_.start();
    client_options options = named_options();
    options.session.pipelining = level;
    options.mails_per_connection = 0;  // what counts is a session
    client_.emplace(options);
    EXPECT_FALSE(client_->connect(server_.address()));
    EXPECT_FALSE(client_->open());
  }

  // One mail after the other.
  cost send(int mails) {
    const cost before{system_calls, allocations};
    for (int i = 0; i != mails; ++i) {
      client_->send(env_, message::borrow(as_bytes(kilobyte())), report_);
      EXPECT_TRUE(report_.delivered_to_all());
    }
    return {system_calls - before.calls, allocations - before.allocated};
  }

  // All in one go.
  cost send_all(int mails) {
    int delivered = 0;
    const cost before{system_calls, allocations};
    client_->send_all(
        [&, left = mails](envelope& env, message& content) mutable {
          if (left-- == 0) return false;
          env = env_;
          content = message::borrow(as_bytes(kilobyte()));
          return true;
        },
        [&](const delivery& report) { delivered += report.delivered_to_all() ? 1 : 0; });
    const cost result{system_calls - before.calls, allocations - before.allocated};
    EXPECT_EQ(delivered, mails);
    return result;
  }

 private:
  cli::sink server_;
  std::optional<client> client_;
  envelope env_ = mail_to({"r@b.test"});
  delivery report_;
};

TEST(cost, system_calls_of_a_mail) {
  const int acknowledged = quick_acknowledgements;
  ASSERT_EQ(kilobyte().size(), 1024U);
  constexpr int mails = 100;
  session_with_sink off(pipelining_level::off);
  off.send(2);
  EXPECT_EQ(off.send(mails).calls, 8 * mails);
  session_with_sink within(pipelining_level::envelope);
  within.send(2);
  EXPECT_EQ(within.send(mails).calls, 4 * mails);
  EXPECT_EQ(within.send_all(mails).calls, 4 * mails);
  session_with_sink across(pipelining_level::messages);
  across.send(2);
  // The first envelope goes alone, and nothing rides with the last content.
  EXPECT_EQ(across.send_all(mails).calls, 2 * mails + 2);
  EXPECT_EQ(across.send_all(2 * mails).calls, 4 * mails + 2);
  EXPECT_EQ(quick_acknowledgements, acknowledged) << "where nothing stalls";
}

TEST(cost, allocations_of_a_mail) {
  for (const auto level :
       {pipelining_level::off, pipelining_level::envelope, pipelining_level::messages}) {
    session_with_sink session(level);
    session.send(1);
    EXPECT_EQ(session.send(1).allocated, 0) << "the second mail";
    EXPECT_EQ(session.send(100).allocated, 0);
    session.send_all(4);
    EXPECT_EQ(session.send_all(100).allocated, session.send_all(10).allocated);
  }
}

// No small write waits for the acknowledgement of the one before (40 ms each): the kernel is told
// so.
TEST(cost, no_stall) {
  session_with_sink session(pipelining_level::off);
  session.send(1);
  int at_once = 0;
  socklen_t size = sizeof at_once;
  ASSERT_EQ(::getsockopt(last_socket, IPPROTO_TCP, TCP_NODELAY, &at_once, &size), 0);
  EXPECT_NE(at_once, 0);
}

// A server that writes replies one by one, with Nagle's algorithm on, holds back the second until
// the first is acknowledged, which the kernel puts off. The client learns that by the first such
// stall of a session, and acknowledges from then on, but only what has more behind it.
TEST(cost, quick_acknowledgement_after_a_stall_and_not_before) {
  constexpr int mails = 4;
  std::array<std::promise<void>, mails> half_read;
  scripted_server server([&](server_link& link) {
    link.open();
    for (std::promise<void>& half : half_read) {
      for (int i = 0; i != 3; ++i) link.hear();
      link.say("250 ok\r\n");
      half.get_future().wait();
      // As long as a delayed acknowledgement takes.
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      link.say("250 ok\r\n354 go\r\n");
      link.hear("\r\n.\r\n");
      link.say("250 taken\r\n");
    }
  });
  client_options options = named_options();
  auto half = half_read.begin();
  options.trace = [&](const event& e) {
    if (e.what == event::kind::reply_parsed && e.answers == verb::mail) (half++)->set_value();
  };
  client c(options);
  ASSERT_FALSE(c.connect(server.address()));
  ASSERT_FALSE(c.open());
  for (int i = 0; i != mails; ++i) {
    const int before = quick_acknowledgements;
    EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
    EXPECT_EQ(quick_acknowledgements - before, i == 0 ? 0 : 1) << i;
  }
}

}  // namespace

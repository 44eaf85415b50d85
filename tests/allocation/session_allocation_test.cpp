// Counts what the engine asks of the heap. The whole executable has these operators, so the
// counters are read around calls of the engine only.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "mail_loop.hpp"
#include "session_driver.hpp"

namespace {

std::size_t allocations = 0;
std::size_t held = 0;  // octets
std::size_t peak = 0;

// The size stands in front of each block.
constexpr std::size_t head = alignof(std::max_align_t);

void* allocate(std::size_t size) noexcept {
  char* const block = static_cast<char*>(std::malloc(head + size));
  if (block == nullptr) std::abort();
  ++allocations;
  held += size;
  peak = std::max(peak, held);
  new (block) std::size_t(size);
  return block + head;
}

void release(void* p) noexcept {
  if (p == nullptr) return;
  char* const block = static_cast<char*>(p) - head;
  held -= *std::launder(reinterpret_cast<std::size_t*>(block));
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { release(p); }

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

constexpr pipelining_level levels[] = {pipelining_level::off, pipelining_level::envelope,
                                       pipelining_level::messages};

TEST(session_allocation, counts) {
  const std::size_t before = allocations;
  const std::size_t octets = held;
  auto* const p = new std::string(100, 'x');
  EXPECT_EQ(allocations - before, 2U);
  EXPECT_GE(held - octets, sizeof(std::string) + 100);
  delete p;
  EXPECT_EQ(held, octets);
}

// Everything from send() over the events to delivery::assign.
TEST(session_allocation, the_second_identical_mail_costs_none) {  // CORE-09
  for (const pipelining_level level : levels) {
    for (const std::size_t recipients : {1U, 3U, 100U}) {
      for (const std::size_t size : {100U, 1024U, 200'000U}) {
        const std::string content = message_of(size);
        mail_loop loop(level, recipients, as_bytes(content));
        // At level `messages` two mails are under way at a time, so two are the first.
        ASSERT_TRUE(loop.run(level == pipelining_level::messages ? 2 : 1));
        const std::size_t before = allocations;
        const bool delivered = loop.run(5);
        const std::size_t after = allocations;
        EXPECT_TRUE(delivered);
        EXPECT_EQ(after - before, 0U) << "level " << static_cast<int>(level) << ", " << recipients
                                      << " recipients, " << content.size() << " octets";
      }
    }
  }
}

TEST(session_allocation, the_second_dotted_mail_costs_none) {  // CORE-09 DATA-01
  std::string content;
  for (int i = 0; i < 2000; ++i)
    content += ".a line with a dot in front of it\nand another one\r\n";
  mail_loop loop(pipelining_level::envelope, 2, as_bytes(content));
  ASSERT_TRUE(loop.run(1));
  const std::size_t before = allocations;
  const bool delivered = loop.run(5);
  const std::size_t after = allocations;
  EXPECT_TRUE(delivered);
  EXPECT_EQ(after - before, 0U);
}

TEST(session_allocation, refused_mails_cost_none_either) {  // CORE-09 TXN-16
  session_driver d;
  d.open();
  const envelope env = envelope_to(2);
  const std::string content = message_of(1000);
  std::size_t before = 0;
  for (int i = 0; i < 5; ++i) {
    if (i == 2) before = allocations;
    const auto answer = [&](std::string_view replies) {
      d.s.receive(d.now, as_bytes(replies));
      while (d.s.next_event() != nullptr) {
      }
      for (auto views = d.s.output(d.now); !views.empty(); views = d.s.output(d.now)) {
        std::size_t n = 0;
        for (const bytes view : views) n += view.size();
        d.s.sent(d.now, n);
      }
    };
    d.s.send(env, message::borrow(as_bytes(content)));
    answer("");
    if (i != 0) answer("250 2.0.0 reset\r\n");
    answer(
        "250 2.1.0 Ok\r\n550 5.1.1 <r1@b.test>: unknown\r\n550 5.1.1 <r2@b.test>: unknown\r\n"
        "554 5.5.1 Error: no valid recipients\r\n");
  }
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_TRUE(d.s.idle());
}

TEST(session_allocation, an_idle_session_is_small) {  // CORE-09
  const std::size_t before = held;
  session_config config;
  config.local_name = "client.example.test";
  session s(std::move(config));
  const time_point now{std::chrono::hours(1)};
  const auto write = [&] {
    for (auto views = s.output(now); !views.empty(); views = s.output(now)) {
      std::size_t n = 0;
      for (const bytes view : views) n += view.size();
      s.sent(now, n);
    }
  };
  s.connected(now);
  s.receive(now, as_bytes("220 mail.example.test ESMTP Postfix (Debian/GNU)\r\n"));
  write();
  s.receive(now, as_bytes(postfix_ehlo));
  while (s.next_event() != nullptr) {
  }
  ASSERT_TRUE(s.idle());
  EXPECT_TRUE(s.peer().has(extension::chunking));
  const std::size_t counted = sizeof(session) + (held - before);
  EXPECT_LE(counted, 4096U);
  EXPECT_LE(s.memory(), 4096U);
  // What the session says of itself is the truth, but for the heads of small blocks.
  EXPECT_NEAR(static_cast<double>(s.memory()), static_cast<double>(counted), 256.0);
}

TEST(session_allocation, an_idle_session_is_small_again_after_large_mails) {  // CORE-09
  std::string large = message_of(10U << 20);
  mail_loop loop(pipelining_level::envelope, 1, as_bytes(large));
  ASSERT_TRUE(loop.run(2));
  EXPECT_LE(loop.session().memory(), 32U * 1024);

  const std::size_t before = held;
  session_driver d;
  d.open();
  d.s.send(envelope_to(1), message::own(large));
  d.take();
  d.talk("250 s\r\n250 r\r\n354 go");
  d.talk("250 ok");
  d.events.clear();
  d.events.shrink_to_fit();
  EXPECT_TRUE(d.s.idle());
  EXPECT_LE(held - before, 64U * 1024)
      << "an owned message is kept until its mail is done, no longer";
}

TEST(session_allocation, a_burst_is_given_back_when_it_is_over) {  // CORE-09
  const std::string content = message_of(1024);
  constexpr std::size_t burst = 10'000;
  for (const pipelining_level level : levels) {
    mail_loop steady(level, 1, as_bytes(content));
    ASSERT_TRUE(steady.run(1000));
    const std::size_t usual = steady.session().memory();

    const std::size_t before = held;
    mail_loop loop(level, 1, as_bytes(content));
    loop.queue(burst);
    EXPECT_GT(loop.session().memory(), burst * 500);
    ASSERT_TRUE(loop.run(burst));
    const std::size_t after = loop.session().memory();
    EXPECT_LE(after, 512U * 1024) << "most of it goes while the queue does";
    // A few mails at a time, as a sender of bulk mail has them, and then one at a time.
    for (const std::size_t together : {20U, 1U}) {
      for (int i = 0; i < 1000; ++i) {
        loop.queue(together);
        ASSERT_TRUE(loop.run(together));
      }
      const std::size_t at = allocations;
      for (int i = 0; i < 1000; ++i) {
        loop.queue(together);
        ASSERT_TRUE(loop.run(together));
      }
      EXPECT_EQ(allocations - at, 0U) << together;
    }
    EXPECT_LE(loop.session().memory(), 2 * usual);
    EXPECT_LE(held - before, 2 * usual + 4096) << "nor is more held than it says";
  }
}

TEST(session_allocation, recurring_bursts_cost_nothing) {  // CORE-09
  const std::string content = message_of(1024);
  mail_loop loop(pipelining_level::messages, 3, as_bytes(content));
  const auto bursts = [&](int n) {
    for (int i = 0; i < n; ++i) {
      loop.queue(200);
      ASSERT_TRUE(loop.run(200));
    }
  };
  bursts(3);
  const std::size_t before = allocations;
  bursts(20);
  EXPECT_EQ(allocations - before, 0U);
}

TEST(session_allocation, a_burst_that_is_cancelled_is_given_back) {  // CORE-09 TXN-20
  const std::string content = message_of(1024);
  session_driver d;
  d.open();
  const envelope env = envelope_to(1);
  const auto take = [&] {
    while (d.s.next_event() != nullptr) {
    }
  };
  take();
  const std::size_t before = d.s.memory();
  std::vector<mail_id> ids;
  for (int i = 0; i < 10'000; ++i) ids.push_back(d.s.send(env, message::borrow(as_bytes(content))));
  for (std::size_t i = ids.size(); i != 0; --i) EXPECT_TRUE(d.s.withdraw(ids[i - 1]));
  EXPECT_GT(d.s.memory(), ids.size() * 500);
  EXPECT_TRUE(d.s.output(d.now).empty());
  take();
  EXPECT_LE(d.s.memory(), before + 512U * 1024);
}

TEST(session_allocation, borrowed_content_is_never_held_twice) {  // CORE-08
  const std::string plain = message_of(10U << 20);
  std::string dotted;
  while (dotted.size() < (10U << 20)) dotted += ".some text that is neither long nor short\n";
  for (const std::string* content : {&plain, &std::as_const(dotted)}) {
    for (const pipelining_level level : levels) {
      mail_loop loop(level, 1, as_bytes(*content));
      const std::size_t before = held;
      peak = held;
      ASSERT_TRUE(loop.run(2));
      EXPECT_LE(peak - before, 512U * 1024);
    }
  }
}

TEST(session_allocation, owned_content_is_held_once) {  // CORE-08
  std::string content = message_of(10U << 20);
  const std::size_t size = content.capacity();
  session_driver d;
  d.open();
  const std::size_t before = held - size;
  peak = held;
  d.s.send(envelope_to(1), message::own(std::move(content)));
  const auto write = [&] {
    for (auto views = d.s.output(d.now); !views.empty(); views = d.s.output(d.now)) {
      std::size_t n = 0;
      for (const bytes view : views) n += view.size();
      d.s.sent(d.now, n);
    }
  };
  write();
  d.say("250 s\r\n250 r\r\n354 go");
  write();
  d.say("250 ok");
  EXPECT_EQ(d.last(event::kind::mail_done)->result, outcome::delivered);
  EXPECT_LE(peak - before, size + 512U * 1024);
}

}  // namespace

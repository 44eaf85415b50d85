#include "output.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

namespace {

using namespace sansmtp;
using detail::output_stage;

std::string text_of(std::span<const bytes> views) {
  std::string all;
  for (const bytes view : views) all += as_text(view);
  return all;
}

// Content that is long enough to stay where it is.
const std::string long_content(output_stage::copy_up_to + 1, 'l');

TEST(output, keeps_the_order_of_what_is_copied_and_what_is_borrowed) {  // CORE-03
  output_stage out;
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(out.lend().empty());
  EXPECT_FALSE(out.lent()) << "nothing was";
  out.line("MAIL");
  out.content(as_bytes(long_content));
  out.content(as_bytes("short"));
  out.text("\r\n.\r\n");
  out.line("RSET");
  const std::span<const bytes> views = out.lend();
  EXPECT_EQ(text_of(views), "MAIL\r\n" + long_content + "short\r\n.\r\nRSET\r\n");
  ASSERT_EQ(views.size(), 3U);
  EXPECT_EQ(static_cast<const void*>(views[1].data()), long_content.data()) << "not copied";
  EXPECT_TRUE(out.lent());
  EXPECT_EQ(text_of(out.lend()), text_of(views)) << "the same until it is written";
}

TEST(output, copies_up_to_a_threshold) {
  output_stage out;
  const std::string at_most(output_stage::copy_up_to, 'x');
  out.content(as_bytes(at_most));
  EXPECT_FALSE(out.lends_borrowed());
  EXPECT_NE(static_cast<const void*>(out.lend().front().data()), at_most.data());
  EXPECT_FALSE(out.lends_borrowed());
}

TEST(output, is_full_of_octets_or_of_slices) {
  output_stage out;
  const std::string most(output_stage::enough_octets - 1, 'x');
  out.text(most);
  EXPECT_FALSE(out.full());
  out.text("x");
  EXPECT_TRUE(out.full());

  output_stage slices;
  for (std::size_t i = 0; i != output_stage::enough_slices - 1; ++i) {
    slices.content(as_bytes(long_content));
  }
  EXPECT_FALSE(slices.full());
  slices.content(as_bytes(long_content));
  EXPECT_TRUE(slices.full());
  static_cast<void>(slices.lend());
  slices.took(long_content.size());
  EXPECT_FALSE(slices.full()) << "what was written makes room";
}

// Any sequence of what a session does, against a string that holds what is yet to be written.
TEST(output, is_what_was_staged_however_it_is_taken) {  // CORE-03 OUT-02
  std::mt19937 random(7);
  const auto up_to = [&random](std::size_t n) { return random() % (n + 1); };
  for (int run = 0; run != 300; ++run) {
    output_stage out;
    std::string waits;
    std::uint64_t sent = 0;
    char next = 'a';
    for (int step = 0; step != 60; ++step) {
      if (!out.lent()) {
        for (std::size_t n = up_to(4); n != 0 && !out.full(); --n) {
          next = next == 'z' ? 'a' : static_cast<char>(next + 1);
          if (up_to(2) == 0) {
            out.content(as_bytes(long_content));
            waits += long_content;
          } else {
            const std::string text(up_to(40), next);
            out.line(text);
            waits += text + "\r\n";
          }
        }
      }
      ASSERT_EQ(out.staged(), sent + waits.size());
      const std::string seen = text_of(out.lend());
      ASSERT_EQ(seen, waits);
      ASSERT_EQ(out.handed(), out.staged());
      ASSERT_EQ(out.lent(), !waits.empty());
      if (up_to(2) == 0) continue;  // it takes its time
      const std::size_t n = up_to(1) == 0 ? up_to(20) : up_to(waits.size());
      out.took(n);
      const std::size_t written = std::min(n, waits.size());
      waits.erase(0, written);
      sent += written;
      ASSERT_EQ(out.sent(), sent);
      ASSERT_EQ(out.handed(), sent);
      ASSERT_EQ(out.empty(), waits.empty());
      ASSERT_FALSE(out.lent());
    }
  }
}

TEST(output, believes_no_transport_that_wrote_more_than_there_is) {  // CORE-03
  output_stage out;
  out.took(3);
  EXPECT_EQ(out.sent(), 0U) << "nothing was lent";
  out.line("NOOP");
  static_cast<void>(out.lend());
  out.took(1000);
  EXPECT_EQ(out.sent(), 6U);
  out.took(1000);
  EXPECT_EQ(out.sent(), 6U);
}

TEST(output, offers_nothing_that_was_dropped) {  // OUT-02
  output_stage out;
  out.drop();
  EXPECT_EQ(out.withdrawals(), 0U) << "there was nothing";
  out.line("MAIL");
  out.drop();
  EXPECT_EQ(out.withdrawals(), 1U);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(out.staged(), 0U);
  EXPECT_TRUE(out.lend().empty());

  out.line("RCPT");
  EXPECT_EQ(text_of(out.lend()), "RCPT\r\n") << "and nothing of what was before";
}

TEST(output, knows_what_had_left_before_it_was_dropped) {  // OUT-02
  for (const std::size_t n : {std::size_t{0}, std::size_t{3}, std::size_t{1000}}) {
    output_stage out;
    out.line("NOOP");
    static_cast<void>(out.lend());
    out.took(6);
    out.line("MAIL");
    out.content(as_bytes(long_content));
    const std::span<const bytes> views = out.lend();
    out.drop();
    EXPECT_EQ(out.withdrawals(), 1U);
    EXPECT_EQ(text_of(views), "MAIL\r\n" + long_content) << "whoever writes it still can";
    EXPECT_TRUE(out.lend().empty());
    EXPECT_TRUE(out.lends_borrowed());
    EXPECT_EQ(out.handed(), 12 + long_content.size()) << "it may have left";
    out.took(n);
    EXPECT_EQ(out.sent(), 6 + n);
    EXPECT_EQ(out.handed(), 6 + n);
    EXPECT_EQ(out.staged(), 6 + n);
    EXPECT_TRUE(out.empty());
    EXPECT_FALSE(out.lends_borrowed());
    EXPECT_EQ(out.withdrawals(), 1U);

    out.line("QUIT");
    EXPECT_EQ(text_of(out.lend()), "QUIT\r\n");
    out.took(6);
    EXPECT_EQ(out.sent(), 12 + n);
  }
  output_stage out;
  out.line("MAIL");
  static_cast<void>(out.lend());
  out.drop();
  out.took(1000);
  EXPECT_EQ(out.sent(), 6U) << "not more than there was";
}

TEST(output, tells_whose_memory_is_out) {  // CORE-04
  output_stage out;
  out.content(as_bytes(long_content));
  out.line("RSET");
  EXPECT_FALSE(out.lends_borrowed()) << "not yet";
  static_cast<void>(out.lend());
  EXPECT_TRUE(out.lends_borrowed());
  out.took(long_content.size() - 1);
  static_cast<void>(out.lend());
  EXPECT_TRUE(out.lends_borrowed());
  out.took(1);
  static_cast<void>(out.lend());
  EXPECT_FALSE(out.lends_borrowed()) << "what is left is its own";
}

// A transport whose writes are always short, and a session that always finds something to say.
TEST(output, does_not_pile_up_what_was_written) {  // CORE-09
  for (const bool borrowed : {false, true}) {
    output_stage out;
    std::string waits;
    const std::string line(900, 'x');
    std::size_t most = 0;
    for (int i = 0; i != 20'000; ++i) {
      while (!out.full()) {
        if (borrowed && waits.size() % 7 == 0) {
          out.content(as_bytes(long_content));
          waits += long_content;
        }
        out.line(line);
        waits += line + "\r\n";
      }
      const std::span<const bytes> views = out.lend();
      if (i % 100 == 0) {
        ASSERT_EQ(text_of(views), waits);
      }
      out.took(line.size());
      waits.erase(0, line.size());
      most = std::max(most, out.memory());
    }
    // Of the text at most half is of no use, and a buffer doubles when it grows.
    EXPECT_LE(most, 8 * output_stage::enough_octets) << borrowed;
  }
}

// Beyond what it needs at a time, memory is given back between mails.
TEST(output, gives_a_large_buffer_back_when_it_is_idle) {  // CORE-09
  output_stage out;
  const std::string much(3 * output_stage::enough_octets, 'x');
  out.text(much);
  out.content(as_bytes(long_content));
  out.trim();
  EXPECT_EQ(text_of(out.lend()), much + long_content) << "not while it is needed";
  out.trim();
  EXPECT_EQ(text_of(out.lend()), much + long_content);
  out.took(much.size());
  out.trim();
  EXPECT_EQ(text_of(out.lend()), long_content);
  out.took(long_content.size());
  EXPECT_GT(out.memory(), much.size());
  out.trim();
  EXPECT_EQ(out.memory(), 0U);
  out.line("NOOP");
  EXPECT_EQ(text_of(out.lend()), "NOOP\r\n");

  output_stage small;
  small.text(std::string(output_stage::enough_octets, 'x'));
  static_cast<void>(small.lend());
  small.took(output_stage::enough_octets);
  const std::size_t before = small.memory();
  small.trim();
  EXPECT_EQ(small.memory(), before) << "what the next mail needs again is kept";
}

TEST(output, overwrites_a_secret_once_it_is_written) {  // SEC-03
  for (const bool secret : {true, false}) {
    output_stage out;
    out.line("AUTH PLAIN");
    if (secret) {
      out.secret_line("AHVzZXIAcGFzcw==");
    } else {
      out.line("AHVzZXIAcGFzcw==");
    }
    const bytes view = out.lend().front();
    const std::string before(as_text(view));
    out.took(view.size() - 1);
    EXPECT_EQ(as_text(view), before) << "not while it is needed";
    static_cast<void>(out.lend());
    out.took(1);
    // The memory is still the stage's: it is kept for the next lines.
    const std::string_view after = as_text(view);
    EXPECT_EQ(std::all_of(after.begin(), after.end(), [](char c) { return c == 0; }), secret);
    // That was all of the secret: what comes next is written over, not wiped.
    out.line("NOOP");
    const bytes next = out.lend().front();
    out.took(next.size());
    EXPECT_EQ(as_text(next), "NOOP\r\n");
  }
}

}  // namespace

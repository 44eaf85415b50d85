#include "seeded.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace {

using sansmtp::routing::seeded;

TEST(seeded, repeats_itself_and_is_fair) {  // RTE-04
  seeded a(1);
  seeded b(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  std::array<int, 6> count{};
  for (int i = 0; i < 6000; ++i) ++count[a.below(6)];
  for (const int n : count) {
    EXPECT_GT(n, 880);
    EXPECT_LT(n, 1120);
  }
  // Beyond half of all numbers every second one has to be thrown again.
  for (int i = 0; i < 100; ++i) {
    EXPECT_LT(a.below((std::uint64_t{1} << 63) + 1), (std::uint64_t{1} << 63) + 1);
  }
}

TEST(seeded, knows_the_reference_numbers) {
  seeded zero(0);  // of splitmix64, as published
  EXPECT_EQ(zero.next(), 0xE220A8397B1DCDAFU);
  EXPECT_EQ(zero.next(), 0x6E789E6AA1B965F4U);
}

}  // namespace

#include "sansmtp/routing/host_memory.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace sansmtp;
using namespace sansmtp::routing;
using namespace std::chrono_literals;

const time_point begin{1000s};

TEST(host_memory, knows_what_is_down_for_a_time) {  // RTE-04
  host_memory memory(60s);
  EXPECT_FALSE(memory.is_down("a.test", 25, begin));
  memory.note_up("a.test", 25);
  memory.note_down("A.test.", 25, begin);
  EXPECT_TRUE(memory.is_down("a.TEST", 25, begin + 59s));
  EXPECT_FALSE(memory.is_down("a.test", 25, begin + 60s));
  EXPECT_FALSE(memory.is_down("a.test", 26, begin));
  EXPECT_FALSE(memory.is_down("b.test", 25, begin));
  memory.note_down("a.test", 25, begin + 30s);
  EXPECT_TRUE(memory.is_down("a.test", 25, begin + 89s));
  memory.note_up("a.test", 25);
  EXPECT_FALSE(memory.is_down("a.test", 25, begin + 30s));
  EXPECT_EQ(memory.size(), 0u);
}

TEST(host_memory, is_bounded) {  // RTE-30
  host_memory memory(60s, 16);
  for (int i = 0; i < 1000; ++i) {
    memory.note_down(std::to_string(i) + ".test", 25, begin + std::chrono::seconds(i));
    EXPECT_LE(memory.size(), 16u);
  }
  EXPECT_TRUE(memory.is_down("999.test", 25, begin + 999s));  // the oldest go first
  EXPECT_TRUE(memory.is_down("990.test", 25, begin + 999s));
  host_memory one(60s, 0);
  one.note_down("a.test", 25, begin);
  one.note_down("b.test", 25, begin);
  EXPECT_EQ(one.size(), 1u);
  EXPECT_TRUE(one.is_down("b.test", 25, begin));
}

}  // namespace

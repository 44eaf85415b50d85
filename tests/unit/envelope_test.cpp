#include "sansmtp/envelope.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sansmtp {
namespace {

envelope with_recipients(std::size_t n) {
  envelope env;
  env.sender = path("s@a.test");
  env.envelope_id = "q1";
  for (std::size_t i = 0; i != n; ++i)
    env.recipients.emplace_back("r" + std::to_string(i) + "@b.test");
  return env;
}

TEST(envelope, splits_into_successive_transactions) {  // TXN-26
  const std::vector<envelope> parts = split(with_recipients(250), 100);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].recipients.size(), 100U);
  EXPECT_EQ(parts[1].recipients.size(), 100U);
  EXPECT_EQ(parts[2].recipients.size(), 50U);
  std::size_t i = 0;
  for (const envelope& part : parts) {
    EXPECT_EQ(part.sender.text(), "s@a.test");
    EXPECT_EQ(part.envelope_id, "q1");
    for (const recipient& r : part.recipients) {
      EXPECT_EQ(r.address.text(), "r" + std::to_string(i++) + "@b.test");
    }
  }
  EXPECT_EQ(i, 250U);
}

TEST(envelope, needs_no_split_up_to_the_bound) {  // TXN-26
  EXPECT_EQ(split(with_recipients(100), 100).size(), 1U);
  EXPECT_EQ(split(with_recipients(101), 100).size(), 2U);
  EXPECT_EQ(split(with_recipients(3), 0).size(), 3U) << "a bound of none is taken as one";
  EXPECT_EQ(split(with_recipients(0), 100).size(), 1U);
}

}  // namespace
}  // namespace sansmtp

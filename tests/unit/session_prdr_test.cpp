// PRDR: a reply of each recipient to the content, and the one for all (draft-hall-prdr).
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "session_driver.hpp"

namespace session_prdr_test {
namespace {

using namespace sansmtp;
using namespace sansmtp::test;

// 353 waits for the end of the write, and what it announces behind it: all of it is owed.
TEST(session_prdr, replies_that_come_during_the_write_have_room) {  // PRDR-02 LIM-01
  constexpr std::size_t recipients = 20;
  session_config config = config_of();
  config.per_recipient_replies = true;
  config.limits.reply.octets = 512;
  session_driver d(config);
  d.open("250-mx.test\r\n250-PIPELINING\r\n250 PRDR");
  const mail_id id = d.s.send(envelope_to(recipients), message::own("Hi\r\n"));
  d.take();
  std::string accepted = "250 ok";
  for (std::size_t i = 0; i != recipients; ++i) accepted += "\r\n250 ok";
  d.talk(accepted);
  d.say("354 go");
  const std::size_t all = d.lent().size();
  std::string verdicts = "353 one by one";
  for (std::size_t i = 0; i != recipients; ++i) {
    verdicts += "\r\n250 2.1.5 this one has it, and says so at some length";
  }
  ASSERT_GT(verdicts.size(), config.limits.reply.octets);
  d.say(verdicts + "\r\n250 2.0.0 all of them");
  EXPECT_EQ(d.outcomes(id), std::vector<outcome>{});
  d.sent(all);
  EXPECT_EQ(d.outcomes(id), std::vector<outcome>(recipients, outcome::delivered));
  EXPECT_FALSE(d.s.closed());
}

}  // namespace
}  // namespace session_prdr_test

// LMTP: each recipient has a reply of its own behind the content (RFC 2033 section 4.2).
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "session_driver.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

/// A session in which a mail to three recipients is being written to its end: behind DATA with the
/// terminator, or as the last chunk.
struct session_with_content_in_flight : session_driver {
  explicit session_with_content_in_flight(bool chunked, bool trace = false)
      : session_driver(lmtp(chunked, trace)) {
    open("250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING");
    id = s.send(envelope_to(3), message::own("Hi\r\n"));
    take();
    if (chunked) {
      say("250 ok\r\n250 ok\r\n250 ok\r\n250 ok");
      EXPECT_EQ(lent(), "BDAT 4 LAST\r\nHi\r\n");
    } else {
      talk("250 ok\r\n250 ok\r\n250 ok\r\n250 ok");
      say("354 go");
      EXPECT_EQ(lent(), "Hi\r\n.\r\n");
    }
  }

  static session_config lmtp(bool chunked, bool trace) {
    session_config config = config_of();
    config.protocol = mail_protocol::lmtp;
    config.prefer_chunking = chunked;
    config.trace = trace;
    return config;
  }

  void abort() {
    s.abort();
    pull();
  }
  void all_sent() { sent(lent().size()); }

  mail_id id = 0;
};

/// Both ways of content.
class session_lmtp : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(ways, session_lmtp, testing::Bool(), [](const auto& way) {
  return std::string(way.param ? "chunks" : "data");
});

// A refusal that was read counts for the recipient that it is about, and for nobody else.
TEST_P(session_lmtp, a_refusal_that_waits_is_one_recipients) {  // LMTP-04 OUT-02
  for (const bool late : {false, true}) {
    session_with_content_in_flight d(GetParam());
    d.say("550 5.1.1 no such user");
    EXPECT_EQ(d.outcomes(d.id), std::vector<outcome>{});
    if (late) {
      d.pass(std::chrono::hours(1));
    } else {
      d.abort();
    }
    EXPECT_EQ(d.outcomes(d.id),
              (std::vector{outcome::rejected, outcome::in_doubt, outcome::in_doubt}));
    const std::vector<recipient_report>& told = d.completion(d.id)->report.recipients;
    EXPECT_EQ(told[0].why, errc::refused_permanently);
    EXPECT_EQ(told[1].why, late ? errc::timed_out : errc::aborted);
  }
}

TEST_P(session_lmtp,
       a_success_that_waits_is_in_doubt_without_the_word_of_the_transport) {  // OUT-02
  session_with_content_in_flight d(GetParam());
  d.say("250 2.0.0 stored");
  d.abort();
  EXPECT_EQ(d.outcomes(d.id),
            (std::vector{outcome::in_doubt, outcome::in_doubt, outcome::in_doubt}));
}

// The end of the link comes behind what was said before it, and that waits for the transport's word.
TEST_P(session_lmtp, an_end_waits_for_what_was_said_before_it) {  // LMTP-04 OUT-02
  session_with_content_in_flight d(GetParam());
  d.say("550 5.1.1 no such user\r\n250 2.0.0 stored");
  d.end();
  EXPECT_EQ(d.outcomes(d.id), std::vector<outcome>{});
  d.all_sent();
  EXPECT_EQ(d.outcomes(d.id),
            (std::vector{outcome::rejected, outcome::delivered, outcome::in_doubt}));
  EXPECT_EQ(d.count(event::kind::closed), 1U);
}

// The content leaves once, however many replies are owed for it.
TEST_P(session_lmtp, content_is_told_once) {
  session_with_content_in_flight d(GetParam(), true);
  d.all_sent();
  EXPECT_EQ(d.count(event::kind::content_sent), 1U);
}

TEST_P(session_lmtp, what_waits_counts_once_all_was_written) {  // LMTP-04
  session_with_content_in_flight d(GetParam());
  d.say("550 5.1.1 no such user\r\n250 2.0.0 stored\r\n450 4.2.2 full");
  EXPECT_EQ(d.outcomes(d.id), std::vector<outcome>{});
  d.all_sent();
  EXPECT_EQ(d.outcomes(d.id),
            (std::vector{outcome::rejected, outcome::delivered, outcome::deferred}));
}

// 421 is no refusal of one recipient: the server leaves, and the write may be stuck for ever.
TEST_P(session_lmtp, a_farewell_does_not_wait) {  // LMTP-05 SESS-24
  session_with_content_in_flight d(GetParam());
  d.say("421 4.3.2 going down");
  EXPECT_EQ(d.outcomes(d.id),
            (std::vector{outcome::deferred, outcome::deferred, outcome::deferred}));
  EXPECT_EQ(d.count(event::kind::closed), 1U);
}

}  // namespace

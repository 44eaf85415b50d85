// Content by BDAT, and whole mails one behind the other (BDAT-01 … BDAT-14).
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "session_driver.hpp"

namespace session_chunks_test {
namespace {

using namespace sansmtp;
using namespace sansmtp::test;

constexpr std::string_view chunking =
    "250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 BINARYMIME";
constexpr std::string_view lockstep = "250-mx.test\r\n250 CHUNKING";
constexpr std::string_view envelope_lines = "MAIL FROM:<s@a.test>\r\nRCPT TO:<r1@b.test>\r\n";

session_config preferring(pipelining_level level = pipelining_level::envelope) {
  session_config config = config_of(level);
  config.prefer_chunking = true;
  return config;
}

mail_id send(session_driver& d, std::string_view content, std::size_t recipients = 1) {
  return d.s.send(envelope_to(recipients), message::own(std::string(content)));
}

/// The only chunk of a mail is lent to its last octet, and nobody has said what became of it.
struct session_with_chunk_lent : session_driver {
  explicit session_with_chunk_lent(std::string_view content = "Hi\r\n")
      : session_driver(preferring()) {
    open(chunking);
    id = send(*this, content);
    take();
    say("250 ok\r\n250 ok");
    all = lent().size();
  }

  mail_id id = 0;
  std::size_t all = 0;
};

errc why(const session_driver& d, mail_id id) {
  return d.completion(id)->report.recipients.front().why;
}

TEST(session_chunks, are_used_only_if_offered_and_wanted) {  // BDAT-01 BDAT-02 BDAT-06 EXT-04
  struct row {
    session_config config;
    std::string_view ehlo;
    bool chunked;
  };
  session_config ignoring = preferring();
  ignoring.ignored_keywords = {"CHUNKING"};
  const row rows[] = {{config_of(), chunking, false},
                      {preferring(), chunking, true},
                      {preferring(), "250-mx.test\r\n250 PIPELINING", false},
                      {ignoring, chunking, false}};
  for (const row& r : rows) {
    session_driver d(r.config);
    d.open(r.ehlo);
    send(d, "Hi\r\n");
    const std::string group = d.take();
    EXPECT_EQ(group, std::string(envelope_lines) + (r.chunked ? "" : "DATA\r\n"));
    if (!r.chunked) continue;
    EXPECT_EQ(d.talk("250 ok"), "");  // not before all replies of the envelope are there
    EXPECT_EQ(d.talk("250 ok"), "BDAT 4 LAST\r\nHi\r\n");
  }
}

TEST(session_chunks, hold_exactly_their_octets) {  // BDAT-03 BDAT-12 DATA-03
  struct row {
    std::string_view content, sent;
  };
  for (const auto& [content, sent] :
       {row{".a\r\n.\r\n", "BDAT 7 LAST\r\n.a\r\n.\r\n"}, row{"a\nb", "BDAT 6 LAST\r\na\r\nb\r\n"},
        row{"a\rb\r", "BDAT 6 LAST\r\na\r\nb\r\n"}, row{".\n..\n", "BDAT 7 LAST\r\n.\r\n..\r\n"}}) {
    session_driver d(preferring());
    d.open(chunking);
    const mail_id id = send(d, content);
    d.take();
    EXPECT_EQ(d.talk("250 ok\r\n250 ok"), sent);
    EXPECT_EQ(d.outcomes(id), std::vector<outcome>{});
    d.talk("250 queued");
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::delivered});
  }
  session_config strict = preferring();
  strict.line_ends = line_end_policy::strict;
  session_driver d(strict);
  d.open(chunking);
  const mail_id id = send(d, "a\nb");
  EXPECT_EQ(d.take(), "");
  EXPECT_EQ(why(d, id), errc::bare_lf_in_content);
}

TEST(session_chunks, of_a_stream_are_what_is_lent) {  // BDAT-04 BDAT-05 BDAT-12
  session_driver d(preferring());
  d.open(chunking);
  const mail_id id = d.s.send(envelope_to(1), message::stream());
  d.take();
  EXPECT_EQ(d.talk("250 ok\r\n250 ok"), "");  // until something is lent
  ASSERT_NE(d.last(event::kind::ready_for_data), nullptr);
  ASSERT_EQ(d.s.lend(as_bytes("hello"), false), errc::none);
  EXPECT_EQ(d.take(), "BDAT 5\r\nhello");
  EXPECT_EQ(d.count(event::kind::chunk_released), 1U);
  ASSERT_EQ(d.s.lend(as_bytes("\r"), false), errc::none);  // becomes nothing by itself
  EXPECT_EQ(d.take(), "");
  ASSERT_EQ(d.s.lend(as_bytes("\n"), false), errc::none);
  EXPECT_EQ(d.take(), "BDAT 2\r\n\r\n");
  ASSERT_EQ(d.s.lend({}, true), errc::none);
  EXPECT_EQ(d.take(), "BDAT 0 LAST\r\n");
  d.talk("250 ok\r\n250 ok\r\n250 queued");
  EXPECT_EQ(d.outcomes(id), std::vector{outcome::delivered});
  EXPECT_EQ(d.take(), "");
}

TEST(session_chunks, of_a_stream_that_must_not_be_sent_end_by_rset) {  // BDAT-12 BDAT-13 DATA-12
  session_config config = preferring();
  config.line_ends = line_end_policy::strict;
  session_driver d(config);
  d.open(chunking);
  const mail_id id = d.s.send(envelope_to(1), message::stream());
  const mail_id next = send(d, "Hi\r\n");
  d.take();
  d.talk("250 ok\r\n250 ok");
  ASSERT_EQ(d.s.lend(as_bytes("good\r\n"), false), errc::none);
  d.take();
  ASSERT_EQ(d.s.lend(as_bytes("bad\n"), true), errc::none);
  d.take();
  EXPECT_EQ(d.talk("250 ok"), "RSET\r\n");
  EXPECT_EQ(why(d, id), errc::bare_lf_in_content);
  EXPECT_EQ(d.talk("250 ok"), envelope_lines);
  d.talk("250 ok\r\n250 ok");
  d.talk("250 ok");
  EXPECT_EQ(d.outcomes(next), std::vector{outcome::delivered});
}

TEST(session_chunks, follow_each_other_within_a_window) {  // BDAT-05 BDAT-07
  session_config config = preferring();
  config.limits.chunk_octets = 4;
  config.limits.chunks = 2;
  const std::string content = "a\r\nb\r\nc\r\nd\r\n";
  {
    session_driver d(config);
    d.open(chunking);
    const mail_id id = send(d, content);
    const mail_id next = send(d, "Hi\r\n");
    d.take();
    EXPECT_EQ(d.talk("250 ok\r\n250 ok"), "BDAT 4\r\na\r\nbBDAT 4\r\n\r\nc\r");
    EXPECT_EQ(d.talk("250 ok"), "BDAT 4 LAST\r\n\nd\r\n");
    EXPECT_EQ(d.talk("250 ok"), "");  // LAST is last in its group
    EXPECT_EQ(d.talk("250 queued"), envelope_lines);
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::delivered});
    EXPECT_EQ(d.outcomes(next), std::vector<outcome>{});
  }
  config.limits.chunks = 4;
  config.limits.body_octets = 20;  // the lines count with their octets
  {
    session_driver d(config);
    d.open(chunking);
    send(d, content);
    d.take();
    EXPECT_EQ(d.talk("250 ok\r\n250 ok"), "BDAT 4\r\na\r\nbBDAT 4\r\n\r\nc\r");
  }
  {
    session_driver d(config);
    d.open(lockstep);
    send(d, content);
    d.take();
    d.talk("250 ok");
    EXPECT_EQ(d.talk("250 ok"), "BDAT 4\r\na\r\nb");
    EXPECT_EQ(d.talk("250 ok"), "BDAT 4\r\n\r\nc\r");
    EXPECT_EQ(d.talk("250 ok"), "BDAT 4 LAST\r\n\nd\r\n");
  }
}

TEST(session_chunks, end_with_the_first_that_is_refused) {  // BDAT-08 TXN-16
  session_config config = preferring();
  config.limits.chunk_octets = 4;
  config.limits.chunks = 3;
  session_driver d(config);
  d.open(chunking);
  const mail_id id = send(d, "a\r\nb\r\nc\r\nd\r\ne\r\n", 2);
  const mail_id next = send(d, "Hi\r\n");
  d.take();
  d.talk("250 ok\r\n550 no\r\n250 ok");
  EXPECT_EQ(d.talk("452 4.2.2 full"), "");
  EXPECT_EQ(d.talk("503 no"), "");
  EXPECT_EQ(d.outcomes(id), std::vector<outcome>{});  // one reply is outstanding
  EXPECT_EQ(d.talk("503 no"), "RSET\r\n");
  EXPECT_EQ(d.outcomes(id), (std::vector{outcome::rejected, outcome::deferred}));
  EXPECT_EQ(d.completion(id)->report.recipients[1].code, 452);
  EXPECT_EQ(d.completion(id)->report.recipients[1].stage, verb::bdat);
  d.talk("250 ok");
  d.talk("250 ok\r\n250 ok");
  d.talk("250 ok");
  EXPECT_EQ(d.outcomes(next), std::vector{outcome::delivered});
}

TEST(session_chunks, taken_behind_a_refused_one_leave_doubt) {  // BDAT-09
  session_config config = preferring();
  config.limits.chunk_octets = 4;
  for (const bool taken : {true, false}) {
    session_driver d(config);
    d.open(chunking);
    const mail_id id = send(d, "a\r\nb\r\n");
    d.take();
    EXPECT_EQ(d.talk("250 ok\r\n250 ok"), "BDAT 4\r\na\r\nbBDAT 2 LAST\r\n\r\n");
    EXPECT_EQ(d.talk("452 no"), "");
    EXPECT_EQ(d.outcomes(id), std::vector<outcome>{});
    EXPECT_EQ(d.talk(taken ? "250 ok" : "503 no"), "");
    EXPECT_EQ(d.outcomes(id), std::vector{taken ? outcome::in_doubt : outcome::deferred});
    EXPECT_EQ(why(d, id), taken ? errc::contradictory_reply : errc::refused_transiently);
    EXPECT_EQ(d.s.closed(), taken);
  }
  // Once the refusal was read, the end of the link leaves no doubt.
  session_driver d(config);
  d.open(chunking);
  const mail_id id = send(d, "a\r\nb\r\n");
  d.take();
  d.talk("250 ok\r\n250 ok");
  d.talk("552 no");
  d.end();
  EXPECT_EQ(d.outcomes(id), std::vector{outcome::rejected});
}

TEST(session_chunks, are_in_doubt_from_their_last_octet_on) {  // BDAT-10 OUT-02
  for (const std::size_t missing : {1U, 0U}) {
    session_with_chunk_lent d;
    d.sent(d.all - missing);
    d.end();
    EXPECT_EQ(d.outcomes(d.id), std::vector{missing == 0 ? outcome::in_doubt : outcome::deferred});
  }
}

TEST(session_chunks, carry_binary_content_as_it_is) {  // BDAT-11
  const auto binary = [] { return message::own(std::string("a\n\0b\r", 5)).binary(); };
  {
    session_driver d(config_of());
    d.open(chunking);
    const mail_id id = d.s.send(envelope_to(1), binary());
    EXPECT_EQ(d.take(), "MAIL FROM:<s@a.test> BODY=BINARYMIME\r\nRCPT TO:<r1@b.test>\r\n");
    EXPECT_EQ(d.talk("250 ok\r\n250 ok"), std::string("BDAT 5 LAST\r\na\n\0b\r", 18));
    d.talk("250 ok");
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::delivered});
  }
  for (const std::string_view ehlo : {"250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING",
                                      "250-mx.test\r\n250-PIPELINING\r\n250 BINARYMIME"}) {
    session_driver d(config_of());
    d.open(ehlo);
    const mail_id id = d.s.send(envelope_to(1), binary());
    EXPECT_EQ(d.take(), "");
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::rejected});
    EXPECT_EQ(why(d, id), errc::binary_not_offered);
    const enhanced_status status = d.completion(id)->report.recipients[0].enhanced;
    EXPECT_EQ(status.subject * 10 + status.detail, 61);
  }
  session_driver d(config_of());
  d.open(chunking);
  d.s.send(envelope_to(1), message::stream().binary());
  d.take();
  d.talk("250 ok\r\n250 ok");
  ASSERT_EQ(d.s.lend({"\0\n", 2}, true), errc::none);
  EXPECT_EQ(d.take(), std::string("BDAT 2 LAST\r\n\0\n", 15));
}

TEST(session_chunks, are_cancelled_between_two_and_not_inside) {  // BDAT-13 TXN-20
  {
    session_driver d(preferring());
    d.open(chunking);
    const mail_id id = d.s.send(envelope_to(1), message::stream());
    send(d, "Hi\r\n");
    d.take();
    d.talk("250 ok\r\n250 ok");
    ASSERT_EQ(d.s.lend(as_bytes("a\r\n"), false), errc::none);
    d.take();
    d.s.cancel(id);
    EXPECT_EQ(d.take(), "");  // the chunk's reply is outstanding
    EXPECT_EQ(d.talk("250 ok"), "RSET\r\n");
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::deferred});
    EXPECT_EQ(why(d, id), errc::aborted);
  }
  session_driver d(preferring());
  d.open(chunking);
  const std::string content(200 * 1024, 'a');
  const mail_id id = d.s.send(envelope_to(1), message::borrow(as_bytes(content)));
  d.take();
  d.say("250 ok\r\n250 ok");
  d.sent(d.lent().size() - 100);  // not all of the chunk
  d.s.cancel(id);
  EXPECT_EQ(d.take(), "");
  EXPECT_TRUE(d.s.closed());
  EXPECT_EQ(d.outcomes(id), std::vector{outcome::deferred});
}

TEST(session_chunks, refused_early_leave_to_their_last_octet) {  // BDAT-14 TXN-27
  for (const bool breaks : {false, true}) {
    session_driver d(preferring());
    d.open(chunking);
    const std::string content(200 * 1024, 'a');
    const mail_id id = d.s.send(envelope_to(1), message::borrow(as_bytes(content)));
    send(d, "Hi\r\n");
    d.take();
    d.say("250 ok\r\n250 ok");
    std::size_t octets = d.lent().size() - 100;
    d.sent(octets);
    d.say("552 too big");
    EXPECT_EQ(d.outcomes(id), std::vector<outcome>{});
    EXPECT_TRUE(d.s.deadline().has_value());
    if (breaks) {
      d.end();
      EXPECT_TRUE(d.s.closed());
    } else {
      octets += d.take().size();
      // The rest of the chunk with its line, then RSET: a command never stands inside a chunk.
      EXPECT_EQ(octets, std::string_view("BDAT 204802 LAST\r\n").size() + 204802 + 6);
    }
    d.pull();
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::rejected});
  }
}

TEST(session_chunks, end_with_a_reply_that_is_no_refusal_and_comes_early) {  // TXN-27 SESS-24
  struct row {
    std::string_view said;
    errc why;
  };
  for (const row& x :
       {row{"421 bye", errc::service_closing}, row{"250 early", errc::unsolicited_reply}}) {
    session_driver d(preferring());
    d.open(chunking);
    const std::string content(200 * 1024, 'a');
    const mail_id id = d.s.send(envelope_to(1), message::borrow(as_bytes(content)));
    const mail_id next = send(d, "Hi\r\n");
    d.take();
    d.say("250 ok\r\n250 ok");
    d.sent(d.lent().size() - 100);  // not all of the chunk
    d.say(x.said);
    EXPECT_TRUE(d.s.closed()) << x.said;
    EXPECT_EQ(d.take(), "") << x.said;  // inside a chunk QUIT has no place
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::deferred}) << x.said;
    EXPECT_EQ(why(d, id), x.why);
    EXPECT_EQ(d.outcomes(next), std::vector{outcome::not_attempted}) << x.said;
  }
}

// All of a chunk is lent, and nobody has said what became of it.
TEST(session_chunks, wait_for_what_became_of_a_write) {  // BDAT-10 OUT-06
  for (const std::string_view said : {"421 bye", "250 queued"}) {
    session_with_chunk_lent d;
    d.say(said);
    const bool closing = said.starts_with("421");
    EXPECT_EQ(d.s.closed(), closing);
    if (!closing) {
      EXPECT_EQ(d.outcomes(d.id), std::vector<outcome>{});
    }
    d.sent(d.all);
    EXPECT_EQ(d.outcomes(d.id), std::vector{closing ? outcome::deferred : outcome::delivered});
    EXPECT_EQ(why(d, d.id), closing ? errc::service_closing : errc::none);
  }
}

// The rest of a refused chunk is not offered to a link that has ended.
TEST(session_chunks, end_with_the_link_though_a_refusal_waits_for_them) {  // BDAT-14 OUT-03
  for (const bool whole : {false, true}) {
    session_with_chunk_lent d(std::string(200 * 1024, 'a'));
    d.say("552 too big");
    d.end();
    EXPECT_EQ(d.outcomes(d.id), std::vector<outcome>{});  // the write may have taken all
    d.sent(whole ? d.all : d.all - 100);
    EXPECT_EQ(d.take(), "");
    EXPECT_TRUE(d.s.closed());
    EXPECT_EQ(d.outcomes(d.id), std::vector{outcome::rejected});
    EXPECT_EQ(d.count(event::kind::closed), 1U);
  }
}

TEST(session_chunks, are_shown_in_a_trace) {  // BDAT-02 ERR-01
  session_config config = preferring();
  config.limits.chunk_octets = 4;
  config.trace = true;
  session_driver d(config);
  d.open(chunking);
  const mail_id id = send(d, "a\r\nb\r\n");
  d.take();
  d.say("250 ok\r\n250 ok");
  EXPECT_EQ(d.lent(), "BDAT 4\r\na\r\nbBDAT 2 LAST\r\n\r\n");
  std::vector<std::string> shown;
  for (const seen_event& e : d.events) {
    if (e.what == event::kind::line_sent && e.command.starts_with("BDAT")) {
      EXPECT_EQ(e.id, id);
      shown.push_back(e.command);
    }
  }
  EXPECT_EQ(shown, (std::vector<std::string>{"BDAT 4", "BDAT 2 LAST"}));
  // What is written of a chunk is told without the octets of its line.
  const std::size_t first = std::string_view("BDAT 4\r\n").size();
  const std::size_t last = std::string_view("BDAT 2 LAST\r\n").size();
  std::uint64_t octets = 0;
  for (const std::size_t written : {first + 3, 1 + last, std::size_t{2}}) {
    d.s.sent(d.now, written);
    while (const event* e = d.s.next_event()) {
      if (e->what != event::kind::content_sent) continue;
      EXPECT_EQ(e->id, id);
      EXPECT_EQ(e->answers, verb::bdat);
      octets += e->octets;
    }
    EXPECT_EQ(octets, written == first + 3 ? 3U : written == 2 ? 6U : 4U);
    (void)d.lent();
  }
}

TEST(session_chunks, have_a_timeout_of_their_own) {  // TIME-01
  session_config config = preferring();
  config.limits.chunk_octets = 4;
  session_driver d(config);
  d.open(chunking);
  send(d, "a\r\nb\r\n");
  d.take();
  d.talk("250 ok\r\n250 ok");
  EXPECT_EQ(d.s.deadline_of(), verb::bdat);
  EXPECT_EQ(*d.s.deadline() - d.now, std::chrono::minutes(5));
  d.talk("250 ok");
  EXPECT_EQ(d.s.deadline_of(), verb::bdat_last);
  EXPECT_EQ(*d.s.deadline() - d.now, std::chrono::minutes(10));
}

// -- level `stream` -------------------------------------------------------------------------------

constexpr std::string_view whole_mail =
    "MAIL FROM:<s@a.test>\r\nRCPT TO:<r1@b.test>\r\nBDAT 4 LAST\r\nHi\r\n";

std::string times(std::size_t n, std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) all += text;
  return all;
}

struct streaming : session_driver {
  explicit streaming(std::size_t mails, std::size_t recipients = 1,
                     session_config config = config_of(pipelining_level::stream))
      : session_driver(std::move(config)) {
    open(chunking);
    for (std::size_t i = 0; i < mails; ++i) ids.push_back(send(*this, "Hi\r\n", recipients));
  }
  [[nodiscard]] std::vector<outcome> results() const {
    std::vector<outcome> all;
    for (const mail_id id : ids) {
      const auto of_one = outcomes(id);
      all.push_back(of_one.empty() ? outcome::pending : of_one.front());
    }
    return all;
  }
  std::vector<mail_id> ids;
};

TEST(stream, hands_out_whole_mails_without_waiting) {  // BDAT-14 TXN-17
  streaming d(10);
  EXPECT_EQ(d.take(), std::string(whole_mail) + times(9, "RSET\r\n" + std::string(whole_mail)));
  d.talk(times(39, "250 ok\r\n").substr(0, 39 * 8 - 2));
  EXPECT_EQ(d.results(), std::vector(10, outcome::delivered));
  EXPECT_TRUE(d.s.idle());
  // Behind a mail that was delivered no RSET stands.
  send(d, "Hi\r\n");
  EXPECT_EQ(d.take(), whole_mail);
}

TEST(stream, has_a_window) {  // BDAT-14 PIPE-16
  {
    streaming d(20);
    const std::string first = d.take();
    EXPECT_EQ(first, std::string(whole_mail) + times(15, "RSET\r\n" + std::string(whole_mail)));
    EXPECT_EQ(d.talk("250 ok\r\n250 ok\r\n250 ok"), "RSET\r\n" + std::string(whole_mail));
  }
  session_config config = config_of(pipelining_level::stream);
  config.limits.body_octets = 37;  // two chunks of 17 octets with their lines, and no third
  {
    streaming d(5, 1, config);
    const std::string text = "RSET\r\nMAIL FROM:<s@a.test>\r\nRCPT TO:<r1@b.test>\r\n";
    EXPECT_EQ(d.take(), std::string(whole_mail) + "RSET\r\n" + std::string(whole_mail) + text);
    EXPECT_EQ(d.talk("250 ok\r\n250 ok\r\n250 ok"), "BDAT 4 LAST\r\nHi\r\n" + text);
  }
  config = config_of(pipelining_level::stream);
  config.limits.stream_outstanding = 5;
  streaming d(5, 1, config);
  EXPECT_EQ(d.take(), std::string(whole_mail) + "RSET\r\nMAIL FROM:<s@a.test>\r\n");
}

TEST(stream, reads_each_verdict_at_its_own_place) {  // BDAT-14
  streaming d(4);
  d.take();
  d.talk(
      "250 ok\r\n250 ok\r\n250 one\r\n"  // delivered
      "250 ok\r\n550 sender\r\n503 no\r\n503 no\r\n"
      "250 ok\r\n250 ok\r\n450 later\r\n503 no\r\n"
      "250 ok\r\n250 ok\r\n250 ok\r\n554 content");
  EXPECT_EQ(d.results(), (std::vector{outcome::delivered, outcome::rejected, outcome::deferred,
                                      outcome::rejected}));
  EXPECT_EQ(d.completion(d.ids[1])->report.recipients[0].code, 550);
  EXPECT_EQ(d.completion(d.ids[2])->report.recipients[0].code, 450);
  EXPECT_EQ(d.completion(d.ids[3])->report.recipients[0].code, 554);
  EXPECT_TRUE(d.s.idle());
  send(d, "Hi\r\n");
  EXPECT_EQ(d.take(), "RSET\r\n" + std::string(whole_mail));  // the last one failed
}

TEST(stream, reads_each_verdict_on_several_chunks_at_its_own_place) {  // BDAT-08 BDAT-14 PIPE-12
  struct row {
    std::string_view said;
    outcome became;
    int code;
    verb stage;
  };
  for (const row& x :
       {row{"550 sender\r\n503 no\r\n503 no\r\n503 no", outcome::rejected, 550, verb::mail},
        row{"250 ok\r\n551 who\r\n503 no\r\n503 no", outcome::rejected, 551, verb::rcpt},
        row{"250 ok\r\n250 ok\r\n452 full\r\n503 no", outcome::deferred, 452, verb::bdat},
        row{"250 ok\r\n250 ok\r\n250 ok\r\n552 big", outcome::rejected, 552, verb::bdat_last},
        row{"250 ok\r\n250 ok\r\n250 ok\r\n250 ok", outcome::delivered, 250, verb::bdat_last}}) {
    session_config config = config_of(pipelining_level::stream);
    config.limits.chunk_octets = 4;
    session_driver d(config);
    d.open(chunking);
    const mail_id id = send(d, "a\r\nb\r\n");
    EXPECT_EQ(d.take(), std::string(envelope_lines) + "BDAT 4\r\na\r\nbBDAT 2 LAST\r\n\r\n");
    d.talk(x.said);
    ASSERT_EQ(d.outcomes(id), std::vector{x.became}) << x.said;
    EXPECT_EQ(d.completion(id)->report.recipients[0].code, x.code);
    EXPECT_EQ(d.completion(id)->report.recipients[0].stage, x.stage);
    EXPECT_TRUE(d.s.idle()) << x.said;
  }
}

TEST(stream, sends_no_chunk_behind_a_refusal_that_was_read) {  // BDAT-08 BDAT-14
  for (const std::string_view said :
       {"550 sender\r\n503 no\r\n503 no", "250 ok\r\n550 who\r\n503 no",
        "250 ok\r\n250 ok\r\n552 full"}) {
    session_config config = config_of(pipelining_level::stream);
    config.limits.chunk_octets = 4;
    config.limits.chunks = 1;
    session_driver d(config);
    d.open(chunking);
    const mail_id id = send(d, "a\r\nb\r\n");
    const mail_id next = send(d, "Hi\r\n");
    EXPECT_EQ(d.take(), std::string(envelope_lines) + "BDAT 4\r\na\r\nb");
    EXPECT_EQ(d.talk(said), "RSET\r\n" + std::string(whole_mail)) << said;
    EXPECT_EQ(d.outcomes(id), std::vector{outcome::rejected}) << said;
    d.talk("250 ok\r\n250 ok\r\n250 ok\r\n250 ok");
    EXPECT_EQ(d.outcomes(next), std::vector{outcome::delivered}) << said;
  }
}

TEST(stream, ends_with_a_refused_rset) {  // BDAT-14 TXN-18
  streaming d(3);
  d.take();
  d.talk("250 ok\r\n250 ok\r\n250 one\r\n500 what");
  EXPECT_EQ(d.results(), (std::vector{outcome::delivered, outcome::in_doubt, outcome::in_doubt}));
  EXPECT_EQ(why(d, d.ids[1]), errc::reset_refused);
}

TEST(stream, keeps_what_was_not_handed_out_out_of_doubt) {  // BDAT-14 TXN-18 TXN-19
  streaming d(2);
  const std::string all = d.lent();
  d.sent(all.size() - 1);  // the last octet of the second mail is missing
  d.say("250 ok\r\n250 ok\r\n250 one\r\n500 what");
  EXPECT_EQ(d.results(), (std::vector{outcome::delivered, outcome::deferred}));
  EXPECT_TRUE(d.s.closed());  // inside a chunk there is no place for QUIT
  EXPECT_EQ(d.take(), "");
}

TEST(stream, closes_at_a_reply_too_many) {  // BDAT-14 REP-16
  const std::string eight = times(7, "250 ok\r\n") + "250 one too many";
  {
    streaming d(2);
    const std::string all = d.lent();
    d.sent(whole_mail.size());  // nothing of the second mail
    d.say("250 ok\r\n250 ok\r\n250 one");
    d.say("250 nobody asked");
    EXPECT_TRUE(d.s.closed());
    EXPECT_EQ(d.results(), (std::vector{outcome::delivered, outcome::not_attempted}));
  }
  {
    // A server that refuses BDAT and reads its octets as commands answers to those as well.
    streaming d(2);
    const std::string all = d.lent();
    d.sent(all.size() - 1);
    d.say(times(7, "250 ok\r\n") + "250 one too many");
    EXPECT_TRUE(d.s.closed());
    EXPECT_EQ(d.results(), (std::vector{outcome::delivered, outcome::deferred}));
  }
  streaming d(2);
  d.take();
  d.say(eight);
  EXPECT_TRUE(d.s.closed());
  EXPECT_EQ(d.results(), std::vector(2, outcome::delivered));
}

TEST(stream, closes_if_content_for_nobody_is_taken) {  // BDAT-14
  // As it is where replies are shifted: what was unanswered is in doubt.
  streaming d(3);
  d.take();
  d.talk("550 no\r\n503 no\r\n250 taken");
  EXPECT_TRUE(d.s.closed());
  EXPECT_EQ(d.results(), (std::vector{outcome::rejected, outcome::in_doubt, outcome::in_doubt}));
}

TEST(stream, is_messages_without_chunking_or_for_all_recipients) {  // BDAT-14 PIPE-17
  session_config all = config_of(pipelining_level::stream);
  all.require_all_recipients = true;
  for (const auto& [config, ehlo] :
       {std::pair{all, chunking}, std::pair{config_of(pipelining_level::stream),
                                            std::string_view("250-mx.test\r\n250 PIPELINING")}}) {
    session_driver d(config);
    d.open(ehlo);
    send(d, "Hi\r\n");
    send(d, "Hi\r\n");
    const std::string first = d.take();
    EXPECT_TRUE(first.starts_with(envelope_lines));
    EXPECT_EQ(first.find("BDAT"), std::string::npos);
    if (!config.require_all_recipients) {
      EXPECT_EQ(d.talk("250 ok\r\n250 ok\r\n354 go"),
                "Hi\r\n.\r\n" + std::string(envelope_lines) + "DATA\r\n");
    }
  }
}

TEST(stream, goes_back_a_level_where_nothing_may_run_ahead) {  // BDAT-14 PIPE-17
  streaming d(3);
  d.take();
  d.talk(
      "250 ok\r\n250 ok\r\n250 one\r\n250 reset\r\n503 not now\r\n503 no\r\n503 no\r\n"
      "250 reset\r\n250 ok\r\n250 ok\r\n250 three");
  EXPECT_EQ(d.results(), (std::vector{outcome::delivered, outcome::deferred, outcome::delivered}));
  EXPECT_EQ(why(d, d.ids[1]), errc::ran_ahead);
  send(d, "Hi\r\n");
  EXPECT_EQ(d.take(), std::string(envelope_lines) + "DATA\r\n");
}

TEST(stream, cuts_the_link_at_each_octet_honestly) {  // BDAT-10 BDAT-14 OUT-02
  const std::size_t all = whole_mail.size() * 2 + 6;
  for (std::size_t n = 0; n <= all; ++n) {
    streaming d(2);
    ASSERT_EQ(d.lent().size(), all);
    d.sent(n);
    d.end();
    const auto results = d.results();
    EXPECT_EQ(results[0] == outcome::in_doubt, n >= whole_mail.size()) << n;
    EXPECT_EQ(results[1] == outcome::in_doubt, n == all) << n;
  }
}

TEST(stream, quits_behind_what_was_sent) {  // SESS-18
  streaming d(2);
  d.s.quit();
  EXPECT_EQ(d.take(), std::string(whole_mail) + "RSET\r\n" + std::string(whole_mail) + "QUIT\r\n");
  d.talk("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n221 bye");
  EXPECT_EQ(d.results(), std::vector(2, outcome::delivered));
  EXPECT_TRUE(d.s.closed());
}

}  // namespace
}  // namespace session_chunks_test

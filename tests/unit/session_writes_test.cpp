// What a transport says about its writes: short ones, and ones that turn out not to have been
// whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/session.hpp"

namespace sansmtp {
namespace {

constexpr time_point start{std::chrono::hours(1)};

std::string joined(std::span<const bytes> views) {
  std::string all;
  for (const bytes view : views) all.append(view.data(), view.size());
  return all;
}

void say(session& s, std::string_view octets) { s.receive(start, as_bytes(octets)); }

/// Writes all that may be written now, and returns it.
std::string write_all(session& s) {
  std::string all;
  for (;;) {
    const std::string some = joined(s.output(start));
    if (some.empty()) return all;
    all += some;
    s.sent(start, some.size());
  }
}

session open_session(tls_mode tls = tls_mode::off) {
  session_config config;
  config.local_name = "client.test";
  config.tls = tls;
  session s(config);
  s.connected(start);
  say(s, "220 mx.test\r\n");
  write_all(s);
  say(s, "250-mx.test\r\n250-STARTTLS\r\n250 PIPELINING\r\n");
  while (s.next_event() != nullptr) {
  }
  return s;
}

envelope single_recipient() {
  envelope env;
  env.sender = path("s@a.test");
  env.recipients.emplace_back("r@b.test");
  return env;
}

// The text of an ended session's last event.
errc end_of(session& s) {
  errc why = errc::none;
  while (const event* e = s.next_event()) {
    if (e->what == event::kind::closed) why = condition_of(e->error);
  }
  return why;
}

TEST(session_writes, that_are_always_short_let_nothing_pile_up) {  // CORE-08 CORE-09
  session s = open_session();
  std::string content;
  while (content.size() < 8U << 20) content += "a short line\n";
  s.send(single_recipient(), message::borrow(as_bytes(content)));
  write_all(s);
  say(s, "250 s\r\n250 r\r\n354 go\r\n");
  std::size_t written = 0;
  std::size_t most = 0;
  for (;;) {
    const std::size_t offered = joined(s.output(start)).size();
    if (offered == 0) break;
    // All but a little, as a socket with a full buffer takes it.
    const std::size_t n = offered > 1000 ? offered - 1000 : offered;
    s.sent(start, n);
    written += n;
    most = std::max(most, s.memory());
  }
  EXPECT_GT(written, content.size());
  EXPECT_LT(most, 1U << 20);
}

TEST(session_writes, nothing_follows_an_answer_to_half_a_starttls) {  // TLS-04 TLS-05
  session s = open_session(tls_mode::required);
  ASSERT_EQ(joined(s.output(start)), "STARTTLS\r\n");
  say(s, "220 go\r\n");
  s.sent(start, 3);  // the peer answered what had not left
  EXPECT_EQ(write_all(s), "");
  s.tls_established(start, {});
  EXPECT_EQ(write_all(s), "");
  EXPECT_TRUE(s.closed());
  EXPECT_EQ(end_of(s), errc::unsolicited_reply);
}

TEST(session_writes, nothing_follows_a_421_to_half_a_group) {  // SESS-24 CORE-07
  session s = open_session();
  s.send(single_recipient(), message::own("a\r\n"));
  ASSERT_EQ(joined(s.output(start)), "MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\nDATA\r\n");
  say(s, "421 bye\r\n");
  s.sent(start, 5);
  EXPECT_EQ(write_all(s), "");
  EXPECT_EQ(end_of(s), errc::service_closing);
}

TEST(session_writes, quit_follows_a_421_to_a_whole_group) {  // SESS-24
  session s = open_session();
  s.send(single_recipient(), message::own("a\r\n"));
  const std::size_t group = joined(s.output(start)).size();
  say(s, "421 bye\r\n");
  s.sent(start, group);
  EXPECT_EQ(write_all(s), "QUIT\r\n");
}

TEST(session_writes, the_end_behind_a_held_reply_waits_as_well) {  // OUT-02 NET-04
  const std::string content(4000, 'x');
  session s = open_session();
  s.send(single_recipient(), message::borrow(as_bytes(content)));
  write_all(s);
  say(s, "250 s\r\n250 r\r\n354 go\r\n");
  const std::size_t all = joined(s.output(start)).size();
  say(s, "250 queued\r\n");
  s.receive_end(start);  // seen before the write's completion
  s.sent(start, all);
  outcome result = outcome::pending;
  while (const event* e = s.next_event()) {
    if (e->what == event::kind::mail_done) result = e->result;
  }
  EXPECT_EQ(result, outcome::delivered);
  EXPECT_TRUE(s.closed());
}

TEST(session_writes, octets_before_the_link_is_up_are_nobodys) {  // SESS-01
  session s;
  say(s, "421 x\r\n");
  EXPECT_EQ(write_all(s), "");
  EXPECT_EQ(s.where(), phase::unconnected);
}

TEST(session_writes, a_login_without_a_mechanism_is_none) {  // SESS-27
  session s;
  std::vector<std::unique_ptr<sasl_mechanism>> none;
  none.push_back(nullptr);
  s.authenticate(std::move(none));
  s.connected(start, {.host_name = "client.test", .local_address = {}});
  say(s, "220 mx.test\r\n");
  write_all(s);
  say(s, "250-mx.test\r\n250 AUTH PLAIN\r\n");
  EXPECT_EQ(write_all(s), "QUIT\r\n");
  say(s, "221 bye\r\n");
  EXPECT_EQ(end_of(s), errc::auth_not_offered);
}

}  // namespace
}  // namespace sansmtp

// A mechanism of the caller's own in a session (SASL-16).
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/base64.hpp"
#include "session_driver.hpp"

namespace sasl_mechanism_test {
namespace {

using namespace sansmtp;
using test::session_driver;

/// Says "one", then "two", and writes down what it is asked.
class two_steps final : public sasl_mechanism {
 public:
  struct record {
    std::string calls;
    sasl_link link;
    exposure exposes = exposure::nothing;
    errc check = errc::none;
    errc bind = errc::none;
    errc reason = errc::auth_bad_challenge;
    int destroyed = 0;
  };

  explicit two_steps(record& r) : r_(r) {}
  ~two_steps() override { ++r_.destroyed; }

  std::string_view name() const noexcept override { return "X-TWO"; }
  exposure exposes() const noexcept override { return r_.exposes; }
  errc check() const noexcept override {
    r_.calls += "check ";
    return r_.check;
  }
  errc bind(const sasl_link& link) override {
    r_.calls += "bind ";
    r_.link = link;
    return r_.bind;
  }
  std::optional<std::string> initial_response() override {
    r_.calls += "initial ";
    return "one";
  }
  std::optional<std::string> respond(std::string_view challenge) override {
    r_.calls += "respond:";
    r_.calls += challenge;
    r_.calls += ' ';
    if (challenge != "more" || done_) return std::nullopt;
    done_ = true;
    return "two";
  }
  bool satisfied() const noexcept override { return done_; }
  errc reason() const noexcept override { return r_.reason; }
  std::string_view detail() const noexcept override { return "because of that"; }

 private:
  record& r_;
  bool done_ = false;
};

/// A session that has been offered X-TWO, over TLS if there is any to tell of.
session_driver opened(two_steps::record& r, const tls_info* tls = nullptr) {
  session_config config = test::config_of();
  if (tls != nullptr) config.tls = tls_mode::implicit;
  session_driver d(config);
  std::vector<std::unique_ptr<sasl_mechanism>> all;
  all.push_back(nullptr);  // is passed over
  all.push_back(std::make_unique<two_steps>(r));
  d.s.authenticate(std::move(all));
  d.s.connected(d.now);
  d.pull();
  if (tls != nullptr) d.s.tls_established(d.now, *tls);
  d.say("220 mx.test");
  EXPECT_EQ(d.take(), "EHLO client.test\r\n");
  d.say("250-mx.test\r\n250 AUTH X-TWO X-TWO-PLUS");
  return d;
}

TEST(sasl_mechanism, is_called_in_order) {  // SASL-16
  two_steps::record r;
  session_driver d = opened(r);
  EXPECT_EQ(d.take(), "AUTH X-TWO " + base64_encode("one") + "\r\n");
  d.say("334 " + base64_encode("more"));
  EXPECT_EQ(d.take(), base64_encode("two") + "\r\n");
  EXPECT_EQ(r.destroyed, 0);
  d.say("235 ok");
  EXPECT_EQ(r.calls, "check bind initial respond:more ");
  EXPECT_EQ(r.destroyed, 1);
  EXPECT_TRUE(r.link.plus_offered);
  EXPECT_FALSE(r.link.tls || r.link.verified || r.link.binding);
  ASSERT_NE(d.last(event::kind::authenticated), nullptr);
  EXPECT_EQ(d.last(event::kind::authenticated)->detail, "X-TWO");
}

TEST(sasl_mechanism, is_told_of_the_link) {  // SASL-11
  two_steps::record r;
  const tls_info tls{true, {"tls-exporter", "octets"}};
  session_driver d = opened(r, &tls);
  EXPECT_TRUE(r.link.tls && r.link.verified);
  EXPECT_EQ(r.link.binding.type, "tls-exporter");
  EXPECT_EQ(r.link.binding.octets, "octets");
}

TEST(sasl_mechanism, gives_its_reason_and_detail) {  // AUTH-08 SASL-10
  const struct {
    errc reason, told;
  } rows[] = {
      {errc::auth_bad_challenge, errc::auth_bad_challenge},
      {errc::auth_refused, errc::auth_refused},
      {errc::server_not_proven, errc::server_not_proven},
      {errc::none, errc::auth_bad_challenge},
  };
  for (const auto& row : rows) {
    two_steps::record r;
    r.reason = row.reason;
    session_driver d = opened(r);
    (void)d.take();
    d.say("334 " + base64_encode("nonsense"));
    EXPECT_EQ(d.take(), "*\r\n");
    d.say("501 cancelled");
    const test::seen_event* failed = d.last(event::kind::session_failed);
    ASSERT_NE(failed, nullptr);
    EXPECT_EQ(failed->error, row.told);
    EXPECT_EQ(failed->code, 501);
    EXPECT_EQ(failed->detail, "because of that");
    EXPECT_EQ(failed->excerpt, "");
    // Whoever could not prove itself gets not even a QUIT.
    EXPECT_EQ(d.take(), row.told == errc::server_not_proven ? "" : "QUIT\r\n");
  }
}

TEST(sasl_mechanism, runs_only_over_a_link_that_suits_it) {  // AUTH-13 AUTH-12 B3
  const tls_info verified{true, {}};
  const tls_info unverified{false, {}};
  const struct {
    exposure exposes;
    const tls_info* tls;
    bool runs;
  } rows[] = {
      {exposure::nothing, nullptr, true},    {exposure::nothing, &unverified, true},
      {exposure::guessable, nullptr, false}, {exposure::guessable, &unverified, true},
      {exposure::secret, nullptr, false},    {exposure::secret, &unverified, false},
      {exposure::secret, &verified, true},
  };
  for (const auto& row : rows) {
    two_steps::record r;
    r.exposes = row.exposes;
    session_driver d = opened(r, row.tls);
    EXPECT_EQ(d.take().starts_with("AUTH X-TWO "), row.runs);
    EXPECT_EQ(r.calls, row.runs ? "check bind initial " : "");
    if (row.runs) continue;
    ASSERT_NE(d.last(event::kind::session_failed), nullptr);
    EXPECT_EQ(d.last(event::kind::session_failed)->error, errc::auth_needs_tls);
  }
}

TEST(sasl_mechanism, may_refuse_before_an_octet) {
  for (const bool by_check : {true, false}) {
    two_steps::record r;
    (by_check ? r.check : r.bind) = errc::bad_argument;
    session_driver d = opened(r);
    EXPECT_EQ(d.take(), "QUIT\r\n");
    EXPECT_EQ(r.calls, by_check ? "check " : "check bind ");
    ASSERT_NE(d.last(event::kind::session_failed), nullptr);
    EXPECT_EQ(d.last(event::kind::session_failed)->error, errc::bad_argument);
  }
}

}  // namespace
}  // namespace sasl_mechanism_test

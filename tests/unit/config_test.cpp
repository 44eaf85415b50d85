#include "sansmtp/config.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace sansmtp;
using namespace std::chrono_literals;
using namespace std::string_literals;

TEST(timeouts, default_to_those_of_the_rfc) {  // TIME-01
  const struct {
    verb v;
    timeouts::duration time;
  } rows[] = {
      {verb::greeting, 5min},    {verb::ehlo, 5min},      {verb::helo, 5min},
      {verb::starttls, 5min},    {verb::handshake, 1min}, {verb::auth, 5min},
      {verb::auth_cancel, 5min}, {verb::mail, 5min},      {verb::rcpt, 5min},
      {verb::data, 2min},        {verb::content, 10min},  {verb::lone_dot, 10min},
      {verb::rset, 1min},        {verb::noop, 5min},      {verb::help, 5min},
      {verb::vrfy, 5min},        {verb::expn, 5min},      {verb::raw, 5min},
      {verb::quit, 10s},
  };
  ASSERT_EQ(std::size(rows), verb_count);
  for (const auto& [v, time] : rows) {
    EXPECT_EQ(timeouts().of(v), time) << to_string(v);
  }
  EXPECT_EQ(timeouts().block, 3min);
}

TEST(timeouts, belong_to_their_own_verbs) {  // TIME-01
  timeouts t;
  t.greeting = 1s, t.hello = 2s, t.starttls = 3s, t.handshake = 4s, t.auth = 5s, t.mail = 6s;
  t.rcpt = 7s, t.data = 8s, t.block = 9s, t.content = 10s, t.reset = 11s, t.command = 12s;
  t.quit = 13s;
  const timeouts::duration rows[] = {1s,  2s,  2s,  3s,  4s,  5s,  5s,  6s,  7s, 8s,
                                     10s, 10s, 11s, 12s, 12s, 12s, 12s, 12s, 13s};
  ASSERT_EQ(std::size(rows), verb_count);
  for (std::size_t i = 0; i < verb_count; ++i) {
    EXPECT_EQ(t.of(static_cast<verb>(i)), rows[i]) << to_string(static_cast<verb>(i));
  }
  EXPECT_EQ(t.of(static_cast<verb>(200)), 12s) << "a number that is no verb";
}

TEST(session_config, checks_its_options) {  // SESS-08 LIM-01 PIPE-16
  const struct {
    const char* what;
    void (*change)(session_config&);
    errc problem;
  } rows[] = {
      {"default", [](session_config&) {}, errc::none},
      {"501", [](session_config& c) { c.helo_fallback_codes = {501}; }, errc::none},
      {"500 to 599",
       [](session_config& c) {
         c.helo_fallback_codes = {500, 599};
       },
       errc::none},
      {"450", [](session_config& c) { c.helo_fallback_codes = {450}; }, errc::bad_configuration},
      {"499", [](session_config& c) { c.helo_fallback_codes = {499}; }, errc::bad_configuration},
      {"600", [](session_config& c) { c.helo_fallback_codes = {600}; }, errc::bad_configuration},
      {"0", [](session_config& c) { c.helo_fallback_codes = {0}; }, errc::bad_configuration},
      {"504 and 450",
       [](session_config& c) {
         c.helo_fallback_codes = {504, 450};
       },
       errc::bad_configuration},
      {"line 512", [](session_config& c) { c.limits.reply.line = 512; }, errc::none},
      {"line 511", [](session_config& c) { c.limits.reply.line = 511; }, errc::bad_configuration},
      {"octets 512", [](session_config& c) { c.limits.reply.octets = 512; }, errc::none},
      {"octets 511", [](session_config& c) { c.limits.reply.octets = 511; },
       errc::bad_configuration},
      {"auth line 512", [](session_config& c) { c.limits.auth_line = 512; }, errc::none},
      {"auth line 511", [](session_config& c) { c.limits.auth_line = 511; },
       errc::bad_configuration},
      {"lines 1", [](session_config& c) { c.limits.reply.lines = 1; }, errc::none},
      {"lines 0", [](session_config& c) { c.limits.reply.lines = 0; }, errc::bad_configuration},
      {"recipients 1", [](session_config& c) { c.limits.recipients = 1; }, errc::none},
      {"recipients 0", [](session_config& c) { c.limits.recipients = 0; }, errc::bad_configuration},
      {"window 1", [](session_config& c) { c.limits.outstanding = 1; }, errc::none},
      {"window 0", [](session_config& c) { c.limits.outstanding = 0; }, errc::bad_configuration},
      {"group 1", [](session_config& c) { c.limits.group_octets = 1; }, errc::none},
      {"group 0", [](session_config& c) { c.limits.group_octets = 0; }, errc::bad_configuration},
      {"warnings 0", [](session_config& c) { c.limits.warnings = 0; }, errc::none},
      {"for ever", [](session_config& c) { c.timeouts.greeting = 0s; }, errc::none},
  };
  for (const auto& row : rows) {
    session_config config;
    row.change(config);
    EXPECT_EQ(config.check(), row.problem) << row.what;
  }
}

TEST(session_config, checks_the_ehlo_name) {  // SESS-16 CMD-04 B4
  const struct {
    std::string name;
    errc problem;
  } rows[] = {
      {"", errc::none},  // SESS-14: taken from the host.
      {"client.test", errc::none},
      {"localhost", errc::none},  // The caller may insist on a name without a dot.
      {"xn--bcher-kva.test", errc::none},
      {"[192.0.2.5]", errc::none},
      {"[IPv6:2001:db8::5]", errc::none},
      {"b\303\274cher.test", errc::bad_argument},
      {"a\nb", errc::bad_argument},
      {"x\r\nMAIL FROM:<>", errc::bad_argument},
      {"a\0b"s, errc::bad_argument},
      {"a b", errc::bad_argument},
      {"foo_bar", errc::bad_argument},
      {"a.test.", errc::bad_argument},
      {"-a.test", errc::bad_argument},
      {"192.0.2.5", errc::bad_argument},
      {"[2001:db8::5]", errc::bad_argument},
      {std::string(256, 'a'), errc::bad_argument},
  };
  for (const auto& [name, problem] : rows) {
    session_config config;
    config.local_name = name;
    EXPECT_EQ(config.check(), problem) << name;
  }
}

TEST(config, bounds_the_time_of_a_block) {  // TIME-01
  session_config config;
  config.timeouts.block = timeouts::duration(-1);
  EXPECT_EQ(config.check(), errc::bad_configuration);
  config.timeouts.block = timeouts::duration::max();
  EXPECT_EQ(config.check(), errc::bad_configuration);
  config.timeouts.block = timeouts::duration::zero();
  EXPECT_EQ(config.check(), errc::none);
}

}  // namespace

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
      {verb::xclient, 5min},     {verb::xforward, 5min},   {verb::greeting, 5min},
      {verb::ehlo, 5min},        {verb::helo, 5min},       {verb::lhlo, 5min},
      {verb::starttls, 5min},    {verb::handshake, 1min},  {verb::auth, 5min},
      {verb::auth_cancel, 5min}, {verb::mail, 5min},       {verb::rcpt, 5min},
      {verb::data, 2min},        {verb::content, 10min},   {verb::lone_dot, 10min},
      {verb::bdat, 5min},        {verb::bdat_last, 10min}, {verb::verdict, 10min},
      {verb::rset, 1min},        {verb::noop, 5min},       {verb::help, 5min},
      {verb::vrfy, 5min},        {verb::expn, 5min},       {verb::raw, 5min},
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
  t.quit = 13s, t.chunk = 14s;
  const timeouts::duration rows[] = {1s,  2s,  2s,  2s,  3s,  4s,  1s,  12s, 5s,  5s,  6s,  7s, 8s,
                                     10s, 10s, 14s, 10s, 10s, 11s, 12s, 12s, 12s, 12s, 12s, 13s};
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
      {"warnings 0", [](session_config& c) { c.limits.warnings = 0; }, errc::none},
      {"for ever", [](session_config& c) { c.timeouts.greeting = 0s; }, errc::none},
  };
  for (const auto& row : rows) {
    session_config config;
    row.change(config);
    EXPECT_EQ(config.check(), row.problem) << row.what;
  }
  for (std::uint32_t limits::*const count :
       {&limits::recipients, &limits::outstanding, &limits::group_octets, &limits::progress_octets,
        &limits::chunk_octets, &limits::chunks, &limits::body_octets, &limits::stream_mails,
        &limits::stream_outstanding}) {
    session_config config;
    config.limits.*count = 1;
    EXPECT_EQ(config.check(), errc::none);
    config.limits.*count = 0;
    EXPECT_EQ(config.check(), errc::bad_configuration);
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
      {"[x:" + std::string(251, 'a') + ']', errc::none},
      {"[x:" + std::string(252, 'a') + ']', errc::bad_argument},
  };
  for (const auto& [name, problem] : rows) {
    session_config config;
    config.local_name = name;
    EXPECT_EQ(config.check(), problem) << name;
  }
}

TEST(session_config, checks_what_xclient_and_xforward_say) {  // EXT-14 EXT-15 CMD-04
  constexpr auto none = errc::none;
  constexpr auto bad = errc::bad_argument;
  const struct {
    std::string name;
    std::string value;
    errc by_xclient;
    errc by_xforward;
  } rows[] = {
      {"NAME", "spike.test", none, none},
      {"name", "", none, none},
      {"NAME", "[UNAVAILABLE]", none, none},
      {"NAME", "[TEMPUNAVAIL]", none, none},
      {"NAME", "a+b=c d\303\274", none, none},
      {"NAME", std::string(255, 'a'), none, none},
      {"NAME", std::string(256, 'a'), bad, bad},
      {"NAME", std::string(165, '+'), none, none},  // three octets each: with CRLF 510 or 511
      {"NAME", std::string(166, '+'), bad, bad},
      {"NAME", "a\0b"s, bad, bad},
      {"NAME", "a\rb", bad, bad},
      {"NAME", "a\nb", bad, bad},
      {"NAME", "a\177b", bad, bad},
      {"ADDR", "192.0.2.1", none, none},
      {"ADDR", "IPV6:2001:db8::1", none, none},
      {"ADDR", "ipv6:::1", none, none},
      {"ADDR", "", none, none},
      {"ADDR", "[UNAVAILABLE]", none, none},
      {"ADDR", "[TEMPUNAVAIL]", bad, bad},
      {"ADDR", "2001:db8::1", bad, bad},
      {"ADDR", "192.0.2", bad, bad},
      {"ADDR", "192.0.2.256", bad, bad},
      {"ADDR", "IPV6:192.0.2.1", bad, bad},
      {"ADDR", "IPV6:", bad, bad},
      {"ADDR", "IPV7:x", bad, bad},
      {"ADDR", "[192.0.2.1]", bad, bad},
      {"ADDR", "a.test", bad, bad},
      {"PORT", "1", none, none},
      {"PORT", "65535", none, none},
      {"PORT", "65536", bad, bad},
      {"PORT", "100000", bad, bad},
      {"PORT", "0", bad, bad},
      {"PORT", "025", bad, bad},
      {"PORT", "25x", bad, bad},
      {"PORT", "[UNAVAILABLE]", none, none},
      {"PROTO", "SMTP", none, none},
      {"PROTO", "esmtp", none, none},
      {"PROTO", "QMQP", bad, none},
      {"PROTO", std::string(64, 'P'), bad, none},
      {"PROTO", std::string(65, 'P'), bad, bad},
      {"HELO", "spike", none, none},
      {"LOGIN", "user", none, bad},
      {"DESTADDR", "192.0.2.2", none, bad},
      {"DESTADDR", "x", bad, bad},
      {"DESTPORT", "25", none, bad},
      {"DESTPORT", "x", bad, bad},
      {"IDENT", "4F3A", bad, none},
      {"SOURCE", "LOCAL", bad, none},
      {"SOURCE", "remote", bad, none},
      {"SOURCE", "[UNAVAILABLE]", bad, none},
      {"SOURCE", "elsewhere", bad, bad},
      {"FOO", "x", bad, bad},
      {"", "x", bad, bad},
  };
  for (const auto& [name, value, by_xclient, by_xforward] : rows) {
    session_config config;
    config.xclient = {{name, value}};
    EXPECT_EQ(config.check(), by_xclient) << "XCLIENT " << name << '=' << value;
    config.xclient.clear();
    config.xforward = {{name, value}};
    EXPECT_EQ(config.check(), by_xforward) << "XFORWARD " << name << '=' << value;
  }
}

TEST(session_config, says_each_attribute_once_and_xclient_in_one_line) {  // EXT-14 EXT-15
  session_config config;
  config.xclient = {{"NAME", "a.test"}, {"name", "b.test"}};
  EXPECT_EQ(config.check(), errc::bad_argument);
  config.xclient.clear();
  config.xforward = {{"HELO", "a"}, {"ADDR", ""}, {"helo", "b"}};
  EXPECT_EQ(config.check(), errc::bad_argument);
  config.xforward.clear();
  // "XCLIENT NAME=... HELO=..." and CRLF are 512 octets.
  config.xclient = {{"NAME", std::string(255, 'n')}, {"HELO", std::string(236, 'h')}};
  EXPECT_EQ(config.check(), errc::none);
  config.xclient[1].value += 'h';
  EXPECT_EQ(config.check(), errc::bad_argument);
  config.xforward = {{"NAME", std::string(255, 'n')}, {"HELO", std::string(255, 'h')}};
  config.xclient.clear();
  EXPECT_EQ(config.check(), errc::none) << "those of XFORWARD may have several lines";
}

TEST(session_config, bounds_each_time) {  // TIME-01
  constexpr timeouts::duration longest = std::chrono::hours(24 * 366);
  for (const auto time :
       {&timeouts::greeting, &timeouts::hello, &timeouts::starttls, &timeouts::handshake,
        &timeouts::auth, &timeouts::mail, &timeouts::rcpt, &timeouts::data, &timeouts::block,
        &timeouts::progress, &timeouts::content, &timeouts::chunk, &timeouts::reset,
        &timeouts::command, &timeouts::quit}) {
    session_config config;
    for (const timeouts::duration bad :
         {timeouts::duration(-1), longest + timeouts::duration(1), timeouts::duration::max()}) {
      config.timeouts.*time = bad;
      EXPECT_EQ(config.check(), errc::bad_configuration) << bad.count();
    }
    for (const timeouts::duration good : {timeouts::duration::zero(), longest}) {
      config.timeouts.*time = good;
      EXPECT_EQ(config.check(), errc::none) << good.count();
    }
  }
}

}  // namespace

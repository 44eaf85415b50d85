#include "sansmtp/credentials.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "published_suite.hpp"
#include "session_driver.hpp"

namespace credentials_test {
namespace {

using namespace sansmtp;
using kind = credentials::kind;
using strength = auth_strength;

credentials of(kind what) {
  credentials who;
  who.what = what;
  who.name = "user";
  who.secret = "pencil";
  return who;
}

std::string names_of(const std::vector<std::unique_ptr<sasl_mechanism>>& all) {
  std::string names;
  for (const auto& m : all) {
    if (!names.empty()) names += ' ';
    names += m->name();
    EXPECT_EQ(m->check(), errc::none);
  }
  return names;
}

TEST(credentials, make_mechanisms_best_first) {  // AUTH-12 SEC-05
  published_suite suite;
  const struct {
    kind what;
    bool with_suite;
    strength minimum;
    std::vector<std::string_view> chosen;
    std::string_view names;
  } rows[] = {
      {kind::password,
       true,
       strength::any,
       {},
       "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5"},
      {kind::password,
       true,
       strength::hidden,
       {},
       "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5"},
      {kind::password,
       true,
       strength::mutual,
       {},
       "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1"},
      {kind::password, true, strength::bound, {}, "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS"},
      {kind::password, false, strength::any, {}, "PLAIN LOGIN"},
      {kind::password, false, strength::hidden, {}, ""},
      {kind::token, false, strength::any, {}, "OAUTHBEARER XOAUTH2"},
      {kind::token, true, strength::hidden, {}, ""},
      {kind::external, false, strength::any, {}, "EXTERNAL"},
      {kind::external, true, strength::mutual, {}, ""},
      // The caller's own list, in its order and in any case; what does not fit is left out.
      {kind::password,
       true,
       strength::any,
       {"login", "Scram-Sha-1", "CRAM-MD5"},
       "LOGIN SCRAM-SHA-1 CRAM-MD5"},
      {kind::password, true, strength::mutual, {"LOGIN", "SCRAM-SHA-1"}, "SCRAM-SHA-1"},
      {kind::password, true, strength::any, {"XOAUTH2", "EXTERNAL", "PLAI", "", "NTLM"}, ""},
      {kind::token, true, strength::any, {"XOAUTH2", "PLAIN"}, "XOAUTH2"},
  };
  for (const auto& row : rows) {
    mechanism_options options;
    if (row.with_suite) options.suite = &suite;
    options.minimum = row.minimum;
    options.names = row.chosen;
    EXPECT_EQ(names_of(make_mechanisms(of(row.what), options)), row.names);
  }
}

TEST(credentials, are_handed_on_whole) {
  published_suite suite;
  mechanism_options options;
  options.suite = &suite;
  options.max_scram_iterations = 5000;
  credentials who = of(kind::password);
  who.authorization_id = "boss";
  const auto all = make_mechanisms(who, options);
  ASSERT_EQ(all.size(), 7U);
  ASSERT_EQ(all[3]->bind({}), errc::none);
  EXPECT_EQ(all[3]->initial_response(), "n,a=boss,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
  EXPECT_EQ(all[3]->respond("r=fyko+d2lbbFgONRv9qkxdawLx,s=QQ==,i=5001"), std::nullopt);
  EXPECT_EQ(all[4]->initial_response(), std::string("boss\0user\0pencil", 16));
  who.what = kind::token;
  who.host = "h.test";
  who.port = 25;
  EXPECT_EQ(make_mechanisms(who, options)[0]->initial_response(),
            "n,a=user,\1host=h.test\1port=25\1auth=Bearer pencil\1\1");
  who.name = "\xC3\xA9";
  who.what = kind::password;
  for (const auto& m : make_mechanisms(who, options)) EXPECT_EQ(m->check(), errc::bad_argument);
  who.already_prepared = true;
  for (const auto& m : make_mechanisms(who, options)) EXPECT_EQ(m->check(), errc::none);
}

/// The mechanism that a session begins with, or the error if it begins with none.
std::string chosen(kind what, std::string_view offer, const tls_info* tls, strength minimum,
                   void (*change)(session_config&) = nullptr) {
  static published_suite suite;
  session_config config;
  config.local_name = "client.test";
  if (tls != nullptr) config.tls = tls_mode::implicit;
  if (change != nullptr) change(config);
  test::session_driver d(config);
  mechanism_options options;
  options.suite = &suite;
  options.minimum = minimum;
  d.s.authenticate(make_mechanisms(of(what), options));
  d.s.connected(d.now);
  d.pull();
  if (tls != nullptr) d.s.tls_established(d.now, *tls);
  d.say("220 mx.test");
  (void)d.take();
  d.say("250-mx.test\r\n250 AUTH " + std::string(offer));
  const std::string written = d.take();
  for (const test::seen_event& e : d.events) {
    if (e.what == event::kind::session_failed) return std::string(to_string(condition_of(e.error)));
  }
  return written.substr(5, written.find_first_of(" \r", 5) - 5);
}

TEST(credentials, choice_of_a_session) {  // AUTH-12 AUTH-13 SASL-11 B3
  const tls_info verified{true, {}};
  const tls_info bound{true, {"tls-exporter", "0123456789abcdef0123456789abcdef"}};
  const tls_info unverified{false, {}};
  const auto guessable = [](session_config& c) { c.allow_challenge_cleartext = true; };
  const auto everything = [](session_config& c) { c.allow_auth_cleartext = true; };
  const auto anybody = [](session_config& c) { c.allow_auth_unverified_tls = true; };
  const std::string all =
      "LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS "
      "XOAUTH2 OAUTHBEARER EXTERNAL";
  const struct {
    kind what;
    std::string offer;
    const tls_info* tls;
    strength minimum;
    void (*change)(session_config&);
    std::string_view line;
  } rows[] = {
      // All is offered: the link decides.
      {kind::password, all, &bound, strength::any, nullptr, "SCRAM-SHA-256-PLUS"},
      {kind::password, all, &verified, strength::any, nullptr, "SCRAM-SHA-256"},
      {kind::password, all, &unverified, strength::any, nullptr, "SCRAM-SHA-256"},
      {kind::password, all, nullptr, strength::any, nullptr, "auth_needs_tls"},
      {kind::password, all, nullptr, strength::any, guessable, "SCRAM-SHA-256"},
      {kind::password, all, nullptr, strength::any, everything, "SCRAM-SHA-256"},
      // The order of what is offered does not matter, ours does.
      {kind::password, "SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1", &bound, strength::any, nullptr,
       "SCRAM-SHA-1-PLUS"},
      {kind::password, "SCRAM-SHA-1 SCRAM-SHA-256", &bound, strength::any, nullptr,
       "SCRAM-SHA-256"},
      {kind::password, "SCRAM-SHA-1 PLAIN", &bound, strength::any, nullptr, "SCRAM-SHA-1"},
      {kind::password, "CRAM-MD5 LOGIN PLAIN", &verified, strength::any, nullptr, "PLAIN"},
      {kind::password, "CRAM-MD5 LOGIN", &verified, strength::any, nullptr, "LOGIN"},
      {kind::password, "CRAM-MD5", &verified, strength::any, nullptr, "CRAM-MD5"},
      // Without proof or without TLS no password is shown.
      {kind::password, "CRAM-MD5 LOGIN PLAIN", &unverified, strength::any, nullptr, "CRAM-MD5"},
      {kind::password, "LOGIN PLAIN", &unverified, strength::any, nullptr, "auth_needs_tls"},
      {kind::password, "LOGIN PLAIN", &unverified, strength::any, anybody, "PLAIN"},
      {kind::password, "CRAM-MD5 PLAIN", nullptr, strength::any, nullptr, "auth_needs_tls"},
      {kind::password, "CRAM-MD5 PLAIN", nullptr, strength::any, guessable, "CRAM-MD5"},
      {kind::password, "LOGIN PLAIN", nullptr, strength::any, guessable, "auth_needs_tls"},
      {kind::password, "LOGIN PLAIN", nullptr, strength::any, everything, "PLAIN"},
      {kind::password, "LOGIN PLAIN", nullptr, strength::any, anybody, "auth_needs_tls"},
      // A minimum holds whatever has gone from the offer.
      {kind::password, "LOGIN PLAIN CRAM-MD5", &bound, strength::mutual, nullptr,
       "auth_not_offered"},
      {kind::password, "SCRAM-SHA-256", &bound, strength::bound, nullptr, "auth_not_offered"},
      {kind::password, all, &verified, strength::bound, nullptr, "auth_not_offered"},
      {kind::password, "LOGIN CRAM-MD5", &verified, strength::hidden, nullptr, "CRAM-MD5"},
      // Tokens are secrets.
      {kind::token, all, &verified, strength::any, nullptr, "OAUTHBEARER"},
      {kind::token, "XOAUTH2 PLAIN", &verified, strength::any, nullptr, "XOAUTH2"},
      {kind::token, all, &unverified, strength::any, nullptr, "auth_needs_tls"},
      {kind::token, all, nullptr, strength::any, nullptr, "auth_needs_tls"},
      {kind::token, all, nullptr, strength::any, guessable, "auth_needs_tls"},
      {kind::token, all, nullptr, strength::any, everything, "OAUTHBEARER"},
      {kind::token, "PLAIN LOGIN SCRAM-SHA-256", &bound, strength::any, nullptr,
       "auth_not_offered"},
      // EXTERNAL only for who asked for it.
      {kind::external, all, nullptr, strength::any, nullptr, "EXTERNAL"},
      {kind::external, "PLAIN", &bound, strength::any, nullptr, "auth_not_offered"},
      {kind::password, "EXTERNAL XOAUTH2", &bound, strength::any, nullptr, "auth_not_offered"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.offer);
    EXPECT_EQ(chosen(row.what, row.offer, row.tls, row.minimum, row.change), row.line);
  }
}

}  // namespace
}  // namespace credentials_test

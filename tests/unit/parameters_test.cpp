#include "sansmtp/parameters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "parameters.hpp"
#include "session_setup.hpp"

namespace sansmtp {

// Found by its arguments.
static bool operator==(const parameter& a, const parameter& b) {
  return a.keyword == b.keyword && a.value == b.value;
}

namespace {

using parameters = std::vector<parameter>;

TEST(parameters, sets_and_shows_each_field_of_an_envelope) {  // CMD-15
  const parameters all = {{"RET", "HDRS"},        {"ENVID", "q+ 1"},
                          {"AUTH", "a+b@c.test"}, {"REQUIRETLS", ""},
                          {"BY", "120;RT"},       {"MT-PRIORITY", "-3"},
                          {"HOLDFOR", "60"},      {"HOLDUNTIL", "2030-01-01T00:00:00Z"}};
  envelope env;
  EXPECT_TRUE(parameters_of(env).empty());
  EXPECT_FALSE(detail::has_parameters(env));
  for (auto p = all.rbegin(); p != all.rend(); ++p) {
    envelope alone;
    EXPECT_TRUE(set_parameter(alone, p->keyword, p->value)) << p->keyword;
    EXPECT_EQ(parameters_of(alone), parameters{*p}) << p->keyword;
    EXPECT_TRUE(detail::has_parameters(alone)) << p->keyword;
    std::string other_case = p->keyword;
    std::transform(other_case.begin(), other_case.end(), other_case.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    EXPECT_TRUE(set_parameter(env, other_case, p->value)) << other_case;
  }
  EXPECT_EQ(parameters_of(env), all) << "in the order of the line";
  EXPECT_EQ(env.priority, std::int8_t{-3});
  EXPECT_EQ(env.authenticated_sender, path("a+b@c.test"));

  EXPECT_TRUE(set_parameter(env, "AUTH", "<>"));
  EXPECT_TRUE(env.authenticated_sender->is_null());
  const parameters shown = parameters_of(env);
  EXPECT_EQ(std::count(shown.begin(), shown.end(), parameter{"AUTH", "<>"}), 1);
  EXPECT_TRUE(set_parameter(env, "AUTH", "a@b_c.test"));
  EXPECT_EQ(env.authenticated_sender->error(), errc::bad_address);
  EXPECT_TRUE(set_parameter(env, "AUTH", "a@b_c.test", {.allow_underscore = true}));
  EXPECT_EQ(env.authenticated_sender->error(), errc::none);
  EXPECT_TRUE(set_parameter(env, "RET", "full"));
  EXPECT_EQ(parameters_of(env)[0], (parameter{"RET", "FULL"}));
}

TEST(parameters, sets_and_shows_each_field_of_a_recipient) {  // CMD-15 DSN-02
  recipient to("r@b.test");
  EXPECT_TRUE(parameters_of(to).empty());
  EXPECT_TRUE(set_parameter(to, "orcpt", "rfc822;a+b@c.test"));
  EXPECT_TRUE(set_parameter(to, "notify", "delay,success"));
  EXPECT_EQ(parameters_of(to),
            (parameters{{"NOTIFY", "SUCCESS,DELAY"}, {"ORCPT", "rfc822;a+b@c.test"}}));
  envelope env;
  env.recipients.emplace_back("other@b.test");
  EXPECT_FALSE(detail::has_parameters(env));
  env.recipients.push_back(to);
  EXPECT_TRUE(detail::has_parameters(env));
  for (const std::string_view set : {"NEVER", "SUCCESS", "FAILURE", "DELAY", "SUCCESS,FAILURE"}) {
    EXPECT_TRUE(set_parameter(to, "NOTIFY", set));
    EXPECT_EQ(parameters_of(to)[0], (parameter{"NOTIFY", std::string(set)}));
  }
}

TEST(parameters, refuses_what_no_field_can_hold) {
  envelope env;
  for (const auto& [keyword, value] :
       {parameter{"RET", "NONE"}, parameter{"RET", ""}, parameter{"MT-PRIORITY", ""},
        parameter{"MT-PRIORITY", "x"}, parameter{"MT-PRIORITY", "1x"},
        parameter{"MT-PRIORITY", "128"}, parameter{"MT-PRIORITY", "-129"},
        parameter{"MT-PRIORITY", "99999999999"}, parameter{"REQUIRETLS", "1"},
        // What the engine decides itself, what is another's, and what there is not.
        parameter{"SIZE", "1"}, parameter{"BODY", "7BIT"}, parameter{"SMTPUTF8", ""},
        parameter{"NOTIFY", "NEVER"}, parameter{"XFOO", "1"}, parameter{"", ""}}) {
    EXPECT_FALSE(set_parameter(env, keyword, value)) << keyword << '=' << value;
    EXPECT_TRUE(parameters_of(env).empty()) << keyword << '=' << value;
  }
  EXPECT_TRUE(set_parameter(env, "MT-PRIORITY", "127"));
  EXPECT_TRUE(set_parameter(env, "MT-PRIORITY", "-128"));
  recipient to;
  for (const std::string_view bad : {"", ",", "SUCCESS,", ",DELAY", "SUCCESS,,DELAY", "ALWAYS"}) {
    EXPECT_FALSE(set_parameter(to, "NOTIFY", bad)) << bad;
  }
  EXPECT_FALSE(set_parameter(to, "RET", "FULL"));
  EXPECT_TRUE(parameters_of(to).empty());
}

TEST(parameters, are_checked_without_a_server) {  // CMD-11 CMD-13 DSN-02 DSN-04 EXT-12 EXT-13
  const struct {
    const char* name;
    std::function<void(envelope&)> set;
    errc why;
  } rows[] = {
      {"none", [](envelope&) {}, errc::none},
      {"all that are good",
       [](envelope& e) {
         e.return_content = dsn_return::full;
         e.envelope_id = "q1";
         e.authenticated_sender = path("\xC3\xA9@a.test");
         e.require_tls = true;
         e.deliver_by = "1;R";
         e.priority = std::int8_t{9};
         e.hold_for = "1";
         e.parameters = {{"XFOO", "1"}};
         e.recipients[1].notification = notify::never;
         e.recipients[1].original = "rfc822;a@b.test";
         e.recipients[1].parameters = {{"XFOO", ""}};
       },
       errc::none},
      {"AUTH", [](envelope& e) { e.authenticated_sender = path("a"); }, errc::bad_address},
      {"BY", [](envelope& e) { e.deliver_by = "0;R"; }, errc::bad_parameter},
      {"ENVID", [](envelope& e) { e.envelope_id = "\n"; }, errc::bad_argument},
      {"MT-PRIORITY", [](envelope& e) { e.priority = std::int8_t{10}; }, errc::bad_parameter},
      {"both holds",
       [](envelope& e) {
         e.hold_for = "1";
         e.hold_until = "2030-01-01T00:00:00Z";
       },
       errc::bad_parameter},
      {"HOLDUNTIL", [](envelope& e) { e.hold_until = "today"; }, errc::bad_parameter},
      {"NOTIFY", [](envelope& e) { e.recipients[1].notification = notify::never | notify::delay; },
       errc::bad_parameter},
      {"ORCPT", [](envelope& e) { e.recipients[1].original = "rfc822;a\r\n"; }, errc::bad_argument},
      {"raw twice",
       [](envelope& e) {
         e.parameters = {{"XFOO", "1"}, {"xfoo", ""}};
       },
       errc::bad_parameter},
      {"raw of RCPT",
       [](envelope& e) {
         e.recipients[0].parameters = {{"X FOO", ""}};
       },
       errc::bad_parameter},
      {"a line of MAIL that is too long",
       [](envelope& e) {
         e.parameters = {{"XFOO", std::string(1400, 'x')}};
       },
       errc::line_too_long},
      {"a line of RCPT that is too long",
       [](envelope& e) {
         e.recipients[1].parameters = {{"XFOO", std::string(1048, 'x')}};
       },
       errc::line_too_long},
  };
  for (const auto& row : rows) {
    envelope env = test::envelope_to(2);
    row.set(env);
    EXPECT_EQ(check_parameters(env), row.why) << row.name;
  }
}

// A parameter is looked for behind the path alone: no octet of a path, and no other parameter whose
// value looks like the end of one, hides it.
TEST(parameters, never_stand_twice_in_a_line) {  // CMD-13
  for (const std::string_view sender : {"s@a.test", "\"x> y\"@a.test"}) {
    for (const std::string_view keyword : {"SIZE", "AUTH", "RET", "XFOO"}) {
      session_config config = test::config_of(pipelining_level::off);
      config.allow_unadvertised = true;
      test::session_driver d(std::move(config));
      d.open("250-mx.test\r\n250-SIZE\r\n250-DSN\r\n250 AUTH PLAIN");
      envelope env = test::envelope_to(1);
      env.sender = path(sender);
      env.return_content = dsn_return::full;
      env.authenticated_sender = path();
      env.parameters = {{std::string(keyword), "1"}};
      const mail_id id = d.s.send(env, test::borrowed_body());
      const std::string line = d.take();
      if (keyword == "XFOO") {
        EXPECT_EQ(line,
                  "MAIL FROM:<" + std::string(sender) + "> SIZE=22 RET=FULL AUTH=<> XFOO=1\r\n");
        continue;
      }
      EXPECT_EQ(line, "") << keyword;
      EXPECT_EQ(d.completion(id)->error, errc::bad_parameter) << keyword;
    }
  }
}

/// The line of MAIL, or of RCPT, that a server which offers `offered` gets; empty: none.
std::string line_of(std::string_view offered, const std::function<void(envelope&)>& set, bool rcpt,
                    errc* why = nullptr) {
  test::session_driver d(test::config_of(pipelining_level::off));
  d.open("250-mx.test\r\n" + std::string(offered) + "\r\n250 DSN");
  envelope env = test::envelope_to(1);
  set(env);
  const mail_id id = d.s.send(env, test::borrowed_body());
  std::string line = d.take();
  if (why != nullptr) *why = errc::none;
  if (line.empty() && why != nullptr) *why = condition_of(d.completion(id)->error);
  return rcpt && !line.empty() ? d.talk("250 ok") : line;
}

TEST(parameters, keep_to_the_bounds_that_the_server_gives) {  // EXT-12 EXT-13 attacks B12
  const struct {
    std::string_view offered;
    std::string_view keyword;
    std::string_view value;
    bool good;
  } rows[] = {
      {"250-DELIVERBY 240", "BY", "240;R", true},
      {"250-DELIVERBY 240", "BY", "+240;RT", true},
      {"250-DELIVERBY 240", "BY", "+239;RT", false},
      {"250-DELIVERBY 240", "BY", "239;R", false},
      {"250-DELIVERBY 240", "BY", "99;R", false},
      {"250-DELIVERBY 240", "BY", "1000;R", true},
      {"250-DELIVERBY 240", "BY", "120;N", true},
      {"250-DELIVERBY 240", "BY", "-5;N", true},
      {"250-DELIVERBY 240,x", "BY", "239;R", false},
      {"250-DELIVERBY 240 x", "BY", "239;R", false},
      {"250-DELIVERBY", "BY", "1;R", true},
      {"250-DELIVERBY 0", "BY", "1;R", true},
      // What is no number bounds nothing.
      {"250-DELIVERBY -240", "BY", "1;R", true},
      {"250-DELIVERBY 24O", "BY", "1;R", true},
      {"250-DELIVERBY 9999999999", "BY", "1;R", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDFOR", "60", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDFOR", "61", false},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDFOR", "100", false},
      {"250-FUTURERELEASE  60", "HOLDFOR", "7", true},
      {"250-FUTURERELEASE", "HOLDFOR", "999999999", true},
      {"250-FUTURERELEASE x y", "HOLDFOR", "999999999", true},
      {"250-FUTURERELEASE 9999999999 x", "HOLDFOR", "999999999", true},
      {"250-FUTURERELEASE 0 2030-01-01T00:00:00Z", "HOLDFOR", "1", false},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDUNTIL", "2030-01-01T00:00:00Z", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDUNTIL", "2029-12-31T23:59:59.9Z", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDUNTIL", "2030-01-01T00:00:00.0Z", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDUNTIL", "2030-01-01T00:00:00.01Z", false},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00Z", "HOLDUNTIL", "2030-01-01T00:00:01Z", false},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00.5Z", "HOLDUNTIL", "2030-01-01T00:00:00.50Z", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00.5Z", "HOLDUNTIL", "2030-01-01T00:00:00Z", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00.5Z", "HOLDUNTIL", "2030-01-01T00:00:00.6Z", false},
      {"250-FUTURERELEASE 60", "HOLDUNTIL", "2999-01-01T00:00:00Z", true},
      {"250-FUTURERELEASE 60 tomorrow", "HOLDUNTIL", "2999-01-01T00:00:00Z", true},
      {"250-FUTURERELEASE 60 2030-01-01T00:00:00", "HOLDUNTIL", "2999-01-01T00:00:00Z", true},
  };
  for (const auto& row : rows) {
    errc why = errc::none;
    const std::string line = line_of(
        row.offered, [&](envelope& e) { ASSERT_TRUE(set_parameter(e, row.keyword, row.value)); },
        false, &why);
    const std::string what = std::string(row.offered) + ": " + std::string(row.value);
    EXPECT_EQ(why, row.good ? errc::none : errc::parameter_out_of_range) << what;
    EXPECT_EQ(line.find(std::string(row.keyword) + '=' + std::string(row.value) + "\r\n") !=
                  std::string::npos,
              row.good)
        << what;
  }
}

TEST(parameters, spell_the_original_address_as_its_type_asks) {  // DSN-03 DSN-05 CMD-16
  const std::string long_name(490, 'x');
  const struct {
    std::string_view original;
    bool utf8_mail;
    std::string_view spelt;  // empty: refused
  } rows[] = {
      {"rfc822;a+b@c.test", false, "rfc822;a+2Bb@c.test"},
      {"a+b@c.test", false, "rfc822;a+2Bb@c.test"},
      {"\"a;b\"@c.test", false, "rfc822;\"a;b\"@c.test"},
      {"x400;/c=de", false, "x400;/c+3Dde"},
      {"\xC3\xA9@b.test", false, "utf-8;\\x{E9}@b.test"},
      {"utf-8;\xC3\xA9@b.test", false, "utf-8;\\x{E9}@b.test"},
      {"UTF-8;\xE2\x82\xAC\xF0\x9F\x98\x80@b.test", false, "UTF-8;\\x{20AC}\\x{1F600}@b.test"},
      {"utf-8;\"a b\\\\+=\"@b.test", false,
       "utf-8;\"a\\x{20}b\\x{5C}\\x{5C}\\x{2B}\\x{3D}\"@b.test"},
      {"\xC3\xA9+@b.test", true, "utf-8;\xC3\xA9\\x{2B}@b.test"},
      {"a@b.test", true, "rfc822;a@b.test"},
      {"rfc822;\xC3\xA9@b.test", false, {}},
      {"rfc822;\xC3\xA9@b.test", true, {}},
      {"utf-8;\xC3(@b.test", true, {}},
      {"utf-8;\xC2\x85@b.test", true, {}},
      {"\xC3(@b.test", false, {}},
      {"a", false, {}},
      {"-x;a@b.test", false, {}},
      {";a@b.test", false, {}},
  };
  for (const auto& row : rows) {
    const std::string line = line_of(
        "250-SMTPUTF8",
        [&](envelope& e) {
          e.recipients[0].original = row.original;
          if (row.utf8_mail) e.sender = path("\xC3\xA9@a.test");
        },
        true);
    const std::string expected =
        row.spelt.empty() ? "" : "RCPT TO:<r1@b.test> ORCPT=" + std::string(row.spelt) + "\r\n";
    EXPECT_EQ(line, expected) << row.original;
  }
  // The limit is that of what is written.
  const auto original = [](std::size_t size) {
    return [size](envelope& e) {
      e.recipients[0].original = "utf-8;" + std::string(size, 'x') + "\xC3\xA9@b.test";
    };
  };
  EXPECT_NE(line_of("250-SMTPUTF8", original(481), true), "");
  EXPECT_EQ(line_of("250-SMTPUTF8", original(482), true), "");
  // A recipient that was refused for its own address makes no mail one for SMTPUTF8.
  const std::string plain = line_of(
      "250-X",
      [](envelope& e) {
        e.recipients.insert(e.recipients.begin(), recipient("\xC3\xA9@b.test"));
        e.skip_bad_recipients = true;
        e.recipients[1].original = "\xC3\xA9@b.test";
      },
      true);
  EXPECT_EQ(plain, "RCPT TO:<r1@b.test> ORCPT=utf-8;\\x{E9}@b.test\r\n");
}

}  // namespace
}  // namespace sansmtp

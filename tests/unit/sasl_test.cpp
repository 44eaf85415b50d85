#include "sansmtp/sasl.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "published_suite.hpp"
#include "sansmtp/base64.hpp"
#include "sasl_vectors.hpp"

namespace {

using namespace sansmtp;
using namespace std::string_literals;

TEST(plain, sends_one_message) {  // SASL-01 AUTH-03
  const struct {
    const char* authorization_id;
    const char* name;
    const char* password;
    const char* base64;
  } rows[] = {
      {"test", "test", "1234", "dGVzdAB0ZXN0ADEyMzQ="},                 // T1
      {"", "tim", "tanstaaftanstaaf", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"},  // T2
  };
  for (const auto& row : rows) {
    const auto m = make_plain(row.name, row.password, row.authorization_id);
    EXPECT_EQ(m->name(), "PLAIN");
    EXPECT_EQ(m->exposes(), exposure::secret);  // AUTH-13
    EXPECT_EQ(m->check(), errc::none);
    const auto response = m->initial_response();
    ASSERT_TRUE(response);
    EXPECT_EQ(base64_encode(*response), row.base64);
    EXPECT_TRUE(m->satisfied());
    // It has nothing more to say: a server that goes on asking is cancelled.
    EXPECT_EQ(m->respond(""), std::nullopt);
    EXPECT_EQ(m->respond("again"), std::nullopt);
  }
}

TEST(plain, takes_long_fields) {  // SASL-01
  const std::string field(255, 'x');
  const auto m = make_plain(field, field, field);
  EXPECT_EQ(m->check(), errc::none);
  EXPECT_EQ(m->initial_response(), field + '\0' + field + '\0' + field);
}

// What each of the two fields may be; LOGIN and PLAIN agree.
const struct {
  std::string text;
  bool good;
  bool good_if_prepared;
} fields[] = {
    {"user", true, true},
    {" pass word~!\"\\=+", true, true},
    {"", false, false},
    {"a\0b"s, false, false},
    {"\0"s, false, false},
    {"p\x01", false, false},
    {"p\x1F", false, false},
    {"p\x7F", false, false},
    {"p\r\n", false, false},
    {"\xC3\xA9", false, true},
    {"p\xE4\xB8\xAD", false, true},
    {"\xC3", false, false},
    {"\xC3(", false, false},
    {"\xE9", false, false},
    {"\xC0\x80", false, false},
    {"\xC2\x85", false, false},
    {"\xC3\xA9\x01", false, false},
};

TEST(plain, checks_its_fields) {  // SASL-01 SASL-02 B9
  for (const auto& [text, good, good_if_prepared] : fields) {
    SCOPED_TRACE(text);
    for (const bool prepared : {false, true}) {
      const errc verdict = (prepared ? good_if_prepared : good) ? errc::none : errc::bad_argument;
      EXPECT_EQ(make_plain(text, "p", "", prepared)->check(), verdict);
      EXPECT_EQ(make_plain("u", text, "", prepared)->check(), verdict);
      EXPECT_EQ(make_plain("u", "p", text, prepared)->check(), text.empty() ? errc::none : verdict);
    }
  }
}

TEST(login, answers_two_prompts_whatever_they_say) {  // SASL-03 AUTH-05
  const std::string prompts[][2] = {
      {"VXNlcm5hbWU6", "UGFzc3dvcmQ6"},      // T3
      {"VXNlciBOYW1lAA==", "UGFzc3dvcmQA"},  // with a NUL inside
      {"UGFzc3dvcmQ6", "VXNlcm5hbWU6"},      // the wrong way round
      {"", ""},
  };
  for (const auto& prompt : prompts) {
    const auto m = make_login("tim", "tanstaaftanstaaf");
    EXPECT_EQ(m->name(), "LOGIN");
    EXPECT_EQ(m->exposes(), exposure::secret);
    EXPECT_EQ(m->check(), errc::none);
    EXPECT_EQ(m->initial_response(), std::nullopt);
    const auto first = m->respond(base64_decode(prompt[0]).value());
    const auto second = m->respond(base64_decode(prompt[1]).value());
    ASSERT_TRUE(first && second);
    EXPECT_EQ(base64_encode(*first), "dGlt");
    EXPECT_EQ(base64_encode(*second), "dGFuc3RhYWZ0YW5zdGFhZg==");
    EXPECT_TRUE(m->satisfied());
    EXPECT_EQ(m->respond(""), std::nullopt);
    EXPECT_EQ(m->respond("VXNlcm5hbWU6"), std::nullopt) << "it does not begin again";
  }
}

TEST(login, checks_its_fields) {  // SASL-02
  for (const auto& [text, good, good_if_prepared] : fields) {
    SCOPED_TRACE(text);
    for (const bool prepared : {false, true}) {
      const errc verdict = (prepared ? good_if_prepared : good) ? errc::none : errc::bad_argument;
      EXPECT_EQ(make_login(text, "p", prepared)->check(), verdict);
      EXPECT_EQ(make_login("u", text, prepared)->check(), verdict);
    }
  }
}

TEST(cram_md5, published_vector) {  // T4 SASL-04 AUTH-05
  published_suite suite;
  check_cram_md5_vector(suite);
}

TEST(cram_md5, refuses_an_empty_challenge) {  // SASL-04
  published_suite suite;
  const auto m = make_cram_md5("tim", "tanstaaftanstaaf", suite);
  EXPECT_EQ(m->name(), "CRAM-MD5");
  EXPECT_EQ(m->exposes(), exposure::guessable);
  EXPECT_EQ(m->respond(""), std::nullopt);
  EXPECT_FALSE(m->satisfied());
}

TEST(cram_md5, checks_its_fields) {  // SASL-02
  published_suite suite;
  for (const auto& [text, good, good_if_prepared] : fields) {
    SCOPED_TRACE(text);
    for (const bool prepared : {false, true}) {
      const errc verdict = (prepared ? good_if_prepared : good) ? errc::none : errc::bad_argument;
      EXPECT_EQ(make_cram_md5(text, "p", suite, prepared)->check(), verdict);
      EXPECT_EQ(make_cram_md5("u", text, suite, prepared)->check(), verdict);
    }
  }
}

TEST(cram_md5, gives_up_when_the_suite_does) {
  published_suite suite;
  suite.works = 0;
  EXPECT_EQ(make_cram_md5("tim", "secret", suite)->respond("<a@b.test>"), std::nullopt);
}

TEST(xoauth2, published_vector) {  // T8 SASL-14
  const auto m =
      make_xoauth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
  EXPECT_EQ(m->name(), "XOAUTH2");
  EXPECT_EQ(m->exposes(), exposure::secret);  // AUTH-13
  EXPECT_EQ(m->check(), errc::none);
  EXPECT_EQ(
      base64_encode(m->initial_response().value()),
      "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhk"
      "SFJoZG1semRHRXVZMjl0Q2cBAQ==");
  EXPECT_TRUE(m->satisfied());
}

TEST(oauthbearer, published_vector) {  // T7 SASL-13
  const auto m = make_oauthbearer(
      "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com", 587);
  EXPECT_EQ(m->name(), "OAUTHBEARER");
  EXPECT_EQ(m->exposes(), exposure::secret);  // AUTH-13
  EXPECT_EQ(m->check(), errc::none);
  EXPECT_EQ(
      base64_encode(m->initial_response().value()),
      "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVy"
      "IHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB");
  EXPECT_TRUE(m->satisfied());
}

TEST(oauthbearer, leaves_out_what_is_not_known) {  // SASL-13
  EXPECT_EQ(make_oauthbearer("", "tok")->initial_response(), "n,,\1auth=Bearer tok\1\1");
  EXPECT_EQ(make_oauthbearer("a=b,c", "tok")->initial_response(),
            "n,a=a=3Db=2Cc,\1auth=Bearer tok\1\1");
  EXPECT_EQ(make_oauthbearer("", "tok", "h.test")->initial_response(),
            "n,,\1host=h.test\1auth=Bearer tok\1\1");
  EXPECT_EQ(make_oauthbearer("", "tok", "", 65535)->initial_response(),
            "n,,\1port=65535\1auth=Bearer tok\1\1");
}

TEST(bearer, answers_one_error_and_tells_it) {  // SASL-13 SASL-14 SEC-03
  const struct {
    std::string challenge, detail;
  } rows[] = {
      {R"({"status":"401"})", R"({"status":"401"})"},
      {"", ""},
      {"a\x1B[2J\nb", "a?[2J / b"},
      {R"({"you sent":"ya29.secret"})", ""},
      {std::string(600, 'x'), std::string(512, 'x')},
  };
  for (const auto& [challenge, detail] : rows) {
    for (const bool google : {true, false}) {
      const auto m =
          google ? make_xoauth2("u", "ya29.secret") : make_oauthbearer("u", "ya29.secret");
      EXPECT_EQ(m->detail(), "");
      EXPECT_EQ(m->respond(challenge), google ? "" : "\1");
      EXPECT_EQ(m->detail(), detail);
      // A success would contradict the error.
      EXPECT_FALSE(m->satisfied());
      EXPECT_EQ(m->respond(challenge), std::nullopt) << "once";
    }
  }
}

TEST(bearer, checks_its_fields) {  // SASL-15
  const struct {
    std::string text;
    bool user, token, host;  // may it be one?
  } rows[] = {
      {"plain", true, true, true},      {"a\1b", false, false, false},
      {"a\0b"s, false, false, false},   {"a\rb", false, false, false},
      {"a\nb", false, false, false},    {"a\x7F", false, false, false},
      {"\xC3\xA9", true, false, false}, {"\xC3", false, false, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto verdict = [](bool good) { return good ? errc::none : errc::bad_argument; };
    EXPECT_EQ(make_xoauth2(row.text, "t")->check(), verdict(row.user));
    EXPECT_EQ(make_xoauth2("u", row.text)->check(), verdict(row.token));
    EXPECT_EQ(make_oauthbearer(row.text, "t")->check(), verdict(row.user));
    EXPECT_EQ(make_oauthbearer("u", row.text)->check(), verdict(row.token));
    EXPECT_EQ(make_oauthbearer("u", "t", row.text)->check(), verdict(row.host));
  }
  EXPECT_EQ(make_xoauth2("u", "")->check(), errc::bad_argument);
  EXPECT_EQ(make_xoauth2("", "t")->check(), errc::bad_argument);
  EXPECT_EQ(make_oauthbearer("u", "")->check(), errc::bad_argument);
  EXPECT_EQ(make_oauthbearer("", "t")->check(), errc::none);
}

TEST(external, sends_the_identity_or_nothing) {  // SASL-05 AUTH-03
  for (const std::string& id : {""s, "bob@a.test"s, "b\xC3\xA9"s}) {
    const auto m = make_external(id);
    EXPECT_EQ(m->name(), "EXTERNAL");
    EXPECT_EQ(m->exposes(), exposure::nothing);
    EXPECT_EQ(m->check(), errc::none);
    // An empty response is one: the session writes "=".
    EXPECT_EQ(m->initial_response(), id);
    EXPECT_TRUE(m->satisfied());
    EXPECT_EQ(m->respond(""), std::nullopt);
  }
  for (const std::string& id : {"a\0b"s, "a\r\n"s, "a\x7F"s, "\xC3("s, "\xC2\x85"s}) {
    EXPECT_EQ(make_external(id)->check(), errc::bad_argument) << id;
  }
}

TEST(wipe, leaves_no_octet) {  // SEC-03
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{5}, std::size_t{15}, std::size_t{16}, std::size_t{300}}) {
    std::string secret(size, 's');
    secret.reserve(size + 40);
    // What was there before it became shorter goes too.
    secret.resize(size / 2);
    const char* const octets = secret.data();
    const std::size_t capacity = secret.capacity();
    wipe(secret);
    EXPECT_TRUE(secret.empty());
    ASSERT_EQ(secret.data(), octets) << "the same memory, so that it may be looked at";
    secret.resize(capacity, '\0');
    EXPECT_EQ(secret.find('s'), std::string::npos);
  }
}

}  // namespace

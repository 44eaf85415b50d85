// A signature's field, what it is made of, and what is refused (DKIM-01, DKIM-03).
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "plain_crypto.hpp"
#include "sansmtp/base64.hpp"
#include "sansmtp/dkim/key_record.hpp"
#include "sansmtp/dkim/signer.hpp"
#include "sansmtp/message.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::dkim;
using namespace std::chrono_literals;

constexpr std::string_view letter =
    "Received: by here\n"
    "From: Me <me@here.example>\n"
    "To: you@there.example\n"
    "Subject:  Hello \n"
    "X-Other: x\n"
    "Subject: again\n"
    "\n"
    "Hi.\n";

struct setting {
  test::plain_crypto hash;
  test::plain_key rsa{key_type::rsa};
  test::plain_key ed25519{key_type::ed25519, 256, 64};
  signer_options options{.domain = "here.example",
                         .keys = {{"s1", &rsa}},
                         .fields = {},
                         .signed_at = std::chrono::sys_seconds(1'700'000'000s),
                         .valid_for = std::nullopt,
                         .line_ends = line_end_policy::normalize,
                         .allow_eight_bit = false};

  signing_result sign(std::string_view text) {
    return dkim::sign(message::borrow(as_bytes(text)), options, hash);
  }
};

std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out += c;
  }
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    if (end == std::string_view::npos) return {"the last line lacks its end"};
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 2);
  }
  return lines;
}

TEST(dkim_signer, writes_the_field) {  // DKIM-01
  setting s;
  s.options.valid_for = 24h;
  const signing_result result = s.sign(letter);
  ASSERT_EQ(result.why, refusal::none);
  const std::string field = without_blanks(result.fields);
  const std::string b(base64_encode(std::string(256, static_cast<char>(s.hash.texts[1]->size()))));
  const std::string bh(base64_encode(std::string(32, static_cast<char>(s.hash.texts[0]->size()))));
  EXPECT_EQ(field,
            "DKIM-Signature:v=1;a=rsa-sha256;c=relaxed/relaxed;d=here.example;s=s1;t=1700000000;"
            "x=1700086400;h=from:from:subject:subject:to;bh=" +
                bh + ";b=" + b);
  EXPECT_EQ(*s.hash.texts[0], "Hi.\r\n");
  // From is named once more than it is there, and of two Subject fields the last one comes first.
  EXPECT_TRUE(
      s.hash.texts[1]->starts_with("from:Me <me@here.example>\r\nsubject:again\r\n"
                                   "subject:Hello\r\nto:you@there.example\r\n"
                                   "dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed;"))
      << *s.hash.texts[1];
  EXPECT_TRUE(s.hash.texts[1]->ends_with("; b=")) << *s.hash.texts[1];
  EXPECT_EQ(result.fields.find("l="), std::string::npos);
}

TEST(dkim_signer, lines_have_78_octets_at_most) {  // DKIM-01, RFC 5322 section 2.1.1
  setting s;
  for (std::size_t size = 1; size < 60; ++size) {
    const std::string label(size, 'd');
    s.options.domain = label + ".example";
    s.options.keys = {{std::string(60 - size, 's'), &s.rsa}, {"e", &s.ed25519}};
    s.options.fields = {"Subject", label, "To"};
    const signing_result result = s.sign("From: a\n" + label + ": b\nTo: c\n" + label + ": d\n\n");
    ASSERT_EQ(result.why, refusal::none);
    for (const std::string& line : lines_of(result.fields)) {
      EXPECT_LE(line.size(), 78U) << line;
      EXPECT_TRUE(line.starts_with("DKIM-Signature: ") || line.starts_with("\t")) << line;
      EXPECT_GT(line.size(), 1U);
    }
  }
}

TEST(dkim_signer, two_keys_two_signatures) {  // DKIM-01, RFC 8463 section 3
  setting s;
  s.options.keys.push_back({"s2", &s.ed25519});
  const signing_result result = s.sign(letter);
  const std::string fields = without_blanks(result.fields);
  const std::size_t second = fields.find("DKIM-Signature:v=1;a=ed25519-sha256;");
  EXPECT_NE(second, std::string::npos);
  EXPECT_LT(fields.find("a=rsa-sha256"), second);
  EXPECT_NE(fields.find("s=s2;", second), std::string::npos);
  EXPECT_EQ(s.hash.texts.size(), 3U);  // the body once
}

TEST(dkim_signer, fields_that_are_named) {  // DKIM-01
  setting s;
  s.options.fields = {"X-Other", "SUBJECT", "subject", "X-Absent"};
  EXPECT_NE(without_blanks(s.sign(letter).fields).find("h=from:from:x-other:subject:subject;"),
            std::string::npos);
  s.options.fields = {"To", "FROM"};
  EXPECT_NE(without_blanks(s.sign(letter).fields).find("h=to:from:from;"), std::string::npos);
}

TEST(dkim_signer, pieces_make_no_difference) {  // DKIM-01 DKIM-02
  setting s;
  const std::string expected = s.sign(letter).fields;
  for (std::size_t size = 1; size < letter.size(); ++size) {
    signer each(s.options, s.hash);
    for (std::string_view rest = letter; !rest.empty();) {
      const std::string_view piece = rest.substr(0, size);
      ASSERT_EQ(each.give(as_bytes(piece)), refusal::none);
      rest.remove_prefix(piece.size());
    }
    ASSERT_EQ(each.finish(), refusal::none);
    EXPECT_EQ(each.fields(), expected) << size;
  }
}

TEST(dkim_signer, line_ends_make_no_difference) {  // DKIM-02
  setting s;
  std::string crlf;
  for (const char c : letter) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(s.sign(crlf).fields, s.sign(letter).fields);
  s.options.line_ends = line_end_policy::strict;
  EXPECT_EQ(s.sign(crlf).why, refusal::none);
  const signing_result refused = s.sign(letter);
  EXPECT_EQ(refused.why, refusal::bad_content);
  EXPECT_EQ(refused.problem, errc::bare_lf_in_content);
  EXPECT_EQ(s.sign(crlf + "\r").problem, errc::bare_cr_in_content);
}

TEST(dkim_signer, a_header_alone_and_a_long_one) {  // DKIM-01
  setting s;
  EXPECT_EQ(s.sign("From: a").why, refusal::none);
  EXPECT_EQ(*s.hash.texts[0], "");
  const std::string many(10'000, 'x');
  EXPECT_EQ(s.sign("X: " + many + "\nFrom: a\n\n" + many).why, refusal::none);
  EXPECT_EQ(*s.hash.texts[2], many + "\r\n");
}

TEST(dkim_signer, refuses_messages) {  // DKIM-03
  const struct {
    std::string_view text;
    refusal why;
  } rows[] = {
      {"", refusal::no_from},
      {"\nFrom: in@the.body\n", refusal::no_from},
      {"To: a\n\nFrom: in@the.body\n", refusal::no_from},
      {"From: a\nfrom: b\n\n", refusal::several_from},
      {"From a@b.example Mon\nFrom: a\n\n", refusal::bad_header},
      {"From: a\nno field\n\n", refusal::bad_header},
      {"From: a\n\nh\xC3\xA4\n", refusal::eight_bit},
      {"From: \xC3\xA4\n\n", refusal::eight_bit},
      {std::string_view("From: a\n\n\0", 10), refusal::bad_content},
  };
  for (const auto& row : rows) {
    setting s;
    const signing_result result = s.sign(row.text);
    EXPECT_EQ(result.why, row.why) << testing::PrintToString(row.text);
    EXPECT_EQ(result.fields, "");
  }
  setting s;
  EXPECT_EQ(s.sign("From: a\nX: " + std::string(header_limit, 'x') + "\n\n").why,
            refusal::header_too_long);
  std::string many = "From: a\n";  // which is signed twice over
  for (int i = 0; i != 298; ++i) many += "To: b\n";
  EXPECT_EQ(s.sign(many + "\n").why, refusal::none);
  EXPECT_EQ(s.sign(many + "To: b\n\n").why, refusal::too_many_fields);
  s.options.allow_eight_bit = true;
  EXPECT_EQ(s.sign("From: \xC3\xA4\n\n\xC3\xA4\n").why, refusal::none);
  EXPECT_EQ(dkim::sign(message::stream(), s.options, s.hash).why, refusal::read_once);
  EXPECT_EQ(dkim::sign(message::borrow(as_bytes(letter)).binary(), s.options, s.hash).why,
            refusal::binary_content);
}

TEST(dkim_signer, refuses_options) {  // DKIM-03
  test::plain_key short_key(key_type::rsa, 2047);
  test::plain_key long_key(key_type::rsa, 4097);
  const std::string label(63, 'x');
  const std::string long_domain = label + '.' + label + '.' + label + ".example";
  const auto refused = [](auto change) {
    setting s;
    change(s.options);
    const signer checked(s.options, s.hash);
    const signing_result result = s.sign(letter);
    EXPECT_EQ(result.why, checked.check());
    EXPECT_EQ(result.fields.empty(), result.why != refusal::none);
    return result.why;
  };
  using options = signer_options;
  EXPECT_EQ(refused([](options&) {}), refusal::none);
  EXPECT_EQ(refused([](options& o) { o.keys.clear(); }), refusal::no_key);
  EXPECT_EQ(refused([](options& o) { o.keys[0].key = nullptr; }), refusal::no_key);
  for (const char* bad :
       {"", "example", "here.example.", ".example.org", "a..b", "-a.example", "a-.example",
        "a_b.example", "b\xC3\xBC.example", "a b.example", "a.example;", "192.0.2.1"}) {
    EXPECT_EQ(refused([&](options& o) { o.domain = bad; }), refusal::bad_domain) << bad;
  }
  EXPECT_EQ(refused([&](options& o) { o.domain = label + "x.example"; }), refusal::bad_domain);
  EXPECT_EQ(refused([&](options& o) { o.domain = long_domain; }), refusal::none);
  for (const char* bad : {"", "a_b", "a;b", ".", "a.", "s\r\n1"}) {
    EXPECT_EQ(refused([&](options& o) { o.keys[0].selector = bad; }), refusal::bad_selector) << bad;
  }
  EXPECT_EQ(refused([&](options& o) { o.keys[0].selector = "2026.mail"; }), refusal::none);
  EXPECT_EQ(refused([&](options& o) {
              o.domain = long_domain;
              o.keys[0].selector = label;
            }),
            refusal::name_too_long);
  EXPECT_EQ(refused([](options& o) {
              o.keys.push_back({"S1", o.keys[0].key});
            }),
            refusal::selector_twice);
  EXPECT_EQ(refused([&](options& o) { o.keys[0].key = &short_key; }), refusal::short_key);
  EXPECT_EQ(refused([&](options& o) { o.keys[0].key = &long_key; }), refusal::long_key);
  for (const char* bad : {"", "a b", "a:b", "a;b", "Received", "return-path", "DKIM-Signature"}) {
    EXPECT_EQ(refused([&](options& o) { o.fields = {"To", bad}; }), refusal::bad_field_list) << bad;
  }
  EXPECT_EQ(refused([](options& o) { o.valid_for = 0s; }), refusal::bad_lifetime);
  EXPECT_EQ(refused([](options& o) { o.valid_for = std::chrono::seconds::max(); }),
            refusal::bad_lifetime);
  EXPECT_EQ(refused([](options& o) { o.signed_at -= 1'700'000'001s; }), refusal::no_time);
  EXPECT_EQ(refused([](options& o) { o.signed_at = {}; }), refusal::no_time);
}

TEST(dkim_signer, tells_that_crypto_failed) {  // DKIM-03
  for (const unsigned streams : {0U, 1U}) {
    setting s;
    s.hash.streams_left = streams;
    EXPECT_EQ(s.sign(letter).why, refusal::crypto_failed);
  }
  for (const unsigned adds : {0U, 1U, 2U}) {
    setting s;
    s.hash.adds_left = adds;
    EXPECT_EQ(s.sign(letter).why, refusal::crypto_failed);
  }
  setting s;
  test::plain_key silent(key_type::ed25519, 256, 0);
  s.options.keys.push_back({"s2", &silent});
  const signing_result result = s.sign(letter);
  EXPECT_EQ(result.why, refusal::crypto_failed);
  EXPECT_EQ(result.fields, "");  // not the other signature alone
}

TEST(dkim_signer, a_refusal_is_final) {
  setting s;
  signer refused(s.options, s.hash);
  EXPECT_EQ(refused.give(as_bytes(std::string_view("\0", 1))), refusal::bad_content);
  EXPECT_EQ(refused.give(as_bytes("From: a\n")), refusal::bad_content);
  EXPECT_EQ(refused.finish(), refusal::bad_content);

  signer done(s.options, s.hash);
  EXPECT_EQ(done.give(as_bytes("From: a\n")), refusal::none);
  EXPECT_EQ(done.finish(), refusal::none);
  signer moved(std::move(done));
  EXPECT_NE(moved.fields(), "");
  EXPECT_EQ(moved.finish(), refusal::bad_content);
  EXPECT_EQ(moved.problem(), errc::bad_state);
  EXPECT_EQ(moved.fields(), "");

  signer late(s.options, s.hash);
  EXPECT_EQ(late.give(as_bytes("From: a\n")), refusal::none);
  EXPECT_EQ(late.finish(), refusal::none);
  EXPECT_EQ(late.give(as_bytes("more")), refusal::bad_content);
}

TEST(dkim_record, is_a_line_of_a_zone) {  // DKIM-01, RFC 6376 section 3.6.1, RFC 8463 section 4
  const std::string text = record_text(key_type::ed25519, std::string(32, '\0'));
  EXPECT_EQ(text, "v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  EXPECT_EQ(zone_line("here.example", "s1", text),
            "s1._domainkey.here.example. IN TXT ( \"" + text + "\" )");
  const std::vector<std::string> strings =
      record_strings(record_text(key_type::rsa, std::string(294, '\0')));
  ASSERT_EQ(strings.size(), 2U);
  EXPECT_EQ(strings[0].size(), 255U);
  EXPECT_TRUE(strings[0].starts_with("v=DKIM1; k=rsa; p=AAA"));
}

TEST(dkim_refusal, each_has_a_name_and_words) {  // DKIM-03
  EXPECT_EQ(words_of(refusal::none), "");
  for (int i = 0; i <= static_cast<int>(refusal::several_from); ++i) {
    const auto r = static_cast<refusal>(i);
    EXPECT_NE(to_string(r), "") << i;
    EXPECT_EQ(words_of(r).empty(), r == refusal::none) << i;
  }
}

}  // namespace

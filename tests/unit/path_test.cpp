#include "sansmtp/path.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace sansmtp;
using namespace std::string_literals;

constexpr path_rules strict{};
constexpr path_rules with_underscore{true, false};
constexpr path_rules with_long{false, true};

TEST(path, accepts_mailboxes_and_keeps_them_as_they_are) {  // CMD-05 CMD-07 CMD-08
  for (const char* const mailbox : {
           "a.b@c.test",
           "\"a b\"@c.test",
           "x@[192.0.2.1]",
           "x@[IPv6:2001:db8::1]",
           "x@[tag:content]",
           "Bob@Example.TEST",  // CMD-07
           "!#$%&'*+-/=?^_`{|}~@c.test",
           "0@1a",
           "a@b",
           "a@b-c--d.test",
           "a@4.test",
           "a@1.2.3.4.test",
           "e=mc2@a.test",
           "\"\"@c.test",
           "\".a..b.\"@c.test",
           "\"a@b\"@c.test",
           "\"a\\\"b\\\\c\\ d\"@c.test",
           "\"a> NOTIFY=NEVER <x\"@b",  // B4: only inside proper quotes.
           "postmaster@c.test",
           "a@xn--bcher-kva.test",
       }) {
    const path p(mailbox);
    EXPECT_EQ(p.error(), errc::none) << mailbox;
    EXPECT_EQ(p.text(), mailbox);
    EXPECT_FALSE(p.is_utf8()) << mailbox;
    EXPECT_FALSE(p.is_null()) << mailbox;
  }
}

TEST(path, refuses_and_never_repairs) {  // CMD-05 CMD-08 CMD-12
  const std::string rows[] = {
      "a@b.test.",
      ".a@c",
      "a.@c",
      "a..b@c",
      "a@",
      "@c",
      "@",
      "a b@c",
      "a@b@c",
      "a@-b.test",
      "a@b-.test",
      "a@b..c",
      "a@.b",
      ".@c",
      "a",
      "bob",
      "a@b c",
      " a@b",
      "a@b ",
      "a@b\t",
      "<a@b>",
      "a<@b",
      "a>@b",
      "a(c)@b",
      "a,b@c",
      "a;b@c",
      "a:b@c",
      "a[@b",
      "a\\b@c",
      "a\"b\"@c",
      "a@b> SIZE=1",
      "a@b,c@d",  // B4
      "\"a@c.test",
      "\"a\"b@c.test",
      "\"a\".b@c.test",
      "\"a\"",
      "\"",
      "\"a\\\"@c",
      "\"a\\",
      "\"\\",
      "\"a\tb\"@c",
      "\"a\\\tb\"@c",
      "\"a\177b\"@c",  // controls, escaped or not
      "a\x01@b",
      "a\x1B@b",
      "a\x7F@b",
      "a@b\x01",
      "@x.test:a@b.test",
      "@x.test,@y.test:a@b.test",  // CMD-12
      "a@x_y.test",
      "a@_x.test",  // CMD-09
      "a@192.0.2.1",
      "a@300.1.1.1",
      "a@127",
      "a@1.2",  // CMD-08: an address without brackets.
      "a@[300.1.1.1]",
      "a@[2001:db8::1]",
      "a@[192.0.2.1",
      "a@192.0.2.1]",
      "a@[]",
      "a@[",
      "a@[192.0.2.1].test",
      "a@b.[192.0.2.1]",
      "a@[192.0.2.1]]",
      "a@[[192.0.2.1]",
  };
  for (const std::string& mailbox : rows) {
    const path p(mailbox);
    EXPECT_EQ(p.error(), errc::bad_address) << mailbox;
    EXPECT_EQ(p.text(), mailbox) << "a bad path keeps its text too";
    EXPECT_FALSE(p.is_null());
  }
}

TEST(path, has_a_reason_of_its_own_for_what_would_break_the_line) {  // CMD-04 SEC-01 B4
  const std::string rows[] = {
      "a@b.test>\r\nRCPT TO:<x@y",
      "a@b>\r\nDATA\r\n",
      "a@b\n",
      "a@b\r",
      "\na@b",
      "a\0@b"s,
      "a@b\0"s,
      "\"a\r\nRSET\"@b",
      "\"a\\\nb\"@c",
      "\"a\0\"@b"s,
      "\r",
      "\n",
      "\0"s,
      "postmaster\r\n",
      "a@[192.0.2.1\r\n]",
      "\xC3\xA9\r\n@b",
  };
  for (const std::string& mailbox : rows) {
    EXPECT_EQ(path(mailbox).error(), errc::bad_argument) << mailbox;
    EXPECT_EQ(path(mailbox, {true, true}).error(), errc::bad_argument) << mailbox;
  }
}

TEST(path, refuses_each_octet_outside_the_grammar) {  // CMD-05 SEC-01
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool letter_or_digit =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool atom = letter_or_digit || "!#$%&'*+-/=?^_`{|}~"s.find(c) != std::string::npos;
    const bool printable = i >= 32 && i <= 126;
    const auto good = [](const std::string& mailbox) {
      return path(mailbox).error() == errc::none;
    };
    EXPECT_EQ(good("a"s + c + "a@c.test"), atom || c == '.') << i;
    EXPECT_EQ(good("\"a"s + c + "a\"@c.test"), printable && c != '"') << i;
    EXPECT_EQ(good("\"a\\"s + c + "a\"@c.test"), printable) << i;
    EXPECT_EQ(good("a@b"s + c + "c"), letter_or_digit || c == '-' || c == '.') << i;
    EXPECT_EQ(good("a@"s + c + "c"), letter_or_digit) << i;
    EXPECT_EQ(good("a@c"s + c), letter_or_digit) << i;
    const bool literal = i >= 33 && i <= 126 && c != '[' && c != '\\' && c != ']';
    EXPECT_EQ(good("a@[tag:"s + c + "]"), literal) << i;
  }
}

TEST(path, can_be_null) {  // CMD-02
  for (const path& p : {path(), path("")}) {
    EXPECT_TRUE(p.is_null());
    EXPECT_EQ(p.error(), errc::none);
    EXPECT_EQ(p.text(), "");
    EXPECT_FALSE(p.is_utf8());
  }
  EXPECT_EQ(path("<>").error(), errc::bad_address);
}

TEST(path, lets_postmaster_stand_alone) {  // CMD-03
  for (const char* const mailbox : {"postmaster", "Postmaster", "POSTMASTER", "pOsTmAsTeR"}) {
    EXPECT_EQ(path(mailbox).error(), errc::none);
    EXPECT_EQ(path(mailbox).text(), mailbox);
  }
  for (const char* const mailbox : {"bob", "postmaste", "postmasters", "postmaster@", "postmaster ",
                                    "\"postmaster\"", "abuse"}) {
    EXPECT_EQ(path(mailbox).error(), errc::bad_address) << mailbox;
  }
}

TEST(path, tolerates_underscores_if_told_so) {  // CMD-09
  EXPECT_EQ(path("a@x_y.test", strict).error(), errc::bad_address);
  for (const char* const mailbox : {"a@x_y.test", "a@_x.test", "a@x_.test"}) {
    EXPECT_EQ(path(mailbox, with_underscore).error(), errc::none) << mailbox;
  }
  EXPECT_EQ(path("a@x_-.test", with_underscore).error(), errc::bad_address);
  EXPECT_EQ(path("a@x y.test", with_underscore).error(), errc::bad_address);
}

// A domain of exactly this many octets.
std::string domain_of(std::size_t octets) {
  std::string domain;
  while (domain.size() < octets) domain += domain.size() % 50 == 49 ? '.' : 'd';
  domain.back() = 'd';
  return domain;
}

TEST(path, has_limits) {  // CMD-10 UTF8-02
  const std::string e_acute = "\xC3\xA9";
  std::string long_utf8;
  for (int i = 0; i < 32; ++i) long_utf8 += e_acute;
  const struct {
    std::string mailbox;
    errc problem;
  } rows[] = {
      {std::string(64, 'a') + "@c.test", errc::none},
      {std::string(65, 'a') + "@c.test", errc::address_too_long},
      {"\"" + std::string(62, 'a') + "\"@c.test", errc::none},
      {"\"" + std::string(63, 'a') + "\"@c.test", errc::address_too_long},
      {long_utf8 + "@c.test", errc::none},  // 64 octets, 32 characters
      {long_utf8 + "a@c.test", errc::address_too_long},
      // With its brackets a path has at most 256 octets.
      {"a@" + domain_of(252), errc::none},
      {"a@" + domain_of(253), errc::address_too_long},
      {std::string(64, 'a') + "@" + domain_of(189), errc::none},
      {std::string(64, 'a') + "@" + domain_of(190), errc::address_too_long},
      {"a@" + domain_of(256), errc::address_too_long},
      // What is no mailbox at all is not merely too long.
      {std::string(300, 'a'), errc::bad_address},
      {std::string(300, 'a') + "@c.test.", errc::bad_address},
  };
  for (const auto& [mailbox, problem] : rows) {
    EXPECT_EQ(path(mailbox).error(), problem) << mailbox;
    EXPECT_EQ(path(mailbox, with_long).error(),
              problem == errc::address_too_long ? errc::none : problem)
        << mailbox;
  }
  EXPECT_TRUE(path(long_utf8 + "a@c.test").is_utf8());
  EXPECT_EQ(path(std::string(1 << 20, 'a') + "@b", with_long).error(), errc::none);
}

TEST(path, takes_valid_utf8_and_says_so) {  // CMD-17 UTF8-01 UTF8-02 B13
  for (const char* const mailbox : {
           "\xC3\xA9@b.test", "a@b\303\274cher.test", "\"\xC3\xA9 b\"@b.test",
           "\xE4\xB8\xAD.\xE6\x96\x87@b.test", "\xF0\x9F\x93\xA7@b.test",
           "\xC2\xA0@b",  // U+00A0, the first behind C1
           "\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF@b",  // length borders
           "\xED\x9F\xBF\xEE\x80\x80@b",  // around the surrogates
       }) {
    EXPECT_EQ(path(mailbox).error(), errc::none) << mailbox;
    EXPECT_TRUE(path(mailbox).is_utf8()) << mailbox;
    EXPECT_EQ(path(mailbox).text(), mailbox);
  }
}

TEST(path, refuses_invalid_utf8) {  // UTF8-02 B4 B13
  const std::string rows[] = {
      "\xC3(@b.test",
      "\x80@b",
      "\xBF@b",
      "\xC3@b",
      "\xE4\xB8@b",
      "\xF0\x9F\x93@b",
      "\xFE@b",
      "\xFF@b",
      "a@b\xC3",
      "a@\xE4\xB8",
      "a@b\xF0\x9F\x93",  // cut off at the end
      "\xC0\x80@b",
      "\xC1\xBF@b",
      "\xE0\x9F\xBF@b",
      "\xF0\x8F\xBF\xBF@b",  // overlong
      "\xED\xA0\x80@b",
      "\xED\xBF\xBF@b",  // surrogates
      "\xF4\x90\x80\x80@b",
      "\xF8\x88\x80\x80\x80@b",  // above U+10FFFF
      "\xC2\x80@b",
      "\xC2\x85@b",
      "\302\2332J@b",
      "\xC2\x9F@b",  // C1
      "\xE2\x80\xA8@b",
      "\xE2\x80\xA9@b",
      "\"\xC2\x85\"@b",
      "a@b\xE2\x80\xA8",    // line separators
      "\"a\\\xC3\xA9\"@b",  // RFC 6531 lets none be escaped
      "a@[tag:\xC3\xA9]",
      "a@-\xC3\xA9.test",
      "a@\xC3\xA9-.test",
      "a@\xC3\xA9.",
  };
  for (const std::string& mailbox : rows) {
    EXPECT_EQ(path(mailbox).error(), errc::bad_address) << mailbox;
    EXPECT_FALSE(path(mailbox).is_utf8()) << mailbox;
  }
}

TEST(path, quotes_raw_local_parts_as_little_as_possible) {  // CMD-06
  const struct {
    std::string raw;
    std::string mailbox;
  } rows[] = {
      {"a b", "\"a b\"@c.test"},
      {"a\"b\\", "\"a\\\"b\\\\\"@c.test"},
      {"ab", "ab@c.test"},
      {"a.b", "a.b@c.test"},
      {"Bob", "Bob@c.test"},
      {"", "\"\"@c.test"},
      {".a", "\".a\"@c.test"},
      {"a.", "\"a.\"@c.test"},
      {"a..b", "\"a..b\"@c.test"},
      {"a@b", "\"a@b\"@c.test"},
      {"a> NOTIFY=NEVER <x", "\"a> NOTIFY=NEVER <x\"@c.test"},
      {"\"a\"", "\"\\\"a\\\"\"@c.test"},
      {"\xC3\xA9", "\xC3\xA9@c.test"},
      {"\xC3\xA9 b", "\"\xC3\xA9 b\"@c.test"},
  };
  for (const auto& [raw, mailbox] : rows) {
    const path p = path::from_parts(raw, "c.test");
    EXPECT_EQ(p.text(), mailbox);
    EXPECT_EQ(p.error(), errc::none) << raw;
    EXPECT_EQ(path(p.text()).error(), errc::none) << "reads back as the same mailbox (B4)";
  }
}

TEST(path, from_parts_refuses_what_quotes_cannot_hold) {  // CMD-04 CMD-06 CMD-10
  const struct {
    std::string raw;
    std::string domain;
    errc problem;
  } rows[] = {
      {"a\r\nRSET", "c.test", errc::bad_argument},
      {"a\0"s, "c.test", errc::bad_argument},
      {"a\tb", "c.test", errc::bad_address},
      {"a\x7F", "c.test", errc::bad_address},
      {"\xC3(", "c.test", errc::bad_address},
      {"a", "", errc::bad_address},
      {"postmaster", "", errc::bad_address},
      {"a", "b@c", errc::bad_address},
      {"a", "c.test> SIZE=1", errc::bad_address},
      {"a", "c.test\r\n", errc::bad_argument},
      {"a", "x_y.test", errc::bad_address},
      {std::string(63, ' '), "c.test", errc::address_too_long},
      {std::string(31, '"'), "c.test", errc::none},
      {std::string(32, '"'), "c.test", errc::address_too_long},
  };
  for (const auto& [raw, domain, problem] : rows) {
    EXPECT_EQ(path::from_parts(raw, domain).error(), problem) << raw << '@' << domain;
  }
  EXPECT_EQ(path::from_parts("a", "x_y.test", with_underscore).error(), errc::none);
  EXPECT_EQ(path::from_parts(std::string(99, ' '), "c.test", with_long).error(), errc::none);
}

TEST(path, compares_by_its_text) {  // CMD-07
  EXPECT_TRUE(path("a@b") == path("a@b"));
  EXPECT_FALSE(path("a@b") == path("A@b"));
  EXPECT_TRUE(path() == path(""));
}

TEST(find_fault, says_what_is_wrong_and_where) {  // CMD-05 CMD-08 CMD-09 CMD-10
  using enum path_fault::reason;
  const std::string sixty_five(65, 'a');
  const struct {
    std::string mailbox;
    path_fault fault;
  } rows[] = {
      {"root", {no_at, 4}},
      {"root.", {no_at, 5}},
      {"\"a\"", {no_at, 3}},
      {"postmasters", {no_at, 11}},
      {"@c", {no_local_part, 0}},
      {"@", {no_local_part, 0}},
      {".a@c", {empty_atom, 0}},
      {"a..b@c", {empty_atom, 2}},
      {"a.@c", {empty_atom, 1}},
      {"Bob <bob@b.test>", {local_octet, 3}},
      {"<bob@b.test>", {local_octet, 0}},
      {" a@b", {local_octet, 0}},
      {"a(c)@b", {local_octet, 1}},
      {"a\"b\"@c", {local_octet, 1}},
      {"a@b@c", {domain_octet, 3}},
      {"a@b,c@d", {domain_octet, 3}},
      {"a@b ", {domain_octet, 3}},
      {"a@b> SIZE=1", {domain_octet, 3}},
      {"\"a@c.test", {open_quote, 9}},
      {"\"", {open_quote, 1}},
      {"\"a\\", {open_quote, 3}},
      {"\"a\"b@c", {behind_quotes, 3}},
      {"\"a\" @c", {behind_quotes, 3}},
      {"\"a\tb\"@c", {bad_octet, 2}},
      {"\"a\\\tb\"@c", {bad_octet, 3}},
      {"\"a\\\xC3\xA9\"@b", {bad_octet, 3}},  // no backslash before what is not ASCII
      {"a\x1B@b", {bad_octet, 1}},
      {"a@b\t", {bad_octet, 3}},
      {"\xC3(@b.test", {bad_octet, 0}},
      {"a@b\xFF.test", {bad_octet, 3}},
      {"a@b\xE2\x80\xA8", {bad_octet, 3}},  // a line separator
      {"a@", {no_domain, 2}},
      {"a@b.test.", {trailing_dot, 8}},
      {"a@\xC3\xA9.", {trailing_dot, 4}},
      {"a@.b", {empty_label, 2}},
      {"a@b..c", {empty_label, 4}},
      {"a@b..", {empty_label, 4}},
      {"a@.", {empty_label, 2}},
      {"a@-b.test", {label_hyphen, 2}},
      {"a@b-.test", {label_hyphen, 3}},
      {"a@b-", {label_hyphen, 3}},
      {"a@b-_c", {underscore, 4}},
      {"ops@web_team.example", {underscore, 7}},
      {"a@192.0.2.1", {address_in_domain, 2}},
      {"a@127", {address_in_domain, 2}},
      {"a@[300.1.1.1]", {address_literal, 2}},
      {"a@[192.0.2.1", {address_literal, 2}},
      {"a@[tag:\xC3\xA9]", {address_literal, 2}},
      {"a@b\n", {line_break, 3}},
      {"a b@c\0"s, {line_break, 5}},
      {sixty_five + "@c.test", {local_part_too_long, 64}},
      {"\"" + sixty_five + "\"@c.test", {local_part_too_long, 64}},
      {"a@" + domain_of(256), {domain_too_long, 257}},
      {"a@" + domain_of(253), {path_too_long, 254}},
      {sixty_five + "@c.test.", {trailing_dot, 72}},
      {"a.b@c.test", {none, 0}},
      {"", {none, 0}},
      {"Postmaster", {none, 0}},
      {"\xC3\xA9@b.test", {none, 0}},
  };
  for (const auto& [mailbox, fault] : rows) {
    const path_fault found = find_fault(mailbox);
    EXPECT_EQ(to_string(found.why), to_string(fault.why)) << mailbox;
    EXPECT_EQ(found.at, fault.at) << mailbox;
    EXPECT_EQ(found.why == none, path(mailbox).error() == errc::none) << mailbox;
  }
  EXPECT_EQ(find_fault("a@x_y.test", with_underscore), path_fault{});
  EXPECT_EQ(find_fault("a@x_y..test", with_underscore), (path_fault{empty_label, 6}));
  EXPECT_NE(find_fault("a@x_y..test", with_underscore), (path_fault{empty_label, 5}));
  EXPECT_NE(find_fault("a@x_y..test", with_underscore), (path_fault{trailing_dot, 6}));
  EXPECT_EQ(find_fault(sixty_five + "@c.test", with_long), path_fault{});
  EXPECT_EQ(find_fault(sixty_five + "@c_d", with_long), (path_fault{underscore, 67}));
}

TEST(find_fault, agrees_with_the_error_for_each_octet_at_each_place) {  // CMD-04 CMD-05 UTF8-02
  using enum path_fault::reason;
  for (const std::string mailbox :
       {"a.b@c.d", "\"a\\b\"@c-d", "a@[192.0.2.1]", "\xC3\xA9@\xC3\xA9.e"}) {
    for (std::size_t at = 0; at <= mailbox.size(); ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string changed = mailbox;
        changed.insert(at, 1, static_cast<char>(octet));
        for (const path_rules rules : {strict, with_underscore}) {
          const path_fault found = find_fault(changed, rules);
          const errc error = path(changed, rules).error();
          EXPECT_EQ(found.why == none, error == errc::none) << changed;
          EXPECT_EQ(found.why == line_break, error == errc::bad_argument) << changed;
          EXPECT_LE(found.at, changed.size()) << changed;
        }
      }
    }
  }
}

TEST(find_fault, has_names) {
  for (int i = 0; i <= static_cast<int>(path_fault::reason::path_too_long); ++i) {
    EXPECT_NE(to_string(static_cast<path_fault::reason>(i)), "unknown") << i;
  }
  EXPECT_EQ(to_string(static_cast<path_fault::reason>(99)), "unknown");
}

TEST(is_domain, follows_the_grammar) {  // CMD-09 SESS-14 SESS-16
  for (const std::string& name : {"a"s, "mail.a.test"s, "localhost"s, "xn--bcher-kva.test"s,
                                  "3com.test"s, "a-b.test"s, "1.2.3.4.test"s, domain_of(255)}) {
    EXPECT_TRUE(is_domain(name)) << name;
  }
  for (const std::string& name :
       {""s, "."s, "a."s, ".a"s, "a..b"s, "-a"s, "a-"s, "a.-b"s, "foo_bar"s, "a b"s, "a\n"s, "a\0"s,
        "b\303\274cher.test"s, "192.0.2.1"s, "1"s, "[192.0.2.1]"s, "a@b"s, domain_of(256)}) {
    EXPECT_FALSE(is_domain(name)) << name;
  }
  EXPECT_TRUE(is_domain("foo_bar", true));
  EXPECT_FALSE(is_domain("b\303\274cher.test", true));
}

TEST(is_address_literal, follows_the_grammar) {  // CMD-08
  for (const char* const text : {
           "[192.0.2.1]",
           "[0.0.0.0]",
           "[255.255.255.255]",
           "[IPv6:2001:db8::1]",
           "[ipv6:2001:DB8::1]",
           "[IPV6:::]",
           "[IPv6:::1]",
           "[IPv6:1::]",
           "[IPv6:1:2:3:4:5:6:7:8]",
           "[IPv6:1:2:3::6:7:8]",
           "[IPv6:1:2:3:4:5:6::]",
           "[IPv6:::3:4:5:6:7:8]",
           "[IPv6:ffff:FFFF:0:0:0:0:0:0001]",
           "[IPv6:::192.0.2.1]",
           "[IPv6:::ffff:192.0.2.1]",
           "[IPv6:1:2:3:4:5:6:192.0.2.1]",
           "[IPv6:1:2:3:4::192.0.2.1]",
           "[IPv6:a9::A0:fF]",
           "[tag:content]",
           "[x-1:!#:@^~]",
           "[tag::]",
           "[beef1:x]",
       }) {
    EXPECT_TRUE(is_address_literal(text)) << text;
  }
  const std::string bad[] = {
      "",
      "[",
      "]",
      "[]",
      "192.0.2.1",
      "[192.0.2.1",
      "192.0.2.1]",
      "[[192.0.2.1]]",
      "[300.1.1.1]",
      "[256.0.0.1]",
      "[1.1.1.256]",
      "[1.1.1]",
      "[1.1.1.1.1]",
      "[1.1.1.]",
      "[.1.1.1]",
      "[1..1.1]",
      "[1.1.1.1 ]",
      "[1.1.1.0001]",
      "[1.1.1.a]",
      "[1,1,1,1]",
      "[127]",
      "[a.b]",
      "[2001:db8::1]",
      "[::1]",
      "[fe80::1]",
      "[fe80:content]",  // no tag
      "[IPv6:]",
      "[IPv6::]",
      "[IPv6::1]",
      "[IPv6:1:]",
      "[IPv6:1:2:3:4:5:6:7]",
      "[IPv6:1:2:3:4:5:6:7:8:9]",
      "[IPv6:1:2:3:4:5:6:7::]",
      "[IPv6:::2:3:4:5:6:7:8]",
      "[IPv6:1::2::3]",
      "[IPv6:::1::]",
      "[IPv6:1:::2]",
      "[IPv6::::]",
      "[IPv6:12345::1]",
      "[IPv6:g::1]",
      "[IPv6:1:2:3:4:5:6:7:192.0.2.1]",
      "[IPv6:1:2:3:4:5::192.0.2.1]",
      "[IPv6:192.0.2.1]",
      "[IPv6:::300.0.2.1]",
      "[IPv6:::192.0.2.1:1]",
      "[IPv6:1:2:3:4:5:6:192.0.2]",
      "[IPv6:fe80::1%eth0]",
      "[IPv6:2001:db8::1 ]",
      "[IPv6]",
      "[IPv6.1]",
      "[:content]",
      "[tag:]",
      "[tag-:content]",
      "[t_g:content]",
      "[ta g:content]",
      "[tag:con tent]",
      "[tag:con[tent]",
      "[tag:con]tent]",
      "[tag:con\\tent]",
      "[tag:a\r\nb]",
      "[tag:\xC3\xA9]",
      "[t\xC3\xA9g:content]",
      "[tag:a\0]"s,
  };
  for (const std::string& text : bad) EXPECT_FALSE(is_address_literal(text)) << text;
}

TEST(address_literal, is_made_from_a_numeric_address) {  // SESS-15
  const struct {
    const char* address;
    const char* literal;
  } rows[] = {
      {"192.0.2.5", "[192.0.2.5]"},
      {"2001:db8::5", "[IPv6:2001:db8::5]"},
      {"::", "[IPv6:::]"},
      {"::ffff:192.0.2.5", "[IPv6:::ffff:192.0.2.5]"},
      {"fe80::1%eth0", "[IPv6:fe80::1]"},
      {"", ""},
      {"localhost", ""},
      {"300.1.1.1", ""},
      {"192.0.2.5%eth0", ""},
      {"%eth0", ""},
      {"[192.0.2.5]", ""},
      {"2001:db8::5\r\nQUIT", ""},
      {"192.0.2.5:25", ""},
  };
  for (const auto& [address, literal] : rows) {
    EXPECT_EQ(address_literal(address), literal) << address;
    if (*literal != '\0') {
      EXPECT_TRUE(is_address_literal(literal));
    }
  }
}

}  // namespace

#include "sansmtp/capabilities.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sansmtp;
using namespace std::string_literals;

// What a server offers with these lines below its identification.
capabilities offered(const std::string& lines, const std::vector<std::string>& ignored = {}) {
  capabilities c;
  const std::string text = "mx.test hi\n" + lines;
  c.assign(reply(250, text, false), ignored);
  return c;  // The text is gone: everything was copied.
}

TEST(capabilities, are_the_lines_below_the_first) {  // SESS-06 SESS-07
  const capabilities c = offered("PIPELINING\nSIZE 1000");
  ASSERT_EQ(c.size(), 2U);
  EXPECT_EQ(c[0].keyword, "PIPELINING");
  EXPECT_EQ(c[0].parameters, "");
  EXPECT_EQ(c[1].keyword, "SIZE");
  EXPECT_EQ(c[1].parameters, "1000");
  EXPECT_TRUE(c.has(extension::pipelining));
  EXPECT_TRUE(c.has(extension::size));
  EXPECT_FALSE(c.has(extension::auth));
  EXPECT_EQ(c.size_limit(), 1000U);
  EXPECT_EQ(c.skipped(), 0U);
  EXPECT_EQ(c.duplicates(), 0U);

  capabilities one_line;
  one_line.assign(reply(250, "PIPELINING", false));  // SESS-07
  EXPECT_EQ(one_line.size(), 0U);
  EXPECT_FALSE(one_line.has(extension::pipelining));
  EXPECT_FALSE(one_line.has("PIPELINING"));
}

TEST(capabilities, know_each_extension_by_its_keyword) {  // EXT-01 EXT-02
  const std::pair<extension, const char*> rows[] = {
      {extension::pipelining, "PIPELINING"},
      {extension::size, "SIZE"},
      {extension::eight_bit_mime, "8BITMIME"},
      {extension::smtputf8, "SMTPUTF8"},
      {extension::starttls, "STARTTLS"},
      {extension::auth, "AUTH"},
      {extension::enhanced_status_codes, "ENHANCEDSTATUSCODES"},
      {extension::dsn, "DSN"},
      {extension::chunking, "CHUNKING"},
      {extension::binary_mime, "BINARYMIME"},
      {extension::require_tls, "REQUIRETLS"},
      {extension::deliver_by, "DELIVERBY"},
      {extension::mt_priority, "MT-PRIORITY"},
      {extension::future_release, "FUTURERELEASE"},
      {extension::limits, "LIMITS"},
      {extension::prdr, "PRDR"},
      {extension::xclient, "XCLIENT"},
      {extension::xforward, "XFORWARD"},
  };
  ASSERT_EQ(std::size(rows), static_cast<std::size_t>(extension::xforward) + 1);
  for (const auto& [wanted, keyword] : rows) {
    EXPECT_EQ(keyword_of(wanted), keyword);
    const capabilities c = offered(keyword);
    for (const auto& [other, ignored] : rows) {
      EXPECT_EQ(c.has(other), other == wanted) << keyword << ' ' << ignored;
    }
  }
  EXPECT_EQ(keyword_of(static_cast<extension>(200)), "unknown");
}

TEST(capabilities, know_the_words_of_a_keyword) {  // EXT-14 EXT-15
  const capabilities c = offered("XCLIENT NAME  addr LOGIN\nXFORWARD\nSIZE 10");
  EXPECT_TRUE(c.has("XCLIENT", "NAME"));
  EXPECT_TRUE(c.has("xclient", "name"));
  EXPECT_TRUE(c.has("XCLIENT", "ADDR"));
  EXPECT_TRUE(c.has("XCLIENT", "LOGIN"));
  for (const char* const not_there : {"", "NAM", "NAMEX", "AD", "NAME ADDR", "NAME addr", "HELO"}) {
    EXPECT_FALSE(c.has("XCLIENT", not_there)) << not_there;
  }
  EXPECT_FALSE(c.has("XFORWARD", "NAME"));
  EXPECT_FALSE(c.has("XFOO", "NAME"));
  EXPECT_FALSE(c.has("", ""));
}

TEST(capabilities, compare_without_case) {  // EXT-01
  const capabilities c = offered("pipelining\nSize 10\nxFoo Bar");
  EXPECT_TRUE(c.has(extension::pipelining));
  EXPECT_EQ(c.size_limit(), 10U);
  EXPECT_TRUE(c.has("PIPELINING"));
  EXPECT_TRUE(c.has("PipeLining"));
  EXPECT_EQ(c.parameters("size"), "10");
  EXPECT_EQ(c[2].keyword, "XFOO");
  EXPECT_EQ(c[2].parameters, "Bar") << "parameters stay as they are";
  EXPECT_FALSE(c.has("PIPELININ"));
  EXPECT_FALSE(c.has(""));
}

TEST(capabilities, keep_unknown_keywords) {  // EXT-02
  const capabilities c = offered("XFOO a b\nX-1");
  EXPECT_TRUE(c.has("XFOO"));
  EXPECT_EQ(c.parameters("XFOO"), "a b");
  EXPECT_TRUE(c.has("X-1"));
  EXPECT_EQ(c.parameters("X-1"), "");
  EXPECT_EQ(c.parameters("X-2"), "");
  for (int i = 0; i <= static_cast<int>(extension::xforward); ++i) {
    EXPECT_FALSE(c.has(static_cast<extension>(i)));
  }
}

TEST(capabilities, tolerate_blanks_and_duplicates) {  // EXT-03
  const capabilities c = offered("SIZE  10 \n_BAD x\nSIZE 20");
  EXPECT_EQ(c.size_limit(), 10U);
  EXPECT_EQ(c.parameters("SIZE"), "10");
  EXPECT_EQ(c.size(), 1U);
  EXPECT_EQ(c.skipped(), 1U);
  EXPECT_EQ(c.duplicates(), 1U);

  const capabilities d = offered("  XFOO   a  b  \n\tSTARTTLS\n dsn ");
  EXPECT_EQ(d.parameters("XFOO"), "a  b") << "words separated as the server sent them";
  EXPECT_FALSE(d.has(extension::starttls)) << "a TAB is no blank between words";
  EXPECT_TRUE(d.has(extension::dsn));
  EXPECT_EQ(d.skipped(), 1U);
}

TEST(capabilities, keep_the_first_of_many_lines_in_its_place) {  // EXT-03
  // Each keyword stands three times, in other cases and far from each other.
  constexpr int kinds = 700;
  std::string lines;
  for (const char* const word : {"Kind", "KIND", "kind"}) {
    for (int i = 0; i < kinds; ++i) {
      lines += word + std::to_string(i * 37 % kinds) + ' ' + word + '\n';
      if (i % 100 == 50) lines += "AUTH "s + word + std::to_string(i) + "\nSIZE " + word[0] + "\n";
    }
  }
  const capabilities c = offered(lines + "SIZE 10\nDSN");
  ASSERT_EQ(c.size(), kinds + 3U);
  EXPECT_EQ(c.duplicates(), 2U * kinds + 7 * 3) << "SIZE is told, AUTH is united";
  EXPECT_EQ(c.skipped(), 0U);
  EXPECT_EQ(c.size_limit(), 0U) << "the first one is no number";
  EXPECT_TRUE(c.has(extension::dsn));
  EXPECT_EQ(c.mechanisms(), "KIND50 KIND150 KIND250 KIND350 KIND450 KIND550 KIND650");
  EXPECT_EQ(c[50].keyword, "KIND450");
  EXPECT_EQ(c[50].parameters, "Kind");
  EXPECT_EQ(c[51].keyword, "AUTH");
  EXPECT_EQ(c[52].keyword, "SIZE");
  for (int i = 0; i < kinds; ++i) {
    EXPECT_EQ(c[static_cast<std::size_t>(i <= 50 ? i : i + 2)].keyword,
              "KIND" + std::to_string(i * 37 % kinds));
  }
  EXPECT_EQ(c[kinds + 2].keyword, "DSN");
}

TEST(capabilities, are_exact_words) {  // EXT-03 B11
  const struct {
    std::string lines;
    std::size_t kept;
    std::size_t skipped;
  } rows[] = {
      {"SIZE.example\nOK", 1, 1},
      {"XSTARTTLS", 1, 0},
      {"NO STARTTLS", 1, 0},
      {"", 0, 1},
      {"   ", 0, 1},
      {"_BAD x", 0, 1},
      {"-BAD", 0, 1},
      {"SIZE=10", 0, 1},
      {"STARTTLS:", 0, 1},
      {"SIZ\xC3\x89 10", 0, 1},
      {"STARTTLS\xFF", 0, 1},
      {"STARTTLS\0"s, 0, 1},
      {"STARTTLS\r", 0, 1},
      {"AUTHX=PLAIN", 0, 1},
      {"\n\n", 0, 3},
  };
  for (const auto& [lines, kept, skipped] : rows) {
    const capabilities c = offered(lines);
    EXPECT_EQ(c.size(), kept) << lines;
    EXPECT_EQ(c.skipped(), skipped) << lines;
    EXPECT_FALSE(c.has(extension::size)) << lines;
    EXPECT_FALSE(c.has(extension::starttls)) << lines;
    EXPECT_FALSE(c.has(extension::auth)) << lines;
    EXPECT_EQ(c.mechanisms(), "") << lines;
  }
  EXPECT_TRUE(offered("DSN\nSTARTTLS").has(extension::starttls)) << "also on the last line";
}

TEST(capabilities, can_be_ignored) {  // EXT-04
  const std::string lines = "CHUNKING\nAUTH=LOGIN\nSIZE 10\nPIPELINING\nAUTH PLAIN\nsize 20";
  const capabilities c = offered(lines, {"chunking", "AUTH", "Size", "NOTTHERE"});
  EXPECT_EQ(c.size(), 1U);
  EXPECT_TRUE(c.has(extension::pipelining));
  EXPECT_FALSE(c.has(extension::chunking));
  EXPECT_FALSE(c.has("CHUNKING"));
  EXPECT_FALSE(c.has(extension::auth));
  EXPECT_EQ(c.mechanisms(), "");
  EXPECT_EQ(c.size_limit(), 0U);
  EXPECT_EQ(c.parameters("SIZE"), "");
  EXPECT_EQ(c.skipped(), 0U);
  EXPECT_EQ(c.duplicates(), 0U);
}

TEST(capabilities, read_the_limit_of_size) {  // EXT-05 B12
  const struct {
    const char* line;
    std::uint64_t limit;
  } rows[] = {
      {"SIZE", 0},
      {"SIZE 0", 0},
      {"SIZE abc", 0},
      {"SIZE 100", 100},
      {"SIZE 007", 7},
      {"SIZE 18446744073709551615", 18446744073709551615U},
      {"SIZE 18446744073709551616", 0},  // 20 digits, but too big to know
      {"SIZE 99999999999999999999", 0},
      {"SIZE 00000000000000000100", 100},
      {"SIZE 000000000000000000100", 0},  // 21 digits
      {"SIZE -1", 0},
      {"SIZE +1", 0},
      {"SIZE 0x10", 0},
      {"SIZE 10x", 0},
      {"SIZE 10 20", 0},
      {"SIZE 1.5", 0},
      {"SIZE 10\xC3\xA9", 0},
  };
  for (const auto& [line, limit] : rows) {
    const capabilities c = offered(line);
    EXPECT_TRUE(c.has(extension::size)) << line;
    EXPECT_EQ(c.size_limit(), limit) << line;
  }
  EXPECT_EQ(offered("XFOO 100").size_limit(), 0U);
  EXPECT_EQ(offered("SIZE x\nSIZE 100").size_limit(), 0U) << "the first counts";
}

TEST(capabilities, unite_mechanisms) {  // AUTH-02 EXT-03 B11
  const struct {
    std::string lines;
    const char* mechanisms;
    std::size_t kept;
  } rows[] = {
      {"AUTH plain\nAUTH=LOGIN", "PLAIN LOGIN", 1},
      {"auth=plain login\nAUTH CRAM-MD5", "PLAIN LOGIN CRAM-MD5", 1},
      {"AUTH=LOGIN", "LOGIN", 1},
      {"AUTH= LOGIN", "LOGIN", 1},
      {"AUTH=", "", 1},
      {"AUTH", "", 1},
      {"AUTH  PLAIN   LOGIN ", "PLAIN LOGIN", 1},
      {"AUTH PLAIN plain Plain\nAUTH=PLAIN LOGIN", "PLAIN LOGIN", 1},
      {"AUTH SCRAM-SHA-256-PLUS X_Y", "SCRAM-SHA-256-PLUS X_Y", 1},
      {"AUTH =PLAIN PLAIN\x1b PL\xC3\x84IN PLAIN\r LOGIN", "LOGIN", 1},  // no mechanism's name
      {"AUTH AAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA", 1},
      {"AUTH PLAIN\nDSN\nAUTH=LOGIN", "PLAIN LOGIN", 2},
  };
  for (const auto& [lines, mechanisms, kept] : rows) {
    const capabilities c = offered(lines);
    EXPECT_TRUE(c.has(extension::auth)) << lines;
    EXPECT_EQ(c.mechanisms(), mechanisms) << lines;
    EXPECT_EQ(c.size(), kept) << lines;
    EXPECT_EQ(c.duplicates(), 0U) << lines;
    EXPECT_EQ(c.skipped(), 0U) << lines;
  }
}

TEST(capabilities, offer_mechanisms_by_whole_names) {  // AUTH-01 AUTH-02
  const capabilities c = offered("AUTH PLAIN SCRAM-SHA-256\nAUTH=LOGIN");
  for (const char* const name : {"PLAIN", "plain", "SCRAM-SHA-256", "Login"}) {
    EXPECT_TRUE(c.offers_mechanism(name)) << name;
  }
  for (const char* const name :
       {"", " ", "PLAI", "LAIN", "SCRAM-SHA-2", "SHA-256", "PLAIN LOGIN", "PLAIN\r\nX"}) {
    EXPECT_FALSE(c.offers_mechanism(name)) << name;
  }
}

TEST(capabilities, bound_the_mechanisms) {  // CORE-09
  std::string line = "AUTH";
  for (int i = 0; i < 9000; ++i) line += " M" + std::to_string(i);
  const capabilities c = offered(line);
  EXPECT_LE(c.mechanisms().size(), 1024U);
  EXPECT_TRUE(c.offers_mechanism("M0"));
  EXPECT_TRUE(c.offers_mechanism("M100"));
  EXPECT_FALSE(c.offers_mechanism("M8999"));
}

TEST(capabilities, take_mechanisms_up_to_the_bound) {  // CORE-09
  // 48 names of 20 octets and the blanks between them are 1007 octets.
  std::string line = "AUTH";
  for (int i = 10; i < 58; ++i) line += ' ' + std::string(18, 'A') + std::to_string(i);
  ASSERT_EQ(offered(line).mechanisms().size(), 1007U);
  EXPECT_EQ(offered(line + ' ' + std::string(16, 'B')).mechanisms().size(), 1024U);
  EXPECT_EQ(offered(line + ' ' + std::string(17, 'B')).mechanisms().size(), 1007U);
}

TEST(capabilities, count_without_wrapping) {  // EXT-03 CORE-09
  const capabilities c = offered(std::string(70000, '\n'));
  EXPECT_EQ(c.skipped(), 65535U);
  EXPECT_EQ(c.size(), 0U);
}

TEST(capabilities, are_replaced_whole) {  // SESS-17
  capabilities c = offered("SIZE 10\nAUTH PLAIN\n_x\nDSN\nDSN");
  c.assign(reply(250, "mx.test\nPIPELINING", false));
  EXPECT_EQ(c.size(), 1U);
  EXPECT_FALSE(c.has(extension::size));
  EXPECT_EQ(c.size_limit(), 0U);
  EXPECT_EQ(c.mechanisms(), "");
  EXPECT_EQ(c.skipped(), 0U);
  EXPECT_EQ(c.duplicates(), 0U);
  EXPECT_TRUE(c.has(extension::pipelining));

  // Also when the new one fails: its text offers nothing.
  for (const int code : {354, 421, 502}) {
    c = offered("SIZE 10");
    c.assign(reply(code, "no\nSTARTTLS", false));
    EXPECT_EQ(c.size(), 0U) << code;
    EXPECT_FALSE(c.has(extension::starttls)) << code;
    EXPECT_FALSE(c.has(extension::size)) << code;
  }
}

TEST(capabilities, can_be_cleared_and_copied) {  // TLS-06
  capabilities c = offered("SIZE 10\nAUTH PLAIN\nXFOO a\n_x\nDSN\nDSN");
  const capabilities copy = c;
  c.clear();
  EXPECT_EQ(c.size(), 0U);
  EXPECT_FALSE(c.has(extension::size));
  EXPECT_FALSE(c.has("XFOO"));
  EXPECT_EQ(c.size_limit(), 0U);
  EXPECT_EQ(c.mechanisms(), "");
  EXPECT_EQ(c.skipped(), 0U);
  EXPECT_EQ(c.duplicates(), 0U);
  EXPECT_EQ(copy.size(), 4U);
  EXPECT_EQ(copy.parameters("XFOO"), "a");
  EXPECT_TRUE(copy.offers_mechanism("PLAIN"));
}

TEST(capabilities, take_the_limits_that_make_sense) {  // EXT-10 EXT-11 B12
  const struct {
    const char* parameters;
    server_limits expected;
  } rows[] = {
      {"MAILMAX=1", {1, 0, 0}},
      {"MAILMAX=20 RCPTMAX=999999 RCPTDOMAINMAX=3", {20, 999999, 3}},
      {"  rcptmax=5   MailMax=7  ", {7, 5, 0}},
      {"RCPTMAX=0 MAILMAX=3", {3, 0, 0}},
      {"RCPTMAX=05", {0, 0, 0}},
      {"RCPTMAX=1000000", {0, 0, 0}},
      {"RCPTMAX=99999999999999999999", {0, 0, 0}},
      {"RCPTMAX=-1 MAILMAX=2", {2, 0, 0}},
      {"RCPTMAX=x RCPTMAX=4", {0, 4, 0}},
      {"RCPTMAX=4 RCPTMAX=5", {0, 4, 0}},
      {"OTHER_-1=anything!=at\"all MAILMAX=2", {2, 0, 0}},
      {"", {0, 0, 0}},
      // What breaks the syntax of the keyword bounds nothing at all.
      {";x", {0, 0, 0}},
      {"MAILMAX=2 x", {0, 0, 0}},
      {"x MAILMAX=2", {0, 0, 0}},
      {"MAILMAX=2 RCPTMAX=", {0, 0, 0}},
      {"MAILMAX=2 =3", {0, 0, 0}},
      {"MAILMAX=2 A.B=3", {0, 0, 0}},
      {"MAILMAX=2;RCPTMAX=3", {0, 0, 0}},
      {"MAILMAX=2 X=\xC3\xA9", {0, 0, 0}},
      {"MAILMAX=2 X=a\tb", {0, 0, 0}},
      {"MAILMAX=2 X=\x7F", {0, 0, 0}},
  };
  for (const auto& row : rows) {
    capabilities c = offered("LIMITS " + std::string(row.parameters));
    const server_limits expected = row.expected;
    EXPECT_TRUE(c.has(extension::limits)) << row.parameters;
    EXPECT_EQ(c.limits().mails, expected.mails) << row.parameters;
    EXPECT_EQ(c.limits().recipients, expected.recipients) << row.parameters;
    EXPECT_EQ(c.limits().domains, expected.domains) << row.parameters;
    EXPECT_EQ(c.limits().any(), (expected.mails | expected.recipients | expected.domains) != 0)
        << row.parameters;
    c.assign(reply(250, "mx.test\nSIZE"));
    EXPECT_FALSE(c.limits().any()) << "another EHLO replaces them";
  }
  EXPECT_FALSE(offered("LIMITS MAILMAX=1", {"limits"}).limits().any());
}

}  // namespace

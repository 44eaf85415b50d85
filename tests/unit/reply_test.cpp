#include "sansmtp/reply.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace sansmtp;
using namespace std::string_literals;

std::vector<std::string> lines_of(const reply& r) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < r.line_count(); ++i) lines.emplace_back(r.line(i));
  return lines;
}

TEST(reply, is_nothing_by_default) {  // REP-06
  const reply none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.code(), 0);
  EXPECT_EQ(none.first_digit(), 0);
  EXPECT_EQ(none.line_count(), 0U);
  EXPECT_EQ(none.line(0), "");
  EXPECT_EQ(none.display(), "");
  EXPECT_FALSE(none.enhanced());
}

TEST(reply, has_a_class_for_each_code) {  // REP-04 B14
  for (int code = 200; code < 600; ++code) {
    const reply r(code, "x");
    EXPECT_TRUE(r);
    EXPECT_EQ(r.code(), code);
    EXPECT_EQ(r.first_digit(), code / 100);
  }
}

TEST(reply, is_read_line_by_line) {  // REP-02 REP-06 REP-07 REP-08
  const struct {
    const char* text;
    std::vector<std::string> lines;
  } rows[] = {
      {"", {""}},  // REP-06
      {"OK", {"OK"}},
      {"a\nb\nc", {"a", "b", "c"}},
      {"a\n\n", {"a", "", ""}},  // REP-07
      {"\n", {"", ""}},
      {"\na", {"", "a"}},
      {"234 Text\nend", {"234 Text", "end"}},  // REP-08
      {"a\rb", {"a\rb"}},                      // in lenient mode CR is text
  };
  for (const auto& [text, lines] : rows) {
    const reply r(250, text);
    EXPECT_EQ(lines_of(r), lines);
    EXPECT_EQ(r.line(lines.size()), "");
    EXPECT_EQ(r.line(lines.size() + 100), "");
    EXPECT_EQ(r.text(), text);
  }
}

TEST(reply, keeps_raw_octets) {  // REP-14
  const std::string text = "\xC3\xA9 \x01\xFF";
  EXPECT_EQ(reply(250, text).line(0), text);
}

TEST(enhanced_status, is_parsed_strictly) {  // EXT-09 B14
  const struct {
    const char* text;
    enhanced_status code;
  } good[] = {
      {"5.1.1 x", {5, 1, 1}},         {"2.1.0", {2, 1, 0}},       {"4.0.0 ", {4, 0, 0}},
      {"5.123.999 x", {5, 123, 999}}, {"2.10.100", {2, 10, 100}}, {"5.10.1 x", {5, 10, 1}},
      {"5.1.10 x", {5, 1, 10}},
  };
  for (const auto& [text, code] : good) EXPECT_EQ(parse_enhanced_status(text), code) << text;

  for (const char* const text :
       {"",        "5",      "5.",         "5.1",        "5.1.",     "5.1.1x", "5.1.1.1",
        "5.1.1\t", "5.1.1-", "5.1111.1 x", "5.1.1111 x", "2.1000.0", "2..0",   "2.1",
        "3.0.0",   "1.0.0",  "6.0.0",      "0.0.0",      "55.1.1",   " 5.1.1", "x5.1.1",
        "5,1,1",   "5 1 1",  "#5.1.1",     "5.1x1",      "5.101",    "5.a.1",  "5.1.a",
        "+5.1.1",  "5.-1.1", "5.01.1",     "5.1.00",     "5.1.01"}) {
    EXPECT_FALSE(parse_enhanced_status(text)) << text;
  }
  // The end is the view's, not a NUL's.
  EXPECT_EQ(parse_enhanced_status(std::string_view("5.1.12", 5)), (enhanced_status{5, 1, 1}));
  EXPECT_EQ(parse_enhanced_status(std::string_view("5.1.123", 6)), (enhanced_status{5, 1, 12}));
}

TEST(enhanced_status, is_equal_only_in_all_its_parts) {
  constexpr enhanced_status one{5, 1, 2};
  EXPECT_EQ(one, (enhanced_status{5, 1, 2}));
  for (const enhanced_status other : {enhanced_status{4, 1, 2}, enhanced_status{5, 2, 2},
                                      enhanced_status{5, 1, 1}, enhanced_status{}}) {
    EXPECT_NE(one, other) << to_string(other);
  }
}

TEST(enhanced_status, is_written) {  // EXT-09
  EXPECT_EQ(to_string(enhanced_status{5, 1, 1}), "5.1.1");
  EXPECT_EQ(to_string(enhanced_status{2, 999, 10}), "2.999.10");
  EXPECT_EQ(to_string(enhanced_status{}), "");
}

TEST(reply, has_an_enhanced_status) {  // EXT-09 B14
  const struct {
    int code;
    const char* text;
    enhanced_status expected;
  } rows[] = {
      {550, "5.1.1 x", {5, 1, 1}},
      {250, "2.1.0", {2, 1, 0}},
      {450, "4.7.1 slow", {4, 7, 1}},
      {250, "ok", {}},
      {250, "", {}},
      // Another class than the reply's is none.
      {550, "4.1.1 x", {}},
      {450, "5.1.1 x", {}},
      {250, "5.1.1 bad", {}},
      {550, "2.0.0 x", {}},
      {354, "3.0.0", {}},
      {354, "2.0.0 go", {}},
      {334, "5.0.0", {}},
      {550, "5.1111.1 x", {}},
      {250, "2.1.0\t", {}},
      // The last line first, else the first that has one.
      {250, "2.1.0 a\n2.1.5 b", {2, 1, 5}},
      {250, "2.1.0 a\nb", {2, 1, 0}},
      {250, "a\n2.1.1 b\n2.1.2 c\nd", {2, 1, 1}},
      {550, "5.1.1 a\n4.0.0 b", {5, 1, 1}},
      {550, "4.0.0 a\n5.1.1 b\nc", {5, 1, 1}},
      {550, "a\nb", {}},
      {550, "5.1.1 a\n", {5, 1, 1}},
      {550, "x 5.1.1", {}},
  };
  for (const auto& [code, text, expected] : rows) {
    EXPECT_EQ(reply(code, text).enhanced(), expected) << code << ' ' << text;
    // In a greeting and in the reply to EHLO there is none.
    EXPECT_FALSE(reply(code, text, false).enhanced()) << code << ' ' << text;
  }
}

TEST(display_text, is_safe_and_on_one_line) {  // REP-21 SEC-04 B13
  const struct {
    std::string text;
    std::string display;
  } rows[] = {
      {"", ""},
      {"plain text ~", "plain text ~"},
      {"a\x1b[2Jb", "a?[2Jb"},
      {"a\nb\n", "a / b / "},
      {"a\rb", "a?b"},
      {"a\tb", "a?b"},
      {"a\0b"s, "a?b"},
      {"\x7F", "?"},
      {"5.1.1 \xFF\0\x1b[2J"s, "5.1.1 ???[2J"},
      {"caf\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x93\xA7", "caf\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x93\xA7"},
      {"caf\xE9 x", "caf? x"},  // Latin-1
      {"\xC3", "?"},            // cut off
      {"\xE4\xB8", "??"},
      {"\xC0\x80", "??"},            // overlong
      {"\xED\xA0\x80", "???"},       // a surrogate
      {"\xF4\x90\x80\x80", "????"},  // above U+10FFFF
      {"\302\2332J", "?2J"},         // C1 is one character
      {"\xC2\x80\xC2\x9F\xC2\xA0", "??\xC2\xA0"},
      {"\342\200\256abc", "?abc"},  // U+202E
      {"\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA\xE2\x80\xAE\xE2\x80\xAF",
       "\xE2\x80\xA7????\xE2\x80\xAF"},  // U+2027 and U+202F are harmless
      {"\xE2\x81\xA5\xE2\x81\xA6\xE2\x81\xA9\xE2\x81\xAA", "\xE2\x81\xA5??\xE2\x81\xAA"},
      {"\xE2\x80\x8D\xE2\x80\x8E\xE2\x80\x8F\xE2\x80\x90", "\xE2\x80\x8D??\xE2\x80\x90"},
      {"\xD8\x9C\xEF\xBB\xBF", "??"},  // U+061C, U+FEFF
  };
  for (const auto& [text, display] : rows) {
    EXPECT_EQ(display_text(text), display);
    EXPECT_EQ(reply(250, text).display(), display);
    EXPECT_EQ(reply(250, text).text(), text) << "raw octets stay available";
  }
}

TEST(display_text, lets_no_control_through) {  // SEC-04
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      for (const char c : display_text(text)) {
        EXPECT_FALSE((c >= 0 && c < 32) || c == 127) << a << ' ' << b;
      }
    }
  }
}

TEST(forward_path, is_found_in_251_and_551) {  // REP-19
  const struct {
    const char* text;
    const char* found;
  } rows[] = {
      {"User not local; try <x@c.test>", "x@c.test"},
      {"5.1.6 moved: <x@c.test> (please update)", "x@c.test"},
      {"line one\ntry <x@c.test>", "x@c.test"},
      {"<bob> is gone, try <x@c.test>", "x@c.test"},
      {"a < b, try <x@c.test>", "x@c.test"},
      {"<<x@c.test>>", "x@c.test"},
      {"<x@c.test> or <y@c.test>", "x@c.test"},
      {"<\"a>b <\"@c.test>", "\"a>b <\"@c.test"},
      {"<\"a\\\"> b\"@c.test>", "\"a\\\"> b\"@c.test"},
      {"say \"hi\" <x@c.test>", "x@c.test"},
      {"<postmaster>", "postmaster"},
      {"<\xC3\xA9@c.test>", "\xC3\xA9@c.test"},
      {"", ""},
      {"try x@c.test", ""},
      {"<>", ""},
      {"<x@c.test", ""},
      {"x@c.test>", ""},
      {">x@c.test<", ""},
      {"<x@c.test >", ""},
      {"<x@\nc.test>", ""},
      {"<x@c..test>", ""},
      {"<@r.test:x@c.test>", ""},
      {"<x\x1b@c.test>", ""},
      {"<\"x@c.test>", ""},
      {"<\"x\\", ""},
      {"<no path> but \" and <x@c.test>", "x@c.test"},
  };
  for (const auto& [text, found] : rows) {
    EXPECT_EQ(forward_path(reply(551, text)), found) << text;
    EXPECT_EQ(forward_path(reply(251, text)), found) << text;
    EXPECT_EQ(forward_path(reply(550, text)), "") << text;
    EXPECT_EQ(forward_path(reply(250, text)), "") << text;
  }
  EXPECT_EQ(forward_path(reply()), "");
  const std::string brackets(64 * 1024, '<');
  EXPECT_EQ(forward_path(reply(551, brackets)), "");
}

TEST(forward_path, is_a_view_into_the_reply) {  // REP-19
  const std::string text = "try <x@c.test>";
  EXPECT_EQ(forward_path(reply(551, text)).data(), text.data() + 5);
}

}  // namespace

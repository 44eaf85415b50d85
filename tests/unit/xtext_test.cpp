#include "sansmtp/xtext.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using namespace sansmtp;
using namespace std::string_literals;

TEST(xtext, encodes_what_is_not_printable_and_the_two_marks) {  // CMD-16 B4
  const struct {
    std::string octets;
    std::string text;
  } rows[] = {
      {"", ""},
      {"a+b=c d", "a+2Bb+3Dc+20d"},
      {"a b", "a+20b"},
      {"x\r\n", "x+0D+0A"},
      {"\0\x1F !~\x7F"s, "+00+1F+20!~+7F"},
      {"\x80\xFF", "+80+FF"},
      {"rfc822;a@b.test", "rfc822;a@b.test"},
      {"e=mc2@a.test", "e+3Dmc2@a.test"},  // AUTH-15
  };
  for (const auto& [octets, text] : rows) {
    EXPECT_EQ(xtext_encode(octets), text);
    EXPECT_EQ(xtext_decode(text), octets);
  }
}

TEST(xtext, returns_each_octet) {  // CMD-16 SEC-01
  for (int i = 0; i < 256; ++i) {
    const std::string octet(1, static_cast<char>(i));
    const std::string text = xtext_encode(octet);
    const bool as_itself = i >= 33 && i <= 126 && i != '+' && i != '=';
    EXPECT_EQ(text.size(), as_itself ? 1U : 3U) << i;
    EXPECT_EQ(xtext_decode(text), octet) << i;
    // On its own, an octet is text only if it stands for itself.
    EXPECT_EQ(xtext_decode(octet).has_value(), as_itself) << i;
  }
}

TEST(xtext, refuses_what_the_encoder_never_writes) {  // CMD-16
  for (const char* const text : {"+2b", "+B2+2b", "+", "a+", "+2", "a+2", "+2G", "+G2", "++20",
                                 "+ 2", "a b", "a=b", "\x7F", "\r\n", "\xC3\xA9"}) {
    EXPECT_EQ(xtext_decode(text), std::nullopt) << text;
  }
  EXPECT_EQ(xtext_decode("\0"s), std::nullopt);
  // The end is the view's, not that of what lies behind it.
  EXPECT_EQ(xtext_decode(std::string_view("a+20", 3)), std::nullopt);
  EXPECT_EQ(xtext_decode(std::string_view("a+20", 2)), std::nullopt);
  // Encoding more than is needed is allowed (RFC 3461 section 4).
  EXPECT_EQ(xtext_decode("+41"), "A");
}

}  // namespace

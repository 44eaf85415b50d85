#include "sansmtp/base64.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace sansmtp;
using namespace std::string_literals;

TEST(base64, knows_the_vectors) {  // AUTH-06, RFC 4648 section 10
  const struct {
    std::string octets;
    const char* text;
  } rows[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\0"s, "AA=="},
      {"\xFB\xFF\xBF", "+/+/"},
      {"\xFF\xFF\xFF", "////"},
      {"test\0test\0001234"s, "dGVzdAB0ZXN0ADEyMzQ="},  // T1
  };
  for (const auto& [octets, text] : rows) {
    EXPECT_EQ(base64_encode(octets), text);
    EXPECT_EQ(base64_decode(text), octets) << text;
  }
}

TEST(base64, returns_all_octets_at_each_length) {  // AUTH-06 AUTH-09
  std::string octets;
  for (int i = 0; i < 600; ++i) {
    const std::string text = base64_encode(octets);
    EXPECT_EQ(text.size(), (octets.size() + 2) / 3 * 4);
    EXPECT_EQ(text.find_first_of("\r\n"), std::string::npos) << "on one line";
    EXPECT_EQ(base64_decode(text), octets);
    octets += static_cast<char>(i * 7);
  }
}

TEST(base64, refuses_what_is_not_canonical) {  // AUTH-06 B9
  const std::string rows[] = {
      "=AAA", "AAA=BBB", "A A=",                                    // the requirement's own
      "A",    "AA",      "AAA",      "AAAAA",    "AA=",   "AA===",  // length
      "=",    "==",      "===",      "====",     "A===",            // nothing but padding
      "AA=A", "A=AA",    "AA==AAAA", "AAA=AAAA",                    // padding before the end
      "AB==", "AP==",    "AAB=",     "AAD=",     "Zh==",  "Zm9=",   // lost bits
      "AAA-", "AAA_",                                               // the other alphabet
      "AAA ", " AAA",    "AA\r\n",   "AAA\n",    "AAA\t", "AAA\0"s, "AA\x80\xFF",
      "AAA@", "AAA[",    "AAA`",     "AAA{",     "AAA.",  "AAA,",   "AAA:",
  };
  for (const std::string& text : rows) EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

TEST(base64, knows_sixty_four_letters_and_no_more) {  // AUTH-06
  int letters = 0;
  for (int i = 0; i < 256; ++i) {
    std::string text = "AAAA";
    text[1] = static_cast<char>(i);
    letters += base64_decode(text).has_value() ? 1 : 0;
  }
  EXPECT_EQ(letters, 64);
}

}  // namespace

#include "auth_mask.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace sansmtp::detail {
namespace {

std::string shown(const auth_mask& m, std::string_view said, bool exchange) {
  std::string into;
  return std::string(m.shown(said, exchange, into));
}

constexpr std::string_view line = "AHRpbQB0YW5zdGFhZnRhbnN0YWFm";

TEST(auth_mask, hides_the_words_that_repeat_a_line) {  // SEC-06
  auth_mask m;
  EXPECT_EQ(shown(m, "nothing was said", true), "nothing was said");
  m.add_line(line);
  const auto in_exchange = [&m](const std::string& said) { return shown(m, said, true); };
  const std::string all(line);
  EXPECT_EQ(in_exchange("5.5.1 Unrecognized: \"AUTH PLAIN " + all + "\" (try again)"),
            "5.5.1 Unrecognized: \"AUTH PLAIN **** (try again)");
  EXPECT_EQ(in_exchange(all), "****");
  EXPECT_EQ(in_exchange("x=" + all), "****");
  EXPECT_EQ(in_exchange("authentication failed, try again later"),
            "authentication failed, try again later");
  std::string capitals = all;
  for (char& c : capitals) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  EXPECT_EQ(in_exchange("no: " + capitals), "no: ****");
  EXPECT_EQ(in_exchange("two\n" + all.substr(0, 10) + "\n" + all.substr(10) + " lines"),
            "two\n****\n**** lines");
}

TEST(auth_mask, hides_any_part_of_a_line) {  // SEC-06
  auth_mask m;
  m.add_line(line);
  for (std::size_t at = 0; at != line.size(); ++at) {
    for (std::size_t n = 4; at + n <= line.size(); ++n) {
      const std::string said = "no " + std::string(line.substr(at, n)) + " no";
      EXPECT_EQ(shown(m, said, true), "no **** no") << at << " " << n;
      // Behind the exchange nobody has a reason to cut it short.
      if (n >= 8) {
        EXPECT_EQ(shown(m, said, false), "no **** no") << at << " " << n;
      }
    }
  }
  EXPECT_EQ(shown(m, "queued as dGFh", false), "queued as dGFh");
}

// A token of some thousand octets holds four octets of nearly every text in a row somewhere.
TEST(auth_mask, leaves_ordinary_words_beside_a_long_token) {  // SEC-06
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view refusal =
      "5.5.1 Error: authentication command unrecognized, mechanism is not supported here: ";
  std::mt19937 random(11);
  for (int i = 0; i != 50; ++i) {
    std::string token;
    while (token.size() != 4000) token += alphabet[random() % alphabet.size()];
    auth_mask m;
    m.add_line(token);
    m.add_secret(token);
    for (const bool exchange : {true, false}) {
      const std::string said(refusal);
      EXPECT_EQ(shown(m, said, exchange), said) << i;
      EXPECT_EQ(shown(m, said + token, exchange), said + "****") << i;
      EXPECT_EQ(shown(m, said + token.substr(300, 8) + "...", exchange), said + "****") << i;
    }
    // What short lines say in four octets they still do not show.
    m.add_line(line);
    EXPECT_EQ(shown(m, "no " + std::string(line.substr(5, 4)), true), "no ****");
  }
}

TEST(auth_mask, hides_a_secret_in_clear) {  // SEC-06
  auth_mask m;
  m.add_secret("tanstaaftanstaaf");
  EXPECT_EQ(shown(m, "wrong password 'tanstaaftanstaaf' for tim", true),
            "wrong password **** for tim");
  EXPECT_EQ(shown(m, "wrong password tanstaaft... for tim", false), "wrong password **** for tim");
  EXPECT_EQ(shown(m, "tanstaa", true), "tanstaa") << "less than half of it";
  auth_mask blanks;
  blanks.add_secret("a long phrase");
  EXPECT_EQ(shown(blanks, "not 'a long phrase' again", true), "not **** again");
  auth_mask brief;
  brief.add_secret("12345");
  EXPECT_EQ(shown(brief, "bad 12345, 1234 expected", true), "bad **** 1234 expected");
  auth_mask tiny;
  tiny.add_secret("a");
  EXPECT_EQ(shown(tiny, "a mailbox", true), "a mailbox") << "a single letter might be anywhere";
  std::string token;
  for (int i = 0; i < 500; ++i) token += std::to_string(i * 7919 % 1000);
  auth_mask of_token;
  of_token.add_secret(token);
  EXPECT_EQ(shown(of_token, "bad token " + token.substr(300, 16), false), "bad token ****")
      << "of a long one a part of 16 octets";
}

TEST(auth_mask, shows_the_caller_s_octets_or_those_that_it_gave_room_to) {  // SEC-06
  auth_mask m;
  m.add_line(line);
  const std::string good = "nothing of it";
  std::string into = "kept";
  EXPECT_EQ(m.shown(good, true, into).data(), good.data());
  EXPECT_EQ(into, "kept");
  const std::string_view bad = m.shown(line, true, into);
  EXPECT_EQ(bad.data(), into.data());
  EXPECT_EQ(into, "****");
}

TEST(auth_mask, takes_any_octets) {  // SEC-06: what is shown may be no reply at all
  auth_mask m;
  m.add_line(line);
  const std::string nul(1, '\0');
  EXPECT_EQ(shown(m, nul + " " + nul + nul + " " + std::string(line) + " " + nul, true),
            nul + " " + nul + nul + " **** " + nul);
}

TEST(auth_mask, forgets_nothing_that_was_added_before) {  // SEC-06
  auth_mask m;
  m.add_line("dXNlcg==");
  m.add_line("c2VjcmV0LXdvcmQ=");
  m.add_secret("secret-word");
  EXPECT_EQ(shown(m, "dXNlcg== c2VjcmV0LXdvcmQ= secret-word", false), "**** **** ****");
  EXPECT_GE(m.memory(), sizeof m);
  const std::size_t before = m.memory();
  for (int i = 0; i != 10; ++i) m.add_line("c2VjcmV0LXdvcmQ=");
  EXPECT_LE(m.memory(), before + 10 * line.size()) << "what is known already takes no room";
}

}  // namespace
}  // namespace sansmtp::detail

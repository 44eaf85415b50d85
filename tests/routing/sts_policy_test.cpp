#include "sansmtp/routing/sts_policy.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace sansmtp::routing;
using namespace std::chrono_literals;

std::optional<std::string> id_of(std::vector<std::string> texts) { return sts_id_of(texts); }

TEST(sts_record, has_an_id) {  // RTE-19
  const std::string longest(32, 'a');
  const std::vector<std::pair<std::string, std::string>> good{
      {"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
      {"v=STSv1;id=1", "1"},
      {"v=STSv1; id=1 ; ", "1"},
      {"v=STSv1;\tid=1;", "1"},
      {"v=STSv1; other=x; id=2", "2"},
      {"v=STSv1; id=2; other.x-y_z=!~", "2"},
      {"v=STSv1; id=1; id=2;", "1"},
      {"v=STSv1; id=" + longest + ";", longest},
  };
  for (const auto& [text, id] : good) EXPECT_EQ(parse_sts_record(text), id) << text;
}

TEST(sts_record, is_nothing_else) {  // RTE-19
  for (const std::string& text :
       std::vector<std::string>{"",
                                "v=STSv1",
                                "v=STSv1;",
                                "v=STSv1; ",
                                "v=STSv2; id=1;",
                                "V=STSv1; id=1;",
                                " v=STSv1; id=1;",
                                "v=stsv1; id=1;",
                                "v=STSv1; id=;",
                                "v=STSv1; id=a-b;",
                                "v=STSv1; id=" + std::string(33, 'a') + ";",
                                "v=STSv1; id=1;;",
                                "v=STSv1;; id=1",
                                "v=STSv1; ID=1;",
                                "v=STSv1; id",
                                "v=STSv1; id=1; other",
                                "v=STSv1; id=1; other=",
                                "v=STSv1; id=1; other=a=b",
                                "v=STSv1; id=1; other=a b",
                                "v=STSv1; id=1; =x",
                                "v=STSv1; id=1; -x=y",
                                "v=STSv1; id=1; x\xC3\xA4=y",
                                "v=STSv1; id = 1",
                                "v=STSv1; id=1; x=\x7F",
                                "v=STSv1; id=1; " + std::string(33, 'x') + "=y",
                                "v=STSv1 id=1;",
                                "v=spf1 -all",
                                "v=STSv1; other=x"}) {
    EXPECT_FALSE(parse_sts_record(text)) << text;
  }
}

TEST(sts_record, is_the_only_one) {  // RTE-19
  EXPECT_EQ(id_of({"v=STSv1; id=1;"}), "1");
  EXPECT_EQ(id_of({"v=spf1 -all", "v=STSv1; id=1;", "x"}), "1");
  EXPECT_EQ(id_of({}), std::nullopt);
  EXPECT_EQ(id_of({"v=spf1 -all"}), std::nullopt);
  EXPECT_EQ(id_of({"v=STSv1; id=1;", "v=STSv1; id=1;"}), std::nullopt);
  EXPECT_EQ(id_of({"v=STSv1; id=1;", "v=STSv1; id=%;"}), std::nullopt);
  EXPECT_EQ(id_of({"v=STSv1; id=%;", "v=spf1 -all"}), std::nullopt);
  // What does not begin as one is not one, so it does not count either.
  EXPECT_EQ(id_of({"v=STSv1; id=1;", "v=STSv1 id=2;"}), "1");
}

TEST(sts_policy, is_read_as_the_rfc_writes_it) {  // RTE-20
  const auto p = parse_sts_policy(
      "version: STSv1\r\nmode: enforce\r\nmx: mail.Example.test\r\nmx: *.example.net\r\n"
      "mx: backupmx.example.test\r\nmax_age: 604800\r\n");
  ASSERT_TRUE(p);
  EXPECT_EQ(p->mode, sts_mode::enforce);
  EXPECT_EQ(p->max_age, 604800s);
  EXPECT_EQ(p->mx, (std::vector<std::string>{"mail.example.test", "*.example.net",
                                             "backupmx.example.test"}));
}

TEST(sts_policy, leaves_some_room) {  // RTE-20
  const sts_policy expected{sts_mode::testing, 1s, {"a.test"}};
  for (const std::string_view text : {
           "version:STSv1\nmode:testing\nmx:a.test\nmax_age:1",                  // LF, no blanks
           "max_age: 1\nmx: a.test\nmode: testing\nversion: STSv1\n",            // any order
           "version: STSv1 \t\r\nmode:\t testing\r\nmx:  a.test\r\nmax_age: 1",  // blanks
           "version: STSv1\nmode: testing\nmx: a.test\nmax_age: 1\n\n \n\r\n",   // blank lines
           "version: STSv1\nmode: testing\nx.y-z_0: any \xC3\xA4 thing:\nmx: a.test\nmax_age: 1",
           "version: STSv1\nmode: testing\nmode: enforce\nmx: a.test\nmax_age: 1\nmax_age: 2\n",
           "version: STSv1\nversion: STSv2\nmode: testing\nmx: a.test\nmax_age: 1",
           "version: STSv1\nmode: testing\nmx: a.test\nmx: A.test\nmx: a.test\nmax_age: 0000000001",
       }) {
    EXPECT_EQ(parse_sts_policy(text), expected) << text;
  }
  EXPECT_EQ(parse_sts_policy("version: STSv1\nmode: none\nmax_age: 0"),
            (sts_policy{sts_mode::none, 0s, {}}));
  EXPECT_EQ(parse_sts_policy("version: STSv1\nmode: none\nmax_age: 31557601")->max_age,
            longest_sts_age);
  EXPECT_EQ(parse_sts_policy("version: STSv1\nmode: none\nmax_age: 9999999999")->max_age,
            longest_sts_age);
  EXPECT_EQ(
      parse_sts_policy("version: STSv1\nmode: enforce\nmx: a.b\nmx: c\nmx: a.b\nmax_age: 1")->mx,
      (std::vector<std::string>{"a.b", "c"}));
}

TEST(sts_policy, is_nothing_else) {  // RTE-20
  for (const std::string_view text : {
           "",
           "version: STSv1",
           "mode: enforce\nmx: a.test\nmax_age: 1",
           "version: STSv1\nmx: a.test\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: a.test",
           "version: STSv1\nmode: enforce\nmax_age: 1",
           "version: STSv1\nmode: testing\nmax_age: 1",
           "version: STSv2\nmode: enforce\nmx: a.test\nmax_age: 1",
           "version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 1",
           "version: STSv1\nmode: report\nmx: a.test\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1d",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age:",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 00000000001",
           "version: STSv1\nmode: enforce\nmx: *.*.test\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: m*.test\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: a.test.\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: a.test b.test\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx:\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: \xC3\xA4.test\nmax_age: 1",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\nnonsense",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\nx:",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\nx y: z",
           "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\nx: a\x01z",
           "version: STSv1\rmode: enforce\rmx: a.test\rmax_age: 1",
           "<html>",
       }) {
    EXPECT_FALSE(parse_sts_policy(text)) << text;
  }
}

TEST(sts_policy, is_bounded) {  // RTE-20 RTE-30
  const std::string policy = "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\n";
  const std::string just(longest_sts_body - policy.size(), '\n');
  EXPECT_TRUE(parse_sts_policy(policy + just));
  EXPECT_FALSE(parse_sts_policy(policy + just + '\n'));
}

TEST(sts_policy, matches_names_of_hosts) {  // RTE-21
  const sts_policy p{sts_mode::enforce, 1s, {"*.d", "mx.other.test"}};
  EXPECT_TRUE(matches(p, "a.d"));
  EXPECT_TRUE(matches(p, "A.D."));
  EXPECT_TRUE(matches(p, "MX.other.test"));
  EXPECT_FALSE(matches(p, "a.b.d"));
  EXPECT_FALSE(matches(p, "d"));
  EXPECT_FALSE(matches(p, ".d"));
  EXPECT_FALSE(matches(p, ""));
  EXPECT_FALSE(matches(p, "."));
  EXPECT_FALSE(matches(p, "x.mx.other.test"));
  EXPECT_FALSE(matches(p, "mx.other.tes"));
  EXPECT_FALSE(matches(p, "a.dd"));
  EXPECT_FALSE(matches(sts_policy{}, "a.d"));
}

TEST(sts_policy, names_its_modes) {
  EXPECT_EQ(to_string(sts_mode::testing), "testing");
  EXPECT_EQ(to_string(static_cast<sts_mode>(9)), "unknown");
}

}  // namespace

#include "sansmtp/routing/address_rules.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sansmtp::routing;

struct row {
  std::string_view address;
  address_kind kind;
  bool by_default;
  bool with_private;
};

// RFC 6890 and the registries that it began.
const std::vector<row> rows{
    {"192.0.2.1", address_kind::global, true, true},
    {"8.8.8.8", address_kind::global, true, true},
    {"223.255.255.255", address_kind::global, true, true},
    {"0.0.0.0", address_kind::unspecified, false, false},
    {"0.1.2.3", address_kind::unspecified, false, false},
    {"10.255.255.255", address_kind::private_use, false, true},
    {"11.0.0.0", address_kind::global, true, true},
    {"100.63.255.255", address_kind::global, true, true},
    {"100.64.0.0", address_kind::private_use, false, true},
    {"100.127.255.255", address_kind::private_use, false, true},
    {"100.128.0.0", address_kind::global, true, true},
    {"127.0.0.1", address_kind::loopback, false, true},
    {"127.255.255.254", address_kind::loopback, false, true},
    {"169.254.169.254", address_kind::link_local, false, true},
    {"172.15.255.255", address_kind::global, true, true},
    {"172.16.0.1", address_kind::private_use, false, true},
    {"172.31.255.255", address_kind::private_use, false, true},
    {"172.32.0.0", address_kind::global, true, true},
    {"192.0.0.8", address_kind::private_use, false, true},
    {"192.168.1.1", address_kind::private_use, false, true},
    {"198.18.0.1", address_kind::private_use, false, true},
    {"198.19.255.255", address_kind::private_use, false, true},
    {"198.20.0.0", address_kind::global, true, true},
    {"224.0.0.1", address_kind::multicast, false, false},
    {"239.255.255.255", address_kind::multicast, false, false},
    {"240.0.0.1", address_kind::reserved, false, false},
    {"255.255.255.254", address_kind::reserved, false, false},
    {"255.255.255.255", address_kind::broadcast, false, false},
    {"2001:db8::1", address_kind::global, true, true},
    {"2600::1", address_kind::global, true, true},
    {"::", address_kind::unspecified, false, false},
    {"::1", address_kind::loopback, false, true},
    {"::2", address_kind::embedded, false, false},  // 0.0.0.2
    {"::127.0.0.1", address_kind::embedded, false, true},
    {"::ffff:192.0.2.1", address_kind::embedded, false, true},
    {"::ffff:127.0.0.1", address_kind::embedded, false, true},
    {"::ffff:0.0.0.0", address_kind::embedded, false, false},
    {"::ffff:224.0.0.1", address_kind::embedded, false, false},
    {"64:ff9b::192.0.2.1", address_kind::global, true, true},
    {"64:ff9b::10.0.0.1", address_kind::private_use, false, true},
    {"64:ff9b::255.255.255.255", address_kind::broadcast, false, false},
    {"64:ff9b:1::1", address_kind::private_use, false, true},
    {"100::1", address_kind::private_use, false, true},
    {"2001:0:1:2:3:4:5:6", address_kind::private_use, false, true},
    {"2002:c000:201::1", address_kind::global, true, true},
    {"2002:7f00:1::1", address_kind::loopback, false, true},
    {"2002:a9fe:a9fe::", address_kind::link_local, false, true},
    {"fe80::1", address_kind::link_local, false, true},
    {"febf::1", address_kind::link_local, false, true},
    {"fec0::1", address_kind::private_use, false, true},
    {"fc00::1", address_kind::private_use, false, true},
    {"fdff::1", address_kind::private_use, false, true},
    {"fe00::1", address_kind::global, true, true},
    {"ff02::1", address_kind::multicast, false, false},
};

TEST(address_rules, say_where_mail_may_go) {  // RTE-09
  for (const row& r : rows) {
    SCOPED_TRACE(r.address);
    const auto address = ip_address::parse(r.address);
    ASSERT_TRUE(address);
    EXPECT_EQ(to_string(kind_of(*address)), to_string(r.kind));
    EXPECT_EQ(is_admissible(*address, false), r.by_default);
    EXPECT_EQ(is_admissible(*address, true), r.with_private);
  }
}

TEST(address_rules, know_no_kind_that_is_none) {
  EXPECT_EQ(to_string(static_cast<address_kind>(200)), "unknown");
}

TEST(ip_address, has_one_spelling) {  // RTE-11
  const std::vector<std::pair<std::string_view, std::string_view>> spellings{
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"0:0:1:0:0:0:1:1", "0:0:1::1:1"},
      {"::ffff:c000:201", "::ffff:192.0.2.1"},
      {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
      {"1::192.0.2.1", "1::c000:201"},
  };
  for (const auto& [text, one] : spellings) {
    SCOPED_TRACE(text);
    const auto address = ip_address::parse(text);
    ASSERT_TRUE(address);
    EXPECT_EQ(address->text(), one);
    EXPECT_EQ(ip_address::parse(address->text()), address);
    EXPECT_EQ(address->octets().size(), address->family() == ip_family::v4 ? 4u : 16u);
  }
}

TEST(ip_address, is_nothing_else) {  // RTE-11
  for (const std::string_view text : {"",
                                      ".",
                                      ":",
                                      "1",
                                      "1.2.3",
                                      "1.2.3.",
                                      "1.2.3.4.",
                                      "1.2.3.4.5",
                                      "01.2.3.4",
                                      "256.1.1.1",
                                      "1.2.3.0004",
                                      "1..2.3",
                                      "1.2.3.-1",
                                      "1.2.3.+1",
                                      " 1.2.3.4",
                                      "1.2.3.4 ",
                                      "0x1.2.3.4",
                                      "[::1]",
                                      "fe80::1%eth0",
                                      ":::",
                                      "1::2::3",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:8::",
                                      "::1:2:3:4:5:6:7:8",
                                      "12345::",
                                      "g::",
                                      "+1::",
                                      "-1::",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "1.2.3.4::",
                                      "::1.2.3",
                                      "::1.2.3.4:5",
                                      "1:",
                                      ":1",
                                      "1:2:3:4:5:6:7:",
                                      "::1:",
                                      "::01.2.3.4",
                                      "1.2.3.4:1::",
                                      "0000001::",
                                      "1:2:3:4:5:6:7:8:"}) {
    EXPECT_FALSE(ip_address::parse(text)) << text;
  }
}

TEST(ip_address, is_ordered_by_family_and_number) {  // RTE-31
  const auto a = *ip_address::parse("255.255.255.255");
  const auto b = *ip_address::parse("::");
  const auto c = *ip_address::parse("::1");
  EXPECT_LT(a, b);
  EXPECT_LT(b, c);
  EXPECT_NE(ip_address(), b);  // the same octets in another family
  EXPECT_EQ(ip_address().text(), "0.0.0.0");
}

TEST(ip_address, has_an_order) {
  std::vector<ip_address> sorted;
  for (const std::string_view text : {"0.0.0.1", "9.255.255.255", "10.0.0.0", "255.255.255.255",
                                      "::", "::1", "2001:db8::", "ff02::1"}) {
    sorted.push_back(*ip_address::parse(text));
  }
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      EXPECT_EQ(sorted[i] < sorted[j], i < j) << sorted[i].text() << ' ' << sorted[j].text();
      EXPECT_EQ(sorted[i] == sorted[j], i == j) << sorted[i].text() << ' ' << sorted[j].text();
    }
  }
}

}  // namespace

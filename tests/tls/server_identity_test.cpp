// RFC 9525 over typed names (TLS-11).
#include "sansmtp/tls/server_identity.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sansmtp::tls {
namespace {

using std::string_view;

bool dns(string_view presented, string_view reference) {
  return matches({{std::string(presented)}, {}}, reference);
}

TEST(server_identity, dns_names) {
  struct row {
    string_view presented, reference;
    bool match;
  };
  constexpr row rows[] = {
      {"mx.b.test", "mx.b.test", true},
      {"MX.b.TEST", "mx.B.test", true},
      {"mx.b.test", "mx.b.test.", true},  // the root is the same
      {"mx.b.test", "b.test", false},
      {"b.test", "mx.b.test", false},
      {"*.b.test", "mx.b.test", true},
      {"*.b.test", "MX.B.TEST.", true},
      {"*.b.test", "a.mx.b.test", false},  // one label, no more
      {"*.b.test", "b.test", false},
      {"*.b.test", ".b.test", false},  // an empty label is none
      {"*.test", "mx.b.test", false},
      {"*.test", "b.test", false},  // would be for everybody below a top-level domain
      {"m*.b.test", "mx.b.test", false},
      {"*x.b.test", "mx.b.test", false},
      {"mx.*.test", "mx.b.test", false},
      {"*.*.test", "mx.b.test", false},
      {"*", "mx", false},
      {"*.", "mx.", false},
      {"xn--*.b.test", "xn--bcher-kva.b.test", false},
      {"xn--bcher-kva.test", "xn--bcher-kva.test", true},
      {"b\xc3\xbc"
       "cher.test",
       "b\xc3\xbc"
       "cher.test",
       false},
      {"", "", false},
      {"mx.b.test", "", false},
      {string_view("mx.b.test\0.evil.test", 20), "mx.b.test", false},
      {"mx.b.test", string_view("mx.b.test\0", 10), false},
      {"mx_1.b.test", "mx_1.b.test", true},
      {"localhost", "localhost", true},
  };
  for (const row& r : rows) {
    EXPECT_EQ(dns(r.presented, r.reference), r.match) << r.presented << " for " << r.reference;
  }
}

TEST(server_identity, addresses_match_addresses_only_and_exactly) {
  const std::string v4("\xc0\x00\x02\x05", 4);
  const std::string v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05", 16);
  const certificate_names both{{"192.0.2.5", "2001:db8::5"}, {v4, v6}};
  EXPECT_TRUE(matches(both, "192.0.2.5"));
  EXPECT_TRUE(matches(both, "2001:db8::5"));
  EXPECT_TRUE(matches(both, "[2001:DB8:0::5]"));
  EXPECT_FALSE(matches(both, "192.0.2.6"));
  EXPECT_FALSE(dns("192.0.2.5", "192.0.2.5")) << "a DNS name that looks like an address";
  EXPECT_FALSE(dns("*.0.2.5", "192.0.2.5"));
  EXPECT_FALSE(matches({{}, {v4}}, "mx.b.test"));
  EXPECT_FALSE(matches({{}, {v4.substr(0, 3)}}, "192.0.2.5"));
}

TEST(server_identity, any_of_several_names_will_do) {
  const certificate_names names{{"a.test", "*.b.test", "c.test"}, {}};
  EXPECT_TRUE(matches(names, "c.test"));
  EXPECT_TRUE(matches(names, "x.b.test"));
  EXPECT_FALSE(matches(names, "d.test"));
}

TEST(server_identity, what_is_an_address_and_what_a_name) {
  EXPECT_EQ(address_octets("127.0.0.1"), std::string("\x7f\0\0\x01", 4));
  EXPECT_EQ(address_octets("[::1]").size(), 16u);
  for (const string_view none :
       {"", "[]", "1.2.3", "1.2.3.4.5", "mx.test", "[mx.test]", "::1%lo"}) {
    EXPECT_EQ(address_octets(none), "") << none;
  }
  EXPECT_EQ(address_octets(string_view("127.0.0.1\0x", 11)), "");
  EXPECT_TRUE(is_dns_name("a"));
  EXPECT_TRUE(is_dns_name("a-b.c."));
  EXPECT_TRUE(is_dns_name(std::string(63, 'a') + ".b"));
  for (const std::string& none :
       {std::string(), std::string("."), std::string("a..b"), std::string("-a.b"),
        std::string("a-.b"), std::string("a b"), std::string(64, 'a') + ".b", std::string(254, 'a'),
        std::string("a.b..")}) {
    EXPECT_FALSE(is_dns_name(none)) << none;
  }
}

}  // namespace
}  // namespace sansmtp::tls

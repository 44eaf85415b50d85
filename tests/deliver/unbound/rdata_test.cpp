// What libunbound hands over of a record is read to its last octet, or not at all.
#include "rdata.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace rdata_test {
namespace {

using namespace sansmtp;
using namespace std::string_view_literals;
using routing::dns_answer;
using routing::record;

bool reads(record type, std::string_view rdata) {
  dns_answer out;
  const std::array one{rdata};
  return unbound::read_records(type, one, out);
}

dns_answer read(record type, const std::vector<std::string_view>& rdata) {
  dns_answer out;
  EXPECT_TRUE(unbound::read_records(type, rdata, out));
  return out;
}

TEST(rdata, spells_names) {
  EXPECT_EQ(unbound::name_of("\3mx1\4good\4test\0"sv), "mx1.good.test");
  EXPECT_EQ(unbound::name_of("\0"sv), ".");
  EXPECT_EQ(unbound::name_of("\3MX1\0"sv), "MX1");
  // No label looks like two, and none like something else (RFC 4343 section 2.1).
  EXPECT_EQ(unbound::name_of("\3a.b\4test\0"sv), "a\\046b.test");
  EXPECT_EQ(unbound::name_of("\5a\0\\ \xff\0"sv), "a\\000\\092\\032\\255");
}

TEST(rdata, refuses_what_is_no_name) {
  EXPECT_FALSE(unbound::name_of(""));
  EXPECT_FALSE(unbound::name_of("\3mx1"sv));          // no end
  EXPECT_FALSE(unbound::name_of("\4mx1"sv));          // a label that is cut
  EXPECT_FALSE(unbound::name_of("\3mx1\0x"sv));       // something behind the end
  EXPECT_FALSE(unbound::name_of("\3mx1\xc0\x0c"sv));  // compressed
  EXPECT_FALSE(unbound::name_of("\xc0\x0c"sv));
  const std::string label = '\x3f' + std::string(63, 'a');
  EXPECT_TRUE(unbound::name_of(label + '\0'));
  EXPECT_FALSE(unbound::name_of('\x40' + std::string(64, 'a') + '\0'));
  const std::string longest = label + label + label + '\x3d' + std::string(61, 'a') + '\0';
  ASSERT_EQ(longest.size(), 255U);
  EXPECT_TRUE(unbound::name_of(longest));
  EXPECT_FALSE(unbound::name_of("\1b" + longest));
}

TEST(rdata, reads_each_kind) {
  const dns_answer mx = read(record::mx, {"\0\12\2mx\4test\0"sv, "\xff\xff\0"sv});
  ASSERT_EQ(mx.exchanges.size(), 2U);
  EXPECT_EQ(mx.exchanges[0], (routing::mx_record{10, "mx.test"}));
  EXPECT_EQ(mx.exchanges[1], (routing::mx_record{65535, "."}));

  EXPECT_EQ(read(record::a, {"\x7f\0\0\1"sv}).addresses[0].text(), "127.0.0.1");
  EXPECT_EQ(read(record::aaaa, {"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"sv}).addresses[0].text(),
            "2001:db8::1");

  const dns_answer txt = read(record::txt, {"\3v=S\5TSv1;"sv, "\0"sv, "\1\0"sv});
  EXPECT_EQ(txt.texts, (std::vector<std::string>{"v=STSv1;", "", std::string(1, '\0')}));

  const dns_answer tlsa = read(record::tlsa, {"\3\1\1\0\xff"sv});
  EXPECT_EQ(tlsa.tlsas[0], (tlsa_record{3, 1, 1, std::string("\0\xff", 2)}));
}

TEST(rdata, refuses_what_is_cut_or_too_long) {
  EXPECT_FALSE(reads(record::a, "\x7f\0\0"sv));
  EXPECT_FALSE(reads(record::a, "\x7f\0\0\1\0"sv));
  EXPECT_FALSE(reads(record::aaaa, "\x7f\0\0\1"sv));
  EXPECT_FALSE(reads(record::mx, ""));
  EXPECT_FALSE(reads(record::mx, "\0\12"sv));
  EXPECT_FALSE(reads(record::mx, "\0\12\2mx"sv));
  EXPECT_FALSE(reads(record::txt, ""));
  EXPECT_FALSE(reads(record::txt, "\4abc"sv));
  EXPECT_FALSE(reads(record::txt, "\3abc\1"sv));
  EXPECT_FALSE(reads(record::tlsa, "\3\1\1"sv));
  EXPECT_FALSE(reads(static_cast<record>(2), "\0"sv));  // a kind that nobody asks for
}

TEST(rdata, takes_all_records_or_none) {
  dns_answer out;
  const std::array some{"\x7f\0\0\1"sv, "\x7f"sv};
  EXPECT_FALSE(unbound::read_records(record::a, some, out));
  EXPECT_TRUE(out.addresses.empty());
}

/// What the name is worth in octets, if `name_of` accepted it: every label with its length.
std::size_t wire_size_of(const std::string& name) {
  if (name == ".") return 1;
  std::size_t size = 2;  // the first length and the root
  for (std::size_t i = 0; i < name.size(); i += name[i] == '\\' ? 4U : 1U) ++size;
  return size;
}

// Whatever octets a record has, nothing is read beyond them (each is a block of its own, so that a
// sanitizer sees it), and a name that is accepted spells all of them.
TEST(rdata, reads_whatever_may_come) {
  constexpr std::string_view octets(
      "\0\1\2\3\4\x3f\x40\xc0\xff"
      "a.",
      11);
  std::minstd_rand chance(1);
  unsigned accepted = 0;
  for (int i = 0; i != 30'000; ++i) {
    std::vector<char> block(chance() % 9);
    for (char& c : block) c = octets[chance() % octets.size()];
    if (!block.empty() && chance() % 2 == 0) block.back() = '\0';
    const std::string_view wire(block.data(), block.size());
    if (const auto name = unbound::name_of(wire)) {
      ++accepted;
      ASSERT_EQ(wire_size_of(*name), wire.size()) << *name;
    }
    for (const record type : {record::a, record::aaaa, record::mx, record::txt, record::tlsa}) {
      dns_answer out;
      const std::array one{wire};
      const bool read = unbound::read_records(type, one, out);
      ASSERT_EQ(
          read,
          out.addresses.size() + out.exchanges.size() + out.texts.size() + out.tlsas.size() == 1);
    }
  }
  EXPECT_GT(accepted, 500U);
}

}  // namespace
}  // namespace rdata_test

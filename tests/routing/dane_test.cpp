#include "sansmtp/routing/dane.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace sansmtp;
using namespace sansmtp::routing;

tlsa_record record_of(int usage, int selector, int matching, std::size_t size) {
  return {static_cast<std::uint8_t>(usage), static_cast<std::uint8_t>(selector),
          static_cast<std::uint8_t>(matching), std::string(size, 'x')};
}

TEST(dane, uses_some_records) {  // RTE-25
  struct row {
    tlsa_record r;
    bool usable;
  };
  const std::vector<row> rows{
      {record_of(3, 1, 1, 32), true},  {record_of(3, 0, 1, 32), true},
      {record_of(2, 0, 1, 32), true},  {record_of(2, 1, 1, 32), true},
      {record_of(3, 1, 2, 64), true},  {record_of(2, 0, 2, 64), true},
      {record_of(3, 1, 0, 100), true}, {record_of(2, 0, 0, 1), true},
      {record_of(0, 0, 1, 32), false}, {record_of(1, 1, 1, 32), false},
      {record_of(4, 1, 1, 32), false}, {record_of(255, 1, 1, 32), false},
      {record_of(3, 2, 1, 32), false}, {record_of(3, 255, 1, 32), false},
      {record_of(3, 1, 3, 32), false}, {record_of(3, 1, 255, 32), false},
      {record_of(3, 1, 1, 31), false}, {record_of(3, 1, 1, 33), false},
      {record_of(3, 1, 1, 64), false}, {record_of(3, 1, 2, 32), false},
      {record_of(3, 1, 2, 63), false}, {record_of(3, 1, 2, 65), false},
      {record_of(3, 1, 1, 0), false},  {record_of(3, 1, 0, 0), false},
  };
  for (const row& x : rows) {
    EXPECT_EQ(is_usable(x.r), x.usable) << int(x.r.usage) << ' ' << int(x.r.selector) << ' '
                                        << int(x.r.matching) << ' ' << x.r.data.size();
    const peer_demand d = demand_of({record_of(1, 0, 0, 9), x.r}, "base", "host", "domain");
    EXPECT_EQ(d.level, x.usable ? demand_level::records : demand_level::encrypted);
    EXPECT_EQ(d.records.size(), x.usable ? 1u : 0u);
  }
}

TEST(dane, demands_the_same_whatever_the_order) {  // RTE-25 RTE-28
  const tlsa_record a = record_of(3, 1, 1, 32);
  const tlsa_record b = record_of(2, 0, 2, 64);
  EXPECT_EQ(demand_of({a, b, a}, "base", "host", "domain"),
            demand_of({b, a}, "base", "host", "domain"));
  EXPECT_NE(demand_of({a}, "base", "host", "domain"), demand_of({b}, "base", "host", "domain"));
}

TEST(dane, names_what_an_authority_may_vouch_for) {  // RTE-26
  using names = std::vector<std::string>;
  const tlsa_record own = record_of(3, 1, 1, 32);
  const tlsa_record authority = record_of(2, 0, 1, 32);
  EXPECT_EQ(demand_of({own}, "base", "host", "domain").names, names{"base"});
  EXPECT_EQ(demand_of({own, authority}, "base", "host", "domain").names,
            (names{"base", "host", "domain"}));
  EXPECT_EQ(demand_of({authority}, "host", "host", "host").names, names{"host"});
  EXPECT_EQ(demand_of({authority}, "base", "", "").names, names{"base"});
  EXPECT_TRUE(demand_of({}, "base", "host", "domain").names.empty());
}

TEST(dane, compares_demands_by_all_that_they_hold) {  // RTE-28 TLS-16
  const tlsa_record r = record_of(3, 1, 1, 32);
  EXPECT_EQ(r, record_of(3, 1, 1, 32));
  for (const tlsa_record& greater : {record_of(4, 0, 0, 1), record_of(3, 2, 0, 1),
                                     record_of(3, 1, 2, 1), record_of(3, 1, 1, 33)}) {
    EXPECT_LT(r, greater);
    EXPECT_GT(greater, r);
    EXPECT_NE(r, greater);
  }
  const peer_demand d{demand_level::records, {"a.test"}, {r}};
  EXPECT_EQ(d, (peer_demand{demand_level::records, {"a.test"}, {r}}));
  EXPECT_NE(d, (peer_demand{demand_level::names, {"a.test"}, {r}}));
  EXPECT_NE(d, (peer_demand{demand_level::records, {"b.test"}, {r}}));
  EXPECT_NE(d, (peer_demand{demand_level::records, {"a.test"}, {record_of(2, 1, 1, 32)}}));
}

TEST(dane, is_bounded) {  // RTE-30
  std::vector<tlsa_record> many;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back(record_of(3, 1, 1, 32));
    many.back().data.replace(0, 5, std::to_string(10'000 + i));
  }
  EXPECT_EQ(demand_of(many, "base", "host", "domain").records.size(), 100u);
}

TEST(dane, asks_at_the_port) {
  EXPECT_EQ(tlsa_name(25, "mx.a.test"), "_25._tcp.mx.a.test");
}  // RTE-26

}  // namespace

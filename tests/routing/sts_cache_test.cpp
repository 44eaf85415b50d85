#include "sansmtp/routing/sts_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace sts_cache_test {
namespace {

using namespace sansmtp;
using namespace sansmtp::routing;
using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using due = sts_cache::due;

const time_point begin{1'000'000s};
const sys_seconds wall{1'800'000'000s};

sts_policy policy_of(seconds age, std::string mx = "mx.a.test") {
  return {sts_mode::enforce, age, {std::move(mx)}};
}

TEST(sts_cache, holds_until_the_policy_ends) {  // RTE-22
  sts_cache cache;
  EXPECT_EQ(cache.find("a.test", begin), nullptr);
  cache.store("A.test.", "1", policy_of(100s), begin);
  ASSERT_NE(cache.find("a.TEST", begin + 99s), nullptr);
  EXPECT_EQ(*cache.find("a.test", begin + 99s), policy_of(100s));
  EXPECT_EQ(cache.id_of("a.test", begin + 99s), "1");
  EXPECT_EQ(cache.find("a.test", begin + 100s), nullptr);
  EXPECT_EQ(cache.id_of("a.test", begin + 100s), "");
  EXPECT_EQ(cache.find("b.test", begin), nullptr);
  EXPECT_EQ(cache.id_of("b.test", begin), "");
}

TEST(sts_cache, keeps_a_policy_through_failures) {  // RTE-20 RTE-22
  sts_cache cache;
  cache.store("a.test", "1", policy_of(1000s), begin);
  EXPECT_EQ(cache.what_is_due("a.test", "2", begin), due::fetch);
  cache.failed("a.test", "2", begin);
  EXPECT_EQ(cache.what_is_due("a.test", "2", begin + 299s), due::nothing);
  EXPECT_EQ(cache.what_is_due("a.test", "3", begin + 299s), due::fetch);  // another id
  EXPECT_EQ(cache.what_is_due("a.test", "2", begin + 300s), due::fetch);
  EXPECT_EQ(*cache.find("a.test", begin + 999s), policy_of(1000s));
  cache.store("a.test", "2", policy_of(10s, "other.test"), begin + 300s);
  EXPECT_EQ(cache.find("a.test", begin + 300s)->mx.front(), "other.test");
  EXPECT_EQ(cache.find("a.test", begin + 310s), nullptr);  // the new one's time counts
  EXPECT_TRUE(cache.may_fetch("a.test", "2", begin + 300s));
}

TEST(sts_cache, says_what_is_due) {  // RTE-22
  sts_cache cache;
  EXPECT_EQ(cache.what_is_due("a.test", std::nullopt, begin), due::nothing);
  EXPECT_EQ(cache.what_is_due("a.test", "1", begin), due::fetch);
  cache.store("a.test", "1", policy_of(1000s), begin);
  EXPECT_EQ(cache.what_is_due("a.test", "1", begin + 499s), due::nothing);
  EXPECT_EQ(cache.what_is_due("a.test", "1", begin + 900s), due::refresh);
  // Whether the record can still be read or not: who hides it must not let the policy expire.
  EXPECT_EQ(cache.what_is_due("a.test", std::nullopt, begin + 900s), due::refresh);
  EXPECT_EQ(cache.refresh_due(begin + 900s, 10), std::vector<std::string>{"a.test"});
  EXPECT_TRUE(cache.refresh_due(begin + 900s, 0).empty());
  cache.failed("a.test", "1", begin + 900s);
  EXPECT_TRUE(cache.refresh_due(begin + 901s, 10).empty());
  EXPECT_EQ(cache.what_is_due("a.test", std::nullopt, begin + 901s), due::nothing);
  EXPECT_EQ(cache.what_is_due("a.test", "1", begin + 1200s), due::fetch);  // it has expired
  EXPECT_EQ(cache.what_is_due("a.test", std::nullopt, begin + 1200s), due::nothing);
  cache.forget("A.test");
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.what_is_due("a.test", "1", begin + 1200s), due::fetch);
}

TEST(sts_cache, refreshes_at_a_seeded_moment_before_the_end) {  // RTE-22
  std::set<seconds::rep> moments;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    sts_cache cache(seed);
    cache.store("a.test", "1", policy_of(10'000s), begin);
    seconds first{0};
    while (cache.what_is_due("a.test", "1", begin + first) == due::nothing) first += 1s;
    EXPECT_GE(first, 5'000s);
    EXPECT_LE(first, 9'000s);
    moments.insert(first.count());
    sts_cache again(seed);
    again.store("a.test", "1", policy_of(10'000s), begin);
    EXPECT_EQ(again.what_is_due("a.test", "1", begin + first), due::refresh);
    EXPECT_EQ(again.what_is_due("a.test", "1", begin + first - 1s), due::nothing);
  }
  EXPECT_GT(moments.size(), 150u) << "they all come at once";
  EXPECT_LT(*moments.begin(), 5'500);
  EXPECT_GT(*moments.rbegin(), 8'500);
}

TEST(sts_cache, is_saved_as_text) {  // RTE-22
  sts_cache cache(7);
  cache.store("a.test", "1", {sts_mode::enforce, 1000s, {"mx.a.test", "*.b.test"}}, begin);
  cache.store("n.test", "n1", {sts_mode::none, 500s, {}}, begin);
  cache.failed("a.test", "2", begin + 10s);
  cache.failed("f.test", "3", begin);
  const std::string text = cache.save(begin + 10s, wall);

  // Another process, with another clock and other seeds, an hour later by nobody's watch.
  const time_point later{5s};
  sts_cache other(99);
  EXPECT_EQ(other.load(text, later, wall), 0u);
  EXPECT_EQ(other.save(later, wall), text);
  EXPECT_EQ(other.size(), 3u);
  EXPECT_EQ(other.id_of("a.test", later), "1");
  EXPECT_NE(other.find("a.test", later + 989s), nullptr);
  EXPECT_EQ(other.find("a.test", later + 990s), nullptr);
  EXPECT_FALSE(other.may_fetch("a.test", "2", later + 299s));
  EXPECT_TRUE(other.may_fetch("a.test", "2", later + 300s));
  EXPECT_FALSE(other.may_fetch("f.test", "3", later + 289s));

  // What has ended meanwhile is left out.
  sts_cache late;
  EXPECT_EQ(late.load(text, later, wall + 600s), 0u);
  EXPECT_EQ(late.size(), 1u);
  EXPECT_NE(late.find("a.test", later), nullptr);
}

TEST(sts_cache, reads_only_what_it_wrote) {  // RTE-22
  const std::string good = "policy a.test 1 enforce 1800000000 1000 1800000700 mx.a.test";
  for (const std::string& line : std::vector<std::string>{
           "nonsense",
           "policy",
           "policy a.test",
           "policy a.test 1 enforce 1800000000 1000",
           "policy a.test 1 enforce 1800000000 1000 1800000700",
           "policy a..test" + good.substr(13),
           "policy a.test %" + good.substr(15),
           "policy a.test 1 perhaps" + good.substr(23),
           "policy a.test 1 enforce x 1000 1800000700 mx.a.test",
           "policy a.test 1 enforce -1 1000 1800000700 mx.a.test",
           "policy a.test 1 enforce 1800000000x 1000 1800000700 mx.a.test",
           "policy a.test 1 enforce 1800000000 1000 1800000700x mx.a.test",
           "policy a.test 1 enforce 99999999999999999999 1000 1800000700 mx.a.test",
           "policy a.test 1 enforce 1800000000 x 1800000700 mx.a.test",
           "policy a.test 1 enforce 1800000000 1000 x mx.a.test",
           good + " ",
           good + "  b.test",
           good + " *.*",
           "failed a.test 1",
           "failed a.test 1 x",
           "failed a.test 1 1800000001x",
           "failed a.test 1 1800000001 y",
           "failed a.test  1800000001",
           "POLICY" + good.substr(6),
           ""}) {
    sts_cache cache;
    EXPECT_EQ(cache.load("sansmtp-sts-cache 1\n" + line + "\n" + good + "\n", begin, wall),
              line == good + " " ? 0u : 1u)
        << line;
    EXPECT_EQ(cache.size(), 1u) << line;
    EXPECT_NE(cache.find("a.test", begin), nullptr) << line;
  }
  sts_cache cache;
  EXPECT_EQ(cache.load("sansmtp-sts-cache 2\n" + good, begin, wall), 1u);
  EXPECT_EQ(cache.load("", begin, wall), 0u);
  EXPECT_EQ(cache.size(), 0u);
}

TEST(sts_cache, bounds_what_a_file_says) {  // RTE-22
  sts_cache cache;
  // Clocks that were put back, and numbers that nobody wrote.
  EXPECT_EQ(
      cache.load("sansmtp-sts-cache 1\n"
                 "policy a.test 1 enforce 9000000000000000000 1000 9000000000000000000 x.test\n"
                 "failed b.test 1 9000000000000000000\n"
                 "policy c.test 1 enforce 0 9999999999 0 x.test\n",
                 begin, wall),
      0u);
  EXPECT_NE(cache.find("a.test", begin + 999s), nullptr);
  EXPECT_EQ(cache.find("a.test", begin + 1000s), nullptr);
  EXPECT_TRUE(cache.may_fetch("b.test", "1", begin + 300s));
  EXPECT_FALSE(cache.may_fetch("b.test", "1", begin + 299s));
  EXPECT_EQ(cache.find("c.test", begin), nullptr);
}

TEST(sts_cache, is_bounded) {  // RTE-22 RTE-30
  sts_cache cache(0, 100);
  for (int i = 0; i < 1000; ++i) {
    // Those with odd numbers hold longer.
    cache.store(std::to_string(i) + ".test", "1", policy_of(i % 2 == 0 ? 10s : 1000s), begin);
    EXPECT_LE(cache.size(), 100u);
  }
  EXPECT_GT(cache.size(), 80u);
  sts_cache one(0, 0);
  one.store("a.test", "1", policy_of(10s), begin);
  one.failed("b.test", "1", begin);
  EXPECT_EQ(one.size(), 1u);
  // What would be over first goes first.
  sts_cache two(0, 2);
  two.store("long.test", "1", policy_of(1000s), begin);
  two.store("short.test", "1", policy_of(10s), begin);
  two.store("new.test", "1", policy_of(100s), begin);
  EXPECT_NE(two.find("long.test", begin), nullptr);
  EXPECT_EQ(two.find("short.test", begin), nullptr);
  // A failure alone holds for five minutes.
  sts_cache failures(0, 2);
  failures.failed("failed.test", "1", begin);
  failures.store("long.test", "1", policy_of(301s), begin);
  failures.store("new.test", "1", policy_of(100s), begin);
  EXPECT_TRUE(failures.may_fetch("failed.test", "1", begin));
  EXPECT_NE(failures.find("long.test", begin), nullptr);
  failures.failed("failed.test", "1", begin);
  EXPECT_FALSE(failures.may_fetch("failed.test", "1", begin));
  EXPECT_EQ(failures.find("new.test", begin), nullptr);
}

TEST(sts_cache, is_fresh_for_five_minutes_at_most) {  // RTE-22
  sts_cache cache;
  EXPECT_FALSE(cache.is_fresh("a.test", begin));
  cache.failed("a.test", "1", begin);
  EXPECT_FALSE(cache.is_fresh("a.test", begin));
  cache.store("a.test", "1", policy_of(1000s), begin);
  EXPECT_TRUE(cache.is_fresh("A.test.", begin + 299s));
  EXPECT_FALSE(cache.is_fresh("a.test", begin + 300s));
  cache.store("a.test", "2", policy_of(10s), begin);
  EXPECT_TRUE(cache.is_fresh("a.test", begin + 9s));
  EXPECT_FALSE(cache.is_fresh("a.test", begin + 10s));
}

// The cache as one would write it without care for speed: a list of all that happened.
class model {
 public:
  void store(const std::string& domain, const std::string& id, sts_policy p, time_point now) {
    entries_[domain] = {id, std::move(p), now, {}, {}};
  }
  void failed(const std::string& domain, const std::string& id, time_point now) {
    entries_[domain].failed = id;
    entries_[domain].when = now;
  }
  void forget(const std::string& domain) { entries_.erase(domain); }

  std::optional<sts_policy> find(const std::string& domain, time_point now) const {
    const auto e = entries_.find(domain);
    if (e == entries_.end() || !e->second.policy) return std::nullopt;
    if (now - e->second.fetched >= e->second.policy->max_age) return std::nullopt;
    return e->second.policy;
  }
  bool may_fetch(const std::string& domain, const std::string& id, time_point now) const {
    const auto e = entries_.find(domain);
    return e == entries_.end() || e->second.failed != id || now - e->second.when >= 5min;
  }
  // Nothing: it is not said, since the moment of a refresh is chosen by chance.
  std::optional<due> what_is_due(const std::string& domain, std::optional<std::string> id,
                                 time_point now) const {
    const std::optional<sts_policy> p = find(domain, now);
    if (!p) return id && may_fetch(domain, *id, now) ? due::fetch : due::nothing;
    const auto& e = entries_.at(domain);
    if (!id) id = e.id;
    if (!may_fetch(domain, *id, now)) return due::nothing;
    if (*id != e.id) return due::fetch;
    const auto age = now - e.fetched;
    if (age < p->max_age / 2) return due::nothing;
    if (age > p->max_age * 9 / 10 + 1s) return due::refresh;
    return std::nullopt;
  }

 private:
  struct entry {
    std::string id;
    std::optional<sts_policy> policy;
    time_point fetched;
    std::optional<std::string> failed;
    time_point when;
  };
  std::map<std::string, entry> entries_;
};

TEST(sts_cache, agrees_with_a_model) {  // RTE-22
  std::minstd_rand chance(20261130);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(chance()) % n; };
  sts_cache cache(3);
  model m;
  time_point now = begin;
  for (int step = 0; step < 100'000; ++step) {
    const std::string domain = std::string(1, static_cast<char>('a' + below(5))) + ".test";
    const std::string id(1, static_cast<char>('0' + below(3)));
    switch (below(8)) {
      case 0: {
        const sts_policy p = policy_of(seconds(below(2000)), "mx" + id + ".test");
        cache.store(domain, id, p, now);
        m.store(domain, id, p, now);
        break;
      }
      case 1:
        cache.failed(domain, id, now);
        m.failed(domain, id, now);
        break;
      case 2:
        if (below(10) == 0) {
          cache.forget(domain);
          m.forget(domain);
        }
        break;
      case 3: now += seconds(below(300)); break;
      case 4:
        if (below(20) == 0) {
          // Out of the process, and in again.
          const std::string text = cache.save(now, wall + seconds(step));
          sts_cache next(below(100));
          ASSERT_EQ(next.load(text, now, wall + seconds(step)), 0u);
          ASSERT_EQ(next.save(now, wall), cache.save(now, wall));
          cache = next;
        }
        break;
      default: break;
    }
    const sts_policy* found = cache.find(domain, now);
    const std::optional<sts_policy> expected = m.find(domain, now);
    ASSERT_EQ(found != nullptr, expected.has_value()) << step;
    if (expected) {
      ASSERT_EQ(*found, *expected) << step;
    }
    ASSERT_EQ(cache.may_fetch(domain, id, now), m.may_fetch(domain, id, now)) << step;
    for (const auto& asked : {std::optional<std::string>(id), std::optional<std::string>()}) {
      const std::optional<due> say = m.what_is_due(domain, asked, now);
      const due is = cache.what_is_due(domain, asked, now);
      if (say) {
        ASSERT_EQ(static_cast<int>(is), static_cast<int>(*say)) << step;
      } else {
        ASSERT_NE(static_cast<int>(is), static_cast<int>(due::fetch)) << step;
      }
    }
  }
}

}  // namespace
}  // namespace sts_cache_test

#include "sansmtp/routing/route.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "route_table.hpp"
#include "world.hpp"

namespace sansmtp::routing::test {
namespace {

TEST(route, goes_to_the_domain_itself_without_mx) {  // RTE-01
  for (const bool empty : {false, true}) {
    world w;
    if (empty) w.zone[{record::mx, "d.test"}] = mx({});
    w.host("d.test", {"192.0.2.1"}, {"2001:db8::1"});
    w.start("D.test.");
    EXPECT_EQ(w.said, (lines{"Q MX d.test", "Q AAAA d.test", "Q A d.test",
                             "H d.test 2001:db8::1 192.0.2.1 maybe"}));
    EXPECT_EQ(w.r->current()->preference, 0);
    EXPECT_EQ(w.r->current()->server_name, "d.test");
    EXPECT_EQ(w.r->current()->port, 25);
    w.tried(ending::done);
    EXPECT_EQ(w.end(), "served");
  }
}

TEST(route, ends_where_the_domain_does) {  // RTE-02
  struct row {
    found what;
    std::string_view end;
    obstacle why;
  };
  for (const row& x : {row{found::no_name, "rejected 5.1.2", obstacle::no_domain},
                       row{found::failed, "deferred 4.4.3", obstacle::mx_failed},
                       row{found::bogus, "deferred 4.4.3", obstacle::mx_failed}}) {
    world w;
    w.options.sts = true;
    w.zone[{record::mx, "d.test"}] = none(x.what);
    w.start("d.test");
    EXPECT_EQ(w.said, (lines{"Q MX d.test", "Q TXT _mta-sts.d.test"}));
    EXPECT_EQ(w.end(), x.end);
    EXPECT_EQ(w.r->why().why, x.why);
    EXPECT_TRUE(w.r->over());
    EXPECT_EQ(w.r->current(), nullptr);
    EXPECT_EQ(w.r->site(), "");
    ASSERT_EQ(w.r->why().hops.size(), 1u);
    EXPECT_EQ(w.r->why().hops[0].host, "d.test");
    EXPECT_TRUE(w.r->why().text.starts_with("d.test: "));
  }
  world w;  // nobody answers
  w.begin("d.test");
  EXPECT_EQ(w.r->deadline(), w.now + 30s);
  w.r->advance(w.now + 29s);
  EXPECT_FALSE(w.r->over());
  w.r->advance(w.now + 30s);
  EXPECT_EQ(w.end(), "deferred 4.4.3");
  EXPECT_EQ(w.r->deadline(), std::nullopt);
}

TEST(route, takes_no_for_an_answer) {  // RTE-03
  for (const std::vector<mx_record>& null :
       {std::vector<mx_record>{{0, "."}}, {{10, "."}}, {{0, ""}}, {{0, "."}, {5, "."}}}) {
    world w;
    w.zone[{record::mx, "d.test"}] = mx(null);
    w.start("d.test");
    EXPECT_EQ(w.said, lines{"Q MX d.test"});
    EXPECT_EQ(w.end(), "rejected 5.1.10");
  }
  world w;
  w.zone[{record::mx, "d.test"}] = mx({{0, "."}, {10, "a.test"}});
  w.host("a.test", {"192.0.2.1"});
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"a.test 192.0.2.1 maybe"});
}

// The order in which hosts are tried, by their first letters.
std::string order_of_tries(std::vector<mx_record> exchanges, std::uint64_t seed,
                           const host_memory& memory = host_memory()) {
  world w;
  w.memory = memory;
  w.options.seed = seed;
  for (const mx_record& x : exchanges) w.host(x.exchange, {"192.0.2.1"});
  w.zone[{record::mx, "d.test"}] = mx(std::move(exchanges));
  w.start("d.test");
  std::string order;
  while (w.r->current() != nullptr) {
    order += w.r->current()->host.front();
    w.tried(ending::unreachable);
  }
  EXPECT_EQ(w.end(), "deferred 4.4.1");
  return order;
}

TEST(route, tries_the_best_first_and_equals_by_chance) {  // RTE-04
  EXPECT_EQ(order_of_tries({{30, "c.test"}, {10, "a.test"}, {20, "b.test"}}, 1), "abc");
  EXPECT_EQ(order_of_tries({{65535, "a.test"}, {0, "b.test"}, {300, "c.test"}}, 1), "bca");
  std::map<char, int> first;
  std::map<std::string, int> orders;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    world w;
    w.options.seed = seed;
    w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {10, "b.test"}, {10, "c.test"}});
    w.start("d.test");
    ++first[w.said[1].substr(7, 1).front()];
  }
  for (const auto& [host, times] : first) {
    EXPECT_GT(times, 900) << host;
    EXPECT_LT(times, 1100) << host;
  }
  EXPECT_EQ(first.size(), 3u);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string order =
        order_of_tries({{10, "a.test"}, {10, "b.test"}, {10, "c.test"}, {5, "d.test"}}, seed);
    EXPECT_EQ(order.front(), 'd');
    ++orders[order];
    // The order of the answer says nothing, nor does how names are written, or a worse one again.
    EXPECT_EQ(order_of_tries({{5, "d.test"}, {10, "c.test"}, {10, "b.test"}, {10, "a.test"}}, seed),
              order);
    EXPECT_EQ(order_of_tries({{10, "b.test"},
                              {10, "c.test"},
                              {5, "d.test"},
                              {10, "a.test"},
                              {20, "a.test"},
                              {10, "d.test"}},
                             seed),
              order);
  }
  EXPECT_GT(orders.size(), 3u);
}

TEST(route, tries_what_is_down_at_last) {  // RTE-04
  host_memory memory;
  memory.note_down("a.test", 25, time_point(1'000'000s));
  memory.note_down("b.test", 26, time_point(1'000'000s));
  EXPECT_EQ(order_of_tries({{10, "a.test"}, {20, "b.test"}, {30, "c.test"}}, 1, memory), "bca");
}

TEST(route, does_not_come_back_to_this_machine) {  // RTE-05
  const auto at_10_of = [](std::vector<mx_record> others, bool by_address, dns_answer best) {
    world w;
    w.options.own_names = {"Self.Test."};
    if (by_address) {
      w.options.own_names = {};
      w.options.own_addresses = {ip("192.0.2.99")};
    }
    w.host("self.test", {"192.0.2.99"});
    for (const mx_record& x : others) w.host(x.exchange, {"192.0.2.1"});
    w.zone[{record::a, "best.test"}] = std::move(best);
    others.push_back({10, "self.test"});
    w.zone[{record::mx, "d.test"}] = mx(others);
    w.start("d.test");
    while (w.r->current() != nullptr) w.tried(ending::unreachable);
    std::string result;
    for (const std::string& t : w.tries()) result += t.substr(0, t.find('.')) + " ";
    return result + w.end();
  };
  for (const bool by_address : {false, true}) {
    const dns_answer up = at({"192.0.2.5"});
    EXPECT_EQ(at_10_of({{5, "best.test"}, {20, "worse.test"}}, by_address, up),
              "best deferred 4.4.1");
    EXPECT_EQ(at_10_of({{20, "worse.test"}, {30, "worst.test"}}, by_address, up), "rejected 5.4.6");
    EXPECT_EQ(at_10_of({}, by_address, up), "rejected 5.4.6");
    EXPECT_EQ(at_10_of({{5, "best.test"}}, by_address, none(found::failed)), "deferred 4.4.4");
    EXPECT_EQ(at_10_of({{5, "best.test"}}, by_address, none(found::no_data)), "rejected 5.4.6");
  }
  world w;  // one that is no better goes with it, and nobody is asked about either
  w.options.own_names = {"self.test"};
  w.zone[{record::mx, "d.test"}] = mx({{10, "self.test"}, {10, "equal.test"}});
  w.start("d.test");
  EXPECT_EQ(w.said, lines{"Q MX d.test"});
  world by_number;
  by_number.options.own_addresses = {ip("192.0.2.1")};
  by_number.zone[{record::mx, "d.test"}] = mx({{10, "192.0.2.1"}, {20, "a.test"}});
  by_number.start("d.test");
  EXPECT_EQ(by_number.end(), "rejected 5.4.6");
  world itself;
  itself.options.own_names = {"d.test"};
  itself.start("d.test");
  EXPECT_EQ(itself.end(), "rejected 5.4.6");
  world literal;
  literal.options.own_addresses = {ip("192.0.2.1")};
  literal.start("[192.0.2.1]");
  EXPECT_EQ(literal.end(), "rejected 5.4.6");
}

TEST(route, cuts_a_loop_that_an_address_shows_among_hosts_that_were_down) {  // RTE-05
  world w;
  w.options.own_addresses = {ip("192.0.2.99")};
  w.memory.note_down("best.test", 25, w.now);
  w.host("best.test", {"192.0.2.5"});
  w.host("self.test", {"192.0.2.99"});
  w.host("worse.test", {"192.0.2.7"});
  w.zone[{record::mx, "d.test"}] = mx({{5, "best.test"}, {10, "self.test"}, {20, "worse.test"}});
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"best.test 192.0.2.5 maybe"});
  w.tried(ending::refused_permanently);
  EXPECT_EQ(w.end(), "rejected 5.3.2");
}

TEST(route, asks_for_addresses_when_a_host_has_its_turn) {  // RTE-06
  world w;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
  w.host("a.test", {"192.0.2.1"});
  w.host("b.test", {"192.0.2.2"});
  w.start("d.test");
  EXPECT_EQ(w.said,
            (lines{"Q MX d.test", "Q AAAA a.test", "Q A a.test", "H a.test 192.0.2.1 maybe"}));
  w.tried(ending::unreachable);
  EXPECT_TRUE(w.has_said("Q A b.test"));
  EXPECT_EQ(w.tries(), (lines{"a.test 192.0.2.1 maybe", "b.test 192.0.2.2 maybe"}));
}

TEST(route, lets_families_take_turns) {  // RTE-07
  world w;
  w.host("d.test", {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, {"2001:db8::1", "2001:db8::2"});
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"d.test 2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 maybe"});
  w.options.families = family_order::v4_first;
  w.options.addresses_per_host = 5;
  w.start("d.test");
  EXPECT_EQ(w.said[1], "Q A d.test");
  EXPECT_EQ(w.tries(), lines{"d.test 192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2 192.0.2.3 maybe"});
  w.options.addresses_per_host = 1;
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"d.test 192.0.2.1 maybe"});
  // What stands twice, or in the wrong answer, is not tried for it.
  w.options.addresses_per_host = 9;
  w.zone[{record::a, "d.test"}] = at({"192.0.2.1", "192.0.2.1", "2001:db8::9", "192.0.2.2"});
  w.zone[{record::aaaa, "d.test"}] = none(found::failed);
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"d.test 192.0.2.1 192.0.2.2 maybe"});
}

TEST(route, drops_a_family_that_cannot_be_reached) {  // RTE-08 RTE-13
  world w;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}, {30, "c.test"}});
  w.host("a.test", {"192.0.2.1"}, {"2001:db8::1"});
  w.host("b.test", {}, {"2001:db8::2"});
  w.host("c.test", {"192.0.2.3"}, {"2001:db8::3"});
  w.start("d.test");
  w.tried(trial{ending::no_family, nullptr, ip_family::v6});
  w.tried(ending::refused_permanently);
  w.tried(ending::refused_permanently);
  EXPECT_EQ(w.tries(), (lines{"a.test 2001:db8::1 192.0.2.1 maybe", "a.test 192.0.2.1 maybe",
                              "c.test 192.0.2.3 maybe"}));
  EXPECT_EQ(w.end(), "deferred 4.4.1");  // b is soft, and the first attempt at a does not count
  const std::vector<hop>& hops = w.r->why().hops;
  ASSERT_EQ(hops.size(), 4u);
  EXPECT_TRUE(hops[0].superseded);
  EXPECT_EQ(hops[0].number, 1u);
  EXPECT_EQ(hops[1].number, 2u);
  EXPECT_EQ(hops[2].number, 0u);
  EXPECT_EQ(hops[2].why, obstacle::no_family);

  world other;  // a family that was not among them: then nothing of it was reached
  other.host("d.test", {"192.0.2.1"});
  other.start("d.test");
  other.tried(trial{ending::no_family, nullptr, ip_family::v6});
  EXPECT_EQ(other.end(), "deferred 4.4.1");
  EXPECT_EQ(other.r->why().why, obstacle::unreachable);
  world few;  // to go on with the other family is no further attempt
  few.options.attempts = 2;
  few.zone = w.zone;
  few.start("d.test");
  few.tried(trial{ending::no_family, nullptr, ip_family::v6});
  few.tried(ending::unreachable);
  EXPECT_EQ(few.tries().back(), "c.test 192.0.2.3 maybe");
  world alone;
  alone.host("d.test", {"192.0.2.1"});
  alone.start("d.test");
  alone.tried(trial{ending::no_family, nullptr, ip_family::v4});
  EXPECT_EQ(alone.r->why().why, obstacle::no_family);
}

TEST(route, goes_to_no_forbidden_address) {  // RTE-09
  world w;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
  w.host("a.test", {"127.0.0.1", "10.0.0.1", "192.0.2.1"}, {"::1", "fe80::1"});
  w.host("b.test", {"127.0.0.1"}, {"::ffff:192.0.2.1"});
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"a.test 192.0.2.1 maybe"});
  w.tried(ending::refused_permanently);
  EXPECT_EQ(w.end(), "rejected 5.3.2");
  EXPECT_EQ(w.r->why().hops.back().why, obstacle::refused_address);
  w.options.private_addresses = true;
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"a.test ::1 127.0.0.1 fe80::1 10.0.0.1 maybe"});
  world loop;
  loop.host("d.test", {"127.0.0.1"});
  loop.start("d.test");
  EXPECT_EQ(loop.end(), "rejected 5.4.4");
  loop.start("[127.0.0.1]");
  EXPECT_EQ(loop.end(), "rejected 5.4.4");
  loop.start("[IPv6:::1]");
  EXPECT_EQ(loop.end(), "rejected 5.4.4");
}

TEST(route, asks_the_caller_whether_a_host_may_be_tried) {  // RTE-09
  world w;
  w.options.admits = [](std::string_view host, const ip_address& address) {
    return host != "a.test" && address != ip("192.0.2.2");
  };
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
  w.host("a.test", {"192.0.2.1"});
  w.host("b.test", {"192.0.2.2", "192.0.2.3"});
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"b.test 192.0.2.3 maybe"});
}

TEST(route, asks_nothing_for_a_literal_or_a_relay) {  // RTE-10
  struct row {
    std::string domain;
    std::string relay;
    std::string said;
  };
  for (const row& x : {row{"[192.0.2.1]", "", "H 192.0.2.1 192.0.2.1 maybe"},
                       row{"[IPv6:2001:db8::1]", "", "H 2001:db8::1 2001:db8::1 maybe"},
                       row{"[ipv6:2001:DB8::1]", "", "H 2001:db8::1 2001:db8::1 maybe"},
                       row{"d.test", "relay.test", "H relay.test maybe"},
                       row{"d.test", "127.0.0.1", "H 127.0.0.1 127.0.0.1 maybe"},
                       row{"no domain", "::1", "H ::1 ::1 maybe"}}) {
    world w;
    w.options.sts = w.options.dane = true;
    w.options.relay = x.relay;
    w.options.port = 2525;
    w.start(x.domain);
    EXPECT_EQ(w.said, lines{x.said});
    EXPECT_EQ(w.r->current()->port, 2525);
    w.tried(ending::unreachable);
    EXPECT_EQ(w.end(), "deferred 4.4.1");
    EXPECT_EQ(w.said.size(), 1u);
  }
}

TEST(route, knows_a_bad_domain) {  // RTE-10
  for (const std::string& domain : std::vector<std::string>{
           "", ".", "a..test", "a b", "192.0.2.1", "[192.0.2.1", "192.0.2.1]", "[", "[]",
           "[2001:db8::1]", "[IPv6:192.0.2.1]", "[IPv6:]", "[IPv6:fe80::1%eth0]", "[x:y]",
           "\xC3\xA4.test", std::string(64, 'a') + ".test",
           std::string(250, 'a').replace(60, 1, ".") + ".test", "a.test\r\nb"}) {
    world w;
    w.start(domain);
    EXPECT_TRUE(w.said.empty()) << domain;
    EXPECT_EQ(w.end(), "rejected 5.1.2") << domain;
  }
}

TEST(route, takes_a_number_in_mx_for_an_address) {  // RTE-11
  world w;
  w.options.dane = w.options.sts = true;
  w.zone[{record::mx, "d.test"}] = mx({{10, "192.0.2.1"}}, true);
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"192.0.2.1 192.0.2.1 maybe"});
  EXPECT_EQ(w.r->current()->server_name, "");
  EXPECT_EQ(w.said, (lines{"Q MX d.test", "Q TXT _mta-sts.d.test", "H 192.0.2.1 192.0.2.1 maybe"}));
  // No policy names a number, whatever its patterns look like.
  w.cache.store("d.test", "1", {sts_mode::enforce, 1000s, {"192.0.2.1", "*.0.2.1"}}, w.now);
  w.start("d.test");
  EXPECT_TRUE(w.tries().empty());
  EXPECT_EQ(w.end(), "deferred 4.7.5");
}

TEST(route, tells_no_address_from_no_answer) {  // RTE-12
  world w;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
  w.zone[{record::a, "b.test"}] = none(found::no_name);
  w.zone[{record::aaaa, "b.test"}] = none(found::no_name);
  w.start("d.test");
  EXPECT_EQ(w.end(), "rejected 5.4.4");
  for (const found what : {found::failed, found::bogus}) {
    w.zone[{record::aaaa, "b.test"}] = none(what);
    w.start("d.test");
    EXPECT_EQ(w.end(), "deferred 4.4.4");
    EXPECT_EQ(w.r->why().why, obstacle::lookup_failed);
  }
  w.zone[{record::mx, "d.test"}] = mx({{10, "not a name"}, {20, std::string(254, 'a')}});
  w.start("d.test");
  EXPECT_EQ(w.said, lines{"Q MX d.test"});
  EXPECT_EQ(w.end(), "rejected 5.4.4");
}

// RTE-13 as the design draws it: what follows an ending at the first of two hosts.
TEST(route, follows_the_table_of_endings) {  // RTE-13 RTE-15
  enum class demanded { nothing, encrypted, names, records };
  for (const demanded d :
       {demanded::nothing, demanded::encrypted, demanded::names, demanded::records}) {
    for (std::size_t i = 0; i < ending_count; ++i) {
      for (const bool waits : {false, true}) {
        const auto how = static_cast<ending>(i);
        SCOPED_TRACE(std::string(to_string(how)) + " " + std::to_string(static_cast<int>(d)));
        world w;
        w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}}, true);
        w.host("a.test", {"192.0.2.1"}, {"2001:db8::1"}, true);
        w.host("b.test", {"192.0.2.2"}, {}, true);
        if (d == demanded::names) {
          w.cache.store("d.test", "1", {sts_mode::enforce, 1000s, {"*.test"}}, w.now);
          w.options.sts = true;
        }
        w.options.dane = d == demanded::encrypted || d == demanded::records;
        for (const char* name : {"_25._tcp.a.test", "_25._tcp.b.test"}) {
          w.zone[{record::tlsa, name}] = tlsa(
              {d == demanded::records ? key_record() : tlsa_record{0, 0, 1, std::string(32, 'x')}});
        }
        w.start("d.test");
        const std::string tls = d == demanded::nothing     ? " maybe"
                                : d == demanded::encrypted ? " tls"
                                : d == demanded::names     ? " tls names"
                                                           : " tls records";
        const std::string first = "a.test 2001:db8::1 192.0.2.1" + tls;
        ASSERT_EQ(w.tries(), lines{first});
        w.tried(how, waits);
        const lines next_host{first, "b.test 192.0.2.2" + tls};
        switch (how) {
          case ending::no_family:
            EXPECT_EQ(w.tries(), (lines{first, "a.test 192.0.2.1" + tls}));
            break;
          case ending::tls_failed:
            EXPECT_EQ(w.tries(), d == demanded::nothing
                                     ? (lines{first, "a.test 2001:db8::1 192.0.2.1 off"})
                                     : next_host);
            break;
          case ending::done:
            EXPECT_EQ(w.tries(), waits ? next_host : lines{first});
            EXPECT_EQ(w.r->over(), !waits);
            EXPECT_EQ(w.end(), waits ? "open" : "served");
            break;
          case ending::unreachable:
          case ending::refused_transiently:
          case ending::refused_permanently:
          case ending::tls_missing:
          case ending::lost: EXPECT_EQ(w.tries(), next_host); break;
        }
        if (w.r->over() || w.r->current()->host != "b.test") continue;
        w.tried(how, waits);
        if (how == ending::tls_failed && d == demanded::nothing) continue;
        EXPECT_TRUE(w.r->over());
        EXPECT_EQ(w.end(),
                  std::string(how == ending::refused_permanently ? "rejected " : "deferred ") +
                      to_string(row_of(row_of(how).counts_as).code));
      }
    }
  }
}

TEST(route, rejects_only_if_all_hosts_say_so) {  // RTE-14
  const auto end_of = [](ending a, ending b) {
    world w;
    w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
    w.host("a.test", {"192.0.2.1"});
    w.host("b.test", {"192.0.2.2"});
    w.start("d.test");
    w.tried(a);
    w.tried(b);
    return w.end();
  };
  EXPECT_EQ(end_of(ending::refused_permanently, ending::refused_permanently), "rejected 5.3.2");
  EXPECT_EQ(end_of(ending::refused_permanently, ending::unreachable), "deferred 4.4.1");
  EXPECT_EQ(end_of(ending::unreachable, ending::refused_permanently), "deferred 4.4.1");
  EXPECT_EQ(end_of(ending::lost, ending::refused_permanently), "deferred 4.4.2");
  // What tells most decides.
  EXPECT_EQ(end_of(ending::refused_transiently, ending::unreachable), "deferred 4.3.2");
  EXPECT_EQ(end_of(ending::unreachable, ending::refused_transiently), "deferred 4.3.2");
  EXPECT_EQ(end_of(ending::unreachable, ending::tls_missing), "deferred 4.7.10");
}

TEST(route, tries_clear_text_once_where_tls_is_opportunistic) {  // RTE-15 POOL-02
  world w;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
  w.host("a.test", {"192.0.2.1"});
  w.host("b.test", {"192.0.2.2"});
  w.start("d.test");
  w.tried(ending::tls_failed);
  w.tried(ending::tls_failed);
  EXPECT_EQ(w.tries(),
            (lines{"a.test 192.0.2.1 maybe", "a.test 192.0.2.1 off", "b.test 192.0.2.2 maybe"}));
  w.tried(ending::refused_permanently);
  EXPECT_EQ(w.end(), "deferred 4.7.5");

  w.start("d.test");  // the failed handshake does not count where clear text told more
  w.tried(ending::tls_failed);
  w.tried(ending::refused_permanently);
  w.tried(ending::refused_permanently);
  EXPECT_EQ(w.end(), "rejected 5.3.2");

  w.options.clear_text_retry = false;
  w.start("d.test");
  w.tried(ending::tls_failed);
  EXPECT_EQ(w.tries(), (lines{"a.test 192.0.2.1 maybe", "b.test 192.0.2.2 maybe"}));

  for (const bool require : {false, true}) {  // never under a demand, nor with REQUIRETLS
    world demanding;
    demanding.zone = w.zone;
    demanding.zone[{record::mx, "d.test"}].secure = true;
    demanding.options.require_tls = require;
    if (!require) demanding.options.demand = {demand_level::names};
    demanding.start("d.test");
    demanding.tried(ending::tls_failed);
    demanding.tried(ending::tls_failed);
    EXPECT_EQ(demanding.tries(),
              (lines{"a.test 192.0.2.1 tls names", "b.test 192.0.2.2 tls names"}));
    EXPECT_EQ(demanding.end(), "deferred 4.7.5");
  }
}

TEST(route, proves_names_for_require_tls) {  // RTE-15
  world w;
  w.options.require_tls = true;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}});
  w.host("a.test", {"192.0.2.1"});
  w.start("d.test");  // anybody could have named that host
  EXPECT_EQ(w.said, lines{"Q MX d.test"});
  EXPECT_EQ(w.end(), "rejected 5.7.10");
  w.cache.store("d.test", "1", {sts_mode::enforce, 1000s, {"a.test"}}, w.now);
  w.options.sts = true;
  w.start("d.test");  // a policy vouches for it
  EXPECT_EQ(w.tries(), lines{"a.test 192.0.2.1 tls names"});
  world itself;  // nobody named it but the address
  itself.options.require_tls = true;
  itself.host("d.test", {"192.0.2.1"});
  itself.start("d.test");
  EXPECT_EQ(itself.tries(), lines{"d.test 192.0.2.1 tls names"});
  EXPECT_EQ(itself.r->current()->demand.names, lines{"d.test"});
  world relay;
  relay.options.require_tls = true;
  relay.options.relay = "relay.test";
  relay.start("d.test");
  EXPECT_EQ(relay.tries(), lines{"relay.test tls names"});
}

TEST(route, gives_what_the_caller_demands_of_every_host) {  // RTE-13
  world w;
  w.host("d.test", {"192.0.2.1"});
  w.options.tls = tls_mode::required;
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"d.test 192.0.2.1 tls"});
  w.options.tls = tls_mode::implicit;
  w.options.demand = {demand_level::names, {"other.test"}};
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"d.test 192.0.2.1 implicit names"});
  EXPECT_EQ(w.r->current()->demand.names, lines{"other.test"});
  w.options.tls = tls_mode::off;
  w.options.demand = {demand_level::encrypted};
  w.options.sts = w.options.dane = true;
  w.start("d.test");
  EXPECT_EQ(w.said,
            (lines{"Q MX d.test", "Q AAAA d.test", "Q A d.test", "H d.test 192.0.2.1 off"}));
}

TEST(route, gives_up_in_time) {  // RTE-30
  world w;
  w.options.dns_timeout = 10s;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
  w.host("b.test", {"192.0.2.2"});
  w.begin("d.test");
  w.answer_question(0);
  const std::deque<question> late = w.asked;
  ASSERT_EQ(late.size(), 2u);
  EXPECT_EQ(w.r->deadline(), w.now + 10s);
  w.now += 3s;
  w.r->answered(w.now, late[0].id, none(found::no_data));
  EXPECT_EQ(w.r->deadline(), w.now + 7s);
  w.now += 7s;  // an answer at the very moment is late, and nobody had to call advance for that
  w.r->answered(w.now, late[1].id, at({"192.0.2.1"}));
  w.r->answered(w.now, late[0].id, at({"2001:db8::1"}));
  w.asked.clear();
  w.collect();
  w.run();
  EXPECT_EQ(w.tries(), lines{"b.test 192.0.2.2 maybe"});
  EXPECT_EQ(w.r->why().hops.front().why, obstacle::lookup_failed);
  EXPECT_EQ(w.r->deadline(), std::nullopt);
}

TEST(route, lets_no_time_pass_before_a_question_is_taken) {  // RTE-30
  sts_cache cache;
  host_memory memory;
  route r("d.test", {}, cache, memory);
  const time_point now{50s};
  EXPECT_EQ(r.deadline(), std::nullopt);
  r.advance(now);
  r.answered(now, 1, none(found::no_name));  // it was never asked
  EXPECT_FALSE(r.over());
  const auto q = r.next_question(now + 100s);
  ASSERT_TRUE(q);
  EXPECT_EQ(q->type, record::mx);
  EXPECT_EQ(r.deadline(), now + 130s);
  r.answered(now + 101s, q->id + 77, none(found::no_name));
  EXPECT_FALSE(r.over());
  route moved = std::move(r);
  moved.answered(now + 101s, q->id, none(found::no_name));
  EXPECT_TRUE(moved.over());
  moved.answered(now + 101s, q->id, none(found::failed));
  EXPECT_EQ(moved.why().what, conclusion::rejected);
  EXPECT_EQ(moved.next_question(now + 101s), std::nullopt);
  moved = route("e.test", {}, cache, memory);
  EXPECT_FALSE(moved.over());
}

TEST(route, is_bounded) {  // RTE-30
  world w;
  std::vector<mx_record> many;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back({static_cast<std::uint16_t>(i % 7), "h" + std::to_string(i) + ".test"});
    if (i < 1000) w.host(many.back().exchange, {"192.0.2.1"});
  }
  w.zone[{record::mx, "d.test"}] = mx(many);
  for (const mx_record& x : many) w.host(x.exchange, {"192.0.2.1"});
  std::vector<std::string_view> addresses(10'000, "192.0.2.1");
  w.start("d.test");
  while (w.r->current() != nullptr) w.tried(ending::unreachable);
  EXPECT_EQ(w.tries().size(), 10u);
  w.options.hosts = 0;  // one at least
  w.start("d.test");
  while (w.r->current() != nullptr) w.tried(ending::refused_permanently);
  EXPECT_EQ(w.tries().size(), 1u);
  EXPECT_EQ(w.end(), "rejected 5.3.2");
  w.options.hosts = 20;
  w.options.attempts = 3;
  w.start("d.test");
  while (w.r->current() != nullptr) w.tried(ending::refused_permanently);
  EXPECT_EQ(w.tries().size(), 3u);
  EXPECT_EQ(w.end(), "deferred 4.4.1");  // nobody knows what the others would say
  w.options.attempts = 1;
  w.start("d.test");
  w.tried(ending::tls_failed);
  EXPECT_EQ(w.tries().size(), 1u);
  EXPECT_EQ(w.end(), "deferred 4.7.5");
}

TEST(route, ignores_what_it_does_not_wait_for) {  // RTE-30 RTE-31
  world w;
  w.host("d.test", {"192.0.2.1"});
  w.start("d.test");
  const unsigned number = w.r->current()->number;
  w.r->tried(w.now, number + 1, ending::unreachable);
  w.r->tried(w.now, 0, ending::unreachable);
  w.r->tried(w.now, number, static_cast<ending>(77));
  w.r->fetched(w.now, 1, 200, {});
  w.r->fetch_failed(w.now, 1, {});
  for (std::uint32_t id = 0; id < 10; ++id) w.r->answered(w.now, id, none(found::failed));
  ASSERT_NE(w.r->current(), nullptr);
  EXPECT_EQ(w.r->current()->number, number);
  w.r->tried(w.now, number, ending::done);
  EXPECT_TRUE(w.r->over());
  w.r->tried(w.now, number, ending::unreachable);
  EXPECT_EQ(w.end(), "served");
}

TEST(route, compares_values_by_all_that_they_hold) {
  const mx_record mx_one{10, "a.test"};
  EXPECT_EQ(mx_one, (mx_record{10, "a.test"}));
  EXPECT_NE(mx_one, (mx_record{11, "a.test"}));
  EXPECT_NE(mx_one, (mx_record{10, "b.test"}));
  const sts_policy policy{sts_mode::enforce, 100s, {"a.test"}};
  EXPECT_EQ(policy, (sts_policy{sts_mode::enforce, 100s, {"a.test"}}));
  EXPECT_NE(policy, (sts_policy{sts_mode::testing, 100s, {"a.test"}}));
  EXPECT_NE(policy, (sts_policy{sts_mode::enforce, 101s, {"a.test"}}));
  EXPECT_NE(policy, (sts_policy{sts_mode::enforce, 100s, {"b.test"}}));
  const tls_row row{tls_policy::sts, "d.test", "a.test", tls_result::success};
  EXPECT_EQ(row, (tls_row{tls_policy::sts, "d.test", "a.test", tls_result::success}));
  EXPECT_NE(row, (tls_row{tls_policy::tlsa, "d.test", "a.test", tls_result::success}));
  EXPECT_NE(row, (tls_row{tls_policy::sts, "e.test", "a.test", tls_result::success}));
  EXPECT_NE(row, (tls_row{tls_policy::sts, "d.test", "b.test", tls_result::success}));
  EXPECT_NE(row, (tls_row{tls_policy::sts, "d.test", "a.test", tls_result::validation_failure}));
}

TEST(route, names_its_values) {
  EXPECT_EQ(to_string(obstacle::null_mx), "null_mx");
  EXPECT_EQ(to_string(static_cast<obstacle>(99)), "unknown");
  EXPECT_EQ(message_of(obstacle::lost), "the connection was lost");
  EXPECT_EQ(message_of(static_cast<obstacle>(99)), "unknown");
  EXPECT_EQ(to_string(static_cast<ending>(99)), "unknown");
  EXPECT_EQ(to_string(static_cast<conclusion>(99)), "unknown");
  EXPECT_EQ(to_string(conclusion::deferred), "deferred");
  EXPECT_EQ(to_string(static_cast<record>(99)), "unknown");
  EXPECT_EQ(to_string(static_cast<found>(99)), "unknown");
  for (std::size_t i = 0; i < obstacle_count; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(obstacle_rows[i].why), i);
    EXPECT_EQ(obstacle_rows[i].code.status_class,
              i == 0                                                        ? 0
              : i < static_cast<std::size_t>(obstacle::refused_permanently) ? 4
                                                                            : 5);
  }
  for (const found f : {found::ok, found::no_data, found::no_name, found::failed, found::bogus}) {
    EXPECT_NE(to_string(f), "unknown");
  }
}

}  // namespace
}  // namespace sansmtp::routing::test

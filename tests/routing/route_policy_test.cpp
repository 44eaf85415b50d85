// MTA-STS and DANE in a route, and what is counted of TLS.
#include <gtest/gtest.h>

#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/routing/dane.hpp"
#include "world.hpp"
#ifdef SANSMTP_TEST_TLS_ERRORS
#include "sansmtp/tls/tls_errc.hpp"
#endif

namespace sansmtp::routing::test {
namespace {

constexpr const char* record_name = "_mta-sts.d.test";
constexpr const char* policy_host = "mta-sts.d.test";

// Two hosts, the first of which the policies below name.
world sts_world(const std::string& mode = "enforce") {
  world w;
  w.options.sts = true;
  w.zone[{record::mx, "d.test"}] = mx({{10, "other.test"}, {20, "mx.d.test"}});
  w.zone[{record::txt, record_name}] = txt({"v=STSv1; id=1;"});
  w.host("other.test", {"192.0.2.1"});
  w.host("mx.d.test", {"192.0.2.2"});
  w.files[policy_host] = {200, policy_text(mode, {"*.d.test"})};
  return w;
}

TEST(route_sts, asks_the_domain_that_was_given) {  // RTE-19
  struct row {
    dns_answer answer;
    bool fetches;
  };
  for (const row& x :
       {row{txt({"v=STSv1; id=1;"}), true}, row{txt({"v=spf1 -all", "v=STSv1; id=1;"}), true},
        row{txt({}), false}, row{txt({"v=STSv1; id=1;", "v=STSv1; id=2;"}), false},
        row{txt({"v=STSv1; id=no-id;"}), false}, row{none(found::no_data), false},
        row{none(found::no_name), false}, row{none(found::failed), false},
        row{none(found::bogus), false}}) {
    world w = sts_world();
    w.zone[{record::txt, record_name}] = x.answer;
    w.start("d.test");
    EXPECT_EQ(w.said[0], "Q MX d.test");
    EXPECT_EQ(w.said[1], "Q TXT _mta-sts.d.test");
    EXPECT_EQ(w.has_said("F mta-sts.d.test"), x.fetches);
    EXPECT_EQ(w.tries(),
              lines{x.fetches ? "mx.d.test 192.0.2.2 tls names" : "other.test 192.0.2.1 maybe"});
  }
  // The alias of a domain has no say: neither is it asked, nor does its end name the policy.
  world alias = sts_world();
  alias.zone[{record::mx, "d.test"}].canonical = "elsewhere.test";
  alias.zone[{record::txt, record_name}].canonical = "_mta-sts.elsewhere.test";
  alias.start("d.test");
  EXPECT_TRUE(alias.has_said("F mta-sts.d.test"));
  EXPECT_EQ(alias.tries(), lines{"mx.d.test 192.0.2.2 tls names"});
  // A name that is too long for the question has no answer.
  world longest = sts_world();
  std::string domain;
  for (int i = 0; i < 3; ++i) domain += std::string(63, 'a') + ".";
  domain += std::string(55, 'a');
  longest.host(domain, {"192.0.2.1"});
  longest.start(domain);
  EXPECT_EQ(longest.tries().size(), 1u);
  EXPECT_FALSE(longest.said[1].starts_with("Q TXT"));
}

TEST(route_sts, asks_before_any_host) {  // RTE-19 RTE-06
  world w = sts_world();
  w.begin("d.test");
  w.answer_question(0);  // MX
  EXPECT_EQ(w.said, (lines{"Q MX d.test", "Q TXT _mta-sts.d.test"}));
  w.answer_question(0);  // TXT
  EXPECT_EQ(w.said.back(), "F mta-sts.d.test");
  EXPECT_EQ(w.r->deadline(), w.now + 60s);
  w.answer_fetch();
  EXPECT_EQ(w.said.back(), "Q A mx.d.test");
}

TEST(route_sts, takes_only_a_good_file_for_a_policy) {  // RTE-20
  const std::string good = policy_text("enforce", {"*.d.test"});
  struct row {
    int status;
    std::string body;
    tls_result result;
  };
  for (const row& x :
       {row{301, good, tls_result::sts_policy_fetch_error},
        row{404, good, tls_result::sts_policy_fetch_error},
        row{0, good, tls_result::sts_policy_fetch_error},
        row{201, good, tls_result::sts_policy_fetch_error},
        row{200, good + std::string(65537 - good.size(), '\n'), tls_result::sts_policy_invalid},
        row{200, policy_text("enforced", {"*.d.test"}), tls_result::sts_policy_invalid},
        row{200, "", tls_result::sts_policy_invalid}}) {
    world w = sts_world();
    w.files[policy_host] = {x.status, x.body};
    w.start("d.test");
    EXPECT_EQ(w.tries(), lines{"other.test 192.0.2.1 maybe"});
    EXPECT_EQ(w.rows(), (std::vector<tls_row>{{tls_policy::sts, "d.test", "", x.result}}));
    // Not again for five minutes, then again.
    w.files[policy_host] = {200, good};
    w.now += 299s;
    w.start("d.test");
    EXPECT_FALSE(w.has_said("F mta-sts.d.test"));
    w.now += 1s;
    w.start("d.test");
    EXPECT_TRUE(w.has_said("F mta-sts.d.test"));
    EXPECT_EQ(w.tries(), lines{"mx.d.test 192.0.2.2 tls names"});
    // A failure for another id leaves the policy that is there.
    w.zone[{record::txt, record_name}] = txt({"v=STSv1; id=2;"});
    w.files[policy_host] = {x.status, x.body};
    w.start("d.test");
    EXPECT_TRUE(w.has_said("F mta-sts.d.test"));
    EXPECT_EQ(w.tries(), lines{"mx.d.test 192.0.2.2 tls names"});
  }
}

TEST(route_sts, waits_for_a_file_so_long) {  // RTE-20 RTE-30
  world w = sts_world();
  w.begin("d.test");
  w.answer_question(0);
  w.answer_question(0);
  const fetch late = w.fetches.front();
  w.fetches.clear();
  w.now += 60s;
  w.r->fetched(w.now, late.id, 200, as_bytes(w.files[policy_host].second));
  w.collect();
  w.run();
  EXPECT_EQ(w.tries(), lines{"other.test 192.0.2.1 maybe"});
  EXPECT_EQ(w.rows().front().result, tls_result::sts_policy_fetch_error);
  EXPECT_FALSE(w.cache.may_fetch("d.test", "1", w.now));
}

TEST(route_sts, enforces_a_policy) {  // RTE-21
  world w = sts_world();
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"mx.d.test 192.0.2.2 tls names"});
  EXPECT_EQ(w.r->current()->demand, (peer_demand{demand_level::names, {"mx.d.test"}}));
  ASSERT_EQ(w.r->why().hops.size(), 1u);
  EXPECT_EQ(w.r->why().hops[0].why, obstacle::not_in_policy);
  w.tried(ending::tls_missing);
  EXPECT_EQ(w.end(), "deferred 4.7.10");

  w = sts_world();
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.b.d.test"}, {20, "d.test"}});
  w.start("d.test");
  EXPECT_TRUE(w.tries().empty());
  EXPECT_EQ(w.end(), "deferred 4.7.5");
  EXPECT_FALSE(w.has_said("Q A d.test"));

  // More hosts that are not named than may be tried are in nobody's way.
  std::vector<mx_record> many{{99, "mx.d.test"}};
  for (int i = 0; i < 50; ++i) many.push_back({10, "h" + std::to_string(i) + ".test"});
  w.zone[{record::mx, "d.test"}] = mx(many);
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"mx.d.test 192.0.2.2 tls names"});
}

TEST(route_sts, remembers_few_of_many_hosts) {  // RTE-30
  world w = sts_world();
  std::vector<mx_record> many;
  for (int i = 0; i < 10'000; ++i) many.push_back({10, "h" + std::to_string(i) + ".test"});
  w.zone[{record::mx, "d.test"}] = mx(many);
  w.start("d.test");
  EXPECT_EQ(w.end(), "deferred 4.7.5");
  EXPECT_EQ(w.r->why().hops.size(), 100u);
}

TEST(route_sts, only_counts_under_a_policy_that_is_tested) {  // RTE-21 RTE-29
  world w = sts_world("testing");
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"other.test 192.0.2.1 maybe"});
  const tls_info tls;
  w.tried(trial{ending::refused_transiently, &tls});
  w.tried(trial{ending::done, &tls});
  EXPECT_EQ(w.rows(), (std::vector<tls_row>{
                          {tls_policy::sts, "d.test", "other.test", tls_result::validation_failure},
                          {tls_policy::sts, "d.test", "mx.d.test", tls_result::success}}));
  w = sts_world("none");
  w.start("d.test");
  w.tried(trial{ending::done, &tls});
  EXPECT_EQ(
      w.rows(),
      (std::vector<tls_row>{{tls_policy::none, "d.test", "other.test", tls_result::success}}));
}

// Whom the policy names and nobody can try is no reason to think that the policy is right.
TEST(route_sts, looks_again_when_the_named_host_is_no_name) {  // RTE-21 RTE-22
  world w = sts_world();
  const std::string too_long = std::string(64, 'a') + ".d.test";
  w.zone[{record::mx, "d.test"}] = mx({{10, too_long}, {20, "other.test"}});
  w.cache.store("d.test", "1", {sts_mode::enforce, 100'000s, {"*.d.test"}}, w.now - 300s);
  w.files[policy_host] = {200, policy_text("enforce", {"other.test"})};
  w.start("d.test");
  EXPECT_TRUE(w.has_said("F mta-sts.d.test"));
  EXPECT_EQ(w.tries(), lines{"other.test 192.0.2.1 tls names"});
  EXPECT_EQ(w.r->why().hops[0].why, obstacle::no_address);
}

TEST(route_sts, knows_which_fetch_is_open) {  // RTE-30
  world w = sts_world();
  route r("d.test", w.options, w.cache, w.memory);
  const auto ask_mx = r.next_question(w.now);
  const auto ask_txt = r.next_question(w.now);
  r.answered(w.now, ask_mx->id, mx({{10, "mx.d.test"}}));
  r.answered(w.now, ask_txt->id, txt({"v=STSv1; id=1;"}));
  EXPECT_EQ(r.deadline(), std::nullopt);  // nobody has taken it yet
  const std::string file = policy_text("enforce", {"*.d.test"});
  const std::error_code why = std::make_error_code(std::errc::connection_refused);
  const std::uint32_t next = ask_txt->id + 1;
  r.fetched(w.now, next, 200, as_bytes(file));
  r.fetch_failed(w.now, next, why);
  const auto open = r.next_fetch(w.now);
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(open->id, next);
  EXPECT_EQ(r.deadline(), w.now + 60s);
  r.fetched(w.now, open->id + 1, 200, as_bytes(file));
  r.fetch_failed(w.now, open->id + 1, why);
  EXPECT_EQ(r.deadline(), w.now + 60s);
  EXPECT_EQ(w.cache.size(), 0u);
  EXPECT_EQ(r.next_row(), std::nullopt);
  r.fetched(w.now, open->id, 200, as_bytes(file));
  EXPECT_NE(w.cache.find("d.test", w.now), nullptr);
  EXPECT_NE(r.next_question(w.now), std::nullopt);  // the first host has its turn
}

TEST(route_sts, looks_again_when_no_host_is_named) {  // RTE-22
  world w = sts_world();
  w.cache.store("d.test", "1", {sts_mode::enforce, 100'000s, {"old.test"}}, w.now);
  w.start("d.test");  // it was fetched a moment ago
  EXPECT_FALSE(w.has_said("F mta-sts.d.test"));
  EXPECT_EQ(w.end(), "deferred 4.7.5");
  w.now += 300s;
  w.start("d.test");  // the domain has moved and kept its id
  EXPECT_TRUE(w.has_said("F mta-sts.d.test"));
  EXPECT_EQ(w.tries(), lines{"mx.d.test 192.0.2.2 tls names"});
  w.cache.store("d.test", "1", {sts_mode::enforce, 100'000s, {"old.test"}}, w.now - 300s);
  w.files.clear();
  w.start("d.test");  // once, and then it is so
  EXPECT_TRUE(w.has_said("F mta-sts.d.test"));
  EXPECT_EQ(w.end(), "deferred 4.7.5");
  w.start("d.test");
  EXPECT_FALSE(w.has_said("F mta-sts.d.test"));
}

TEST(route_sts, refreshes_beside_the_mail) {  // RTE-22 RTE-31
  world w = sts_world();
  w.cache.store("d.test", "1", {sts_mode::enforce, 100'000s, {"other.test"}}, w.now);
  w.now += 95'000s;
  for (const bool record_is_there : {true, false}) {
    world x = w.copy();
    if (!record_is_there) x.zone.erase({record::txt, record_name});
    x.begin("d.test");
    while (!x.asked.empty()) x.answer_question(0);
    x.note_attempt();
    EXPECT_TRUE(x.has_said("F mta-sts.d.test"));
    EXPECT_EQ(x.tries(), lines{"other.test 192.0.2.1 tls names"});  // nobody waited
    x.r->tried(x.now, x.r->current()->number, ending::done);
    EXPECT_TRUE(x.r->over());
    EXPECT_EQ(x.r->deadline(), std::nullopt);
    x.answer_fetch();  // and what comes late is kept
    EXPECT_EQ(x.cache.find("d.test", x.now)->mx, lines{"*.d.test"});
  }
  // It changes nothing for this route, whenever it comes.
  world x = w.copy();
  x.begin("d.test");
  x.answer_question(1);  // TXT
  x.answer_fetch();
  x.run();
  EXPECT_EQ(x.tries(), lines{"other.test 192.0.2.1 tls names"});
  // A fetch that nobody took is not asked for behind the end.
  world y = w.copy();
  y.zone[{record::mx, "d.test"}] = none(found::no_name);
  sts_cache cache = y.cache;
  route r("d.test", y.options, cache, y.memory);
  const auto ask_mx = r.next_question(y.now);
  const auto ask_txt = r.next_question(y.now);
  r.answered(y.now, ask_txt->id, txt({"v=STSv1; id=1;"}));
  r.answered(y.now, ask_mx->id, none(found::no_name));
  EXPECT_EQ(r.next_fetch(y.now), std::nullopt);
}

// A refresh whose policy names the hosts that the one here does not, in either order.
TEST(route_sts, takes_the_refreshed_policy_where_the_other_names_nobody) {  // RTE-22 RTE-31
  for (const bool works : {true, false}) {
    for (const bool refresh_first : {true, false}) {
      world w = sts_world();
      w.cache.store("d.test", "1", {sts_mode::enforce, 100'000s, {"old.test"}}, w.now);
      w.now += 95'000s;
      if (!works) w.files.clear();
      w.begin("d.test");
      w.answer_question(1);
      if (refresh_first) w.answer_fetch();
      w.answer_question(0);
      w.run();
      EXPECT_EQ(w.tries(), works ? lines{"mx.d.test 192.0.2.2 tls names"} : lines{});
    }
  }
}

TEST(route_sts, may_be_off) {  // RTE-19
  world w = sts_world();
  w.options.sts = false;
  w.start("d.test");
  EXPECT_EQ(w.said[1], "Q AAAA other.test");
}

// -- DANE -----------------------------------------------------------------------------------------

world dane_world() {
  world w;
  w.options.dane = true;
  w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}}, true);
  w.host("a.test", {"192.0.2.1"}, {"2001:db8::1"}, true);
  w.host("b.test", {"192.0.2.2"}, {}, true);
  w.zone[{record::tlsa, "_25._tcp.a.test"}] = tlsa({key_record()});
  return w;
}

TEST(route_dane, asks_only_where_all_is_secure) {  // RTE-23
  struct row {
    bool mx, v4, v6;
  };
  for (int i = 0; i < 8; ++i) {
    const row x{(i & 1) != 0, (i & 2) != 0, (i & 4) != 0};
    world w = dane_world();
    w.zone[{record::mx, "d.test"}].secure = x.mx;
    w.zone[{record::a, "a.test"}].secure = x.v4;
    w.zone[{record::aaaa, "a.test"}].secure = x.v6;
    w.start("d.test");
    const bool all = x.mx && x.v4 && x.v6;
    EXPECT_EQ(w.has_said("Q TLSA _25._tcp.a.test"), all);
    EXPECT_EQ(w.tries(), lines{all ? "a.test 2001:db8::1 192.0.2.1 tls records"
                                   : "a.test 2001:db8::1 192.0.2.1 maybe"});
  }
  world itself;  // without MX nobody but the caller names the host
  itself.options.dane = true;
  itself.options.port = 26;
  itself.host("d.test", {"192.0.2.1"}, {}, true);
  itself.zone[{record::tlsa, "_26._tcp.d.test"}] = tlsa({key_record()});
  itself.start("d.test");
  EXPECT_EQ(itself.tries(), lines{"d.test 192.0.2.1 tls records"});
  world off = dane_world();
  off.options.dane = false;
  off.start("d.test");
  EXPECT_EQ(off.tries(), lines{"a.test 2001:db8::1 192.0.2.1 maybe"});
}

TEST(route_dane, tells_no_records_from_no_answer) {  // RTE-24
  for (const found what : {found::no_data, found::no_name, found::ok}) {
    for (const bool secure : {true, false}) {
      world w = dane_world();
      w.zone[{record::tlsa, "_25._tcp.a.test"}] = none(what, secure);
      w.start("d.test");
      EXPECT_EQ(w.tries(), lines{"a.test 2001:db8::1 192.0.2.1 maybe"});
    }
  }
  world insecure = dane_world();
  insecure.zone[{record::tlsa, "_25._tcp.a.test"}].secure = false;
  insecure.start("d.test");
  EXPECT_EQ(insecure.tries(), lines{"a.test 2001:db8::1 192.0.2.1 maybe"});
  for (const found what : {found::failed, found::bogus}) {
    world w = dane_world();
    w.zone[{record::tlsa, "_25._tcp.a.test"}] = none(what);
    w.start("d.test");
    EXPECT_EQ(w.tries(), lines{"b.test 192.0.2.2 maybe"});
    w.tried(ending::refused_permanently);
    EXPECT_EQ(w.end(), "deferred 4.7.5");
    EXPECT_EQ(w.r->why().hops[0].why, obstacle::records_failed);
    EXPECT_EQ(w.r->why().hops[0].number, 0u);
    EXPECT_EQ(
        w.rows(),
        (std::vector<tls_row>{{tls_policy::tlsa, "d.test", "a.test", tls_result::dnssec_invalid}}));
  }
}

TEST(route_dane, demands_what_can_be_used) {  // RTE-25
  world w = dane_world();
  const tlsa_record bad{1, 1, 1, std::string(32, 'x')};
  w.zone[{record::tlsa, "_25._tcp.a.test"}] = tlsa({bad, key_record()});
  w.start("d.test");
  EXPECT_EQ(w.r->current()->demand,
            (peer_demand{demand_level::records, {"a.test"}, {key_record()}}));
  w.zone[{record::tlsa, "_25._tcp.a.test"}] = tlsa({bad});
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"a.test 2001:db8::1 192.0.2.1 tls"});
  EXPECT_EQ(w.r->current()->demand, peer_demand{demand_level::encrypted});
}

TEST(route_dane, looks_at_the_end_of_an_alias_first) {  // RTE-26
  world w = dane_world();
  w.zone[{record::tlsa, "_25._tcp.real.test"}] = tlsa({authority_record()});
  w.host("a.test", {"192.0.2.1"}, {"2001:db8::1"}, true, "Real.Test.");
  w.start("d.test");
  EXPECT_TRUE(w.has_said("Q TLSA _25._tcp.real.test"));
  EXPECT_FALSE(w.has_said("Q TLSA _25._tcp.a.test"));
  EXPECT_EQ(w.r->current()->host, "a.test");
  EXPECT_EQ(w.r->current()->server_name, "real.test");
  EXPECT_EQ(w.r->current()->demand.names, (lines{"real.test", "a.test", "d.test"}));

  w.zone[{record::tlsa, "_25._tcp.real.test"}] = none(found::no_data);
  w.start("d.test");  // then at its beginning
  EXPECT_TRUE(w.has_said("Q TLSA _25._tcp.real.test"));
  EXPECT_EQ(w.r->current()->server_name, "a.test");
  EXPECT_EQ(w.r->current()->demand.names, lines{"a.test"});
  EXPECT_EQ(w.r->current()->demand.level, demand_level::records);

  w.zone[{record::tlsa, "_25._tcp.real.test"}] = none(found::failed);
  w.start("d.test");  // a failure is no absence
  EXPECT_FALSE(w.has_said("Q TLSA _25._tcp.a.test"));
  EXPECT_EQ(w.tries(), lines{"b.test 192.0.2.2 maybe"});

  w.zone[{record::tlsa, "_25._tcp.real.test"}] = tlsa({authority_record()});
  w.zone[{record::aaaa, "a.test"}].canonical = "other.test";
  w.start("d.test");  // two ends: neither
  EXPECT_EQ(w.r->current()->server_name, "a.test");
  w.zone[{record::aaaa, "a.test"}].canonical = "lear.test";
  w.start("d.test");  // of one length, too
  EXPECT_FALSE(w.has_said("Q TLSA _25._tcp.real.test"));
  EXPECT_FALSE(w.has_said("Q TLSA _25._tcp.lear.test"));
  EXPECT_EQ(w.r->current()->server_name, "a.test");
  w.zone[{record::aaaa, "a.test"}] = none(found::no_data);
  w.start("d.test");  // one family alone has one end
  EXPECT_EQ(w.r->current()->server_name, "real.test");

  w.host("a.test", {"192.0.2.1"}, {}, false, "real.test");
  w.start("d.test");  // an insecure alias leads anywhere
  EXPECT_FALSE(w.has_said("Q TLSA _25._tcp.a.test"));
  EXPECT_EQ(w.r->current()->server_name, "a.test");
  EXPECT_EQ(w.tries(), lines{"a.test 192.0.2.1 maybe"});

  std::string longest;  // no question for what is no name
  for (int i = 0; i < 4; ++i) longest += std::string(i == 3 ? 59 : 63, 'a') + ".";
  w.host("a.test", {"192.0.2.1"}, {}, true, longest);
  w.start("d.test");
  EXPECT_EQ(w.r->current()->server_name, "a.test");
}

TEST(route_dane, outranks_mta_sts_which_still_names_hosts) {  // RTE-27
  world w = dane_world();
  w.options.sts = true;
  w.cache.store("d.test", "1", {sts_mode::enforce, 1000s, {"a.test", "b.test"}}, w.now);
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"a.test 2001:db8::1 192.0.2.1 tls records"});
  EXPECT_EQ(w.r->current()->demand.names, lines{"a.test"});
  w.tried(ending::lost);
  EXPECT_EQ(w.tries().back(), "b.test 192.0.2.2 tls names");
  // Records that cannot be used prove nothing, so the policy does.
  w.zone[{record::tlsa, "_25._tcp.a.test"}] = tlsa({tlsa_record{0, 0, 1, std::string(32, 'x')}});
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"a.test 2001:db8::1 192.0.2.1 tls names"});
  w.zone[{record::tlsa, "_25._tcp.a.test"}] = tlsa({key_record()});
  w.cache.store("d.test", "1", {sts_mode::enforce, 1000s, {"b.test"}}, w.now);
  w.start("d.test");
  EXPECT_EQ(w.tries(), lines{"b.test 192.0.2.2 tls names"});
}

TEST(route_dane, counts_a_proven_host_that_a_tested_policy_does_not_name) {  // RTE-27 RTE-29
  world w = dane_world();
  w.options.sts = true;
  w.cache.store("d.test", "1", {sts_mode::testing, 1000s, {"elsewhere.test"}}, w.now);
  w.start("d.test");
  const tls_info tls;
  w.tried(trial{ending::refused_transiently, &tls});
  w.tried(trial{ending::done, &tls});
  EXPECT_EQ(w.rows(), (std::vector<tls_row>{
                          {tls_policy::tlsa, "d.test", "a.test", tls_result::success},
                          {tls_policy::sts, "d.test", "b.test", tls_result::validation_failure}}));
}

TEST(route_dane, makes_another_site_of_another_demand) {  // RTE-28
  world w = dane_world();
  w.start("d.test");
  const std::string one = w.r->site();
  w.start("d.test");
  EXPECT_EQ(w.r->site(), one);
  EXPECT_EQ(site_of(*w.r->current()), one);
  w.zone[{record::tlsa, "_25._tcp.a.test"}] = tlsa({key_record('y')});
  w.start("d.test");
  EXPECT_NE(w.r->site(), one);
  // Domains whose hosts are the same and ask for the same share what they have.
  w.zone[{record::mx, "e.test"}] = mx({{77, "a.test"}}, true);
  w.start("d.test");
  const std::string of_d = w.r->site();
  w.start("e.test");
  EXPECT_EQ(w.r->site(), of_d);

  const attempt base{1, "a", {}, 25, tls_mode::required, {demand_level::names, {"x"}}, "s", 0};
  std::vector<attempt> all(12, base);
  all[1].host = "b";
  all[2].port = 26;
  all[3].tls = tls_mode::off;
  all[4].demand.level = demand_level::encrypted;
  all[5].demand.names = {"x", "y"};
  all[6].demand.names = {"x 1:y"};
  all[7].server_name = "t";
  all[8].demand.records = {{3, 1, 1, "z"}};
  all[9].demand.records = {{3, 1, 1, "z"}, {3, 1, 1, "z"}};
  all[10].demand.records = {{2, 1, 1, "z"}};
  all[11].demand.records = {{3, 1, 1, "\xFF"}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = 0; k < all.size(); ++k) {
      EXPECT_EQ(site_of(all[i]) == site_of(all[k]), i == k) << i << ' ' << k;
    }
  }
}

// -- rows -----------------------------------------------------------------------------------------

TEST(route_rows, count_each_session_once) {  // RTE-29
  const tls_info good;
  tls_info bad;
  bad.verdict = std::make_error_code(std::errc::io_error);
  struct row {
    trial told;
    std::vector<tls_result> results;
  };
  for (const row& x : {
           row{{ending::done, &good}, {tls_result::success}},
           row{{ending::done, nullptr}, {tls_result::starttls_not_supported}},
           row{{ending::done, &bad}, {tls_result::validation_failure}},
           row{{ending::done, &good, ip_family::v6, false, true}, {}},  // reused
           row{{ending::done, nullptr, ip_family::v6, false, true}, {}},
           row{{ending::unreachable, nullptr}, {}},
           row{{ending::refused_permanently, nullptr}, {}},
           row{{ending::lost, nullptr}, {}},
           row{{ending::lost, &good}, {tls_result::success}},
           row{{ending::tls_missing, nullptr}, {tls_result::starttls_not_supported}},
           row{{ending::tls_failed, nullptr}, {tls_result::validation_failure}},
           row{{ending::tls_failed, &good}, {tls_result::validation_failure}},
           row{{ending::tls_failed, &bad}, {tls_result::validation_failure}},
       }) {
    world w;
    w.host("d.test", {"192.0.2.1"});
    w.start("d.test");
    w.tried(x.told);
    std::vector<tls_row> expected;
    for (const tls_result r : x.results) {
      expected.push_back({tls_policy::none, "d.test", "d.test", r});
    }
    EXPECT_EQ(w.rows(), expected);
    // The same once more in clear text is no session with TLS.
    if (!w.r->over()) {
      w.tried(ending::done);
      EXPECT_TRUE(w.rows().empty());
    }
  }
  world w = dane_world();
  w.start("d.test");
  w.tried(trial{ending::done, &good});
  EXPECT_EQ(w.rows(),
            (std::vector<tls_row>{{tls_policy::tlsa, "d.test", "a.test", tls_result::success}}));
}

TEST(route_rows, tell_why_a_policy_could_not_be_had) {  // RTE-29
  class tls_errors final : public std::error_category {
   public:
    const char* name() const noexcept override { return "sansmtp.tls"; }
    std::string message(int) const override { return {}; }
  };
  static const tls_errors category;
  for (const bool by_tls : {true, false}) {
    world w = sts_world();
    w.begin("d.test");
    w.answer_question(1);
    w.r->fetch_failed(
        w.now, w.fetches.front().id,
        by_tls ? std::error_code(1, category) : std::make_error_code(std::errc::timed_out));
    EXPECT_EQ(w.rows().front().result,
              by_tls ? tls_result::sts_webpki_invalid : tls_result::sts_policy_fetch_error);
  }
}

#ifdef SANSMTP_TEST_TLS_ERRORS
TEST(route_rows, know_the_errors_of_the_layers) {  // RTE-29
  using enum tls_result;
  const std::vector<std::pair<tls_errc, tls_result>> all{
      {tls_errc::none, success},
      {tls_errc::untrusted_certificate, certificate_not_trusted},
      {tls_errc::self_signed, certificate_not_trusted},
      {tls_errc::expired_certificate, certificate_expired},
      {tls_errc::not_yet_valid_certificate, certificate_expired},
      {tls_errc::name_mismatch, certificate_host_mismatch},
      {tls_errc::no_certificate, validation_failure},
      {tls_errc::weak_certificate, validation_failure},
      {tls_errc::no_common_ground, validation_failure},
      {tls_errc::bad_server_name, validation_failure},
      {tls_errc::bad_trust, validation_failure},
      {tls_errc::bad_credentials, validation_failure},
      {tls_errc::unavailable, validation_failure},
      {tls_errc::no_server_name, validation_failure},
      {tls_errc::weak_signature, certificate_not_trusted},
      {tls_errc::weak_key, certificate_not_trusted},
      {tls_errc::wrong_key_usage, certificate_not_trusted},
      {tls_errc::expired_authority, certificate_expired},
      {tls_errc::not_yet_valid_authority, certificate_expired},
      {tls_errc::unsupported_key, validation_failure},
      {static_cast<tls_errc>(20), validation_failure},  // no record matches
      {static_cast<tls_errc>(21), tlsa_invalid},        // a record that cannot be
  };
  int number = 0;
  for (const auto& [error, result] : all) {
    EXPECT_EQ(static_cast<int>(error), number++) << "an error is missing here";
    EXPECT_EQ(tls_result_of(error), result) << number - 1;
    world w;
    w.host("d.test", {"192.0.2.1"});
    w.start("d.test");
    tls_info tls;
    tls.verdict = error;
    w.tried(trial{ending::done, &tls});
    EXPECT_EQ(w.rows().front().result, result);
  }
  // None is behind the last one, but for the alerts of a peer.
  EXPECT_EQ(make_error_code(static_cast<tls_errc>(number)).message(),
            make_error_code(static_cast<tls_errc>(999)).message());
  EXPECT_EQ(tls_result_of({1048, tls_category()}), validation_failure);
  EXPECT_EQ(tls_result_of({-1, tls_category()}), validation_failure);
  EXPECT_EQ(tls_result_of(std::make_error_code(std::errc::operation_not_permitted)),
            validation_failure);
}
#endif

TEST(route_rows, have_the_names_of_the_rfc) {  // RTE-29
  EXPECT_EQ(to_string(tls_policy::none), "no-policy-found");
  EXPECT_EQ(to_string(tls_policy::sts), "sts");
  EXPECT_EQ(to_string(tls_policy::tlsa), "tlsa");
  EXPECT_EQ(to_string(static_cast<tls_policy>(9)), "unknown");
  const std::vector<std::string_view> names{"success",
                                            "starttls-not-supported",
                                            "certificate-host-mismatch",
                                            "certificate-expired",
                                            "certificate-not-trusted",
                                            "validation-failure",
                                            "tlsa-invalid",
                                            "dnssec-invalid",
                                            "dane-required",
                                            "sts-policy-fetch-error",
                                            "sts-policy-invalid",
                                            "sts-webpki-invalid",
                                            "unknown"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(to_string(static_cast<tls_result>(i)), names[i]);
  }
}

}  // namespace
}  // namespace sansmtp::routing::test

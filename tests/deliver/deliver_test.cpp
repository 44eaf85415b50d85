// One mail over the hosts of its recipients' domains: real sessions on loopback, a DNS by hand.
#include "sansmtp/blocking/deliver.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "failure.hpp"
#include "hand_resolver.hpp"
#include "sansmtp/blocking/client.hpp"
#include "sansmtp/tls/pinned_key.hpp"
#include "sansmtp/tls/tls_errc.hpp"
#include "sink.hpp"
#ifdef SANSMTP_TEST_TLS_LIBRARY
#include SANSMTP_TEST_TLS_LIBRARY
#endif

namespace deliver_test {
namespace {

using namespace sansmtp;
using blocking::deliver;
using blocking::deliver_options;
using blocking::routed_delivery;
using cli::sink;
using routing::conclusion;
using routing::found;
using routing::obstacle;
using routing::record;
using test::hand_fetcher;
using test::hand_resolver;

constexpr std::string_view content = "Subject: x\r\n\r\nHi.\r\n";

envelope mail_to(std::vector<std::string_view> recipients) {
  envelope env;
  env.sender = path("s@a.test");
  for (const std::string_view r : recipients) env.recipients.emplace_back(r);
  return env;
}

sink::options refusing(std::string reply) {
  sink::options o;
  o.replies = {{sink::stage::greeting, std::move(reply)}};
  return o;
}

/// "mx1.good.test 554 refused_permanently" of each host, in order.
std::vector<std::string> told(const blocking::way& w) {
  std::vector<std::string> lines;
  for (const routing::hop_report& h : w.hops) {
    lines.push_back(h.way.host + ' ' + std::to_string(h.code) + ' ' +
                    std::string(to_string(h.way.why)));
  }
  return lines;
}

class deliver_over_hosts : public testing::Test {
 protected:
  deliver_over_hosts() {
    options.client.session.local_name = "client.test";
    options.route.private_addresses = true;
    options.route.seed = 1;
    options.resolver = &dns;
  }

  /// The N-th host of good.test, at 127.0.0.1N, all on one port; N rises with the preference.
  sink& host(int n, sink::options o = {}) {
    const std::string address = "127.0.0.1" + std::to_string(n);
    name(n);
    o.listen = address + ':' + std::to_string(options.route.port == 25 ? 0 : options.route.port);
    o.messages = sink::keep::in_memory;
    sinks_.push_back(std::make_unique<sink>(o));
    options.route.port = sinks_.back()->port();
    sinks_.back()->start();
    return *sinks_.back();
  }
  /// The same without anybody who listens.
  void name(int n, const std::string& domain = "good.test") {
    const std::string mx = "mx" + std::to_string(n) + ".good.test";
    dns.mx(domain, static_cast<std::uint16_t>(n * 10), mx);
    dns.address(mx, "127.0.0.1" + std::to_string(n));
  }

  routed_delivery send(const envelope& env) {
    return deliver(env, message::borrow(as_bytes(content)), options);
  }
  routed_delivery send(std::string_view to = "u@good.test") { return send(mail_to({to})); }

  hand_resolver dns;
  hand_fetcher policies;
  deliver_options options;
  bool there_was_a_reply = false;

 private:
  std::vector<std::unique_ptr<sink>> sinks_;
};

// RTE-13, RTE-18: what the hosts before said is told, and the mail arrives.
TEST_F(deliver_over_hosts, passes_one_that_refuses_and_one_that_is_dead) {
  sink& last = host(3);
  name(2);
  sink& first = host(1, refusing("554 5.7.1 go away"));
  routing::host_memory hosts;
  options.hosts = &hosts;
  std::vector<std::string> tried;
  options.on_attempt = [&](const routing::attempt& a) { tried.push_back(a.host); };

  const routed_delivery d = send();
  EXPECT_TRUE(d.report.delivered_to_all());
  EXPECT_FALSE(d.report.error);
  ASSERT_EQ(d.ways.size(), 1U);
  const blocking::way& w = d.ways[0];
  EXPECT_EQ(w.domain, "good.test");
  EXPECT_EQ(w.why.what, conclusion::served);
  EXPECT_EQ(told(w),
            (std::vector<std::string>{"mx1.good.test 554 refused_permanently",
                                      "mx2.good.test 0 unreachable", "mx3.good.test 250 none"}));
  EXPECT_EQ(w.server, last.address());
  EXPECT_FALSE(w.tls);
  ASSERT_EQ(w.errors.size(), 3U);
  EXPECT_EQ(w.errors[0], errc::refused_permanently);
  EXPECT_EQ(w.errors[1], std::errc::connection_refused);
  EXPECT_FALSE(w.errors[2]);
  EXPECT_EQ(tried, (std::vector<std::string>{"mx1.good.test", "mx2.good.test", "mx3.good.test"}));
  ASSERT_EQ(last.messages().size(), 1U);
  EXPECT_EQ(last.messages()[0].content, content);
  EXPECT_EQ(first.totals().connections, 1U);

  // The dead one comes last from now on, and the others do not.
  const auto now = std::chrono::steady_clock::now();
  EXPECT_TRUE(hosts.is_down("mx2.good.test", options.route.port, now));
  EXPECT_FALSE(hosts.is_down("mx1.good.test", options.route.port, now));
}

// RTE-16: whoever has a last word is offered to nobody else, and whoever may be served later is.
TEST_F(deliver_over_hosts, takes_only_the_deferred_to_the_next_host) {
  sink::options o;
  o.refused_recipients = {{"later@good.test", "450 4.2.1 not now"}, {"no@good.test", "550 no"}};
  sink& first = host(1, o);
  sink& second = host(2);
  const routed_delivery d = send(mail_to({"later@good.test", "no@good.test", "yes@good.test"}));
  ASSERT_EQ(d.report.recipients.size(), 3U);
  EXPECT_EQ(d.report.recipients[0].address, "later@good.test");
  EXPECT_EQ(d.report.recipients[0].result, outcome::delivered);
  EXPECT_EQ(d.report.recipients[1].result, outcome::rejected);
  EXPECT_EQ(d.report.recipients[1].code, 550);
  EXPECT_EQ(d.report.recipients[2].result, outcome::delivered);
  ASSERT_EQ(first.messages().size(), 1U);
  EXPECT_EQ(first.messages()[0].recipients[0].address, "yes@good.test");
  ASSERT_EQ(second.messages().size(), 1U);
  ASSERT_EQ(second.messages()[0].recipients.size(), 1U);
  EXPECT_EQ(second.messages()[0].recipients[0].address, "later@good.test");
}

// RTE-16: a mail that a host may have is never offered to another one (OUT-02).
TEST_F(deliver_over_hosts, never_tries_again_what_is_in_doubt) {
  sink::options o;
  o.close_after = sink::stage::content;
  host(1, o);
  sink& second = host(2);
  const routed_delivery d = send();
  EXPECT_EQ(d.report.recipients[0].result, outcome::in_doubt);
  EXPECT_TRUE(d.report.error);
  EXPECT_EQ(second.totals().connections, 0U);
}

// RTE-17
TEST_F(deliver_over_hosts, stays_where_only_so_many_recipients_are_taken_at_once) {
  sink::options o;
  o.max_recipients = 1;
  sink& only = host(1, o);
  const routed_delivery d = send(mail_to({"a@good.test", "b@good.test", "c@good.test"}));
  EXPECT_TRUE(d.report.delivered_to_all());
  EXPECT_EQ(only.totals().messages, 3U);
  EXPECT_EQ(only.totals().connections, 1U);
  EXPECT_EQ(d.ways[0].hops.size(), 1U);
}

// RTE-01, RTE-02, RTE-03 and OUT-01: each domain has its own end.
TEST_F(deliver_over_hosts, gives_each_domain_its_way_and_each_recipient_its_outcome) {
  host(1);
  dns.mx("null.test", 0, ".");
  dns.fail(record::mx, "broken.test", found::failed);
  envelope env = mail_to({"a@nowhere.test", "b@good.test", "c@null.test", "d@broken.test",
                          "e@Good.Test", "no address"});
  env.skip_bad_recipients = true;
  const routed_delivery d = send(env);
  const std::vector<outcome> expected{outcome::rejected, outcome::delivered, outcome::rejected,
                                      outcome::deferred, outcome::delivered, outcome::rejected};
  const std::vector<std::string> codes{"5.1.2", "", "5.1.10", "4.4.3", "", ""};
  ASSERT_EQ(d.report.recipients.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const recipient_report& r = d.report.recipients[i];
    EXPECT_EQ(r.result, expected[i]) << i;
    EXPECT_TRUE(codes[i].empty() || to_string(r.enhanced) == codes[i]) << i;
  }
  ASSERT_EQ(d.ways.size(), 5U);
  EXPECT_EQ(d.ways[1].recipients, (std::vector<std::size_t>{1, 4}));
  EXPECT_FALSE(d.report.error);

  env.skip_bad_recipients = false;
  for (const recipient_report& r : send(env).report.recipients) {
    EXPECT_NE(r.result, outcome::delivered);
    EXPECT_NE(r.result, outcome::pending);
  }
}

TEST_F(deliver_over_hosts, goes_on_to_the_next_address_of_a_host) {
  sink& there = host(3);
  dns.mx("two.test", 10, "both.test");
  dns.address("both.test", "127.0.0.12");  // nobody listens
  dns.address("both.test", "127.0.0.13");
  const routed_delivery d = send("u@two.test");
  EXPECT_TRUE(d.report.delivered_to_all());
  EXPECT_EQ(told(d.ways[0]), std::vector<std::string>{"both.test 250 none"});
  EXPECT_EQ(d.ways[0].server, there.address());
}

// RTE-08, NET-02: a family that this machine has no address of is no fault of a host.
TEST_F(deliver_over_hosts, tells_a_family_that_cannot_be_reached) {
  host(1);
  options.client.local_address = "127.0.0.1";
  dns.mx("six.test", 10, "six.test");
  dns.address("six.test", "::1");
  const routed_delivery d = send("u@six.test");
  EXPECT_EQ(d.report.recipients[0].result, outcome::deferred);
  EXPECT_EQ(d.ways[0].why.why, obstacle::no_family);
}

// RTE-10, RTE-09
TEST_F(deliver_over_hosts, sends_to_an_address_as_it_stands_or_not) {
  host(1);
  EXPECT_TRUE(send("u@[127.0.0.11]").report.delivered_to_all());
  EXPECT_TRUE(dns.asked.empty());
  options.route.private_addresses = false;
  const routed_delivery d = send("u@[127.0.0.11]");
  EXPECT_EQ(d.report.recipients[0].result, outcome::rejected);
  EXPECT_EQ(d.ways[0].why.why, obstacle::refused_address);
}

TEST_F(deliver_over_hosts, asks_nobody_where_there_is_a_relay) {
  sink& there = host(1);
  options.route.relay = "127.0.0.11";
  options.resolver = nullptr;
  EXPECT_TRUE(send("u@anywhere.test").report.delivered_to_all());
  EXPECT_EQ(there.totals().messages, 1U);
}

TEST_F(deliver_over_hosts, defers_where_nobody_can_be_asked) {
  options.resolver = nullptr;
  const routed_delivery d = send();
  EXPECT_EQ(d.report.recipients[0].result, outcome::deferred);
  EXPECT_EQ(to_string(d.report.recipients[0].enhanced), "4.4.3");
}

TEST_F(deliver_over_hosts, looks_a_domain_beyond_ascii_up_by_its_a_labels) {
  host(1);
  name(1, "xn--bcher-kva.test");
  options.a_labels = [](std::string_view) { return std::string("xn--bcher-kva.test"); };
  EXPECT_EQ(send("u@b\u00fccher.test").ways[0].why.what, conclusion::served);
  options.a_labels = nullptr;
  EXPECT_EQ(send("u@b\u00fccher.test").ways[0].why.why, obstacle::bad_name);
}

TEST_F(deliver_over_hosts, refuses_what_is_no_mail) {
  sink& there = host(1);
  EXPECT_EQ(send(mail_to({})).report.error, errc::no_recipients);
  EXPECT_EQ(deliver(mail_to({"u@good.test"}), message::stream(), options).report.error,
            errc::bad_argument);
  envelope env = mail_to({"u@good.test", "v@good.test"});
  env.parameters = {{"NO SUCH", ""}};
  const routed_delivery d = send(env);
  ASSERT_EQ(d.report.recipients.size(), 2U);
  EXPECT_EQ(d.report.recipients[0].result, outcome::not_attempted);
  EXPECT_EQ(d.report.recipients[0].why, errc::bad_parameter);
  EXPECT_EQ(d.ways[0].why.what, conclusion::open);
  EXPECT_EQ(there.totals().messages, 0U);
}

TEST_F(deliver_over_hosts, ends_when_it_is_told_to) {
  sink& there = host(1);
  options.client.stop = [] { return blocking::stop_request::soon; };
  const routed_delivery d = send(mail_to({"u@good.test", "u@other.test"}));
  for (const recipient_report& r : d.report.recipients) {
    EXPECT_EQ(r.result, outcome::not_attempted);
    EXPECT_EQ(r.why, errc::aborted);
  }
  EXPECT_EQ(d.report.error, errc::aborted);
  EXPECT_TRUE(dns.asked.empty());
  EXPECT_EQ(there.totals().connections, 0U);
}

TEST_F(deliver_over_hosts, ends_between_two_hosts_with_what_the_first_one_said) {
  host(1, refusing("421 4.3.2 not now"));
  sink& second = host(2);
  bool seen = false;
  options.on_attempt = [&](const routing::attempt&) { seen = true; };
  options.client.stop = [&] {
    // The first session is begun with the hosts, and the second one is not.
    return seen && there_was_a_reply ? blocking::stop_request::soon : blocking::stop_request::no;
  };
  options.client.trace = [this](const event& e) {
    there_was_a_reply |= static_cast<bool>(e.answer);
  };
  const routed_delivery d = send();
  EXPECT_EQ(d.report.recipients[0].result, outcome::deferred);
  EXPECT_EQ(d.report.recipients[0].code, 421);
  EXPECT_EQ(second.totals().connections, 0U);
}

TEST_F(deliver_over_hosts, finds_a_way_and_sends_nothing) {
  sink& first = host(1);
  name(2);
  dns.mx("good.test", 30, "away.test");
  routing::verdict why;
  const auto hosts = blocking::find_way("good.test", options, &why);
  ASSERT_EQ(hosts.size(), 2U);
  EXPECT_EQ(hosts[0].host, "mx1.good.test");
  EXPECT_EQ(hosts[1].addresses.at(0).text(), "127.0.0.12");
  ASSERT_EQ(why.hops.size(), 3U);
  EXPECT_EQ(why.hops[2].why, obstacle::no_address);
  EXPECT_EQ(first.totals().connections, 0U);
}

#ifdef SANSMTP_TEST_TLS_LIBRARY

class deliver_with_tls : public deliver_over_hosts {
 protected:
  deliver_with_tls() {
    options.client.tls = context.factory();
    options.on_row = [this](const routing::tls_row& r) {
      rows.push_back(std::string(to_string(r.policy)) + ' ' + r.host + ' ' +
                     std::string(to_string(r.result)));
    };
  }

  static sink::options with_tls() {
    sink::options o;
    o.tls = sink::tls_use::starttls;
    return o;
  }

  /// The record of the key of a host.
  tlsa_record record_of(int n) {
    blocking::client_options o = options.client;
    o.session.tls = tls_mode::required;
    o.demand = peer_demand{demand_level::encrypted};
    blocking::client c(std::move(o));
    EXPECT_FALSE(c.connect({"127.0.0.1" + std::to_string(n), options.route.port}));
    EXPECT_FALSE(c.open());
    const std::string key = c.tls() != nullptr ? c.tls()->peer_key : "";
    EXPECT_FALSE(c.quit());
    return tls::pinned_key(key).value();
  }

  const SANSMTP_TEST_TLS_NAMESPACE::tls_context context;
  std::vector<std::string> rows;
};

// RTE-23, RTE-25: mail goes to the host whose key the DNS names, and to no other one.
TEST_F(deliver_with_tls, proves_a_host_by_its_records) {
  dns.secure = true;
  sink& false_one = host(1, with_tls());
  sink& right_one = host(2, with_tls());
  const std::uint16_t port = options.route.port;
  tlsa_record other = record_of(2);
  other.data[0] = static_cast<char>(other.data[0] + 1);
  dns.tlsa("mx1.good.test", port, other);
  dns.tlsa("mx2.good.test", port, record_of(2));
  const routed_delivery d = send();
  EXPECT_TRUE(d.report.delivered_to_all());
  EXPECT_EQ(told(d.ways[0]),
            (std::vector<std::string>{"mx1.good.test 0 tls_failed", "mx2.good.test 250 none"}));
  EXPECT_EQ(d.ways[0].demand.level, demand_level::records);
  ASSERT_TRUE(d.ways[0].tls);
  EXPECT_TRUE(d.ways[0].tls->verified);
  EXPECT_EQ(d.ways[0].errors.at(0), tls_errc::no_matching_record);
  EXPECT_EQ(false_one.totals().messages, 0U);
  EXPECT_EQ(right_one.totals().messages, 1U);
  EXPECT_EQ(rows, (std::vector<std::string>{"tlsa mx1.good.test validation-failure",
                                            "tlsa mx2.good.test success"}));
}

// RTE-26: under DANE the host is asked for by the name that its records are about.
TEST_F(deliver_with_tls, asks_for_a_host_by_the_name_of_its_records) {
  host(1, with_tls());
  dns.secure = true;
  dns.alias("mx1.good.test", "base.test");
  dns.tlsa("base.test", options.route.port, record_of(1));
  std::vector<std::string> names;
  options.client.tls = [&, make = context.factory()](const tls_target& target) {
    names.emplace_back(target.host);
    return make(target);
  };
  EXPECT_TRUE(send().report.delivered_to_all());
  EXPECT_EQ(names, std::vector<std::string>{"base.test"});
}

// RTE-15, RFC 8689 section 4.2.1: REQUIRETLS is the mail's own demand.
TEST_F(deliver_with_tls, sends_to_no_host_whose_name_nobody_vouches_for_where_that_is_asked) {
  sink& there = host(1, with_tls());
  envelope env = mail_to({"u@good.test"});
  env.require_tls = true;
  const routed_delivery d = send(env);
  EXPECT_NE(d.report.recipients[0].result, outcome::delivered);
  EXPECT_EQ(d.ways[0].hops.at(0).way.why, obstacle::unproven_name);
  EXPECT_EQ(there.totals().connections, 0U);
}

// A resolver that does not validate: no DANE, whatever it says (RFC 7672 section 2.2).
TEST_F(deliver_with_tls, asks_for_no_records_where_nothing_is_verified) {
  host(1, with_tls());
  dns.secure = true;
  dns.validating = false;
  dns.tlsa("mx1.good.test", options.route.port, {3, 1, 1, std::string(32, 'x')});
  EXPECT_TRUE(send().report.delivered_to_all());
  for (const std::string& q : dns.asked) EXPECT_FALSE(q.starts_with("TLSA")) << q;
}

// RTE-15: where nothing is demanded, a failed handshake costs the mail its TLS.
TEST_F(deliver_with_tls, goes_on_in_clear_text_with_the_same_host) {
  sink::options o = with_tls();
  o.close_after = sink::stage::handshake;
  sink& only = host(1, o);
  const routed_delivery d = send();
  EXPECT_TRUE(d.report.delivered_to_all());
  ASSERT_EQ(d.ways[0].hops.size(), 2U);
  EXPECT_TRUE(d.ways[0].hops[0].way.superseded);
  EXPECT_FALSE(d.ways[0].tls);
  EXPECT_FALSE(only.messages().at(0).tls);
}

// TLS of our own that cannot begin is no fault of a host, and no reason for clear text (TLS-13).
TEST_F(deliver_with_tls, gives_up_where_its_own_tls_is_broken) {
  sink& there = host(1, with_tls());
  tls_options broken;
  broken.ca_file = "/no/file";
  const SANSMTP_TEST_TLS_NAMESPACE::tls_context without_authorities(broken);
  for (const tls_factory& make : {without_authorities.factory(), tls_factory([](const tls_target&) {
                                    return std::unique_ptr<tls_layer>();
                                  })}) {
    options.client.tls = make;
    const routed_delivery d = send();
    EXPECT_EQ(d.report.recipients[0].result, outcome::not_attempted);
    EXPECT_EQ(d.report.recipients[0].why, errc::tls_failed);
    EXPECT_EQ(d.ways[0].why.what, conclusion::open);
    EXPECT_TRUE(d.ways[0].errors.at(0));
  }
  EXPECT_TRUE(rows.empty());
  EXPECT_EQ(there.totals().messages, 0U);
}

// RTE-25: records that cannot be judged are the host's affair, and the next one has its turn.
TEST_F(deliver_with_tls, passes_a_host_whose_records_it_cannot_judge) {
  dns.secure = true;
  sink& first = host(1, with_tls());
  sink& second = host(2, with_tls());
  dns.tlsa("mx1.good.test", options.route.port, {2, 1, 1, std::string(32, 'x')});
  EXPECT_TRUE(send().report.delivered_to_all());
  EXPECT_EQ(first.totals().messages, 0U);
  EXPECT_EQ(second.totals().messages, 1U);
}

// RTE-21, RTE-29: under a policy no host gets mail that is not named and proven.
TEST_F(deliver_with_tls, obeys_a_policy) {
  host(1, with_tls());
  sink& second = host(2, with_tls());
  dns.txt("_mta-sts.good.test", "v=STSv1; id=1;");
  policies.policy = "version: STSv1\nmode: enforce\nmx: mx2.good.test\nmax_age: 9999\n";
  options.fetcher = &policies;
  routing::sts_cache cache;
  options.policies = &cache;
  for (int i = 0; i != 2; ++i) {
    const routed_delivery d = send();
    EXPECT_EQ(d.report.recipients[0].result, outcome::deferred);
    EXPECT_EQ(to_string(d.report.recipients[0].enhanced), "4.7.5");
    EXPECT_EQ(d.ways[0].hops.at(0).way.why, obstacle::not_in_policy);
    EXPECT_EQ(d.ways[0].hops.at(1).way.why, obstacle::tls_failed);
  }
  EXPECT_EQ(second.totals().messages, 0U);
  EXPECT_EQ(policies.asked, std::vector<std::string>{"mta-sts.good.test"});  // the cache has it
  EXPECT_EQ(cache.size(), 1U);
}

#endif

// A demand that this program cannot meet is no reason to forget it, and no fault of the host.
TEST_F(deliver_over_hosts, sends_nothing_where_tls_is_demanded_and_there_is_none) {
  dns.secure = true;
  sink& there = host(1);
  dns.tlsa("mx1.good.test", options.route.port, {3, 1, 1, std::string(32, 'x')});
  int rows = 0;
  options.on_row = [&](const routing::tls_row&) { ++rows; };
  const routed_delivery d = send();
  EXPECT_EQ(d.report.recipients[0].result, outcome::not_attempted);
  EXPECT_EQ(d.report.recipients[0].why, errc::bad_configuration);
  EXPECT_TRUE(d.ways[0].hops.empty());
  EXPECT_EQ(rows, 0);
  EXPECT_EQ(there.totals().connections, 0U);
}

// The route decides what is demanded, so a demand at another place is refused, not forgotten.
TEST_F(deliver_over_hosts, refuses_options_that_contradict_the_route) {
  sink& there = host(1);
  const deliver_options plain = options;
  const auto is_refused = [&](auto change) {
    options = plain;
    change(options);
    const routed_delivery d = send();
    EXPECT_EQ(d.report.recipients.at(0).result, outcome::not_attempted);
    return d.report.error == errc::bad_configuration && d.ways.empty();
  };
  EXPECT_TRUE(is_refused([](auto& o) { o.client.demand = peer_demand{demand_level::names}; }));
  EXPECT_TRUE(is_refused([](auto& o) { o.client.session.tls = tls_mode::required; }));
  EXPECT_TRUE(is_refused([](auto& o) { o.route.tls = tls_mode::implicit; }));
  EXPECT_TRUE(is_refused([](auto& o) {
    o.route.tls = tls_mode::off;
    o.route.demand.level = demand_level::names;
  }));
  EXPECT_EQ(there.totals().connections, 0U);
}

// A stop between the choice of a host and its connection is no contact with it.
TEST_F(deliver_over_hosts, tells_nothing_of_a_host_that_it_did_not_come_to) {
  sink& there = host(1);
  bool chosen = false;
  options.on_attempt = [&](const routing::attempt&) { chosen = true; };
  options.client.stop = [&] {
    return chosen ? blocking::stop_request::soon : blocking::stop_request::no;
  };
  const routed_delivery d = send();
  EXPECT_EQ(d.report.recipients[0].result, outcome::not_attempted);
  EXPECT_EQ(d.report.recipients[0].why, errc::aborted);
  EXPECT_TRUE(d.ways[0].hops.empty());
  EXPECT_EQ(there.totals().connections, 0U);
}

}  // namespace
}  // namespace deliver_test

// libunbound against a root of the test's own: what is secure, what is not, and what nobody knows.
#include "sansmtp/unbound/resolver.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "module_server.hpp"

namespace resolver_test {
namespace {

using namespace sansmtp;
using routing::dns_answer;
using routing::found;
using routing::record;
using unbound::resolver;
using unbound::resolver_errc;
using unbound::resolver_options;

class unbound_resolver : public testing::Test {
 protected:
  static void SetUpTestSuite() { dns_ = std::make_unique<test::module_server>("dns_server"); }
  static void TearDownTestSuite() { dns_.reset(); }

  static std::string server() { return "127.0.0.1@" + dns_->port(); }

  static resolver_options trusting() {
    resolver_options options;
    options.forwarders = {server()};
    options.trust_anchor_files = {dns_->file()};
    return options;
  }

  static resolver::answer wait_for_answer(resolver& r) {
    for (;;) {
      if (auto a = r.next_answer()) return *std::move(a);
      std::vector<routing::watched> watched;
      r.watch(watched);
      EXPECT_EQ(watched.size(), 1U);
      if (watched.empty()) return {};
      pollfd entry{watched.front().descriptor, POLLIN, 0};
      if (::poll(&entry, 1, 60'000) <= 0) return {};
    }
  }

  static dns_answer ask(resolver& r, record type, const std::string& name) {
    const auto ticket = r.ask({7, type, name});
    resolver::answer a = wait_for_answer(r);
    EXPECT_EQ(a.of, ticket);
    return std::move(a.what);
  }

  static std::unique_ptr<test::module_server> dns_;
};
std::unique_ptr<test::module_server> unbound_resolver::dns_;

// RTE-23: what is secure is told by the resolver itself.
TEST_F(unbound_resolver, verifies_from_the_root_down) {
  resolver r(trusting());
  ASSERT_FALSE(r.error()) << r.error().message();
  EXPECT_TRUE(r.validates());
  EXPECT_FALSE(r.check()) << r.warning().message();

  dns_answer mx = ask(r, record::mx, "good.test");
  EXPECT_EQ(mx.what, found::ok);
  EXPECT_TRUE(mx.secure);
  EXPECT_GT(mx.ttl.count(), 0);
  EXPECT_EQ(mx.canonical, "");
  std::vector<std::string> exchanges;
  for (const auto& e : mx.exchanges) exchanges.push_back(std::to_string(e.preference) + e.exchange);
  std::sort(exchanges.begin(), exchanges.end());
  EXPECT_EQ(exchanges,
            (std::vector<std::string>{"10mx1.good.test", "10mx2.good.test", "20mx3.good.test"}));

  EXPECT_EQ(ask(r, record::a, "mx1.good.test").addresses.at(0).text(), "127.0.0.11");
  EXPECT_EQ(ask(r, record::aaaa, "mx1.good.test").addresses.at(0).text(), "::1");
  const dns_answer tlsa = ask(r, record::tlsa, "_25._tcp.mx1.good.test");
  EXPECT_TRUE(tlsa.secure);
  ASSERT_EQ(tlsa.tlsas.size(), 2U);
  EXPECT_EQ(tlsa.tlsas[0].data.size() + tlsa.tlsas[1].data.size(), 96U);
  EXPECT_EQ(ask(r, record::txt, "_mta-sts.good.test").texts,
            (std::vector<std::string>{"v=STSv1; id=1;"}));
}

// RTE-24 and RTE-26: a denial that is proven, and the name at the end of an alias.
TEST_F(unbound_resolver, tells_denials_and_aliases) {
  resolver r(trusting());
  const dns_answer none = ask(r, record::mx, "mx1.good.test");
  EXPECT_EQ(none.what, found::no_data);
  EXPECT_TRUE(none.secure);
  const dns_answer nobody = ask(r, record::tlsa, "_25._tcp.mx2.good.test");
  EXPECT_EQ(nobody.what, found::no_name);
  EXPECT_TRUE(nobody.secure);
  const dns_answer alias = ask(r, record::a, "alias.good.test");
  EXPECT_EQ(alias.what, found::ok);
  EXPECT_EQ(alias.canonical, "good.test.");
  EXPECT_TRUE(alias.secure);
  const dns_answer null = ask(r, record::mx, "null.good.test");
  ASSERT_EQ(null.exchanges.size(), 1U);
  EXPECT_EQ(null.exchanges[0], (routing::mx_record{0, "."}));
}

TEST_F(unbound_resolver, tells_what_is_bogus_from_what_is_not_signed) {
  resolver r(trusting());
  EXPECT_EQ(ask(r, record::a, "mx1.bogus.test").what, found::bogus);
  const dns_answer plain = ask(r, record::a, "mx1.plain.test");
  EXPECT_EQ(plain.what, found::ok);
  EXPECT_FALSE(plain.secure);
}

// RTE-23: whoever keeps the root's answer back, or forges it, does not turn verification off; that
// is only told.
TEST_F(unbound_resolver, goes_on_to_verify_where_the_root_is_not_seen) {
  resolver_options options = trusting();
  options.trust_anchor_files.clear();
  options.trust_anchors = {"good.test. DS 1 13 2 " + std::string(64, 'a')};
  resolver other(options);  // which trusts, but not the root
  EXPECT_EQ(other.check(), resolver_errc::not_validating);
  EXPECT_EQ(other.warning(), resolver_errc::not_validating);
  EXPECT_TRUE(other.validates());
  EXPECT_EQ(ask(other, record::a, "mx1.good.test").what, found::bogus);

  options = trusting();
  options.forwarders = {"127.0.0.1@1"};  // nobody listens
  options.probe_timeout = std::chrono::milliseconds(100);
  resolver alone(options);
  EXPECT_EQ(alone.check(), resolver_errc::unreachable);
  EXPECT_EQ(alone.check(), resolver_errc::unreachable);
  EXPECT_TRUE(alone.validates());
}

// RTE-03: libunbound has zones of its own that it denies, but whoever asks has a server for them.
TEST_F(unbound_resolver, asks_for_the_names_of_a_home_too) {
  resolver r(trusting());
  EXPECT_EQ(ask(r, record::mx, "home.arpa").what, found::ok);
}

TEST_F(unbound_resolver, refuses_what_it_cannot_use) {
  const auto error_of = [](auto change) {
    resolver_options options = trusting();
    change(options);
    resolver r(options);
    // Whoever asks nevertheless has an answer.
    EXPECT_EQ(ask(r, record::mx, "good.test").what, found::failed);
    EXPECT_FALSE(r.validates());
    EXPECT_EQ(r.warning(), r.error());
    EXPECT_EQ(r.check(), r.error());
    return r.error();
  };
  EXPECT_EQ(error_of([](auto& o) { o.forwarders = {"no address"}; }), resolver_errc::bad_server);
  EXPECT_EQ(error_of([](auto& o) {
              o.stubs = {{"good.test", "none"}};
            }),
            resolver_errc::bad_server);
  EXPECT_EQ(error_of([](auto& o) { o.trust_anchors = {"a b"}; }), resolver_errc::bad_trust_anchor);
  EXPECT_EQ(error_of([](auto& o) { o.trust_anchor_files = {"/no/file"}; }),
            resolver_errc::bad_trust_anchor);
  EXPECT_EQ(error_of([](auto& o) {
              o.forwarders.clear();
              o.system_file = "/no/file";
            }),
            resolver_errc::bad_system_file);
}

TEST_F(unbound_resolver, asks_the_server_of_a_zone) {
  resolver_options options;
  options.system_file.clear();
  options.stubs = {{"good.test", server()}};
  options.trust_anchors = {"unknown. DS 1 13 2 " + std::string(64, 'a')};
  resolver r(options);
  EXPECT_EQ(ask(r, record::a, "mx2.good.test").addresses.at(0).text(), "127.0.0.12");
}

// libunbound calls nobody back when it is ended (RTE-30): the adapter answers in its place.
TEST_F(unbound_resolver, answers_each_question_once_also_at_its_end) {
  resolver r(trusting());
  std::set<resolver::ticket> asked;
  for (int i = 0; i != 50; ++i) {
    asked.insert(r.ask({1, record::a, "n" + std::to_string(i) + ".good.test"}));
  }
  const resolver::answer first = wait_for_answer(r);
  EXPECT_EQ(asked.erase(first.of), 1U);
  r.close();
  asked.insert(r.ask({1, record::a, "late.good.test"}));
  while (const auto a = r.next_answer()) EXPECT_EQ(asked.erase(a->of), 1U);
  EXPECT_TRUE(asked.empty());
  std::vector<routing::watched> watched;
  r.watch(watched);
  EXPECT_TRUE(watched.empty());
  EXPECT_FALSE(r.validates());
}

TEST_F(unbound_resolver, asks_no_other_name_where_one_holds_nul) {
  resolver r(trusting());
  EXPECT_EQ(ask(r, record::mx, std::string("good.test\0.x", 12)).what, found::failed);
}

}  // namespace
}  // namespace resolver_test

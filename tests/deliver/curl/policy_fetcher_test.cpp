// Policies of MTA-STS over HTTPS, from a server that does what it likes.
#include "sansmtp/curl/policy_fetcher.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <climits>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "module_server.hpp"
#include "sansmtp/routing/sts_policy.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace policy_fetcher_test {
namespace {

using namespace sansmtp;
using curl::fetcher_options;
using curl::policy_fetcher;

class curl_policy_fetcher : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<test::module_server>("policy_server"); }
  static void TearDownTestSuite() { server_.reset(); }

  static fetcher_options trusting() {
    fetcher_options options;
    options.ca_file = server_->file();
    options.connect_to = {"::127.0.0.1:" + server_->port()};
    return options;
  }

  static policy_fetcher::result wait_for_result(policy_fetcher& f) {
    for (;;) {
      if (auto r = f.next_result()) return *std::move(r);
      std::vector<routing::watched> watched;
      f.watch(watched);
      std::vector<pollfd> entries;
      for (const auto& w : watched) {
        const int events = (w.readable ? POLLIN : 0) | (w.writable ? POLLOUT : 0);
        entries.push_back({w.descriptor, static_cast<short>(events), 0});
      }
      const auto until = f.deadline();
      if (!until && entries.empty()) {
        ADD_FAILURE() << "nothing to wait for";
        return {};
      }
      int left = 60'000;
      if (until) {
        const auto ms =
            std::chrono::ceil<std::chrono::milliseconds>(*until - std::chrono::steady_clock::now());
        left = static_cast<int>(std::max<std::chrono::milliseconds::rep>(ms.count(), 0));
      }
      ::poll(entries.data(), entries.size(), left);
    }
  }

  static policy_fetcher::result get(const std::string& domain, fetcher_options options) {
    policy_fetcher f(std::move(options));
    const auto ticket = f.get({3, "mta-sts." + domain});
    policy_fetcher::result r = wait_for_result(f);
    EXPECT_EQ(r.of, ticket);
    return r;
  }
  static policy_fetcher::result get(const std::string& domain) { return get(domain, trusting()); }

  static std::unique_ptr<test::module_server> server_;
};
std::unique_ptr<test::module_server> curl_policy_fetcher::server_;

TEST_F(curl_policy_fetcher, gets_a_policy) {
  // What the environment says of proxies is not for mail.
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);
  const auto r = get("good.test");
  ::unsetenv("https_proxy");
  EXPECT_FALSE(r.error) << r.error.message();
  EXPECT_EQ(r.status, 200);
  const auto policy = routing::parse_sts_policy(r.body);
  ASSERT_TRUE(policy) << r.body;
  EXPECT_EQ(policy->mode, routing::sts_mode::enforce);
}

// RTE-20: no redirect is followed, and nothing but 200 is a policy.
TEST_F(curl_policy_fetcher, tells_another_status) {
  EXPECT_EQ(get("moved.test").status, 301);
  EXPECT_EQ(get("missing.test").status, 404);
}

// RTE-20: a body has a bound, whether its length was told or not.
TEST_F(curl_policy_fetcher, stops_where_a_body_is_too_long) {
  EXPECT_EQ(get("large.test").error, std::errc::file_too_large);
  EXPECT_EQ(get("endless.test").error, std::errc::file_too_large);
}

TEST_F(curl_policy_fetcher, wants_plain_text) {
  EXPECT_EQ(get("html.test").error, std::errc::bad_message);
}

TEST_F(curl_policy_fetcher, wants_the_certificate_of_the_host) {
  EXPECT_EQ(get("other.test").error, tls_errc::untrusted_certificate);
  fetcher_options options = trusting();
  options.ca_file.clear();  // nobody vouches for the test's authority
  EXPECT_EQ(get("good.test", options).error, tls_errc::untrusted_certificate);
}

TEST_F(curl_policy_fetcher, has_an_end_with_a_silent_server) {
  fetcher_options options = trusting();
  options.timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(get("silent.test", options).error, std::errc::timed_out);
}

TEST_F(curl_policy_fetcher, says_that_nobody_is_there) {
  fetcher_options options = trusting();
  options.connect_to = {"::127.0.0.1:1"};
  EXPECT_EQ(get("good.test", options).error.category(), curl::curl_category());
}

TEST_F(curl_policy_fetcher, asks_for_a_host_and_nothing_else) {
  for (const char* host : {"good.test/x?", "good.test:1", "user@good.test", "good .test"}) {
    EXPECT_EQ(get(host).error, std::errc::invalid_argument) << host;
  }
}

TEST_F(curl_policy_fetcher, answers_each_fetch_once_also_at_its_end) {
  policy_fetcher f(trusting());
  std::set<policy_fetcher::ticket> asked{f.get({1, "mta-sts.silent.test"}),
                                         f.get({1, "mta-sts.good.test"})};
  const auto first = wait_for_result(f);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(asked.erase(first.of), 1U);
  f.close();
  asked.insert(f.get({1, "mta-sts.good.test"}));
  while (const auto r = f.next_result()) {
    EXPECT_EQ(r->error, std::errc::operation_canceled);
    EXPECT_EQ(asked.erase(r->of), 1U);
  }
  EXPECT_TRUE(asked.empty());
}

}  // namespace
}  // namespace policy_fetcher_test

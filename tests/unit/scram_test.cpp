#include "sansmtp/scram.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "published_suite.hpp"
#include "sasl_vectors.hpp"

namespace scram_test {
namespace {

using namespace sansmtp;
using namespace std::string_literals;

constexpr auto sha1 = hash_algorithm::sha1;
constexpr auto sha256 = hash_algorithm::sha256;
constexpr auto off = scram_binding::off;
constexpr auto plus = scram_binding::plus;

const std::string nonce = SANSMTP_NONCE_T5;
const std::string server_first = SANSMTP_SERVER_T5;
const channel_binding exporter{"tls-exporter", "0123456789abcdef0123456789abcdef"};

/// SCRAM-SHA-1 that has sent its first message.
std::unique_ptr<sasl_mechanism> asked(hash_suite& suite, scram_options options = {}) {
  auto m = make_scram(sha1, off, "user", "pencil", suite, std::move(options));
  EXPECT_EQ(m->bind({}), errc::none);
  EXPECT_EQ(m->initial_response(), "n,,n=user,r=" + nonce);
  return m;
}

TEST(scram, published_vectors) {  // T5 T6 SASL-09 SASL-10 SASL-11
  published_suite suite;
  check_scram_vectors(suite);
}

TEST(scram, names_and_exposure) {
  published_suite suite;
  const struct {
    hash_algorithm hash;
    scram_binding variant;
    std::string_view name;
  } rows[] = {
      {sha1, off, "SCRAM-SHA-1"},
      {sha1, plus, "SCRAM-SHA-1-PLUS"},
      {sha256, off, "SCRAM-SHA-256"},
      {sha256, plus, "SCRAM-SHA-256-PLUS"},
  };
  for (const auto& row : rows) {
    const auto m = make_scram(row.hash, row.variant, "user", "pencil", suite);
    EXPECT_EQ(m->name(), row.name);
    EXPECT_EQ(m->exposes(), exposure::guessable);
    EXPECT_FALSE(m->satisfied());
  }
  EXPECT_EQ(make_scram(hash_algorithm::md5, off, "u", "p", suite)->check(), errc::bad_argument);
}

TEST(scram, gs2_header_follows_the_link) {  // SASL-11
  published_suite suite;
  const struct {
    scram_binding variant;
    channel_binding binding;
    bool plus_offered;
    errc verdict;
    std::string_view header;
  } rows[] = {
      {off, {}, false, errc::none, "n,,"},
      {off, {}, true, errc::none, "n,,"},
      {off, exporter, false, errc::none, "y,,"},
      {off, exporter, true, errc::auth_not_offered, ""},
      {plus, exporter, true, errc::none, "p=tls-exporter,,"},
      {plus, {"tls-unique", "123456789012"}, true, errc::none, "p=tls-unique,,"},
      {plus, {}, true, errc::auth_not_offered, ""},
      {plus, {"tls-exporter", ""}, true, errc::auth_not_offered, ""},
      {plus, {"a,b", "octets"}, true, errc::bad_argument, ""},
      {plus, {"a=b", "octets"}, true, errc::bad_argument, ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.header);
    const auto m = make_scram(sha1, row.variant, "user", "pencil", suite);
    EXPECT_EQ(m->bind({true, true, row.plus_offered, row.binding}), row.verdict);
    const auto first = m->initial_response();
    ASSERT_EQ(first.has_value(), row.verdict == errc::none);
    if (first) {
      EXPECT_EQ(*first, std::string(row.header) + "n=user,r=" + nonce);
    }
  }
}

TEST(scram, names_are_escaped) {  // SASL-06
  published_suite suite;
  scram_options options;
  options.authorization_id = "x=y,z";
  const auto m = make_scram(sha256, off, "a=b,c", "pencil", suite, options);
  ASSERT_EQ(m->check(), errc::none);
  ASSERT_EQ(m->bind({}), errc::none);
  EXPECT_EQ(m->initial_response(), "n,a=x=3Dy=2Cz,n=a=3Db=2Cc,r=" + nonce);
}

TEST(scram, credentials_are_checked) {  // SASL-02
  published_suite suite;
  const struct {
    std::string name, password, authorization_id;
    bool prepared;
    errc verdict;
  } rows[] = {
      {"u", "p", "", false, errc::none},
      {"", "p", "", false, errc::bad_argument},
      {"u", "", "", false, errc::bad_argument},
      {"u\0"s, "p", "", false, errc::bad_argument},
      {"u", "p\r\n", "", false, errc::bad_argument},
      {"u", "p", "a\x01", false, errc::bad_argument},
      {"\xC3\xA9", "p", "", false, errc::bad_argument},
      {"\xC3\xA9", "\xC3\xA9", "\xC3\xA9", true, errc::none},
      {"\xC3", "p", "", true, errc::bad_argument},
  };
  for (const auto& row : rows) {
    scram_options options;
    options.authorization_id = row.authorization_id;
    options.already_prepared = row.prepared;
    EXPECT_EQ(make_scram(sha1, off, row.name, row.password, suite, options)->check(), row.verdict);
  }
}

TEST(scram, every_violation_of_the_servers_first_message) {  // SASL-07 SASL-08 B9
  const std::string good_nonce = nonce + "3rfc";
  const struct {
    std::string message;
    bool good;
  } rows[] = {
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096", true},
      {"r=" + good_nonce + ",s=QQ==,i=4096", true},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=10000000", true},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096,x=1,Y=two=three", true},
      {"r=" + nonce + "~!\"$%+-<=,s=QSXCR+Q6sek8bf92,i=4096", true},
      // The nonce: not ours, ours alone, cut, with octets that it cannot have.
      {"r=fykX+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=x" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + nonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + nonce.substr(1) + ",s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + good_nonce + "\x01,s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + good_nonce + "\0,s=QSXCR+Q6sek8bf92,i=4096"s, false},
      {"r=" + good_nonce + " ,s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + good_nonce + "\x7F,s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + good_nonce + "\xC3\xA9,s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=,s=QSXCR+Q6sek8bf92,i=4096", false},
      // The order, and what is missing.
      {"s=QSXCR+Q6sek8bf92,r=" + good_nonce + ",i=4096", false},
      {"r=" + good_nonce + ",i=4096,s=QSXCR+Q6sek8bf92", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92", false},
      {"r=" + good_nonce + ",i=4096", false},
      {"r=" + good_nonce, false},
      {"R=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
      {" r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
      {",r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + good_nonce + ",,s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,x=1,i=4096", false},
      {"", false},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", false},
      {"nonsense", false},
      // Mandatory extensions, of which we know none.
      {"m=ext,r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096,m=ext", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096,x=1,m=ext", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096,1=x", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096,x", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096,x=", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096,", false},
      // The salt.
      {"r=" + good_nonce + ",s=,i=4096", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf9,i=4096", false},
      {"r=" + good_nonce + ",s=QR==,i=4096", false},
      {"r=" + good_nonce + ",s=====,i=4096", false},
      {"r=" + good_nonce + ",s=QSXC R+Q6sek8bf9,i=4096", false},
      {"r=" + good_nonce + ",s=QSXCR-Q6sek8bf92,i=4096", false},
      // The count.
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4095", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=1", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=0", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=-1", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=+4096", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i= 4096", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=04096", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096x", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=x", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4096.0", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=10000001", false},
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=4294971392", false},            // 2^32 + 4096
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=18446744073709555712", false},  // 2^64 + 4096
      {"r=" + good_nonce + ",s=QSXCR+Q6sek8bf92,i=" + std::string(5000, '9'), false},
  };
  for (const auto& [message, good] : rows) {
    SCOPED_TRACE(message);
    published_suite suite;
    const auto m = asked(suite);
    EXPECT_EQ(m->respond(message).has_value(), good);
    EXPECT_FALSE(m->satisfied());
    EXPECT_EQ(m->reason(), errc::auth_bad_challenge);
    if (good) continue;
    EXPECT_EQ(suite.derivations, 0) << "nothing is computed for a bad message";
    // There is no second chance.
    EXPECT_EQ(m->respond(server_first), std::nullopt);
    EXPECT_FALSE(m->satisfied());
  }
}

TEST(scram, count_limit_is_the_callers) {  // SASL-08
  published_suite suite;
  scram_options options;
  options.max_iterations = 4096;
  EXPECT_TRUE(asked(suite, options)->respond(server_first));
  std::string one_more = server_first;
  one_more.back() = '7';
  EXPECT_EQ(asked(suite, options)->respond(one_more), std::nullopt);
  options.max_iterations = 0xFFFFFFFFU;
  EXPECT_EQ(asked(suite, options)->respond(one_more + "7777777"), std::nullopt);
}

TEST(scram, every_violation_of_the_servers_last_message) {  // SASL-10 AUTH-10
  const struct {
    std::string message;
    bool good;
    errc reason;
  } rows[] = {
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", true, errc::auth_bad_challenge},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,x=1", true, errc::auth_bad_challenge},
      // One bit, the first, the last; shorter; longer; that of another exchange.
      {"v=LmF9pqV8S7suAoZWja4dJRkFsKQ=", false, errc::server_not_proven},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKU=", false, errc::server_not_proven},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsA==", false, errc::server_not_proven},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKQA", false, errc::server_not_proven},
      {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", false, errc::server_not_proven},
      {"v=AA==", false, errc::server_not_proven},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKR=", false, errc::auth_bad_challenge},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ", false, errc::auth_bad_challenge},
      {"v=", false, errc::auth_bad_challenge},
      {"V=rmF9pqV8S7suAoZWja4dJRkFsKQ=", false, errc::auth_bad_challenge},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,", false, errc::auth_bad_challenge},
      {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,m=x", false, errc::auth_bad_challenge},
      {"x=1,v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", false, errc::auth_bad_challenge},
      {"", false, errc::auth_bad_challenge},
      {server_first, false, errc::auth_bad_challenge},
      {"e=invalid-proof", false, errc::auth_refused},
  };
  for (const auto& [message, good, reason] : rows) {
    SCOPED_TRACE(message);
    published_suite suite;
    const auto m = asked(suite);
    ASSERT_TRUE(m->respond(server_first));
    EXPECT_EQ(m->respond(message).has_value(), good);
    EXPECT_EQ(m->satisfied(), good);
    EXPECT_EQ(m->reason(), reason);
    // Who failed once stays unproven, whatever comes.
    EXPECT_EQ(m->respond("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), std::nullopt);
    EXPECT_FALSE(m->satisfied());
  }
}

TEST(scram, error_of_the_server_is_told) {  // SASL-10 SEC-03
  const struct {
    std::string message, detail;
  } rows[] = {
      {"e=invalid-proof", "invalid-proof"}, {"e=unknown-user,x=1", "unknown-user"},
      {"e=a\x1B[2J\r\nb", "a?[2J? / b"},    {"e=" + std::string(1000, 'x'), std::string(512, 'x')},
      {"e=your password is pencil", ""},    {"e=", ""},
  };
  for (const auto& [message, detail] : rows) {
    for (const bool late : {false, true}) {
      published_suite suite;
      const auto m = asked(suite);
      if (late) {
        ASSERT_TRUE(m->respond(server_first));
      }
      EXPECT_EQ(m->respond(message), std::nullopt);
      EXPECT_EQ(m->detail(), detail);
      EXPECT_FALSE(m->satisfied());
    }
  }
}

TEST(scram, nonce_is_random_and_new) {  // SASL-06
  struct counting final : published_suite {
    bool random(std::span<char> out) override {
      EXPECT_GE(out.size(), 18U);
      ++calls;
      for (char& c : out) c = static_cast<char>(calls);
      return true;
    }
    int calls = 0;
  };
  counting suite;
  std::set<std::string> firsts;
  for (int i = 0; i < 3; ++i) {
    const auto m = make_scram(sha256, off, "user", "pencil", suite);
    ASSERT_EQ(m->bind({}), errc::none);
    const std::string first = m->initial_response().value();
    const std::string text = first.substr(first.find("r=") + 2);
    EXPECT_GE(text.size(), 24U);
    EXPECT_EQ(text.find(','), std::string::npos);
    firsts.insert(first);
  }
  EXPECT_EQ(firsts.size(), 3U);
}

TEST(scram, gives_up_when_the_suite_does) {
  // Whatever call it is that fails, from the nonce to the server's signature.
  for (int works = 0; works < 7; ++works) {
    published_suite suite;
    suite.works = works;
    const auto m = make_scram(sha1, off, "user", "pencil", suite);
    if (works == 0) {
      EXPECT_EQ(m->bind({}), errc::bad_configuration);
      EXPECT_EQ(m->initial_response(), std::nullopt);
      continue;
    }
    ASSERT_EQ(m->bind({}), errc::none);
    ASSERT_TRUE(m->initial_response());
    EXPECT_EQ(m->respond(server_first), std::nullopt) << works;
    EXPECT_EQ(m->reason(), errc::bad_configuration);
    EXPECT_FALSE(m->satisfied());
  }
  published_suite suite;
  suite.works = 7;
  EXPECT_TRUE(asked(suite)->respond(server_first));
}

TEST(scram, steps_in_the_wrong_order) {
  published_suite suite;
  const auto m = make_scram(sha1, off, "user", "pencil", suite);
  EXPECT_EQ(m->initial_response(), std::nullopt) << "the link is not known yet";
  EXPECT_EQ(m->respond(server_first), std::nullopt);
  EXPECT_FALSE(m->satisfied());
}

TEST(scram_key_cache, derives_once) {
  published_suite suite;
  scram_key_cache cache;
  scram_options options;
  options.cache = &cache;
  for (int i = 0; i < 3; ++i) {
    const auto m = asked(suite, options);
    EXPECT_EQ(m->respond(server_first),
              "c=biws,r=" SANSMTP_NONCE_T5 "3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    EXPECT_EQ(m->respond("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), "");
  }
  EXPECT_EQ(suite.derivations, 1);
  cache.clear();
  EXPECT_TRUE(asked(suite, options)->respond(server_first));
  EXPECT_EQ(suite.derivations, 2);
}

TEST(scram_key_cache, tells_questions_apart) {
  published_suite suite;
  scram_key_cache cache;
  const struct {
    hash_algorithm hash;
    std::string_view password, salt;
    std::uint32_t iterations;
  } rows[] = {
      {sha1, "pencil", "salt", 4096},   {sha1, "pencil", "salt", 4097},
      {sha1, "pencil", "salts", 4096},  {sha1, "pencils", "salt", 4096},
      {sha256, "pencil", "salt", 4096}, {sha1, "pencil", "salt", 4096 + 65536},
  };
  for (int round = 1; round <= 2; ++round) {
    for (const auto& row : rows) {
      const scram_keys* keys = cache.keys(suite, row.hash, row.password, row.salt, row.iterations);
      ASSERT_NE(keys, nullptr);
      scram_key_cache fresh;
      published_suite other;
      const scram_keys* right = fresh.keys(other, row.hash, row.password, row.salt, row.iterations);
      EXPECT_EQ(keys->client, right->client);
      EXPECT_EQ(keys->server, right->server);
    }
    EXPECT_EQ(suite.derivations, 6) << "the second round finds all of them";
  }
}

TEST(scram_key_cache, keeps_the_newest) {
  published_suite suite;
  scram_key_cache cache;
  const auto ask = [&](int i) {
    return cache.keys(suite, sha256, "pencil", "salt" + std::to_string(i), 4096);
  };
  for (int i = 0; i < 9; ++i) ASSERT_NE(ask(i), nullptr);
  for (int i = 1; i < 9; ++i) ASSERT_NE(ask(i), nullptr);
  EXPECT_EQ(suite.derivations, 9);
  ASSERT_NE(ask(0), nullptr);
  EXPECT_EQ(suite.derivations, 10);
}

TEST(scram_key_cache, a_failure_leaves_no_keys) {
  published_suite suite;
  scram_key_cache cache;
  for (int works = 0; works < 4; ++works) {
    suite.works = works;
    EXPECT_EQ(cache.keys(suite, sha1, "pencil", "salt", 4096), nullptr);
  }
  suite.works = -1;
  const int before = suite.derivations;
  EXPECT_NE(cache.keys(suite, sha1, "pencil", "salt", 4096), nullptr);
  EXPECT_EQ(suite.derivations, before + 1);
}

TEST(scram_key_cache, leaves_no_octet) {  // SEC-03
  alignas(scram_key_cache) char memory[sizeof(scram_key_cache)];
  auto* cache = ::new (memory) scram_key_cache;
  published_suite suite;
  const scram_keys keys = *cache->keys(suite, sha256, "pencil", "salt", 4096);
  const std::string_view all(memory, sizeof memory);
  const std::string client(keys.client.data(), keys.client.size());
  const std::string server(keys.server.data(), keys.server.size());
  EXPECT_NE(all.find(client), std::string_view::npos);
  cache->clear();
  EXPECT_EQ(all.find(client), std::string_view::npos);
  EXPECT_EQ(all.find(server), std::string_view::npos);
  cache->~scram_key_cache();
}

}  // namespace
}  // namespace scram_test

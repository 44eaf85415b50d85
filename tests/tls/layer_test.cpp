// A record layer against a server, both in memory. Each pitfall of a library that was met has its
// test here.
#include "memory_link.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sansmtp/channel.hpp"

namespace sansmtp::test {
namespace {

using progress = tls_layer::progress;
using reading = tls_layer::reading;
using namespace std::chrono_literals;

std::size_t records_in(std::string_view ciphertext) {
  std::size_t n = 0;
  while (ciphertext.size() >= 5) {
    const auto octet = [&](std::size_t i) {
      return std::size_t{static_cast<unsigned char>(ciphertext[i])};
    };
    ciphertext.remove_prefix(std::min(ciphertext.size(), 5 + (octet(3) << 8 | octet(4))));
    ++n;
  }
  return n;
}

class versions : public testing::TestWithParam<bool> {
 protected:
  server_options of_version() const {
    server_options options;
    options.tls_1_3 = GetParam();
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(tls, versions, testing::Values(false, true),
                         [](const auto& i) { return i.param ? "v1_3" : "v1_2"; });

TEST_P(versions, a_handshake_and_octets_both_ways) {
  const tls_context client(trusting());
  ASSERT_EQ(client.error(), std::error_code());
  const memory_server_context server(of_version());
  for (const std::size_t step : {std::string::npos, std::size_t{1}}) {
    link l(client, server);
    ASSERT_EQ(l.shake(step), progress::established) << l.layer->error().message();
    ASSERT_TRUE(l.peer.done());
    const tls_info& info = l.layer->info();
    EXPECT_TRUE(info.verified);
    EXPECT_EQ(info.verdict, std::error_code());
    EXPECT_EQ(info.protocol, GetParam() ? "TLSv1.3" : "TLSv1.2");
    const bool authenticated = info.cipher.find("CHACHA20") != std::string::npos ||
                               info.cipher.find("GCM") != std::string::npos;
    EXPECT_TRUE(authenticated) << info.cipher;
    EXPECT_EQ(info.peer_names,
              (std::vector<std::string>{"127.0.0.1", "::1", "localhost", "mail.test"}));
    std::tm end{};
    ASSERT_EQ(ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(server.get())), &end), 1);
    EXPECT_EQ(info.peer_expiry, timegm(&end));
    ASSERT_TRUE(l.layer->write(as_bytes("EHLO x\r\n")));
    l.peer.feed(as_bytes(l.drain()));
    EXPECT_EQ(l.peer.heard, "EHLO x\r\n");
    l.peer.say("250 x\r\n");
    EXPECT_EQ(l.hear(l.peer.drain()), "250 x\r\n");
  }
}

// The last flight of the client waits in the buffer when the handshake is done.
TEST_P(versions, the_last_flight_is_left_to_be_written) {
  const tls_context client(trusting());
  const memory_server_context server(of_version());
  link l(client, server);
  progress p = l.layer->handshake();
  while (p == progress::wants_octets) {
    l.peer.feed(as_bytes(l.drain()));
    const std::string back = l.peer.drain();
    l.layer->feed(as_bytes(back));
    p = l.layer->handshake();
  }
  ASSERT_EQ(p, progress::established);
  EXPECT_EQ(l.layer->pending() != 0, GetParam()) << "with TLS 1.3 the client speaks last";
  EXPECT_EQ(l.peer.done(), !GetParam());
  l.peer.feed(as_bytes(l.drain()));
  EXPECT_TRUE(l.peer.done());
}

TEST_P(versions, each_write_is_one_record) {
  const tls_context client(trusting());
  const memory_server_context server(of_version());
  link l(client, server);
  ASSERT_EQ(l.shake(), progress::established);
  for (const std::size_t size : {std::size_t{1}, std::size_t{500}, tls_layer::record_size}) {
    ASSERT_TRUE(l.layer->write(as_bytes(std::string(size, 'x'))));
    const std::string out = l.drain();
    EXPECT_EQ(records_in(out), 1u);
    l.peer.feed(as_bytes(out));
  }
  EXPECT_EQ(l.peer.heard.size(), 501 + tls_layer::record_size);
}

// It reads no further than it must: what is fed may hold many records.
TEST_P(versions, many_records_in_one_feed_are_all_read) {
  const tls_context client(trusting());
  const memory_server_context server(of_version());
  link l(client, server);
  ASSERT_EQ(l.shake(), progress::established);
  std::string want;
  for (int i = 0; i < 100; ++i) {
    l.peer.say("250 line\r\n");
    want += "250 line\r\n";
  }
  EXPECT_EQ(l.hear(l.peer.drain()), want);
  EXPECT_EQ(l.last, reading::wants_octets);
}

TEST_P(versions, close_notify_is_told_from_truncation) {
  const tls_context client(trusting());
  const memory_server_context server(of_version());
  {
    link l(client, server);
    ASSERT_EQ(l.shake(), progress::established);
    l.peer.say("221 bye\r\n");
    l.peer.close();
    EXPECT_EQ(l.hear(l.peer.drain()), "221 bye\r\n");
    EXPECT_EQ(l.last, reading::ended);
    l.hear();
    EXPECT_EQ(l.last, reading::ended);
  }
  // Cut at every place of a record.
  link whole(client, server);
  ASSERT_EQ(whole.shake(), progress::established);
  whole.peer.say("250 ok\r\n");
  const std::size_t size = whole.peer.drain().size();
  for (std::size_t cut = 0; cut <= size; ++cut) {
    link l(client, server);
    ASSERT_EQ(l.shake(), progress::established);
    l.peer.say("250 ok\r\n");
    EXPECT_EQ(l.hear(l.peer.drain().substr(0, cut)), cut == size ? "250 ok\r\n" : "");
    l.layer->feed_end();
    EXPECT_EQ(l.hear(), "");
    EXPECT_EQ(l.last, reading::truncated) << cut;
  }
}

// wolfSSL itself goes on writing after that.
TEST_P(versions, after_a_broken_record_nothing_is_read_or_written) {
  const tls_context client(trusting());
  const memory_server_context server(of_version());
  link l(client, server);
  ASSERT_EQ(l.shake(), progress::established);
  l.peer.say("250 ok\r\n");
  std::string broken = l.peer.drain();
  broken.back() = static_cast<char>(broken.back() ^ 1);
  EXPECT_EQ(l.hear(broken), "");
  EXPECT_EQ(l.last, reading::failed);
  EXPECT_NE(l.layer->error(), std::error_code());
  EXPECT_NE(l.layer->pending(), 0u) << "the alert";
  l.drain();
  EXPECT_FALSE(l.layer->write(as_bytes("QUIT\r\n")));
  l.layer->close();
  EXPECT_EQ(l.layer->pending(), 0u);
  l.peer.say("250 ok\r\n");
  EXPECT_EQ(l.hear(l.peer.drain()), "");
  EXPECT_EQ(l.last, reading::failed);
}

TEST_P(versions, close_says_close_notify_once) {
  const tls_context client(trusting());
  const memory_server_context server(of_version());
  link l(client, server);
  ASSERT_EQ(l.shake(), progress::established);
  l.layer->close();
  l.layer->close();
  const std::string out = l.drain();
  EXPECT_EQ(records_in(out), 1u);
  l.peer.feed(as_bytes(out));
  EXPECT_TRUE(l.peer.closed);
}

TEST_P(versions, a_session_is_resumed_once_at_the_same_server_only) {
  const tls_context client(trusting());
  const memory_server_context server(of_version());
  const auto connect = [&](const tls_target& to) {
    link l(client, server, to);
    EXPECT_EQ(l.shake(), progress::established);
    l.peer.say("220 x\r\n");
    EXPECT_EQ(l.hear(l.peer.drain()), "220 x\r\n");
    EXPECT_TRUE(l.layer->info().verified);
    EXPECT_EQ(l.layer->info().peer_names.size(), 4u);
    EXPECT_GT(l.layer->info().peer_expiry, 0);
    EXPECT_EQ(l.peer.resumed(), l.layer->info().resumed);
    EXPECT_TRUE(l.layer->info().binding) << "a resumed link can be bound as well";
    return l.layer->info().resumed;
  };
  EXPECT_FALSE(connect(target));
  EXPECT_EQ(client.cached_sessions(), 1u);
  EXPECT_FALSE(connect({"mail.test", 587})) << "another port";
  EXPECT_FALSE(connect({"mail2.test", 25})) << "another host";
  EXPECT_TRUE(connect(target));
  EXPECT_TRUE(connect(target));
  EXPECT_EQ(client.cached_sessions(), 3u);
  EXPECT_EQ(tls_context(trusting()).cached_sessions(), 0u) << "another context";
}

TEST(tls_sessions, the_cache_is_bounded_and_can_be_switched_off) {
  const memory_server_context server;
  for (const std::size_t most : {std::size_t{2}, std::size_t{0}}) {
    tls_options options = trusting();
    options.resumable_sessions = most;
    const tls_context client(options);
    for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{3}}) {
      link l(client, server, {"mail.test", port});
      ASSERT_EQ(l.shake(), progress::established);
    }
    EXPECT_EQ(client.cached_sessions(), most);
  }
}

// -- identity -------------------------------------------------------------------------------------

struct identity_row {
  const char* certificate;
  const char* reference;
  tls_errc error;
};

// GoogleTest would show its octets, and those between its members are not initialised.
void PrintTo(const identity_row& row, std::ostream* to) {
  *to << row.certificate << " for " << row.reference;
}

class identity : public testing::TestWithParam<std::tuple<bool, identity_row>> {};
// TLS-10, TLS-11.
INSTANTIATE_TEST_SUITE_P(
    tls, identity,
    testing::Combine(
        testing::Bool(),
        testing::Values(identity_row{"server", "mail.test", tls_errc::none},
                        identity_row{"server", "MAIL.test.", tls_errc::none},
                        identity_row{"server", "127.0.0.1", tls_errc::none},
                        identity_row{"server", "::1", tls_errc::none},
                        identity_row{"server", "[::1]", tls_errc::none},
                        identity_row{"server", "127.0.0.2", tls_errc::name_mismatch},
                        identity_row{"rsa", "mail.test", tls_errc::none},
                        identity_row{"other", "mail.test", tls_errc::name_mismatch},
                        identity_row{"cn_only", "mail.test", tls_errc::name_mismatch},
                        identity_row{"wildcard", "a.wild.test", tls_errc::none},
                        identity_row{"wildcard", "wild.test", tls_errc::name_mismatch},
                        identity_row{"wildcard", "a.b.wild.test", tls_errc::name_mismatch},
                        identity_row{"partial", "foo.part.test", tls_errc::name_mismatch},
                        identity_row{"ip_only", "127.0.0.1", tls_errc::none},
                        identity_row{"ip_only", "mail.test", tls_errc::name_mismatch},
                        identity_row{"ip_as_name", "127.0.0.1", tls_errc::name_mismatch},
                        identity_row{"expired", "mail.test", tls_errc::expired_certificate},
                        identity_row{"untrusted", "mail.test", tls_errc::untrusted_certificate},
                        identity_row{"self_signed", "mail.test", tls_errc::self_signed})),
    [](const auto& i) {
      return test::row_name(std::get<1>(i.param).certificate, std::get<0>(i.param), i.index);
    });

TEST_P(identity, is_checked_against_the_reference_name) {
  const auto& [tls_1_3, row] = GetParam();
  const memory_server_context server({.certificate = row.certificate, .tls_1_3 = tls_1_3});
  {
    const tls_context client(trusting(row.reference));
    link l(client, server);
    const bool good = row.error == tls_errc::none;
    ASSERT_EQ(l.shake(), good ? progress::established : progress::failed);
    EXPECT_EQ(l.layer->error(), good ? std::error_code() : make_error_code(row.error))
        << l.layer->error().message();
    EXPECT_EQ(l.layer->info().verified, good);
    EXPECT_EQ(l.layer->write(as_bytes("EHLO x\r\n")), good);
  }
  {
    // Looking around: the link is made, and what is wrong with it is said.
    tls_options options = trusting(row.reference);
    options.report_only = true;
    const tls_context client(options);
    link l(client, server);
    ASSERT_EQ(l.shake(), progress::established) << l.layer->error().message();
    EXPECT_EQ(l.layer->info().verified, row.error == tls_errc::none);
    EXPECT_EQ(l.layer->info().verdict,
              row.error == tls_errc::none ? std::error_code() : make_error_code(row.error))
        << l.layer->info().verdict.message();
  }
  {
    // Without a name nobody asks, and nobody is called verified (TLS-10).
    const tls_context client{tls_options{}};
    link l(client, server);
    ASSERT_EQ(l.shake(), progress::established) << l.layer->error().message();
    EXPECT_FALSE(l.layer->info().verified);
    EXPECT_EQ(l.layer->info().verdict, std::error_code());
  }
}

TEST(tls_identity, the_host_is_the_reference_name_if_asked_for) {
  const memory_server_context server;
  tls_options options = trusting("");
  options.verify_host = true;
  const tls_context client(options);
  link good(client, server);
  EXPECT_EQ(good.shake(), progress::established);
  EXPECT_TRUE(good.layer->info().verified);
  link bad(client, server, {"other.test", 25});
  EXPECT_EQ(bad.shake(), progress::failed);
  EXPECT_EQ(bad.layer->error(), tls_errc::name_mismatch);
}

std::string shown_name(const tls_options& options, const tls_target& to) {
  const memory_server_context server;
  const tls_context client(options);
  link l(client, server, to);
  EXPECT_EQ(l.layer->handshake(), progress::wants_octets);
  const std::string hello = l.drain();
  for (const std::string name : {"mail.test", "mx.test", "127.0.0.1"}) {
    if (hello.find(name) != std::string::npos) return name;
  }
  return "";
}

TEST(tls_identity, sni_shows_dns_names_only) {  // TLS-10
  EXPECT_EQ(shown_name({}, {"mail.test", 25}), "mail.test");
  EXPECT_EQ(shown_name({}, {"mail.test.", 25}), "mail.test");
  EXPECT_EQ(shown_name(trusting("mx.test"), {"mail.test", 25}), "mx.test");
  EXPECT_EQ(shown_name({}, {"127.0.0.1", 25}), "");
  EXPECT_EQ(shown_name(trusting("mail.test"), {"127.0.0.1", 25}), "mail.test");
}

// -- settings -------------------------------------------------------------------------------------

TEST(tls_settings, the_oldest_version_is_kept) {
  server_options old;
  old.tls_1_3 = false;
  const memory_server_context server(old);
  tls_options options = trusting();
  options.minimum = tls_version::tls_1_3;
  const tls_context client(options);
  link l(client, server);
  EXPECT_EQ(l.shake(), progress::failed);
  EXPECT_NE(l.layer->error(), std::error_code());
}

TEST(tls_settings, weak_cipher_suites_have_no_common_ground) {
  for (const char* ciphers : {"ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-SHA"}) {
    server_options weak;
    weak.certificate = "rsa";
    weak.tls_1_3 = false;
    weak.ciphers = ciphers;
    const memory_server_context server(weak);
    const tls_context client(trusting());
    link l(client, server);
    EXPECT_EQ(l.shake(), progress::failed) << ciphers;
    EXPECT_FALSE(l.peer.done());
  }
}

TEST(tls_settings, the_client_hello_offers_what_is_safe_and_nothing_else) {
  const memory_server_context server;
  const tls_context client(trusting());
  link l(client, server);
  ASSERT_EQ(l.layer->handshake(), progress::wants_octets);
  const std::string hello = l.drain();
  const auto number = [&](std::size_t at) {
    return std::size_t{static_cast<unsigned char>(hello[at])} << 8 |
           std::size_t{static_cast<unsigned char>(hello[at + 1])};
  };
  std::size_t at = 5 + 4 + 2 + 32;
  at += std::size_t{1} + static_cast<unsigned char>(hello[at]);
  std::vector<std::size_t> suites;
  for (std::size_t i = 0; i < number(at); i += 2) suites.push_back(number(at + 2 + i));
  const std::vector<std::size_t> safe = {0x1303, 0x1301, 0x1302, 0xcca9, 0xcca8,
                                         0xc02b, 0xc02f, 0xc02c, 0xc030};
  for (const std::size_t suite : suites) {
    const bool scsv = suite == 0x00ff;  // says only that there is no renegotiation
    EXPECT_TRUE(scsv || std::find(safe.begin(), safe.end(), suite) != safe.end())
        << std::hex << suite;
  }
  EXPECT_GE(suites.size(), safe.size());
}

TEST(tls_settings, what_cannot_be_read_is_said_before_any_link) {
  tls_options no_trust = trusting();
  no_trust.ca_file = pki("nobody.pem");
  EXPECT_EQ(tls_context(no_trust).error(), tls_errc::bad_trust);
  // Its layers say it as well, to who did not ask.
  EXPECT_EQ(tls_context(no_trust).make_layer(target)->error(), tls_errc::bad_trust);
  EXPECT_EQ(tls_context(no_trust).factory()(target)->error(), tls_errc::bad_trust);
  for (const char* useless : {"empty.pem", "der.pem", "client.key"}) {
    no_trust.ca_file = pki(useless);
    EXPECT_EQ(tls_context(no_trust).error(), tls_errc::bad_trust) << useless;
  }
  tls_options no_key = trusting();
  no_key.certificate_file = pki("client.pem");
  EXPECT_EQ(tls_context(no_key).error(), tls_errc::bad_credentials);
  no_key.key_file = pki("server.key");
  EXPECT_EQ(tls_context(no_key).error(), tls_errc::bad_credentials) << "another one's key";
  // Nobody is asked for a password, here least of all.
  for (const char* useless :
       {"encrypted.key", "empty.pem", "der.key", "client.pem", "nobody.key"}) {
    no_key.key_file = pki(useless);
    EXPECT_EQ(tls_context(no_key).error(), tls_errc::bad_credentials) << useless;
  }
  no_key.key_file = pki("client.key");
  for (const char* useless : {"empty.pem", "der.pem", "client.key", "nobody.pem"}) {
    no_key.certificate_file = pki(useless);
    EXPECT_EQ(tls_context(no_key).error(), tls_errc::bad_credentials) << useless;
  }
  EXPECT_EQ(tls_context(trusting("b\xc3\xbc")).error(), tls_errc::bad_server_name);
  EXPECT_EQ(tls_context(trusting("a b")).error(), tls_errc::bad_server_name);
}

TEST(tls_settings, the_environment_may_say_where_the_authorities_are) {
  if (!under_test().reads_environment) GTEST_SKIP() << under_test().name << " does not look there";
  const memory_server_context server;
  tls_options options;
  options.verify_host = true;
  ASSERT_EQ(::setenv("SSL_CERT_DIR", pki("no_such_folder").c_str(), 1), 0);
  ASSERT_EQ(::setenv("SSL_CERT_FILE", pki("ca.pem").c_str(), 1), 0);
  {
    const tls_context client(options);
    link l(client, server);
    EXPECT_EQ(l.shake(), progress::established);
    EXPECT_TRUE(l.layer->info().verified);
  }
  ASSERT_EQ(::setenv("SSL_CERT_FILE", pki("nobody.pem").c_str(), 1), 0);
  EXPECT_EQ(tls_context(options).error(), tls_errc::bad_trust) << "nobody else is trusted then";
  // There may be several folders, of which one is enough.
  for (const bool one_is_there : {true, false}) {
    const std::string folders = pki("no_such_folder") + ':' + pki(one_is_there ? "" : "nor_this");
    ASSERT_EQ(::setenv("SSL_CERT_DIR", folders.c_str(), 1), 0);
    EXPECT_EQ(tls_context(options).error() == tls_errc::bad_trust, !one_is_there);
  }
  ::unsetenv("SSL_CERT_DIR");
  ::unsetenv("SSL_CERT_FILE");
}

TEST(tls_settings, the_callers_own_judgement_counts) {  // TLS-09
  const memory_server_context server;
  tls_options options = trusting();
  std::string seen;
  options.accept = [&seen](const tls_info& info) {
    seen = info.protocol;
    return false;
  };
  const tls_context client(options);
  link l(client, server);
  EXPECT_EQ(l.shake(), progress::too_weak);
  EXPECT_EQ(seen, "TLSv1.3");
  EXPECT_TRUE(l.layer->write(as_bytes("QUIT\r\n"))) << "to leave politely";
}

// A server that misses the client's certificate says so in the handshake of TLS 1.2, and in what is
// read first with TLS 1.3.
TEST_P(versions, client_certificates) {
  server_options demanding = of_version();
  demanding.demand_client_certificate = true;
  const memory_server_context server(demanding);
  tls_options options = trusting();
  {
    const tls_context client(options);
    link l(client, server);
    const progress p = l.shake();
    EXPECT_FALSE(l.peer.done());
    if (GetParam()) {
      EXPECT_EQ(p, progress::established);
      l.hear();
      EXPECT_EQ(l.last, reading::failed);
      EXPECT_NE(l.layer->error().message().find("certificate"), std::string::npos)
          << l.layer->error().message();
    } else {
      EXPECT_EQ(p, progress::failed);
      EXPECT_EQ(l.layer->error(), std::error_code(1040, tls_category()));
      EXPECT_EQ(l.layer->handshake(), progress::failed);
    }
  }
  options.certificate_file = pki("client.pem");
  options.key_file = pki("client.key");
  const tls_context client(options);
  link l(client, server);
  EXPECT_EQ(l.shake(), progress::established);
  l.hear();
  EXPECT_EQ(l.last, reading::wants_octets);
  EXPECT_TRUE(l.peer.done());
}

TEST(tls_errors, each_has_a_sentence) {
  for (int i = 0; i <= static_cast<int>(tls_errc::bad_record); ++i) {
    const std::string text = std::error_code(i, tls_category()).message();
    EXPECT_NE(text, "Unknown TLS error.") << i;
    EXPECT_EQ(text.back(), '.');
  }
  EXPECT_EQ(std::error_code(1040, tls_category()).message(),
            "The peer ended TLS with the alert handshake_failure.");
  EXPECT_EQ(std::error_code(1099, tls_category()).message(),
            "The peer ended TLS with the alert number 99.");
  const std::error_category& own = under_test().category();
  EXPECT_EQ(std::string(own.name()), "sansmtp.tls." + std::string(under_test().name));
  EXPECT_TRUE(std::error_code(under_test().some_error, own).message().starts_with("TLS failed: "));
  EXPECT_EQ(std::error_code(500, tls_category()).message(), "Unknown TLS error.");
  EXPECT_STREQ(tls_category().name(), "sansmtp.tls");
}

// -- channel binding ------------------------------------------------------------------------------

TEST_P(versions, both_ends_know_the_same_binding) {  // SASL-12
  const memory_server_context server(of_version());
  const tls_context client(trusting());
  for (const bool resumed : {false, true}) {
    link l(client, server);
    ASSERT_EQ(l.shake(), progress::established);
    l.hear();
    ASSERT_EQ(l.layer->info().resumed, resumed);
    const channel_binding& binding = l.layer->info().binding;
    if (GetParam()) {
      EXPECT_EQ(binding.type, "tls-exporter");
      EXPECT_EQ(binding.octets, l.peer.exported());
    } else {
      EXPECT_EQ(binding.type, "tls-unique") << "this server knows the extended master secret";
      EXPECT_EQ(binding.octets, l.peer.first_finished());
    }
  }
  tls_options options = trusting();
  options.binding = binding_request::tls_exporter;
  {
    const tls_context asking(options);
    link l(asking, server);
    ASSERT_EQ(l.shake(), progress::established);
    EXPECT_EQ(l.layer->info().binding.type, "tls-exporter");
    EXPECT_EQ(l.layer->info().binding.octets, l.peer.exported());
  }
  options.binding = binding_request::tls_server_end_point;
  const tls_context asking(options);
  std::string first;
  for (const bool resumed : {false, true}) {
    link l(asking, server);
    ASSERT_EQ(l.shake(), progress::established);
    l.hear();
    ASSERT_EQ(l.layer->info().resumed, resumed);
    EXPECT_EQ(l.layer->info().binding.type, "tls-server-end-point");
    EXPECT_EQ(l.layer->info().binding.octets.size(), 32u);
    EXPECT_TRUE(!resumed || l.layer->info().binding.octets == first);
    first = l.layer->info().binding.octets;
  }
}

// -- threads --------------------------------------------------------------------------------------

// wolfSSL keeps up to 12 MB for each thread that made a handshake, and does not free them.
TEST(tls_threads, a_thread_that_ends_leaves_nothing_behind) {
  const memory_server_context server;
  const tls_context client(trusting());
  const auto shake = [&] {
    std::thread([&] {
      link l(client, server);
      EXPECT_EQ(l.shake(), progress::established);
    }).join();
  };
  shake();
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (int i = 0; i < 4; ++i) shake();
  const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  EXPECT_LT(after, before + (1u << 20)) << "a leak of " << (after - before) / 4 << " each";
}

TEST(tls_threads, several_may_use_one_context) {
  const memory_server_context server;
  const tls_context client(trusting());
  std::vector<std::thread> threads;
  std::vector<int> done(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        link l(client, server);
        if (l.shake() == progress::established) ++done[static_cast<std::size_t>(t)];
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(done, std::vector<int>(4, 8));
}

// -- a whole session ------------------------------------------------------------------------------

TEST_P(versions, a_session_through_a_channel) {
  const memory_server_context server(of_version());
  const tls_context client(trusting());
  session_config config;
  config.local_name = "client.test";
  config.tls = tls_mode::implicit;
  channel c(config, client.make_layer(target));
  memory_server peer(server);
  const time_point now(1h);
  bool ready = false;
  outcome result = outcome::pending;
  const auto pump = [&] {
    for (bool busy = true; busy;) {
      busy = false;
      for (auto out = c.output(now); !out.empty(); out = c.output(now)) {
        peer.feed(out[0]);
        c.sent(now, out[0].size());
        busy = true;
      }
      while (const event* e = c.next_event()) {
        ready = ready || e->what == event::kind::ready;
        if (e->what == event::kind::mail_done) result = e->result;
      }
      const std::string back = peer.drain();
      if (!back.empty()) c.receive(now, as_bytes(back));
      busy = busy || !back.empty();
    }
  };
  const auto say = [&](std::string_view text) {
    peer.heard.clear();
    peer.say(text);
    pump();
  };
  c.connected(now);
  pump();
  ASSERT_TRUE(peer.done());
  say("220 mx.test\r\n");
  EXPECT_EQ(peer.heard, "EHLO client.test\r\n");
  say("250-mx.test\r\n250 PIPELINING\r\n");
  EXPECT_TRUE(ready);
  EXPECT_TRUE(c.engine().tls_verified());
  envelope env;
  env.sender = path("s@a.test");
  env.recipients.emplace_back("r@b.test");
  const std::string content(100'000, 'x');
  (void)c.engine().send(env, message::borrow(as_bytes(content)));
  pump();
  say("250 ok\r\n250 ok\r\n354 go\r\n");
  EXPECT_EQ(peer.heard, content + "\r\n.\r\n");
  say("250 queued\r\n");
  EXPECT_EQ(result, outcome::delivered);
  c.engine().quit();
  pump();
  say("221 bye\r\n");
  EXPECT_TRUE(c.closed());
  EXPECT_TRUE(peer.closed);
}

}  // namespace
}  // namespace sansmtp::test

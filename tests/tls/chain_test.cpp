// Which certificates prove something, whoever they are for (TLS-15).
#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>

#include "memory_link.hpp"

namespace sansmtp::test {
namespace {

using progress = tls_layer::progress;

struct chain_row {
  const char* shown;  // what the server shows, of the test's PKI
  tls_errc error;
  const char* trusted = "ca.pem";
};

void PrintTo(const chain_row& row, std::ostream* to) { *to << row.shown; }

class chains : public testing::TestWithParam<std::tuple<bool, chain_row>> {};
INSTANTIATE_TEST_SUITE_P(
    tls, chains,
    testing::Combine(
        testing::Bool(),
        testing::Values(chain_row{"sha1", tls_errc::weak_signature},
                        chain_row{"weak_key", tls_errc::weak_key},
                        chain_row{"encipherment", tls_errc::wrong_key_usage},
                        chain_row{"client_only", tls_errc::wrong_key_usage},
                        chain_row{"no_usage", tls_errc::none}, chain_row{"ed25519", tls_errc::none},
                        chain_row{"self_signed_ed25519", tls_errc::self_signed},
                        chain_row{"self_signed_ed25519", tls_errc::none, "self_signed_ed25519.pem"},
                        chain_row{"self_signed", tls_errc::none, "self_signed.pem"},
                        chain_row{"expired", tls_errc::expired_certificate},
                        // One authority in between, and what may be wrong with it.
                        chain_row{"chain_between", tls_errc::none},
                        chain_row{"chain_missing", tls_errc::untrusted_certificate},
                        chain_row{"chain_between_stranger", tls_errc::untrusted_certificate},
                        chain_row{"chain_between_weak", tls_errc::weak_key},
                        chain_row{"chain_between_no_authority", tls_errc::wrong_key_usage},
                        chain_row{"chain_between_no_signer", tls_errc::wrong_key_usage},
                        chain_row{"chain_between_signer", tls_errc::wrong_key_usage},
                        chain_row{"chain_sha1", tls_errc::weak_signature},
                        chain_row{"chain_expired", tls_errc::expired_authority},
                        chain_row{"by_weak_root", tls_errc::weak_key, "roots.pem"},
                        chain_row{"pss_sha1", tls_errc::weak_signature, "roots.pem"},
                        chain_row{"pss_sha256", tls_errc::none, "roots.pem"},
                        chain_row{"by_dsa_root", tls_errc::weak_signature},
                        chain_row{"self_signed_sha1", tls_errc::none, "self_signed_sha1.pem"},
                        chain_row{"chain_too_long", tls_errc::untrusted_certificate, "roots.pem"},
                        // What keeps one edition back is not what is wrong if there is another.
                        chain_row{"chain_stranger_editions", tls_errc::untrusted_certificate},
                        // It is enough that one way is good.
                        chain_row{"chain_editions", tls_errc::none},
                        chain_row{"chain_editions_turned", tls_errc::none},
                        chain_row{"chain_crossed", tls_errc::none},
                        chain_row{"chain_crossed_twice", tls_errc::none},
                        chain_row{"chain_elsewhere", tls_errc::untrusted_certificate},
                        chain_row{"chain_expired_root", tls_errc::none},
                        chain_row{"chain_stray", tls_errc::none})),
    [](const auto& i) {
      return test::row_name(std::get<1>(i.param).shown, std::get<0>(i.param), i.index);
    });

TEST_P(chains, are_judged_by_the_way_that_counts) {
  const auto& [tls_1_3, row] = GetParam();
  const memory_server_context server({.certificate = row.shown, .tls_1_3 = tls_1_3});
  const std::error_code error =
      row.error == tls_errc::none ? std::error_code() : make_error_code(row.error);
  tls_options options;
  options.ca_file = pki(row.trusted);
  options.server_name = "mail.test";
  for (const bool report_only : {false, true}) {
    options.report_only = report_only;
    const tls_context client(options);
    ASSERT_EQ(client.error(), std::error_code());
    for (int i = 0; i < 2; ++i) {  // what one link has seen helps no other
      link l(client, server);
      ASSERT_EQ(l.shake(), !error || report_only ? progress::established : progress::failed)
          << l.layer->error().message();
      EXPECT_EQ(l.layer->info().verified, !error);
      EXPECT_EQ(report_only ? l.layer->info().verdict : l.layer->error(), error)
          << l.layer->error().message() << l.layer->info().verdict.message();
      EXPECT_EQ(l.layer->info().peer_names.size(), 3u);
      EXPECT_NE(l.layer->info().peer_expiry, 0);
    }
  }
  const peer_demand none{demand_level::encrypted};
  const tls_context client(options);
  link l(client, server, {"mail.test", 25, &none});
  if (!tls_1_3 && std::string_view(row.shown) == "encipherment" &&
      under_test().always_asks_for_usage) {
    ASSERT_EQ(l.shake(), progress::failed);
    EXPECT_EQ(l.layer->error(), row.error);
    return;
  }
  ASSERT_EQ(l.shake(), progress::established) << l.layer->error().message();
  EXPECT_FALSE(l.layer->info().verified);
  EXPECT_EQ(l.layer->info().verdict, std::error_code());
  EXPECT_EQ(l.layer->info().peer_names.size(), 3u);
}

// What only one of the libraries takes; transports/README.md says why.
TEST(tls_chains, where_libraries_differ) {
  const auto error_for = [](const char* shown, const char* trusted) {
    server_options options;
    options.certificate = shown;
    const memory_server_context server(options);
    tls_options wanted = trusting();
    wanted.ca_file = pki(trusted);
    const tls_context client(wanted);
    link l(client, server);
    l.shake();
    EXPECT_EQ(l.layer->info().verified, !l.layer->error());
    return l.layer->error();
  };
  EXPECT_EQ(error_for("pss", "ca.pem"),
            under_test().knows_pss ? std::error_code() : tls_errc::unsupported_key);
  EXPECT_EQ(error_for("by_between", "by_between.pem"), under_test().trusts_a_server_certificate
                                                           ? std::error_code()
                                                           : tls_errc::untrusted_certificate);
}

// The authority that one server shows is not one for the next server.
TEST(tls_chains, an_authority_is_not_learnt) {
  server_options with, without;
  with.certificate = "chain_between";
  without.certificate = "chain_missing";
  const memory_server_context complete(with), incomplete(without);
  with.certificate = "chain_between_stranger";
  without.certificate = "by_between_stranger";
  const memory_server_context strange(with), stranger(without);
  for (const bool report_only : {false, true}) {
    tls_options options = trusting();
    options.report_only = report_only;
    options.resumable_sessions = 0;
    const tls_context client(options);
    const auto verdict = [&](const memory_server_context& server) {
      link l(client, server);
      l.shake();
      return report_only ? l.layer->info().verdict : l.layer->error();
    };
    EXPECT_EQ(verdict(complete), std::error_code());
    EXPECT_EQ(verdict(incomplete), tls_errc::untrusted_certificate);
    EXPECT_EQ(verdict(strange), tls_errc::untrusted_certificate);
    EXPECT_EQ(verdict(stranger), tls_errc::untrusted_certificate);
  }
}

}  // namespace
}  // namespace sansmtp::test

// Which certificates prove something, whoever they are for (TLS-15).
#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>

#include "memory_link.hpp"
#include "sansmtp/wolfssl/tls_context.hpp"
#include "sansmtp/wolfssl/tls_errc.hpp"

namespace sansmtp::wolfssl {
namespace {

using progress = tls_layer::progress;
using test::link;
using test::memory_server_context;
using test::pki;
using test::server_options;
using test::target;

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
                        chain_row{"chain_sha1", tls_errc::weak_signature},
                        chain_row{"chain_expired", tls_errc::expired_authority},
                        chain_row{"by_weak_root", tls_errc::weak_key, "roots.pem"},
                        chain_row{"chain_too_long", tls_errc::untrusted_certificate, "roots.pem"},
                        // It is enough that one way is good.
                        chain_row{"chain_editions", tls_errc::none},
                        chain_row{"chain_editions_turned", tls_errc::none},
                        chain_row{"chain_expired_root", tls_errc::none},
                        chain_row{"chain_stray", tls_errc::none})),
    [](const auto& i) {
      std::string name = std::get<1>(i.param).shown;
      name += std::get<0>(i.param) ? "_v1_3_" : "_v1_2_";
      return name + std::to_string(i.index);
    });

TEST_P(chains, are_judged_by_the_way_that_counts) {
  const auto& [tls_1_3, row] = GetParam();
  server_options shown;
  shown.certificate = row.shown;
  shown.tls_1_3 = tls_1_3;
  const memory_server_context server(shown);
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
  if (!tls_1_3 && std::string_view(row.shown) == "encipherment") {
    // With such a certificate there is no handshake of TLS 1.2 that has forward secrecy.
    ASSERT_EQ(l.shake(), progress::failed);
    EXPECT_EQ(l.layer->error(), row.error);
    return;
  }
  ASSERT_EQ(l.shake(), progress::established) << l.layer->error().message();
  EXPECT_FALSE(l.layer->info().verified);
  EXPECT_EQ(l.layer->info().verdict, std::error_code());
  EXPECT_EQ(l.layer->info().peer_names.size(), 3u);
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
    tls_options options = test::trusting();
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
}  // namespace sansmtp::wolfssl

// What is demanded of a peer belongs to the link, and fails closed (TLS-13, TLS-16).
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "memory_link.hpp"

namespace sansmtp::test {
namespace {

using progress = tls_layer::progress;

/// The ways to say by options of the context that the peer is to be verified.
tls_options verifying_host() {
  tls_options options = trusting("");
  options.verify_host = true;
  return options;
}

TEST(tls_demand, a_link_that_cannot_be_verified_is_refused_before_it_begins) {  // TLS-13
  const peer_demand names{demand_level::names};
  const peer_demand empty_name{demand_level::names, {""}};
  const peer_demand bad_name{demand_level::names, {"mail.test", "b\xc3\xbc"}};
  const tls_context by_host(verifying_host());
  const tls_context by_nothing(trusting(""));
  const tls_context by_name(trusting());
  struct row {
    const tls_context& context;
    tls_target to;
    tls_errc why;
  };
  const std::vector<row> rows{
      {by_host, {"", 25}, tls_errc::no_server_name},
      {by_host, {".", 25}, tls_errc::no_server_name},
      {by_host, {"/run/a socket", 0}, tls_errc::bad_server_name},
      {by_host, {"", 25, &names}, tls_errc::no_server_name},
      {by_nothing, {"", 25, &names}, tls_errc::no_server_name},
      {by_nothing, {"mail.test", 25, &empty_name}, tls_errc::bad_server_name},
      {by_nothing, {"mail.test", 25, &bad_name}, tls_errc::bad_server_name},
      {by_name, {"", 25, &names}, tls_errc::no_server_name},  // the link's demand is the one
  };
  for (const row& r : rows) {
    const auto layer = r.context.make_layer(r.to);
    ASSERT_NE(layer, nullptr);
    EXPECT_EQ(layer->error(), r.why);
    EXPECT_EQ(layer->handshake(), progress::failed);
    EXPECT_EQ(layer->pending(), 0u);
    EXPECT_FALSE(layer->write(as_bytes("EHLO x\r\n")));
    EXPECT_FALSE(layer->info().verified);
  }
  // Who only looks around is told, and not refused.
  tls_options looking = verifying_host();
  looking.report_only = true;
  const tls_context around(looking);
  const memory_server_context server;
  link l(around, server, {"", 25});
  ASSERT_EQ(l.shake(), progress::established);
  EXPECT_FALSE(l.layer->info().verified);
  EXPECT_EQ(l.layer->info().verdict, tls_errc::no_server_name);
}

TEST(tls_demand, of_the_link_outranks_that_of_the_context) {
  const peer_demand nothing{demand_level::encrypted};
  const peer_demand the_host{demand_level::names};
  const peer_demand right{demand_level::names, {"mail.test"}};
  const peer_demand one_of{demand_level::names, {"other.test", "MAIL.test.", "third.test"}};
  const peer_demand wrong{demand_level::names, {"other.test"}};
  const peer_demand address{demand_level::names, {"127.0.0.1"}};
  struct row {
    tls_target to;
    bool established;
    bool verified;
  };
  const std::vector<row> rows{
      {{"mail.test", 25, &nothing}, true, false},  {{"", 0, &nothing}, true, false},
      {{"mail.test", 25, &the_host}, true, true},  {{"other.test", 25, &the_host}, false, false},
      {{"other.test", 25, &right}, true, true},    {{"", 0, &right}, true, true},
      {{"other.test", 25, &one_of}, true, true},   {{"mail.test", 25, &wrong}, false, false},
      {{"other.test", 25, &address}, true, true},  {{"127.0.0.1", 25, &the_host}, true, true},
      {{"127.0.0.2", 25, &the_host}, false, false}};
  const memory_server_context server;
  server_options untrusted;
  untrusted.certificate = "untrusted";
  const memory_server_context liar(untrusted);
  for (const tls_options& options :
       {trusting("mail.test"), trusting("other.test"), trusting(""), verifying_host()}) {
    const tls_context client(options);
    for (const row& r : rows) {
      link l(client, server, r.to);
      EXPECT_EQ(l.shake() == progress::established, r.established) << r.to.host;
      EXPECT_EQ(l.layer->info().verified, r.verified) << r.to.host;
      link other(client, liar, r.to);
      EXPECT_EQ(other.shake() == progress::established, r.to.demand == &nothing) << r.to.host;
      EXPECT_FALSE(other.layer->info().verified);
    }
  }
}

TEST(tls_demand, two_demands_are_never_one_resumed_session) {  // TLS-16, RTE-28
  const memory_server_context server;
  const tls_context client(trusting());
  const std::vector<peer_demand> demands{
      {demand_level::encrypted},
      {demand_level::names, {"mail.test"}},
      {demand_level::names, {"localhost"}},
      {demand_level::names, {"mail.test", "localhost"}},
      {demand_level::names, {"mail.test\nlocalhost", "mail.test"}}};
  const auto resumed = [&](const peer_demand& d) {
    link l(client, server, {"mail.test", 25, &d});
    if (l.layer->error()) return false;  // no name at all
    EXPECT_EQ(l.shake(), progress::established);
    l.peer.say("220 x\r\n");
    l.hear(l.peer.drain());
    EXPECT_EQ(l.layer->info().verified, d.level != demand_level::encrypted);
    return l.layer->info().resumed;
  };
  for (const peer_demand& d : demands) EXPECT_FALSE(resumed(d));
  EXPECT_EQ(client.cached_sessions(), 4u);
  for (std::size_t i = 0; i != 4; ++i) EXPECT_TRUE(resumed(demands[i])) << i;
}

}  // namespace
}  // namespace sansmtp::test

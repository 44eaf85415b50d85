// Every way to make a link, every way to demand something of the peer, and a peer that nobody
// vouches for (TLS-13).
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "layer_under_test.hpp"
#include "sansmtp/asio/async_client.hpp"
#include "sansmtp/asio/async_pool.hpp"
#include "sansmtp/blocking/client.hpp"
#include "tls_sink.hpp"

namespace sansmtp {
namespace {

using test::tls_sink;

constexpr const char* name = "mail.test";  // in the right certificate, and so is 127.0.0.1

/// What was asked for, as the options of one of the clients.
struct request {
  session_config session;
  tls_factory tls;
  std::string tls_host;
  std::optional<peer_demand> demand;
};

/// What became of the mail.
struct attempt {
  std::error_code error;
  delivery report;
  bool verified = false;
};

envelope a_mail() {
  envelope env;
  env.sender = path("s@a.test");
  env.recipients.emplace_back("r@b.test");
  return env;
}

template <typename Options>
Options options_of(const request& r) {
  Options options;
  options.session = r.session;
  options.tls = r.tls;
  options.tls_host = r.tls_host;
  options.demand = r.demand;
  return options;
}

attempt send_blocking(const request& r,
                      const std::function<std::error_code(blocking::client&)>& link) {
  blocking::client client(options_of<blocking::client_options>(r));
  attempt a;
  a.error = link(client);
  a.report = client.send(a_mail(), message::own("x\r\n"));
  if (!a.error) a.error = a.report.error;
  a.verified = client.tls() != nullptr && client.tls()->verified;
  static_cast<void>(client.quit());
  return a;
}

template <typename Client, typename Link>
attempt send_async(net::io_context& loop, Client& client, Link link) {
  attempt a;
  link(client);
  client.async_send(a_mail(), message::own("x\r\n"), [&](net_error error, delivery report) {
    a.error = error;
    a.report = std::move(report);
    a.verified = client.tls() != nullptr && client.tls()->verified;
    client.async_quit([](net_error) {});
  });
  loop.run();
  return a;
}

attempt send_by_pool(const request& r, destination to) {
  net::io_context loop;
  pool_options options;
  options.client = options_of<async_client_options>(r);
  // What the destination itself demands outranks what all demand.
  to.demand = std::exchange(options.client.demand, std::nullopt);
  attempt a;
  options.observe = [&](const delivery&, const tls_info* info) {
    a.verified = info != nullptr && info->verified;
  };
  async_pool pool(loop.get_executor(), std::move(options));
  pool.async_send(to, a_mail(), message::own("x\r\n"), [&](net_error error, delivery report) {
    a.error = error;
    a.report = std::move(report);
    pool.async_close([](net_error) {});
  });
  loop.run();
  return a;
}

struct way {
  const char* what;
  bool has_host;  // does the address name somebody?
  std::function<attempt(const request&, const tls_sink&)> send;
};

using generic_client = async_client<net::generic::stream_protocol::socket>;

const std::vector<way>& ways() {
  static const std::vector<way> all{
      {"blocking connect", true,
       [](const request& r, const tls_sink& to) {
         return send_blocking(r, [&](blocking::client& c) {
           return c.connect("127.0.0.1:" + std::to_string(to.port()));
         });
       }},
      {"blocking connect to a Unix socket", false,
       [](const request& r, const tls_sink& to) {
         return send_blocking(r,
                              [&](blocking::client& c) { return c.connect("unix:" + to.path()); });
       }},
      {"blocking adopt", false,
       [](const request& r, const tls_sink& to) {
         return send_blocking(r, [&](blocking::client& c) {
           const int fd = to.connect();
           const std::error_code error = c.adopt(fd);
           if (error) ::close(fd);
           return error;
         });
       }},
      {"async_connect to a host", true,
       [](const request& r, const tls_sink& to) {
         net::io_context loop;
         async_client<> client(loop, options_of<async_client_options>(r));
         return send_async(loop, client, [&](async_client<>& c) {
           c.async_connect("127.0.0.1", to.port(), [](net_error) {});
         });
       }},
      {"async_connect to an endpoint", false,
       [](const request& r, const tls_sink& to) {
         net::io_context loop;
         async_client<> client(loop, options_of<async_client_options>(r));
         return send_async(loop, client, [&](async_client<>& c) {
           const net::ip::tcp::endpoint at(net::ip::address_v4::loopback(), to.port());
           c.async_connect(at, [](net_error) {});
         });
       }},
      {"async_connect to a Unix socket", false,
       [](const request& r, const tls_sink& to) {
         net::io_context loop;
         generic_client client(loop, options_of<async_client_options>(r));
         return send_async(loop, client, [&](generic_client& c) {
           c.async_connect(to.path(), 0, [](net_error) {});
         });
       }},
      {"a connected stream", false,
       [](const request& r, const tls_sink& to) {
         net::io_context loop;
         net::ip::tcp::socket stream(loop, net::ip::tcp::v4(), to.connect());
         async_client<> client(std::move(stream), options_of<async_client_options>(r));
         return send_async(loop, client, [](async_client<>&) {});
       }},
      {"pool", true,
       [](const request& r, const tls_sink& to) {
         return send_by_pool(r, {"127.0.0.1", to.port()});
       }},
      {"pool to a Unix socket", false, [](const request& r, const tls_sink& to) {
         return send_by_pool(r, {to.path(), 0});
       }}};
  return all;
}

struct demand_row {
  const char* what;
  bool needs_host;  // is the host that is connected to the one to be verified?
  std::function<void(tls_options&, request&)> set;
};

const std::vector<demand_row>& demands() {
  static const std::vector<demand_row> all{
      {"verify_host", true, [](tls_options& o, request&) { o.verify_host = true; }},
      {"server_name", false, [](tls_options& o, request&) { o.server_name = name; }},
      {"verify_host and tls_host", false,
       [](tls_options& o, request& r) {
         o.verify_host = true;
         r.tls_host = name;
       }},
      {"the link demands its host", true,
       [](tls_options&, request& r) { r.demand = peer_demand{demand_level::names}; }},
      {"the link demands tls_host", false,
       [](tls_options&, request& r) {
         r.tls_host = name;
         r.demand = peer_demand{demand_level::names};
       }},
      {"the link demands a name", false, [](tls_options&, request& r) {
         r.demand = peer_demand{demand_level::names, {name}};
       }}};
  return all;
}

class every_way : public testing::TestWithParam<std::tuple<tls_mode, std::string>> {};
INSTANTIATE_TEST_SUITE_P(tls, every_way,
                         testing::Combine(testing::Values(tls_mode::required, tls_mode::implicit,
                                                          tls_mode::opportunistic),
                                          testing::Values("server", "untrusted", "other",
                                                          "self_signed", "sha1")));

TEST_P(every_way, fails_closed) {
  const auto& [mode, certificate] = GetParam();
  const bool right = certificate == "server";
  test::server_options shown;
  shown.certificate = certificate;
  for (const way& w : ways()) {
    for (const demand_row& d : demands()) {
      SCOPED_TRACE(std::string(w.what) + ", " + d.what);
      tls_options tls;
      tls.ca_file = test::pki("ca.pem");
      request r;
      r.session.tls = mode;
      r.session.local_name = "client.test";
      d.set(tls, r);
      const test::tls_context context(tls);
      ASSERT_EQ(context.error(), std::error_code());
      r.tls = context.factory();
      const bool named = w.has_host || !d.needs_host;
      // Where TLS is optional, a handshake that fails is no more than that (TLS-08); to have no
      // name is no handshake.
      if (mode == tls_mode::opportunistic && named && !right) continue;

      tls_sink sink(shown, mode == tls_mode::implicit);
      const attempt a = w.send(r, sink);
      const tls_sink::seen seen = sink.finish();
      const bool arrived = seen.inside.find("MAIL") != std::string::npos ||
                           seen.clear.find("MAIL") != std::string::npos;
      EXPECT_EQ(a.report.count(outcome::delivered), right && named ? 1u : 0u);
      EXPECT_EQ(arrived, right && named);
      EXPECT_EQ(a.verified, right && named) << a.error.message();
      if (named) {
        EXPECT_EQ(!a.error, right) << a.error.message();
        if (!right) {
          EXPECT_EQ(a.error.category(), tls_category());
          EXPECT_EQ(seen.inside, "");
        }
      } else {
        EXPECT_EQ(a.error, tls_errc::no_server_name) << a.error.message();
        EXPECT_EQ(seen.clear + seen.inside, "") << "not one octet";
      }
    }
  }
}

// TLS without a proof, where that is what is asked for (TLS-10).
TEST(every_way, does_without_a_proof_if_none_is_demanded) {
  test::server_options shown;
  shown.certificate = "untrusted";
  tls_sink sink(shown, false);
  tls_options strict;
  strict.ca_file = test::pki("ca.pem");
  strict.verify_host = true;
  for (const way& w : ways()) {
    for (const bool by_link : {false, true}) {
      SCOPED_TRACE(w.what);
      const test::tls_context context(by_link ? strict : tls_options());
      request r;
      r.session.tls = tls_mode::required;
      r.session.local_name = "client.test";
      r.tls = context.factory();
      if (by_link) r.demand = peer_demand{demand_level::encrypted};
      const attempt a = w.send(r, sink);
      EXPECT_EQ(a.report.count(outcome::delivered), 1u) << a.error.message();
      EXPECT_FALSE(a.verified);
    }
  }
}

// A handshake that fails is told as such, and only if TLS is optional the mail goes without
// (TLS-08).
TEST(every_way, says_that_it_was_the_handshake) {
  using handshake = tls_sink::handshake;
  const std::vector<std::pair<handshake, errc>> rows{
      {handshake::closes, errc::handshake_lost},
      {handshake::is_silent, errc::handshake_timed_out},
      {handshake::in_clear_text, errc::plaintext_peer}};
  const test::tls_context context(tls_options{});
  for (const auto& [how, why] : rows) {
    for (const way& w : ways()) {
      SCOPED_TRACE(std::string(w.what) + ", " + std::string(to_string(why)));
      request r;
      r.session.tls = tls_mode::required;
      r.session.local_name = "client.test";
      if (how == handshake::is_silent)
        r.session.timeouts.handshake = std::chrono::milliseconds(100);
      r.tls = context.factory();
      tls_sink sink({}, false, how);
      const attempt a = w.send(r, sink);
      EXPECT_EQ(a.error, why) << a.error.message();
      EXPECT_NE(a.error.message().find("TLS handshake"), std::string::npos);
      ASSERT_EQ(a.report.recipients.size(), 1u);
      EXPECT_EQ(a.report.recipients[0].result, outcome::not_attempted);
      EXPECT_EQ(a.report.recipients[0].stage, verb::handshake);
      EXPECT_EQ(a.report.recipients[0].advice, hint::none);
      EXPECT_EQ(sink.finish().clear.find("MAIL"), std::string::npos);
    }
    request r;
    r.session.tls = tls_mode::opportunistic;
    r.session.local_name = "client.test";
    if (how == handshake::is_silent) r.session.timeouts.handshake = std::chrono::milliseconds(100);
    r.tls = context.factory();
    tls_sink sink({}, false, how);
    const attempt a = send_by_pool(r, {"127.0.0.1", sink.port()});
    EXPECT_EQ(a.report.count(outcome::delivered), 1u) << a.error.message();
    EXPECT_FALSE(a.verified);
  }
}

// One server, two demands: no mail goes over the connection of the other (TLS-16).
TEST(every_way, a_pool_shares_no_connection_between_demands) {
  test::server_options shown;
  tls_sink sink(shown, true);
  tls_options tls;
  tls.ca_file = test::pki("ca.pem");
  const test::tls_context context(tls);
  net::io_context loop;
  pool_options options;
  options.client.session.tls = tls_mode::implicit;
  options.client.session.local_name = "client.test";
  options.client.tls = context.factory();
  std::vector<bool> verified;
  options.observe = [&](const delivery&, const tls_info* info) {
    verified.push_back(info != nullptr && info->verified);
  };
  async_pool pool(loop.get_executor(), std::move(options));
  destination plain{"127.0.0.1", sink.port()};
  destination proven = plain;
  proven.demand = peer_demand{demand_level::names, {name}};
  destination wrong = plain;
  wrong.demand = peer_demand{demand_level::names, {"other.test"}};
  std::vector<std::error_code> errors;
  const std::vector<destination> order{plain, proven, wrong, plain, proven};
  std::function<void(std::size_t)> next = [&](std::size_t i) {
    if (i == order.size()) return pool.async_close([](net_error) {});
    pool.async_send(order[i], a_mail(), message::own("x\r\n"), [&, i](net_error error, delivery) {
      errors.push_back(error);
      next(i + 1);
    });
  };
  next(0);
  loop.run();
  ASSERT_EQ(errors.size(), order.size());
  EXPECT_EQ(verified, (std::vector<bool>{false, true, false, false, true}));
  EXPECT_EQ(errors[2], tls_errc::name_mismatch);
  for (const std::size_t i : {0u, 1u, 3u, 4u}) EXPECT_FALSE(errors[i]) << errors[i].message();
}

}  // namespace
}  // namespace sansmtp

// A client on real sockets: connecting, what networks and servers do, threads, and very many at a
// time.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <asio/bind_executor.hpp>
#include <asio/strand.hpp>

#include "../blocking/scripted_server.hpp"
#include "../blocking/silent_listener.hpp"
#include "fixture.hpp"
#include "sansmtp/asio/async_pool.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "sink.hpp"
#include "talking_server.hpp"

namespace {
thread_local int quick_acknowledgements = 0;  // that this thread asked for, and got
}  // namespace

// Stands before the C library's, so that Asio calls it.
extern "C" int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  using function = int(int, int, int, const void*, socklen_t);
  static auto* const next = reinterpret_cast<function*>(::dlsym(RTLD_NEXT, "setsockopt"));
  const int result = next(fd, level, name, value, size);
  if (level == IPPROTO_TCP && name == TCP_QUICKACK && result == 0) ++quick_acknowledgements;
  return result;
}

namespace sansmtp::test {
namespace {

using namespace std::chrono_literals;
using client = async_client<>;

std::size_t open_files() {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    n += !entry.path().empty();
  }
  return n;
}

/// A mail through a new connection: what became of connecting, and of the mail.
struct attempt {
  net_error connect;
  net_error mail;
  delivery report;
};

attempt try_one(const std::string& host, std::uint16_t port,
                async_client_options options = named_options()) {
  net::io_context io;
  client c(io, std::move(options));
  attempt result;
  c.async_connect(host, port, [&](net_error e) { result.connect = e; });
  c.async_send(mail_to({"r@b.test"}), small_message(), [&](net_error e, delivery d) {
    result.mail = e;
    result.report = std::move(d);
    c.async_quit([](net_error) {});
  });
  io.run();
  return result;
}

TEST(asio_network, sends_by_tcp_and_by_unix_sockets) {
  cli::sink tcp({});
  tcp.start();
  EXPECT_TRUE(try_one("127.0.0.1", tcp.port()).report.delivered_to_all());
  EXPECT_TRUE(try_one("localhost", tcp.port()).report.delivered_to_all());  // perhaps ::1 is first

  const std::string path = "/tmp/sansmtp-asio-" + std::to_string(::getpid());
  cli::sink::options where;
  where.listen = "unix:" + path;
  cli::sink unix_sink(where);
  unix_sink.start();
  net::io_context io;
  for (const bool generic : {true, false}) {
    delivery report;
    const auto keep = [&report](net_error, delivery d) { report = std::move(d); };
    async_client<net::generic::stream_protocol::socket> any(io, named_options());
    async_client<net::local::stream_protocol::socket> local(io, named_options());
    if (generic) {
      any.async_connect(path, 0, [](net_error e) { EXPECT_FALSE(e); });
      any.async_send(mail_to({"r@b.test"}), small_message(), keep);
      any.async_quit([](net_error e) { EXPECT_FALSE(e); });
    } else {
      local.async_connect(net::local::stream_protocol::endpoint(path),
                          [](net_error e) { EXPECT_FALSE(e); });
      local.async_send(mail_to({"r@b.test"}), small_message(), keep);
      local.async_quit([](net_error e) { EXPECT_FALSE(e); });
    }
    io.restart();
    io.run();
    EXPECT_TRUE(report.delivered_to_all());
  }
}

TEST(asio_network, bad_networks_and_servers_leak_nothing) {
  const std::size_t before = open_files();
  {
    const attempt refused = try_one("127.0.0.1", 1);
    EXPECT_EQ(refused.connect, net::error::connection_refused);
    EXPECT_EQ(refused.mail, net::error::connection_refused);
    EXPECT_EQ(refused.report.recipients.at(0).result, outcome::not_attempted);

    const attempt unknown = try_one("no-such-host.invalid", 25);
    EXPECT_TRUE(unknown.connect);
    EXPECT_EQ(unknown.report.recipients.at(0).result, outcome::not_attempted);

    async_client_options bound = named_options();
    bound.local_address = "::1";
    EXPECT_EQ(try_one("127.0.0.1", 1, bound).connect, net::error::address_family_not_supported);
    bound.local_address = "nonsense";
    EXPECT_EQ(try_one("127.0.0.1", 1, bound).connect, net::error::invalid_argument);
    EXPECT_EQ(try_one(std::string(300, 'x'), 0).connect, net::error::name_too_long);
  }
  {  // accepts and says nothing
    async_client_options options = named_options();
    options.session.timeouts.greeting = 100ms;
    scripted_server silent([](server_link& link) { link.hear_all(); });
    const attempt a = try_one("127.0.0.1", silent.port(), options);
    EXPECT_FALSE(a.connect);
    EXPECT_EQ(std::error_code(a.mail), errc::timed_out);
    EXPECT_EQ(a.report.recipients.at(0).stage, verb::greeting);
  }
  {  // resets in the opening
    scripted_server resets([](server_link& link) {
      link.say("220 mx.test\r\n");
      link.hear();
      link.reset();
    });
    const attempt a = try_one("127.0.0.1", resets.port());
    EXPECT_EQ(a.mail, net::error::connection_reset);
    EXPECT_EQ(a.report.recipients.at(0).result, outcome::not_attempted);
  }
  {  // resets in the handshake of TLS
    async_client_options options = named_options();
    options.session.tls = tls_mode::required;
    options.tls = [](const tls_target&) { return std::make_unique<script::memory_layer>(); };
    scripted_server resets([](server_link& link) {
      link.open("250-mx.test\r\n250 STARTTLS\r\n");
      link.hear();
      link.say("220 go\r\n");
      link.hear("\x16");  // the head of a record
      link.reset();
    });
    const attempt a = try_one("127.0.0.1", resets.port(), options);
    EXPECT_TRUE(a.mail);
    EXPECT_EQ(a.report.recipients.at(0).result, outcome::not_attempted);
    EXPECT_EQ(a.report.recipients.at(0).stage, verb::handshake);
  }
  {  // goes away silently behind the content, so that the link is half open
    async_client_options options = named_options();
    options.session.timeouts.content = 100ms;
    scripted_server gone([](server_link& link) {
      link.open();
      link.hear("DATA\r\n");
      link.say("250 ok\r\n250 ok\r\n354 go\r\n");
      link.hear_all();  // and no final reply
    });
    const attempt a = try_one("127.0.0.1", gone.port(), options);
    EXPECT_EQ(std::error_code(a.mail), errc::timed_out);
    EXPECT_EQ(a.report.recipients.at(0).result, outcome::in_doubt);
  }
  {  // does not read: the socket stays full
    async_client_options options = named_options();
    options.session.timeouts.block = 200ms;
    std::promise<void> over;
    scripted_server full([&](server_link& link) {
      link.open();
      link.hear("DATA\r\n");
      link.say("250 ok\r\n250 ok\r\n354 go\r\n");
      over.get_future().wait();
    });
    net::io_context io;
    client c(io, options);
    const std::string content(64U << 20U, 'x');
    net_error told;
    c.async_connect("127.0.0.1", full.port(), [](net_error e) { EXPECT_FALSE(e); });
    c.async_send(mail_to({"r@b.test"}), message::borrow(as_bytes(content)),
                 [&](net_error e, const delivery& d) {
                   told = e;
                   EXPECT_EQ(d.recipients.at(0).result, outcome::deferred);
                 });
    io.run();
    over.set_value();
    EXPECT_EQ(std::error_code(told), errc::timed_out);
  }
  EXPECT_EQ(open_files(), before);
}

TEST(asio_network, no_route_is_told_at_once) {
  // A network namespace of this thread's own, without any route.
  bool isolated = false;
  attempt a;
  std::thread([&] {
    isolated = ::unshare(CLONE_NEWNET) == 0;
    if (isolated) a = try_one("192.0.2.1", 25);
  }).join();
  if (!isolated) GTEST_SKIP() << "a network namespace needs root";
  EXPECT_EQ(a.connect, net::error::network_unreachable);
  EXPECT_EQ(a.mail, net::error::network_unreachable);
  EXPECT_EQ(a.report.recipients.at(0).result, outcome::not_attempted);
}

TEST(asio_network, races_addresses) {
  // A listener whose queue is full takes no connection: its address stays silent.
  net::io_context io;
  net::ip::tcp::acceptor silent(io);
  silent.open(net::ip::tcp::v4());
  silent.bind({net::ip::address_v4::loopback(), 0});
  silent.listen(0);
  std::vector<net::ip::tcp::socket> fillers;
  for (int i = 0; i != 4; ++i) {
    fillers.emplace_back(io).async_connect(silent.local_endpoint(), [](net_error) {});
  }
  io.run_for(50ms);

  cli::sink good({});
  good.start();
  detail::connect_request request;
  request.endpoints = {net::ip::tcp::endpoint(silent.local_endpoint()),
                       net::ip::tcp::endpoint(net::ip::address_v4::loopback(), 1),
                       net::ip::tcp::endpoint(net::ip::address_v4::loopback(), good.port())};
  request.timeout = 1min;  // whoever waits for the silent one alone fails by this
  request.attempt_delay = 20ms;
  std::optional<detail::connect_result> result;
  const auto race = detail::connector::start(io.get_executor(), request, [&](auto r) {
    result.emplace(std::move(r));
    for (auto& f : fillers) f.close();
  });
  io.restart();
  io.run();
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->error);
  EXPECT_GE(result->socket.handle(), 0);

  // Only the silent one: the timeout of the whole ends it, and so does cancellation.
  for (const bool cancelled : {false, true}) {
    request.endpoints.resize(1);
    request.timeout = cancelled ? 10s : 100ms;
    result.reset();
    const auto alone = detail::connector::start(io.get_executor(), request,
                                                [&](auto r) { result.emplace(std::move(r)); });
    if (cancelled) alone->cancel();
    io.restart();
    io.run();
    ASSERT_TRUE(result);
    if (cancelled) {
      EXPECT_EQ(result->error, net::error::operation_aborted);
    }
  }
}

// LMTP-02: a port that must not be spoken to fails as a connection does, for all that waits for it.
TEST(asio_network, a_refused_port_ends_all_that_waits) {
  async_client_options options = named_options();
  options.session.protocol = mail_protocol::lmtp;
  for (const bool endpoint : {false, true}) {
    SCOPED_TRACE(endpoint);
    net::io_context io;
    client c(io, options);
    net_error connect;
    net_error mail;
    int ended = 0;
    delivery report;
    c.async_send(mail_to({"r@b.test"}), small_message(), [&](net_error e, delivery d) {
      ++ended;
      mail = e;
      report = std::move(d);
    });
    c.async_drain([&](net_error) { ++ended; });
    const auto told = [&](net_error e) {
      ++ended;
      connect = e;
    };
    if (endpoint) {
      c.async_connect(net::ip::tcp::endpoint(net::ip::address_v6::loopback(), 25), told);
    } else {
      c.async_connect("localhost", 25, told);
    }
    EXPECT_EQ(ended, 0) << "nothing completes inside of what begins it";
    io.run_for(10s);
    EXPECT_EQ(ended, 3);
    EXPECT_EQ(connect, errc::bad_configuration);
    EXPECT_EQ(mail, errc::bad_configuration);
    ASSERT_EQ(report.recipients.size(), 1U);
    EXPECT_EQ(report.recipients[0].result, outcome::not_attempted);
    // It is no worse off than after any connection that failed.
    net_error again;
    c.async_connect("127.0.0.1", 1, [&](net_error e) { again = e; });
    io.restart();
    io.run();
    EXPECT_EQ(again, net::error::connection_refused);
  }
}

TEST(asio_network, connects_again_after_an_end) {
  cli::sink server({});
  server.start();
  net::io_context io;
  client c(io, named_options());
  int delivered = 0;
  std::function<void(int)> round = [&](int left) {
    if (left == 0) return;
    c.async_connect("127.0.0.1", server.port(), [&, left](net_error e) {
      ASSERT_FALSE(e) << e.message();
      c.async_send(mail_to({"r@b.test"}), small_message(),
                   [&](net_error, const delivery& d) { delivered += d.delivered_to_all(); });
      c.async_quit([&, left](net_error error) {
        EXPECT_FALSE(error);
        round(left - 1);
      });
    });
  };
  round(3);
  io.run();
  EXPECT_EQ(delivered, 3);
  EXPECT_EQ(server.totals().connections, 3U);
}

// A name with several addresses: one that does not greet is not the end (RFC 5321 section 5.1).
TEST(asio_network, an_address_that_refuses_is_not_the_end_of_a_name) {
  for (const std::string_view greeting :
       {std::string_view("421 4.3.2 not now"), std::string_view("554 5.3.2 not here"),
        talking_server::hang_up, talking_server::silence}) {
    SCOPED_TRACE(greeting);
    server_pair servers(
        [&](int, std::string_view line) { return std::string(line.empty() ? greeting : ""); },
        [](int, std::string_view) { return std::string(); });
    async_client_options options = named_options();
    if (greeting == talking_server::silence) options.session.timeouts.greeting = 500ms;
    const attempt a = try_one("two.test", servers.port(), options);
    EXPECT_FALSE(a.connect);
    EXPECT_TRUE(a.report.delivered_to_all());
    servers.one->stop();
    EXPECT_EQ(servers.one->connections(), 1);
    EXPECT_EQ(servers.two->connections(), 1);
    // Who refused and stayed is told QUIT (SESS-03, SESS-04).
    EXPECT_EQ(servers.one->count("QUIT"), greeting.starts_with("554") ? 1 : 0);
  }
}

TEST(asio_network, the_last_server_that_refused_tells_why) {
  const auto says = [](const char* greeting) {
    return [greeting](int, std::string_view line) {
      return std::string(line.empty() ? greeting : "");
    };
  };
  {  // Both refuse.
    server_pair servers(says("554 5.3.2 one"), says("450 4.3.2 two"));
    const attempt a = try_one("two.test", servers.port());
    EXPECT_FALSE(a.connect);
    EXPECT_EQ(a.report.recipients.at(0).result, outcome::not_attempted);
    EXPECT_EQ(a.report.recipients.at(0).code, 450);
    for (const auto& server : {&servers.one, &servers.two}) {
      (*server)->stop();
      EXPECT_EQ((*server)->connections(), 1);
      EXPECT_EQ((*server)->count("QUIT"), 1);
    }
  }
  {  // One refuses, nobody is at the other address.
    talking_server only(says("554 5.3.2 one"));
    const attempt a = try_one("two.test", only.port());
    EXPECT_EQ(a.report.recipients.at(0).code, 554);
    only.stop();
    EXPECT_EQ(only.connections(), 1);
    EXPECT_EQ(only.count("QUIT"), 1);
  }
  {  // One refuses, the other one closes.
    server_pair servers(says("554 5.3.2 one"), says(talking_server::hang_up.data()));
    EXPECT_EQ(try_one("two.test", servers.port()).report.recipients.at(0).code, 554);
  }
  {  // Both close: there are no words, and no endless search.
    server_pair servers(says(talking_server::hang_up.data()), says(talking_server::hang_up.data()));
    const attempt a = try_one("two.test", servers.port());
    EXPECT_EQ(a.report.recipients.at(0).result, outcome::not_attempted);
    EXPECT_EQ(a.report.recipients.at(0).stage, verb::greeting);
    EXPECT_EQ(servers.one->connections() + servers.two->connections(), 2);
  }
}

// How many addresses a name has is its owner's choice, and not how many are asked.
TEST(asio_network, five_addresses_of_a_name_may_refuse) {
  talking_server server(
      [](int, std::string_view line) { return std::string(line.empty() ? "450 4.3.2 no" : ""); },
      "0.0.0.0");
  const attempt a = try_one("many.test", server.port());
  EXPECT_EQ(a.report.recipients.at(0).code, 450);
  server.stop();
  EXPECT_EQ(server.connections(), 5);
  EXPECT_EQ(server.count("QUIT"), 5);
}

// Several may be silent at a time, and refuse at a time: the bound is not stepped over.
TEST(asio_network, addresses_that_refuse_together_are_counted) {
  std::atomic<bool> refuse = false;
  std::atomic<int> silent = 0;
  talking_server server(
      [&](int, std::string_view line) {
        if (!line.empty()) return std::string();
        ++silent;
        while (!refuse) std::this_thread::sleep_for(1ms);
        return std::string("450 4.3.2 no");
      },
      "0.0.0.0");
  net::io_context io;
  detail::connect_request request;
  for (unsigned i = 1; i <= 200; ++i) {
    const net::ip::address_v4 address(0x7f000000U + i);
    request.endpoints.push_back(net::ip::tcp::endpoint(address, server.port()));
  }
  request.timeout = request.greeting_timeout = request.quit_timeout = 1min;
  request.greeted = true;
  std::optional<detail::connect_result> result;
  const auto race = detail::connector::start(io.get_executor(), request,
                                             [&](auto r) { result.emplace(std::move(r)); });
  // Without a head start the next attempt is under way before the one before it is there.
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (silent < 8 && std::chrono::steady_clock::now() < end) {
    io.poll_one();
    std::this_thread::sleep_for(1ms);
  }
  refuse = true;  // before anything may fail, since the server's threads wait for it
  EXPECT_GE(silent, 8);
  std::this_thread::sleep_for(50ms);  // the refusals lie there together
  io.restart();
  while (!result) io.run_one();
  result.reset();
  io.restart();
  io.run();
  server.stop();
  EXPECT_LT(server.connections(), 200);  // which are all of them
}

// The user gives up while the first address is silent and others are left.
TEST(asio_network, a_search_for_a_greeting_can_be_given_up) {
  server_pair servers([](int, std::string_view) { return std::string(talking_server::silence); },
                      [](int, std::string_view) { return std::string(); });
  net::io_context io;
  client c(io, named_options());
  net_error connect;
  delivery report;
  c.async_connect("two.test", servers.port(), [&](net_error e) { connect = e; });
  c.async_send(mail_to({"r@b.test"}), small_message(),
               [&](net_error, delivery d) { report = std::move(d); });
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (servers.one->connections() == 0 && std::chrono::steady_clock::now() < end) io.poll();
  ASSERT_EQ(servers.one->connections(), 1);
  c.abort();
  io.restart();
  io.run();
  EXPECT_TRUE(connect);
  EXPECT_EQ(report.recipients.at(0).result, outcome::not_attempted);
  EXPECT_EQ(servers.two->connections(), 0);
}

// Nobody waits for the leave of an address that refused, so that it ends however long QUIT may
// take.
TEST(asio_network, the_leave_of_a_refusing_address_ends) {
  server_pair servers(
      [](int, std::string_view line) {
        return std::string(line.empty() ? "554 no service" : talking_server::silence);
      },
      [](int, std::string_view) { return std::string(); });
  net::io_context io;
  async_client_options options = named_options();
  options.session.timeouts.quit = 0s;
  client c(io, options);
  net_error quit = net::error::would_block;
  c.async_connect("two.test", servers.port(), [](net_error e) { EXPECT_FALSE(e); });
  c.async_quit([&](net_error e) { quit = e; });
  io.run_for(1min);
  EXPECT_TRUE(io.stopped());
  EXPECT_FALSE(quit);
  EXPECT_EQ(servers.one->connections(), 1);
}

// An endpoint has no other address: its user gives the next one.
TEST(asio_network, a_refused_greeting_is_followed_by_the_next_endpoint) {
  for (const std::string_view words : {"554 no service\r\n", "421 busy\r\n", ""}) {
    scripted_server refuses([&](server_link& link) { link.say(words); });
    scripted_server takes([](server_link& link) {
      link.open();
      link.take_mail();
      link.hear();
      link.say("221 bye\r\n");
    });
    net::io_context io;
    client c(io, named_options());
    std::vector<outcome> results;
    for (const std::uint16_t port : {refuses.port(), takes.port()}) {
      const net::ip::tcp::endpoint to(net::ip::address_v4::loopback(), port);
      net_error opened;
      c.async_connect(to, [](net_error e) { EXPECT_FALSE(e); });
      c.async_open([&](net_error e) { opened = e; });
      c.async_send(mail_to({"r@b.test"}), small_message(), [&](net_error, const delivery& d) {
        results.push_back(d.recipients.at(0).result);
      });
      c.async_quit([](net_error) {});
      c.async_wait_closed([](net_error) {});
      io.restart();
      io.run();
      EXPECT_EQ(!opened, port == takes.port()) << words;
    }
    EXPECT_EQ(results, (std::vector{outcome::not_attempted, outcome::delivered})) << words;
  }
}

// A server with Nagle's algorithm on holds back what follows a first reply until that one is
// acknowledged. Each link learns that anew, and only what has more behind it is acknowledged.
template <typename Socket>
void send_to_a_server_that_stalls() {
  constexpr int mails = 3;
  std::array<std::promise<void>, 2UL * mails> half_read;
  auto half = half_read.begin();
  scripted_server::where twice;
  twice.connections = 2;
  scripted_server server(twice, [&, next = half_read.begin()](server_link& link) mutable {
    link.open();
    for (int i = 0; i != mails; ++i) {
      for (int line = 0; line != 3; ++line) link.hear();
      link.say("250 ok\r\n");
      (next++)->get_future().wait();
      std::this_thread::sleep_for(50ms);  // at least as long as a delayed acknowledgement takes
      link.say("250 ok\r\n354 go\r\n");
      link.hear("\r\n.\r\n");
      link.say("250 taken\r\n");
    }
    link.hear();
    link.say("221 bye\r\n");
  });
  async_client_options options = named_options();
  options.trace = [&](const event& e) {
    if (e.what == event::kind::reply_parsed && e.answers == verb::mail) (half++)->set_value();
  };
  net::io_context io;
  async_client<Socket> c(io, std::move(options));
  for (int link = 0; link != 2; ++link) {
    c.async_connect("127.0.0.1", server.port(), [](net_error e) { EXPECT_FALSE(e); });
    for (int i = 0; i != mails; ++i) {
      const int before = quick_acknowledgements;
      bool delivered = false;
      c.async_send(mail_to({"r@b.test"}), small_message(),
                   [&](net_error, const delivery& d) { delivered = d.delivered_to_all(); });
      c.async_drain([&](net_error) { io.stop(); });
      io.restart();
      io.run();
      ASSERT_TRUE(delivered);
      EXPECT_EQ(quick_acknowledgements - before, i == 0 ? 0 : 1) << link << ' ' << i;
    }
    c.async_quit([](net_error e) { EXPECT_FALSE(e); });
    io.restart();
    io.run();
  }
}

TEST(asio_network, acknowledges_at_once_where_a_server_waits_for_it) {
  send_to_a_server_that_stalls<net::ip::tcp::socket>();
  send_to_a_server_that_stalls<net::generic::stream_protocol::socket>();
}

// The handle of a mail of the last link is not one of this link's.
TEST(asio_network, an_old_transaction_does_not_disturb_a_new_one) {
  std::atomic<int> n = 0;
  scripted_server::where twice;
  twice.connections = 2;
  scripted_server server(twice, [&](server_link& link) {
    link.open();
    if (n++ != 0) return static_cast<void>(link.take_mail());
    link.hear("DATA\r\n");
    link.say("250 ok\r\n250 ok\r\n354 go\r\n");
  });
  net::io_context io;
  client c(io, named_options());
  const envelope env = mail_to({"r@b.test"});
  bool delivered = false;
  net::co_spawn(
      io,
      [&]() -> net::awaitable<void> {
        async_transaction kept;
        for (const bool second : {false, true}) {
          co_await c.async_connect("127.0.0.1", server.port(), net::use_awaitable);
          kept = co_await c.async_transaction(env, net::use_awaitable);
          if (!second) {
            const auto lost = net::experimental::as_tuple(net::use_awaitable);
            co_await c.async_wait_closed(lost);
            continue;
          }
          co_await net::async_write(kept, net::buffer(small_content), net::use_awaitable);
          delivered = (co_await kept.async_finish(net::use_awaitable)).delivered_to_all();
        }
      },
      net::detached);
  io.run();
  EXPECT_TRUE(delivered);
}

TEST(asio_network, a_loop_that_goes_while_connecting_leaves_nothing) {
  silent_listener server(0);
  if (!server.fill()) GTEST_SKIP() << "a full queue of connections does not delay any here";
  const std::size_t before = open_files();
  const auto witness = std::make_shared<int>(0);
  for (const bool client_first : {false, true}) {
    net::io_context io;
    auto c = std::make_shared<client>(io, named_options());
    c->async_connect("127.0.0.1", server.port(), [witness, c](net_error) { ADD_FAILURE(); });
    io.run_for(10ms);
    if (client_first) client gone(std::move(*c));
  }
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(open_files(), before);
}

// A coroutine owns its client, or its pool, and waits for it: both go when the loop does.
TEST(asio_network, who_owns_what_it_waits_for_goes_with_the_loop) {
  const std::size_t before = open_files();
  for (const bool pooled : {false, true}) {
    cli::sink::options stalls;
    stalls.stall = cli::sink::stage::rcpt;
    cli::sink server(stalls);
    server.start();
    const auto witness = std::make_shared<int>(0);
    const envelope env = mail_to({"r@b.test"});
    const destination to{"127.0.0.1", server.port()};
    {
      net::io_context io;
      net::co_spawn(
          io,
          [&, witness]() -> net::awaitable<void> {
            const auto kept = witness;
            if (pooled) {
              async_pool pool(co_await net::this_coro::executor);
              co_await pool.async_send(to, env, small_message(), net::use_awaitable);
            } else {
              client c(co_await net::this_coro::executor, named_options());
              co_await c.async_connect("127.0.0.1", server.port(), net::use_awaitable);
              co_await c.async_send(env, small_message(), net::use_awaitable);
            }
            ADD_FAILURE() << "it came to its end";
          },
          net::detached);
      io.run_for(100ms);
      EXPECT_GT(witness.use_count(), 1);
    }
    EXPECT_EQ(witness.use_count(), 1);
  }
  EXPECT_EQ(open_files(), before);
}

// Four threads run the loop; each client has a strand. ThreadSanitizer watches.
TEST(asio_network, strands_and_threads) {
  cli::sink server({});
  server.start();
  net::io_context io;
  std::atomic<int> delivered = 0;
  constexpr int clients = 24;
  constexpr int mails = 10;
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i != clients; ++i) {
    const auto strand = net::make_strand(io);
    all.push_back(std::make_unique<client>(net::any_io_executor(strand), named_options()));
    client& c = *all.back();
    net::post(strand, [&, strand] {
      c.async_connect("127.0.0.1", server.port(), [](net_error e) { EXPECT_FALSE(e); });
      for (int k = 0; k != mails; ++k) {
        // Some handlers live on the pool of threads and not on the strand.
        const auto count = [&](net_error, const delivery& d) { delivered += d.delivered_to_all(); };
        if (k % 2 == 0) {
          c.async_send(mail_to({"r@b.test"}), small_message(), count);
        } else {
          c.async_send(mail_to({"r@b.test"}), small_message(),
                       net::bind_executor(io.get_executor(), count));
        }
      }
      c.async_quit([](net_error e) { EXPECT_FALSE(e); });
    });
  }
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i) threads.emplace_back([&io] { io.run(); });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(delivered, clients * mails);
}

/// A sink in a process of its own, so that both ends have all file descriptors for themselves.
class sink_process {
 public:
  sink_process() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      cli::sink s({});
      const std::uint16_t port = s.port();
      if (::write(ends[1], &port, sizeof port) != sizeof port) ::_exit(1);
      s.run();
      ::_exit(0);
    }
    if (::read(ends[0], &port_, sizeof port_) != sizeof port_) port_ = 0;
    ::close(ends[0]);
    ::close(ends[1]);
  }
  sink_process(const sink_process&) = delete;
  sink_process& operator=(const sink_process&) = delete;
  ~sink_process() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

// One thread, very many sessions at once, one in ten cut at random: each mail has one outcome.
TEST(asio_network, ten_thousand_sessions_at_once) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  constexpr std::size_t wanted = 1000;
#else
  constexpr std::size_t wanted = 10'000;
#endif
  // Each needs a file descriptor; what the system grants is taken.
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  const std::size_t sessions = std::min<std::size_t>(wanted, files.rlim_max - 200);
  ASSERT_GE(sessions, 1000U);
  const sink_process server;
  ASSERT_NE(server.port(), 0);
  net::io_context io(1);
  const auto options = std::make_shared<const async_client_options>(named_options());
  struct one {
    one(net::io_context& context, std::shared_ptr<const async_client_options> o)
        : smtp(context, std::move(o)), cut(context) {}
    client smtp;
    net::steady_timer cut;
    int told = 0;
    outcome result = outcome::pending;
    bool to_be_cut = false;
  };
  std::mt19937 random(4711);
  std::vector<std::unique_ptr<one>> all;
  std::size_t opened = 0;
  std::size_t ended = 0;
  std::size_t most_open = 0;
  std::size_t open = 0;
  const auto send_all = [&] {
    // All are there now; the mails begin.
    for (auto& o : all) {
      o->smtp.async_send(mail_to({"r@b.test"}), small_message(),
                         [&, raw = o.get()](net_error, const delivery& d) {
                           ++raw->told;
                           if (!d.recipients.empty()) raw->result = d.recipients[0].result;
                         });
      o->smtp.async_quit([](net_error) {});
      o->to_be_cut = random() % 10 == 0;
      if (!o->to_be_cut) continue;
      o->cut.expires_after(std::chrono::microseconds(random() % 2'000'000));
      o->cut.async_wait([raw = o.get()](net_error) {
        if (raw->smtp.connected()) {
          ::shutdown(raw->smtp.next_layer().native_handle(), SHUT_RDWR);
        }
      });
    }
  };
  const auto one_less = [&] {
    if (++opened == sessions) send_all();
  };
  // Connections are made some at a time, since a listener's queue is short.
  std::function<void()> connect_next = [&] {
    if (all.size() == sessions) return;
    one& o = *all.emplace_back(std::make_unique<one>(io, options));
    o.smtp.async_connect("127.0.0.1", server.port(), [&](net_error) { connect_next(); });
    o.smtp.async_open([&](net_error e) {
      EXPECT_FALSE(e) << e.message();
      most_open = std::max(most_open, ++open);
      one_less();
    });
    o.smtp.async_wait_closed([&](net_error) {
      --open;
      ++ended;
    });
  };
  for (int i = 0; i != 64; ++i) connect_next();
  io.run();
  EXPECT_EQ(most_open, sessions);
  EXPECT_EQ(ended, sessions);
  std::size_t delivered = 0;
  for (const auto& o : all) {
    EXPECT_EQ(o->told, 1);
    EXPECT_NE(o->result, outcome::pending);
    delivered += o->result == outcome::delivered;
    if (!o->to_be_cut) {
      EXPECT_EQ(o->result, outcome::delivered);
    }
  }
  EXPECT_GE(delivered, sessions * 9 / 10 - sessions / 50);
  RecordProperty("delivered", static_cast<int>(delivered));
}

}  // namespace
}  // namespace sansmtp::test

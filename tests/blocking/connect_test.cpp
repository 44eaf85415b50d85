// From an address to a link: NET-01, NET-02, SESS-14, SESS-15.
#include <gtest/gtest.h>
#include <netdb.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "sansmtp/blocking/resolver_category.hpp"
#include "sansmtp/blocking/send_mail.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "scripted_server.hpp"
#include "silent_listener.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

std::string peer_of(const server_link& link) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getpeername(link.fd(), reinterpret_cast<sockaddr*>(&address), &size);
  std::array<char, INET_ADDRSTRLEN> text{};
  return ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
}

std::string free_address() {
  const silent_listener gone(1);
  return gone.address();
}

// NET-02
TEST(connect, binds_a_local_address) {
  std::string seen;
  scripted_server server([&](server_link& link) {
    seen = peer_of(link);
    link.open();
  });
  client_options options = named_options();
  options.local_address = "127.0.0.2";
  client c(options);
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_FALSE(c.open());
  server.join();
  EXPECT_EQ(seen, "127.0.0.2");
}

// NET-02
TEST(connect, refuses_another_family_before_connecting) {
  const silent_listener server(4);
  client_options options = named_options();
  options.local_address = "::1";
  client c(options);
  EXPECT_EQ(c.connect(server.address()), std::errc::address_family_not_supported);
  EXPECT_FALSE(server.has_connection());
  EXPECT_FALSE(c.connected());
  EXPECT_EQ(c.last_error().error, std::errc::address_family_not_supported);
  EXPECT_EQ(c.last_error().server, server.address());
}

// NET-02
TEST(connect, refuses_to_bind_an_ip_for_a_unix_socket) {
  client_options options = named_options();
  options.local_address = "127.0.0.1";
  EXPECT_EQ(client(options).connect("unix:/nowhere"), std::errc::address_family_not_supported);
}

// NET-02
TEST(connect, tells_of_a_local_address_that_is_none) {
  const silent_listener server(4);
  client_options options = named_options();
  options.local_address = "mx.test";
  EXPECT_EQ(client(options).connect(server.address()), std::errc::invalid_argument);
  options.local_address = "192.0.2.77";  // not of this host
  EXPECT_EQ(client(options).connect(server.address()), std::errc::address_not_available);
  EXPECT_FALSE(server.has_connection());
}

TEST(connect, tells_of_a_refused_connection) {
  const std::string address = free_address();
  client c(named_options());
  EXPECT_EQ(c.connect(address), std::errc::connection_refused);
  EXPECT_EQ(c.last_error().server, address);
  EXPECT_EQ(c.last_error().category, failure_category::connection_lost);
  EXPECT_EQ(to_string(c.last_error()), address + ": Connection refused");
}

TEST(connect, tells_of_an_unknown_host) {
  // A label of 64 octets cannot be asked for, so that no name server is.
  const std::string name = std::string(64, 'a') + ".test";
  client c(named_options());
  const std::error_code error = c.connect(name);
  EXPECT_EQ(error.category(), blocking::resolver_category()) << error.message();
  EXPECT_EQ(c.last_error().server, name + ":25");
  EXPECT_FALSE(to_string(c.last_error()).empty());
}

TEST(connect, tells_of_an_address_that_cannot_be_read) {
  EXPECT_EQ(client(named_options()).connect("mx:port"), std::errc::invalid_argument);
  EXPECT_EQ(client(named_options()).connect(""), std::errc::invalid_argument);
  EXPECT_EQ(client(named_options()).connect("unix:/" + std::string(200, 'x')),
            std::errc::filename_too_long);
  EXPECT_EQ(client(named_options()).connect("unix:/no/such/socket"),
            std::errc::no_such_file_or_directory);
}

TEST(connect, gives_up_after_the_connect_timeout) {
  silent_listener server(0);
  if (!server.fill()) GTEST_SKIP() << "a full queue does not delay connections here";
  client_options options = named_options();
  options.connect_timeout = milliseconds(150);
  client c(options);
  const milliseconds taken =
      time_of([&] { EXPECT_EQ(c.connect(server.address()), std::errc::timed_out); });
  EXPECT_GE(taken, milliseconds(150));
  EXPECT_EQ(c.last_error().category, failure_category::timeout);
}

TEST(connect, tries_each_address) {
  // Where localhost has two addresses, only one of them listens.
  scripted_server server([](server_link& link) { link.open(); });
  client c(named_options());
  EXPECT_FALSE(c.connect("localhost:" + std::to_string(server.port())));
  EXPECT_FALSE(c.open());
  EXPECT_EQ(c.server(), server.address());
}

TEST(connect, speaks_over_ipv6) {
  try {
    scripted_server server({.address = "::1"}, [](server_link& link) { link.open(); });
    client c(named_options());
    EXPECT_FALSE(c.connect(server.address()));
    EXPECT_FALSE(c.open());
    EXPECT_EQ(c.server(), server.address());
  } catch (const std::runtime_error& e) {
    GTEST_SKIP() << e.what();
  }
}

TEST(connect, speaks_over_a_unix_socket) {
  const std::string path = ::testing::TempDir() + "sansmtp-" + std::to_string(::getpid());
  std::string content;
  scripted_server server({.address = path}, [&](server_link& link) {
    link.open();
    content = link.take_mail();
  });
  client c(named_options());
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  EXPECT_EQ(c.server().substr(0, 5), "unix:");
  server.join();
  EXPECT_EQ(content, std::string(small_content) + ".\r\n");
}

TEST(connect, adopts_a_connected_socket) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  std::string content;
  std::thread server([&] {
    server_link link(pair[1]);
    link.open();
    content = link.take_mail();
  });
  // A non-blocking one is made blocking.
  ::fcntl(pair[0], F_SETFL, O_NONBLOCK);
  {
    client c(named_options());
    EXPECT_FALSE(c.adopt(pair[0]));
    EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  }
  EXPECT_EQ(::fcntl(pair[0], F_GETFL), -1) << "not closed";
  server.join();
  EXPECT_EQ(content, std::string(small_content) + ".\r\n");
}

TEST(connect, leaves_what_it_cannot_adopt) {
  client c(named_options());
  const int unconnected = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(c.adopt(unconnected), std::errc::not_connected);
  EXPECT_EQ(::close(unconnected), 0) << "still the caller's";
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(::pipe(pipe_ends.data()), 0);
  EXPECT_EQ(c.adopt(pipe_ends[0]), std::errc::not_a_socket);
  EXPECT_EQ(::close(pipe_ends[0]), 0) << "still the caller's";
  ::close(pipe_ends[1]);
  EXPECT_EQ(c.adopt(-1), std::errc::bad_file_descriptor);
  EXPECT_FALSE(c.connected());
}

// SESS-14, SESS-15
TEST(connect, tells_the_session_its_own_name) {
  std::string hello;
  scripted_server server([&](server_link& link) {
    link.say("220 mx.test\r\n");
    hello = link.hear();
    link.say("250 mx.test\r\n");
  });
  client c;
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_FALSE(c.open());
  server.join();
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  const std::string host = name.data();
  const bool usable = is_domain(host) && host.find('.') != std::string::npos;
  EXPECT_EQ(hello, "EHLO " + (usable ? host : std::string("[127.0.0.1]")) + "\r\n");
}

TEST(connect, refuses_a_configuration_that_cannot_be_followed) {
  const silent_listener server(4);
  client_options options = named_options();
  options.session.tls = tls_mode::opportunistic;  // this transport has no TLS
  EXPECT_EQ(client(options).connect(server.address()), errc::bad_configuration);
  options = named_options();
  options.session.local_name = "b\r\n";
  EXPECT_EQ(client(options).connect(server.address()), errc::bad_argument);
  EXPECT_FALSE(server.has_connection());
}

// Whoever calls after that is told of TLS, and not of a lost connection.
TEST(connect, mails_are_told_that_tls_cannot_be_had) {  // TLS-13, ERR-01
  const silent_listener server(4);
  const auto broken = [](const tls_target&) {
    auto layer = std::make_unique<script::memory_layer>();
    layer->feed(as_bytes("no record"));
    static_cast<void>(layer->handshake());
    return layer;
  };
  const auto none = [](const tls_target&) { return nullptr; };
  for (const tls_factory& make : {tls_factory(broken), tls_factory(none)}) {
    client_options options = named_options();
    options.session.tls = tls_mode::required;
    options.tls = make;
    client c(options);
    const std::error_code error = c.connect(server.address());
    EXPECT_TRUE(error);
    EXPECT_EQ(c.last_error().error, error);
    EXPECT_EQ(c.last_error().stage, verb::handshake);
    EXPECT_EQ(c.last_error().category, failure_category::tls);
    const delivery report = c.send(mail_to({"r@b.test"}), small_message());
    EXPECT_EQ(report.error, error);
    ASSERT_EQ(report.recipients.size(), 1U);
    EXPECT_EQ(report.recipients[0].result, outcome::not_attempted);
    EXPECT_EQ(report.recipients[0].why, errc::tls_failed);
    EXPECT_EQ(report.recipients[0].stage, verb::handshake);
    EXPECT_FALSE(c.can_send());
  }
}

TEST(connect, begins_anew_after_a_lost_link) {
  scripted_server server({.connections = 2}, [n = 0](server_link& link) mutable {
    if (n++ == 0) return;
    link.open();
    link.take_mail();
  });
  client c(named_options());
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_EQ(c.open(), errc::connection_lost);
  EXPECT_FALSE(c.connected());
  EXPECT_FALSE(c.connect(server.address()));
  EXPECT_FALSE(c.last_error());
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
}

TEST(connect, reports_each_recipient_also_without_a_connection) {
  const std::string address = free_address();
  client c(named_options());
  const delivery never = c.send(mail_to({"r@b.test"}), small_message());
  EXPECT_EQ(never.error, std::errc::not_connected);
  EXPECT_EQ(never.count(outcome::not_attempted), 1U);

  const delivery report = blocking::send_mail(address, mail_to({"r1@b.test", "r2@b.test"}),
                                              small_message(), named_options());
  EXPECT_EQ(report.error, std::errc::connection_refused);
  ASSERT_EQ(report.recipients.size(), 2U);
  EXPECT_EQ(report.recipients[1].address, "r2@b.test");
  EXPECT_EQ(report.count(outcome::not_attempted), 2U);

  EXPECT_EQ(c.noop().error, std::errc::not_connected);
  EXPECT_EQ(c.open(), std::errc::not_connected);
  EXPECT_EQ(c.quit(), std::errc::not_connected);
  blocking::writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
  EXPECT_FALSE(w.wants_content());
  EXPECT_EQ(w.error(), std::errc::not_connected);
  EXPECT_EQ(w.finish().count(outcome::not_attempted), 1U);
}

}  // namespace

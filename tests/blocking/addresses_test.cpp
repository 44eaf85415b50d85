// A server with several addresses: which are tried, in which order, and when the next one is
// (RFC 8305; RFC 5321 section 5.1).
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.hpp"
#include "resolver.hpp"
#include "sansmtp/blocking/send_mail.hpp"
#include "scripted_server.hpp"

namespace {

// What this thread knows of "many.test", and the addresses it tried to connect to, without port.
struct name_service {
  std::vector<std::string> addresses;
  std::vector<std::string> attempts;
};
thread_local name_service names;

template <typename Function>
Function* next_one(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// These stand before the C library's, so that the transport calls them.
extern "C" {

int getaddrinfo(const char* host, const char* port, const addrinfo* hints, addrinfo** result) {
  if (host == nullptr || std::string_view(host) != "many.test") {
    return sansmtp::test::next_getaddrinfo(host, port, hints, result);
  }
  return sansmtp::test::resolve_as(names.addresses, port, hints, result);
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  static auto* const next = next_one<int(int, const sockaddr*, socklen_t)>("connect");
  std::array<char, NI_MAXHOST> host{};
  if (address->sa_family != AF_UNIX &&
      ::getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
    names.attempts.emplace_back(host.data());
  }
  return next(fd, address, size);
}

}  // extern "C"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

// So long that no test waits for it.
constexpr auto never = std::chrono::hours(24);

// Listens on some loopback addresses, all with the same port. On a silent one the queue is full, so
// that connections hang; where nothing listens they are refused.
class host {
 public:
  using script = scripted_server::script;

  /// Getter: the name with the port.
  [[nodiscard]] std::string name() const { return "many.test:" + std::to_string(port_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Lets connections to `address` hang. False if that cannot be done here.
  bool be_silent(const std::string& address) {
    const int listening = listen_at(address, 0);
    for (int i = 0; i != 8; ++i) {
      const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      sockets_.emplace_back(filler);
      sockaddr_in at = at_address(address);
      ::connect(filler, reinterpret_cast<sockaddr*>(&at), sizeof at);
      pollfd entry{filler, POLLOUT, 0};
      if (::poll(&entry, 1, 100) == 0) return true;
    }
    static_cast<void>(listening);
    return false;
  }

  /// Plays `s` for one connection to `address`.
  void serve(const std::string& address, script s) {
    const int listening = listen_at(address, 4);
    threads_.emplace_back([listening, s = std::move(s)] {
      pollfd entry{listening, POLLIN, 0};
      if (::poll(&entry, 1, 5000) <= 0) return;
      server_link link(::accept(listening, nullptr, nullptr));
      s(link);
    });
  }

  void join() {
    for (std::thread& t : threads_) t.join();
    threads_.clear();
  }

  host() = default;
  host(const host&) = delete;
  host& operator=(const host&) = delete;
  ~host() { join(); }

 private:
  [[nodiscard]] sockaddr_in at_address(const std::string& address) const {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port_);
    ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
    return at;
  }

  int listen_at(const std::string& address, int backlog) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockets_.emplace_back(fd);
    sockaddr_in at = at_address(address);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&at), size), 0) << std::strerror(errno);
    EXPECT_EQ(::listen(fd, backlog), 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    return fd;
  }

  std::uint16_t port_ = 0;  // once there is one
  std::vector<blocking::descriptor> sockets_;
  std::vector<std::thread> threads_;
};

class addresses : public ::testing::Test {
 protected:
  addresses() { names = {}; }
  ~addresses() override { names = {}; }

  static void resolve_to(std::vector<std::string> list) { names.addresses = std::move(list); }
  static const std::vector<std::string>& attempts() { return names.attempts; }

  static client_options options() {
    client_options o = named_options();
    o.attempt_delay = never;
    o.session.timeouts.greeting = std::chrono::seconds(20);
    return o;
  }
};

void take_one_mail(server_link& link) {
  // One command after the other, since not all levels of pipelining are offered.
  for (const char* reply : {"250 ok\r\n", "250 ok\r\n", "354 go\r\n"}) {
    link.hear();
    link.say(reply);
  }
  link.hear("\r\n.\r\n");
  link.say("250 taken\r\n");
  link.hear();
  link.say("221 bye\r\n");
}

void take_one(server_link& link) {
  link.open();
  take_one_mail(link);
}

// -- connecting -----------------------------------------------------------------------------------

// What is refused needs no head start.
TEST_F(addresses, a_refusal_leads_on_at_once) {
  host h;
  h.serve("127.0.0.3", take_one);
  resolve_to({"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"});
  const delivery report =
      blocking::send_mail(h.name(), mail_to({"r@b.test"}), small_message(), options());
  EXPECT_TRUE(report.delivered_to_all());
  EXPECT_EQ(attempts(), (std::vector<std::string>{"127.0.0.1", "127.0.0.2", "127.0.0.3"}));
}

// Whoever has looked the addresses up says which they are, and no name is asked for.
TEST_F(addresses, those_that_are_known_are_tried_as_they_are) {
  host h;
  h.serve("127.0.0.2", take_one);
  resolve_to({"127.0.0.2"});
  const blocking::server_address server{"many.test", h.port()};
  client c(options());
  EXPECT_EQ(c.connect(server, {}), std::errc::invalid_argument);
  EXPECT_TRUE(c.connect(server, {{"other.test", h.port()}}));  // no numeric one
  EXPECT_TRUE(attempts().empty());
  ASSERT_FALSE(c.connect(server, {{"127.0.0.3", h.port()}, {"127.0.0.2", h.port()}}));
  EXPECT_EQ(attempts(), (std::vector<std::string>{"127.0.0.3", "127.0.0.2"}));
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  EXPECT_FALSE(c.quit());

  client_options o = options();
  o.local_address = "::1";  // NET-02
  EXPECT_EQ(client(o).connect(server, {{"127.0.0.2", h.port()}}),
            std::errc::address_family_not_supported);
}

TEST_F(addresses, a_silent_one_does_not_hold_up_the_next) {
  host h;
  if (!h.be_silent("127.0.0.1")) GTEST_SKIP() << "a full queue does not delay connections here";
  h.serve("127.0.0.2", take_one);
  resolve_to({"127.0.0.1", "127.0.0.2"});
  client_options o = options();
  o.attempt_delay = milliseconds(1);
  o.connect_timeout = milliseconds(0);
  client c(o);
  names.attempts.clear();
  ASSERT_FALSE(c.connect(h.name()));
  EXPECT_EQ(c.server(), "127.0.0.2:" + std::to_string(h.port()));
  EXPECT_EQ(attempts(), (std::vector<std::string>{"127.0.0.1", "127.0.0.2"}));
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  EXPECT_FALSE(c.quit());
}

// The one before has the field to itself for so long.
TEST_F(addresses, each_has_its_head_start) {
  host h;
  if (!h.be_silent("127.0.0.1")) GTEST_SKIP() << "a full queue does not delay connections here";
  h.serve("127.0.0.2", take_one);
  resolve_to({"127.0.0.1", "127.0.0.2"});
  client_options o = options();
  o.attempt_delay = milliseconds(120);
  client c(o);
  EXPECT_GE(time_of([&] { EXPECT_FALSE(c.connect(h.name())); }), milliseconds(120));
  EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
  EXPECT_FALSE(c.quit());
}

// The timeout is for all of them, not for each.
TEST_F(addresses, the_connect_timeout_is_for_all) {
  host h;
  if (!h.be_silent("127.0.0.1")) GTEST_SKIP() << "a full queue does not delay connections here";
  ASSERT_TRUE(h.be_silent("127.0.0.2"));
  resolve_to({"127.0.0.1", "127.0.0.2"});
  client_options o = options();
  o.connect_timeout = milliseconds(50);
  client c(o);
  names.attempts.clear();
  EXPECT_EQ(c.connect(h.name()), std::errc::timed_out);
  EXPECT_EQ(attempts(), (std::vector<std::string>{"127.0.0.1"})) << "the second had no turn";
  EXPECT_EQ(c.last_error().category, failure_category::timeout);
  EXPECT_EQ(c.last_error().server, "127.0.0.1:" + std::to_string(h.port()));
}

TEST_F(addresses, the_families_come_by_turns) {
  resolve_to({"::1", "::1", "127.0.0.1", "127.0.0.2", "127.0.0.3"});
  client c(options());
  EXPECT_TRUE(c.connect("many.test:1"));
  EXPECT_EQ(attempts(),
            (std::vector<std::string>{"::1", "127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"}));
}

// NET-02
TEST_F(addresses, only_those_of_the_family_to_be_bound) {
  resolve_to({"::1", "127.0.0.1", "::2", "127.0.0.2"});
  client_options o = options();
  o.local_address = "127.0.0.9";
  EXPECT_EQ(client(o).connect("many.test:1"), std::errc::connection_refused);
  EXPECT_EQ(attempts(), (std::vector<std::string>{"127.0.0.1", "127.0.0.2"}));
}

// -- greetings ------------------------------------------------------------------------------------

using greeting = std::pair<const char*, std::string_view>;

class greetings : public addresses, public ::testing::WithParamInterface<greeting> {
 protected:
  // Says the greeting of the test and waits for the client to go.
  scripted_server::script refusal(std::string& heard) {
    return [&heard, words = GetParam().second](server_link& link) {
      link.say(words);
      ::shutdown(link.fd(), SHUT_WR);
      heard = link.hear_all();
    };
  }
};

TEST_P(greetings, that_are_none_lead_on_to_the_next_address) {
  for (const bool opened : {true, false}) {
    names = {};
    std::string heard;
    host h;
    h.serve("127.0.0.1", refusal(heard));
    h.serve("127.0.0.2", take_one);
    resolve_to({"127.0.0.1", "127.0.0.2", "127.0.0.3"});
    client c(options());
    ASSERT_FALSE(c.connect(h.name()));
    if (opened) {
      EXPECT_FALSE(c.open());
    }
    EXPECT_TRUE(c.send(mail_to({"r@b.test"}), small_message()).delivered_to_all());
    EXPECT_EQ(c.server(), "127.0.0.2:" + std::to_string(h.port()));
    EXPECT_FALSE(c.last_error()) << to_string(c.last_error());
    EXPECT_FALSE(c.quit());
    EXPECT_EQ(attempts(), (std::vector<std::string>{"127.0.0.1", "127.0.0.2"}));
    h.join();
    EXPECT_EQ(heard, GetParam().second.empty() ? "" : "QUIT\r\n");
  }
}

// What was said before the session opened is said to the one that greets.
TEST_P(greetings, are_waited_for_by_a_login_and_a_transaction) {
  std::string heard;
  std::string login;
  host h;
  h.serve("127.0.0.1", refusal(heard));
  h.serve("127.0.0.2", [&](server_link& link) {
    link.open("250-mx.test\r\n250 AUTH PLAIN\r\n");
    login = link.hear();
    link.say("235 2.7.0 welcome\r\n");
    take_one_mail(link);
  });
  resolve_to({"127.0.0.1", "127.0.0.2"});
  client_options o = options();
  o.session.allow_auth_cleartext = true;
  client c(o);
  ASSERT_FALSE(c.connect(h.name()));
  std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
  mechanisms.push_back(make_plain("joe", "secret"));
  EXPECT_FALSE(c.authenticate(std::move(mechanisms)));
  blocking::writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
  w.write(as_bytes(small_content));
  EXPECT_TRUE(w.finish().delivered_to_all());
  EXPECT_FALSE(c.quit());
  h.join();
  EXPECT_EQ(login, "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
}

TEST_P(greetings, are_waited_for_by_a_transaction_and_a_command) {
  for (const bool command : {true, false}) {
    names = {};
    std::string heard;
    host h;
    h.serve("127.0.0.1", refusal(heard));
    h.serve("127.0.0.2", [&](server_link& link) {
      link.open();
      if (command) {
        link.hear();
        link.say("250 ok\r\n");
      }
      take_one_mail(link);
    });
    resolve_to({"127.0.0.1", "127.0.0.2"});
    client c(options());
    ASSERT_FALSE(c.connect(h.name()));
    if (command) {
      EXPECT_FALSE(c.noop().error);
    }
    blocking::writer w = c.transaction(path("s@a.test"), {recipient("r@b.test")});
    w.write(as_bytes(small_content));
    EXPECT_TRUE(w.finish().delivered_to_all());
    EXPECT_FALSE(c.quit());
  }
}

INSTANTIATE_TEST_SUITE_P(addresses, greetings,
                         ::testing::Values(greeting("busy", "421 4.3.2 too busy\r\n"),
                                           greeting("refused", "554 5.3.2 no smtp here\r\n"),
                                           greeting("nothing", "")),
                         [](const auto& tested) { return std::string(tested.param.first); });

// The first one says why, the second only closes, the third is not there.
TEST_F(addresses, the_refusal_that_tells_most_is_told) {
  for (const bool opened : {true, false}) {
    host h;
    h.serve("127.0.0.1", [](server_link& link) {
      link.say("554 5.3.2 no smtp here\r\n");
      link.hear();
    });
    h.serve("127.0.0.2", [](server_link&) {});
    resolve_to({"127.0.0.1", "127.0.0.2", "127.0.0.3"});
    client c(options());
    ASSERT_FALSE(c.connect(h.name()));
    if (opened) {
      EXPECT_EQ(c.open(), errc::refused_permanently);
    }
    const delivery report = c.send(mail_to({"r@b.test"}), small_message());
    EXPECT_EQ(report.error, errc::refused_permanently);
    EXPECT_EQ(report.recipients.at(0).result, outcome::not_attempted);
    EXPECT_EQ(report.recipients.at(0).stage, verb::greeting);
    EXPECT_EQ(report.recipients.at(0).code, 554);
    EXPECT_EQ(c.last_error().code, 554);
    EXPECT_EQ(c.last_error().server, "127.0.0.1:" + std::to_string(h.port()));
    EXPECT_FALSE(c.connected());
  }
}

TEST_F(addresses, no_more_than_five_are_asked) {
  host h;
  std::vector<std::string> all;
  int asked = 0;
  for (int i = 1; i != 8; ++i) {
    all.push_back("127.0.0." + std::to_string(i));
    if (i > 5) continue;
    h.serve(all.back(), [&asked](server_link& link) {
      ++asked;
      link.say("421 4.3.2 too busy\r\n");
      link.hear_all();
    });
  }
  resolve_to(all);
  client c(options());
  ASSERT_FALSE(c.connect(h.name()));
  EXPECT_EQ(c.open(), errc::service_closing);
  h.join();
  EXPECT_EQ(asked, 5);
  EXPECT_EQ(attempts().size(), 5U);
}

// A login that fails is no reason to try it elsewhere.
TEST_F(addresses, only_the_greeting_leads_on) {
  host h;
  h.serve("127.0.0.1", [](server_link& link) {
    link.say("220 mx.test\r\n");
    link.hear();
    link.say("550 go away\r\n");
    link.hear();
  });
  resolve_to({"127.0.0.1", "127.0.0.2"});
  client c(options());
  ASSERT_FALSE(c.connect(h.name()));
  EXPECT_EQ(c.open(), errc::refused_permanently);
  EXPECT_EQ(attempts().size(), 1U);
}

}  // namespace

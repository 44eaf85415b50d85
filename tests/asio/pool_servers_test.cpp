// The pool and servers that do what the RFC does not expect: what is moved, what is given up, and
// what is demanded all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "pool_fixture.hpp"
#include "resolver.hpp"
#include "sansmtp/sasl.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "talking_server.hpp"

namespace {

// How many addresses the names have that only the resolver of this program knows: 127.0.0.1 and so
// on, in this order; those of turns.test begin with another one each time.
std::size_t addresses_of(std::string_view name) {
  if (name == "many.test") return 20;
  return name == "two.test" || name == "turns.test" ? 2 : 0;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using namespace sansmtp::test;
  static std::atomic<std::size_t> turn = 0;
  const std::string_view name = node == nullptr ? "" : node;
  const std::size_t n = addresses_of(name);
  if (n == 0) return next_getaddrinfo(node, service, hints, result);
  const std::size_t first = name == "turns.test" ? turn++ : 0;
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i != n; ++i) {
    addresses.push_back("127.0.0." + std::to_string(1 + (first + i) % n));
  }
  return resolve_as(addresses, service, hints, result);
}

namespace sansmtp::test {
namespace {

using namespace std::chrono_literals;

constexpr pipelining_level levels[] = {pipelining_level::off, pipelining_level::envelope,
                                       pipelining_level::messages};

constexpr std::string_view names[] = {"off", "envelope", "messages", "stream"};

class asio_pool_servers : public asio_pool {
 protected:
  /// Each report has what belongs to it: nothing is lost, nothing told twice (`run` sees to it).
  void expect_all(outcome o, std::size_t n) {
    EXPECT_EQ(count(o), n);
    EXPECT_EQ(told_.size(), n);
  }

  /// All is told, and delivered; then the server's notes may be looked at.
  void end_delivered(talking_server& server, std::size_t n) {
    close_and_run();
    server.stop();
    expect_all(outcome::delivered, n);
  }

  void poll_until(const std::function<bool()>& there) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!there()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      io_.restart();
      if (io_.poll() == 0) std::this_thread::yield();
    }
  }
};

pool_options with_tls(pool_options options, tls_mode mode) {
  options.client.session.tls = mode;
  options.client.tls = [](const tls_target&) { return std::make_unique<script::memory_layer>(); };
  return options;
}

std::string ehlo_with(std::string_view extensions) {
  return "250-mx.test\r\n250-PIPELINING\r\n250 " + std::string(extensions);
}

// -- all or nobody (POOL-01) ----------------------------------------------------------------------

TEST_F(asio_pool_servers, a_mail_for_all_or_nobody_is_not_sent_to_the_others) {
  for (const pipelining_level level : levels) {
    for (const bool cut : {false, true}) {
      SCOPED_TRACE(std::string(names[static_cast<int>(level)]) + (cut ? ", cut" : ""));
      talking_server server([cut](int, std::string_view line) -> std::string {
        if (line == "RCPT TO:<bad@b.test>") return "550 5.1.1 no such user";
        if (cut && line == "RCPT TO:<last@b.test>") return std::string(talking_server::hang_up);
        return {};
      });
      pool_options options = named_pool(2);
      options.client.session.require_all_recipients = true;
      options.client.session.pipelining = level;
      start(std::move(options));
      const told& mail = send(server.port(), {"first@b.test", "bad@b.test", "last@b.test"});
      close_and_run();
      server.stop();
      EXPECT_EQ(server.taken(), 0);
      ASSERT_EQ(mail.report.recipients.size(), 3U);
      EXPECT_EQ(mail.report.recipients[1].code, 550);
      EXPECT_EQ(mail.report.count(outcome::delivered), 0U);
      EXPECT_EQ(server.count("RCPT TO:<first"), 1);
    }
  }
}

TEST_F(asio_pool_servers, a_mail_for_all_or_nobody_moves_whole) {
  talking_server server([](int connection, std::string_view line) -> std::string {
    if (connection == 0 && line.starts_with("RCPT TO:<b@")) return "421 4.3.2 restart";
    return {};
  });
  pool_options options = named_pool(1);
  options.client.session.require_all_recipients = true;
  start(std::move(options));
  const told& mail = send(server.port(), {"a@b.test", "b@b.test", "c@b.test"});
  close_and_run();
  server.stop();
  EXPECT_TRUE(mail.report.delivered_to_all());
  EXPECT_EQ(server.count("RCPT TO:<a@"), 2);
  EXPECT_EQ(server.taken(), 1);
}

// -- TLS that is optional (POOL-02) ---------------------------------------------------------------

TEST_F(asio_pool_servers, a_failed_handshake_costs_one_mail_its_tls) {
  talking_server server([](int connection, std::string_view line) -> std::string {
    if (line.starts_with("EHLO")) return ehlo_with("STARTTLS");
    if (line == "handshake" && connection == 0) return std::string(talking_server::hang_up);
    return line == "STARTTLS" ? "220 go" : "";
  });
  start(with_tls(named_pool(3), tls_mode::opportunistic));
  for (int i = 0; i != 30; ++i) send(server.port());
  close_and_run();
  server.stop();
  expect_all(outcome::delivered, 30);
  EXPECT_LE(server.taken_in_clear(), 1);
}

// A server whose TLS never works gets its mails, and TLS is tried again and again, but less often.
TEST_F(asio_pool_servers, where_no_handshake_works_mails_go_in_clear_text) {
  talking_server server([](int, std::string_view line) -> std::string {
    if (line.starts_with("EHLO")) return ehlo_with("STARTTLS");
    if (line == "STARTTLS") return "220 go";
    return std::string(line == "handshake" ? talking_server::hang_up : "");
  });
  start(with_tls(named_pool(1), tls_mode::opportunistic));
  for (int i = 0; i != 10; ++i) send(server.port());
  close_and_run();
  server.stop();
  expect_all(outcome::delivered, 10);
  EXPECT_EQ(server.taken_in_clear(), 10);
  EXPECT_EQ(server.count("STARTTLS"), 4);  // before 1, 2, 3 and 4 mails
}

// The mail was taken back for which a connection in clear text was due: the next one tries TLS.
TEST_F(asio_pool_servers, clear_text_that_nobody_needs_is_not_kept_for_the_next_mail) {
  std::atomic<bool> in_content = false;
  std::atomic<bool> in_handshake = false;
  std::atomic<bool> cut = false;
  std::atomic<bool> answered = false;
  const auto hold = [](std::atomic<bool>& here, const std::atomic<bool>& until) {
    here = true;
    while (!until) std::this_thread::yield();
  };
  talking_server server([&](int connection, std::string_view line) -> std::string {
    if (line == "." && connection == 0) hold(in_content, answered);
    if (line == "handshake" && connection == 1) {
      hold(in_handshake, cut);
      return std::string(talking_server::hang_up);
    }
    if (line.starts_with("EHLO")) return ehlo_with("STARTTLS");
    return line == "STARTTLS" ? "220 go" : "";
  });
  pool_options options = with_tls(named_pool(2), tls_mode::opportunistic);
  options.client.session.pipelining = pipelining_level::envelope;  // a mail at a time
  start(std::move(options));
  send(server.port());
  net::cancellation_signal signal;
  const told& taken_back = send(server.port(), {"r@b.test"}, &signal);
  poll_until([&] { return in_content && in_handshake; });
  signal.emit(net::cancellation_type::total);
  cut = true;
  poll_until([&] { return taken_back.times != 0 && pool_->status().connections == 1; });
  const told& next = send(server.port());
  poll_until([&] { return next.times != 0; });
  answered = true;
  close_and_run();
  server.stop();
  EXPECT_EQ(count(outcome::delivered), 2U);
  EXPECT_EQ(server.taken(), 2);
  EXPECT_EQ(server.taken_in_clear(), 0);
  EXPECT_EQ(server.count("STARTTLS"), 3);
}

// The same where that connection is being made already.
TEST_F(asio_pool_servers, a_connection_in_clear_text_that_nobody_needs_is_closed) {
  std::atomic<bool> in_clear = false;
  std::atomic<bool> greeted = false;
  talking_server server([&](int connection, std::string_view line) -> std::string {
    if (line.empty() && connection == 1) {
      in_clear = true;
      while (!greeted) std::this_thread::yield();
    }
    if (line == "handshake" && connection == 0) return std::string(talking_server::hang_up);
    if (line.starts_with("EHLO")) return ehlo_with("STARTTLS");
    return line == "STARTTLS" ? "220 go" : "";
  });
  start(with_tls(named_pool(1), tls_mode::opportunistic));
  net::cancellation_signal signal;
  const told& taken_back = send(server.port(), {"r@b.test"}, &signal);
  poll_until([&] { return in_clear.load(); });
  signal.emit(net::cancellation_type::total);
  poll_until([&] { return taken_back.times != 0; });
  greeted = true;
  poll_until([&] { return pool_->status().connections == 0 || pool_->status().idle != 0; });
  const told& next = send(server.port());
  close_and_run();
  server.stop();
  EXPECT_EQ(next.result(), outcome::delivered);
  EXPECT_EQ(server.taken_in_clear(), 0);
  EXPECT_EQ(server.lines(1), (std::vector<std::string>{"EHLO client.test", "QUIT"}));
}

TEST_F(asio_pool_servers, what_is_told_of_tls_that_is_refused) {  // TLS-03
  talking_server server([](int, std::string_view line) -> std::string {
    if (line.starts_with("EHLO")) return ehlo_with("STARTTLS");
    return line == "STARTTLS" ? "454 4.7.0 no certificate today" : "";
  });
  start(with_tls(named_pool(2), tls_mode::required));
  for (int i = 0; i != 3; ++i) send(server.port());
  close_and_run();
  server.stop();
  expect_all(outcome::not_attempted, 3);
  for (const auto& t : told_) {
    const recipient_report& r = t->report.recipients.at(0);
    EXPECT_EQ(r.stage, verb::starttls);
    EXPECT_EQ(r.code, 454);
    EXPECT_EQ(r.text, "4.7.0 no certificate today");
    EXPECT_EQ(r.why, errc::tls_refused);
    EXPECT_EQ(std::error_code(t->error), errc::tls_refused);
  }
}

// -- connections that do not come (POOL-04) -------------------------------------------------------

TEST_F(asio_pool_servers, silent_connections_keep_no_mail) {
  talking_server server([](int connection, std::string_view line) {
    return std::string(line.empty() && connection < 3 ? talking_server::silence : "");
  });
  start(named_pool(6));
  for (int i = 0; i != 40; ++i) send(server.port());
  close_and_run();  // the greeting's timeout is five minutes
  expect_all(outcome::delivered, 40);
}

TEST_F(asio_pool_servers, every_second_connection_fails_and_all_is_delivered) {
  talking_server server([](int connection, std::string_view line) {
    return std::string(line.empty() && connection % 2 == 0 ? talking_server::hang_up : "");
  });
  for (const std::size_t connections : {1U, 2U, 4U}) {
    told_.clear();
    pool_options options = named_pool(connections);
    options.mails_per_connection = 3;
    options.retry_delay = 1ms;
    start(std::move(options));
    for (int i = 0; i != 200; ++i) send(server.port());
    close_and_run();
    expect_all(outcome::delivered, 200);
  }
}

TEST_F(asio_pool_servers, three_greetings_of_ten_are_421_and_all_is_delivered) {
  talking_server server([](int connection, std::string_view line) -> std::string {
    return line.empty() && connection % 10 >= 7 ? "421 4.7.0 too many connections" : "";
  });
  pool_options options = named_pool(2);
  options.mails_per_connection = 2;
  options.retry_delay = 1ms;
  start(std::move(options));
  for (int i = 0; i != 200; ++i) send(server.port());
  close_and_run();
  expect_all(outcome::delivered, 200);
}

// The server stops: that is found out, and told.
TEST_F(asio_pool_servers, a_destination_that_worked_is_given_up_in_the_end) {
  talking_server server([](int connection, std::string_view line) -> std::string {
    if (connection > 0) return line.empty() ? "421 4.3.2 gone" : "";
    return {};
  });
  pool_options options = named_pool(1);
  options.mails_per_connection = 2;
  options.retry_delay = 1ms;
  start(std::move(options));
  for (int i = 0; i != 5; ++i) send(server.port());
  close_and_run();
  EXPECT_EQ(count(outcome::delivered), 2U);
  EXPECT_EQ(count(outcome::not_attempted), 3U);
  EXPECT_EQ(told_.back()->report.recipients.at(0).text, "4.3.2 gone");
  EXPECT_LE(server.connections(), 12);
}

// The first address of a name refuses: the next one is tried, and those behind it go there at once.
TEST_F(asio_pool_servers, an_address_that_refuses_is_not_the_end_of_a_name) {
  for (const std::string_view greeting :
       {std::string_view("421 4.3.2 not now"), std::string_view("554 5.3.2 not here"),
        talking_server::hang_up}) {
    SCOPED_TRACE(greeting);
    const server_pair servers([&](int, std::string_view) { return std::string(greeting); },
                              [](int, std::string_view) { return std::string(); });
    start(named_pool(1));
    std::size_t delivered = 0;
    for (int i = 0; i != 10; ++i) {
      pool_->async_send(
          {"two.test", servers.port()}, mail_to({"r@b.test"}), small_message(),
          [&](net_error, const delivery& d) { delivered += d.count(outcome::delivered); });
    }
    close_and_run();
    EXPECT_EQ(delivered, 10U);
    EXPECT_EQ(servers.two->taken(), 10);
    EXPECT_EQ(servers.one->connections(), 1);
  }
}

TEST_F(asio_pool_servers, a_name_all_of_whose_addresses_refuse_is_given_up) {
  const server_pair servers([](int, std::string_view) { return std::string("421 4.3.2 one"); },
                            [](int, std::string_view) { return std::string("421 4.3.2 two"); });
  start(named_pool(1));
  int code = 0;
  pool_->async_send({"two.test", servers.port()}, mail_to({"r@b.test"}), small_message(),
                    [&](net_error, const delivery& d) { code = d.recipients.at(0).code; });
  close_and_run();
  EXPECT_EQ(code, 421);
  EXPECT_EQ(servers.one->connections(), 3);
  EXPECT_EQ(servers.two->connections(), 3);
}

// Two connections meet two addresses of a name at the same time, and both refuse: that no address
// is left is found out all the same.
TEST_F(asio_pool_servers, a_name_whose_addresses_refuse_at_once_is_given_up) {
  std::atomic<int> quits = 0;
  const auto refuse = [&quits](int connection, std::string_view line) -> std::string {
    if (connection > 100) return {};  // so that a pool that never ends fails
    if (line == "QUIT") {             // both refusals have been heard before a connection is over
      ++quits;
      while (quits < 2) std::this_thread::yield();
    }
    return line.empty() ? "451 4.3.2 not now" : "";
  };
  const server_pair servers(refuse, refuse);
  start(named_pool(2));
  std::vector<int> codes;
  for (int i = 0; i != 4; ++i) {
    pool_->async_send({"turns.test", servers.port()}, mail_to({"r@b.test"}), small_message(),
                      [&](net_error, const delivery& d) {
                        EXPECT_EQ(d.count(outcome::not_attempted), 1U);
                        codes.push_back(d.recipients.at(0).code);
                      });
  }
  close_and_run();
  EXPECT_EQ(codes, std::vector(4, 451));
  EXPECT_LE(servers.one->connections() + servers.two->connections(), 12);
}

// All connections meet the address that refuses before this is known: it counts once, and the mails
// go to the other one.
TEST_F(asio_pool_servers, an_address_that_refuses_many_at_once_is_not_the_end_of_a_name) {
  constexpr int wave = 4;
  std::atomic<int> there = 0;
  const server_pair servers(
      [&there](int, std::string_view) {
        ++there;
        while (there < wave) std::this_thread::yield();
        return std::string("554 5.3.2 not here");
      },
      [](int, std::string_view) { return std::string(); });
  start(named_pool(wave));
  std::size_t delivered = 0;
  for (int i = 0; i != 20; ++i) {
    pool_->async_send(
        {"two.test", servers.port()}, mail_to({"r@b.test"}), small_message(),
        [&](net_error, const delivery& d) { delivered += d.count(outcome::delivered); });
  }
  close_and_run();
  EXPECT_EQ(delivered, 20U);
  EXPECT_EQ(servers.one->connections(), wave);
}

// How many addresses a name has is its owner's choice, and not how often it is asked in a row.
TEST_F(asio_pool_servers, a_name_with_many_addresses_is_given_up) {
  talking_server server([](int, std::string_view) { return std::string("421 4.3.2 not now"); },
                        "0.0.0.0");
  pool_options options = named_pool(1);
  options.moves = 0;
  start(std::move(options));
  int code = 0;
  pool_->async_send({"many.test", server.port()}, mail_to({"r@b.test"}), small_message(),
                    [&](net_error, const delivery& d) { code = d.recipients.at(0).code; });
  close_and_run();
  EXPECT_EQ(code, 421);
  EXPECT_EQ(server.connections(), 5);
}

// -- QUIT where the opening fails -----------------------------------------------------------------

struct failing_opening {
  const char* name;
  const char* line;   // which begins so
  const char* reply;  // gets this
  tls_mode tls = tls_mode::off;
  bool login = false;
};

constexpr failing_opening openings[] = {
    {"greeting 4yz", "", "451 4.3.0 not now"},
    {"greeting 5yz", "", "554 5.3.2 no service"},
    {"EHLO", "EHLO", "550 5.7.1 no"},
    {"AUTH", "AUTH", "535 5.7.8 no", tls_mode::off, true},
    {"AUTH not offered", "none", "", tls_mode::off, true},
    {"TLS lacking", "none", "", tls_mode::required},
    {"STARTTLS", "STARTTLS", "454 4.7.0 no", tls_mode::required},
};

std::string answer_of(const failing_opening& o, std::string_view line) {
  const std::string_view begin = o.line;
  if (begin.empty() ? line.empty() : line.starts_with(begin)) return o.reply;
  if (!line.starts_with("EHLO")) return {};
  return begin == "AUTH"       ? ehlo_with("AUTH PLAIN")
         : begin == "STARTTLS" ? ehlo_with("STARTTLS")
                               : "";
}

std::vector<std::unique_ptr<sasl_mechanism>> wrong_password() {
  std::vector<std::unique_ptr<sasl_mechanism>> list;
  list.push_back(make_plain("user", "wrong"));
  return list;
}

async_client_options client_for(const failing_opening& o) {
  pool_options options = with_tls(named_pool(), o.tls);
  options.client.session.allow_auth_cleartext = true;
  return options.client;
}

TEST_F(asio_pool_servers, quit_is_said_where_the_opening_fails) {
  for (const failing_opening& o : openings) {
    SCOPED_TRACE(o.name);
    talking_server server([&o](int, std::string_view line) { return answer_of(o, line); });
    pool_options options = named_pool(1);
    options.client = client_for(o);
    options.moves = 0;
    if (o.login) options.credentials = wrong_password;
    start(std::move(options));
    const told& mail = send(server.port());
    close_and_run();
    server.stop();
    EXPECT_EQ(mail.result(), outcome::not_attempted);
    EXPECT_EQ(server.connections(), 1);
    ASSERT_FALSE(server.lines(0).empty());
    EXPECT_EQ(server.lines(0).back(), "QUIT");
  }
}

// Whoever does not answer QUIT is left when its time is over.
TEST_F(asio_pool_servers, quit_is_not_waited_for_without_end) {
  talking_server server([](int, std::string_view line) {
    return std::string(line.empty()     ? std::string_view("554 5.3.2 no service")
                       : line == "QUIT" ? talking_server::silence
                                        : std::string_view());
  });
  pool_options options = named_pool(1);
  options.client.session.timeouts.quit = 50ms;
  start(std::move(options));
  const told& mail = send(server.port());
  while (mail.times == 0) io_.run_one();
  EXPECT_EQ(pool_->status().connections, 1U);  // the mail did not wait for that
  close_and_run();
  EXPECT_EQ(mail.report.recipients.at(0).code, 554);
}

// The owner of a client that could not be opened may destroy it as soon as he is told.
TEST_F(asio_pool_servers, a_client_says_quit_before_it_tells) {
  for (const failing_opening& o : openings) {
    for (const bool by_mail : {false, true}) {
      SCOPED_TRACE(std::string(o.name) + (by_mail ? ", mail" : ", open"));
      talking_server server([&o](int, std::string_view line) { return answer_of(o, line); });
      auto client = std::make_unique<async_client<>>(io_, client_for(o));
      if (o.login) client->authenticate(wrong_password());
      client->async_connect("127.0.0.1", server.port(), [](net_error) {});
      bool failed = false;
      if (by_mail) {
        client->async_send(mail_to({"r@b.test"}), small_message(),
                           [&](net_error e, const delivery&) {
                             failed = static_cast<bool>(e);
                             client.reset();
                           });
      } else {
        client->async_open([&](net_error e) {
          failed = static_cast<bool>(e);
          client.reset();
        });
      }
      run();
      server.stop();
      EXPECT_TRUE(failed);
      ASSERT_FALSE(server.lines(0).empty());
      EXPECT_EQ(server.lines(0).back(), "QUIT");
    }
  }
}

// -- sessions that take no more -------------------------------------------------------------------

TEST_F(asio_pool_servers, mails_behind_a_refused_rset_are_moved) {
  for (const std::string refusal : {"502 5.5.1 no", "452 4.3.0 not now"}) {
    SCOPED_TRACE(refusal);
    told_.clear();
    talking_server server([&](int, std::string_view line) -> std::string {
      if (line == "RCPT TO:<bad@b.test>") return "550 5.1.1 no such user";
      return line == "RSET" ? refusal : "";
    });
    start(named_pool(1));
    for (int i = 0; i != 5; ++i) send(server.port(), {"bad@b.test"});
    for (int i = 0; i != 5; ++i) send(server.port());
    close_and_run();
    EXPECT_EQ(count(outcome::rejected), 5U);
    EXPECT_EQ(count(outcome::delivered), 5U);
  }
}

TEST_F(asio_pool_servers, a_session_that_takes_two_mails_is_followed_by_another) {
  for (const std::string end : {"452 4.5.3 too many messages", "421 4.7.0 in this session"}) {
    SCOPED_TRACE(end);
    told_.clear();
    std::atomic<int> mails[100]{};
    talking_server server([&](int connection, std::string_view line) -> std::string {
      return line.starts_with("MAIL") && mails[connection]++ >= 2 ? end : "";
    });
    start(named_pool(1));
    for (int i = 0; i != 20; ++i) send(server.port());
    close_and_run();
    expect_all(outcome::delivered, 20);
    EXPECT_EQ(server.connections(), 10);
  }
}

TEST_F(asio_pool_servers, a_close_after_each_mail_costs_connections_only) {
  for (const pipelining_level level : levels) {
    SCOPED_TRACE(names[static_cast<int>(level)]);
    told_.clear();
    std::atomic<int> mails[100]{};
    talking_server server([&](int connection, std::string_view line) {
      const bool second = line.starts_with("MAIL") && mails[connection]++ == 1;
      return std::string(second ? talking_server::hang_up : "");
    });
    pool_options options = named_pool(2);
    options.client.session.pipelining = level;
    start(std::move(options));
    for (int i = 0; i != 20; ++i) send(server.port());
    close_and_run();
    expect_all(outcome::delivered, 20);
  }
}

// So may a mail meet one session that has had enough after the other: the last way is a fresh one.
TEST_F(asio_pool_servers, a_mail_that_meets_full_sessions_only_goes_over_a_fresh_one) {
  for (const std::size_t most : {4U, 3U}) {
    SCOPED_TRACE(most);
    told_.clear();
    std::atomic<int> held = 0;
    std::atomic<int> mails[100]{};
    talking_server server([&](int connection, std::string_view line) -> std::string {
      if (line == "." && connection < 3) {  // each takes one of the first mails
        ++held;
        while (held < 3) std::this_thread::yield();
      }
      return line.starts_with("MAIL") && mails[connection]++ >= 1 ? "452 4.5.3 too many" : "";
    });
    pool_options options = named_pool(most);
    options.client.session.pipelining = pipelining_level::off;
    start(std::move(options));
    for (int i = 0; i != 3; ++i) send(server.port());
    poll_until([&] { return count(outcome::delivered) == 3; });
    send(server.port());
    end_delivered(server, 4);
    EXPECT_EQ(server.connections(), 4);
  }
}

// One that waits for its last way can be taken back, and ends with the pool.
TEST_F(asio_pool_servers, a_mail_on_its_last_way_can_be_taken_back) {
  for (const bool by_slot : {true, false}) {
    SCOPED_TRACE(by_slot);
    told_.clear();
    std::atomic<int> held = 0;
    std::atomic<int> mails[4]{};
    talking_server server([&](int connection, std::string_view line) -> std::string {
      if (connection >= 3) return std::string(talking_server::silence);  // the way does not open
      if (line == ".") {
        ++held;
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (held < 3 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      }
      return line.starts_with("MAIL") && mails[connection]++ >= 1 ? "452 4.5.3 too many" : "";
    });
    pool_options options = named_pool(3);
    options.client.session.pipelining = pipelining_level::off;
    start(std::move(options));
    for (int i = 0; i != 3; ++i) send(server.port());
    poll_until([&] { return count(outcome::delivered) == 3; });
    net::cancellation_signal signal;
    const told& mail = send(server.port(), {"r@b.test"}, &signal);
    poll_until([&] { return server.connections() == 4; });
    EXPECT_EQ(mail.times, 0);
    if (by_slot) {
      signal.emit(net::cancellation_type::total);
      poll_until([&] { return mail.times == 1; });
    }
    pool_->abort();
    close_and_run();
    EXPECT_EQ(mail.result(), outcome::not_attempted);
    EXPECT_EQ(pool_->status().waiting, 0U);
  }
}

// Nor is it lost where many mails are on their way when the server has had enough.
TEST_F(asio_pool_servers, many_mails_behind_a_full_session_are_moved) {
  for (const std::size_t most : {1U, 2U}) {
    SCOPED_TRACE(most);
    told_.clear();
    std::atomic<int> mails[100]{};
    talking_server server([&](int connection, std::string_view line) -> std::string {
      return line.starts_with("MAIL") && mails[std::min(connection, 99)]++ >= 1
                 ? "452 4.5.3 too many"
                 : "";
    });
    pool_options options = named_pool(most);
    options.client.session.pipelining = pipelining_level::stream;
    options.client.session.limits.stream_mails = 8;
    start(std::move(options));
    for (int i = 0; i != 20; ++i) send(server.port());
    end_delivered(server, 20);
    EXPECT_EQ(server.taken(), 20);
  }
}

// A sender that each session refuses for the moment, whatever it took before, is told so.
TEST_F(asio_pool_servers, a_mail_that_a_fresh_session_refuses_is_told_so) {
  for (const std::size_t most : {1U, 3U}) {
    SCOPED_TRACE(most);
    told_.clear();
    talking_server server([](int, std::string_view line) -> std::string {
      return line.starts_with("MAIL FROM:<grey@") ? "450 4.7.1 not you" : "";
    });
    start(named_pool(most));
    outcome grey = outcome::pending;
    for (int i = 0; i != 5; ++i) send(server.port());
    envelope env = mail_to({"r@b.test"});
    env.sender = path("grey@a.test");
    pool_->async_send(destination{"127.0.0.1", server.port()}, env, small_message(),
                      [&](net_error, const delivery& d) { grey = d.recipients.at(0).result; });
    for (int i = 0; i != 5; ++i) send(server.port());
    end_delivered(server, 10);
    EXPECT_EQ(grey, outcome::deferred);
    EXPECT_LE(server.count("MAIL FROM:<grey@"), 4);
  }
}

// A sender that is refused for the moment is not moved for ever, whoever else is delivered to.
TEST_F(asio_pool_servers, a_mail_that_no_session_takes_is_told_so) {
  std::atomic<int> refused = 0;
  talking_server server([&](int, std::string_view line) -> std::string {
    if (!line.starts_with("RCPT TO:<grey@")) return {};
    ++refused;
    return "421 4.7.1 not you";
  });
  start(named_pool(1));
  const told& mail = send(server.port(), {"grey@b.test"});
  for (int i = 0; i != 10; ++i) send(server.port());
  close_and_run();
  EXPECT_EQ(mail.result(), outcome::deferred);
  EXPECT_EQ(count(outcome::delivered), 10U);
  EXPECT_LE(refused, 3);
}

// -- recipients that a transaction does not take (TXN-10) -----------------------------------------

TEST_F(asio_pool_servers, a_limit_of_recipients_makes_more_transactions) {
  for (const pipelining_level level : {pipelining_level::off, pipelining_level::envelope}) {
    SCOPED_TRACE(names[static_cast<int>(level)]);
    std::atomic<int> in_transaction = 0;
    talking_server server([&](int, std::string_view line) -> std::string {
      if (line.starts_with("MAIL")) in_transaction = 0;
      return line.starts_with("RCPT") && ++in_transaction > 3 ? "452 4.5.3 too many" : "";
    });
    pool_options options = named_pool(1);
    options.client.session.pipelining = level;
    start(std::move(options));
    std::vector<std::string> to;
    for (int i = 0; i != 10; ++i) to.push_back("r" + std::to_string(i) + "@b.test");
    const told& mail = send(server.port(), to);
    close_and_run();
    server.stop();
    ASSERT_EQ(mail.report.recipients.size(), 10U);
    EXPECT_TRUE(mail.report.delivered_to_all());
    for (std::size_t i = 0; i != 10; ++i) EXPECT_EQ(mail.report.recipients[i].address, to[i]);
    EXPECT_EQ(server.taken(), 4);
    EXPECT_EQ(server.connections(), 1);
  }
}

// A 503 to what was sent ahead says nothing of the mail (PIPE-17).
TEST_F(asio_pool_servers, what_ran_ahead_is_sent_again) {
  talking_server server([](int, std::string_view line) -> std::string {
    // Each connection has a thread. Only behind its first content does a command come too early.
    static thread_local int contents = 0;
    static thread_local bool ran_ahead = false;
    if (line == "." && ++contents == 1) ran_ahead = true;
    if (line == "RSET") ran_ahead = false;
    const bool refused = ran_ahead && line != "." && line != "QUIT";
    return refused ? "503 5.5.1 pipelined after end of DATA" : "";
  });
  pool_options options = named_pool(1);
  options.client.session.pipelining = pipelining_level::messages;
  start(std::move(options));
  for (int i = 0; i != 6; ++i) send(server.port());
  close_and_run();
  expect_all(outcome::delivered, 6);
}

// -- logins ---------------------------------------------------------------------------------------

TEST_F(asio_pool_servers, a_wrong_password_is_tried_once) {
  talking_server server([](int, std::string_view line) -> std::string {
    if (line.starts_with("EHLO")) return ehlo_with("AUTH PLAIN");
    return line.starts_with("AUTH") ? "535 5.7.8 wrong" : "";
  });
  pool_options options = named_pool(4);
  options.client.session.allow_auth_cleartext = true;
  options.credentials = wrong_password;
  start(std::move(options));
  for (int i = 0; i != 20; ++i) send(server.port());
  // Who sends the next mail when one was told meets the answer that is known.
  int later = 0;
  pool_->async_send({"127.0.0.1", server.port()}, mail_to({"r@b.test"}), small_message(),
                    [&](net_error, const delivery&) {
                      pool_->async_send({"127.0.0.1", server.port()}, mail_to({"r@b.test"}),
                                        small_message(), [&](net_error e, const delivery& d) {
                                          EXPECT_EQ(std::error_code(e), errc::auth_refused);
                                          later = d.recipients.at(0).code;
                                        });
                    });
  pool_->async_drain([&](net_error) { pool_->async_close([](net_error) {}); });
  run();
  server.stop();
  expect_all(outcome::not_attempted, 20);
  for (const auto& t : told_) EXPECT_EQ(t->report.recipients.at(0).code, 535);
  EXPECT_EQ(later, 535);
  EXPECT_EQ(server.count("AUTH"), 1);
}

TEST_F(asio_pool_servers, a_right_password_is_used_by_all_connections) {
  std::atomic<int> in_session = 0;
  talking_server server([&](int, std::string_view line) -> std::string {
    if (line.starts_with("EHLO")) return ehlo_with("AUTH PLAIN");
    if (line.starts_with("AUTH")) return "235 2.7.0 ok";
    if (line.starts_with("MAIL")) {  // held until all are there
      ++in_session;
      while (in_session < 3) std::this_thread::yield();
    }
    return {};
  });
  pool_options options = named_pool(3);
  options.client.session.allow_auth_cleartext = true;
  options.credentials = wrong_password;
  start(std::move(options));
  for (int i = 0; i != 30; ++i) send(server.port());
  close_and_run();
  server.stop();
  expect_all(outcome::delivered, 30);
  EXPECT_EQ(server.count("AUTH"), 3);
}

}  // namespace
}  // namespace sansmtp::test

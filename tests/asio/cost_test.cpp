// What a mail asks of the heap over Asio, counted exactly, from within this executable.
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <utility>

#include "counted_allocations.hpp"
#include "pool_fixture.hpp"
#include "sink.hpp"

namespace sansmtp::test {
namespace {

// The list of recipients of the report that the handler gets, and the address in it. (The text of
// the sink's reply fits into its string; one of more than 15 octets is a third.)
constexpr int allocations_a_mail = 2;

constexpr pipelining_level three_levels[] = {pipelining_level::off, pipelining_level::envelope,
                                             pipelining_level::messages};

/// Sends mails, some at a time, each from the handler of one before.
class load {
 public:
  load(net::io_context& io, int at_a_time, std::function<void(load&)> send)
      : io_(io), at_a_time_(at_a_time), send_(std::move(send)) {}

  /// Returns the allocations of all of them together.
  int run(int mails) {
    left_ = mails;
    missing_ = mails;
    const int before = allocations;
    for (int i = 0; i != at_a_time_; ++i) next();
    io_.restart();
    while (missing_ != 0) io_.run_one();
    return allocations - before;
  }

  void told(const delivery& report) {
    EXPECT_TRUE(report.delivered_to_all());
    --missing_;
    next();
  }

 private:
  void next() {
    if (left_ == 0) return;
    --left_;
    send_(*this);
  }

  net::io_context& io_;
  int at_a_time_;
  std::function<void(load&)> send_;
  int left_ = 0;
  int missing_ = 0;
};

TEST(asio_cost, allocations_of_a_mail_of_a_client) {
  for (const pipelining_level level : three_levels) {
    SCOPED_TRACE(static_cast<int>(level));
    cli::sink server({});
    server.start();
    net::io_context io(1);
    async_client_options options = named_options();
    options.session.pipelining = level;
    async_client<> client(io, std::move(options));
    client.async_connect("127.0.0.1", server.port(), [](net_error e) { EXPECT_FALSE(e); });
    const envelope env = mail_to({"recipient@server.example.test"});
    load mails(io, 2, [&](load& l) {
      client.async_send(env, small_message(), [&l](net_error, const delivery& d) { l.told(d); });
    });
    mails.run(100);  // until all has grown that does
    EXPECT_EQ(mails.run(500), 500 * allocations_a_mail);
  }
}

TEST(asio_cost, allocations_of_a_mail_of_a_pool) {
  for (const std::size_t connections : {std::size_t{1}, std::size_t{4}}) {
    SCOPED_TRACE(connections);
    cli::sink server({});
    server.start();
    net::io_context io(1);
    pool_options options = named_pool(connections);
    options.client.session.pipelining = pipelining_level::messages;
    async_pool pool(io.get_executor(), std::move(options));
    const destination to{"127.0.0.1", server.port()};
    const envelope env = mail_to({"recipient@server.example.test"});
    load mails(io, static_cast<int>(4 * connections), [&](load& l) {
      pool.async_send(to, env, small_message(), [&l](net_error, const delivery& d) { l.told(d); });
    });
    mails.run(1000);
    EXPECT_EQ(mails.run(500), 500 * allocations_a_mail);
  }
}

}  // namespace
}  // namespace sansmtp::test

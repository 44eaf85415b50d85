// What the tests of the pool share.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../blocking/scripted_server.hpp"
#include "fixture.hpp"
#include "sansmtp/asio/async_pool.hpp"

namespace sansmtp::test {

struct told {
  int times = 0;
  net_error error;
  delivery report;
  [[nodiscard]] outcome result() const {
    return report.recipients.empty() ? outcome::pending : report.recipients.front().result;
  }
};

inline scripted_server::where connections(int n, bool at_once = false) {
  scripted_server::where w;
  w.connections = n;
  w.at_once = at_once;
  return w;
}

inline pool_options named_pool(std::size_t connections = 4) {
  pool_options options;
  options.client = named_options();
  options.connections_per_destination = connections;
  options.mails_per_connection = 0;
  return options;
}

class asio_pool : public testing::Test {
 protected:
  void start(pool_options options) {
    pool_ = std::make_unique<async_pool>(io_.get_executor(), std::move(options));
  }

  told& send(std::uint16_t port, const std::vector<std::string>& to = {"r@b.test"},
             net::cancellation_signal* signal = nullptr) {
    auto& t = *told_.emplace_back(std::make_unique<told>());
    const auto handler = [this, &t](net_error e, delivery d) {
      ++t.times;
      t.error = e;
      t.report = std::move(d);
      order_.push_back(&t);
    };
    const destination where{"127.0.0.1", port};
    if (signal != nullptr) {
      pool_->async_send(where, mail_to(to), small_message(),
                        net::bind_cancellation_slot(signal->slot(), handler));
    } else {
      pool_->async_send(where, mail_to(to), small_message(), handler);
    }
    return t;
  }

  void close_and_run() {
    bool closed = false;
    pool_->async_close([&](net_error e) { closed = !e; });
    run();
    EXPECT_TRUE(closed);
    EXPECT_EQ(pool_->status().connections, 0U);
  }

  void run() {
    io_.restart();
    io_.run();
    for (const auto& t : told_) EXPECT_EQ(t->times, 1);
  }

  [[nodiscard]] std::size_t count(outcome o) const {
    std::size_t n = 0;
    for (const auto& t : told_) n += t->result() == o;
    return n;
  }

  net::io_context io_;
  std::unique_ptr<async_pool> pool_;
  std::vector<std::unique_ptr<told>> told_;
  std::vector<const told*> order_;
};

}  // namespace sansmtp::test

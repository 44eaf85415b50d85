// What the tests of the Asio transport share.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#ifdef SANSMTP_TEST_BOOST
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/asio/experimental/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#else
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>
#endif

#include "sansmtp/asio/async_client.hpp"
#include "server_model.hpp"
#include "test_stream.hpp"

namespace sansmtp::test {

inline constexpr std::string_view small_content = "Subject: x\r\n\r\nHi.\r\n";

inline async_client_options named_options() {
  async_client_options options;
  options.session.local_name = "client.test";
  return options;
}

inline envelope mail_to(const std::vector<std::string>& recipients) {
  envelope env;
  env.sender = path("s@a.test");
  for (const std::string& r : recipients) env.recipients.emplace_back(std::string_view(r));
  return env;
}

inline message small_message() { return message::borrow(as_bytes(small_content)); }

using test_client = async_client<test_stream, test_timer>;

/// A client on a stream in memory.
struct memory_session {
  template <typename Context>
  explicit memory_session(Context& io, async_client_options options = named_options())
      : link(std::make_shared<test_link>(io.get_executor())),
        client(std::make_unique<test_client>(test_stream(io.get_executor(), link),
                                             std::move(options))) {}

  /// A server that greets and answers by `decide`.
  void serve(server_model::decision decide, bool pipelining = true) {
    auto model = std::make_shared<server_model>(std::move(decide), pipelining);
    link->peer = [model](std::string_view octets) { return model->take(octets); };
    link->say(server_model::greeting());
  }
  void serve() {
    serve([](std::string_view word, std::string_view) { return word == "data" ? 354 : 250; });
  }

  std::shared_ptr<test_link> link;
  std::unique_ptr<test_client> client;
};

/// Runs a loop until nothing is ready. Virtual time stands still.
template <typename Context>
void rest(Context& io) {
  do {
    io.restart();
  } while (io.poll() > 0);
}

}  // namespace sansmtp::test

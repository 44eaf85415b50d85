// With Asio: a server that is there already and sends mail, too, in the same loop and thread.
//
//   async_server LISTEN_PORT HOST PORT FROM TO
//
// Each line that a client sends is a notice. It is mailed, and the client is told what became of
// it; meanwhile all other clients are served.
#include <sansmtp/asio/async_pool.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

namespace {

using asio::ip::tcp;
constexpr auto as_tuple = asio::experimental::as_tuple(asio::use_awaitable);

struct notices {
  sansmtp::async_pool pool;
  sansmtp::destination server;
  sansmtp::envelope envelope;

  asio::awaitable<void> serve(tcp::socket client) {
    std::string input;
    for (;;) {
      const auto [error, size] = co_await asio::async_read_until(
          client, asio::dynamic_buffer(input, 1000), '\n', as_tuple);
      if (error) co_return;
      const std::string notice = input.substr(0, input.find_first_of("\r\n"));
      input.erase(0, size);
      auto content = sansmtp::message::own("Subject: A notice\r\n\r\n" + notice + "\r\n");
      const auto [why, report] =
          co_await pool.async_send(server, envelope, std::move(content), as_tuple);
      const std::string answer = why ? "failed: " + why.message() + "\n" : "mailed\n";
      const auto [broken, written] =
          co_await asio::async_write(client, asio::buffer(answer), as_tuple);
      if (broken) co_return;
    }
  }

  asio::awaitable<void> listen(std::uint16_t port) {
    tcp::acceptor acceptor(co_await asio::this_coro::executor,
                           {asio::ip::address_v4::loopback(), port});
    std::printf("listening on 127.0.0.1:%u\n", unsigned{acceptor.local_endpoint().port()});
    std::fflush(stdout);
    asio::steady_timer pause(acceptor.get_executor());
    for (;;) {
      auto [error, client] = co_await acceptor.async_accept(as_tuple);
      if (!error) {
        asio::co_spawn(acceptor.get_executor(), serve(std::move(client)), asio::detached);
        continue;
      }
      if (error == asio::error::connection_aborted) continue;  // that client has gone already
      // Descriptors have run out, or memory: clients that go give them back, and the others wait.
      std::fprintf(stderr, "async_server: %s\n", error.message().c_str());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(as_tuple);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: async_server LISTEN_PORT HOST PORT FROM TO\n", stderr);
    return 64;
  }
  asio::io_context loop;
  notices all{.pool = sansmtp::async_pool(loop.get_executor()),
              .server = {argv[2], static_cast<std::uint16_t>(std::atoi(argv[3]))},
              .envelope = {}};
  all.envelope.sender = sansmtp::path(argv[4]);
  all.envelope.recipients.emplace_back(argv[5]);
  asio::co_spawn(loop, all.listen(static_cast<std::uint16_t>(std::atoi(argv[1]))),
                 [](const std::exception_ptr& thrown) {
                   if (thrown) std::rethrow_exception(thrown);
                 });
  loop.run();
  return 0;
}

// With Asio: a coroutine that sends one mail.
//
//   async_send_one HOST PORT FROM TO...
#include <sansmtp/asio/async_client.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <asio/co_spawn.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

namespace {

constexpr auto as_tuple = asio::experimental::as_tuple(asio::use_awaitable);

asio::awaitable<bool> send(std::string host, std::uint16_t port, sansmtp::envelope envelope) {
  sansmtp::async_client<> client(co_await asio::this_coro::executor);
  auto content = sansmtp::message::own("Subject: Hello\r\n\r\nIt works.\r\n");

  // Whatever fails here is told by the report.
  co_await client.async_connect(host, port, as_tuple);
  const auto [error, report] = co_await client.async_send(envelope, std::move(content), as_tuple);
  co_await client.async_quit(as_tuple);

  for (const auto& recipient : report.recipients) {
    const std::string why =
        recipient.code != 0 ? sansmtp::display_text(recipient.text) : error.message();
    std::printf("%s: %s %d %s\n", recipient.address.c_str(), to_string(recipient.result).data(),
                recipient.code, why.c_str());
  }
  co_return report.delivered_to_all();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: async_send_one HOST PORT FROM TO...\n", stderr);
    return 64;
  }
  sansmtp::envelope envelope;
  envelope.sender = sansmtp::path(argv[3]);
  for (int i = 4; i != argc; ++i) envelope.recipients.emplace_back(argv[i]);

  asio::io_context loop;
  bool good = false;
  asio::co_spawn(loop, send(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])), envelope),
                 [&good](const std::exception_ptr& thrown, bool delivered) {
                   if (thrown) std::rethrow_exception(thrown);
                   good = delivered;
                 });
  loop.run();
  return good ? 0 : 1;
}

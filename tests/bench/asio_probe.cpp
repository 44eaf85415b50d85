// Does over Asio what a row says and ends: what instructions.py counts.
//
// Usage: asio_probe ROW N [SERVER]
//
//   client          N mails through an async_client, two of them queued at a time
//   pool[-C]        N mails through an async_pool of C connections (1), four for each
//   destinations    a mail to each of N destinations that refuse, by a pool of 50 connections
//   cancel-client   N mails of a client without a server, taken back from the end
//   cancel-pool     the same of a pool
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>

#include "mail_loop.hpp"
#include "sansmtp/asio/async_client.hpp"
#include "sansmtp/asio/async_pool.hpp"

namespace {

using namespace sansmtp;

const std::string content = test::message_of(1024);
std::size_t wrong = 0;

envelope mail() {
  envelope env;
  env.sender = path("sender@client.example.test");
  env.recipients.emplace_back("recipient@server.example.test");
  return env;
}

async_client_options options_of_client() {
  async_client_options options;
  options.session.local_name = "client.example.test";
  options.session.pipelining = pipelining_level::messages;
  options.session.progress = false;  // as a bulk sender has it
  return options;
}

void client(std::size_t mails, const destination& server) {
  asio::io_context io(1);
  async_client<> c(io, options_of_client());
  c.async_connect(server.host, server.port, [](net_error e) { wrong += e ? 1U : 0U; });
  const envelope env = mail();
  std::size_t left = mails;
  std::function<void()> send = [&] {
    if (left-- == 0) return c.async_quit([](net_error e) { wrong += e ? 1U : 0U; });
    c.async_send(env, message::borrow(as_bytes(content)), [&](net_error e, const delivery&) {
      wrong += e ? 1U : 0U;
      if (left <= mails) send();
    });
  };
  send();
  send();
  io.run();
}

void pool(std::size_t mails, std::size_t connections, const destination& server) {
  asio::io_context io(1);
  pool_options options;
  options.client = options_of_client();
  options.connections = options.connections_per_destination = connections;
  options.mails_per_connection = 0;
  async_pool p(io.get_executor(), std::move(options));
  const envelope env = mail();
  std::size_t left = mails;
  std::function<void()> send = [&] {
    if (left == 0) return;
    --left;
    p.async_send(server, env, message::borrow(as_bytes(content)),
                 [&](net_error e, const delivery&) {
                   wrong += e ? 1U : 0U;
                   send();
                 });
  };
  for (std::size_t i = 0; i != 4 * connections; ++i) send();
  p.async_drain([&](net_error) { p.async_close([](net_error) {}); });
  io.run();
}

void destinations(std::size_t n) {
  asio::io_context io(1);
  pool_options options;
  options.client = options_of_client();
  options.connections = 50;
  options.queue = n;
  async_pool p(io.get_executor(), std::move(options));
  const envelope env = mail();
  for (std::size_t i = 0; i != n; ++i) {
    const destination to{"127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250), 1};
    p.async_send(to, env, message::borrow(as_bytes(content)),
                 [](net_error e, const delivery&) { wrong += e ? 0U : 1U; });
  }
  p.async_close([](net_error) {});
  io.run();
}

/// `send` queues a mail with a slot; all are cancelled, the last one first, and then it `run`s.
void cancel(std::size_t n, const std::function<void(asio::cancellation_slot)>& send,
            const std::function<void()>& run) {
  std::vector<asio::cancellation_signal> signals(n);
  for (asio::cancellation_signal& s : signals) send(s.slot());
  for (std::size_t i = n; i != 0; --i) signals[i - 1].emit(asio::cancellation_type::total);
  run();
}

void cancel_client(std::size_t n) {
  asio::io_context io(1);
  async_client<> c(io, options_of_client());
  const envelope env = mail();
  std::size_t told = 0;
  cancel(
      n,
      [&](asio::cancellation_slot slot) {
        c.async_send(
            env, message::borrow(as_bytes(content)),
            asio::bind_cancellation_slot(slot, [&](net_error, const delivery&) { ++told; }));
      },
      [&] { io.run(); });
  wrong += told == n ? 0U : 1U;
}

void cancel_pool(std::size_t n) {
  asio::io_context io(1);
  // A listener that is never served: the connection is there, the greeting is not.
  asio::ip::tcp::acceptor mute(io, {asio::ip::address_v4::loopback(), 0});
  const destination server{"127.0.0.1", mute.local_endpoint().port()};
  pool_options options;
  options.client = options_of_client();
  options.queue = n;
  async_pool p(io.get_executor(), std::move(options));
  const envelope env = mail();
  std::size_t told = 0;
  cancel(
      n,
      [&](asio::cancellation_slot slot) {
        p.async_send(
            server, env, message::borrow(as_bytes(content)),
            asio::bind_cancellation_slot(slot, [&](net_error, const delivery&) { ++told; }));
      },
      [&] {
        p.async_close([](net_error) {});
        io.run();
      });
  wrong += told == n ? 0U : 1U;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view row = argc > 1 ? argv[1] : "";
  const std::size_t n = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  const std::string server = argc > 3 ? argv[3] : "127.0.0.1:1";
  const std::size_t colon = server.rfind(':');
  const destination to{server.substr(0, colon),
                       static_cast<std::uint16_t>(std::stoi(server.substr(colon + 1)))};
  if (row == "client") {
    client(n, to);
  } else if (row.starts_with("pool")) {
    pool(n, row == "pool" ? 1 : std::strtoul(row.data() + 5, nullptr, 10), to);
  } else if (row == "destinations") {
    destinations(n);
  } else if (row == "cancel-client") {
    cancel_client(n);
  } else if (row == "cancel-pool") {
    cancel_pool(n);
  } else {
    std::fputs("usage: asio_probe ROW N [SERVER]\n", stderr);
    return EXIT_FAILURE;
  }
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

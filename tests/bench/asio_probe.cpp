// Does over Asio what a row says and ends: what growth.py counts.
//
// Usage: asio_probe ROW N
//
//   client          N mails through an async_client, two of them queued at a time
//   pool[-C]        N mails through an async_pool of C connections (1), four for each
//   destinations    a mail to each of N destinations that refuse, by a pool of 50 connections
//   cancel-client   N mails of a client without a server, taken back from the end
//   cancel-pool     the same of a pool
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include "mail_loop.hpp"
#include "sansmtp/asio/async_client.hpp"
#include "sansmtp/asio/async_pool.hpp"
#include "server_model.hpp"

namespace {

using namespace sansmtp;

const std::string content = test::message_of(1024);
std::size_t wrong = 0;

async_client_options options_of_client() {
  async_client_options options;
  options.session = test::usual_session(pipelining_level::messages);
  return options;
}

/// The server of these rows. It answers all that came in one write as soon as the client has
/// written, so that what a read finds is the same each time, whatever else this machine does.
class server {
 public:
  explicit server(asio::io_context& io) : listening_(io, {asio::ip::address_v4::loopback(), 0}) {
    listening_.non_blocking(true);
  }

  [[nodiscard]] destination where() const {
    return {"127.0.0.1", listening_.local_endpoint().port()};
  }

  void answer_all() {
    for (;;) {
      asio::error_code error;
      asio::ip::tcp::socket next = listening_.accept(error);
      if (error) break;
      next.non_blocking(true);
      next.set_option(asio::ip::tcp::no_delay(true));
      auto made = std::make_unique<session>(std::move(next));
      say(*made, test::server_model::greeting());
      sessions_.push_back(std::move(made));
    }
    std::erase_if(sessions_, [this](const auto& s) { return !answer(*s); });
  }

 private:
  struct session {
    explicit session(asio::ip::tcp::socket s) : socket(std::move(s)) {}
    asio::ip::tcp::socket socket;
    test::server_model model{
        [](std::string_view word, std::string_view) { return word == "data" ? 354 : 250; }};
  };

  static void say(session& s, std::string_view text) {
    asio::error_code error;
    asio::write(s.socket, asio::buffer(text), error);
    wrong += error ? 1U : 0U;
  }

  /// Returns whether the session goes on.
  bool answer(session& s) {
    asio::error_code error;
    std::string replies;
    for (;;) {
      const std::size_t n = s.socket.read_some(asio::buffer(buffer_), error);
      if (error) break;
      replies += s.model.take({buffer_.data(), n});
    }
    s.model.accepted.clear();
    if (!replies.empty()) say(s, as_servers_say(std::move(replies)));
    return error == asio::error::would_block;
  }

  /// With an enhanced status code, and words as short as the sink's. (Text of more than 15 octets
  /// has to be allocated in each report: 216 instructions more.)
  static std::string as_servers_say(std::string replies) {
    const auto replace_all = [&replies](std::string_view what, std::string_view by) {
      for (std::size_t at = 0; (at = replies.find(what, at)) != std::string::npos;
           at += by.size()) {
        replies.replace(at, what.size(), by);
      }
    };
    replace_all("250 PIPELINING",
                "250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n"
                "250 SIZE 104857600");
    replace_all("250 so be it", "250 2.0.0 accepted");
    return replies;
  }

  asio::ip::tcp::acceptor listening_;
  std::vector<std::unique_ptr<session>> sessions_;
  std::array<char, 64 * 1024> buffer_;
};

server* answering = nullptr;

}  // namespace

// What growth.py counts is what happens in client_turn and not in server_turn.

[[gnu::noinline]] void client_turn(asio::io_context& io) { io.poll(); }

[[gnu::noinline]] void server_turn() {
  // Not for what the server writes itself.
  if (server* const s = std::exchange(answering, nullptr)) {
    s->answer_all();
    answering = s;
  }
}

// Stands before the C library's.
extern "C" ssize_t sendmsg(int fd, const msghdr* what, int flags) {
  const ssize_t n = ::syscall(SYS_sendmsg, fd, what, flags);
  server_turn();
  return n;
}

namespace {

void take_turns(asio::io_context& io, server& there, const bool& over) {
  answering = &there;
  while (!over) {
    client_turn(io);
    io.restart();
    server_turn();
  }
  answering = nullptr;
}

void client(std::size_t mails) {
  asio::io_context io(1);
  asio::io_context elsewhere(1);
  server there(elsewhere);
  async_client<> c(io, options_of_client());
  c.async_connect("127.0.0.1", there.where().port, [](net_error e) { wrong += e ? 1U : 0U; });
  const envelope env = test::usual_envelope();
  std::size_t left = mails;
  bool over = false;
  std::function<void()> send = [&] {
    if (left-- == 0) {
      return c.async_quit([&](net_error e) {
        wrong += e ? 1U : 0U;
        over = true;
      });
    }
    c.async_send(env, message::borrow(as_bytes(content)), [&](net_error e, const delivery&) {
      wrong += e ? 1U : 0U;
      if (left <= mails) send();
    });
  };
  send();
  send();
  take_turns(io, there, over);
}

void pool(std::size_t mails, std::size_t connections) {
  asio::io_context io(1);
  asio::io_context elsewhere(1);
  server there(elsewhere);
  const destination to = there.where();
  pool_options options;
  options.client = options_of_client();
  options.connections = options.connections_per_destination = connections;
  options.mails_per_connection = 0;
  async_pool p(io.get_executor(), std::move(options));
  const envelope env = test::usual_envelope();
  std::size_t left = mails;
  std::function<void()> send = [&] {
    if (left == 0) return;
    --left;
    p.async_send(to, env, message::borrow(as_bytes(content)), [&](net_error e, const delivery&) {
      wrong += e ? 1U : 0U;
      send();
    });
  };
  for (std::size_t i = 0; i != 4 * connections; ++i) send();
  bool over = false;
  p.async_drain([&](net_error) { p.async_close([&](net_error) { over = true; }); });
  take_turns(io, there, over);
}

void destinations(std::size_t n) {
  asio::io_context io(1);
  pool_options options;
  options.client = options_of_client();
  options.connections = 50;
  options.queue = n;
  async_pool p(io.get_executor(), std::move(options));
  const envelope env = test::usual_envelope();
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
  const envelope env = test::usual_envelope();
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
  const envelope env = test::usual_envelope();
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
  if (row == "client") {
    client(n);
  } else if (row.starts_with("pool")) {
    pool(n, row == "pool" ? 1 : std::strtoul(row.data() + 5, nullptr, 10));
  } else if (row == "destinations") {
    destinations(n);
  } else if (row == "cancel-client") {
    cancel_client(n);
  } else if (row == "cancel-pool") {
    cancel_pool(n);
  } else {
    std::fputs("usage: asio_probe ROW N\n", stderr);
    return EXIT_FAILURE;
  }
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

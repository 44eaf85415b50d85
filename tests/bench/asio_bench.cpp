// What mails cost over Asio, beside the blocking transport in the same run: CPU per mail, mails per
// second by the number of sessions, memory of an idle session. The rate by sessions stands beside
// that of a loop without an engine, which writes the same octets and counts the lines of replies:
// what that one loses with many sessions is not the engine's. Loss is taken within a round, since a
// machine that others use as well is faster in one than in the next.
//
//   asio_bench [MAILS]
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include "mail_loop.hpp"
#include "sansmtp/asio/async_client.hpp"
#include "sansmtp/asio/async_pool.hpp"
#include "sansmtp/blocking/client.hpp"
#include "sink.hpp"

namespace {

using namespace sansmtp;

const std::string content = test::message_of(1024);

session_config config() { return test::usual_session(pipelining_level::messages); }

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Keeps this process on one of the CPUs that it may use, so that the two do not change places
/// during a run; nothing if there is only one.
void stay_on_cpu(int index) {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (std::size_t cpu = 0; cpu != CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || index-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    static_cast<void>(::sched_setaffinity(0, sizeof one, &one));
    return;
  }
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double blocking_cpu(std::uint16_t port, int mails) {
  blocking::client_options options;
  options.mails_per_connection = 0;  // a session is compared
  options.session = config();
  blocking::client c(std::move(options));
  if (c.connect("127.0.0.1:" + std::to_string(port)) || c.open()) std::abort();
  const double before = cpu_seconds();
  int left = mails;
  const envelope to = test::usual_envelope();
  c.send_all(
      [&](envelope& env, message& m) {
        if (left-- == 0) return false;
        env = to;
        m = message::borrow(as_bytes(content));
        return true;
      },
      [](const delivery& d) {
        if (d.error) std::abort();
      });
  const double used = cpu_seconds() - before;
  static_cast<void>(c.quit());
  return used;
}

struct asio_cost {
  double cpu = 0;
  double wall = 0;
};

/// A session without an engine: it knows what the server will say, and counts its lines.
class bare_session {
 public:
  bare_session(asio::io_context& io, std::uint16_t port) : socket_(io) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
    socket_.set_option(asio::ip::tcp::no_delay(true));
    std::string in;
    asio::read_until(socket_, asio::dynamic_buffer(in), "\n");
    in.clear();
    asio::write(socket_, asio::buffer(std::string_view("EHLO client.example.test\r\n")));
    asio::read_until(socket_, asio::dynamic_buffer(in), "\n250 ");
    while (in.back() != '\n') asio::read_until(socket_, asio::dynamic_buffer(in), "\r\n");
  }

  /// `next` says whether there is another mail; `done` is told of each.
  void run(const std::function<bool()>& next, const std::function<void()>& done) {
    next_ = next;
    done_ = done;
    if (next_()) write(false);
  }

 private:
  static constexpr std::string_view envelope_ =
      "MAIL FROM:<sender@client.example.test>\r\nRCPT "
      "TO:<recipient@server.example.test>\r\nDATA\r\n";
  static constexpr std::string_view end_ = ".\r\n";

  void write(bool behind) {
    more_ = behind ? next_() : true;
    const std::array<asio::const_buffer, 3> out{
        asio::buffer(behind ? std::string_view(content) : std::string_view()),
        asio::buffer(behind ? end_ : std::string_view()),
        asio::buffer(more_ ? envelope_ : std::string_view())};
    lines_ = (behind ? 1 : 0) + (more_ ? 3 : 0);
    ends_ = behind;
    asio::async_write(socket_, out, [](std::error_code e, std::size_t) {
      if (e) std::abort();
    });
    read();
  }

  void read() {
    socket_.async_read_some(asio::buffer(in_), [this](std::error_code e, std::size_t n) {
      if (e) std::abort();
      lines_ -= std::count(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(n), '\n');
      if (lines_ > 0) return read();
      if (ends_) done_();
      if (more_) write(true);
    });
  }

  asio::ip::tcp::socket socket_;
  std::function<bool()> next_;
  std::function<void()> done_;
  std::array<char, 4096> in_{};
  std::ptrdiff_t lines_ = 0;
  bool more_ = false;
  bool ends_ = false;
};

// As `over_asio`, without an engine.
asio_cost over_nothing(std::uint16_t port, int mails, int sessions) {
  asio::io_context io(1);
  std::vector<std::unique_ptr<bare_session>> all;
  for (int i = 0; i != sessions; ++i) all.push_back(std::make_unique<bare_session>(io, port));
  asio_cost cost;
  const double cpu = cpu_seconds();
  const double wall = now();
  int left = mails;
  int open = mails;
  for (auto& each : all) {
    each->run([&left] { return left > 0 && left-- > 0; },
              [&] {
                if (--open != 0) return;
                cost.cpu = cpu_seconds() - cpu;
                cost.wall = now() - wall;
                io.stop();
              });
  }
  io.run();
  return cost;
}

// `mails` in all, over `sessions` that are open already; each keeps two mails queued.
asio_cost over_asio(std::uint16_t port, int mails, int sessions) {
  asio::io_context io(1);
  async_client_options options;
  options.session = config();
  const auto shared = std::make_shared<const async_client_options>(std::move(options));
  std::vector<std::unique_ptr<async_client<>>> all;
  int opened = 0;
  std::function<void()> connect = [&] {
    if (static_cast<int>(all.size()) == sessions) return;
    auto& c = *all.emplace_back(std::make_unique<async_client<>>(io, shared));
    c.async_connect("127.0.0.1", port, [&](std::error_code e) {
      if (e) std::abort();
      connect();
    });
    c.async_open([&](std::error_code e) {
      if (e) std::abort();
      if (++opened == sessions) io.stop();
    });
  };
  for (int i = 0; i != 32; ++i) connect();
  io.run();
  io.restart();

  asio_cost cost;
  const double cpu = cpu_seconds();
  const double wall = now();
  int left = mails;
  int open = mails;
  const envelope to = test::usual_envelope();
  std::function<void(async_client<>&)> send = [&](async_client<>& c) {
    if (left == 0) return;
    --left;
    c.async_send(to, message::borrow(as_bytes(content)), [&](std::error_code e, const delivery&) {
      if (e) std::abort();
      if (--open == 0) {
        cost.cpu = cpu_seconds() - cpu;
        cost.wall = now() - wall;
        for (auto& each : all) each->async_quit([](std::error_code) {});
      }
      send(c);
    });
  };
  for (auto& c : all) {
    send(*c);
    send(*c);
  }
  io.run();
  return cost;
}

using series = std::vector<asio_cost>;  // one for each round

double least(const series& s, double asio_cost::*what) {
  return (*std::min_element(s.begin(), s.end(),
                            [what](auto& a, auto& b) { return a.*what < b.*what; })).*
         what;
}

/// The rate of row `i` beside the best one up to there: the median of all rounds.
double share_of_best(std::span<const series> rows, std::size_t i) {
  std::vector<double> shares;
  for (std::size_t round = 0; round != rows[i].size(); ++round) {
    double best = rows[i][round].wall;
    for (std::size_t k = 0; k != i; ++k) best = std::min(best, rows[k][round].wall);
    shares.push_back(best / rows[i][round].wall);
  }
  std::sort(shares.begin(), shares.end());
  return shares[shares.size() / 2];
}

double heap_of_an_idle_session(std::uint16_t port) {
  asio::io_context io(1);
  pool_options options;
  options.client.session = config();
  options.connections = options.connections_per_destination = 500;
  async_pool pool(io.get_executor(), std::move(options));
  const destination server{"127.0.0.1", port};
  const auto open = [&](std::size_t sessions) {
    // Each mail that finds no session ready has one made.
    for (std::size_t i = pool.status().connections; i != sessions; ++i) {
      pool.async_send(server, test::usual_envelope(), message::borrow(as_bytes(content)),
                      [](std::error_code e, const delivery&) {
                        if (e) std::abort();
                      });
    }
    while (pool.status().idle != pool.status().connections) io.run_one();
    io.poll();
    return pool.status().idle;
  };
  const std::size_t first = open(10);  // with all that is made once
  const std::size_t before = ::mallinfo2().uordblks;
  // The sessions that are there take a mail each, too.
  const std::size_t all = open(500);
  const std::size_t after = ::mallinfo2().uordblks;
  pool.abort();
  io.run();
  return static_cast<double>(after - before) / static_cast<double>(all - first);
}

}  // namespace

int main(int argc, char** argv) {
  const int mails = argc > 1 ? std::atoi(argv[1]) : 100'000;
  // The server is a process of its own, so that its CPU does not count.
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return 1;
  const pid_t child = ::fork();
  stay_on_cpu(child == 0 ? 1 : 0);
  if (child == 0) {
    cli::sink server({});
    const std::uint16_t port = server.port();
    if (::write(ends[1], &port, sizeof port) != sizeof port) ::_exit(1);
    server.run();
    ::_exit(0);
  }
  std::uint16_t port = 0;
  if (::read(ends[0], &port, sizeof port) != sizeof port) return 1;

  std::printf("heap of an idle session in the pool: %.0f octets\n", heap_of_an_idle_session(port));
  std::array<double, 3> ratios{};
  for (double& ratio : ratios) {
    const double blocking = blocking_cpu(port, mails);
    const double asio = over_asio(port, mails, 1).cpu;
    ratio = asio / blocking;
    std::printf("CPU per mail, one session: blocking %.1f us, Asio %.1f us: %.2f times\n",
                blocking / mails * 1e6, asio / mails * 1e6, ratio);
  }
  constexpr std::array<int, 4> sessions{1, 10, 100, 1000};
  std::array<std::array<series, sessions.size()>, 2> all;  // with an engine, without
  for (int round = 0; round != 9; ++round) {
    for (std::size_t i = 0; i != sessions.size(); ++i) {
      all[0][i].push_back(over_asio(port, mails, sessions[i]));
      all[1][i].push_back(over_nothing(port, mails, sessions[i]));
    }
  }
  for (std::size_t i = 0; i != sessions.size(); ++i) {
    std::printf("%4d sessions:", sessions[i]);
    for (const auto& way : all) {
      std::printf("%s %.0f mails/s (%.0f %% of the best so far), CPU per mail %.1f us",
                  &way == all.data() ? "" : "; without an engine",
                  mails / least(way[i], &asio_cost::wall), 100 * share_of_best(way, i),
                  least(way[i], &asio_cost::cpu) / mails * 1e6);
    }
    std::printf("\n");
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return 0;
}

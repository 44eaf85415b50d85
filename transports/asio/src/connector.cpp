#include "sansmtp/asio/detail/connector.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "sansmtp/asio/detail/operation.hpp"

namespace sansmtp::detail {
namespace {

using protocol = net::generic::stream_protocol;
using endpoint = connect_request::endpoint;

/// The addresses of both families by turns, beginning with that of the first (RFC 8305 section 4).
std::vector<endpoint> interleave(const std::vector<endpoint>& sorted) {
  std::vector<endpoint> result;
  if (sorted.empty()) return result;
  const int family = sorted.front().protocol().family();
  const auto next_of = [&](bool same, std::size_t from) {
    while (from != sorted.size() && (sorted[from].protocol().family() == family) != same) ++from;
    return from;
  };
  std::size_t first = next_of(true, 0);
  std::size_t second = next_of(false, 0);
  while (result.size() != sorted.size()) {
    for (auto [at, same] : {std::pair(&first, true), std::pair(&second, false)}) {
      if (*at == sorted.size()) continue;
      result.push_back(sorted[*at]);
      *at = next_of(same, *at + 1);
    }
  }
  return result;
}

// How many addresses of a name may refuse to greet.
constexpr unsigned max_greetings = 5;

// How long a server that has refused may take for its leave where QUIT has all the time in the
// world: nobody waits for it, and a socket each would be kept.
constexpr std::chrono::seconds longest_farewell(2);

/// Says QUIT to a server that has refused, and closes when it has answered (SESS-04, NET-03).
class farewell final : public std::enable_shared_from_this<farewell> {
 public:
  explicit farewell(protocol::socket socket)
      : socket_(std::move(socket)), limit_(socket_.get_executor()) {}

  /// Begins. The answer has `most` time; zero: `longest_farewell`.
  void say(std::chrono::milliseconds most) {
    constexpr std::string_view quit = "QUIT\r\n";
    // Nothing was written before, so that a link that still stands takes it at once.
    const int link = socket_.native_handle();
    if (::send(link, quit.data(), quit.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
    limit_.expires_after(most.count() > 0 ? most : longest_farewell);
    limit_.async_wait([self = shared_from_this()](const net_error& error) {
      if (error) return;
      self->over_ = true;
      net_error ignored;
      self->socket_.cancel(ignored);
    });
    read();
  }

 private:
  // To the end: who closes with unread octets resets the link, and QUIT may be lost with it.
  void read() {
    socket_.async_read_some(net::mutable_buffer(heard_.data(), heard_.size()),
                            [self = shared_from_this()](const net_error& error, std::size_t) {
                              if (!error && !self->over_) return self->read();
                              self->limit_.cancel();
                            });
  }

  protocol::socket socket_;
  net::steady_timer limit_;
  bool over_ = false;  // a read that ended just then is none to go on from
  std::array<char, 512> heard_{};
};

class race final : public connector, public std::enable_shared_from_this<race> {
 public:
  race(const net::any_io_executor& executor, connect_request request,
       std::function<void(connect_result)> done)
      : executor_(executor),
        request_(std::move(request)),
        done_(std::move(done)),
        resolver_(executor),
        deadline_(executor),
        next_attempt_(executor) {}

  void post_begin() {
    net::post(executor_, [self = shared_from_this()] { self->begin(); });
  }

  void cancel() override {
    net::post(executor_, [self = shared_from_this()] { self->finish({operation_aborted()}); });
  }

 private:
  void begin() {
    if (!done_) return;  // cancelled
    limit(request_.timeout);
    net_error error;
    if (!request_.local_address.empty()) {
      const auto local = net::ip::make_address(request_.local_address, error);
      if (error) return finish({net::error::make_error_code(net::error::invalid_argument)});
      local_ = endpoint(net::ip::tcp::endpoint(local, 0));
      has_local_ = true;
    }
    if (!request_.endpoints.empty()) return run(std::move(request_.endpoints));
    if (request_.port == 0) {
      constexpr std::size_t longest = sizeof(sockaddr_un::sun_path);
      if (request_.host.size() >= longest) {
        return finish({net::error::make_error_code(net::error::name_too_long)});
      }
      return run({endpoint(net::local::stream_protocol::endpoint(request_.host))});
    }
    // A numeric address needs no thread for a resolver.
    const auto address = net::ip::make_address(request_.host, error);
    if (!error) return run({endpoint(net::ip::tcp::endpoint(address, request_.port))});
    resolver_.async_resolve(
        request_.host, std::to_string(request_.port), net::ip::resolver_base::numeric_service,
        [self = shared_from_this()](const net_error& why,
                                    const net::ip::tcp::resolver::results_type& found) {
          if (!self->done_) return;
          if (why) return self->finish({why});
          std::vector<endpoint> all;
          for (const auto& entry : found) all.emplace_back(entry.endpoint());
          self->run(interleave(all));
        });
  }

  void run(std::vector<endpoint> all) {
    if (has_local_) {
      std::erase_if(all, [this](const endpoint& e) {
        return e.protocol().family() != local_.protocol().family();
      });
    }
    const auto is_avoided = [this](const endpoint& e) {
      return std::find(request_.avoid.begin(), request_.avoid.end(), e) != request_.avoid.end();
    };
    all_avoided_ = std::all_of(all.begin(), all.end(), is_avoided);
    if (!all_avoided_) std::erase_if(all, is_avoided);
    all_ = std::move(all);
    sockets_.reserve(all_.size());
    last_ = net::error::make_error_code(net::error::address_family_not_supported);
    attempt();
  }

  // Sets how long the race may take from now on; zero: for ever.
  void limit(std::chrono::milliseconds most) {
    deadline_.cancel();
    ++limits_;
    if (most.count() <= 0) return;
    deadline_.expires_after(most);
    deadline_.async_wait([self = shared_from_this(), set = limits_](const net_error& error) {
      // It may have fired just before another limit was set.
      if (!error && self->done_ && set == self->limits_) self->time_passed();
    });
  }

  // Name resolution cannot be stopped; its end is not waited for.
  void time_passed() {
    last_ = net::error::make_error_code(net::error::timed_out);
    if (silent_.empty()) return give_up();
    for (const std::size_t which : silent_) {  // each is told, and the next address has its turn
      net_error ignored;
      sockets_[which].cancel(ignored);
    }
  }

  // Begins the next attempt, or ends if all have failed.
  void attempt() {
    while (done_ && sockets_.size() != all_.size()) {
      const std::size_t which = sockets_.size();
      protocol::socket& socket = sockets_.emplace_back(executor_);
      if (const std::error_code error = prepare(socket, all_[which])) {
        last_ = error;
        net_error ignored;
        socket.close(ignored);
        continue;
      }
      ++pending_;
      socket.async_connect(all_[which], [self = shared_from_this(), which](const net_error& error) {
        self->attempt_done(which, error);
      });
      if (sockets_.size() != all_.size()) {
        next_attempt_.expires_after(request_.attempt_delay);
        next_attempt_.async_wait([self = shared_from_this()](const net_error& error) {
          if (!error) self->attempt();
        });
      }
      return;
    }
    if (pending_ == 0) give_up();
  }

  // Ends with what a server said, which tells more than that others could not be reached.
  void give_up() {
    if (!refused_) return finish({last_});
    finish_with(*std::exchange(refused_, std::nullopt));
  }

  void finish_with(std::size_t which) {
    net_error why;
    const int handle = sockets_[which].release(why);
    finish({why, connected_socket(handle, all_[which].protocol().family()), all_[which],
            has_others()});
  }

  // Are there addresses that were not tried to the end?
  [[nodiscard]] bool has_others() const {
    return !all_avoided_ && (pending_ != 0 || sockets_.size() != all_.size());
  }

  std::error_code prepare(protocol::socket& socket, const endpoint& to) const {
    net_error error;
    socket.open(to.protocol(), error);
    if (error) return error;
    // Each write is a whole group already, so waiting for more could only stall (it fails for a
    // Unix socket, which never does).
    net_error ignored;
    socket.set_option(net::ip::tcp::no_delay(true), ignored);
    if (has_local_) socket.bind(local_, error);
    return error;
  }

  void attempt_done(std::size_t which, const net_error& error) {
    --pending_;
    if (!done_ || error) return fail(which, error);
    if (!request_.greeted || refusals_ + 1 >= max_greetings || (!has_others() && !refused_)) {
      return finish_with(which);
    }
    // Whoever is there has no rival that is not on its way already, however long it takes to greet.
    next_attempt_.cancel();
    ++pending_;
    silent_.push_back(which);
    limit(request_.greeting_timeout);
    sockets_[which].async_wait(
        protocol::socket::wait_read,
        [self = shared_from_this(), which](const net_error& why) { self->heard(which, why); });
  }

  // A server has said something, or has closed. Its octets stay where they are, for whoever gets
  // the socket: the first one is the first digit of a code.
  void heard(std::size_t which, const net_error& error) {
    --pending_;
    std::erase(silent_, which);
    if (!done_) return fail(which, error);
    char first = 0;
    const ssize_t n =
        error ? -1 : ::recv(sockets_[which].native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 1 && first != '4' && first != '5') return finish_with(which);
    ++refusals_;
    if (silent_.empty()) limit(request_.timeout);
    if (n == 1) {
      dismiss();
      refused_ = which;
      return next();
    }
    if (error) return fail(which, error);
    if (n == 0) return fail(which, net::error::make_error_code(net::error::eof));
    fail(which, net::error::make_error_code(net::error::connection_reset));
  }

  void fail(std::size_t which, const net_error& error) {
    net_error ignored;
    sockets_[which].close(ignored);
    if (!done_) return;
    // A wait that was cut short has run out of time, as is known already.
    if (error != net::error::operation_aborted) last_ = error;
    next();
  }

  // What has failed needs no head start any more. Should the timer have fired just now, its handler
  // begins the attempt after this one a little early.
  void next() {
    next_attempt_.cancel();
    attempt();
  }

  // Takes leave of the server that refused last.
  void dismiss() {
    if (!refused_) return;
    std::make_shared<farewell>(std::move(sockets_[*std::exchange(refused_, std::nullopt)]))
        ->say(request_.quit_timeout);
  }

  void finish(connect_result result) {
    const auto done = std::exchange(done_, nullptr);
    if (!done) return;
    dismiss();
    resolver_.cancel();
    deadline_.cancel();
    next_attempt_.cancel();
    // Each is closed at its attempt's end: one that is closed under it is taken for its successor
    // by the io_uring service of Asio 1.22.
    for (protocol::socket& socket : sockets_) {
      net_error ignored;
      socket.cancel(ignored);
    }
    done(std::move(result));
  }

  net::any_io_executor executor_;
  connect_request request_;
  std::function<void(connect_result)> done_;
  net::ip::tcp::resolver resolver_;
  net::steady_timer deadline_;
  net::steady_timer next_attempt_;
  endpoint local_;
  bool has_local_ = false;
  std::vector<endpoint> all_;
  bool all_avoided_ = false;  // no address was left but those to avoid
  std::vector<protocol::socket> sockets_;
  std::size_t pending_ = 0;
  std::vector<std::size_t> silent_;     // connected, and not greeted yet
  std::optional<std::size_t> refused_;  // the last one that did not want to, still connected
  unsigned refusals_ = 0;
  unsigned limits_ = 0;  // that were set
  std::error_code last_;
};

}  // namespace

std::shared_ptr<connector> connector::start(const net::any_io_executor& executor,
                                            connect_request request,
                                            std::function<void(connect_result)> done) {
  const auto made = std::make_shared<race>(executor, std::move(request), std::move(done));
  made->post_begin();
  return made;
}

std::error_code operation_aborted() noexcept {
  return net::error::make_error_code(net::error::operation_aborted);
}

std::error_code not_connected() noexcept {
  return net::error::make_error_code(net::error::not_connected);
}

connected_socket::~connected_socket() {
  if (handle_ >= 0) ::close(handle_);
}

std::uint16_t port_of(const connect_request::endpoint& address) noexcept {
  // The port is at the same place for both families.
  sockaddr_in internet{};
  const int family = address.protocol().family();
  if (family != AF_INET && family != AF_INET6) return 0;
  std::memcpy(&internet, address.data(), std::min(sizeof internet, address.size()));
  return ntohs(internet.sin_port);
}

std::string local_address_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  std::array<char, NI_MAXHOST> host{};
  if (::getsockname(socket, generic, &size) != 0 ||
      (address.ss_family != AF_INET && address.ss_family != AF_INET6) ||
      ::getnameinfo(generic, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return {};
  }
  return host.data();
}

}  // namespace sansmtp::detail

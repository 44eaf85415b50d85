#include "sansmtp/asio/detail/connector.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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
    if (request_.timeout.count() > 0) {
      deadline_.expires_after(request_.timeout);
      deadline_.async_wait([self = shared_from_this()](const net_error& error) {
        // Name resolution cannot be stopped; its end is not waited for.
        if (!error) self->finish({net::error::make_error_code(net::error::timed_out)});
      });
    }
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
    if (pending_ == 0) finish({last_});
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
    if (!done_ || error) {
      net_error ignored;
      sockets_[which].close(ignored);
    }
    if (!done_) return;
    if (error) {
      last_ = error;
      // What has failed needs no head start any more. Should the timer have fired just now, its
      // handler begins the attempt after this one a little early.
      next_attempt_.cancel();
      return attempt();
    }
    net_error why;
    const int handle = sockets_[which].release(why);
    const bool others = !all_avoided_ && (pending_ != 0 || sockets_.size() != all_.size());
    finish({why, connected_socket(handle, all_[which].protocol().family()), all_[which], others});
  }

  void finish(connect_result result) {
    const auto done = std::exchange(done_, nullptr);
    if (!done) return;
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

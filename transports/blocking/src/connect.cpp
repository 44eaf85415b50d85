#include "connect.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>

#include "sansmtp/blocking/resolver_category.hpp"

namespace sansmtp::blocking {
namespace {

using clock = std::chrono::steady_clock;
using address_list = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::error_code resolve(const std::string& host, const std::string& port, int flags,
                        address_list& out) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const int error =
      ::getaddrinfo(host.c_str(), port.empty() ? nullptr : port.c_str(), &hints, &list);
  if (error == EAI_SYSTEM) return system_error(errno);
  if (error != 0) return {error, resolver_category()};
  out.reset(list);
  return {};
}

struct numeric_address {
  std::string host;  // empty for a Unix socket
  std::string port;
};

numeric_address numeric(const sockaddr* address, socklen_t size) {
  std::string host(NI_MAXHOST, '\0');
  std::string port(NI_MAXSERV, '\0');
  if (address->sa_family != AF_INET && address->sa_family != AF_INET6) return {};
  if (::getnameinfo(address, size, host.data(), NI_MAXHOST, port.data(), NI_MAXSERV,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return {host.c_str(), port.c_str()};
}

std::string text_of(const sockaddr* address, socklen_t size) {
  const numeric_address n = numeric(address, size);
  if (n.host.empty()) return "unix:";
  return (address->sa_family == AF_INET6 ? '[' + n.host + ']' : n.host) + ':' + n.port;
}

/// The end of a connection as the system wants it.
struct endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* generic() const {
    return reinterpret_cast<const sockaddr*>(&address);
  }
};

std::error_code ip_endpoint(const std::string& host, const std::string& port, endpoint& out) {
  address_list list(nullptr, &::freeaddrinfo);
  const std::error_code error = resolve(host, port, AI_NUMERICHOST | AI_NUMERICSERV, list);
  if (error) return error;
  std::memcpy(&out.address, list->ai_addr, list->ai_addrlen);
  out.size = list->ai_addrlen;
  return {};
}

std::error_code endpoint_of(const server_address& at, endpoint& out) {
  if (at.is_unix()) {
    sockaddr_un local{};
    if (at.host.size() >= sizeof local.sun_path) {
      return std::make_error_code(std::errc::filename_too_long);
    }
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, at.host.c_str(), at.host.size() + 1);
    std::memcpy(&out.address, &local, sizeof local);
    out.size = sizeof local;
    return {};
  }
  return ip_endpoint(at.host, std::to_string(at.port), out);
}

/// The addresses of both families by turns, beginning with that of the first.
std::vector<const addrinfo*> interleave(const addrinfo* sorted) {
  std::vector<const addrinfo*> first;
  std::vector<const addrinfo*> second;
  for (const addrinfo* a = sorted; a != nullptr; a = a->ai_next) {
    (a->ai_family == sorted->ai_family ? first : second).push_back(a);
  }
  std::vector<const addrinfo*> result;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) result.push_back(first[i]);
    if (i < second.size()) result.push_back(second[i]);
  }
  return result;
}

/// Connection attempts to a server's addresses, each with a head start before the next one.
class race {
 public:
  race(const std::vector<server_address>& addresses, const client_options& options)
      : addresses_(addresses), options_(options) {}

  /// Returns the index of the address that accepted; else nothing, and `error` says why.
  std::optional<std::size_t> run(descriptor& connected) {
    const clock::time_point begin = now_ = next_at_ = clock::now();
    const milliseconds timeout = options_.connect_timeout;
    while (begun_ != addresses_.size() || !under_way_.empty()) {
      if (is_to_stop(options_)) {
        error_ = errc::aborted;
        return std::nullopt;
      }
      std::optional<std::size_t> accepted;
      if (begun_ != addresses_.size() && (under_way_.empty() || now_ >= next_at_)) {
        accepted = begin_next(connected);
      } else {
        std::optional<clock::time_point> until;
        if (timeout.count() > 0) until = begin + timeout;
        if (until && now_ >= *until) {
          error_ = std::make_error_code(std::errc::timed_out);
          return std::nullopt;
        }
        if (begun_ != addresses_.size() && (!until || next_at_ < *until)) until = next_at_;
        accepted = wait(until, connected);
      }
      if (accepted) return accepted;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::error_code error() const { return error_; }
  /// The indices of the addresses that cannot be connected to, in no order.
  [[nodiscard]] const std::vector<std::size_t>& failed() const { return failed_; }
  /// How many have been tried.
  [[nodiscard]] std::size_t begun() const { return begun_; }

 private:
  using milliseconds = std::chrono::milliseconds;
  struct attempt {
    std::size_t which;
    descriptor socket;
  };

  std::optional<std::size_t> begin_next(descriptor& connected) {
    const std::size_t which = begun_++;
    descriptor made;
    const std::error_code error = connect(addresses_[which], made);
    if (!error) {
      connected = std::move(made);
      return which;
    }
    if (error == std::errc::operation_in_progress) {
      under_way_.push_back({which, std::move(made)});
      next_at_ = now_ + options_.attempt_delay;
    } else {
      fail(which, error);
    }
    return std::nullopt;
  }

  std::error_code connect(const server_address& to, descriptor& out) const {
    endpoint remote;
    if (const std::error_code error = endpoint_of(to, remote)) return error;
    out.reset(::socket(remote.generic()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!out) return system_error(errno);
    // The window that is announced depends on the buffer, so it is set before the connection is
    // there.
    const auto set = [&out](int name, int octets) {
      return octets <= 0 || ::setsockopt(out.get(), SOL_SOCKET, name, &octets, sizeof octets) == 0;
    };
    if (!set(SO_SNDBUF, options_.send_buffer) || !set(SO_RCVBUF, options_.receive_buffer)) {
      return system_error(errno);
    }
    if (!options_.local_address.empty()) {
      endpoint local;  // the system chooses the port
      if (const std::error_code error = ip_endpoint(options_.local_address, {}, local))
        return error;
      if (::bind(out.get(), local.generic(), local.size) != 0) return system_error(errno);
    }
    if (::connect(out.get(), remote.generic(), remote.size) == 0) return {};
    // An interrupted attempt goes on in the background, like one that would block.
    return errno == EINTR ? std::make_error_code(std::errc::operation_in_progress)
                          : system_error(errno);
  }

  // Until one attempt has come to its end, or the time has.
  std::optional<std::size_t> wait(std::optional<clock::time_point> until, descriptor& connected) {
    std::vector<pollfd> entries;
    for (const attempt& a : under_way_) entries.push_back({a.socket.get(), POLLOUT, 0});
    int timeout = -1;
    if (until) {
      const auto left = std::chrono::ceil<milliseconds>(*until - now_).count();
      timeout = static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
    }
    const int ready = ::poll(entries.data(), entries.size(), timeout);
    now_ = clock::now();
    if (ready <= 0) return std::nullopt;
    for (std::size_t i = entries.size(); i-- != 0;) {
      if (entries[i].revents == 0) continue;
      const auto at = under_way_.begin() + static_cast<std::ptrdiff_t>(i);
      const std::size_t which = at->which;
      int error = 0;
      socklen_t size = sizeof error;
      if (::getsockopt(at->socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      if (error == 0) {
        connected = std::move(at->socket);
        return which;
      }
      under_way_.erase(at);
      fail(which, system_error(error));
    }
    return std::nullopt;
  }

  // What has failed needs no head start any more.
  void fail(std::size_t which, std::error_code why) {
    failed_.push_back(which);
    error_ = why;
    next_at_ = now_;
  }

  const std::vector<server_address>& addresses_;
  const client_options& options_;
  std::size_t begun_ = 0;
  std::vector<attempt> under_way_;
  std::vector<std::size_t> failed_;
  clock::time_point now_;
  clock::time_point next_at_;
  std::error_code error_;
};

}  // namespace

bool is_to_stop(const client_options& options) {
  return options.stop && options.stop() != stop_request::no;
}

std::error_code system_error(int error) { return {error, std::generic_category()}; }

std::string peer_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  return ::getpeername(socket, generic, &size) == 0 ? text_of(generic, size) : std::string();
}

std::string local_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  return ::getsockname(socket, generic, &size) == 0 ? numeric(generic, size).host : std::string();
}

std::error_code find_addresses(const server_address& server, const client_options& options,
                               std::vector<server_address>& found) {
  found.clear();
  if (server.is_unix()) {
    if (!options.local_address.empty()) {
      return std::make_error_code(std::errc::address_family_not_supported);
    }
    found.push_back(server);
    return {};
  }
  address_list local(nullptr, &::freeaddrinfo);
  if (!options.local_address.empty()) {
    const std::error_code error = resolve(options.local_address, {}, AI_NUMERICHOST, local);
    if (error) return std::make_error_code(std::errc::invalid_argument);
  }
  address_list addresses(nullptr, &::freeaddrinfo);
  const std::error_code error =
      resolve(server.host, std::to_string(server.port), AI_NUMERICSERV, addresses);
  if (error) return error;
  for (const addrinfo* a : interleave(addresses.get())) {
    if (local && local->ai_family != a->ai_family) continue;
    const numeric_address n = numeric(a->ai_addr, a->ai_addrlen);
    if (!n.host.empty()) found.push_back({n.host, server.port});
  }
  if (!found.empty()) return {};
  return std::make_error_code(std::errc::address_family_not_supported);
}

std::error_code take_addresses(const std::vector<server_address>& given,
                               const client_options& options, std::vector<server_address>& found) {
  found.clear();
  std::error_code error;
  std::vector<server_address> one;
  for (const server_address& address : given) {
    endpoint numeric_one;
    error = endpoint_of(address, numeric_one);  // fails for a name, and looks nothing up
    if (!error) error = find_addresses(address, options, one);
    if (!error) found.insert(found.end(), one.begin(), one.end());
  }
  return found.empty() ? error : std::error_code();
}

std::error_code connect_to(std::vector<server_address>& addresses, const client_options& options,
                           descriptor& connected, std::string& tried) {
  race attempts(addresses, options);
  const std::optional<std::size_t> accepted = attempts.run(connected);
  if (attempts.begun() != 0) tried = to_string(addresses[accepted.value_or(attempts.begun() - 1)]);
  std::vector<std::size_t> over = attempts.failed();
  if (accepted) over.push_back(*accepted);
  std::sort(over.begin(), over.end(), std::greater<>());
  for (const std::size_t which : over) {
    addresses.erase(addresses.begin() + static_cast<std::ptrdiff_t>(which));
  }
  return accepted ? std::error_code() : attempts.error();
}

}  // namespace sansmtp::blocking

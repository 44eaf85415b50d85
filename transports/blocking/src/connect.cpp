#include "connect.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <memory>

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

// Waits for the end of a connection attempt that is under way.
std::error_code finish_connect(int socket, std::chrono::milliseconds timeout) {
  const clock::time_point end = clock::now() + timeout;
  for (;;) {
    int wait = -1;
    if (timeout.count() > 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()).count();
      wait = static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
    }
    pollfd entry{socket, POLLOUT, 0};
    const int ready = ::poll(&entry, 1, wait);
    if (ready == 0) return std::make_error_code(std::errc::timed_out);
    if (ready < 0 && errno != EINTR) return system_error(errno);
    if (ready > 0) break;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error != 0 ? system_error(error) : std::error_code();
}

std::error_code attempt(const sockaddr* address, socklen_t size, const addrinfo* local,
                        const client_options& options, descriptor& out) {
  descriptor made(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made) return system_error(errno);
  // The window that is announced depends on the buffer, so it is set before the connection is
  // there.
  const auto set = [&made](int name, int octets) {
    return octets <= 0 || ::setsockopt(made.get(), SOL_SOCKET, name, &octets, sizeof octets) == 0;
  };
  if (!set(SO_SNDBUF, options.send_buffer) || !set(SO_RCVBUF, options.receive_buffer)) {
    return system_error(errno);
  }
  if (local != nullptr && ::bind(made.get(), local->ai_addr, local->ai_addrlen) != 0) {
    return system_error(errno);
  }
  if (::connect(made.get(), address, size) != 0) {
    // An interrupted attempt goes on in the background, like one that would block.
    if (errno != EINPROGRESS && errno != EINTR) return system_error(errno);
    const std::error_code error = finish_connect(made.get(), options.connect_timeout);
    if (error) return error;
  }
  out = std::move(made);
  return {};
}

std::error_code connect_unix(const std::string& path, const client_options& options,
                             descriptor& connected) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!options.local_address.empty()) {
    return std::make_error_code(std::errc::address_family_not_supported);
  }
  if (path.size() >= sizeof address.sun_path) {
    return std::make_error_code(std::errc::filename_too_long);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return attempt(reinterpret_cast<const sockaddr*>(&address), sizeof address, nullptr, options,
                 connected);
}

}  // namespace

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

std::error_code connect_to(const server_address& server, const client_options& options,
                           descriptor& connected, std::string& tried) {
  tried = to_string(server);
  if (server.is_unix()) return connect_unix(server.host, options, connected);

  address_list local(nullptr, &::freeaddrinfo);
  if (!options.local_address.empty()) {
    const std::error_code error = resolve(options.local_address, {}, AI_NUMERICHOST, local);
    if (error) return std::make_error_code(std::errc::invalid_argument);
  }
  address_list addresses(nullptr, &::freeaddrinfo);
  std::error_code error =
      resolve(server.host, std::to_string(server.port), AI_NUMERICSERV, addresses);
  if (error) return error;

  error = std::make_error_code(std::errc::address_family_not_supported);
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    if (local && local->ai_family != a->ai_family) continue;
    tried = text_of(a->ai_addr, a->ai_addrlen);
    error = attempt(a->ai_addr, a->ai_addrlen, local.get(), options, connected);
    if (!error) break;
  }
  return error;
}

}  // namespace sansmtp::blocking

#include "sink/listener.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "failure.hpp"
#include "sink/text.hpp"

namespace sansmtp::cli::serving {
namespace {

listener listen_unix(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof address.sun_path) {
    throw failure(exit_code::usage, fmt::format("a Unix socket's path has 1 to {} octets",
                                                sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  const auto open_socket = [] {
    return descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  };
  listener result{open_socket(), "unix:" + name, 0, {}};
  const auto bind = [&] { return ::bind(result.fd.get(), generic, sizeof address) == 0; };
  bool bound = bind();
  if (!bound && errno == EADDRINUSE) {
    // A socket that nobody listens on any more is left over from a sink that was killed.
    std::error_code ignored;
    if (std::filesystem::is_socket(name, ignored) &&
        ::connect(open_socket().get(), generic, sizeof address) != 0 && errno == ECONNREFUSED) {
      ::unlink(name.c_str());
      bound = bind();
    } else {
      errno = EADDRINUSE;
    }
  }
  if (!bound || ::listen(result.fd.get(), SOMAXCONN) != 0) {
    fail(exit_code::unavailable, fmt::format("cannot listen on {}", result.address), errno);
  }
  result.unix_path = name;
  return result;
}

listener listen_tcp(const std::string& where) {
  const std::size_t colon = where.rfind(':');
  std::string host = where.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : where.substr(colon + 1);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const std::optional<std::uint64_t> number = parse_number(port);
  if (host.empty() || !number || *number > 65535 || (!brackets && host.find(':') != host.npos)) {
    throw failure(exit_code::usage,
                  fmt::format("'{}' is not HOST:PORT, [V6]:PORT or unix:/path", where));
  }

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    throw failure(exit_code::no_host,
                  fmt::format("cannot listen on {}: {}", where, gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  int error = 0;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    descriptor fd(::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    sockaddr_storage name{};
    auto* const generic = reinterpret_cast<sockaddr*>(&name);
    socklen_t size = sizeof name;
    if (fd.get() < 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), a->ai_addr, a->ai_addrlen) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
        ::getsockname(fd.get(), generic, &size) != 0) {
      error = errno;
      continue;
    }
    std::array<char, NI_MAXHOST> shown{};
    ::getnameinfo(generic, size, shown.data(), shown.size(), nullptr, 0, NI_NUMERICHOST);
    const bool v6 = name.ss_family == AF_INET6;
    const std::uint16_t bound = ntohs(v6 ? reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port
                                         : reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
    const std::string numeric = v6 ? fmt::format("[{}]", shown.data()) : shown.data();
    return {std::move(fd), fmt::format("{}:{}", numeric, bound), bound, {}};
  }
  fail(exit_code::unavailable, fmt::format("cannot listen on {}", where), error);
}

}  // namespace

listener open_listener(const std::string& where) {
  constexpr std::string_view prefix = "unix:";
  return where.starts_with(prefix) ? listen_unix(where.substr(prefix.size())) : listen_tcp(where);
}

}  // namespace sansmtp::cli::serving

#include "sansmtp/script_peer/peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace sansmtp::script {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::error_code last_error() { return {errno, std::generic_category()}; }

/// Waits until the socket is readable: 1, or 0 if the time is up, or -1.
int wait_readable(int socket, milliseconds most) {
  pollfd entry{socket, POLLIN, 0};
  const auto ms = static_cast<int>(std::clamp<long long>(most.count(), 0, 1'000'000'000));
  int ready = 0;
  do ready = ::poll(&entry, 1, ms);
  while (ready < 0 && errno == EINTR);
  return ready;
}

bool write_all(int socket, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t n = ::send(socket, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

peer::peer(const transcript& t, peer_options options) : transcript_(t), options_(options) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(options_.port);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const int on = 1;
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener_ < 0 || ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(listener_, generic, size) != 0 || ::listen(listener_, 1) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    error_ = last_error();
    return;
  }
  port_ = ntohs(address.sin_port);
}

peer::~peer() {
  if (listener_ >= 0) ::close(listener_);
}

peer_result peer::serve() {
  peer_result result;
  result.error = error_;
  if (error_) return result;
  if (wait_readable(listener_, options_.patience) == 0) {
    result.error = std::make_error_code(std::errc::timed_out);
    return result;
  }
  const int link = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (link < 0) {
    result.error = last_error();
    return result;
  }
  const int on = 1;
  static_cast<void>(::setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  result = serve(link);
  ::close(link);
  return result;
}

peer_result peer::serve(int link) {
  scripted_server server(transcript_, options_.how);
  peer_result result;
  const auto begin = clock::now();
  // The transcript's time, which may run faster.
  const auto now = [&] {
    return std::chrono::duration_cast<milliseconds>((clock::now() - begin) * options_.speed);
  };
  std::array<char, 16 * 1024> buffer{};
  while (!result.error) {
    const std::string out = server.output(now());
    if (!out.empty() && !write_all(link, out)) result.error = last_error();
    if (server.closing() || result.error) break;
    milliseconds wait = options_.patience;
    const auto due = server.deadline();
    if (due) {
      const auto left = std::chrono::ceil<milliseconds>((*due - now()) / options_.speed);
      if (left <= milliseconds(0)) continue;
      wait = std::max(milliseconds(1), left);
    }
    const int ready = wait_readable(link, wait);
    if (ready == 0 && due) continue;
    if (ready == 0) {
      result.error = std::make_error_code(std::errc::timed_out);
      break;
    }
    const ssize_t n = ::recv(link, buffer.data(), buffer.size(), 0);
    if (n > 0) {
      server.receive(now(), {buffer.data(), static_cast<std::size_t>(n)});
    } else if (n == 0) {
      server.receive_end(now());
    } else if (errno == ECONNRESET) {
      server.receive_end(now());  // some clients leave so
    } else if (errno != EINTR) {
      result.error = last_error();
    }
  }
  if (server.resetting()) {
    const linger at_once{1, 0};
    static_cast<void>(::setsockopt(link, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
  } else {
    // What the client still says is read, or it would see a reset instead of the end.
    static_cast<void>(::shutdown(link, SHUT_WR));
    while (!server.wrong() && wait_readable(link, options_.patience) > 0) {
      const ssize_t n = ::recv(link, buffer.data(), buffer.size(), 0);
      if (n <= 0) break;
      server.receive(now(), {buffer.data(), static_cast<std::size_t>(n)});
    }
  }
  result.wrong = server.wrong();
  result.said = server.said();
  return result;
}

}  // namespace sansmtp::script

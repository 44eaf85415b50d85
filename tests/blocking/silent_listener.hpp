// A server that lets connections hang.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sansmtp::test {

/// Listens on loopback, and is never accepted from.
class silent_listener {
 public:
  explicit silent_listener(int backlog) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(fd_, generic(), size), 0);
    EXPECT_EQ(::listen(fd_, backlog), 0);
    EXPECT_EQ(::getsockname(fd_, generic(), &size), 0);
  }
  silent_listener(const silent_listener&) = delete;
  silent_listener& operator=(const silent_listener&) = delete;
  ~silent_listener() {
    for (const int fd : fillers_) ::close(fd);
    ::close(fd_);
  }

  [[nodiscard]] bool has_connection() const {
    pollfd entry{fd_, POLLIN, 0};
    return ::poll(&entry, 1, 50) > 0;
  }

  /// Fills the queue of connections until one hangs. False if that cannot be done here.
  bool fill() {
    for (int i = 0; i != 8; ++i) {
      fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(fillers_.back(), generic(), sizeof address_);
      pollfd entry{fillers_.back(), POLLOUT, 0};
      if (::poll(&entry, 1, 100) == 0) return true;
    }
    return false;
  }

  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }

  int fd_;
  sockaddr_in address_{};
  std::vector<int> fillers_;
};

}  // namespace sansmtp::test

// A server for tests that does exactly what a script says, however wrong that is.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sansmtp::test {

/// The server's end of a connection. All waits are bounded, by more than a busy machine needs; a
/// script that waits in vain goes on, and the test sees what is missing.
class server_link {
 public:
  explicit server_link(int fd) : fd_(fd) {
    // What is said leaves at once; it fails for a Unix socket, where it always does.
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  server_link(const server_link&) = delete;
  server_link& operator=(const server_link&) = delete;
  ~server_link() { hang_up(); }

  /// Writes all of `octets`, waiting as long as it takes.
  bool say(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t n = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Reads until `end` has come, and returns all up to there; what came so far at the end of the
  /// stream or after a minute.
  std::string hear(std::string_view end = "\r\n") {
    std::size_t at = 0;
    while ((at = heard_.find(end)) == std::string::npos && receive()) {
    }
    const std::size_t size = at == std::string::npos ? heard_.size() : at + end.size();
    std::string result = heard_.substr(0, size);
    heard_.erase(0, size);
    return result;
  }

  /// Reads to the end of the stream.
  std::string hear_all() {
    while (receive()) {
    }
    return std::exchange(heard_, {});
  }

  /// A greeting, and an answer to EHLO.
  void open(std::string_view ehlo = "250-mx.test\r\n250 PIPELINING\r\n") {
    say("220 mx.test\r\n");
    hear();
    say(ehlo);
  }

  /// Answers `commands` MAIL, RCPT and DATA lines with 250 and 354, then the content, all at once.
  /// Returns the content.
  std::string take_mail(int recipients = 1) {
    for (int i = 0; i != recipients + 2; ++i) hear();
    std::string replies;
    for (int i = 0; i != recipients + 1; ++i) replies += "250 ok\r\n";
    say(replies + "354 go\r\n");
    std::string content = hear("\r\n.\r\n");
    say("250 taken\r\n");
    return content;
  }

  void hang_up() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  /// Closes so that the peer gets a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    hang_up();
  }

  [[nodiscard]] int fd() const { return fd_; }

 private:
  bool receive() {
    pollfd entry{fd_, POLLIN, 0};
    if (::poll(&entry, 1, 60'000) <= 0) return false;
    char buffer[64 * 1024];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    heard_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  std::string heard_;
};

/// Listens on loopback or a Unix socket and runs the script once for each of `connections`
/// connections, in a thread of its own. The destructor waits for the script's end.
class scripted_server {
 public:
  struct where {
    std::string address = "127.0.0.1";  ///< Or "::1", or a path.
    int buffers = 0;                    ///< SO_SNDBUF and SO_RCVBUF; 0: the system's.
    int connections = 1;
    bool at_once = false;  ///< Each connection has a thread of its own.
  };
  using script = std::function<void(server_link&)>;

  explicit scripted_server(script play) : scripted_server(where{}, std::move(play)) {}

  scripted_server(const where& w, script play)
      : play_(std::move(play)), left_(w.connections), at_once_(w.at_once) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (w.address.front() == '/') {
      auto* const a = reinterpret_cast<sockaddr_un*>(&storage);
      a->sun_family = AF_UNIX;
      std::memcpy(a->sun_path, w.address.c_str(), w.address.size() + 1);
      size = sizeof *a;
      path_ = w.address;
      address_ = "unix:" + w.address;
    } else if (w.address.find(':') != std::string::npos) {
      auto* const a = reinterpret_cast<sockaddr_in6*>(&storage);
      a->sin6_family = AF_INET6;
      ::inet_pton(AF_INET6, w.address.c_str(), &a->sin6_addr);
      size = sizeof *a;
    } else {
      auto* const a = reinterpret_cast<sockaddr_in*>(&storage);
      a->sin_family = AF_INET;
      ::inet_pton(AF_INET, w.address.c_str(), &a->sin_addr);
      size = sizeof *a;
    }
    auto* const generic = reinterpret_cast<sockaddr*>(&storage);
    listening_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (w.buffers > 0) {
      ::setsockopt(listening_, SOL_SOCKET, SO_SNDBUF, &w.buffers, sizeof w.buffers);
      ::setsockopt(listening_, SOL_SOCKET, SO_RCVBUF, &w.buffers, sizeof w.buffers);
    }
    if (::bind(listening_, generic, size) != 0 || ::listen(listening_, 8) != 0) {
      throw std::runtime_error(std::strerror(errno));
    }
    size = sizeof storage;
    ::getsockname(listening_, generic, &size);
    if (path_.empty()) {
      port_ =
          ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                                              : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
      const bool v6 = storage.ss_family == AF_INET6;
      address_ = (v6 ? '[' + w.address + ']' : w.address) + ':' + std::to_string(port_);
    }
    thread_ = std::thread([this] { serve(); });
  }

  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;
  ~scripted_server() { join(); }

  /// Waits until the script is over: then what it recorded may be looked at.
  void join() {
    awaited_ = true;
    if (thread_.joinable()) thread_.join();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
    if (listening_ >= 0) ::close(std::exchange(listening_, -1));
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void serve() {
    for (; left_ > 0; --left_) {
      pollfd entry{listening_, POLLIN, 0};
      // A client that has not come when the script's end is awaited never will.
      while (::poll(&entry, 1, 20) == 0) {
        if (awaited_) return;
      }
      const int fd = ::accept(listening_, nullptr, nullptr);
      if (fd < 0) return;
      const auto play = [this, fd] {
        server_link link(fd);
        play_(link);
      };
      if (at_once_) {
        threads_.emplace_back(play);
      } else {
        play();
      }
    }
  }

  script play_;
  int left_;
  bool at_once_;
  std::atomic<bool> awaited_ = false;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::string path_;
  std::string address_;
  std::thread thread_;
  std::vector<std::thread> threads_;
};

}  // namespace sansmtp::test

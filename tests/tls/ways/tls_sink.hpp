// A server with TLS on loopback, for mails that shall arrive, or not.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "memory_server.hpp"

namespace sansmtp::test {

/// Takes connections over TCP and a Unix socket, and each mail inside of TLS.
class tls_sink {
 public:
  /// What came in.
  struct seen {
    std::string clear;   // before TLS
    std::string inside;  // within it
  };

  /// What it does when the client has said STARTTLS.
  enum class handshake { good, closes, is_silent, in_clear_text };

  tls_sink(const server_options& shown, bool implicit, handshake how = handshake::good)
      : context_(shown), implicit_(implicit), handshake_(how) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tcp_ = listen_at(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    if (::getsockname(tcp_, reinterpret_cast<sockaddr*>(&address), &size) != 0) throw failed();
    port_ = ntohs(address.sin_port);

    static std::atomic<int> last = 0;
    path_ = "/tmp/sansmtp-tls-" + std::to_string(::getpid()) + '-' + std::to_string(++last);
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, path_.c_str(), path_.size() + 1);
    unix_ = listen_at(AF_UNIX, reinterpret_cast<const sockaddr*>(&local), sizeof local);
    if (::pipe(end_) != 0) throw failed();
    thread_ = std::thread([this] { run(); });
  }
  tls_sink(const tls_sink&) = delete;
  tls_sink& operator=(const tls_sink&) = delete;
  ~tls_sink() { static_cast<void>(finish()); }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// A socket that is connected to it.
  [[nodiscard]] int connect() const {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port_);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) throw failed();
    return fd;
  }

  /// All that came in, once every client that has connected is gone. The end of the sink.
  seen finish() {
    if (thread_.joinable()) {
      ::close(end_[1]);
      thread_.join();
      for (std::thread& t : links_) t.join();
      for (const int fd : {tcp_, unix_, end_[0]}) ::close(fd);
      ::unlink(path_.c_str());
    }
    return seen_;
  }

 private:
  static std::runtime_error failed() {
    return std::runtime_error("the test's server cannot be set up");
  }

  static int listen_at(int family, const sockaddr* address, socklen_t size) {
    const int fd = ::socket(family, SOCK_STREAM, 0);
    if (::bind(fd, address, size) != 0 || ::listen(fd, 16) != 0) throw failed();
    return fd;
  }

  void run() {
    for (bool over = false;;) {
      pollfd all[]{{tcp_, POLLIN, 0}, {unix_, POLLIN, 0}, {end_[0], POLLIN, 0}};
      if (::poll(all, over ? 2 : 3, over ? 0 : -1) <= 0) return;
      over = over || all[2].revents != 0;
      for (const pollfd& p : {all[0], all[1]}) {
        if (p.revents == 0) continue;
        links_.emplace_back([this, fd = ::accept(p.fd, nullptr, nullptr)] {
          serve(fd);
          ::close(fd);
        });
      }
    }
  }

  void serve(int fd) {
    std::unique_ptr<memory_server> tls;
    if (implicit_) tls = std::make_unique<memory_server>(context_);
    std::string lines;
    bool greeted = false;
    bool content = false;
    const auto write = [fd](std::string_view octets) {
      while (!octets.empty()) {
        const ssize_t n = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        octets.remove_prefix(static_cast<std::size_t>(n));
      }
    };
    const auto say = [&](std::string_view text) {
      if (!tls) return write(text);
      tls->say(text);
      write(tls->drain());
    };
    for (;;) {
      if (!greeted && (!tls || tls->done())) {
        greeted = true;
        say("220 mail.test\r\n");
      }
      char buffer[4096];
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      const std::string_view octets(buffer, static_cast<std::size_t>(n));
      if (tls) {
        tls->feed(as_bytes(octets));
        write(tls->drain());
        note(&seen::inside, tls->heard);
        lines += std::exchange(tls->heard, {});
      } else {
        note(&seen::clear, octets);
        lines += octets;
      }
      for (std::size_t end; (end = lines.find("\r\n")) != std::string::npos;) {
        const std::string line = lines.substr(0, end);
        lines.erase(0, end + 2);
        if (content) {
          if (line != ".") continue;
          content = false;
          say("250 taken\r\n");
        } else if (line == "STARTTLS") {
          say("220 go\r\n");
          if (handshake_ == handshake::closes) return;
          if (handshake_ != handshake::good) {
            while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
              if (handshake_ == handshake::in_clear_text) return write("500 what?\r\n");
            }
            return;
          }
          tls = std::make_unique<memory_server>(context_);
        } else if (line.starts_with("EHLO")) {
          say(tls ? "250 mail.test\r\n" : "250-mail.test\r\n250 STARTTLS\r\n");
        } else if (line == "DATA") {
          say("354 go\r\n");
          content = true;
        } else {
          say(line == "QUIT" ? "221 bye\r\n" : "250 ok\r\n");
        }
      }
    }
  }

  void note(std::string seen::*where, std::string_view octets) {
    const std::lock_guard lock(mutex_);
    seen_.*where += octets;
  }

  memory_server_context context_;
  const bool implicit_;
  const handshake handshake_;
  int tcp_ = -1, unix_ = -1;
  int end_[2]{-1, -1};
  std::uint16_t port_ = 0;
  std::string path_;
  std::mutex mutex_;
  seen seen_;
  std::vector<std::thread> links_;
  std::thread thread_;
};

}  // namespace sansmtp::test

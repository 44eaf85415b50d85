// A server for as many connections as come, whose every reply a test decides.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "sansmtp/script/memory_peer.hpp"

namespace sansmtp::test {

/// Listens on loopback until it is destroyed, and talks to each connection in a thread of its own.
/// TLS is what a `script::memory_layer` takes for it.
class talking_server {
 public:
  /// The reply to a command line (without CRLF) of a connection, counted from 0. The line is empty
  /// for the greeting, "handshake" behind a 220 to STARTTLS and "." for content; an empty reply is
  /// the usual one. The words below end the dialogue instead; a 421 and the reply to QUIT close it
  /// as well.
  using decision = std::function<std::string(int connection, std::string_view line)>;
  static constexpr std::string_view hang_up = "hang up";
  static constexpr std::string_view silence = "silence";  ///< Until the client goes.

  explicit talking_server(decision decide, const std::string& address = "127.0.0.1",
                          std::uint16_t port = 0)
      : decide_(std::move(decide)) {
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = ::inet_addr(address.c_str());
    socklen_t size = sizeof where;
    auto* const generic = reinterpret_cast<sockaddr*>(&where);
    if (::bind(listening_, generic, size) != 0 || ::listen(listening_, 1000) != 0) {
      throw std::system_error(errno, std::generic_category());
    }
    ::getsockname(listening_, generic, &size);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { accept(); });
  }
  talking_server(const talking_server&) = delete;
  talking_server& operator=(const talking_server&) = delete;
  ~talking_server() { stop(); }

  /// Waits until all connections are closed: then what was noted may be looked at.
  void stop() {
    if (!thread_.joinable()) return;
    ::shutdown(listening_, SHUT_RDWR);
    thread_.join();
    ::close(listening_);
    for (std::thread& t : threads_) t.join();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  /// Contents that were taken with a 2yz reply, and those of them in clear text.
  [[nodiscard]] int taken() const { return taken_; }
  [[nodiscard]] int taken_in_clear() const { return taken_in_clear_; }
  /// The lines of a connection, after `stop`.
  [[nodiscard]] const std::vector<std::string>& lines(std::size_t connection) const {
    return lines_.at(connection);
  }
  /// How many lines begin with `word`, after `stop`.
  [[nodiscard]] int count(std::string_view word) const {
    int n = 0;
    for (const auto& lines : lines_) {
      for (const std::string& line : lines) n += line.starts_with(word) ? 1 : 0;
    }
    return n;
  }

  /// What a server says that has nothing against it.
  static std::string usual(std::string_view line) {
    if (line.empty()) return "220 mx.test";
    if (line.starts_with("EHLO")) return "250-mx.test\r\n250 PIPELINING";
    if (line == "DATA") return "354 go";
    if (line == "QUIT") return "221 bye";
    return "250 ok";
  }

 private:
  struct dialogue {
    int fd;
    bool tls = false;
    script::memory_peer peer{};
    std::string heard{};

    void say(std::string_view octets) {
      const bytes out = tls ? peer.say(octets) : bytes(octets.data(), octets.size());
      static_cast<void>(::send(fd, out.data(), out.size(), MSG_NOSIGNAL));
    }
    /// Takes up to `end`; nothing at the end of the stream.
    std::string hear(std::string_view end) {
      std::size_t at = 0;
      while ((at = heard.find(end)) == std::string::npos) {
        char buffer[4096];
        const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) return {};
        const bytes in(buffer, static_cast<std::size_t>(n));
        if (!tls) {
          heard.append(in.data(), in.size());
          continue;
        }
        const bool greeted = peer.saw_hello();
        heard += peer.feed(in);
        if (!greeted && peer.saw_hello()) {
          const bytes out = peer.finish("verified");
          static_cast<void>(::send(fd, out.data(), out.size(), MSG_NOSIGNAL));
        }
      }
      std::string result = heard.substr(0, at + end.size());
      heard.erase(0, at + end.size());
      return result;
    }
  };

  void accept() {
    for (;;) {
      const int fd = ::accept(listening_, nullptr, nullptr);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const int number = connections_++;
      {
        const std::lock_guard lock(mutex_);
        lines_.emplace_back();
      }
      threads_.emplace_back([this, fd, number] {
        talk(fd, number);
        ::close(fd);
      });
    }
  }

  void talk(int fd, int number) {
    dialogue d{fd};
    std::string line;
    bool sender = false;      // was MAIL taken?
    bool recipients = false;  // has the transaction any?
    for (;;) {
      std::string reply = decide_(number, line);
      if (reply == hang_up) return;
      if (reply == silence) {
        while (!d.hear("\n").empty()) continue;
        return;
      }
      if (reply.empty()) reply = usual(line);
      if (line.starts_with("MAIL") || line == "RSET") recipients = false;
      if (line.starts_with("MAIL")) sender = reply.front() == '2';
      if (line.starts_with("RCPT")) {
        if (!sender && reply.front() == '2') reply = "503 5.5.1 no sender";
        recipients = recipients || reply.front() == '2';
      }
      if (line == "DATA" && !recipients) reply = "554 5.5.1 no recipients";
      if (line == "." && reply.front() == '2') {
        ++taken_;
        if (!d.tls) ++taken_in_clear_;
      }
      d.say(reply + "\r\n");
      if (line == "QUIT" || reply.starts_with("421")) return;
      if (line == "STARTTLS" && reply.starts_with("220")) {
        if (decide_(number, "handshake") == hang_up) return;
        d.tls = true;
      }
      const bool content = reply.starts_with("354");
      line = d.hear(content ? "\r\n.\r\n" : "\r\n");
      if (line.empty()) return;
      line = content ? "." : line.substr(0, line.size() - 2);
      const std::lock_guard lock(mutex_);
      lines_[static_cast<std::size_t>(number)].push_back(line);
    }
  }

  decision decide_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> taken_ = 0;
  std::atomic<int> taken_in_clear_ = 0;
  std::mutex mutex_;
  std::vector<std::vector<std::string>> lines_;
  std::vector<std::thread> threads_;
  std::thread thread_;
};

/// A server at each of the two addresses that `two.test` has for this program, on the same port.
struct server_pair {
  server_pair(const talking_server::decision& first, const talking_server::decision& second) {
    while (!one) {
      two.emplace(second, "127.0.0.2");
      try {
        one.emplace(first, "127.0.0.1", two->port());
      } catch (const std::system_error&) {
        continue;  // some client has that port there
      }
    }
  }
  [[nodiscard]] std::uint16_t port() const { return two->port(); }

  std::optional<talking_server> two;
  std::optional<talking_server> one;
};

}  // namespace sansmtp::test

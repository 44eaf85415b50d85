// From a server's name to a connected socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "sansmtp/asio/net.hpp"

namespace sansmtp::detail {

/// What is to be connected.
struct connect_request {
  using endpoint = net::generic::stream_protocol::endpoint;

  std::string host;        ///< To be resolved, a numeric address, or the path of a Unix socket.
  std::uint16_t port = 0;  ///< 0: `host` is the path of a Unix socket.
  std::vector<endpoint> endpoints;  ///< If there are any, these are tried instead.
  std::vector<endpoint> avoid;      ///< Not tried as long as the name has other addresses.
  std::string local_address;
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds attempt_delay{0};
  /// Is an address reached only once its server has begun a greeting that is not a refusal?
  bool greeted = false;
  std::chrono::milliseconds greeting_timeout{0};  ///< How long that may take; zero: for ever.
  std::chrono::milliseconds quit_timeout{0};      ///< For the answer to QUIT; zero: 2 seconds.
};

/// A connected socket, which is closed unless somebody takes it.
class connected_socket {
 public:
  connected_socket() = default;
  connected_socket(int handle, int family) noexcept : handle_(handle), family_(family) {}
  connected_socket(connected_socket&& other) noexcept
      : handle_(other.release()), family_(other.family_) {}
  connected_socket& operator=(connected_socket&&) = delete;
  connected_socket(const connected_socket&) = delete;
  connected_socket& operator=(const connected_socket&) = delete;
  ~connected_socket();

  [[nodiscard]] int handle() const noexcept { return handle_; }
  [[nodiscard]] int family() const noexcept { return family_; }
  /// Command: the socket is the caller's.
  int release() noexcept { return std::exchange(handle_, -1); }

 private:
  int handle_ = -1;
  int family_ = 0;
};

/// What came of it: a socket, or why there is none.
struct connect_result {
  std::error_code error;
  connected_socket socket{};
  connect_request::endpoint peer{};  ///< To whom.
  /// Has the name addresses that are not to be avoided and were not tried to the end?
  bool others = false;
};

/// Resolves a name and races the addresses after RFC 8305: those of both families by turns, each
/// some time after the one before or when that has failed; the first to be there wins. If servers
/// are to greet, an address whose server refuses, closes or says nothing has failed as well, as
/// long as others are left (RFC 5321 section 5.1); those that refused are told QUIT. If all fail,
/// the last one that refused is the result: its greeting is still to be read.
class connector {
 public:
  /// Begins. `done` is called once, on `executor`, and never from inside.
  [[nodiscard]] static std::shared_ptr<connector> start(const net::any_io_executor& executor,
                                                        connect_request request,
                                                        std::function<void(connect_result)> done);

  connector() = default;
  connector(const connector&) = delete;
  connector& operator=(const connector&) = delete;
  virtual ~connector() = default;

  /// Command: gives up; `done` is told soon.
  virtual void cancel() = 0;
};

/// Getter: the port of an address; 0 if it has none, as that of a Unix socket.
[[nodiscard]] std::uint16_t port_of(const connect_request::endpoint& address) noexcept;

/// Getter: this end's numeric address without port; empty for a Unix socket.
[[nodiscard]] std::string local_address_of(int socket);

}  // namespace sansmtp::detail

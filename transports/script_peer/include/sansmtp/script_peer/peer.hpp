// The server of a transcript on a socket, for tests of any SMTP client.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "sansmtp/script/dialogue.hpp"
#include "sansmtp/script/mismatch.hpp"
#include "sansmtp/script/scripted_server.hpp"
#include "sansmtp/script/transcript.hpp"

namespace sansmtp::script {

/// What came of serving one connection.
struct peer_result {
  std::error_code error;          ///< The system's, if the socket failed; or a time-out.
  std::optional<mismatch> wrong;  ///< Nothing: the client said what the transcript says.
  dialogue said;

  /// Getter: did the client do what the transcript says?
  [[nodiscard]] bool ok() const noexcept { return !error && !wrong; }
};

/// How a peer serves.
struct peer_options {
  std::uint16_t port = 0;  ///< 0: any that is free.
  likeness how = likeness::same_command;
  /// `@` takes so many times less than it says.
  double speed = 1;
  /// How long the client may be silent, and stay away.
  std::chrono::milliseconds patience = std::chrono::seconds(30);
};

/// Listens on the loopback address and plays a transcript's server to one client
/// (`scripted_server`). It lies in a library of its own since it needs POSIX sockets, which the
/// script library does not.
class peer {
 public:
  explicit peer(const transcript& t, peer_options options = {});
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;
  /// Closes the socket.
  ~peer();

  /// Getter: why it does not listen; no error if it does.
  [[nodiscard]] std::error_code error() const noexcept { return error_; }
  /// Getter: the port it listens on.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Command: serves one connection from its beginning to its end.
  [[nodiscard]] peer_result serve();

 private:
  peer_result serve(int link);

  transcript transcript_;
  peer_options options_;
  std::error_code error_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace sansmtp::script

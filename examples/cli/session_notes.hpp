// What sessions with one server said that their reports do not hold.
#pragma once

#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "connection_options.hpp"
#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/capabilities.hpp"
#include "sansmtp/event.hpp"

namespace sansmtp::cli {

/// Looks on at one session or several, and keeps what who explains a failure needs. Neither copied
/// nor moved, and to outlive the sessions.
class session_notes {
 public:
  session_notes() = default;
  session_notes(const session_notes&) = delete;
  session_notes& operator=(const session_notes&) = delete;

  /// Command: has the sessions of `options`, made after `given`, show what they do, before a trace
  /// that is there. That a failed handshake of opportunistic TLS is followed by mail in clear text
  /// is said on standard error, once (TLS-08). `given` must outlive them, too.
  void attach(const connection_options& given, blocking::client_options& options);

  /// Getter: what the last EHLO reply offered, also once its session is over.
  [[nodiscard]] const capabilities& offered() const noexcept { return offered_; }
  /// Getter: was there one? If not, nothing is known of what is offered.
  [[nodiscard]] bool greeted() const noexcept { return greeted_; }

  /// Getter: the octets that `error` is about, the last time that it happened; perhaps empty.
  [[nodiscard]] const std::string& excerpt_of(const std::error_code& error) const noexcept;

  /// Getter: the names in the certificate of the last handshake that failed; empty if it showed
  /// none, or if none failed.
  [[nodiscard]] const std::vector<std::string>& refused_names() const noexcept {
    return refused_names_;
  }

 private:
  class noting_layer;
  void take(const event& e);
  void say_if_without_tls(const event& e);

  const connection_options* given_ = nullptr;
  bool said_ = false;  // that it goes on without TLS
  capabilities offered_;
  bool greeted_ = false;
  std::error_code error_;
  std::string excerpt_;
  std::vector<std::string> refused_names_;
};

}  // namespace sansmtp::cli

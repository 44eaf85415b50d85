// What sessions with one server said that their reports do not hold.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "connection_options.hpp"
#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/capabilities.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp::cli {

/// Looks on at one session or several, and keeps what who explains a failure needs. Neither copied
/// nor moved, and to outlive the sessions.
class session_notes {
 public:
  session_notes() = default;
  session_notes(const session_notes&) = delete;
  session_notes& operator=(const session_notes&) = delete;

  /// How many links the sessions have at a time.
  enum class links : std::uint8_t { one, several };

  /// Command: has the sessions of `options`, made after `given`, show what they do, before a trace
  /// that is there. That a failed handshake of opportunistic TLS is followed by mail in clear text
  /// is said on standard error, once (TLS-08), and so is what a server is not told of a client
  /// (EXT-14, EXT-15). `given` must outlive them, too. Of several links
  /// nobody knows which one a failure was of, so that what failed ones showed, octets and the names
  /// in a certificate, counts only as long as all of them showed the same.
  void attach(const connection_options& given, blocking::client_options& options,
              links how_many = links::one);

  /// Getter: what the last EHLO reply offered, also once its session is over.
  [[nodiscard]] const capabilities& offered() const noexcept { return offered_; }
  /// Getter: was there one? If not, nothing is known of what is offered.
  [[nodiscard]] bool greeted() const noexcept { return greeted_; }

  /// Getter: the octets that `error` is about, the last time that it happened; perhaps empty.
  [[nodiscard]] const std::string& excerpt_of(const std::error_code& error) const noexcept;

  /// Command: what is known of the TLS that the mail's last session had when the mail ended, none
  /// if that was in clear text; known once, and only of one link at a time. By the time of the
  /// report there may be another link.
  [[nodiscard]] std::optional<tls_info> take_tls(mail_id mail);

  /// Getter: the names in the certificate of the last handshake that failed; empty if it showed
  /// none, or if none failed.
  [[nodiscard]] const std::vector<std::string>& refused_names() const noexcept {
    return names_.value;
  }

 private:
  class noting_layer;
  /// What links showed when they failed.
  template <typename Value>
  struct note {
    Value value{};  // the last one; none if several links do not agree
    bool taken = false;
    bool contested = false;

    void take(Value shown, links how_many) {
      contested = contested || (how_many == links::several && taken && shown != value);
      taken = true;
      value = contested ? Value{} : std::move(shown);
    }
  };
  void take(const event& e);
  void say_if_without_tls(const event& e);
  void say_if_not_told(const event& e);

  const connection_options* given_ = nullptr;
  links links_ = links::one;
  bool said_ = false;           // that it goes on without TLS
  std::set<std::string> told_;  // what was said of XCLIENT and XFORWARD
  capabilities offered_;
  bool greeted_ = false;
  note<std::pair<std::error_code, std::string>> octets_;  // and what they are about
  note<std::vector<std::string>> names_;
  std::optional<tls_info> link_;                      // of the last handshake that succeeded
  std::map<mail_id, std::optional<tls_info>> mails_;  // that ended
};

}  // namespace sansmtp::cli

// How far a long message has got, for a person at a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>

#include "sansmtp/event.hpp"

namespace sansmtp::cli {

/// A line on standard error that tells how much of a message is sent, rewritten in place and
/// removed in the end. Messages under a size are too quick to be worth it.
class progress {
 public:
  /// Command: the next mail that the session is given. To be called for each one, in order.
  void expect(const std::string& name, std::size_t octets);

  /// Input: takes all events of the session.
  void take(const event& e);

 private:
  struct mail {
    mail_id id;  // 0 until its first event
    std::string name;
    std::size_t octets;
    std::uint64_t sent;
  };

  void show(const mail& m);
  void hide();

  std::deque<mail> mails_;
  std::chrono::steady_clock::time_point last_shown_{};
  bool visible_ = false;
};

}  // namespace sansmtp::cli

// The part of a session's user that a fuzz target brings along.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "decisions.hpp"
#include "sansmtp/sansmtp.hpp"
#include "sansmtp/script/auditor.hpp"

namespace sansmtp::fuzz {

/// What is fuzzed: whoever uses a session. `session_harness` plays all others: transport, server
/// and clock. Derive from it, do with the session what your code does, and `require` what must
/// hold. It must be deterministic: each input is played twice.
class session_user {
 public:
  session_user() = default;
  session_user(const session_user&) = delete;
  session_user& operator=(const session_user&) = delete;
  virtual ~session_user() = default;

  /// Called first. Whoever tells the auditor of each mail, chunk and command that he gives to the
  /// session says true here, and all that the session tells of them is judged, too. It lives as long
  /// as the play.
  virtual bool meet(script::auditor&) { return false; }
  /// The session's options, perhaps as the input decides.
  [[nodiscard]] virtual session_config config(decisions&) { return {}; }
  /// Called before the link is up.
  virtual void start(session&, decisions&) {}
  /// Called now and then: does something of its own accord.
  virtual void act(session&, decisions&) = 0;
  /// An event, in the order in which the session tells them; it lives during the call only.
  virtual void take(session&, const event&) = 0;
  /// Called once when the server and the link behave from now on: asks for the end.
  virtual void finish(session& s) { s.quit(); }
  /// Called again and again behind `finish`: gives what it was asked for.
  virtual void go_on(session&) {}
  /// Called when the session is over and all events were taken.
  virtual void check() {}

  /// Getter: octets that may never be seen in events nor leave before a verified peer.
  [[nodiscard]] virtual std::vector<std::string> secrets() const { return {}; }
};

}  // namespace sansmtp::fuzz

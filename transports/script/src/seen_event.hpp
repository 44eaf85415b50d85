// An event of the engine, kept; and whether it is the one that a transcript expects.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "statement.hpp"

namespace sansmtp::script {

/// What an event says of one recipient, kept.
struct seen_result {
  outcome result = outcome::pending;
  verb stage = verb::mail;
  errc why = errc::none;
  hint advice = hint::none;
  int code = 0;
  enhanced_status enhanced;  // of the reply, else the suggested one
};

/// A copy of an event, with the numbers of the transcript instead of the engine's.
struct seen_event {
  event::kind what = event::kind::closed;
  verb answers = verb::greeting;
  std::uint32_t number = 0;  // 0: about the session
  std::uint32_t recipient = 0;
  outcome result = outcome::pending;
  hint advice = hint::none;
  int code = 0;
  enhanced_status enhanced;
  std::string text;  // of the reply
  errc condition = errc::none;
  failure_category category = failure_category::none;
  bool failed = false;  // does it carry an error, perhaps a foreign one?
  std::string command;
  std::string detail;
  std::uint64_t octets = 0;
  std::vector<seen_result> results;
  std::vector<std::string> keywords;  // of `ready`: what the server offers
};

/// Getter: a copy of `e`; `peer` matters for `ready`.
[[nodiscard]] seen_event see(const event& e, std::uint32_t number, const capabilities& peer);

/// Getter: may a transcript leave it out?
[[nodiscard]] bool is_optional(event::kind k) noexcept;
/// Getter: does it tell of octets rather than of what they mean, so that it depends on the mode?
[[nodiscard]] bool is_trace(event::kind k) noexcept;

/// Getter: does all that `expected` gives hold for `seen`?
[[nodiscard]] bool matches(const expected_event& expected, const seen_event& seen);

/// Getter: the statement that expects exactly this event.
[[nodiscard]] std::string to_statement(const seen_event& seen);

}  // namespace sansmtp::script

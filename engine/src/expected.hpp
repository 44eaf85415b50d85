// One entry of the queue of expected replies: the heart of the engine.
#pragma once

#include <cstdint>
#include <limits>

#include "protocol_table.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/verb.hpp"

namespace sansmtp::detail {

struct mail_state;

/// A reply that is owed. Pushed when the line is formatted, since a reply may come before the write
/// is reported; popped once per reply (REP-15).
struct expected {
  /// The end of content whose terminator is not formatted yet.
  static constexpr std::uint64_t open = std::numeric_limits<std::uint64_t>::max();

  verb what = verb::greeting;
  traits is;                    // of `what`: most replies ask for some of them
  std::uint32_t recipient = 0;  // of a chunk: its octets
  mail_state* mail = nullptr;   // null: about the session, or about a mail that is already over
  operation_id id = 0;          // of a plain command
  std::uint64_t end = 0;  // position in the output just behind it; a reply before that is premature
};

}  // namespace sansmtp::detail

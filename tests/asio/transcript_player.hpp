// Plays a transcript through the Asio adapter, on a stream and a clock of the test.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/asio/async_client.hpp"
#include "sansmtp/script/script.hpp"
#include "seen_event.hpp"
#include "statement.hpp"
#include "test_stream.hpp"

namespace sansmtp::test {

/// How the link chops.
struct chopping {
  bool octet_reads = false;
  bool octet_writes = false;
};

/// Getter: why a transcript cannot be played here; empty if it can. `how` is looked at, too.
[[nodiscard]] std::string why_not(const script::script_data& script, chopping how);

/// Plays it: everything that the user asks is asked of an `async_client`, all that the server does
/// is done to a `test_stream`, and each mail without a stream is sent by `async_send`. Returns what
/// is wrong, or nothing.
[[nodiscard]] std::string play(const script::script_data& script, chopping how);

}  // namespace sansmtp::test

// One run of `sansmtp send`: reads, sends, reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "connection_options.hpp"
#include "dkim_options.hpp"
#include "exit_code.hpp"
#include "outbox.hpp"
#include "routing_options.hpp"

namespace sansmtp::cli {

/// What the command line says.
struct send_options {
  connection_options connection;
  routing_options routing;  ///< Where the connection has no server.
  outbox_options outbox;
  dkim_options dkim;
  bool json = false;
  std::optional<std::string> record;
  unsigned parallel = 1;  ///< Connections at a time.
  std::uint64_t mails_per_connection = 100;
};

/// Command: sends all messages and tells what became of each recipient as soon as it is known. A
/// signal ends it in order, see `interruption`: whatever was begun is reported, and what was not is
/// named (SEC-07). Returns the exit code.
[[nodiscard]] exit_code send_all(const send_options& given);

}  // namespace sansmtp::cli

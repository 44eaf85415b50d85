// Sending by many connections at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <system_error>

#include "connection_options.hpp"
#include "mail_report.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"

namespace sansmtp::cli {

/// Was the command built with the Asio transport? Only then can it send so.
[[nodiscard]] bool has_parallel() noexcept;

/// What became of a mail.
struct parallel_report {
  const delivery& result;
  /// Why there was no connection for it, as `blocking::client::connect` would say it; none if there
  /// was one.
  std::error_code unconnected;
  std::optional<mail_report::tls_link> tls;
};

/// Where `send_parallel` gets mails and brings reports.
struct mail_source {
  /// Fills in the next mail and returns what `done` shall be told, or returns nullptr if there is
  /// none. Borrowed octets must live until then.
  std::function<void*(envelope&, message&)> next;
  /// Called once for each mail, in any order, with what `next` returned.
  std::function<void(void*, const parallel_report&)> done;
};

/// Sends all mails of `source` over at most `connections` connections, and ends these. Where TLS is
/// opportunistic and fails it goes on without, saying so on standard error (TLS-08).
void send_parallel(const connection_options& to, std::size_t connections,
                   const mail_source& source);

}  // namespace sansmtp::cli

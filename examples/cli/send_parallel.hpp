// Sending by many connections at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>

#include "connection_options.hpp"
#include "mail_report.hpp"
#include "outbox.hpp"
#include "sansmtp/delivery.hpp"

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
  /// The next mail, or nullptr if there is none.
  std::function<std::unique_ptr<outgoing_mail>()> next;
  /// Called once for each mail, in any order.
  std::function<void(const outgoing_mail&, const parallel_report&)> done;
};

/// How `send_parallel` spreads mails.
struct parallel_options {
  std::size_t connections = 1;             ///< At most; at least 1.
  std::uint64_t mails_per_connection = 0;  ///< 0: no limit.
};

/// Sends all mails of `source`, and ends the connections. Of each mail no more than its report is
/// kept once it is known. Where TLS is opportunistic and fails it goes on without (TLS-08). An
/// `interruption` takes back what has not begun; once that is overdue,
/// what is under way is given up.
void send_parallel(const connection_options& to, const parallel_options& how,
                   const mail_source& source);

}  // namespace sansmtp::cli

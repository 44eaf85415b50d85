// Which recipients of a mail may be sent to again at once, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sansmtp/delivery.hpp"

namespace sansmtp {

/// What has to be different when a mail is sent again.
enum class resend : std::uint8_t {
  no,           ///< Nothing helps at once: the answer stands, or the mail may have arrived.
  transaction,  ///< Another transaction, in the same session if that is still open.
  connection,   ///< Another connection to the same server.
  without_tls,  ///< Another connection, and this one in clear text (TLS-08).
};

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(resend r) noexcept;

/// Getter: what gives this recipient another chance at once. Anything but `no` means that the
/// server certainly did not accept the mail for it, and that it was not asked, or was refused for a
/// reason that lies in the session alone. It says nothing of how often one may try.
[[nodiscard]] resend resend_of(const recipient_report& to) noexcept;

/// Who of a mail may be sent to again, and how.
struct resend_plan {
  resend how = resend::no;
  std::vector<std::size_t> recipients;  ///< Indices into the report, in its order.
};

/// Getter: the recipients of `report` that may be sent to again, with what the neediest of them
/// asks for. A mail that is for all or nobody (`session_config::require_all_recipients`, given here
/// as `all_or_none`) is sent again whole or not at all (POOL-01): never if anybody was refused.
[[nodiscard]] resend_plan plan_resend(const delivery& report, bool all_or_none);

}  // namespace sansmtp

// What became of a recipient.
#pragma once

#include <cstdint>
#include <string_view>

namespace sansmtp {

/// The closed set of outcomes (section 0 of requirements.md). Each recipient of a mail gets exactly
/// one.
enum class outcome : std::uint8_t {
  pending,        ///< Not decided yet; never in a report.
  delivered,      ///< The server took responsibility.
  rejected,       ///< Permanent refusal by the server, or a permanent local obstacle.
  deferred,       ///< Transient refusal, or a failure while the server surely had not accepted.
  not_attempted,  ///< No RCPT for it was handed to the transport.
  in_doubt,       ///< All of the message was handed over, but no final reply was understood.
};

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(outcome o) noexcept;

/// Advice that a reply code or a failure carries beyond its class.
enum class hint : std::uint8_t {
  none,
  auth_or_tls_required,  ///< 530 (TXN-24, AUTH-11).
  too_many_recipients,   ///< Send the rest in another transaction (TXN-09, TXN-10).
  retry_without_tls,     ///< Opportunistic TLS failed; connect again without (TLS-08).
  password_transition,   ///< 432 (AUTH-11).
  server_speaks_tls,     ///< Where a greeting was to be: the port is one for implicit TLS.
  other_host,            ///< A capability is missing here; another server may have it (OUT-05).
  another_connection,    ///< The server takes no further mail in this session.
};

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(hint h) noexcept;

}  // namespace sansmtp

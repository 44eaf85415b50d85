// The numbers that enumerators have in C. The engine's own may be counted anew whenever one comes
// between them; these stay.
#pragma once

#include <cstdint>
#include <optional>

#include "sansmtp.h"
#include "sansmtp/sansmtp.hpp"

namespace sansmtp::c {

// The switches are complete, which the compiler checks: a new enumerator needs a row here and a
// number, behind the last one, in the header.

[[nodiscard]] constexpr std::int32_t number_of(errc value) noexcept {
  switch (value) {
    using enum errc;
    case none: return SANSMTP_ERRC_NONE;
    case refused_transiently: return SANSMTP_ERRC_REFUSED_TRANSIENTLY;
    case refused_permanently: return SANSMTP_ERRC_REFUSED_PERMANENTLY;
    case recipient_limit: return SANSMTP_ERRC_RECIPIENT_LIMIT;
    case ran_ahead: return SANSMTP_ERRC_RAN_AHEAD;
    case reset_refused: return SANSMTP_ERRC_RESET_REFUSED;
    case service_closing: return SANSMTP_ERRC_SERVICE_CLOSING;
    case connection_lost: return SANSMTP_ERRC_CONNECTION_LOST;
    case tls_truncated: return SANSMTP_ERRC_TLS_TRUNCATED;
    case handshake_lost: return SANSMTP_ERRC_HANDSHAKE_LOST;
    case route_failed: return SANSMTP_ERRC_ROUTE_FAILED;
    case timed_out: return SANSMTP_ERRC_TIMED_OUT;
    case handshake_timed_out: return SANSMTP_ERRC_HANDSHAKE_TIMED_OUT;
    case malformed_reply: return SANSMTP_ERRC_MALFORMED_REPLY;
    case bad_reply_code: return SANSMTP_ERRC_BAD_REPLY_CODE;
    case mixed_reply_codes: return SANSMTP_ERRC_MIXED_REPLY_CODES;
    case bare_lf_in_reply: return SANSMTP_ERRC_BARE_LF_IN_REPLY;
    case bare_cr_in_reply: return SANSMTP_ERRC_BARE_CR_IN_REPLY;
    case nul_in_reply: return SANSMTP_ERRC_NUL_IN_REPLY;
    case unsolicited_reply: return SANSMTP_ERRC_UNSOLICITED_REPLY;
    case unexpected_reply: return SANSMTP_ERRC_UNEXPECTED_REPLY;
    case injection: return SANSMTP_ERRC_INJECTION;
    case contradictory_reply: return SANSMTP_ERRC_CONTRADICTORY_REPLY;
    case reply_line_too_long: return SANSMTP_ERRC_REPLY_LINE_TOO_LONG;
    case reply_too_long: return SANSMTP_ERRC_REPLY_TOO_LONG;
    case tls_flood: return SANSMTP_ERRC_TLS_FLOOD;
    case tls_not_offered: return SANSMTP_ERRC_TLS_NOT_OFFERED;
    case tls_refused: return SANSMTP_ERRC_TLS_REFUSED;
    case tls_failed: return SANSMTP_ERRC_TLS_FAILED;
    case plaintext_peer: return SANSMTP_ERRC_PLAINTEXT_PEER;
    case tls_too_weak: return SANSMTP_ERRC_TLS_TOO_WEAK;
    case auth_not_offered: return SANSMTP_ERRC_AUTH_NOT_OFFERED;
    case auth_needs_tls: return SANSMTP_ERRC_AUTH_NEEDS_TLS;
    case auth_refused: return SANSMTP_ERRC_AUTH_REFUSED;
    case auth_bad_challenge: return SANSMTP_ERRC_AUTH_BAD_CHALLENGE;
    case server_not_proven: return SANSMTP_ERRC_SERVER_NOT_PROVEN;
    case bad_argument: return SANSMTP_ERRC_BAD_ARGUMENT;
    case bad_address: return SANSMTP_ERRC_BAD_ADDRESS;
    case address_too_long: return SANSMTP_ERRC_ADDRESS_TOO_LONG;
    case line_too_long: return SANSMTP_ERRC_LINE_TOO_LONG;
    case bad_parameter: return SANSMTP_ERRC_BAD_PARAMETER;
    case parameter_not_offered: return SANSMTP_ERRC_PARAMETER_NOT_OFFERED;
    case parameter_out_of_range: return SANSMTP_ERRC_PARAMETER_OUT_OF_RANGE;
    case no_recipients: return SANSMTP_ERRC_NO_RECIPIENTS;
    case too_many_recipients: return SANSMTP_ERRC_TOO_MANY_RECIPIENTS;
    case empty_content: return SANSMTP_ERRC_EMPTY_CONTENT;
    case bare_lf_in_content: return SANSMTP_ERRC_BARE_LF_IN_CONTENT;
    case bare_cr_in_content: return SANSMTP_ERRC_BARE_CR_IN_CONTENT;
    case nul_in_content: return SANSMTP_ERRC_NUL_IN_CONTENT;
    case content_line_too_long: return SANSMTP_ERRC_CONTENT_LINE_TOO_LONG;
    case eight_bit_not_offered: return SANSMTP_ERRC_EIGHT_BIT_NOT_OFFERED;
    case binary_not_offered: return SANSMTP_ERRC_BINARY_NOT_OFFERED;
    case content_too_big: return SANSMTP_ERRC_CONTENT_TOO_BIG;
    case utf8_not_offered: return SANSMTP_ERRC_UTF8_NOT_OFFERED;
    case require_tls_not_offered: return SANSMTP_ERRC_REQUIRE_TLS_NOT_OFFERED;
    case envelope_refused: return SANSMTP_ERRC_ENVELOPE_REFUSED;
    case bad_state: return SANSMTP_ERRC_BAD_STATE;
    case session_closed: return SANSMTP_ERRC_SESSION_CLOSED;
    case session_exhausted: return SANSMTP_ERRC_SESSION_EXHAUSTED;
    case xclient_not_offered: return SANSMTP_ERRC_XCLIENT_NOT_OFFERED;
    case no_local_name: return SANSMTP_ERRC_NO_LOCAL_NAME;
    case bad_configuration: return SANSMTP_ERRC_BAD_CONFIGURATION;
    case no_route: return SANSMTP_ERRC_NO_ROUTE;
    case recipient_refused: return SANSMTP_ERRC_RECIPIENT_REFUSED;
    case session_aborted: return SANSMTP_ERRC_SESSION_ABORTED;
    case aborted: return SANSMTP_ERRC_ABORTED;
  }
  return SANSMTP_UNKNOWN;
}

[[nodiscard]] constexpr std::int32_t number_of(failure_category value) noexcept {
  switch (value) {
    using enum failure_category;
    case none: return SANSMTP_CATEGORY_NONE;
    case reply: return SANSMTP_CATEGORY_REPLY;
    case closing: return SANSMTP_CATEGORY_CLOSING;
    case connection_lost: return SANSMTP_CATEGORY_CONNECTION_LOST;
    case timeout: return SANSMTP_CATEGORY_TIMEOUT;
    case protocol: return SANSMTP_CATEGORY_PROTOCOL;
    case limit: return SANSMTP_CATEGORY_LIMIT;
    case tls: return SANSMTP_CATEGORY_TLS;
    case auth: return SANSMTP_CATEGORY_AUTH;
    case local: return SANSMTP_CATEGORY_LOCAL;
    case aborted: return SANSMTP_CATEGORY_ABORTED;
  }
  return SANSMTP_UNKNOWN;
}

[[nodiscard]] constexpr std::int32_t number_of(verb value) noexcept {
  switch (value) {
    using enum verb;
    case greeting: return SANSMTP_VERB_GREETING;
    case ehlo: return SANSMTP_VERB_EHLO;
    case helo: return SANSMTP_VERB_HELO;
    case lhlo: return SANSMTP_VERB_LHLO;
    case starttls: return SANSMTP_VERB_STARTTLS;
    case handshake: return SANSMTP_VERB_HANDSHAKE;
    case auth: return SANSMTP_VERB_AUTH;
    case auth_cancel: return SANSMTP_VERB_AUTH_CANCEL;
    case mail: return SANSMTP_VERB_MAIL;
    case rcpt: return SANSMTP_VERB_RCPT;
    case data: return SANSMTP_VERB_DATA;
    case content: return SANSMTP_VERB_CONTENT;
    case lone_dot: return SANSMTP_VERB_LONE_DOT;
    case bdat: return SANSMTP_VERB_BDAT;
    case bdat_last: return SANSMTP_VERB_BDAT_LAST;
    case verdict: return SANSMTP_VERB_VERDICT;
    case rset: return SANSMTP_VERB_RSET;
    case noop: return SANSMTP_VERB_NOOP;
    case help: return SANSMTP_VERB_HELP;
    case vrfy: return SANSMTP_VERB_VRFY;
    case expn: return SANSMTP_VERB_EXPN;
    case raw: return SANSMTP_VERB_RAW;
    case quit: return SANSMTP_VERB_QUIT;
    case xclient: return SANSMTP_VERB_XCLIENT;
    case xforward: return SANSMTP_VERB_XFORWARD;
  }
  return SANSMTP_UNKNOWN;
}

[[nodiscard]] constexpr std::int32_t number_of(outcome value) noexcept {
  switch (value) {
    using enum outcome;
    case pending: return SANSMTP_OUTCOME_PENDING;
    case delivered: return SANSMTP_OUTCOME_DELIVERED;
    case rejected: return SANSMTP_OUTCOME_REJECTED;
    case deferred: return SANSMTP_OUTCOME_DEFERRED;
    case not_attempted: return SANSMTP_OUTCOME_NOT_ATTEMPTED;
    case in_doubt: return SANSMTP_OUTCOME_IN_DOUBT;
  }
  return SANSMTP_UNKNOWN;
}

[[nodiscard]] constexpr std::int32_t number_of(hint value) noexcept {
  switch (value) {
    using enum hint;
    case none: return SANSMTP_HINT_NONE;
    case auth_or_tls_required: return SANSMTP_HINT_AUTH_OR_TLS_REQUIRED;
    case too_many_recipients: return SANSMTP_HINT_TOO_MANY_RECIPIENTS;
    case retry_without_tls: return SANSMTP_HINT_RETRY_WITHOUT_TLS;
    case password_transition: return SANSMTP_HINT_PASSWORD_TRANSITION;
    case server_speaks_tls: return SANSMTP_HINT_SERVER_SPEAKS_TLS;
    case other_host: return SANSMTP_HINT_OTHER_HOST;
    case another_connection: return SANSMTP_HINT_ANOTHER_CONNECTION;
  }
  return SANSMTP_UNKNOWN;
}

[[nodiscard]] constexpr std::int32_t number_of(event::kind value) noexcept {
  switch (value) {
    using enum event::kind;
    case reply_parsed: return SANSMTP_EVENT_REPLY_PARSED;
    case line_sent: return SANSMTP_EVENT_LINE_SENT;
    case content_sent: return SANSMTP_EVENT_CONTENT_SENT;
    case greeted: return SANSMTP_EVENT_GREETED;
    case upgrade_to_tls: return SANSMTP_EVENT_UPGRADE_TO_TLS;
    case authenticated: return SANSMTP_EVENT_AUTHENTICATED;
    case ready: return SANSMTP_EVENT_READY;
    case session_failed: return SANSMTP_EVENT_SESSION_FAILED;
    case sender_accepted: return SANSMTP_EVENT_SENDER_ACCEPTED;
    case sender_rejected: return SANSMTP_EVENT_SENDER_REJECTED;
    case recipient_accepted: return SANSMTP_EVENT_RECIPIENT_ACCEPTED;
    case recipient_rejected: return SANSMTP_EVENT_RECIPIENT_REJECTED;
    case ready_for_data: return SANSMTP_EVENT_READY_FOR_DATA;
    case chunk_released: return SANSMTP_EVENT_CHUNK_RELEASED;
    case mail_done: return SANSMTP_EVENT_MAIL_DONE;
    case command_done: return SANSMTP_EVENT_COMMAND_DONE;
    case warning: return SANSMTP_EVENT_WARNING;
    case closed: return SANSMTP_EVENT_CLOSED;
  }
  return SANSMTP_UNKNOWN;
}

[[nodiscard]] constexpr std::int32_t number_of(phase value) noexcept {
  switch (value) {
    using enum phase;
    case unconnected: return SANSMTP_PHASE_UNCONNECTED;
    case opening: return SANSMTP_PHASE_OPENING;
    case ready: return SANSMTP_PHASE_READY;
    case quitting: return SANSMTP_PHASE_QUITTING;
    case closed: return SANSMTP_PHASE_CLOSED;
  }
  return SANSMTP_UNKNOWN;
}

/// How far the number of each enumerator is from what the engine counts; nothing if not all are
/// equally far, as when one came between them.
template <class Enum>
[[nodiscard]] constexpr std::optional<std::int32_t> distance() noexcept {
  const std::int32_t first = number_of(Enum{});
  for (std::int32_t i = 0; i <= 255; ++i) {
    const std::int32_t number = number_of(static_cast<Enum>(i));
    if (number != SANSMTP_UNKNOWN && number != i + first) return std::nullopt;
  }
  return first;
}

/// The number of an enumerator in C, mostly without a look into a table.
template <class Enum>
[[nodiscard]] constexpr std::int32_t to_c(Enum value) noexcept {
  constexpr std::optional<std::int32_t> far = distance<Enum>();
  if constexpr (far) {
    return static_cast<std::int32_t>(value) + *far;
  } else {
    return number_of(value);
  }
}

/// The enumerator of this number; nothing if there is none.
template <class Enum>
[[nodiscard]] constexpr std::optional<Enum> from_c(std::int32_t number) noexcept {
  constexpr int most = 255;
  for (int i = 0; number >= 0 && i <= most; ++i) {
    if (number_of(static_cast<Enum>(i)) == number) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace sansmtp::c

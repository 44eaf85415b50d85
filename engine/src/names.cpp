// The names of all enumerators. Those of verbs stand in the protocol table, those of `errc` beside
// its messages.
#include <cstddef>
#include <string_view>

#include "protocol_table.hpp"
#include "sansmtp/capabilities.hpp"
#include "sansmtp/error.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/outcome.hpp"
#include "sansmtp/path.hpp"
#include "sansmtp/verb.hpp"

namespace sansmtp {

std::string_view to_string(verb v) noexcept {
  if (static_cast<std::size_t>(v) < verb_count) return detail::row_of(v).name;
  return "unknown";
}

// The switches are complete, which the compiler checks; what follows them is for numbers that are
// no enumerator.

std::string_view to_string(outcome o) noexcept {
  switch (o) {
    using enum outcome;
    case pending: return "pending";
    case delivered: return "delivered";
    case rejected: return "rejected";
    case deferred: return "deferred";
    case not_attempted: return "not_attempted";
    case in_doubt: return "in_doubt";
  }
  return "unknown";
}

std::string_view to_string(hint h) noexcept {
  switch (h) {
    using enum hint;
    case none: return "none";
    case auth_or_tls_required: return "auth_or_tls_required";
    case too_many_recipients: return "too_many_recipients";
    case retry_without_tls: return "retry_without_tls";
    case password_transition: return "password_transition";
    case server_speaks_tls: return "server_speaks_tls";
    case other_host: return "other_host";
    case another_connection: return "another_connection";
  }
  return "unknown";
}

std::string_view to_string(failure_category c) noexcept {
  switch (c) {
    using enum failure_category;
    case none: return "none";
    case reply: return "reply";
    case closing: return "closing";
    case connection_lost: return "connection_lost";
    case timeout: return "timeout";
    case protocol: return "protocol";
    case limit: return "limit";
    case tls: return "tls";
    case auth: return "auth";
    case local: return "local";
    case aborted: return "aborted";
  }
  return "unknown";
}

std::string_view to_string(event::kind k) noexcept {
  switch (k) {
    using enum event::kind;
    case reply_parsed: return "reply_parsed";
    case line_sent: return "line_sent";
    case content_sent: return "content_sent";
    case greeted: return "greeted";
    case upgrade_to_tls: return "upgrade_to_tls";
    case authenticated: return "authenticated";
    case ready: return "ready";
    case session_failed: return "session_failed";
    case sender_accepted: return "sender_accepted";
    case sender_rejected: return "sender_rejected";
    case recipient_accepted: return "recipient_accepted";
    case recipient_rejected: return "recipient_rejected";
    case ready_for_data: return "ready_for_data";
    case chunk_released: return "chunk_released";
    case mail_done: return "mail_done";
    case command_done: return "command_done";
    case warning: return "warning";
    case closed: return "closed";
  }
  return "unknown";
}

std::string_view keyword_of(extension e) noexcept {
  switch (e) {
    using enum extension;
    case pipelining: return "PIPELINING";
    case size: return "SIZE";
    case eight_bit_mime: return "8BITMIME";
    case smtputf8: return "SMTPUTF8";
    case starttls: return "STARTTLS";
    case auth: return "AUTH";
    case enhanced_status_codes: return "ENHANCEDSTATUSCODES";
    case dsn: return "DSN";
    case chunking: return "CHUNKING";
    case binary_mime: return "BINARYMIME";
    case require_tls: return "REQUIRETLS";
    case deliver_by: return "DELIVERBY";
    case mt_priority: return "MT-PRIORITY";
    case future_release: return "FUTURERELEASE";
    case limits: return "LIMITS";
    case prdr: return "PRDR";
    case xclient: return "XCLIENT";
    case xforward: return "XFORWARD";
  }
  return "unknown";
}

std::string_view to_string(path_fault::reason why) noexcept {
  switch (why) {
    using enum path_fault::reason;
    case none: return "none";
    case line_break: return "line_break";
    case no_at: return "no_at";
    case no_local_part: return "no_local_part";
    case empty_atom: return "empty_atom";
    case local_octet: return "local_octet";
    case open_quote: return "open_quote";
    case behind_quotes: return "behind_quotes";
    case bad_octet: return "bad_octet";
    case no_domain: return "no_domain";
    case trailing_dot: return "trailing_dot";
    case empty_label: return "empty_label";
    case label_hyphen: return "label_hyphen";
    case underscore: return "underscore";
    case domain_octet: return "domain_octet";
    case address_in_domain: return "address_in_domain";
    case address_literal: return "address_literal";
    case local_part_too_long: return "local_part_too_long";
    case domain_too_long: return "domain_too_long";
    case path_too_long: return "path_too_long";
  }
  return "unknown";
}

}  // namespace sansmtp

#include "sansmtp/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace sansmtp {
namespace {

struct row {
  errc condition;
  failure_category category;
  std::string_view name;
  std::string_view message;
};

// One row for each condition, in the order of `errc`.
constexpr auto rows = [] {
  using enum failure_category;
  return std::array{
      row{errc::none, none, "none", "No error."},

      row{errc::refused_transiently, reply, "refused_transiently", "The server refused for now."},
      row{errc::refused_permanently, reply, "refused_permanently", "The server refused for good."},
      row{errc::recipient_limit, reply, "recipient_limit",
          "The server takes no more recipients in this mail."},
      row{errc::ran_ahead, reply, "ran_ahead",
          "The server takes no command before its verdict on the mail before."},
      row{errc::reset_refused, reply, "reset_refused",
          "The server refused RSET, so nothing more can be done in this session."},

      row{errc::service_closing, closing, "service_closing", "The server is closing the session."},

      row{errc::connection_lost, failure_category::connection_lost, "connection_lost",
          "The connection was lost."},
      row{errc::tls_truncated, failure_category::connection_lost, "tls_truncated",
          "The TLS stream ended without close_notify."},
      row{errc::handshake_lost, failure_category::connection_lost, "handshake_lost",
          "The connection was lost in the TLS handshake."},
      row{errc::route_failed, failure_category::connection_lost, "route_failed",
          "No host of the domain could be looked up or reached."},

      row{errc::timed_out, timeout, "timed_out", "The server did not answer in time."},
      row{errc::handshake_timed_out, timeout, "handshake_timed_out",
          "The server did not answer in time in the TLS handshake."},

      row{errc::malformed_reply, protocol, "malformed_reply",
          "The server sent a line that is not a reply."},
      row{errc::bad_reply_code, protocol, "bad_reply_code",
          "The server sent a reply code outside 200 to 599."},
      row{errc::mixed_reply_codes, protocol, "mixed_reply_codes",
          "The lines of a reply have different codes."},
      row{errc::bare_lf_in_reply, protocol, "bare_lf_in_reply", "The server sent LF without CR."},
      row{errc::bare_cr_in_reply, protocol, "bare_cr_in_reply", "The server sent CR without LF."},
      row{errc::nul_in_reply, protocol, "nul_in_reply", "The server sent NUL."},
      row{errc::unsolicited_reply, protocol, "unsolicited_reply",
          "The server sent a reply that nothing had asked for."},
      row{errc::unexpected_reply, protocol, "unexpected_reply",
          "The server sent a reply that has no meaning here."},
      row{errc::injection, protocol, "injection",
          "Octets in clear text came between the reply to STARTTLS and the handshake."},
      row{errc::contradictory_reply, protocol, "contradictory_reply",
          "The server asked for content though it had refused the sender."},

      row{errc::reply_line_too_long, limit, "reply_line_too_long",
          "A line of a reply is longer than allowed."},
      row{errc::reply_too_long, limit, "reply_too_long", "A reply is longer than allowed."},
      row{errc::tls_flood, limit, "tls_flood", "The server makes TLS answer more than it reads."},

      row{errc::tls_not_offered, tls, "tls_not_offered",
          "TLS is required, but the server does not offer it."},
      row{errc::tls_refused, tls, "tls_refused", "TLS is required, but the server refused it."},
      row{errc::tls_failed, tls, "tls_failed", "The TLS handshake failed."},
      row{errc::plaintext_peer, tls, "plaintext_peer",
          "The server answered the TLS handshake in clear text."},
      row{errc::tls_too_weak, tls, "tls_too_weak", "What TLS negotiated is too weak."},

      row{errc::auth_not_offered, auth, "auth_not_offered",
          "The server offers no usable authentication mechanism."},
      row{errc::auth_needs_tls, auth, "auth_needs_tls",
          "Authentication would show the secret without TLS to a verified server."},
      row{errc::auth_refused, auth, "auth_refused", "The server refused the authentication."},
      row{errc::auth_bad_challenge, auth, "auth_bad_challenge",
          "The server sent a challenge that cannot be answered."},
      row{errc::server_not_proven, auth, "server_not_proven",
          "The server ended the authentication without proving itself."},

      row{errc::bad_argument, local, "bad_argument",
          "The argument is empty or holds an octet that cannot be sent."},
      row{errc::bad_address, local, "bad_address", "The address is not a mailbox."},
      row{errc::address_too_long, local, "address_too_long", "The address is too long."},
      row{errc::line_too_long, local, "line_too_long", "The command line would be too long."},
      row{errc::bad_parameter, local, "bad_parameter", "A parameter is malformed or given twice."},
      row{errc::parameter_not_offered, local, "parameter_not_offered",
          "A parameter belongs to an extension that the server does not offer."},
      row{errc::parameter_out_of_range, local, "parameter_out_of_range",
          "A parameter is beyond the bounds that the server gives."},
      row{errc::no_recipients, local, "no_recipients", "The mail has no recipients."},
      row{errc::too_many_recipients, local, "too_many_recipients",
          "The mail has more recipients than allowed."},
      row{errc::empty_content, local, "empty_content", "The content is empty."},
      row{errc::bare_lf_in_content, local, "bare_lf_in_content",
          "The content holds LF without CR."},
      row{errc::bare_cr_in_content, local, "bare_cr_in_content",
          "The content holds CR without LF."},
      row{errc::nul_in_content, local, "nul_in_content", "The content holds NUL."},
      row{errc::content_line_too_long, local, "content_line_too_long",
          "A line of the content is too long."},
      row{errc::eight_bit_not_offered, local, "eight_bit_not_offered",
          "The content holds octets above 127, but the server does not offer 8BITMIME."},
      row{errc::binary_not_offered, local, "binary_not_offered",
          "The content is binary, and the server does not take BODY=BINARYMIME by BDAT."},
      row{errc::content_too_big, local, "content_too_big",
          "The content is bigger than the server takes."},
      row{errc::utf8_not_offered, local, "utf8_not_offered",
          "The mail needs SMTPUTF8, but the server does not offer it."},
      row{errc::require_tls_not_offered, local, "require_tls_not_offered",
          "REQUIRETLS is asked for, but the link cannot give it."},
      row{errc::envelope_refused, local, "envelope_refused",
          "Another recipient of the mail was refused."},
      row{errc::bad_state, local, "bad_state", "This cannot be done now."},
      row{errc::session_closed, local, "session_closed", "The session is over."},
      row{errc::session_exhausted, local, "session_exhausted",
          "The server takes no more in one session."},
      row{errc::no_local_name, local, "no_local_name",
          "There is neither a name nor an address to say EHLO with."},
      row{errc::xclient_not_offered, local, "xclient_not_offered",
          "XCLIENT is asked for, but the server does not offer it."},
      row{errc::bad_configuration, local, "bad_configuration",
          "The configuration cannot be followed."},
      row{errc::no_route, local, "no_route", "No host takes mail for the domain."},

      row{errc::recipient_refused, failure_category::aborted, "recipient_refused",
          "Another recipient was refused, and the mail is for all or nobody."},
      row{errc::session_aborted, failure_category::aborted, "session_aborted",
          "The session was ended from this side, on account of something else."},
      row{errc::aborted, failure_category::aborted, "aborted", "The caller gave up."},
  };
}();

static_assert(rows.size() == static_cast<std::size_t>(errc::aborted) + 1);
static_assert(
    [] {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (static_cast<std::size_t>(rows[i].condition) != i) return false;
      }
      return true;
    }(),
    "a row stands at its condition's number");

constexpr row unknown{errc::none, failure_category::none, "unknown", "Unknown error."};

// Numbers come from outside too: anybody can make an error code of our category.
constexpr const row& row_of(int number) noexcept {
  const auto i = static_cast<std::size_t>(number);
  return number >= 0 && i < rows.size() ? rows[i] : unknown;
}

constexpr const row& row_of(errc e) noexcept { return row_of(static_cast<int>(e)); }

class smtp_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sansmtp"; }
  std::string message(int number) const override { return std::string(row_of(number).message); }
};

/// Is this local obstacle one of the session, and not of a mail?
constexpr bool is_of_session(errc e) noexcept {
  return e == errc::session_closed || e == errc::session_exhausted || e == errc::no_local_name ||
         e == errc::xclient_not_offered || e == errc::bad_configuration;
}

}  // namespace

failure_category category_of(errc e) noexcept { return row_of(e).category; }

std::string_view to_string(errc e) noexcept { return row_of(e).name; }

const std::error_category& smtp_category() noexcept {
  static const smtp_category_type category;
  return category;
}

std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), smtp_category()}; }

errc condition_of(const std::error_code& e) noexcept {
  return e.category() == smtp_category() ? row_of(e.value()).condition : errc::none;
}

bool is_permanent(errc e, int reply_code) noexcept {
  switch (category_of(e)) {
    // "Too many recipients" may be a 552; in another mail the recipient is welcome (TXN-09).
    case failure_category::reply: return e == errc::refused_permanently;
    case failure_category::auth: return e == errc::auth_refused && reply_code / 100 == 5;
    // An obstacle in the mail stays; one in the session, or in another recipient, does not.
    case failure_category::local:
      return !is_of_session(e) && e != errc::envelope_refused && e != errc::bad_state;
    // Whatever the code: the server may be under attack or under repair (TLS-03, TLS-07).
    case failure_category::tls:
    case failure_category::protocol:  // (ERR-03)
    case failure_category::limit:     // (ERR-03)
    case failure_category::closing:
    case failure_category::connection_lost:
    case failure_category::timeout:
    case failure_category::aborted:
    case failure_category::none: break;
  }
  return false;
}

bool is_retry_useful(errc e, int reply_code) noexcept {
  return e != errc::none && !is_permanent(e, reply_code);
}

bool is_session_usable(errc e) noexcept {
  switch (category_of(e)) {
    case failure_category::none: return true;
    case failure_category::reply: return e != errc::reset_refused;
    // Who ends an exchange without the proof may be anybody (AUTH-10).
    case failure_category::auth: return e != errc::server_not_proven;
    case failure_category::local: return !is_of_session(e);
    case failure_category::closing:
    case failure_category::connection_lost:
    case failure_category::timeout:
    case failure_category::protocol:
    case failure_category::limit:
    case failure_category::tls: break;
    case failure_category::aborted: return e == errc::recipient_refused;
  }
  return false;
}

}  // namespace sansmtp

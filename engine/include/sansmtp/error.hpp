// What can go wrong, as values: an error condition (errc), the closed set of categories that it
// belongs to, and the three questions a sender asks of a failure.
#pragma once

#include <cstdint>
#include <string_view>
#include <system_error>

namespace sansmtp {

/// Why something failed. Each value belongs to exactly one `failure_category`.
enum class errc : std::uint8_t {
  none = 0,

  // reply: the server said no.
  refused_transiently,  ///< A 4yz reply.
  refused_permanently,  ///< A 5yz reply.
  recipient_limit,      ///< 452 or 552 to RCPT meaning "too many recipients" (TXN-09).
  ran_ahead,      ///< A 503 that is about the place of a command, not about the mail (PIPE-17).
  reset_refused,  ///< RSET was refused, and with it the session (TXN-18).

  // closing: the server said 421.
  service_closing,

  // connection_lost: the stream ended or broke.
  connection_lost,
  tls_truncated,   ///< The TLS stream ended without close_notify; perhaps somebody cut it.
  handshake_lost,  ///< It did so in the TLS handshake.
  route_failed,    ///< No host of the domain could be looked up or reached now (RTE-18).

  // timeout: a named deadline passed (RFC 5321 section 4.5.3.2).
  timed_out,
  handshake_timed_out,  ///< The TLS handshake did not end in time.

  // protocol: the server broke the rules; nothing it says afterwards counts.
  malformed_reply,      ///< Not three digits and a separator (REP-11).
  bad_reply_code,       ///< First digit other than 2 to 5 (REP-10).
  mixed_reply_codes,    ///< Lines of one reply with different codes (REP-09).
  bare_lf_in_reply,     ///< LF without CR (REP-12).
  bare_cr_in_reply,     ///< CR without LF (REP-13).
  nul_in_reply,         ///< (REP-14).
  unsolicited_reply,    ///< A reply that no command handed out awaits (REP-16).
  unexpected_reply,     ///< A class that has no meaning at this stage (REP-20, TXN-12, TXN-15).
  injection,            ///< Octets between the 220 to STARTTLS and the handshake (TLS-05).
  contradictory_reply,  ///< 354 after a refused sender with accepted recipients (PIPE-11).

  // limit: the server sent more than configured (LIM-01).
  reply_line_too_long,
  reply_too_long,
  tls_flood,  ///< What the TLS layer answers by itself, and the server does not read (TLS-14).

  // tls
  tls_not_offered,  ///< Required, but not in the EHLO reply (TLS-03).
  tls_refused,      ///< STARTTLS answered with 4yz or 5yz while required (TLS-07).
  tls_failed,       ///< Handshake or verification failed (TLS-08), or the link broke later.
  plaintext_peer,   ///< The peer answered the handshake in clear text.
  tls_too_weak,     ///< The caller rejected what was negotiated (TLS-09).

  // auth
  auth_not_offered,    ///< No usable mechanism in the EHLO reply (SESS-27).
  auth_needs_tls,      ///< Only mechanisms that would show the secret (AUTH-13).
  auth_refused,        ///< 4yz or 5yz to AUTH (AUTH-11).
  auth_bad_challenge,  ///< Challenge not base64, or refused by the mechanism (AUTH-06).
  server_not_proven,   ///< 235 before the mechanism was satisfied (AUTH-10).

  // local: refused before an octet was written.
  bad_argument,             ///< CR, LF, NUL, other control or non-ASCII octet, or empty (CMD-04).
  bad_address,              ///< Not a Mailbox (CMD-05).
  address_too_long,         ///< (CMD-10).
  line_too_long,            ///< The command line would pass its limit (CMD-11).
  bad_parameter,            ///< Keyword or value outside the grammar, or given twice (CMD-13).
  parameter_not_offered,    ///< Its extension is not in the last EHLO reply (CMD-14).
  parameter_out_of_range,   ///< Beyond the bounds in the last EHLO reply (EXT-12, EXT-13).
  no_recipients,            ///< (TXN-21).
  too_many_recipients,      ///< More than `limits::recipients` (TXN-26), or the server's (EXT-10).
  empty_content,            ///< (DATA-04).
  bare_lf_in_content,       ///< Under `line_end_policy::strict` (DATA-05).
  bare_cr_in_content,       ///< Under `line_end_policy::strict` (DATA-05).
  nul_in_content,           ///< (DATA-11).
  content_line_too_long,    ///< Under `reject_long_lines` (DATA-09).
  eight_bit_not_offered,    ///< Octets above 127 and no 8BITMIME (DATA-10, EXT-08).
  binary_not_offered,       ///< Binary content, and BINARYMIME or CHUNKING is missing (BDAT-11).
  content_too_big,          ///< Above the limit of the SIZE extension (EXT-07, DATA-12).
  utf8_not_offered,         ///< A non-ASCII address and no SMTPUTF8 (CMD-17).
  require_tls_not_offered,  ///< REQUIRETLS asked, but the link cannot give it.
  envelope_refused,         ///< Another recipient of the same mail was refused (TXN-08, TXN-28).
  bad_state,                ///< Not now (CORE-06).
  session_closed,           ///< The session is over (CORE-07).
  session_exhausted,        ///< The server's LIMITS allow no more in this session (EXT-10).
  no_local_name,            ///< No name and no address for EHLO (SESS-15).
  xclient_not_offered,      ///< XCLIENT is asked for, and the server takes nothing of it (EXT-14).
  bad_configuration,        ///< An option that cannot be followed (SESS-08).
  no_route,                 ///< No host takes mail for the domain, now or later (RTE-18).

  // aborted: from this side.
  recipient_refused,  ///< Another one was refused, and the mail is for all or nobody (TXN-08).
  session_aborted,    ///< Another mail or its owner ended the session that this mail shared.
  aborted,            ///< The caller gave up this very mail, or command.
};

/// The closed set of failure categories (section 0 of requirements.md).
enum class failure_category : std::uint8_t {
  none,
  reply,
  closing,
  connection_lost,
  timeout,
  protocol,
  limit,
  tls,
  auth,
  local,
  aborted,
};

/// Getter: the category that a condition belongs to.
[[nodiscard]] failure_category category_of(errc e) noexcept;

/// Getter: the enumerator's spelling, e.g. "mixed_reply_codes"; a static string.
[[nodiscard]] std::string_view to_string(errc e) noexcept;
[[nodiscard]] std::string_view to_string(failure_category c) noexcept;

/// Getter: the `std::error_category` named "sansmtp"; messages are one sentence for a person.
[[nodiscard]] const std::error_category& smtp_category() noexcept;

/// Getter: makes `errc` usable wherever a `std::error_code` is.
[[nodiscard]] std::error_code make_error_code(errc e) noexcept;

/// Getter: the condition of an error code of ours; `errc::none` for a foreign one (for example the
/// reason that was given to `session::abort`).
[[nodiscard]] errc condition_of(const std::error_code& e) noexcept;

/// Getter: would the same mail fail in the same way again, at this server (ERR-02)? `reply_code` is
/// that of the reply that came with the failure, 0 if none did. A 5yz reply and a local obstacle in
/// the mail are permanent; one in the session or in another recipient is not, and protocol, limit,
/// injection (ERR-03) and TLS failures (TLS-03, TLS-07) never are.
[[nodiscard]] bool is_permanent(errc e, int reply_code) noexcept;

/// Getter: is a retry of the mail useful (ERR-02)? True for all that is not permanent, `none`
/// apart.
[[nodiscard]] bool is_retry_useful(errc e, int reply_code) noexcept;

/// Getter: may the session go on after this failure (ERR-02)? False for a lost link, a timeout,
/// 421, a refused RSET, a protocol, limit or TLS failure and an abort.
[[nodiscard]] bool is_session_usable(errc e) noexcept;

}  // namespace sansmtp

template <>
struct std::is_error_code_enum<sansmtp::errc> : std::true_type {};

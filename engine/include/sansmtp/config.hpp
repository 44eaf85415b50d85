// A session's options, all with the RFC's or the project's default.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sansmtp/dot_stuffer.hpp"
#include "sansmtp/error.hpp"
#include "sansmtp/reply_parser.hpp"
#include "sansmtp/verb.hpp"

namespace sansmtp {

/// When TLS is used (TLS-01).
enum class tls_mode : std::uint8_t {
  off,            ///< Never, even if offered.
  opportunistic,  ///< STARTTLS if offered; clear text if it is refused (TLS-07).
  required,       ///< STARTTLS, or the session fails before credentials or MAIL (TLS-03).
  implicit,       ///< TLS before the greeting (RFC 8314 section 3.3).
};

/// How far commands run ahead of their replies. All levels are one code path and give the same
/// outcomes for the same server decisions (PIPE-20). Without PIPELINING in the EHLO reply each
/// level is `off` (PIPE-01).
enum class pipelining_level : std::uint8_t {
  off,       ///< One command at a time.
  envelope,  ///< MAIL, all RCPT and DATA in one group (PIPE-02).
  messages,  ///< Also the next mail's envelope, or QUIT, behind the final dot (PIPE-17).
  /// Whole mails one behind the other, by BDAT (BDAT-14). Needs CHUNKING, and no
  /// `require_all_recipients`; else it is `messages`. To be chosen for servers that are known to
  /// read BDAT as RFC 3030 says: one that refuses it and then reads content as commands answers to
  /// them.
  stream,
};

/// What is spoken.
enum class mail_protocol : std::uint8_t {
  smtp,
  /// LMTP (RFC 2033): LHLO instead of EHLO, and behind the content a reply for each recipient that
  /// was accepted, which decides it alone (LMTP-04). DATA waits for the replies to all RCPT, and no
  /// envelope runs ahead of a verdict: a level above `envelope` counts as that (LMTP-03).
  lmtp,
};

/// How long each step may take (TIME-01, RFC 5321 section 4.5.3.2). Zero: for ever; at most a year.
struct timeouts {
  using duration = std::chrono::milliseconds;
  duration greeting = std::chrono::minutes(5);   ///< Also the one behind XCLIENT.
  duration hello = std::chrono::minutes(5);      ///< EHLO, HELO and LHLO.
  duration starttls = std::chrono::minutes(5);   ///< The reply to STARTTLS.
  duration handshake = std::chrono::minutes(1);  ///< TLS, by the transport.
  duration auth = std::chrono::minutes(5);       ///< Each step.
  duration mail = std::chrono::minutes(5);
  duration rcpt = std::chrono::minutes(5);   ///< Each.
  duration data = std::chrono::minutes(2);   ///< Until 354.
  duration block = std::chrono::minutes(3);  ///< Content: no write progress.
  /// Content: so long for each `limits::progress_octets` written, or all that is left (TIME-08).
  duration progress = std::chrono::minutes(10);
  duration chunk = std::chrono::minutes(5);     ///< The reply to a chunk that is not the last.
  duration content = std::chrono::minutes(10);  ///< Final reply after terminator or last chunk.
  duration reset = std::chrono::minutes(1);
  duration command = std::chrono::minutes(5);  ///< NOOP, VRFY, EXPN, HELP, XFORWARD, raw.
  duration quit = std::chrono::seconds(10);

  /// Getter: the timeout of the reply to `v`.
  [[nodiscard]] duration of(verb v) const noexcept;
};

/// Bounds (LIM-01, PIPE-16, TXN-26, AUTH-09), all configurable.
struct limits {
  reply_limits reply;                      ///< What a reply may cost.
  std::uint32_t auth_line = 12288;         ///< Challenge and response lines, CRLF included.
  std::uint32_t recipients = 100;          ///< Of one mail.
  std::uint32_t outstanding = 256;         ///< Commands of a group without a reply.
  std::uint32_t group_octets = 32 * 1024;  ///< Octets of those commands.
  std::uint32_t warnings = 64;             ///< Warning events of a session; more are dropped.
  /// Octets of content that must be written within each `timeouts::progress` (TIME-08).
  std::uint32_t progress_octets = 4096;
  std::uint32_t chunk_octets = 256 * 1024;  ///< Of one BDAT (BDAT-05).
  std::uint32_t chunks = 4;                 ///< Of one mail without a reply (BDAT-07).
  std::uint32_t body_octets = 1024 * 1024;  ///< Of all chunks without a reply (BDAT-07).
  std::uint32_t stream_mails = 16;          ///< Without a verdict, at level `stream` (BDAT-14).
  std::uint32_t stream_outstanding = 1024;  ///< What `outstanding` is at level `stream` (BDAT-14).
};

/// What a server is to be told of a client by XCLIENT or XFORWARD, e.g. {"ADDR", "192.0.2.1"}.
struct client_attribute {
  /// In any case. Both commands know NAME, ADDR, PORT, PROTO and HELO; XCLIENT also LOGIN, DESTADDR
  /// and DESTPORT, XFORWARD also IDENT and SOURCE.
  std::string name;
  /// As it is, since the session encodes it (xtext): at most 255 octets without controls. Of an
  /// address "192.0.2.1" or "IPV6:2001:db8::1", of a port a number from 1 to 65535, of XCLIENT's
  /// PROTO "SMTP" or "ESMTP", of SOURCE "LOCAL" or "REMOTE". Empty or "[UNAVAILABLE]": it is not
  /// known; "[TEMPUNAVAIL]", which means so only as XCLIENT's NAME: it could not be looked up now.
  std::string value;
};

/// Options of a session. A plain value; `check` says whether it can be followed.
struct session_config {
  /// EHLO name: a Domain or an address literal (SESS-16). Empty: the host's name as the transport
  /// knows it, else the local address as a literal (SESS-14, SESS-15).
  std::string local_name;
  mail_protocol protocol = mail_protocol::smtp;
  tls_mode tls = tls_mode::off;
  pipelining_level pipelining = pipelining_level::envelope;
  line_end_policy line_ends = line_end_policy::normalize;

  bool trace = false;  ///< Events for each line sent and each reply (ERR-01).
  /// Events for the steps of a mail: sender and recipient accepted, ready for data unless content
  /// is streamed. A bulk sender that looks only at outcomes saves a fifth of the engine's work
  /// without.
  bool progress = true;
  bool quit_no_wait = false;            ///< Do not wait for the reply to QUIT (SESS-20).
  bool require_all_recipients = false;  ///< No DATA if any recipient is refused (TXN-08).
  bool pipeline_rset = false;           ///< RSET may share a group with the next MAIL (TXN-19).
  bool allow_empty_content = false;     ///< (DATA-04)
  /// Send content by BDAT where CHUNKING is offered, also what is not binary (BDAT-02).
  bool prefer_chunking = false;
  /// Ask for a reply of each recipient to the content where PRDR is offered, of mails with two or
  /// more recipients whose content goes by DATA (PRDR-01). Not with `require_all_recipients`, nor
  /// by LMTP, where each has one in any case.
  bool per_recipient_replies = false;
  /// Lines over 1000 octets are an error, not a warning (DATA-09).
  bool reject_long_lines = false;
  bool allow_unadvertised = false;       ///< Raw parameters without an offer (CMD-14).
  bool allow_unadvertised_8bit = false;  ///< Octets above 127 without 8BITMIME (DATA-10).
  bool auth_optional = false;            ///< Go on without AUTH if none is usable (SESS-27).
  bool no_initial_response = false;      ///< AUTH always without (AUTH-04).
  bool ehlo_after_auth = false;          ///< (AUTH-14)
  /// Show secrets to a peer that proved nothing (AUTH-13).
  bool allow_auth_unverified_tls = false;
  bool allow_auth_cleartext = false;  ///< Show secrets to everybody on the way (AUTH-13).
  /// CRAM-MD5 and SCRAM in clear text: whoever listens can try out passwords at leisure (AUTH-12).
  bool allow_challenge_cleartext = false;

  struct limits limits;
  struct timeouts timeouts;
  /// Whom the server is to take this client for, said by XCLIENT before AUTH. Attributes that it
  /// does not offer are left out with a warning; if none is left, the session fails with
  /// `xclient_not_offered`, and if it refuses, with that refusal (EXT-14). All go into one line.
  std::vector<client_attribute> xclient;
  /// From whom the mails came to this client, said by XFORWARD before each of them, since a server
  /// forgets it with the transaction. What it does not offer or refuses is a warning, and the mails
  /// go without (EXT-15).
  std::vector<client_attribute> xforward;
  /// Keywords of the EHLO reply to be ignored (EXT-04).
  std::vector<std::string> ignored_keywords;
  /// 5yz codes beyond 500 and 502 upon which EHLO falls back to HELO (SESS-08).
  std::vector<std::uint16_t> helo_fallback_codes;

  /// Getter: `errc::none`, or `bad_configuration` (a fallback code that is not 5yz, a line or reply
  /// limit below 512 octets, a count or window of zero) or `bad_argument` (the EHLO name; an
  /// attribute of `xclient` or `xforward` that is unknown, stands twice or has a bad value, and one
  /// line of XCLIENT above 512 octets).
  [[nodiscard]] errc check() const noexcept;

  /// Getter: may a server at this TCP port be spoken to? LMTP must not be spoken at port 25, where
  /// SMTP is (LMTP-02).
  [[nodiscard]] bool permits_port(std::uint16_t port) const noexcept {
    return protocol != mail_protocol::lmtp || port != 25;
  }
};

}  // namespace sansmtp

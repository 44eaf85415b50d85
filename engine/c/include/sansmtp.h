/* The C interface of the engine: a session of SMTP or LMTP without I/O, clock and thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What is exported; set it to nothing to declare these functions otherwise. */
#ifndef SANSMTP_API
#if defined(_WIN32) && defined(SANSMTP_C_SHARED)
#ifdef sansmtp_c_EXPORTS
#define SANSMTP_API __declspec(dllexport)
#else
#define SANSMTP_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define SANSMTP_API __attribute__((visibility("default")))
#else
#define SANSMTP_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* -- how to read this ----------------------------------------------------------------------------
 *
 * The functions are those of `sansmtp::session` (sansmtp/session.hpp), with the same meaning:
 * *input* (the world tells the engine), *output* (the engine tells the world), *command* (the user
 * asks; it only enqueues), *getter*. After anything, take events until there is none and write all
 * that `sansmtp_session_output` offers, as long as either has something; then wait for octets or
 * for the deadline. README.md beside this file has the loop.
 *
 * Errors. A function that returns `sansmtp_errc` returns SANSMTP_ERRC_NONE (0), or why nothing was
 * done: BAD_ARGUMENT for a null pointer, a struct of a wrong size, an unknown flag or number, a
 * length without octets or above PTRDIFF_MAX, a time outside of its bounds; BAD_STATE for a call in
 * the wrong phase, or from a callback of the same session; SESSION_CLOSED behind its end. What is
 * wrong with a mail or a command (an address, text with CR, LF or NUL, a login) is told by the
 * event that completes it, as everything else that becomes of it. Nothing throws; memory that is
 * not there ends the program.
 *
 * Structs begin with their own size, which the caller sets: `sansmtp_options o = {sizeof o};`. In
 * what is given, zero is the default of every other member. A smaller size is that of an older
 * version: what it lacks is zero, and what is filled ends there. A larger one is refused unless all
 * beyond the known is zero; what is filled there is zero. In arrays of structs each has the size of
 * the first.
 *
 * Lifetime. What is given is read only during the call, except content that is borrowed or lent, a
 * hash suite's `context`, and the session itself. Four rules: input is read only during
 * `sansmtp_session_receive`; octets of `sansmtp_session_output` live until `sansmtp_session_sent`
 * and nothing else disturbs them; a borrowed content lives until its MAIL_DONE; what an event or a
 * result shows lives until the next `sansmtp_session_next_event`.
 *
 * Threads. One at a time for a session and all that belongs to it. There is no global state.
 *
 * Times are nanoseconds of a monotonic clock of the caller's, from 0 to 2^62 (146 years). They
 * never go back: an earlier one than the last counts as the last one.
 */

/** A session; opaque. */
typedef struct sansmtp_session sansmtp_session;

/** Octets that belong to somebody else, as an `iovec` is; no NUL ends them. `size` 0: none. */
typedef struct sansmtp_bytes {
  const char* data;
  size_t size;
} sansmtp_bytes;

/** Why something failed; SANSMTP_ERRC_... */
typedef int32_t sansmtp_errc;

/* All numbers are fixed: new ones come behind the last. */

enum {
  SANSMTP_UNKNOWN = -1, /**< What this header has no number for. */
  SANSMTP_FOREVER = -1  /**< As a timeout: none. */
};

/** Conditions, each of exactly one category. */
enum {
  SANSMTP_ERRC_NONE = 0,
  SANSMTP_ERRC_REFUSED_TRANSIENTLY = 1, /**< A 4yz reply. */
  SANSMTP_ERRC_REFUSED_PERMANENTLY = 2, /**< A 5yz reply. */
  /** 452 or 552 to RCPT meaning "too many recipients" (TXN-09). */
  SANSMTP_ERRC_RECIPIENT_LIMIT = 3,
  /** A 503 that is about the place of a command, not about the mail (PIPE-17). */
  SANSMTP_ERRC_RAN_AHEAD = 4,
  SANSMTP_ERRC_RESET_REFUSED = 5, /**< RSET was refused, and with it the session (TXN-18). */
  SANSMTP_ERRC_SERVICE_CLOSING = 6,
  SANSMTP_ERRC_CONNECTION_LOST = 7,
  /** The TLS stream ended without close_notify; perhaps somebody cut it. */
  SANSMTP_ERRC_TLS_TRUNCATED = 8,
  SANSMTP_ERRC_HANDSHAKE_LOST = 9, /**< It did so in the TLS handshake. */
  /** No host of the domain could be looked up or reached now (RTE-18). */
  SANSMTP_ERRC_ROUTE_FAILED = 10,
  SANSMTP_ERRC_TIMED_OUT = 11,
  SANSMTP_ERRC_HANDSHAKE_TIMED_OUT = 12, /**< The TLS handshake did not end in time. */
  SANSMTP_ERRC_MALFORMED_REPLY = 13,     /**< Not three digits and a separator (REP-11). */
  SANSMTP_ERRC_BAD_REPLY_CODE = 14,      /**< First digit other than 2 to 5 (REP-10). */
  SANSMTP_ERRC_MIXED_REPLY_CODES = 15,   /**< Lines of one reply with different codes (REP-09). */
  SANSMTP_ERRC_BARE_LF_IN_REPLY = 16,    /**< LF without CR (REP-12). */
  SANSMTP_ERRC_BARE_CR_IN_REPLY = 17,    /**< CR without LF (REP-13). */
  SANSMTP_ERRC_NUL_IN_REPLY = 18,        /**< (REP-14). */
  SANSMTP_ERRC_UNSOLICITED_REPLY = 19,   /**< A reply that no command handed out awaits (REP-16). */
  /** A class that has no meaning at this stage (REP-20, TXN-12, TXN-15). */
  SANSMTP_ERRC_UNEXPECTED_REPLY = 20,
  /** Octets between the 220 to STARTTLS and the handshake (TLS-05). */
  SANSMTP_ERRC_INJECTION = 21,
  /** 354 after a refused sender with accepted recipients (PIPE-11). */
  SANSMTP_ERRC_CONTRADICTORY_REPLY = 22,
  SANSMTP_ERRC_REPLY_LINE_TOO_LONG = 23,
  SANSMTP_ERRC_REPLY_TOO_LONG = 24,
  /** What the TLS layer answers by itself, and the server does not read (TLS-14). */
  SANSMTP_ERRC_TLS_FLOOD = 25,
  SANSMTP_ERRC_TLS_NOT_OFFERED = 26, /**< Required, but not in the EHLO reply (TLS-03). */
  SANSMTP_ERRC_TLS_REFUSED = 27, /**< STARTTLS answered with 4yz or 5yz while required (TLS-07). */
  /** Handshake or verification failed (TLS-08), or the link broke later. */
  SANSMTP_ERRC_TLS_FAILED = 28,
  SANSMTP_ERRC_PLAINTEXT_PEER = 29,   /**< The peer answered the handshake in clear text. */
  SANSMTP_ERRC_TLS_TOO_WEAK = 30,     /**< The caller rejected what was negotiated (TLS-09). */
  SANSMTP_ERRC_AUTH_NOT_OFFERED = 31, /**< No usable mechanism in the EHLO reply (SESS-27). */
  SANSMTP_ERRC_AUTH_NEEDS_TLS = 32,   /**< Only mechanisms that would show the secret (AUTH-13). */
  SANSMTP_ERRC_AUTH_REFUSED = 33,     /**< 4yz or 5yz to AUTH (AUTH-11). */
  /** Challenge not base64, or refused by the mechanism (AUTH-06). */
  SANSMTP_ERRC_AUTH_BAD_CHALLENGE = 34,
  SANSMTP_ERRC_SERVER_NOT_PROVEN = 35, /**< 235 before the mechanism was satisfied (AUTH-10). */
  /** CR, LF, NUL, other control or non-ASCII octet, or empty (CMD-04). */
  SANSMTP_ERRC_BAD_ARGUMENT = 36,
  SANSMTP_ERRC_BAD_ADDRESS = 37,      /**< Not a Mailbox (CMD-05). */
  SANSMTP_ERRC_ADDRESS_TOO_LONG = 38, /**< (CMD-10). */
  SANSMTP_ERRC_LINE_TOO_LONG = 39,    /**< The command line would pass its limit (CMD-11). */
  /** Keyword or value outside the grammar, or given twice (CMD-13). */
  SANSMTP_ERRC_BAD_PARAMETER = 40,
  /** Its extension is not in the last EHLO reply (CMD-14). */
  SANSMTP_ERRC_PARAMETER_NOT_OFFERED = 41,
  /** Beyond the bounds in the last EHLO reply (EXT-12, EXT-13). */
  SANSMTP_ERRC_PARAMETER_OUT_OF_RANGE = 42,
  SANSMTP_ERRC_NO_RECIPIENTS = 43, /**< (TXN-21). */
  /** More than `recipients` of the limits (TXN-26), or the server's (EXT-10). */
  SANSMTP_ERRC_TOO_MANY_RECIPIENTS = 44,
  SANSMTP_ERRC_EMPTY_CONTENT = 45,         /**< (DATA-04). */
  SANSMTP_ERRC_BARE_LF_IN_CONTENT = 46,    /**< Under SANSMTP_STRICT_LINE_ENDS (DATA-05). */
  SANSMTP_ERRC_BARE_CR_IN_CONTENT = 47,    /**< Under SANSMTP_STRICT_LINE_ENDS (DATA-05). */
  SANSMTP_ERRC_NUL_IN_CONTENT = 48,        /**< (DATA-11). */
  SANSMTP_ERRC_CONTENT_LINE_TOO_LONG = 49, /**< Under SANSMTP_REJECT_LONG_LINES (DATA-09). */
  /** Octets above 127 and no 8BITMIME (DATA-10, EXT-08). */
  SANSMTP_ERRC_EIGHT_BIT_NOT_OFFERED = 50,
  /** Binary content, and BINARYMIME or CHUNKING is missing (BDAT-11). */
  SANSMTP_ERRC_BINARY_NOT_OFFERED = 51,
  /** Above the limit of the SIZE extension (EXT-07, DATA-12). */
  SANSMTP_ERRC_CONTENT_TOO_BIG = 52,
  SANSMTP_ERRC_UTF8_NOT_OFFERED = 53,        /**< A non-ASCII address and no SMTPUTF8 (CMD-17). */
  SANSMTP_ERRC_REQUIRE_TLS_NOT_OFFERED = 54, /**< REQUIRETLS asked, but the link cannot give it. */
  /** Another recipient of the same mail was refused (TXN-08, TXN-28). */
  SANSMTP_ERRC_ENVELOPE_REFUSED = 55,
  SANSMTP_ERRC_BAD_STATE = 56,      /**< Not now (CORE-06). */
  SANSMTP_ERRC_SESSION_CLOSED = 57, /**< The session is over (CORE-07). */
  /** The server's LIMITS allow no more in this session (EXT-10). */
  SANSMTP_ERRC_SESSION_EXHAUSTED = 58,
  SANSMTP_ERRC_NO_LOCAL_NAME = 59,     /**< No name and no address for EHLO (SESS-15). */
  SANSMTP_ERRC_BAD_CONFIGURATION = 60, /**< An option that cannot be followed (SESS-08). */
  SANSMTP_ERRC_NO_ROUTE = 61, /**< No host takes mail for the domain, now or later (RTE-18). */
  /** Another one was refused, and the mail is for all or nobody (TXN-08). */
  SANSMTP_ERRC_RECIPIENT_REFUSED = 62,
  /** Another mail or its owner ended the session that this mail shared. */
  SANSMTP_ERRC_SESSION_ABORTED = 63,
  SANSMTP_ERRC_ABORTED = 64, /**< The caller gave up this very mail, or command. */
  /** XCLIENT is asked for, and the server takes nothing of it (EXT-14). */
  SANSMTP_ERRC_XCLIENT_NOT_OFFERED = 65
};

/** The closed set of categories of failures. */
enum {
  SANSMTP_CATEGORY_NONE = 0,
  SANSMTP_CATEGORY_REPLY = 1,
  SANSMTP_CATEGORY_CLOSING = 2,
  SANSMTP_CATEGORY_CONNECTION_LOST = 3,
  SANSMTP_CATEGORY_TIMEOUT = 4,
  SANSMTP_CATEGORY_PROTOCOL = 5,
  SANSMTP_CATEGORY_LIMIT = 6,
  SANSMTP_CATEGORY_TLS = 7,
  SANSMTP_CATEGORY_AUTH = 8,
  SANSMTP_CATEGORY_LOCAL = 9,
  SANSMTP_CATEGORY_ABORTED = 10
};

/** What became of a recipient. */
enum {
  SANSMTP_OUTCOME_PENDING = 0,   /**< Not decided yet; never in a report. */
  SANSMTP_OUTCOME_DELIVERED = 1, /**< The server took responsibility. */
  /** Permanent refusal by the server, or a permanent local obstacle. */
  SANSMTP_OUTCOME_REJECTED = 2,
  /** Transient refusal, or a failure while the server surely had not accepted. */
  SANSMTP_OUTCOME_DEFERRED = 3,
  SANSMTP_OUTCOME_NOT_ATTEMPTED = 4, /**< No RCPT for it was handed to the transport. */
  /** All of the message was handed over, but no final reply was understood. */
  SANSMTP_OUTCOME_IN_DOUBT = 5
};

/** Advice that a reply code or a failure carries beyond its class. */
enum {
  SANSMTP_HINT_NONE = 0,
  SANSMTP_HINT_AUTH_OR_TLS_REQUIRED = 1, /**< 530 (TXN-24, AUTH-11). */
  /** Send the rest in another transaction (TXN-09, TXN-10). */
  SANSMTP_HINT_TOO_MANY_RECIPIENTS = 2,
  /** Opportunistic TLS failed; connect again without (TLS-08). */
  SANSMTP_HINT_RETRY_WITHOUT_TLS = 3,
  SANSMTP_HINT_PASSWORD_TRANSITION = 4, /**< 432 (AUTH-11). */
  /** Where a greeting was to be: the port is one for implicit TLS. */
  SANSMTP_HINT_SERVER_SPEAKS_TLS = 5,
  /** A capability is missing here; another server may have it (OUT-05). */
  SANSMTP_HINT_OTHER_HOST = 6,
  SANSMTP_HINT_ANOTHER_CONNECTION = 7 /**< The server takes no further mail in this session. */
};

/** The command or wait that something is about. */
enum {
  SANSMTP_VERB_GREETING = 0,
  SANSMTP_VERB_EHLO = 1,
  SANSMTP_VERB_HELO = 2,
  SANSMTP_VERB_LHLO = 3, /**< LMTP's EHLO (RFC 2033 section 4.1). */
  SANSMTP_VERB_STARTTLS = 4,
  /** The transport's TLS handshake; answered by the caller. */
  SANSMTP_VERB_HANDSHAKE = 5,
  SANSMTP_VERB_AUTH = 6,        /**< The AUTH line and each response line. */
  SANSMTP_VERB_AUTH_CANCEL = 7, /**< The line "*" (AUTH-08). */
  SANSMTP_VERB_MAIL = 8,
  SANSMTP_VERB_RCPT = 9,
  SANSMTP_VERB_DATA = 10,
  /** All from 354 to the final reply; by LMTP to one reply for each recipient. */
  SANSMTP_VERB_CONTENT = 11,
  /** The terminator alone, sent when no recipient was accepted (PIPE-09). */
  SANSMTP_VERB_LONE_DOT = 12,
  SANSMTP_VERB_BDAT = 13,      /**< A chunk of content, but for the last one (RFC 3030). */
  SANSMTP_VERB_BDAT_LAST = 14, /**< The last chunk; its reply is the verdict. */
  /** One recipient's reply to content, before the one that is for all (PRDR-02). */
  SANSMTP_VERB_VERDICT = 15,
  SANSMTP_VERB_RSET = 16,
  SANSMTP_VERB_NOOP = 17,
  SANSMTP_VERB_HELP = 18,
  SANSMTP_VERB_VRFY = 19,
  SANSMTP_VERB_EXPN = 20,
  SANSMTP_VERB_RAW = 21,
  SANSMTP_VERB_QUIT = 22,
  /** Who the client is to be taken for; a 2yz is a greeting (EXT-14). */
  SANSMTP_VERB_XCLIENT = 23,
  SANSMTP_VERB_XFORWARD = 24 /**< From whom the next mail came to the client (EXT-15). */
};

/** Kinds of events. */
enum {
  /** Trace only: a reply came; `stage` is its command. */
  SANSMTP_EVENT_REPLY_PARSED = 1,
  /** Trace only: a command line was handed out; `command`, secrets masked. */
  SANSMTP_EVENT_LINE_SENT = 2,
  SANSMTP_EVENT_CONTENT_SENT = 3, /**< Trace only: `octets` of content were written. */
  SANSMTP_EVENT_GREETED = 4,      /**< The greeting came. */
  /** Start the handshake, then say that it was established or failed. Take all events first: CLOSED
   * may follow at once, if octets came in behind the 220 (TLS-05). */
  SANSMTP_EVENT_UPGRADE_TO_TLS = 5,
  SANSMTP_EVENT_AUTHENTICATED = 6, /**< AUTH succeeded; `detail` names the mechanism. */
  SANSMTP_EVENT_READY = 7,         /**< The session is open for mails. Once. */
  /** It will never be; `stage` says where. Instead of READY. */
  SANSMTP_EVENT_SESSION_FAILED = 8,
  SANSMTP_EVENT_SENDER_ACCEPTED = 9,     /**< MAIL was answered with 2yz. */
  SANSMTP_EVENT_SENDER_REJECTED = 10,    /**< MAIL was refused; each recipient gets this reply. */
  SANSMTP_EVENT_RECIPIENT_ACCEPTED = 11, /**< So far: the outcome follows in MAIL_DONE. */
  SANSMTP_EVENT_RECIPIENT_REJECTED = 12, /**< Refused by the server; final. */
  /** 354 came, or by BDAT the first chunk of a stream may leave. Streamed: lend the first chunk. */
  SANSMTP_EVENT_READY_FOR_DATA = 13,
  /** The chunk lent last is the caller's again; lend the next. */
  SANSMTP_EVENT_CHUNK_RELEASED = 14,
  /** Exactly once for each mail; with a result for each recipient, but none if the mail itself
   * could not be taken (NO_RECIPIENTS, TOO_MANY_RECIPIENTS). */
  SANSMTP_EVENT_MAIL_DONE = 15,
  SANSMTP_EVENT_COMMAND_DONE = 16, /**< Exactly once for each other command; `code` or `error`. */
  /** Something odd that changes nothing; `error` or `detail` says what. */
  SANSMTP_EVENT_WARNING = 17,
  /** The last event: write what output still offers, then close the link. */
  SANSMTP_EVENT_CLOSED = 18
};

/** Where a session stands. */
enum {
  SANSMTP_PHASE_UNCONNECTED = 0, /**< `sansmtp_session_connected` was not called. */
  SANSMTP_PHASE_OPENING = 1,     /**< Greeting, EHLO, TLS, AUTH. */
  SANSMTP_PHASE_READY = 2,       /**< Mails and commands. */
  SANSMTP_PHASE_QUITTING = 3,    /**< QUIT is on its way. */
  SANSMTP_PHASE_CLOSED = 4       /**< Over. */
};

/** What is spoken. */
enum { SANSMTP_PROTOCOL_SMTP = 0, SANSMTP_PROTOCOL_LMTP = 1 };

/** When TLS is used. */
enum {
  SANSMTP_TLS_OFF = 0,           /**< Never, even if offered. */
  SANSMTP_TLS_OPPORTUNISTIC = 1, /**< STARTTLS if offered; clear text if it is refused. */
  SANSMTP_TLS_REQUIRED = 2,      /**< STARTTLS, or the session fails. */
  SANSMTP_TLS_IMPLICIT = 3       /**< TLS before the greeting. */
};

/** How far commands run ahead of their replies, where the server offers PIPELINING. */
enum {
  SANSMTP_PIPELINING_DEFAULT = 0,  /**< ENVELOPE */
  SANSMTP_PIPELINING_OFF = 1,      /**< One command at a time. */
  SANSMTP_PIPELINING_ENVELOPE = 2, /**< MAIL, all RCPT and DATA in one group. */
  SANSMTP_PIPELINING_MESSAGES = 3, /**< Also the next mail's envelope behind the final dot. */
  SANSMTP_PIPELINING_STREAM = 4    /**< Whole mails by BDAT, for servers known to read it. */
};

/** Flags of a session. */
enum {
  SANSMTP_TRACE = 1 << 0,                  /**< Events for each line sent and each reply. */
  SANSMTP_NO_PROGRESS = 1 << 1,            /**< No events of a mail but MAIL_DONE. */
  SANSMTP_QUIT_NO_WAIT = 1 << 2,           /**< Do not wait for the reply to QUIT. */
  SANSMTP_REQUIRE_ALL_RECIPIENTS = 1 << 3, /**< No DATA if any recipient is refused. */
  SANSMTP_PIPELINE_RSET = 1 << 4,          /**< RSET may share a group with the next MAIL. */
  SANSMTP_ALLOW_EMPTY_CONTENT = 1 << 5,
  SANSMTP_PREFER_CHUNKING = 1 << 6,            /**< Content by BDAT where CHUNKING is offered. */
  SANSMTP_PER_RECIPIENT_REPLIES = 1 << 7,      /**< Where PRDR is offered. */
  SANSMTP_REJECT_LONG_LINES = 1 << 8,          /**< Lines over 1000 octets are an error. */
  SANSMTP_ALLOW_UNADVERTISED = 1 << 9,         /**< Raw parameters without an offer. */
  SANSMTP_ALLOW_UNADVERTISED_8BIT = 1 << 10,   /**< Octets above 127 without 8BITMIME. */
  SANSMTP_AUTH_OPTIONAL = 1 << 11,             /**< Go on without AUTH if none is usable. */
  SANSMTP_NO_INITIAL_RESPONSE = 1 << 12,       /**< AUTH always without. */
  SANSMTP_EHLO_AFTER_AUTH = 1 << 13,           /**< EHLO again behind AUTH. */
  SANSMTP_ALLOW_AUTH_UNVERIFIED_TLS = 1 << 14, /**< Show secrets to who proved nothing. */
  SANSMTP_ALLOW_AUTH_CLEARTEXT = 1 << 15,      /**< Show secrets to all on the way. */
  SANSMTP_ALLOW_CHALLENGE_CLEARTEXT = 1 << 16, /**< CRAM-MD5 and SCRAM in clear text. */
  SANSMTP_STRICT_LINE_ENDS = 1 << 17,          /**< Refuse LF and CR alone, not mend them. */
  SANSMTP_ACCEPT_BARE_LF = 1 << 18,            /**< Take LF as a line end in replies. */
  SANSMTP_NO_WARNINGS = 1 << 19
};

/** How long each step may take, in nanoseconds, rounded up to milliseconds; 0: the RFC's or the
 * project's default, SANSMTP_FOREVER: no timeout; at most a year. */
typedef struct sansmtp_timeouts {
  size_t size;
  int64_t greeting;
  int64_t hello; /**< EHLO, HELO and LHLO. */
  int64_t starttls;
  int64_t handshake;
  int64_t auth; /**< Each step. */
  int64_t mail;
  int64_t rcpt;     /**< Each. */
  int64_t data;     /**< Until 354. */
  int64_t block;    /**< Content: no write progress. */
  int64_t progress; /**< Content: for each `progress_octets` written. */
  int64_t chunk;    /**< The reply to a chunk that is not the last. */
  int64_t content;  /**< The final reply. */
  int64_t reset;
  int64_t command; /**< NOOP, VRFY, EXPN, HELP, raw. */
  int64_t quit;
} sansmtp_timeouts;

/** Bounds; 0: the default. */
typedef struct sansmtp_limits {
  size_t size;
  uint32_t reply_line; /**< Octets of a line of a reply, at least 512. */
  uint32_t reply_lines;
  uint32_t reply_octets; /**< Octets of a reply, at least 512. */
  uint32_t auth_line;    /**< Octets of challenges and responses, at least 512. */
  uint32_t recipients;   /**< Of one mail. */
  uint32_t outstanding;  /**< Commands of a group without a reply. */
  uint32_t group_octets; /**< Octets of those commands. */
  uint32_t warnings;     /**< Events of a session; more are dropped. */
  uint32_t progress_octets;
  uint32_t chunk_octets;       /**< Of one BDAT. */
  uint32_t chunks;             /**< Of one mail without a reply. */
  uint32_t body_octets;        /**< Of all chunks without a reply. */
  uint32_t stream_mails;       /**< Without a verdict, at level STREAM. */
  uint32_t stream_outstanding; /**< What `outstanding` is at level STREAM. */
} sansmtp_limits;

/** Options of a session. */
typedef struct sansmtp_options {
  size_t size;
  /** EHLO name: a domain or an address literal. Empty: see `sansmtp_session_connected`. */
  sansmtp_bytes local_name;
  int32_t protocol;   /**< SANSMTP_PROTOCOL_... */
  int32_t tls;        /**< SANSMTP_TLS_... */
  int32_t pipelining; /**< SANSMTP_PIPELINING_... */
  uint32_t flags;
  const sansmtp_timeouts* timeouts;      /**< NULL: the defaults. */
  const sansmtp_limits* limits;          /**< NULL: the defaults. */
  const sansmtp_bytes* ignored_keywords; /**< Of the EHLO reply. */
  size_t ignored_keyword_count;
  /** 5yz codes beyond 500 and 502 upon which EHLO falls back to HELO. */
  const uint16_t* helo_fallback_codes;
  size_t helo_fallback_code_count;
} sansmtp_options;

/** What the caller's TLS tells of a handshake. */
typedef struct sansmtp_tls_info {
  size_t size;
  uint32_t verified; /**< Not 0: the peer's identity was proven. */
  uint32_t reserved; /**< 0 */
  /** "tls-exporter", "tls-unique" or "tls-server-end-point"; empty: the link cannot be bound. */
  sansmtp_bytes binding_type;
  sansmtp_bytes binding; /**< What SCRAM's -PLUS variants prove. */
} sansmtp_tls_info;

/** A recipient. */
typedef struct sansmtp_recipient {
  size_t size;
  sansmtp_bytes address; /**< A mailbox, without angle brackets. */
  /** Each one text, KEYWORD or KEYWORD=value, the value as a person writes it, before xtext:
   * "NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;a@b.test". Any other keyword is sent as it is if the
   * server offers it, or with SANSMTP_ALLOW_UNADVERTISED. */
  const sansmtp_bytes* parameters;
  size_t parameter_count;
} sansmtp_recipient;

/** Flags of an envelope. */
enum {
  SANSMTP_SKIP_BAD_RECIPIENTS = 1 << 0, /**< Go on without those that are refused locally. */
  SANSMTP_DSN_REQUIRED = 1 << 1,        /**< Not without RET, ENVID, NOTIFY and ORCPT. */
  SANSMTP_ALLOW_UNDERSCORE = 1 << 2,    /**< `_` in domain labels. */
  SANSMTP_ALLOW_LONG_PATHS = 1 << 3     /**< Addresses beyond the RFC's lengths. */
};

/** Who sends and who gets it. */
typedef struct sansmtp_envelope {
  size_t size;
  sansmtp_bytes sender; /**< Empty: the null reverse-path. */
  /** As in a recipient: RET, ENVID, AUTH, REQUIRETLS, BY, MT-PRIORITY, HOLDFOR, HOLDUNTIL, and any
   * other keyword. */
  const sansmtp_bytes* parameters;
  size_t parameter_count;
  const sansmtp_recipient* recipients;
  size_t recipient_count;
  uint32_t flags;
  uint32_t reserved; /**< 0 */
} sansmtp_envelope;

/** Whose content is. */
enum {
  SANSMTP_CONTENT_BORROWED = 0, /**< The caller's, unchanged until MAIL_DONE was taken. */
  SANSMTP_CONTENT_COPIED = 1,   /**< Copied during the call. */
  SANSMTP_CONTENT_STREAMED = 2  /**< Lent chunk by chunk, see `sansmtp_session_lend`. */
};

/** Flags of content. */
enum {
  SANSMTP_CONTENT_EIGHT_BIT = 1 << 0,    /**< A stream may hold octets above 127. */
  SANSMTP_CONTENT_BINARY = 1 << 1,       /**< Goes out as it is, by BDAT. */
  SANSMTP_CONTENT_UTF8_HEADERS = 1 << 2, /**< The header holds UTF-8: needs SMTPUTF8. */
  SANSMTP_CONTENT_SIZED = 1 << 3         /**< `stream_size` is what MAIL declares as SIZE=. */
};

/** A message. */
typedef struct sansmtp_content {
  size_t size;
  int32_t kind; /**< SANSMTP_CONTENT_BORROWED, COPIED or STREAMED. */
  uint32_t flags;
  sansmtp_bytes octets; /**< Of a stream: none. */
  uint64_t stream_size; /**< Octets with CRLF line ends, without dots and terminator. */
} sansmtp_content;

/** What somebody shows to authenticate. */
enum {
  SANSMTP_PASSWORD = 0, /**< SCRAM, PLAIN, LOGIN, CRAM-MD5. */
  SANSMTP_TOKEN = 1,    /**< OAUTHBEARER, XOAUTH2. */
  SANSMTP_EXTERNAL = 2  /**< EXTERNAL: what the link proves, e.g. a client certificate. */
};

/** How much a mechanism does for its user. */
enum {
  SANSMTP_STRENGTH_ANY = 0,
  SANSMTP_STRENGTH_HIDDEN = 1, /**< The secret is not shown. */
  SANSMTP_STRENGTH_MUTUAL = 2, /**< The server proves that it knows the secret, too. */
  SANSMTP_STRENGTH_BOUND = 3   /**< And nobody stands between: the -PLUS variants. */
};

/** Flags of credentials. */
enum {
  SANSMTP_ALREADY_PREPARED = 1 << 0 /**< Octets beyond ASCII went through SASLprep. */
};

/** Who somebody is, and how they may show it. */
typedef struct sansmtp_credentials {
  size_t size;
  int32_t kind;    /**< SANSMTP_PASSWORD, TOKEN or EXTERNAL. */
  int32_t minimum; /**< SANSMTP_STRENGTH_...: nothing weaker is used. */
  sansmtp_bytes name;
  sansmtp_bytes secret;           /**< The password or the token. */
  sansmtp_bytes authorization_id; /**< Act as somebody else. */
  sansmtp_bytes host;             /**< Of OAUTHBEARER. */
  uint32_t port;                  /**< Of OAUTHBEARER. */
  uint32_t flags;
  /** Mechanisms by name, in any case and in the caller's order. None: the strongest first. */
  const sansmtp_bytes* mechanisms;
  size_t mechanism_count;
  uint32_t max_scram_iterations; /**< 0: 10,000,000. */
  uint32_t reserved;             /**< 0 */
} sansmtp_credentials;

/** Hash functions. */
enum { SANSMTP_MD5 = 0, SANSMTP_SHA1 = 1, SANSMTP_SHA256 = 2 };

/** The arithmetic of CRAM-MD5 and SCRAM: functions of the caller's, all of them. Each writes
 * exactly `room` octets (16, 20 or 32 by `hash`) and returns 1, or returns 0 if it cannot; then
 * the mechanism gives up. They are called inside `sansmtp_session_receive`, `..._sent` and
 * `..._output`, must keep no copy of what they are given, and may not call the session. */
typedef struct sansmtp_hash_suite {
  size_t size;
  void* context; /**< Handed to each; lives as long as the session. */
  int (*hash)(void* context, int32_t hash, sansmtp_bytes text, char* out, size_t room);
  int (*hmac)(void* context, int32_t hash, sansmtp_bytes key, sansmtp_bytes text, char* out,
              size_t room);
  int (*pbkdf2)(void* context, int32_t hash, sansmtp_bytes password, sansmtp_bytes salt,
                uint32_t iterations, char* out, size_t room);
  int (*random)(void* context, char* out, size_t room);
} sansmtp_hash_suite;

/** An event. What its members mean for each kind is said there. */
typedef struct sansmtp_event {
  size_t size;
  int32_t kind;       /**< SANSMTP_EVENT_... */
  int32_t stage;      /**< SANSMTP_VERB_...: the command or stage that it is about. */
  uint64_t id;        /**< The mail or command; 0: about the session. */
  uint32_t recipient; /**< Index; of MAIL_DONE the one whose outcome and reply is shown. */
  /** Of RECIPIENT_REJECTED the recipient's. Of MAIL_DONE: of all, else the first that is not
   * DELIVERED, in the order IN_DOUBT, DEFERRED, NOT_ATTEMPTED, REJECTED. */
  int32_t outcome;
  int32_t hint;          /**< SANSMTP_HINT_... */
  int32_t error;         /**< SANSMTP_ERRC_...; NONE also for a failure that `foreign` names. */
  int32_t category;      /**< SANSMTP_CATEGORY_...: NONE if nothing failed. */
  int32_t foreign;       /**< The caller's own number that was given with the failure; 0: none. */
  uint32_t tls;          /**< 1: TLS was on. */
  uint16_t code;         /**< Of the reply; 0: there was none. */
  uint16_t status_class; /**< Enhanced status of a refusal: 5, 1, 1; class 0: none. */
  uint16_t status_subject;
  uint16_t status_detail;
  uint32_t result_count; /**< Of MAIL_DONE: recipients, see `sansmtp_session_result`. */
  sansmtp_bytes text;    /**< Of the reply: raw, without codes, lines joined by LF. */
  sansmtp_bytes command; /**< The line that it answers, secrets masked. */
  sansmtp_bytes excerpt; /**< Of protocol and limit failures: the offending octets. */
  sansmtp_bytes detail;  /**< A word for a person. */
  uint64_t octets;       /**< Of CONTENT_SENT. */
} sansmtp_event;

/** What became of one recipient. */
typedef struct sansmtp_result {
  size_t size;
  sansmtp_bytes address; /**< As in the envelope. */
  int32_t outcome;       /**< SANSMTP_OUTCOME_... */
  int32_t stage;         /**< SANSMTP_VERB_...: where it was decided. */
  int32_t error;         /**< SANSMTP_ERRC_...: NONE if delivered. */
  int32_t category;
  int32_t hint;
  uint16_t code;         /**< Of the deciding reply; 0: there was none. */
  uint16_t status_class; /**< Of a refusal, else suggested; class 0: none. */
  uint16_t status_subject;
  uint16_t status_detail;
  uint32_t reserved;
  sansmtp_bytes text; /**< Of the deciding reply, raw, at most 4096 octets. */
} sansmtp_result;

/** One line of the EHLO reply. */
typedef struct sansmtp_capability {
  size_t size;
  sansmtp_bytes keyword; /**< In upper case. */
  sansmtp_bytes parameters;
} sansmtp_capability;

/** How a session stands. */
typedef struct sansmtp_status {
  size_t size;
  int32_t phase;             /**< SANSMTP_PHASE_... */
  uint32_t idle;             /**< 1: ready, nothing queued, outstanding or to be written. */
  uint32_t closed;           /**< 1: over; output may still hold a QUIT. */
  uint32_t awaits_handshake; /**< 1: for a TLS handshake that the caller makes. */
  uint32_t tls_active;
  uint32_t tls_verified;
  uint32_t said_quit;        /**< 1: QUIT was among what was offered. */
  uint32_t withdrawals;      /**< How often octets that were or could be offered were taken back. */
  size_t in_flight;          /**< Commands handed out and not answered. */
  size_t memory;             /**< Octets held, without content. */
  sansmtp_bytes server_name; /**< First word of the greeting; until the next input. */
  sansmtp_bytes banner;      /**< The rest of its first line; until the next input. */
} sansmtp_status;

/** What the server offers in whole; see `sansmtp_session_capability` for the lines. */
typedef struct sansmtp_offer {
  size_t size;
  uint64_t size_limit;      /**< Of SIZE; 0: none known. */
  sansmtp_bytes mechanisms; /**< Of SASL, with one blank between; until the next input. */
  size_t capability_count;
  uint32_t max_mails;      /**< MAILMAX of LIMITS; 0: no bound. */
  uint32_t max_recipients; /**< RCPTMAX; 0: no bound. */
  uint32_t max_domains;    /**< RCPTDOMAINMAX; 0: no bound. */
  uint32_t reserved;
} sansmtp_offer;

/* -- lifetime ---------------------------------------------------------------------------------- */

/** Command: makes a session in `*made`, the caller's until `sansmtp_session_destroy`. `options` may
 * be NULL. Errors: also BAD_CONFIGURATION; then `*made` is NULL. */
SANSMTP_API sansmtp_errc sansmtp_session_create(const sansmtp_options* options,
                                                sansmtp_session** made);

/** Command: destroys it in any state; events that were not taken are lost. NULL is fine. Errors:
 * BAD_STATE from a callback of this session. */
SANSMTP_API sansmtp_errc sansmtp_session_destroy(sansmtp_session* session);

/* -- input ------------------------------------------------------------------------------------- */

/** Input: the link is up. Starts the greeting timer, or asks for TLS first. `host_name` is this
 * host's name, used in EHLO if it is a domain with a dot and the options have none; else
 * `local_address`, numeric, as a literal. With neither the session fails with NO_LOCAL_NAME.
 * Errors: BAD_STATE if it was called before. */
SANSMTP_API sansmtp_errc sansmtp_session_connected(sansmtp_session* session, int64_t now,
                                                   sansmtp_bytes host_name,
                                                   sansmtp_bytes local_address);

/** Input: octets from the peer, all of them eaten, and read only during the call. They are ignored
 * once the session is over. Errors: BAD_STATE before the link is up, SESSION_CLOSED once CLOSED was
 * taken. */
SANSMTP_API sansmtp_errc sansmtp_session_receive(sansmtp_session* session, int64_t now,
                                                 const char* octets, size_t size);

/** Input: the peer closed, or the link broke. `why` is NONE, or TLS_TRUNCATED for a TLS stream that
 * ended without close_notify; `foreign` says how the link broke (an `errno`; 0: it did not) and
 * comes back in the events; it is told instead of `why` if both are given. A transport whose write
 * failed tells `sansmtp_session_sent` before,
 * zero included, and reads to the end. Errors: SESSION_CLOSED. */
SANSMTP_API sansmtp_errc sansmtp_session_receive_end(sansmtp_session* session, int64_t now,
                                                     sansmtp_errc why, int32_t foreign);

/** Input: `count` octets of what `sansmtp_session_output` lent last were written, the others not:
 * they are offered again. What was lent is void. Errors: BAD_ARGUMENT if it was less, BAD_STATE if
 * it was nothing, and yet some was written. */
SANSMTP_API sansmtp_errc sansmtp_session_sent(sansmtp_session* session, int64_t now, size_t count);

/** Input: time passes. Acts if the deadline is reached. */
SANSMTP_API sansmtp_errc sansmtp_session_advance(sansmtp_session* session, int64_t now);

/** Input: the handshake that UPGRADE_TO_TLS asked for is done. From here on all octets are those
 * inside of TLS. `info` may be NULL: nothing was proven. Errors: BAD_STATE if none was asked for.
 */
SANSMTP_API sansmtp_errc sansmtp_session_tls_established(sansmtp_session* session, int64_t now,
                                                         const sansmtp_tls_info* info);

/** Input: it failed, or what it made broke later. `why` is NONE or a condition of TLS; `foreign` a
 * number of the caller's that comes back in the events, 0: none; `answer` what the peer said in
 * clear text instead. No further octet leaves. Errors: SESSION_CLOSED; BAD_STATE where no
 * handshake is awaited, TLS is not on, and no greeting is awaited or TLS is SANSMTP_TLS_OFF. */
SANSMTP_API sansmtp_errc sansmtp_session_tls_failed(sansmtp_session* session, int64_t now,
                                                    sansmtp_errc why, int32_t foreign,
                                                    sansmtp_bytes answer);

/** Input: it is done, but the caller finds it too weak: QUIT is the next command. Errors: BAD_STATE
 * if no handshake was asked for. */
SANSMTP_API sansmtp_errc sansmtp_session_tls_rejected(sansmtp_session* session, int64_t now);

/* -- output ------------------------------------------------------------------------------------ */

/** Output: fills `slices` with what may be written now; `*count` is their room before and their
 * number behind, 0 if there is nothing. The octets live until `sansmtp_session_sent`, and until
 * then the same come back, or none once the session is over. What is lent counts as handed out,
 * and timers run. */
SANSMTP_API sansmtp_errc sansmtp_session_output(sansmtp_session* session, int64_t now,
                                                sansmtp_bytes* slices, size_t* count);

/** Output: when `sansmtp_session_advance` must be called at the latest; INT64_MAX if no timer runs,
 * of NULL and from a callback. */
SANSMTP_API int64_t sansmtp_session_deadline(const sansmtp_session* session);

/** Getter: SANSMTP_VERB_...: which step the deadline belongs to; meaningful only if there is one.
 * SANSMTP_UNKNOWN of NULL and from a callback. */
SANSMTP_API int32_t sansmtp_session_deadline_of(const sansmtp_session* session);

/** Output: fills `*event`, whose size the caller has set, with the next one: 1, or 0 if there is
 * none now, or -1 for a null pointer, a wrong size, or from a callback. All that it shows lives
 * until the next call. Any function but destroy may be called while an event
 * is looked at. */
SANSMTP_API int sansmtp_session_next_event(sansmtp_session* session, sansmtp_event* event);

/** Getter: fills `*result` with what the MAIL_DONE that was taken last says of a recipient. It
 * lives as long as that event. Errors: BAD_STATE if that event is another one, BAD_ARGUMENT from
 * `result_count` on. */
SANSMTP_API sansmtp_errc sansmtp_session_result(const sansmtp_session* session, size_t index,
                                                sansmtp_result* result);

/* -- command ----------------------------------------------------------------------------------- */

/** Command: a mail, in any phase; `*id` names it in events (`id` may be NULL). The envelope is
 * copied, content as it says. Completed by MAIL_DONE, once, also if it cannot be sent. Errors:
 * also BAD_PARAMETER for a value that a known parameter cannot have; then there is no mail. */
SANSMTP_API sansmtp_errc sansmtp_session_send(sansmtp_session* session,
                                              const sansmtp_envelope* envelope,
                                              const sansmtp_content* content, uint64_t* id);

/** Command: the next chunk of the streamed content that READY_FOR_DATA or CHUNK_RELEASED asked for;
 * `last` ends it, and an empty last one is fine. The octets stay the caller's and live until
 * CHUNK_RELEASED, or MAIL_DONE if that comes first. Errors: BAD_STATE if nothing was asked for,
 * SESSION_CLOSED; then nothing is kept. */
SANSMTP_API sansmtp_errc sansmtp_session_lend(sansmtp_session* session, const char* octets,
                                              size_t size, int last);

/** Command: takes back a mail that has not begun. Errors: BAD_STATE if it has, or there is none. */
SANSMTP_API sansmtp_errc sansmtp_session_withdraw(sansmtp_session* session, uint64_t mail);

/** Command: gives up a mail; once content has begun, at the price of the link. What is over stays
 * as it is. */
SANSMTP_API sansmtp_errc sansmtp_session_cancel(sansmtp_session* session, uint64_t mail);

/** Command: authenticate with the first mechanism of these credentials, in their order, that is
 * offered and allowed. Before READY it belongs to the opening; later it is completed by
 * AUTHENTICATED or COMMAND_DONE with `*id` (`id` may be NULL). `suite` may be NULL: neither SCRAM
 * nor CRAM-MD5. It is copied, but for its context; secrets are copied, and wiped behind the
 * exchange. */
SANSMTP_API sansmtp_errc sansmtp_session_authenticate(sansmtp_session* session,
                                                      const sansmtp_credentials* credentials,
                                                      size_t count, const sansmtp_hash_suite* suite,
                                                      uint64_t* id);

/** Command: one of SANSMTP_VERB_EHLO (again, or LHLO), NOOP, RSET, VRFY, EXPN, HELP and RAW (a line
 * of an extension of the caller's, without CRLF). Completed by COMMAND_DONE with `*id` (`id` may
 * be NULL), where an argument with CR, LF or NUL is refused. Errors: BAD_ARGUMENT for any other
 * verb, and for an argument to EHLO and RSET. */
SANSMTP_API sansmtp_errc sansmtp_session_command(sansmtp_session* session, int32_t verb,
                                                 sansmtp_bytes argument, uint64_t* id);

/** Command: QUIT, after all that was queued before it. Completed by CLOSED. Errors: SESSION_CLOSED.
 */
SANSMTP_API sansmtp_errc sansmtp_session_quit(sansmtp_session* session);

/** Command: QUIT as soon as the protocol allows it; mails that have not begun are not attempted,
 * and one before 354 is aborted. Errors: SESSION_CLOSED. */
SANSMTP_API sansmtp_errc sansmtp_session_quit_now(sansmtp_session* session);

/** Command: the end, at once and without an octet. `foreign` comes back in the events; 0: none.
 * Errors: SESSION_CLOSED. */
SANSMTP_API sansmtp_errc sansmtp_session_abort(sansmtp_session* session, int32_t foreign);

/* -- getter ------------------------------------------------------------------------------------ */

/** Getter: 1 once it is over, also of NULL. Output may still hold a QUIT that is worth one try. */
SANSMTP_API int sansmtp_session_closed(const sansmtp_session* session);

/** Getter: fills `*status`, whose size the caller has set. */
SANSMTP_API sansmtp_errc sansmtp_session_status(const sansmtp_session* session,
                                                sansmtp_status* status);

/** Getter: fills `*offer`, whose size the caller has set; all zero before EHLO and after HELO. */
SANSMTP_API sansmtp_errc sansmtp_session_offer(const sansmtp_session* session,
                                               sansmtp_offer* offer);

/** Getter: fills `*line` with a line of the EHLO reply; it lives until the next input. Errors:
 * BAD_ARGUMENT from `capability_count` on. */
SANSMTP_API sansmtp_errc sansmtp_session_capability(const sansmtp_session* session, size_t index,
                                                    sansmtp_capability* line);

/** Getter: 1 if the server offers this keyword, in any case; else, and from a callback, 0.
 * `parameters`, if it is not NULL, is what stands behind it, until the next input. */
SANSMTP_API int sansmtp_session_offers(const sansmtp_session* session, sansmtp_bytes keyword,
                                       sansmtp_bytes* parameters);

/** Command: has the processor fetch what the next reply will need, and changes nothing: for loops
 * with thousands of sessions. NULL is fine. */
SANSMTP_API void sansmtp_session_prefetch(const sansmtp_session* session);

/* -- errors and words -------------------------------------------------------------------------- */

/** Getter: the names of numbers, e.g. "mixed_reply_codes", "rcpt"; static strings, "unknown" for
 * what is none. */
SANSMTP_API const char* sansmtp_errc_name(sansmtp_errc error);
SANSMTP_API const char* sansmtp_category_name(int32_t category);
SANSMTP_API const char* sansmtp_outcome_name(int32_t outcome);
SANSMTP_API const char* sansmtp_hint_name(int32_t hint);
SANSMTP_API const char* sansmtp_verb_name(int32_t verb);
SANSMTP_API const char* sansmtp_event_name(int32_t kind);

/** Getter: SANSMTP_CATEGORY_... of a condition; SANSMTP_UNKNOWN for what is none. */
SANSMTP_API int32_t sansmtp_category_of(sansmtp_errc error);

/** Getter: a sentence for a person about a condition. Writes at most `room` octets with a NUL, as
 * `snprintf` does, and returns the length of the whole without it. */
SANSMTP_API size_t sansmtp_errc_message(sansmtp_errc error, char* buffer, size_t room);

/** Getter: a server's text made safe for a terminal or a log, in one line. Writes as
 * `sansmtp_errc_message` does; 0 for octets that are not there. */
SANSMTP_API size_t sansmtp_display_text(sansmtp_bytes text, char* buffer, size_t room);

/** Getter: 1 if a retry of the mail is useful, would fail again the same way, or the session may go
 * on, after this failure with that reply (0: none); else 0. */
SANSMTP_API int sansmtp_is_retry_useful(sansmtp_errc error, int code);
SANSMTP_API int sansmtp_is_permanent(sansmtp_errc error, int code);
SANSMTP_API int sansmtp_is_session_usable(sansmtp_errc error);

/** Getter: a text that a NUL ends, as octets of the caller's; of NULL none. */
SANSMTP_API sansmtp_bytes sansmtp_text(const char* text);

/** Getter: the version of the library, "0.1.0"; a static string. */
SANSMTP_API const char* sansmtp_version(void);

#ifdef __cplusplus
}
#endif

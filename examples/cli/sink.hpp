// A small real SMTP server for tests, demonstrations and benchmarks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::cli {

/// An SMTP or LMTP server (RFC 5321, RFC 2033) that takes any mail and delivers none: it counts
/// messages, or keeps them exactly as they came.
///
/// It shares no code of SMTP with the engine, so that tests may use it as an independent witness:
/// of this project it has the hash functions of its TLS library, for logins. It is strict where a
/// client could go wrong: a line ends in CRLF and nothing else, content ends at CRLF "." CRLF and
/// nowhere else. One thread serves all connections. A test constructs it (from then on it listens),
/// calls `start()`, talks to `port()` and reads `totals()` and `messages()` at any time; the
/// destructor ends it.
class sink {
 public:
  /// The moments of a dialogue at which the sink can be told to misbehave.
  enum class stage {
    connect,        ///< the connection has been accepted, and nothing said
    greeting,       ///< the greeting
    starttls,       ///< STARTTLS
    handshake,      ///< the first octets of a TLS handshake have come
    ehlo,           ///< EHLO, or LHLO
    helo,           ///< HELO
    xclient,        ///< XCLIENT
    xforward,       ///< XFORWARD
    auth,           ///< the verdict at the end of AUTH, of right and of wrong passwords
    mail,           ///< MAIL
    rcpt,           ///< RCPT
    data,           ///< DATA
    content_start,  ///< the first octets of the content have come, by DATA or BDAT
    chunk,          ///< a chunk is complete that is not the last one
    content,        ///< the content is complete, by DATA or BDAT; in LMTP, for each recipient
    final,          ///< the reply for all that ends those of PRDR
    rset,           ///< RSET
    quit            ///< QUIT
  };

  /// What becomes of accepted messages.
  enum class keep {
    nothing,    ///< They are counted; their content is never held.
    in_memory,  ///< They are handed out by `messages()`.
    in_store    ///< They are written into the directory `options::store`.
  };

  /// Refuses an address at MAIL or RCPT.
  struct rule {
    /// An address without angle brackets, compared without regard to case; or `*@domain`; or `*`.
    std::string address;
    /// The whole reply without the last CRLF; empty for the usual refusal. A 2yz reply accepts.
    std::string reply;
  };

  /// A reply that is given at a stage whatever the client said. The dialogue moves on as its first
  /// digit says.
  struct fixed_reply {
    /// Any stage but `connect`, `handshake` and `content_start`, which have no reply.
    stage at = stage::greeting;
    /// The whole reply without the last CRLF. A 421 also closes the connection.
    std::string reply;
  };

  /// When TLS is spoken.
  enum class tls_use {
    never,
    starttls,  ///< It is offered, and AUTH only once it is there.
    implicit   ///< From the first octet on.
  };

  /// What a sink is told at its beginning.
  struct options {
    /// `HOST:PORT`, `[V6]:PORT` or `unix:/path`; port 0 takes any that is free.
    std::string listen = "127.0.0.1:0";
    /// What becomes of messages.
    keep messages = keep::nothing;
    /// The directory for `keep::in_store`; it is made if it is not there.
    std::string store;
    /// LMTP is spoken, and not SMTP.
    bool lmtp = false;
    /// Lines that EHLO shows beside the usual ones, as they are to be: a keyword of
    /// `extensions_on_request()` and its words. What LIMITS says is held; XCLIENT and XFORWARD name
    /// the attributes that are taken, or take any.
    std::vector<std::string> offered;
    /// Extension keywords that EHLO does not show and that are then not understood either.
    std::vector<std::string> hidden;
    /// Recipients refused at RCPT; the first rule that fits decides.
    std::vector<rule> refused_recipients;
    /// Senders refused at MAIL; the null sender is matched by `*` only.
    std::vector<rule> refused_senders;
    /// Recipients refused behind content, where each of them has a reply of its own: in LMTP, and
    /// in SMTP if the client asked for PRDR. After a 421 there are no further replies.
    std::vector<rule> refused_contents;
    /// At most one for each stage; they win over everything else.
    std::vector<fixed_reply> replies;
    /// The connection is closed after this stage: before any reply at `connect`, `handshake`,
    /// `content_start`, `content` and `quit`, after the reply at the others.
    std::optional<stage> close_after;
    /// The sink neither answers at this stage nor reads any more.
    std::optional<stage> stall;
    /// When TLS is spoken, with which certificate and key, PEM; without a name, with a certificate
    /// of its own, see `sink::certificate()`.
    tls_use tls = tls_use::never;
    std::string certificate_file;
    std::string key_file;
    /// The one who can log in; without a name AUTH is not offered. After three logins that failed
    /// the next one is answered 421 and the connection is closed.
    std::string user;
    std::string password;
    /// The mechanisms that are offered; empty for all that `sink::mechanisms()` knows.
    std::vector<std::string> mechanisms;
    /// MAIL is refused before a login.
    bool require_login = false;
    /// Each reply is held back for this long; reading goes on meanwhile, so it acts like a longer
    /// line.
    std::chrono::milliseconds delay{0};
    /// The largest content in octets, after un-stuffing; announced with SIZE (RFC 1870).
    std::uint64_t max_size = 100U * 1024U * 1024U;
    /// The most recipients of one message.
    std::size_t max_recipients = 1000;
    /// After so many messages no connection is accepted any more, and `run()` returns once all have
    /// ended or a short grace is over, 0 for no end.
    std::uint64_t max_messages = 0;
    /// `run()` returns after this time; 0 for no end.
    std::chrono::seconds max_time{0};
  };

  /// An address of the envelope with what came along with it.
  struct path {
    std::string address;                  ///< As sent, without the angle brackets.
    std::vector<std::string> parameters;  ///< As sent, `KEYWORD` or `KEYWORD=VALUE`.
  };

  /// What XCLIENT or XFORWARD said, value by name in upper case; values are xtext as sent.
  using attributes = std::map<std::string, std::string>;

  /// A message that was accepted.
  struct message {
    std::string helo;              ///< The argument of EHLO, HELO or LHLO.
    path sender;                   ///< From MAIL.
    std::vector<path> recipients;  ///< From each accepted RCPT, in their order; without those that
                                   ///< were refused behind content.
    attributes xclient;            ///< Empty if there was no XCLIENT.
    attributes xforward;           ///< Empty if there was no XFORWARD.
    std::string user;              ///< Who had logged in; empty if nobody had.
    bool tls = false;              ///< Whether it came through TLS.
    bool chunked = false;          ///< Whether it came by BDAT (RFC 3030) and not by DATA.
    std::string content;  ///< The exact octets, without stuffed dots and without the final one.
  };

  /// What has been seen so far.
  struct counters {
    std::uint64_t connections = 0;  ///< Connections accepted.
    std::uint64_t messages = 0;     ///< Messages accepted.
    std::uint64_t recipients = 0;   ///< Recipients of accepted messages.
    std::uint64_t octets = 0;       ///< Content octets of accepted messages, without stuffed dots.
    std::uint64_t bare_cr = 0;      ///< CR without LF seen within DATA, accepted or not.
    std::uint64_t bare_lf = 0;      ///< LF without CR seen within DATA, accepted or not.
    std::uint64_t handshakes = 0;   ///< TLS handshakes completed.
    std::uint64_t logins = 0;       ///< Logins accepted.
  };

  /// Listens, so that clients can connect from now on; they are served from `start()` or `run()`.
  /// Throws `failure`: `usage`, `no_host`, `unavailable`, for the store `io_error`, for TLS those
  /// of `server_tls_context::make`.
  explicit sink(options wanted);

  /// Ends the thread of `start()`, if any, and closes everything.
  ~sink();

  sink(const sink&) = delete;
  sink& operator=(const sink&) = delete;

  /// The TCP port, 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Where it listens, for people: `127.0.0.1:2525`, `[::1]:2525` or `unix:/path`. Valid as long as
  /// the sink.
  [[nodiscard]] const std::string& address() const noexcept;

  /// The certificate that it made for itself, as PEM, for clients that shall trust it; empty if
  /// there is none. Valid as long as the sink.
  [[nodiscard]] const std::string& certificate() const noexcept;

  /// Serves in the calling thread until `stop()`, `max_messages` or `max_time`; all connections are
  /// closed then.
  void run();

  /// Calls `run()` in a thread of its own. To be called once, and not together with `run()`.
  void start();

  /// Asks `run()` to return soon. May be called from any thread and from a signal handler.
  void stop() noexcept;

  /// Waits until the thread of `start()` has ended.
  void join();

  /// What has been seen so far. A message is counted before its reply is sent. May be called from
  /// any thread.
  [[nodiscard]] counters totals() const;

  /// The messages kept so far with `keep::in_memory`, in the order of their acceptance. May be
  /// called from any thread.
  [[nodiscard]] std::vector<message> messages() const;

  /// The extension keywords that EHLO shows unless they are hidden, besides STARTTLS and AUTH.
  [[nodiscard]] static std::vector<std::string_view> extensions();

  /// The extension keywords that EHLO shows on request.
  [[nodiscard]] static std::vector<std::string_view> extensions_on_request();

  /// The AUTH mechanisms that this build knows.
  [[nodiscard]] static std::vector<std::string_view> mechanisms();

 private:
  class server;
  std::unique_ptr<server> server_;
};

}  // namespace sansmtp::cli

// An SMTP client on a blocking POSIX socket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/blocking/command_result.hpp"
#include "sansmtp/blocking/descriptor.hpp"
#include "sansmtp/blocking/failure.hpp"
#include "sansmtp/blocking/server_address.hpp"
#include "sansmtp/blocking/writer.hpp"
#include "sansmtp/channel.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"
#include "sansmtp/resend.hpp"
#include "sansmtp/session.hpp"

namespace sansmtp::blocking {

/// A session and the socket under it. Every call returns when its answer is there, or when a
/// deadline of the session passed; none throws, all errors are values. One thread at a time. A
/// signal that interrupts a wait changes nothing but what `client_options::stop` says, and SIGPIPE
/// is never raised.
///
/// After a failure that ended the link all further calls are refused, and `connect` begins anew
/// with the same options; but `send` and `send_all` make another link by themselves where that
/// helps, see `client_options::moves`. Octets that were given by reference are the caller's again
/// when a call returns.
class client {
 public:
  explicit client(client_options options = {});
  client(client&&) noexcept = default;
  client& operator=(client&&) noexcept = default;
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  /// Closes the link without a word; `quit` is the polite way.
  ~client() = default;

  // -- the link -----------------------------------------------------------------------------------

  /// Command: connects to the first of the server's addresses that accepts within the connect
  /// timeout, each of which has a head start of `client_options::attempt_delay` before the next one
  /// is tried, too (RFC 8305). A link that is there is closed before. Errors: those of
  /// `resolver_category`, of the system (`std::errc::connection_refused`, `timed_out` and so on;
  /// the address that failed last decides), `std::errc::address_family_not_supported` if the server
  /// has no address of the family to be bound (NET-02), `std::errc::invalid_argument` for an
  /// address that cannot be read, `errc::bad_configuration`, and why TLS cannot be had, if that is
  /// known without the server.
  ///
  /// If the server's greeting is a refusal or none at all, `open` or whatever is called first goes
  /// on to another of its addresses, up to five of them (RFC 5321 section 5.1). Should none of them
  /// greet, the last one that said why is told.
  std::error_code connect(const server_address& server);
  /// Command: the same for an address as people write it, see `server_address::parse` (NET-01).
  /// LMTP has no port of its own: without one the address cannot be read, and port 25 is refused
  /// with `errc::bad_configuration` (LMTP-02).
  std::error_code connect(std::string_view server);

  /// Command: the same to a server whose addresses somebody else has looked up: `server` is its name
  /// and port, and each of `addresses` a numeric one, in the order in which they are tried. No name
  /// is looked up. None of them: `std::errc::invalid_argument`.
  std::error_code connect(const server_address& server, std::vector<server_address> addresses);

  /// Command: speaks over a connected stream socket that somebody else made, for example through a
  /// proxy. Takes ownership if it returns no error; it is made blocking then. Whose it is only the
  /// caller knows: TLS that verifies the server needs `client_options::tls_host`, or a demand with
  /// names (TLS-13).
  std::error_code adopt(int connected);

  /// Command: waits for the greeting, says EHLO (HELO if need be), authenticates if `authenticate`
  /// was called: then the session is ready. Optional: the first mail or command does it too.
  std::error_code open();

  /// Command: authenticates with the first mechanism that is offered and allowed. Before `open` it
  /// only says what `open` shall do, once the server has greeted if it has several addresses. These
  /// mechanisms are for this connection; `client_options::credentials` makes some for each.
  std::error_code authenticate(std::vector<std::unique_ptr<sasl_mechanism>> mechanisms);

  /// Command: says QUIT, waits for the answer no longer than the QUIT timeout, closes. No error for
  /// a clean end.
  std::error_code quit();

  // -- mails --------------------------------------------------------------------------------------

  /// Command: sends one mail. The report has one entry for each recipient, unless the mail is
  /// refused as a usage error (`error` says which). A streamed message needs `transaction` instead
  /// and is refused with `errc::bad_argument`.
  [[nodiscard]] delivery send(const envelope& env, message content);
  /// Command: the same into a report that is used again and again: the second and each further mail
  /// of the same shape then costs no allocation.
  void send(const envelope& env, message content, delivery& out);

  /// Command: sends many mails in one session. `next(envelope&, message&)` fills in the next mail
  /// and returns true, or returns false if there is none; the envelope keeps its last value, so
  /// that only what differs has to be set. `done(const delivery&)` gets one report for each mail,
  /// in order. At most `mails_ahead()` mails are queued, so that with `pipelining_level::messages`
  /// each envelope rides with the content before it (PIPE-17), that `pipelining_level::stream` has
  /// its window full (BDAT-14), and that memory stays constant; borrowed
  /// octets must live until the `done` of their mail. A mail that is sent again
  /// (`client_options::moves`) has one report all the same, with the last word for each recipient.
  /// Once the link is lost, and no other one is made, each further mail is reported as not
  /// attempted; `next` may look at `can_send()` and stop. Neither function may call the client
  /// otherwise. If one throws, the link is closed and the mails queued have no report.
  template <typename Next, typename Done>
  void send_all(Next&& next, Done&& done);

  /// Getter: how many mails `send_all` keeps queued: the one whose content goes out, and the next;
  /// at level `stream` all that may be without a verdict.
  [[nodiscard]] std::size_t mails_ahead() const noexcept {
    const session_config& config = engine().config();
    if (config.pipelining != pipelining_level::stream) return 2;
    return std::size_t{config.limits.stream_mails} + 1;
  }

  /// Command: MAIL, RCPT for each recipient and DATA; then the returned writer tells each
  /// recipient's result and takes the content (TXN-23). It is all in one connection: what was
  /// streamed is not there to be sent again.
  [[nodiscard]] writer transaction(path sender, std::vector<recipient> recipients);
  /// Command: the same with all parameters; `content` must be `message::stream()`, with its size if
  /// it is known.
  [[nodiscard]] writer transaction(const envelope& env, message content = message::stream());

  // -- other commands -----------------------------------------------------------------------------

  command_result hello();                          ///< Command: EHLO once more (SESS-18).
  command_result noop(std::string_view arg = {});  ///< Command: NOOP.
  command_result reset();                          ///< Command: RSET.
  command_result verify(std::string_view arg);     ///< Command: VRFY.
  command_result expand(std::string_view arg);     ///< Command: EXPN.
  command_result help(std::string_view arg = {});  ///< Command: HELP.
  command_result raw(std::string_view line);       ///< Command: see `session::raw` (CMD-18).

  // -- getter -------------------------------------------------------------------------------------

  /// Getter: is there a link, as far as is known? Between two mails of `send_all` there may be none
  /// for the moment, though the next mail begins another one: see `can_send`.
  [[nodiscard]] bool connected() const noexcept { return static_cast<bool>(link_); }
  /// Getter: is there a link, or would the next mail make one (`client_options::moves`)? If not,
  /// it would be reported as not attempted.
  [[nodiscard]] bool can_send() const noexcept {
    return connected() || can_renew(resend_of(unsent_));
  }
  /// Getter: what the server offers; empty before `open`.
  [[nodiscard]] const capabilities& peer() const noexcept { return channel_.engine().peer(); }
  /// Getter: the session itself, for all else that it knows.
  [[nodiscard]] const session& engine() const noexcept { return channel_.engine(); }
  /// Getter: what is known of the TLS link, or nullptr if there is none; valid until the next call.
  [[nodiscard]] const tls_info* tls() const noexcept { return channel_.tls(); }
  /// Getter: the address connected to, or tried last: "192.0.2.1:25", "[2001:db8::1]:25" or
  /// "unix:/path"; valid until the next `connect` or `adopt`.
  [[nodiscard]] const std::string& server() const noexcept { return server_; }
  /// Getter: what failed last since `connect`, also within a mail that was delivered to others, but
  /// not what sending again has mended.
  [[nodiscard]] const failure& last_error() const noexcept { return last_error_; }

 private:
  friend class writer;

  /// What is sent again of a mail.
  struct second_try {
    envelope env;                  // for those who are sent to again
    message content;               // while nothing of it is under way
    std::vector<std::size_t> who;  // their indices in the mail's report
    delivery report;               // of this try
    resend how = resend::no;       // what it waits for; no: it is under way
    std::uint64_t link = 0;        // the one on which it failed
    unsigned moves = 0;            // in a row, without getting any further
  };

  /// A mail that was queued, and where its report goes. It is `send`'s or `send_all`'s.
  struct pending_mail {
    delivery* report = nullptr;
    mail_id id = 0;
    bool due = false;  // is there still something to come?
    std::unique_ptr<second_try> again;

    [[nodiscard]] bool waits() const noexcept { return again && again->how != resend::no; }
  };

  /// The transaction that a writer is about.
  struct streamed_mail {
    mail_id id = 0;            // 0: there is none
    delivery report;           // so far; final once `done`
    std::vector<char> buffer;  // short pieces, joined
    bool wanted = false;       // the server waits for a piece
    bool done = true;
  };

  std::error_code prepare();
  std::error_code connect_home();
  std::error_code connect_next();
  std::error_code begin(descriptor& link, std::string_view host, std::uint16_t port);
  std::error_code fail_to_connect(std::error_code why);
  void await_greeting();
  // A server that never took a session has no other chance, but one without TLS.
  [[nodiscard]] bool can_renew(resend how) const noexcept {
    return home_ && options_.moves != 0 &&
           (opened_ ? how != resend::no : how == resend::without_tls);
  }
  bool renew(resend how);
  [[nodiscard]] bool is_full() const noexcept;
  void leave();
  [[nodiscard]] std::error_code refusal() const noexcept;

  void post(const envelope& env, message&& content, pending_mail& mail);
  void report_unsent(const envelope& env, delivery& report) const;
  void collect(const pending_mail& mail);
  void resume();
  bool plan_again(pending_mail& mail);
  void abandon();
  template <typename Start>
  command_result run_command(Start start);
  void lend(bytes piece, bool last);
  void cancel_stream();

  template <typename Condition>
  void run_until(Condition fulfilled);
  void write(std::span<const bytes> out);
  bool heed_stop();
  void wait(short directions);
  bool wait_once(short directions);
  short poll_link(short directions, std::optional<time_point> until);
  bool read(int flags);
  void acknowledge();
  void close_link();
  void take_events();
  void handle(const event& e);
  void finish_mail(const event& e);
  void finish_command(const event& e);
  void remember(const event& e);
  void remember_end(const event& e);
  void forgive();

  client_options options_;
  channel channel_;
  descriptor link_;
  time_point now_{};  // of the last wait, or of the beginning of the call
  stop_request heeded_ = stop_request::no;
  bool unheard_write_ = false;          // has nothing been read since the last write?
  bool half_heard_ = false;             // has something been read since then?
  bool quick_ack_ = false;              // does this server wait for our acknowledgements?
  std::vector<pending_mail*> pending_;  // in order
  bool waiting_ = false;                // may some of them wait to be sent again?
  streamed_mail stream_;
  operation_id awaited_command_ = 0;
  command_result command_;
  std::error_code end_;      // why there is no link; none while there is one
  recipient_report unsent_;  // what that means for a mail
  failure last_error_;
  bool passing_ = false;  // is last_error_ one that sending again may mend?
  failure standing_;      // then, what it was before
  mail_id ended_ = 0;     // the mail that ended last since the last input; 0: none
  std::string server_;

  // Where another link would be made to, if one may be.
  std::optional<server_address> home_;
  std::vector<server_address> known_;  // its addresses, if nobody is to look them up
  std::vector<server_address>
      untried_;                     // addresses of it, for the case that this one does not greet
  bool in_clear_ = false;           // without TLS, since that was optional and failed (TLS-08)
  unsigned handshakes_failed_ = 0;  // in a row, with a link in clear text after each
  bool greeted_ = false;            // did the server of this link greet?
  bool ready_ = false;              // did it take this session?
  bool opened_ = false;             // did it take one before?
  unsigned given_up_ = 0;           // mails in a row for which no connection was good enough
  std::uint64_t links_ = 0;         // made so far
  std::uint64_t carried_ = 0;       // mails given to this one
  std::uint32_t mail_max_ = 0;      // as the server said last that it takes in a session; 0: any
};

template <typename Next, typename Done>
void client::send_all(Next&& next, Done&& done) {
  const std::size_t ahead = mails_ahead();
  struct place {
    delivery report;
    pending_mail mail{.report = &report, .again = nullptr};
  };
  std::vector<std::unique_ptr<place>> places;  // no more than are needed
  // Should `next` or `done` throw, nothing of theirs and of this may be touched any more.
  struct guard {
    client& owner;
    ~guard() {
      if (!owner.pending_.empty()) owner.abandon();
    }
  } const on_exit{*this};
  envelope env;
  std::size_t queued = 0;
  std::size_t reported = 0;
  for (bool more = true; more || reported < queued;) {
    while (more && queued - reported < ahead) {
      message content;
      more = next(env, content);
      if (!more) break;
      const std::size_t at = queued++ % ahead;
      if (at == places.size()) places.push_back(std::make_unique<place>());
      post(env, std::move(content), places[at]->mail);
    }
    if (reported < queued) {
      const place& next_one = *places[reported++ % ahead];
      collect(next_one.mail);
      done(next_one.report);
    }
  }
}

}  // namespace sansmtp::blocking

// The oracle: what must become of every recipient, told from the requirements alone. It sees what
// the session sees and writes, and keeps books of its own.
#pragma once

#include <sansmtp/sansmtp.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sansmtp::simulation {

/// A rule that does not hold. Tests may throw.
struct broken : std::runtime_error {
  using runtime_error::runtime_error;
};

inline void require(bool holds, const char* rule) {
  if (!holds) throw broken(rule);
}

/// A mail as the caller gave it.
struct mail_plan {
  std::size_t recipients = 0;
  std::string content;  ///< As it must arrive: CRLF at the end of each line, no stuffing.
};

/// Content with CRLF line ends and one at its end (DATA-03, DATA-06).
[[nodiscard]] std::string as_it_must_arrive(std::string_view content);

/// What must become of a recipient.
struct verdict {
  outcome result = outcome::pending;
  failure_category category = failure_category::none;  ///< None: not looked at.
  int code = 0;                                        ///< Of the deciding reply; 0: not looked at.
  verb stage = verb::quit;                             ///< Quit, which decides none: not looked at.
  /// `not_attempted` is as true, since some of its RCPT left, but not all of it.
  bool or_not_attempted = false;
  errc why = errc::none;            ///< None: not looked at.
  bool another_connection = false;  ///< That is the advice; else it must not be.
};

/// Requirements as a second machine: it follows lines, replies and time, and says at any moment
/// what a recipient's outcome must be, which octets may be written and which deadline must be set.
/// Everything that it finds broken is thrown.
class judge {
 public:
  explicit judge(const session_config& config, bool wants_login = false)
      : config_(config),
        wants_login_(wants_login),
        lmtp_(config.protocol == mail_protocol::lmtp),
        runs_ahead_(config.pipelining == pipelining_level::messages && !lmtp_) {}

  // -- what happens, in order ---------------------------------------------------------------------

  void connected(time_point now);
  /// The user gave a mail; they are numbered from 0.
  void queued(mail_plan plan);
  void cancelled(std::size_t mail);
  void quit_now();
  /// The user gave a command that is none of the above.
  void commanded() { only_mails_ = false; }
  /// Of a streamed mail a chunk was asked for and not lent yet.
  void caller_is_asked(bool yes) { caller_is_asked_ = yes; }
  /// `octets` are lent by `output()`; they begin where the last `sent()` ended.
  void lent(time_point now, std::string_view octets);
  void sent(time_point now, std::size_t n);
  /// A complete reply was received, or octets that can be none.
  void reply(time_point now, int code, std::string_view text);
  void violation(failure_category what);
  /// Octets were received: between STARTTLS and the handshake there may be none (TLS-05).
  void octets_received();
  void handshake_done(time_point now, bool ok, bool verified);
  /// Time passed; `due` is what the session asked for before that.
  void passed(time_point now, std::optional<time_point> due);
  void link_lost() { violation(failure_category::connection_lost); }
  void aborted() { stop(failure_category::aborted); }
  /// The session says that it is open for mails, or never will be.
  void says_ready() const;
  void says_failed() const;

  // -- what must be -------------------------------------------------------------------------------

  /// A recipient's outcome; nothing: it is still open.
  [[nodiscard]] std::optional<verdict> of(std::size_t mail, std::size_t recipient) const;
  /// Must the mail be done, since nothing that could come would be about it?
  [[nodiscard]] bool must_be_done(std::size_t mail) const;
  /// The deadline that must be set, between these two, which differ only where the requirements
  /// leave it open; nothing: none.
  [[nodiscard]] std::optional<std::pair<time_point, time_point>> deadline() const;
  /// Is the session over, whatever it may still have to say? And as it should be?
  [[nodiscard]] bool over() const noexcept { return over_; }
  [[nodiscard]] bool clean() const noexcept { return over_ && cause_ == failure_category::none; }
  [[nodiscard]] failure_category cause() const noexcept { return cause_; }
  /// Is content to be written, its terminator not yet handed out?
  [[nodiscard]] bool content_is_open() const;
  /// Did something fail that QUIT follows? Then that is the cause, whatever comes later.
  [[nodiscard]] bool leaving() const noexcept { return leaving_; }
  [[nodiscard]] bool owes_a_reply() const noexcept { return !owed_.empty(); }
  [[nodiscard]] bool awaits_handshake() const noexcept { return handshake_ && !over_; }
  /// Of the mail: was its MAIL line written, its terminator, all of its content without stuffing?
  [[nodiscard]] bool begun(std::size_t mail) const { return mails_[mail].end != 0; }
  [[nodiscard]] bool terminated(std::size_t mail) const { return handed_out(mails_[mail].dot); }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// A line that awaits its reply: where it stands in what was written (a content's end is 0 until
  /// its terminator stands), and when it was handed out first and last.
  struct owed {
    verb what;
    std::size_t mail, recipient;
    std::size_t begin, end;
    time_point first, last;
  };
  struct rcpt_book {
    std::size_t begin = 0, end = 0;
    int reply = 0;
    int final_reply = 0;    // of LMTP: to the content, for this one alone
    bool too_many = false;  // 452 or 552 that means: no more recipients
  };
  struct mail_book {
    mail_plan plan;
    std::vector<rcpt_book> recipients;
    std::size_t end = 0;  // of the MAIL line; 0: not written
    std::size_t dot = 0;  // the end of the terminator; 0: not written
    int mail_reply = 0, data_reply = 0, final_reply = 0;
    int reset_reply = 0;  // the refusal of the RSET that it waited for, or stood behind
    errc given_up_before = errc::none;  // that RSET was refused
    bool behind_a_delivery = false;     // when its MAIL was answered
    bool rides = false;                 // its MAIL was written behind content without a reply
    bool data = false;                  // DATA was written
    bool cancelled = false;
    int held = 0;  // 2yz or 3yz, come while the write of the terminator was not confirmed
    std::size_t held_for = 0;  // of LMTP: the recipient
  };

  [[nodiscard]] bool handed_out(std::size_t end) const { return end != 0 && end <= wire_.size(); }
  [[nodiscard]] bool pipelining() const {
    return offers_pipelining_ && config_.pipelining != pipelining_level::off;
  }
  [[nodiscard]] static std::size_t accepted(const mail_book& m);
  [[nodiscard]] static bool refused_any(const mail_book& m);
  /// The reply to the content that decides about the recipient; 0: there is none yet.
  [[nodiscard]] int final_reply(const mail_book& m, const rcpt_book& r) const {
    return lmtp_ ? r.final_reply : m.final_reply;
  }
  [[nodiscard]] int& final_reply(mail_book& m, std::size_t recipient) {
    return lmtp_ ? m.recipients[recipient].final_reply : m.final_reply;
  }
  /// Was the mail delivered to somebody?
  [[nodiscard]] bool delivered(const mail_book& m) const;
  /// Does a reply to content wait for the transport's word that the terminator has left? Then what
  /// comes behind it waits too.
  [[nodiscard]] bool holds() const;
  [[nodiscard]] bool owes(std::size_t mail) const;
  [[nodiscard]] bool only_content_owed() const;
  [[nodiscard]] bool only_resets_owed() const;
  [[nodiscard]] errc given_up(const mail_book& m) const;
  void refuse_reset(int code);
  [[nodiscard]] std::chrono::milliseconds timeout_of(verb v) const;

  void stop(failure_category what, int code = 0);
  void read_line(std::string_view line, std::size_t begin, std::size_t end);
  void read_content(std::string_view line, std::size_t end);
  void read_mail(std::string_view line, std::size_t begin, std::size_t end);
  void read_rcpt(std::string_view line, std::size_t begin, std::size_t end);
  void read_data(std::size_t begin, std::size_t end);
  void push(verb v, std::size_t begin, std::size_t end, std::size_t mail = none,
            std::size_t recipient = none);
  void react(const owed& line, int code, std::string_view text);
  void open_further();
  void react_to_data(mail_book& m, std::size_t mail, int code);
  void react_to_content(mail_book& m, const owed& line, int code);

  session_config config_;
  bool wants_login_;
  bool lmtp_;
  bool runs_ahead_;  // of the verdict on content
  time_point now_{};
  std::vector<mail_book> mails_;
  std::deque<owed> owed_;
  struct waiting {
    int code;  // 0: no reply, but a violation
    failure_category what;
    std::string text;
  };
  std::vector<waiting> waiting_;  // see `holds`

  // What was written.
  std::string wire_;          // handed out and not disowned
  std::string disowned_;      // by sent(): must be offered again
  std::size_t sent_ = 0;      // of the wire, written for sure
  std::size_t parsed_ = 0;    // of the wire, looked at
  std::size_t answered_ = 0;  // the end of the last line with a reply

  // The transaction.
  std::size_t current_ = none;  // the mail whose MAIL was written last
  std::size_t inside_ = none;   // the mail whose content is to be written, or its lone dot
  bool lone_dot_ = false;
  std::string content_;    // what was written of it, without stuffing
  time_point progress_{};  // of its write
  // TIME-08: since when, in time that was not the caller's, and from where it has been too little.
  time_point slow_since_{};
  std::size_t slow_from_ = 0;
  bool caller_is_asked_ = false;
  bool reset_ = false;          // since the last MAIL
  std::size_t reset_wire_ = 0;  // what was handed out when a RSET was refused
  bool only_mails_ = true;      // the user gave no other commands
  bool quit_now_ = false;

  // The session.
  time_point last_reply_{};
  bool hello_ = false;  // the last EHLO or HELO was accepted
  bool offers_pipelining_ = false, offers_tls_ = false, offers_login_ = false;
  bool login_step_ = false;  // 334 came
  bool logged_in_ = false;
  bool tls_ = false, verified_ = false, handshake_ = false;
  bool leaving_ = false;    // only QUIT may follow
  bool quit_ = false;       // it was written
  bool last_word_ = false;  // it may be written though all is over
  bool over_ = false;
  failure_category cause_ = failure_category::none;
  int cause_code_ = 0;
};

}  // namespace sansmtp::simulation

// What must hold in every session whatever the server does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "statement.hpp"

namespace sansmtp::script {

/// Watches a session from outside, octets and events, and remembers the first thing that is never
/// allowed. It knows nothing of the transcript's expectations.
class auditor {
 public:
  /// Input: the session's options, before it does anything.
  void open(const open_session& options);
  /// Input: commands that were given.
  void mail(mail_id id, const send_mail& mail);
  void command(operation_id id, bool is_auth);
  /// Input: a line of the caller's own.
  void raw(std::string line) { raw_lines_.insert(std::move(line)); }
  /// Input: no event may show these.
  void watch_for(const std::vector<authentication>& auth);
  void lent() noexcept { caller_owes_ = false; }
  /// Input: the transport's TLS is up.
  void tls_up() noexcept { tls_ = true; }

  /// Input: an event, when it is taken.
  void event_taken(const event& e);
  /// Input: octets, when `sent` reports them.
  void written(std::string_view octets);
  /// Input: all octets and events of this moment were taken. `asked`: output was asked for, so that
  /// the deadline is that of what was handed out.
  void rest(const session& s, time_point now, bool asked);
  /// Input: the link ends, the time is up, or the user aborts: from here on nothing may be written,
  /// and what is not decided is decided by what was written (attacks B15). `write_in_flight`:
  /// octets are lent of which the transport has not said yet that none was written.
  void fault(const session& s, bool write_in_flight);
  /// Input: all that a fault causes was taken; nothing may be open any more.
  void after_fault(const session& s);

  /// Getter: what is wrong; empty if nothing.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  struct recipient_state {
    enum class answer : std::uint8_t { none, accepted, rejected };

    answer said = answer::none;
    outcome result = outcome::pending;  // if rejected
    int code = 0;
  };
  struct mail_state {
    std::uint32_t number = 0;
    std::vector<recipient_state> recipients;
    std::optional<int> sender_code;  // if the sender was refused
    bool ran_ahead = false;          // that code was about the place of MAIL
    bool answered = false;           // a reply to MAIL came
    std::size_t rcpts_written = 0;   // counted when a fault comes
    bool late = false;               // given when the session was over
    bool streamed = false;
    bool content = false;     // ready_for_data came
    bool terminated = false;  // all of the terminator was written
    bool done = false;
    bool cut = false;  // a fault came before it was done
  };
  struct command_state {
    bool late = false;
    bool is_auth = false;
    bool before_ready = false;
    unsigned done = 0;
  };
  struct decision {
    outcome result = outcome::pending;
    int code = 0;
    bool local = false;
  };
  struct done_mail {
    mail_id id = 0;
    std::vector<decision> recipients;
  };
  enum class wire : std::uint8_t { command, after_data, content };

  void fail(std::string what);
  void read_wire();
  void command_octet(char c);
  void content_octet(char c);
  [[nodiscard]] bool is_late(const event& e) const;
  void check_secrets(const event& e);
  /// Do error, category and advice fit together, and the mail's word to its recipients?
  void check_failure(const event& e);
  void add_secret(std::string secret);
  void check_done(const done_mail& done);
  /// `left`: was its RCPT written?
  void check_recipient(const mail_state& mail, const recipient_state& to, const decision& what,
                       bool left);
  void count_rcpts();
  void check_all_done();

  std::string problem_;
  std::map<mail_id, mail_state> mails_;
  std::map<operation_id, command_state> commands_;
  bool watching_ = false;                         // somebody authenticates
  std::vector<std::string> secrets_;              // what no event may show
  std::string shown_;                             // what the events have shown so far
  std::set<std::string, std::less<>> raw_lines_;  // the caller's own, which are no responses
  std::vector<done_mail> done_;                   // since the last rest
  std::string unread_;                            // octets written since the last rest
  std::string line_;                              // the command line at hand
  std::string after_closed_;
  std::optional<mail_id> next_content_;
  mail_id content_of_ = 0;
  std::size_t mail_lines_ = 0;  // written
  std::size_t rcpt_lines_ = 0;  // written behind the last of them
  wire wire_ = wire::command;
  unsigned matched_ = 0;  // octets of CRLF "." CRLF seen
  std::size_t memory_limit_ = 0;
  tls_mode tls_mode_ = tls_mode::off;
  bool riding_ = false;     // a mail may ride with the dot of the one before
  bool delivered_ = false;  // a mail, to somebody
  bool tls_ = false;
  bool timers_ = true;        // false if a timeout is "for ever"
  bool caller_owes_ = false;  // a chunk was asked for
  bool ready_ = false;
  bool closed_ = false;
  bool in_flight_ = false;  // a fault came during a write
  bool silent_ = false;     // a fault came while the session was not closed
};

}  // namespace sansmtp::script

// The auditor's books.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/script/auditor.hpp"

namespace sansmtp::script {

struct auditor::impl {
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  /// A complete reply of the server.
  struct reply_book {
    int code = 0;
    std::size_t handed = 0;  // octets that had been handed out when it came
  };
  /// A RCPT that was handed out.
  struct rcpt_book {
    std::string_view path(const std::string& lines) const {
      return std::string_view(lines).substr(begin, size);
    }

    std::size_t begin = 0;  // of what stands behind "RCPT TO:", in the transaction's lines
    std::size_t size = 0;
    std::size_t end = 0;         // octets of all that were handed out up to here
    std::size_t reply = 0;       // index of the reply that answers it
    std::size_t verdict = npos;  // index of the one that decides about it, once content has ended
  };
  /// What was handed out from a MAIL on.
  struct transaction {
    std::string lines;  // what stands behind "MAIL FROM:", and of each RCPT
    std::size_t sender_size = 0;
    std::size_t reply = 0;  // index of the reply to MAIL
    std::vector<rcpt_book> rcpts;
    std::string content;              // without stuffed dots and terminator
    std::size_t terminator = 0;       // octets handed out up to its end; 0: not yet
    bool each = false;                // LMTP: each accepted recipient has a reply of its own
    std::size_t verdicts_begin = 0;   // index of the reply that answers it, or of the first one
    std::size_t verdicts_end = 0;     // of the first one behind them that is no verdict
    bool asks_each = false;           // PRDR: 353 announces such replies, and one for all
    bool announced = false;           // it did
    std::size_t for_all = 0;          // index of that reply
    std::vector<std::size_t> chunks;  // indices of the replies to BDAT, but for the last
    bool bound = false;               // to a mail
  };

  struct recipient_book {
    enum class answer : std::uint8_t { none, accepted, rejected };

    std::string path;  // as RCPT spells it
    answer said = answer::none;
    outcome result = outcome::pending;  // if rejected
    int code = 0;
    std::size_t rcpt = npos;  // index into the transaction's
  };
  struct mail_book {
    std::string sender;  // as MAIL spells it
    std::vector<recipient_book> recipients;
    std::string content;  // what the caller gave so far
    std::size_t transaction = npos;
    std::optional<int> sender_code;  // if the sender was refused
    bool ran_ahead = false;          // that code was about the place of MAIL
    bool late = false;               // given when the session was over
    bool streamed = false;
    bool binary = false;
    bool asked = false;  // ready_for_data came
    bool ended = false;  // all of the content is known
    bool done = false;
    bool cut = false;  // a fault came before it was done
  };
  struct command_book {
    bool late = false;
    bool is_auth = false;
    bool before_ready = false;
    unsigned done = 0;
  };
  enum class reading : std::uint8_t { commands, after_data, content, chunk };

  void fail(std::string what);
  /// Command: breaks the rule unless it holds.
  void must(bool holds, const char* rule) {
    if (!holds) fail(rule);
  }

  // What was handed out (auditor_wire.cpp).
  void read_handed_out(const session& s, std::string_view octets);
  [[nodiscard]] std::size_t read_line(const session& s, std::string_view octets);
  [[nodiscard]] std::size_t read_content(std::string_view octets);
  [[nodiscard]] std::size_t read_chunk(std::string_view octets);
  void read_command(const session& s, std::string_view line);
  void check_place(const session& s, std::string_view line);
  void check_client(const session& s, std::string_view line);
  void check_clear_text(std::string_view line);
  void check_parameters(const session& s, std::string_view line);
  void content_line(std::string_view line);
  void note_response(std::string_view line);
  void begin_content();
  /// Command: counts the replies that 353 announces, if the content was answered so (PRDR-02).
  void count_announced(transaction& t);
  void end_content(std::size_t reply);
  [[nodiscard]] transaction* current() {
    return transactions_.empty() ? nullptr : &transactions_.back();
  }

  void read_reply_line(std::string_view line);

  // What was told (auditor.cpp).
  [[nodiscard]] bool is_late(const event& e) const;
  void take_mail_event(const event& e, mail_book& mail);
  void sender_answered(const event& e, mail_book& mail);
  void recipient_answered(const event& e, mail_book& mail);
  void check_secrets(const event& e);
  /// Do error, category and advice fit together, and the mail's word to its recipients?
  void check_failure(const event& e);
  void add_secret(std::string secret);
  void check_all_done();

  // What became of a mail (auditor_outcome.cpp).
  /// Command: finds the lines of the mail, if any were handed out.
  void bind(mail_book& mail);
  void check_done(const event& e, mail_book& mail);
  void check_content(const mail_book& mail, const transaction& t);
  /// Command: counts the verdicts on the content that have come, once for all recipients.
  void note_verdicts(transaction& t) const;
  void check_result(const mail_book& mail, const transaction* t, std::size_t index,
                    const recipient_result& r);
  void check_success(const mail_book& mail, const transaction* t, const recipient_book& to,
                     const recipient_result& r);
  void check_refusal(const mail_book& mail, const transaction* t, const recipient_book& to,
                     const recipient_result& r);
  void check_cut(const mail_book& mail, const transaction* t, const recipient_book& to,
                 const recipient_result& r);
  void wrong(const recipient_result& r, const char* why);
  [[nodiscard]] bool is_accepted(const rcpt_book& rcpt) const {
    return code_of(rcpt.reply) / 100 == 2;
  }
  /// Getter: the first digit of the reply that decides about this RCPT, once it was accepted; 0 if
  /// there is none that counts.
  [[nodiscard]] int verdict_digit(const transaction& t, std::size_t rcpt) const;
  /// Getter: was a RSET refused before this reply came? For `npos`: at all?
  [[nodiscard]] bool is_behind_refused_reset(std::size_t reply) const;
  [[nodiscard]] int code_of(std::size_t reply) const {
    return reply < replies_.size() ? replies_[reply].code : 0;
  }

  std::string problem_;
  session_config config_;
  std::map<mail_id, mail_book> mails_;
  bool raw_parameters_ = false;  // a mail has parameters of the caller's, which nobody need offer
  std::map<operation_id, command_book> commands_;
  std::vector<std::string> secrets_;              // what no event may show
  std::vector<std::string> clear_secrets_;        // what may not leave in clear text
  std::string shown_;                             // what the events have shown so far
  std::set<std::string, std::less<>> raw_lines_;  // the caller's own, which are no responses
  bool watching_ = false;                         // somebody authenticates

  // What the server said.
  std::string unfinished_;         // of a reply's line
  std::optional<int> reply_code_;  // of the lines of a reply so far; negative if they disagree
  std::vector<reply_book> replies_;
  bool server_closes_ = false;  // it said 421

  // What the session wrote.
  std::size_t handed_ = 0;
  std::size_t sent_ = 0;
  std::string unread_;  // of a line
  reading reading_ = reading::commands;
  std::vector<auditor::command_line> lines_;  // answered ones: commands and ends of content
  std::size_t next_reply_ = 1;  // index of the reply to the next of them; the greeting is number 0
  bool lmtp_ = false;           // it said LHLO
  std::size_t data_reply_ = 0;  // index of the reply to the DATA at hand
  std::uint64_t chunk_left_ = 0;  // octets of the BDAT at hand
  bool last_chunk_ = false;
  std::size_t xclient_reply_ = npos;  // index of the reply to XCLIENT
  std::vector<std::size_t> resets_;   // indices of the replies to RSET
  std::vector<transaction> transactions_;
  std::size_t bound_ = 0;  // all before this one belong to a mail
  std::string after_closed_;
  bool quit_ = false;

  std::size_t memory_limit_ = 0;
  bool delivered_ = false;  // a mail, to somebody
  bool handshake_ = false;  // was asked for, and is not done
  bool tls_ = false;
  bool verified_ = false;
  bool timers_ = true;        // false if a timeout is "for ever"
  bool told_ = true;          // of each mail and command
  bool caller_owes_ = false;  // a chunk was asked for
  mail_id asking_ = 0;        // of this mail
  bool ready_ = false;
  bool closed_ = false;
  bool in_flight_ = false;  // a fault came during a write
  bool silent_ = false;     // a fault came while the session was not closed
};

}  // namespace sansmtp::script

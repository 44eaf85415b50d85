// What the sink says, and what it takes, on one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server_auth.hpp"
#include "server_tls.hpp"
#include "sink.hpp"
#include "sink/data_scanner.hpp"
#include "sink/extensions.hpp"

namespace sansmtp::cli::serving {

/// What all dialogues of a sink share; it outlives them.
struct surroundings {
  /// Throws `failure`, as `sink` does.
  explicit surroundings(sink::options wanted);
  surroundings(const surroundings&) = delete;
  surroundings& operator=(const surroundings&) = delete;

  sink::options options;
  offer offered;
  std::string mechanisms;  ///< Of AUTH, each behind a blank, as EHLO shows them.
  std::unique_ptr<server_tls_context> tls;
  sink::counters totals;
  /// Takes a message that was accepted; false if that cannot be done. Not called if messages are
  /// only counted.
  std::function<bool(sink::message)> keep;
};

/// The server's side of one SMTP or LMTP session (RFC 5321, RFC 2033). It sees octets and no
/// socket, no clock, and no other session.
class dialogue {
 public:
  /// What is still to be done with the connection. `stalled`: nothing, until the client leaves.
  /// `closing`: what `output` holds is sent, then it is closed.
  enum class life { open, stalled, closing };

  explicit dialogue(surroundings& all) : all_(all) {}

  /// Input: the client has connected.
  void begin();
  /// Input: octets of the client. They are all taken unless the life ends among them.
  void receive(std::string_view octets);
  /// Input: the client has closed its side, and may still read.
  void receive_end() { state_ = life::closing; }

  /// Output: octets for the client, in order; the caller removes what it has sent. When all is said
  /// inside TLS, close_notify is the last of it.
  [[nodiscard]] std::string& output();
  /// Getter.
  [[nodiscard]] life state() const noexcept { return state_; }

 private:
  /// What the next octets of the client are.
  enum class phase { commands, auth, data, chunk };

  /// How far a transaction has come. `chunks` is after the first BDAT; `broken` after a BDAT that
  /// failed, where only RSET helps (RFC 3030 section 2).
  enum class transaction { none, envelope, chunks, broken };

  // The session.
  void welcome();
  void decrypt(std::string_view input);
  void process(std::string_view input);
  std::size_t take_line(std::string_view input);
  void take_command(std::string_view line);
  bool take_session_command(std::string_view verb, std::string_view argument, bool bare);
  bool take_mail_command(std::string_view verb, std::string_view argument, bool bare);
  void hello(std::string_view argument, bool extended);
  void start_tls(std::string_view wrong);
  void authenticate(std::string_view argument);
  void go_on(server_auth::step step);
  void proxy(std::string_view argument, std::string_view keyword);
  void forget_session();

  // The mail.
  void mail(std::string_view argument);
  void recipient(std::string_view argument);
  [[nodiscard]] bool is_one_domain_too_many(std::string_view address);
  void data(std::string_view wrong);
  std::size_t take_data(std::string_view input);
  void chunk(std::string_view argument);
  std::size_t take_chunk(std::string_view input);
  void end_chunk();
  void append_content(std::string_view octets);
  void end_content();
  bool keep_message(bool one_by_one);
  void answer_each(std::string_view for_all);
  void answer_by_prdr();
  void reset_transaction();

  // Replies.
  [[nodiscard]] std::string capabilities() const;
  [[nodiscard]] bool offers_tls() const;
  [[nodiscard]] bool offers_login() const;
  [[nodiscard]] bool keeps() const { return all_.options.messages != sink::keep::nothing; }
  [[nodiscard]] std::string_view check(std::string_view parameters, bool of_sender, wishes& found);
  [[nodiscard]] std::string_view fixed_at(sink::stage at) const;
  bool interrupts(sink::stage at);
  void put(std::string_view head, std::string_view rest = {});
  void say(std::string_view reply);
  char answer(sink::stage at, std::string_view usual, std::string_view by_rule = {});

  surroundings& all_;
  life state_ = life::open;
  std::string output_;

  std::string line_;            ///< The beginning of a command line whose end has not come.
  bool line_too_long_ = false;  ///< That line is dropped up to its end.
  phase next_ = phase::commands;

  std::unique_ptr<server_tls> tls_;    ///< From STARTTLS, or from the beginning.
  bool secure_ = false;                ///< Its handshake is done.
  bool parting_ = false;               ///< The end is told, so TLS says close_notify.
  std::unique_ptr<server_auth> auth_;  ///< The login under way.
  int failed_logins_ = 0;              ///< Begun, and not accepted.
  std::string user_;                   ///< Who has logged in.

  bool refused_ = false;   ///< The greeting was no welcome (RFC 5321 section 3.1).
  bool greeted_ = false;   ///< EHLO, HELO or LHLO was answered well.
  bool extended_ = false;  ///< It was not HELO.
  std::string helo_;
  sink::attributes xclient_;
  sink::attributes xforward_;
  std::uint64_t mails_ = 0;        ///< MAIL commands so far.
  std::set<std::string> domains_;  ///< Of recipients so far; empty if nobody counts them.

  transaction mail_ = transaction::none;
  wishes asked_;
  std::size_t rcpts_ = 0;  ///< RCPT commands of this mail.
  /// For each accepted recipient the rule that refuses it behind content, or nullptr.
  std::vector<const sink::rule*> late_;
  std::uint64_t size_ = 0;  ///< Content octets so far.
  sink::message message_;   ///< Stays empty where nothing is kept.

  data_scanner scanner_;
  std::uint64_t chunk_left_ = 0;
  bool chunk_last_ = false;
  bool chunk_valid_ = false;  ///< Else its octets are skipped.
};

}  // namespace sansmtp::cli::serving

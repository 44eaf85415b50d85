// A session between a user, a network and a server that all do what is chosen, in virtual time. The
// judge looks on, and in the end what the server holds is compared with what the session reported.
#pragma once

#include <sansmtp/sansmtp.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "choices.hpp"
#include "judge.hpp"
#include "log.hpp"
#include "server.hpp"

namespace sansmtp::simulation {

/// What a world is made of; `any()` chooses.
struct setting {
  struct mail {
    std::size_t recipients = 1;
    std::string content = "Hi\r\n";
    enum class kind { borrowed, owned, streamed } how = kind::borrowed;
    bool later = false;  ///< Given when the session is open, not before.
  };

  session_config config;
  std::vector<mail> mails;
  enum class farewell { quit, late_quit, quit_now } leave = farewell::quit;
  bool offers_pipelining = true;
  bool content_for_nobody = true;
  bool verdict_first = false;
  std::string keywords;  ///< Of the EHLO reply.
  bool login = false;
  bool odd = false;           ///< The server says odd things.
  bool async = false;         ///< Writes take time: input may come before `sent()`.
  bool thrifty = false;       ///< See `server`.
  bool whole_groups = false;  ///< All replies to what was written in one write arrive at once.

  /// Two mails of two recipients each, which come whole.
  [[nodiscard]] static setting plain(pipelining_level level);
  [[nodiscard]] static setting any(choices& choose);
};

class world {
 public:
  world(setting s, choices& choose);

  /// From the first octet to the last event. Throws `broken`.
  void run();

  /// A line for each mail: of each recipient outcome, stage, reason and code.
  [[nodiscard]] std::string report() const;
  /// The outcomes of a mail; empty if it was never given.
  [[nodiscard]] const std::vector<outcome>& outcomes(std::size_t index) const {
    return mails_[index].outcomes;
  }

  simulation::server server;
  simulation::log log;

 private:
  struct mail {
    mail_id id = 0;
    std::unique_ptr<char[]> lent;  // octets that the session may read
    std::size_t given = 0;         // of a streamed one
    bool all_given = false;
    bool done = false;
    std::vector<outcome> outcomes;
    std::string report;
  };

  void step();
  void pump();
  void rest();
  // The user.
  void send(std::size_t index);
  void say_goodbye();
  void lend();
  void meddle();
  // The network.
  bool write();
  void acknowledge(std::size_t n);
  void lose_link();
  bool deliver();
  void shake_hands();
  [[nodiscard]] unsigned in_flight_size() const { return static_cast<unsigned>(in_flight_.size()); }
  // Time.
  void pass(std::chrono::milliseconds by);
  void let_time_run_out();
  // Events.
  bool take_events();
  void take_event(const event& e);
  void check_mail(std::size_t index, const event& e);
  void compare_with_server();

  setting setting_;
  choices& choose_;
  judge judge_;
  session session_;
  time_point now_{std::chrono::hours(1000)};

  std::vector<mail> mails_;
  std::size_t given_ = 0;  // so many of them
  std::set<operation_id> commands_;
  std::vector<operation_id> command_ids_;
  std::optional<std::size_t> asked_;  // the mail that wants a chunk
  bool goodbye_ = false, ready_ = false, failed_ = false, told_closed_ = false;

  std::string in_flight_;     // lent by output() and not acknowledged
  std::vector<bytes> views_;  // the same as it was lent
  std::size_t seen_ = 0;      // so much of it is at the server already
  bool blocked_ = false;      // a write took less than all; no other before something else happens
  std::size_t arrived_ = 0;   // of the first thing that the server says
  bool handshake_ = false, link_up_ = true;
};

}  // namespace sansmtp::simulation

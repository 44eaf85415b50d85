// A channel, its link and its user, in virtual time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/channel.hpp"
#include "sansmtp/script/auditor.hpp"
#include "sansmtp/script/dialogue.hpp"
#include "sansmtp/script/memory_peer.hpp"
#include "seen_event.hpp"
#include "statement.hpp"

namespace sansmtp::script {

/// How the link behaves.
struct pace {
  static constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();

  bool octet_reads = false;        // server octets arrive one by one
  bool rest_between_reads = true;  // the engine is pumped between pieces
  std::size_t cut = 0;        // else each run of n octets is cut at 1 + cut % (n - 1); 0: whole
  bool octet_writes = false;  // each write takes one octet
};

/// What is to break a link.
enum class fault : std::uint8_t { end, timeout, abort };

/// Does the inputs of a transcript and gathers what the engine does, without judging it by the
/// transcript. Octets and events that it lends to the engine live in blocks of their own, freed as
/// soon as the rules of lifetime allow it, so that a sanitizer sees whoever looks at them later.
class machine {
 public:
  /// `record`: keep the dialogue.
  machine(const script_data& script, pace how, bool record)
      : script_(script), pace_(how), record_(record) {}

  /// Input: does the inputs of a turn and lets the engine come to rest.
  void perform(const turn& t);
  /// Input: the same, but only until `reads` octets of the server arrived and `writes` octets of
  /// the engine were taken in this turn.
  void perform_until(const turn& t, std::size_t reads, std::size_t writes);
  /// Input: the same, but what the engine writes is offered and stays in flight.
  void perform_in_flight(const turn& t);
  /// Input: breaks the link and lets the engine come to rest; then looks whether it is dead. Does
  /// nothing if the time is to run out and no timer runs.
  void break_link(fault f);

  /// Getter: what the engine wrote, as the server could read it, and told during the last turn.
  [[nodiscard]] const std::string& written() const noexcept { return written_; }
  /// Getter: how many octets of the wire that took; more, if they went through a record layer.
  [[nodiscard]] std::size_t writes() const noexcept { return turn_writes_; }
  [[nodiscard]] const std::vector<seen_event>& events() const noexcept { return events_; }
  /// Getter: is there something that must never be? Empty if not.
  [[nodiscard]] const std::string& problem() const noexcept;
  /// Getter: what the last `lend` of the turn returned.
  [[nodiscard]] errc lend_error() const noexcept { return lend_error_; }
  [[nodiscard]] const session* engine() const noexcept {
    return channel_ ? &channel_->engine() : nullptr;
  }
  [[nodiscard]] const channel* link() const noexcept { return channel_ ? &*channel_ : nullptr; }
  [[nodiscard]] time_point now() const noexcept { return now_; }
  [[nodiscard]] const dialogue& said() const noexcept { return said_; }

 private:
  enum class taking : std::uint8_t { all, offer_only, nothing };

  struct mail {
    mail_id id = 0;
    std::unique_ptr<char[]> lent;  // borrowed content, or the chunk lent last
  };

  void begin(const turn& t);
  void run_inputs(const turn& t, std::size_t reads);
  void take_back();
  void do_command(const statement& s);
  void do_link(const link_changes& link);
  void end_write(const link_changes& link);
  void do_simple(const simple_command& command);
  void connect(const std::string& host, const std::string& address);
  void send(const send_mail& m);
  void lend(const lend_chunk& chunk);
  void receive(std::string_view octets);
  void rest();
  void receive_piece(std::string_view octets);
  void arrive(bytes wire);
  void shake_hands(std::string_view verdict);
  [[nodiscard]] std::string arrived(std::string_view wire);
  void watch(const std::vector<authentication>& auth);
  void pass(std::chrono::milliseconds by);

  void pump();
  bool take_output();
  bool take_events();
  [[nodiscard]] std::size_t write_size(std::size_t offered) const noexcept;
  void fail(std::string what);
  void note(dialogue_entry::speaker who, std::string_view text);
  void note_source(const statement& s);
  void note_event(seen_event e);
  [[nodiscard]] std::uint32_t number_of(const event& e) const;
  mail* mail_of(mail_id id);

  const script_data& script_;
  pace pace_;
  bool record_;
  std::optional<channel> channel_;
  memory_peer peer_;        // the server's end of the record layer
  bool protected_ = false;  // the server speaks in records
  bool sealed_ = false;     // the client does
  auditor audit_;
  time_point start_{std::chrono::hours(1)};  // anything but the epoch, which tells of a lost `now`
  time_point now_ = start_;

  std::map<std::uint32_t, mail> mails_;
  std::vector<operation_id> commands_;
  std::uint32_t streaming_ = 0;  // the mail that asked for a chunk last

  taking taking_ = taking::all;
  bool asked_ = false;       // was output asked for in this turn?
  bool in_flight_ = false;   // views are lent and not yet reported as sent
  bool stuck_ = false;       // no write is taken until one is reported
  bool broken_ = false;      // a write failed, so nothing more may be offered
  std::vector<bytes> lent_;  // those views
  std::string offered_;      // a copy of their octets
  std::size_t unsent_ = 0;   // what the server could read of them
  std::size_t writes_left_ = pace::everything;
  std::size_t turn_writes_ = 0;
  std::size_t total_writes_ = 0;

  std::string written_;
  std::vector<seen_event> events_;
  std::string problem_;
  errc lend_error_ = errc::none;
  dialogue said_;
};

}  // namespace sansmtp::script

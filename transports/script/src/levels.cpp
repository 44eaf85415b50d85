#include "levels.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "machine.hpp"
#include "octet_text.hpp"
#include "replies.hpp"
#include "seen_event.hpp"

namespace sansmtp::script {
namespace {

/// Regroups a transcript, one exchange after the other: inputs of its own, and all that server and
/// client say before the next ones.
class grouping {
 public:
  grouping(const script_data& from, pipelining_level level, script_data& to)
      : from_(from), to_(to), machine_(to, {}, false) {
    both_sides sides = sides_of(from);
    const bool lockstep = level == pipelining_level::off;
    std::vector<std::size_t> place;  // how many lines are left up to each of the file's
    for (client_line& line : sides.client) {
      const bool stays = !lockstep || !line.ahead;
      place.push_back(client_.size() + (stays ? 1 : 0));
      if (stays) client_.push_back(std::move(line));
    }
    for (server_reply& reply : sides.server) {
      if (lockstep && reply.ahead) continue;
      if (reply.needs > 0) reply.needs = place[reply.needs - 1];
      server_.push_back(std::move(reply));
    }
  }

  /// Command: regroups the turns from `at` up to the next one with an input of its own, and returns
  /// where that is.
  std::size_t exchange(std::size_t at) {
    const turn& first = from_.turns[at];
    std::size_t next = at + 1;
    while (next < from_.turns.size() && from_.statements[from_.turns[next].first].is_server()) {
      ++next;
    }
    end_ = from_.turns[next - 1].end;
    begin_ = event_ = first.first;
    begin_turn();
    for (std::size_t i = first.first; i < first.expectations; ++i) {
      // A file that begins with the server has no inputs of its own there.
      if (!from_.statements[i].is_server()) to_.statements.push_back(from_.statements[i]);
    }
    if (to_.statements.size() > turn_.first) perform();
    while (add_replies()) perform();
    finish();
    return next;
  }

 private:
  void begin_turn() { turn_ = {to_.statements.size(), 0, 0}; }

  /// Command: does the inputs of the turn, and adds the expectations that what follows fulfils.
  void perform() {
    turn_.expectations = turn_.end = to_.statements.size();
    machine_.perform(turn_);
    add_lines(machine_.written());
    for (const seen_event& seen : machine_.events()) add_event(seen);
    turn_.end = to_.statements.size();
    to_.turns.push_back(turn_);
    begin_turn();
  }

  /// Command: adds the replies whose commands have come, up to the end of the exchange. Returns
  /// whether there are any.
  bool add_replies() {
    for (; reply_ < server_.size(); ++reply_) {
      const server_reply& reply = server_[reply_];
      if (reply.statement >= end_ || reply.needs > line_) break;
      add(reply.statement, server_says{reply.octets}, 'S', reply.octets);
    }
    return to_.statements.size() > turn_.first;
  }

  /// Command: adds the lines that were written; if something else was, the line in its place.
  void add_lines(std::string_view written) {
    while (!written.empty() && line_ < client_.size() && client_[line_].statement < end_) {
      const bool same = written.starts_with(client_[line_].octets);
      written.remove_prefix(same ? client_[line_].octets.size() : written.size());
      add_line();
    }
  }

  void add_line() {
    const client_line& line = client_[line_++];
    add(line.statement, client_writes{line.octets, line.ahead}, 'C', line.octets);
  }

  /// Command: adds the expectation that the event fulfils; if it fulfils none, the one in its
  /// place.
  void add_event(const seen_event& seen) {
    while (event_ < end_ && from_.statements[event_].get<expected_event>() == nullptr) ++event_;
    if (event_ == end_) return;
    const statement& s = from_.statements[event_];
    if (!matches(*s.get<expected_event>(), seen) && is_optional(seen.what)) return;
    to_.statements.push_back(s);
    ++event_;
  }

  /// Command: adds what did not come, and what is asked when all was said.
  void finish() {
    while (line_ < client_.size() && client_[line_].statement < end_) add_line();
    for (; event_ < end_; ++event_) {
      if (from_.statements[event_].get<expected_event>() != nullptr) {
        to_.statements.push_back(from_.statements[event_]);
      }
    }
    for (std::size_t i = begin_; i < end_; ++i) {
      if (from_.statements[i].get<getter_check>() != nullptr) {
        to_.statements.push_back(from_.statements[i]);
      }
    }
    if (!to_.turns.empty()) to_.turns.back().end = to_.statements.size();
  }

  /// Command: adds a part of a statement of the file, spelt out where the file's line says more.
  template <class T>
  void add(std::size_t of, T body, char who, const std::string& octets) {
    const statement& s = from_.statements[of];
    statement made{std::move(body), s.line, s.spelt};
    const auto spelt = to_statements(who, octets);
    if (spelt.size() == 1 && spelt.front() != source_of(from_, s)) made.spelt = spelt.front();
    to_.statements.push_back(std::move(made));
  }

  const script_data& from_;
  script_data& to_;
  machine machine_;
  std::vector<client_line> client_;
  std::vector<server_reply> server_;
  std::size_t line_ = 0;   // the client's next
  std::size_t reply_ = 0;  // the server's next
  std::size_t event_ = 0;  // the next statement that may be an expected event
  std::size_t begin_ = 0;  // of the exchange, in the file's statements
  std::size_t end_ = 0;
  turn turn_;
};

}  // namespace

transcript at_level(const transcript& t, pipelining_level level) {
  const script_data& from = t.data();
  auto to = std::make_shared<script_data>();
  to->name = from.name;
  to->lines = from.lines;
  to->suite = from.suite;
  to->whole_only = from.whole_only;
  to->no_faults = from.no_faults;
  to->no_split = from.no_split;
  script_data of_level = from;
  if (!of_level.statements.empty()) {
    statement& first = of_level.statements.front();
    if (const auto* open = first.get<open_session>()) {
      auto changed = std::make_shared<open_session>(*open);
      changed->config.pipelining = level;
      first.what = std::move(changed);
    }
  }
  grouping groups(of_level, level, *to);
  for (std::size_t at = 0; at < of_level.turns.size();) at = groups.exchange(at);
  return transcript(std::move(to));
}

}  // namespace sansmtp::script

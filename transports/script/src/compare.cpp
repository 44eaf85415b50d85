#include "compare.hpp"

#include <algorithm>
#include <utility>

#include "names.hpp"
#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

// Lines shown that agree before the first one that differs, and behind it of either side.
constexpr std::size_t shown_before = 3;
constexpr std::size_t shown_behind = 4;
// Of a longer line only both ends are shown.
constexpr std::size_t shown_octets = 160;

/// Getter: the line of the statement behind a turn, where too much output is reported.
std::uint32_t next_line(const script_data& script, const turn& t) {
  return script.statements[std::min(t.end, script.statements.size() - 1)].line;
}

std::string shown(std::string_view line) {
  if (line.size() <= shown_octets) return escape(line);
  return escape(line.substr(0, shown_octets / 2)) + "..." +
         escape(line.substr(line.size() - shown_octets / 2));
}

/// Getter: the first lines of `octets`, each behind `who`, and `mark` below the first of them.
std::string shown_lines(const std::string& who, std::string_view octets, const std::string& mark) {
  const auto lines = to_lines(octets);
  if (lines.empty()) return who + "(nothing more)\n";
  std::string out;
  for (std::size_t i = 0; i < std::min(lines.size(), shown_behind); ++i) {
    out += who + shown(lines[i]) + '\n';
    if (i == 0) out += mark;
  }
  if (lines.size() > shown_behind) {
    out += who + "... " + std::to_string(lines.size() - shown_behind) + " more lines\n";
  }
  return out;
}

/// Getter: the two texts, line by line, a mark below the first octet that differs.
std::string difference(std::string_view expected, std::string_view came) {
  const auto ends = std::mismatch(expected.begin(), expected.end(), came.begin(), came.end());
  const auto common = static_cast<std::size_t>(ends.first - expected.begin());
  // Without an octet in common there is no LF before it either: npos + 1 is 0.
  const std::size_t begin = common == 0 ? 0 : expected.rfind('\n', common - 1) + 1;

  std::string out;
  const auto agreed = to_lines(expected.substr(0, begin));
  const std::size_t left_out = agreed.size() - std::min(agreed.size(), shown_before);
  if (left_out > 0) out += "    both  ... " + std::to_string(left_out) + " lines\n";
  for (std::size_t i = left_out; i < agreed.size(); ++i)
    out += "    both  " + shown(agreed[i]) + '\n';
  // In a line that is shown in part, only its first half has a place for the mark.
  const std::size_t column = escape(expected.substr(begin, common - begin)).size();
  const std::string mark = column <= shown_octets / 2 ? std::string(10 + column, ' ') + "^\n" : "";
  out += shown_lines("  script  ", expected.substr(begin), "");
  out += shown_lines("  engine  ", came.substr(begin), came.size() > begin ? mark : "");
  return out;
}

std::string source(const script_data& script, const statement& s) {
  return printable(source_of(script, s));
}

bool holds(const getter_check& check, const machine& m, std::string& actual) {
  using what = getter_check::what;
  const session& s = *m.engine();
  const channel& link = *m.link();
  const auto deadline = link.deadline();
  const auto is = [&](std::string_view value) {
    actual = value;
    return value == check.text;
  };
  const auto yes = [&](bool value) {
    actual = value ? "yes" : "no";
    return value;
  };
  switch (check.getter) {
    case what::deadline: {
      actual = "none";
      if (!deadline) return false;
      const auto in = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - m.now());
      actual = std::to_string(in.count()) + "ms " + std::string(to_string(s.deadline_of()));
      return in == check.in && (!check.stage || *check.stage == s.deadline_of());
    }
    case what::no_deadline:
      if (deadline) actual = "a deadline of " + std::string(to_string(s.deadline_of()));
      return !deadline;
    case what::idle: return yes(s.idle());
    case what::not_idle: return !yes(s.idle());
    case what::closed: return yes(s.closed());
    case what::not_closed: return !yes(s.closed());
    case what::phase_is: return is(name_of(s.where()));
    case what::in_flight:
      actual = std::to_string(s.in_flight());
      return s.in_flight() == check.number;
    case what::server_name: return is(s.server_name());
    case what::banner: return is(s.banner());
    case what::offers: return yes(s.peer().has(std::string_view(check.text)));
    case what::not_offers: return !yes(s.peer().has(std::string_view(check.text)));
    case what::size_limit:
      actual = std::to_string(s.peer().size_limit());
      return s.peer().size_limit() == check.number;
    case what::mechanisms: return is(s.peer().mechanisms());
    case what::parameters: actual = s.peer().parameters(check.text); return actual == check.second;
    case what::lend_error: return is(to_string(m.lend_error()));
    case what::finished: return yes(link.finished());
    case what::not_finished: return !yes(link.finished());
    case what::wants_read: return yes(link.wants_read());
    case what::not_wants_read: return !yes(link.wants_read());
    case what::cancel_write: return yes(link.cancel_write());
    case what::not_cancel_write: return !yes(link.cancel_write());
  }
  return false;
}

}  // namespace

std::optional<mismatch> compare_octets(const script_data& script, const turn& t,
                                       const std::string& written) {
  std::string expected;
  std::vector<std::pair<std::size_t, const statement*>> begins;
  for (std::size_t i = t.expectations; i < t.end; ++i) {
    const auto* writes = script.statements[i].get<client_writes>();
    if (writes == nullptr) continue;
    begins.emplace_back(expected.size(), &script.statements[i]);
    expected += writes->octets;
  }
  if (expected == written) return std::nullopt;
  mismatch wrong{script.name, next_line(script, t), {}, difference(expected, written)};
  if (begins.empty()) {
    wrong.what = "the engine wrote something before this statement, and the script has no C line";
    return wrong;
  }
  const auto ends = std::mismatch(expected.begin(), expected.end(), written.begin(), written.end());
  const auto common = static_cast<std::size_t>(ends.first - expected.begin());
  for (const auto& [begin, s] : begins) {
    if (begin <= common) wrong.line = s->line;
  }
  if (expected.empty()) {
    wrong.what = "the engine must write nothing now";
  } else if (common == expected.size()) {
    wrong.what = "the engine writes more now";
  } else if (common == written.size()) {
    wrong.what = "the engine does not write this now";
  } else {
    wrong.what = "the engine writes something else";
  }
  return wrong;
}

std::optional<mismatch> compare_events(const script_data& script, const turn& t,
                                       const std::vector<seen_event>& seen) {
  const auto shown_from = [&](std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < seen.size(); ++i)
      out += "  engine  " + to_statement(seen[i]) + '\n';
    return out.empty() ? std::string("  engine  (no event)\n") : out;
  };
  std::size_t at = 0;
  for (std::size_t i = t.expectations; i < t.end; ++i) {
    const statement& s = script.statements[i];
    const auto* expected = s.get<expected_event>();
    if (expected == nullptr) continue;
    const std::size_t from = at;
    while (at < seen.size() && !matches(*expected, seen[at]) && is_optional(seen[at].what)) ++at;
    if (at == seen.size() || !matches(*expected, seen[at])) {
      const bool missing = at == seen.size();
      return mismatch{script.name, s.line,
                      missing ? "this event does not come" : "another event comes",
                      "  script  " + source(script, s) + '\n' + shown_from(from)};
    }
    ++at;
  }
  const std::size_t from = at;
  while (at < seen.size() && is_optional(seen[at].what)) ++at;
  if (at == seen.size()) return std::nullopt;
  return mismatch{script.name, next_line(script, t),
                  "an event came before this statement that the script does not have",
                  shown_from(from)};
}

std::optional<mismatch> compare(const script_data& script, const turn& t, const machine& m) {
  if (auto wrong = compare_octets(script, t, m.written())) {
    // What it told often explains what it wrote.
    for (const seen_event& e : m.events()) wrong->detail += "   event  " + to_statement(e) + '\n';
    return wrong;
  }
  if (auto wrong = compare_events(script, t, m.events())) return wrong;
  bool lend_looked_at = false;
  for (std::size_t i = t.expectations; i < t.end; ++i) {
    const statement& s = script.statements[i];
    const auto* check = s.get<getter_check>();
    if (check == nullptr) continue;
    lend_looked_at = lend_looked_at || check->getter == getter_check::what::lend_error;
    std::string actual;
    if (!holds(*check, m, actual)) {
      return mismatch{script.name, s.line, "this is not so",
                      "  script  " + source(script, s) + "\n  engine  " + escape(actual) + '\n'};
    }
  }
  if (m.lend_error() != errc::none && !lend_looked_at) {
    return mismatch{script.name, script.statements[t.first].line, "the chunk was refused",
                    "  engine  " + std::string(to_string(m.lend_error())) + '\n'};
  }
  return std::nullopt;
}

}  // namespace sansmtp::script

#include "sansmtp/script/play.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "compare.hpp"
#include "levels.hpp"
#include "machine.hpp"
#include "option_tables.hpp"
#include "statement.hpp"

namespace sansmtp::script {
namespace {

// What a file may cost (transcripts.md): cuts of a run of server octets, and places of a fault.
// Longer files get all places near the ends and evenly spaced ones between.
constexpr std::size_t most_work = 1'000'000;
constexpr std::size_t min_places = 64;
constexpr std::size_t max_cuts = 512;
constexpr std::size_t max_faults = 4096;

/// Getter: at how many places a file of so much work is played.
constexpr std::size_t affordable(std::size_t work, std::size_t most) noexcept {
  return std::clamp(most_work / std::max<std::size_t>(work, 1), min_places, most);
}

/// Where a play failed, and what the engine told up to there.
struct outcome_of_play {
  std::optional<mismatch> wrong;
  dialogue said;
  std::vector<std::string> told;
};

mismatch at_line(const script_data& script, std::uint32_t line, std::string what) {
  return {script.name, line, std::move(what), {}};
}

outcome_of_play play_once(const script_data& script, const pace& how, bool record) {
  outcome_of_play result;
  machine m(script, how, record);
  for (const turn& t : script.turns) {
    m.perform(t);
    for (const seen_event& e : m.events()) {
      if (!is_trace(e.what)) result.told.push_back(to_statement(e));
    }
    if (!m.problem().empty()) {
      result.wrong = at_line(script, script.statements[t.first].line, m.problem());
    } else {
      result.wrong = compare(script, t, m);
    }
    if (result.wrong) break;
  }
  result.said = m.said();
  return result;
}

/// Command: plays once without a record, and with one again if that fails.
bool try_once(const script_data& script, const pace& how, const std::string& where,
              const std::vector<std::string>& told, play_result& result) {
  outcome_of_play once = play_once(script, how, false);
  if (!once.wrong && once.told != told) {
    const auto pair = std::mismatch(once.told.begin(), once.told.end(), told.begin(), told.end());
    const auto text = [](auto at, auto end) { return at == end ? std::string("nothing") : *at; };
    once.wrong =
        at_line(script, script.statements.back().line, "other events than in one piece (CORE-02)");
    once.wrong->detail = "    whole  " + text(pair.second, told.end()) + "\n     here  " +
                         text(pair.first, once.told.end()) + '\n';
  }
  if (!once.wrong) return true;
  result.said = play_once(script, how, true).said;
  once.wrong->what += " [" + where + ']';
  result.wrong = std::move(once.wrong);
  return false;
}

/// Getter: numbers below `count`: all of them, or at most `most`, denser at both ends.
std::vector<std::size_t> places(std::size_t count, std::size_t most) {
  std::vector<std::size_t> result;
  const std::size_t dense = most / 4;
  for (std::size_t i = 0; i < count;) {
    result.push_back(i);
    const bool near_an_end = count <= most || i < dense || i + dense >= count;
    const std::size_t step =
        near_an_end ? 1 : std::max<std::size_t>(1, (count - 2 * dense) / (2 * dense));
    i = near_an_end ? i + 1 : std::min(i + step, count - dense);
  }
  return result;
}

void play_splits(const script_data& script, const std::vector<std::string>& told,
                 play_result& result) {
  std::size_t longest = 0;
  std::size_t work = 64 * script.statements.size();
  for (const turn& t : script.turns) {
    std::size_t octets = 0;
    for (std::size_t i = t.first; i < t.expectations; ++i) {
      if (const auto* says = script.statements[i].get<server_says>()) octets += says->octets.size();
    }
    longest = std::max(longest, octets);
    work += octets;
  }
  if (longest < 2) return;
  for (const std::size_t cut : places(longest - 1, affordable(work, max_cuts))) {
    pace how;
    how.cut = cut + 1;
    const std::string where = "each run of server octets cut behind octet " +
                              std::to_string(how.cut) + ", modulo its length less one";
    if (!try_once(script, how, where, told, result)) return;
  }
}

/// A place where the link can break: in a turn, behind so many octets of the server, or behind all
/// of them and so many of the engine, or while a write of all that the engine offers is in flight.
struct breaking_point {
  std::size_t turn = 0;
  bool in_flight = false;
  std::size_t reads = pace::everything;
  std::size_t writes = pace::everything;
};

std::vector<breaking_point> breaking_points(const script_data& script, std::size_t& octets) {
  std::vector<breaking_point> points;
  machine m(script, {}, false);
  for (std::size_t i = 0; i < script.turns.size(); ++i) {
    const turn& t = script.turns[i];
    m.perform(t);
    std::size_t reads = 0;
    for (std::size_t s = t.first; s < t.expectations; ++s) {
      if (const auto* says = script.statements[s].get<server_says>()) reads += says->octets.size();
    }
    octets += reads + m.written().size();
    // Behind the last octet of either side is where the turn has come to rest.
    for (std::size_t n = 1; n <= reads; ++n) points.push_back({i, false, n, pace::everything});
    for (std::size_t n = 0; n < m.writes(); ++n) {
      points.push_back({i, false, pace::everything, n});
    }
    if (reads == 0) points.push_back({i, false, pace::everything, pace::everything});
    if (!m.written().empty()) points.push_back({i, true, pace::everything, pace::everything});
  }
  return points;
}

std::string play_fault(const script_data& script, const breaking_point& point, fault f, bool record,
                       dialogue& said) {
  machine m(script, {}, record);
  for (std::size_t i = 0; i < point.turn; ++i) m.perform(script.turns[i]);
  const turn& last = script.turns[point.turn];
  if (point.in_flight) {
    m.perform_in_flight(last);
  } else {
    m.perform_until(last, point.reads, point.writes);
  }
  m.break_link(f);
  said = m.said();
  return m.problem();
}

void play_faults(const script_data& script, play_result& result) {
  std::size_t octets = 0;
  const auto points = breaking_points(script, octets);
  const std::size_t work = octets + 64 * script.statements.size();
  for (const std::size_t place : places(points.size(), affordable(work, max_faults))) {
    const breaking_point& point = points[place];
    for (const fault f : {fault::end, fault::timeout, fault::abort}) {
      std::string problem = play_fault(script, point, f, false, result.said);
      if (problem.empty()) continue;
      (void)play_fault(script, point, f, true, result.said);
      const turn& t = script.turns[point.turn];
      std::string where = f == fault::end       ? "end of the stream"
                          : f == fault::timeout ? "time is up"
                                                : "the user aborts";
      if (point.in_flight) {
        where += " during the write at this line";
      } else if (point.reads != pace::everything) {
        where += " behind octet " + std::to_string(point.reads) + " of the server's from this line";
      } else if (point.writes != pace::everything) {
        where += " behind octet " + std::to_string(point.writes) +
                 " of what the engine writes at this line";
      } else {
        where += " at this line";
      }
      problem += " [" + where + ']';
      result.wrong = at_line(script, script.statements[t.first].line, std::move(problem));
      return;
    }
  }
}

/// Command: plays it at each of its levels, up to the first that fails.
play_result play_levels(const transcript& t, mode how) {
  play_result result;
  for (const pipelining_level level : t.levels()) {
    result = play(at_level(t, level), how);
    if (result.ok()) continue;
    const auto* name = std::find_if(pipelining_levels.begin(), pipelining_levels.end(),
                                    [&](const auto& row) { return row.value == level; });
    result.wrong->what += " [at level " + std::string(name->name) + ']';
    break;
  }
  return result;
}

}  // namespace

play_result play(const transcript& t, mode how) {
  if (!t.levels().empty()) return play_levels(t, how);
  const script_data& script = t.data();
  play_result result;
  outcome_of_play whole = play_once(script, {}, true);
  result.said = std::move(whole.said);
  result.wrong = std::move(whole.wrong);
  if (how == mode::whole || result.wrong) return result;
  switch (how) {
    case mode::whole: break;
    case mode::octets: {
      pace octets;
      octets.octet_reads = true;
      octets.rest_between_reads = !script.no_split;
      try_once(script, octets, "server octets one by one", whole.told, result);
      break;
    }
    case mode::splits: play_splits(script, whole.told, result); break;
    case mode::writes: {
      pace octets;
      octets.octet_writes = true;
      try_once(script, octets, "writes of one octet", whole.told, result);
      break;
    }
    case mode::faults: play_faults(script, result); break;
  }
  return result;
}

}  // namespace sansmtp::script

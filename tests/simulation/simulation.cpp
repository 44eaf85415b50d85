// Worlds without number; see tests/README.md.
//
//   simulation exhaustive            every behaviour of a server, two mails of two recipients each
//   simulation levels                every decision of a server, compared at all pipelining levels
//   simulation random [COUNT [SEED]] COUNT sessions, the seeds counting from SEED
//   simulation show SEED             the transcript of one of them
//   simulation replay [COUNT]        plays the transcripts of COUNT of them
#include <sansmtp/script/script.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "choices.hpp"
#include "judge.hpp"
#include "world.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::simulation;

const char* name_of(pipelining_level level) {
  static constexpr const char* names[] = {"off", "envelope", "messages"};
  return names[static_cast<std::size_t>(level)];
}

constexpr pipelining_level levels[] = {pipelining_level::off, pipelining_level::envelope,
                                       pipelining_level::messages};

int write_failure(const std::string& file, const std::string& head, const std::string& lines) {
  const std::string text =
      head + "# The lines below are what the engine did; correct them to what it must do.\n" +
      lines;
  std::ofstream(file, std::ios::binary) << text;
  std::fprintf(stderr, "written to %s:\n%s", file.c_str(), text.c_str());
  return 1;
}

/// The rule that a random world breaks; nothing if it breaks none.
std::optional<std::string> rule_broken_by(choices& choose, std::string* transcript = nullptr) {
  setting s = setting::any(choose);
  world w(std::move(s), choose);
  if (transcript != nullptr) w.log.start();
  std::optional<std::string> rule;
  try {
    w.run();
  } catch (const broken& b) {
    rule = b.what();
  }
  if (transcript != nullptr) *transcript = w.log.text();
  return rule;
}

// -- random -------------------------------------------------------------------------------------

/// Fewer and smaller decisions that break the same rule.
std::vector<unsigned> shrunk(std::vector<unsigned> list, const std::string& rule) {
  const auto still_breaks = [&](const std::vector<unsigned>& other) {
    listed_choices choose(other);
    return rule_broken_by(choose) == rule;
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    const auto attempt = [&](std::vector<unsigned> other) {
      if (other == list || !still_breaks(other)) return false;
      list = std::move(other);
      return smaller = true;
    };
    for (std::size_t width = list.size(); width != 0; width /= 2) {
      for (std::size_t at = 0; at + width <= list.size();) {
        std::vector<unsigned> other = list;
        const auto from = other.begin() + static_cast<std::ptrdiff_t>(at);
        other.erase(from, from + static_cast<std::ptrdiff_t>(width));
        if (attempt(other)) continue;
        other = list;
        std::fill_n(other.begin() + static_cast<std::ptrdiff_t>(at), width, 0U);
        attempt(other);
        at += width;
      }
    }
    for (std::size_t at = 0; at < list.size(); ++at) {
      while (list[at] != 0) {
        std::vector<unsigned> other = list;
        other[at] /= 2;
        if (attempt(other)) continue;
        other[at] = list[at] - 1;
        if (!attempt(other)) break;
      }
    }
    while (!list.empty() && list.back() == 0) list.pop_back();
  }
  return list;
}

int report_failure(std::uint64_t seed, const std::vector<unsigned>& made, const std::string& rule) {
  const std::vector<unsigned> least = shrunk(made, rule);
  listed_choices choose(least);
  std::string transcript;
  (void)rule_broken_by(choose, &transcript);
  return write_failure("simulation-" + std::to_string(seed) + ".smtp",
                       "# Broken: " + rule + "\n# Seed " + std::to_string(seed) + ", " +
                           std::to_string(least.size()) + " decisions of " +
                           std::to_string(made.size()) + ".\n",
                       transcript);
}

int random_worlds(std::uint64_t count, std::uint64_t first) {
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    random_choices choose(seed);
    if (const auto rule = rule_broken_by(choose)) return report_failure(seed, choose.made(), *rule);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%llu random sessions, seeds %llu to %llu, no rule broken (%.1f s)\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1), took.count());
  return 0;
}

// -- exhaustive ---------------------------------------------------------------------------------

std::optional<std::string> rule_broken_by(world& w) {
  try {
    w.run();
  } catch (const broken& b) {
    return b.what();
  }
  return std::nullopt;
}

int report_combination(const setting& s, every_choice& choose, const std::string& rule) {
  choose.again();
  world w(s, choose);
  w.log.start();
  (void)rule_broken_by(w);
  return write_failure("simulation-exhaustive.smtp", "# Broken: " + rule + "\n", w.log.text());
}

/// Each reply class, silence and a cut link at each octet of each reply, a broken link at each
/// octet of each write, each deadline; for all histories that lead there.
int every_behaviour(mail_protocol protocol) {
  const bool lmtp = protocol == mail_protocol::lmtp;
  std::uint64_t all = 0;
  for (const pipelining_level level : levels) {
    if (lmtp && level == pipelining_level::messages) continue;  // which is `envelope` (LMTP-03)
    for (const bool whole_groups : {false, true}) {
      if (whole_groups && level == pipelining_level::off) continue;  // there are no groups
      setting s = setting::plain(level);
      s.config.protocol = protocol;
      if (lmtp) s.mails.back().recipients = 1;
      s.whole_groups = whole_groups;
      every_choice choose{about::reply, about::stop, about::write_break};
      std::uint64_t count = 0;
      do {
        ++count;
        world w(s, choose);
        if (const auto rule = rule_broken_by(w)) return report_combination(s, choose, *rule);
      } while (choose.next());
      all += count;
      std::printf("%-8s  %-12s  %8llu sessions\n", name_of(level),
                  whole_groups ? "whole groups" : "one by one",
                  static_cast<unsigned long long>(count));
      std::fflush(stdout);
    }
  }
  std::printf("%llu sessions, all behaviours of a server of %s, no rule broken\n",
              static_cast<unsigned long long>(all), lmtp ? "LMTP" : "SMTP");
  return 0;
}

/// What a well-behaved server decides about two mails of two recipients each, and one fault.
struct decision_table {
  static constexpr std::size_t questions = 10;  // MAIL, RCPT, RCPT, DATA, content; twice
  std::array<unsigned, questions> kinds{};      // as in `server`

  static unsigned decide(const void* table, std::string_view word, std::size_t mail,
                         std::size_t recipient) {
    std::size_t at = mail * 5;
    if (word == "mail") {
    } else if (word == "rcpt") {
      at += 1 + recipient;
    } else if (word == "data") {
      at += 3;
    } else if (word == "content") {
      at += 4;
    } else {
      return 0;
    }
    return static_cast<const decision_table*>(table)->kinds.at(at);
  }
};

/// What can be told at each level alike: where the session ends early, it differs what was handed
/// out before, so that `deferred` and `not_attempted` are one: neither was delivered, both may be
/// retried (OUT-03, OUT-04).
std::string settled(const world& w, bool ends_early) {
  if (!ends_early) return w.report();
  std::string text;
  for (std::size_t mail = 0; mail < 2; ++mail) {
    for (outcome o : w.outcomes(mail)) {
      if (o == outcome::not_attempted) o = outcome::deferred;
      text += std::string(to_string(o)) + " ";
    }
    text += "\n";
  }
  return text;
}

/// Every table of decisions gives the same outcomes at every level (PIPE-20).
int every_decision() {
  std::uint64_t count = 0;
  for (const bool content_for_nobody : {false, true}) {
    // Each question is answered yes, 4yz or 5yz; or one of them with 421.
    every_choice choose{about::setting};
    do {
      decision_table table;
      const unsigned closes_at = choose(about::setting, decision_table::questions + 1);
      const bool ends_early = closes_at != 0;
      for (std::size_t i = 0; i < decision_table::questions; ++i) {
        // What comes behind 421 is not asked any more.
        if (!ends_early || i + 1 < closes_at) table.kinds[i] = choose(about::setting, 3);
        if (i + 1 == closes_at) table.kinds[i] = 3;
      }
      std::string first;
      for (const pipelining_level level : levels) {
        ++count;
        setting s = setting::plain(level);
        s.content_for_nobody = content_for_nobody;
        listed_choices usual{{}};
        world w(s, usual);
        w.server.decide = decision_table::decide;
        w.server.table = &table;
        std::optional<std::string> rule = rule_broken_by(w);
        const std::string told = settled(w, ends_early);
        if (level == pipelining_level::off) first = told;
        if (!rule && told != first)
          rule = "the levels give different outcomes (PIPE-20):\n" + first;
        if (!rule) continue;
        std::fprintf(stderr, "%s at level %s:\n%s", rule->c_str(), name_of(level), told.c_str());
        for (const unsigned kind : table.kinds) std::fprintf(stderr, "%u ", kind);
        return 1;
      }
    } while (choose.next());
  }
  std::printf("%llu sessions, all decisions of a server, the same outcomes at each level\n",
              static_cast<unsigned long long>(count));
  return 0;
}

// -- the player of transcripts ------------------------------------------------------------------

/// What is written down of random worlds is what the player of transcripts plays.
int replay(std::uint64_t count) {
  std::uint64_t played = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    random_choices choose(seed);
    std::string text;
    if (const auto rule = rule_broken_by(choose, &text)) return 1;
    if (text.find("which a transcript cannot say") != std::string::npos) continue;
    if (text.find("nothing is said of it") != std::string::npos) continue;
    // The player puts a record layer under a session with TLS, where a part of a line cannot
    // arrive.
    const bool tls = text.find("tls=") != std::string::npos;
    if (tls && text.find("! sent ") != std::string::npos) continue;
    const auto parsed = script::parse(text, "seed " + std::to_string(seed));
    if (const auto* error = std::get_if<script::parse_error>(&parsed)) {
      std::fprintf(stderr, "%s\n%s", to_string(*error).c_str(), text.c_str());
      return 1;
    }
    const auto result = script::play(std::get<script::transcript>(parsed));
    if (!result.ok()) {
      std::fprintf(stderr, "%s\n%s", to_string(*result.wrong).c_str(), text.c_str());
      return 1;
    }
    ++played;
  }
  std::printf("%llu of %llu random sessions played from their transcripts\n",
              static_cast<unsigned long long>(played), static_cast<unsigned long long>(count));
  return 0;
}

int show(std::uint64_t seed) {
  random_choices choose(seed);
  std::string transcript;
  const auto rule = rule_broken_by(choose, &transcript);
  std::printf("# %s\n%s", rule ? rule->c_str() : "no rule broken", transcript.c_str());
  return rule ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto number = [&](std::size_t i, std::uint64_t otherwise) {
    return i < words.size() ? std::strtoull(words[i].c_str(), nullptr, 10) : otherwise;
  };
  if (words.size() == 1 && words[0] == "exhaustive") {
    const int failed = every_behaviour(mail_protocol::smtp);
    return failed != 0 ? failed : every_behaviour(mail_protocol::lmtp);
  }
  if (words.size() == 1 && words[0] == "levels") return every_decision();
  if (!words.empty() && words[0] == "replay") return replay(number(1, 1000));
  if (!words.empty() && words[0] == "random") return random_worlds(number(1, 10000), number(2, 1));
  if (words.size() == 2 && words[0] == "show") return show(number(1, 1));
  std::fprintf(stderr,
               "usage: simulation exhaustive | levels | random [COUNT [SEED]] | show SEED | replay "
               "[COUNT]\n");
  return 2;
}

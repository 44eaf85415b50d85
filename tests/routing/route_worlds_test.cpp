// Every small world: two hosts with an address of each family, each answer there is and each ending
// there is, against a judge that is written in another way; and every order of answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "world.hpp"

namespace sansmtp::routing::test {
namespace {

// -- the worlds -----------------------------------------------------------------------------------

constexpr std::array all_found{found::ok, found::no_data, found::no_name, found::failed,
                               found::bogus};

/// How a host behaves, attempt for attempt; what comes behind the second one is lost.
struct behaviour {
  ending first = ending::lost;
  bool first_waits = false;
  ending second = ending::lost;
  bool second_waits = false;
};

/// All of them that differ: the second ending counts only where there is a second attempt.
std::vector<behaviour> behaviours() {
  const auto ends = [] {
    std::vector<std::pair<ending, bool>> all;
    for (std::size_t i = 0; i < ending_count; ++i) all.emplace_back(static_cast<ending>(i), false);
    all.emplace_back(ending::done, true);
    return all;
  }();
  std::vector<behaviour> result;
  for (const auto& [first, waits] : ends) {
    if (first != ending::no_family && first != ending::tls_failed) {
      result.push_back({first, waits});
      continue;
    }
    for (const auto& [second, too] : ends) result.push_back({first, waits, second, too});
  }
  return result;
}

struct small_host {
  found v4 = found::ok;
  found v6 = found::ok;
  behaviour does;
};

struct small_world {
  std::array<small_host, 2> hosts;
  bool demands_tls = false;
};

/// What came of a world: one letter for each attempt and what it was, then the code.
using story = std::string;

// -- the judge ------------------------------------------------------------------------------------

/// It walks over the hosts once and knows no table: each rule is a sentence of the catalogue.
class judge {
 public:
  explicit judge(const small_world& w) : world_(w) {}

  story tell() {
    for (std::size_t i = 0; i < 2 && !served_; ++i) visit(i);
    if (served_) return told_ + "served";
    // What may pass outranks what stays, and of each the more telling is told.
    for (const char* code : {"4.3.0", "4.3.2", "4.7.5", "4.7.10", "4.4.2", "4.4.1", "4.4.4"}) {
      if (std::find(soft_.begin(), soft_.end(), code) != soft_.end()) return told_ + code;
    }
    return told_ + (refused_ ? "5.3.2" : "5.4.4");
  }

 private:
  void visit(std::size_t i) {
    const small_host& h = world_.hosts[i];
    const auto unknown = [](found f) { return f == found::failed || f == found::bogus; };
    const bool has4 = h.v4 == found::ok;
    const bool has6 = h.v6 == found::ok;
    if (!has4 && !has6) {  // RTE-12
      if (unknown(h.v4) || unknown(h.v6)) soft_.push_back("4.4.4");
      return;
    }
    bool clear = false;
    for (int n = 0;; ++n) {
      const bool use4 = has4 && !no4_;
      const bool use6 = has6 && !no6_;
      if (!use4 && !use6) {  // RTE-08
        soft_.push_back("4.4.1");
        return;
      }
      told_ += i == 0 ? 'a' : 'b';
      told_ += use4 && use6 ? "64" : use4 ? "4" : "6";
      told_ += clear ? "- " : " ";
      const ending how = n == 0 ? h.does.first : n == 1 ? h.does.second : ending::lost;
      const bool waits = n == 0 ? h.does.first_waits : n == 1 ? h.does.second_waits : false;
      if (how == ending::no_family) {
        // The one that lacks a way is the one that would have been first.
        (use6 ? no6_ : no4_) = true;
        continue;
      }
      if (how == ending::tls_failed && !clear && !world_.demands_tls) {  // RTE-15
        clear = true;
        continue;
      }
      if (how == ending::done && !waits) {
        served_ = true;
      } else if (how == ending::refused_permanently) {
        refused_ = true;
      } else {
        soft_.push_back(how == ending::done                  ? "4.3.0"
                        : how == ending::refused_transiently ? "4.3.2"
                        : how == ending::tls_failed          ? "4.7.5"
                        : how == ending::tls_missing         ? "4.7.10"
                        : how == ending::lost                ? "4.4.2"
                                                             : "4.4.1");
      }
      return;
    }
  }

  const small_world& world_;
  story told_;
  std::vector<std::string> soft_;
  bool refused_ = false;
  bool served_ = false;
  bool no4_ = false;
  bool no6_ = false;
};

// -- the route ------------------------------------------------------------------------------------

/// Plays a world; `order` decides which of two open questions is answered first.
story play(const small_world& w, unsigned order) {
  static const host_memory nothing;
  static const std::array<std::string, 2> names{"a.test", "b.test"};
  static const ip_address v4 = ip("192.0.2.1");
  static const ip_address v6 = ip("2001:db8::1");
  sts_cache cache;
  route_options options;
  options.sts = options.dane = false;
  if (w.demands_tls) options.tls = tls_mode::required;
  route r("d.test", std::move(options), cache, nothing);
  const time_point now{};
  r.answered(now, r.next_question(now)->id, mx({{10, names[0]}, {20, names[1]}}));
  story told;
  std::array<int, 2> tries{};
  for (int step = 0; !r.over(); ++step) {
    if (step > 20) return "it does not end";
    if (const attempt* a = r.current()) {
      const std::size_t i = a->host == names[0] ? 0 : 1;
      told += i == 0 ? 'a' : 'b';
      for (const ip_address& address : a->addresses) {
        told += address.family() == ip_family::v4 ? '4' : '6';
      }
      told += a->tls == tls_mode::off ? "- " : " ";
      const behaviour& does = w.hosts[i].does;
      trial t;
      const int n = tries[i]++;
      t.how = n == 0 ? does.first : n == 1 ? does.second : ending::lost;
      t.somebody_waits = n == 0 ? does.first_waits : n == 1 && does.second_waits;
      t.family = a->addresses.front().family();
      r.tried(now, a->number, t);
      continue;
    }
    std::vector<question> open;
    while (auto q = r.next_question(now)) open.push_back(*q);
    if ((order >> step & 1) != 0) std::reverse(open.begin(), open.end());
    for (const question& q : open) {
      const small_host& h = w.hosts[q.name == names[0] ? 0 : 1];
      dns_answer answer;
      answer.what = q.type == record::a ? h.v4 : h.v6;
      if (answer.what == found::ok) answer.addresses = {q.type == record::a ? v4 : v6};
      r.answered(now, q.id, std::move(answer));
    }
  }
  const verdict& v = r.why();
  return told + (v.what == conclusion::served ? "served" : to_string(v.code));
}

std::string describe(const small_world& w) {
  std::string text = w.demands_tls ? "under a demand" : "opportunistic";
  for (const small_host& h : w.hosts) {
    text += "; A " + std::string(to_string(h.v4)) + ", AAAA " + std::string(to_string(h.v6)) +
            ": " + std::string(to_string(h.does.first)) +
            (h.does.first_waits ? " (waits), " : ", ") + std::string(to_string(h.does.second)) +
            (h.does.second_waits ? " (waits)" : "");
  }
  return text;
}

TEST(route_worlds, agree_with_another_judge) {  // RTE-08 RTE-12 RTE-13 RTE-14 RTE-15 RTE-31
  const std::vector<behaviour> all = behaviours();
  ASSERT_EQ(all.size(), 25u);
  std::size_t worlds = 0;
  small_world w;
  for (const bool demands : {false, true}) {
    w.demands_tls = demands;
    for (const found a4 : all_found) {
      for (const found a6 : all_found) {
        for (const found b4 : all_found) {
          for (const found b6 : all_found) {
            for (const behaviour& a : all) {
              // What a host without an address would do is all the same.
              if (a4 != found::ok && a6 != found::ok && &a != &all.front()) break;
              for (const behaviour& b : all) {
                if (b4 != found::ok && b6 != found::ok && &b != &all.front()) break;
                w.hosts = {small_host{a4, a6, a}, small_host{b4, b6, b}};
                const story expected = judge(w).tell();
                const story is = play(w, static_cast<unsigned>(worlds));
                if (is != expected) {
                  FAIL() << describe(w) << "\n  is       " << is << "\n  expected " << expected;
                }
                ++worlds;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_GT(worlds, 100'000u);
}

// -- every order of answers, and every deadline ---------------------------------------------------

/// A world with all that there is: a policy to be fetched, aliases, records, families.
world whole_world(int variant) {
  world w;
  w.options.sts = w.options.dane = true;
  w.zone[{record::mx, "d.test"}] =
      mx({{10, "a.d.test"}, {10, "b.d.test"}, {20, "c.test"}}, variant != 1);
  w.zone[{record::txt, "_mta-sts.d.test"}] = txt({"v=STSv1; id=2;"});
  w.files["mta-sts.d.test"] = {200,
                               policy_text(variant == 2 ? "testing" : "enforce", {"*.d.test"})};
  w.host("a.d.test", {"192.0.2.1"}, {"2001:db8::1"}, true, "real.test");
  w.host("b.d.test", {"192.0.2.2"}, {}, true);
  w.host("c.test", {"192.0.2.3"}, {"2001:db8::3"});
  w.zone[{record::tlsa, "_25._tcp.a.d.test"}] = tlsa({key_record(), authority_record()});
  if (variant >= 3) {
    // A policy that is old enough to be refreshed; in the last one it names nobody any more.
    w.cache.store("d.test", "2",
                  {sts_mode::enforce, 100'000s, {variant == 3 ? "a.d.test" : "old.test"}}, w.now);
    w.now += 95'000s;
  }
  return w;
}

/// Plays a world to its end, each attempt ending in the same way; whenever several answers are
/// owed, `choose(n)` says which comes next. Returns the attempts, with all that is in them, and the
/// end.
std::string play(world& w, const std::function<std::size_t(std::size_t)>& choose) {
  w.begin("d.test");
  std::string told;
  while (!w.r->over()) {
    if (const attempt* a = w.r->current()) {
      told += w.r->site();
      for (const ip_address& address : a->addresses) told += ' ' + address.text();
      told += '\n';
      w.r->tried(w.now, a->number, a->number % 2 == 0 ? ending::lost : ending::tls_failed);
      w.collect();
      continue;
    }
    const std::size_t n = w.asked.size() + w.fetches.size();
    if (n == 0) return told + "stuck";
    const std::size_t next = choose(n);
    if (next < w.asked.size()) {
      w.answer_question(next);
    } else {
      w.answer_fetch();
    }
  }
  return told + to_string(w.r->why().code) + ' ' + w.r->why().text;
}

TEST(route_worlds, are_the_same_in_every_order_of_answers) {  // RTE-31
  for (int variant = 0; variant < 5; ++variant) {
    SCOPED_TRACE(variant);
    std::optional<std::string> first;
    // Each way through the tree of choices: the last choice that can still grow does.
    std::vector<std::pair<std::size_t, std::size_t>> choices;  // taken, of how many
    std::size_t ways = 0;
    for (;;) {
      std::size_t depth = 0;
      world w = whole_world(variant);
      const std::string told = play(w, [&](std::size_t n) {
        if (depth == choices.size()) choices.emplace_back(0, n);
        return choices[depth++].first;
      });
      ++ways;
      if (!first) first = told;
      ASSERT_EQ(told, *first);
      while (!choices.empty() && choices.back().first + 1 == choices.back().second) {
        choices.pop_back();
      }
      if (choices.empty()) break;
      ++choices.back().first;
    }
    EXPECT_GT(ways, 8u);
    EXPECT_NE(first->find("a.d.test"), std::string::npos) << *first;
  }
}

/// Plays a world in which some of what is asked, by its place in the order of asking, is never
/// answered (`wait`), or is answered as failed.
std::string play_without(int variant, unsigned mask, bool wait) {
  world w = whole_world(variant);
  w.begin("d.test");
  std::string told;
  for (unsigned asked = 0; !w.r->over();) {
    if (const attempt* a = w.r->current()) {
      told += w.r->site() + '\n';
      w.r->tried(w.now, a->number, ending::unreachable);
      w.collect();
      continue;
    }
    const bool is_question = !w.asked.empty();
    if (!is_question && w.fetches.empty()) return told + "stuck";
    const bool fails = (mask >> std::min(asked++, 31U) & 1) != 0;
    if (!fails) {
      is_question ? w.answer_question(0) : w.answer_fetch();
    } else if (wait) {
      // The last moment before the deadline changes nothing, the deadline itself does.
      const auto end = w.r->deadline();
      if (!end) return told + "no deadline";
      is_question ? w.asked.clear() : w.fetches.clear();
      w.r->advance(*end - std::chrono::nanoseconds(1));
      if (w.r->current() != nullptr || w.r->over()) return told + "too early";
      // All that is open began at one moment, so all of it ends: each as failed.
      w.now = *end;
      w.fetches.clear();
      w.r->advance(w.now);
      w.collect();
    } else {
      const auto questions = std::exchange(w.asked, {});
      const auto files = std::exchange(w.fetches, {});
      for (const question& q : questions) w.r->answered(w.now, q.id, none(found::failed));
      for (const fetch& f : files) {
        w.r->fetch_failed(w.now, f.id, std::make_error_code(std::errc::timed_out));
      }
      w.collect();
    }
  }
  return told + to_string(w.r->why().code) + ' ' + w.r->why().text;
}

TEST(route_worlds, take_silence_for_failure) {  // RTE-30 RTE-02 RTE-24
  for (int variant = 0; variant < 3; ++variant) {
    for (unsigned mask = 0; mask < 1024; ++mask) {
      const std::string failed = play_without(variant, mask, false);
      ASSERT_EQ(play_without(variant, mask, true), failed) << variant << ' ' << mask;
      ASSERT_EQ(failed.find("stuck"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace sansmtp::routing::test

#include "sansmtp/routing/sts_cache.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "ascii.hpp"
#include "bounded.hpp"
#include "domain_name.hpp"
#include "seeded.hpp"
#include "sts_id.hpp"

namespace sansmtp::routing {

namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::string_view headline = "sansmtp-sts-cache 1";
/// No moment of a saved cache is further away than this, whatever its digits say.
constexpr seconds furthest = 2 * longest_sts_age;

/// When a policy is due to be fetched again: between a half and nine tenths of its time. Chance
/// keeps those who fetched at the same moment from coming again all at once.
seconds refresh_after(std::uint64_t seed, std::string_view domain, std::string_view id,
                      seconds max_age) {
  seeded numbers(seed ^ number_of(domain) ^ (number_of(id) << 1));
  const auto spread = static_cast<std::uint64_t>(max_age.count()) * 2 / 5;
  return max_age / 2 + seconds(static_cast<seconds::rep>(numbers.below(spread + 1)));
}

/// A moment by the clock of the wall, in whole seconds; one that lies within a second stays there.
sys_seconds on_the_wall(time_point when, time_point now, sys_seconds wall) {
  return wall + std::chrono::floor<seconds>(when - now);
}

void append(std::string& text, sys_seconds when) {
  text += ' ';
  text += std::to_string(when.time_since_epoch().count());
}

/// Takes the next word of a line.
std::string_view next_word(std::string_view& line) noexcept {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

/// Digits, no more than that, as seconds.
std::optional<seconds> read_seconds(std::string_view word) noexcept {
  seconds::rep value = 0;
  const char* const last = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), last, value);
  if (word.empty() || error != std::errc() || stop != last || value < 0) {
    return std::nullopt;
  }
  return seconds(value);
}

}  // namespace

sts_cache::sts_cache(std::uint64_t seed, std::size_t most)
    : seed_(seed), most_(std::max<std::size_t>(most, 1)) {}

time_point sts_cache::entry::gone() const noexcept {
  return policy ? std::max(expires, retry) : retry;
}

const sts_cache::entry* sts_cache::known(std::string_view domain) const {
  if (domains_.empty()) return nullptr;
  const auto at = domains_.find(normal_name(domain));
  return at == domains_.end() ? nullptr : &at->second;
}

sts_cache::entry& sts_cache::made(std::string domain) {
  const auto at = domains_.find(domain);
  if (at != domains_.end()) return at->second;
  make_room(domains_, most_, [](const entry& e) { return e.gone(); });
  return domains_.emplace(std::move(domain), entry()).first->second;
}

const sts_policy* sts_cache::find(std::string_view domain, time_point now) const {
  const entry* e = known(domain);
  return e != nullptr && e->holds(now) ? &*e->policy : nullptr;
}

std::string_view sts_cache::id_of(std::string_view domain, time_point now) const {
  const entry* e = known(domain);
  return e != nullptr && e->holds(now) ? std::string_view(e->id) : std::string_view();
}

bool sts_cache::may_fetch(std::string_view domain, std::string_view id, time_point now) const {
  const entry* e = known(domain);
  return e == nullptr || e->failed_id != id || now >= e->retry;
}

bool sts_cache::is_fresh(std::string_view domain, time_point now) const {
  const entry* e = known(domain);
  return e != nullptr && e->holds(now) && now < e->fetched + retry_delay;
}

sts_cache::due sts_cache::what_is_due(std::string_view domain, const std::optional<std::string>& id,
                                      time_point now) const {
  const entry* e = known(domain);
  const bool holds = e != nullptr && e->holds(now);
  if (!holds && !id) return due::nothing;
  const std::string& wanted = id ? *id : e->id;
  if (!may_fetch(domain, wanted, now)) return due::nothing;
  if (!holds || wanted != e->id) return due::fetch;
  return now >= e->refresh ? due::refresh : due::nothing;
}

std::vector<std::string> sts_cache::refresh_due(time_point now, std::size_t most) const {
  std::vector<std::string> domains;
  for (const auto& [domain, e] : domains_) {
    if (domains.size() >= most) break;
    if (what_is_due(domain, std::nullopt, now) == due::refresh) domains.push_back(domain);
  }
  return domains;
}

void sts_cache::store(std::string_view domain, std::string_view id, sts_policy policy,
                      time_point now) {
  std::string name = normal_name(domain);
  const seconds refresh = refresh_after(seed_, name, id, policy.max_age);
  entry& e = made(std::move(name));
  e = entry();
  e.id = id;
  e.fetched = now;
  e.expires = now + policy.max_age;
  e.refresh = now + refresh;
  e.policy = std::move(policy);
}

void sts_cache::failed(std::string_view domain, std::string_view id, time_point now) {
  entry& e = made(normal_name(domain));
  e.failed_id = id;
  e.retry = now + retry_delay;
}

void sts_cache::forget(std::string_view domain) { domains_.erase(normal_name(domain)); }

std::string sts_cache::save(time_point now, sys_seconds wall) const {
  std::string text(headline);
  text += '\n';
  for (const auto& [domain, e] : domains_) {
    if (e.holds(now)) {
      text += "policy " + domain + ' ' + e.id + ' ';
      text += to_string(e.policy->mode);
      append(text, on_the_wall(e.fetched, now, wall));
      text += ' ' + std::to_string(e.policy->max_age.count());
      append(text, on_the_wall(e.refresh, now, wall));
      for (const std::string& pattern : e.policy->mx) text += ' ' + pattern;
      text += '\n';
    }
    if (now < e.retry) {
      text += "failed " + domain + ' ' + e.failed_id;
      append(text, on_the_wall(e.retry, now, wall));
      text += '\n';
    }
  }
  return text;
}

std::size_t sts_cache::load(std::string_view text, time_point now, sys_seconds wall) {
  std::size_t bad = 0;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool good = first ? line == headline : load_line(line, now, wall);
    if (!good) ++bad;
    // What another version wrote is not guessed at.
    if (!good && first) break;
  }
  return bad;
}

bool sts_cache::load_line(std::string_view line, time_point now, sys_seconds wall) {
  const std::string_view kind = next_word(line);
  const std::string_view domain = next_word(line);
  const std::string_view id = next_word(line);
  if (!is_host_name(domain) || !is_sts_id(id)) return false;
  const auto moment = [&](seconds since_1970) {
    return now + std::clamp(since_1970 - wall.time_since_epoch(), -furthest, furthest);
  };

  if (kind == "failed") {
    const std::optional<seconds> until = read_seconds(next_word(line));
    if (!until || !line.empty()) return false;
    if (moment(*until) <= now) return true;
    entry& e = made(normal_name(domain));
    e.failed_id = id;
    e.retry = std::min(moment(*until), now + retry_delay);
    return true;
  }

  // The rest of a line is a policy, and reads like one.
  const std::string mode(next_word(line));
  const std::optional<seconds> fetched = read_seconds(next_word(line));
  const std::string age(next_word(line));
  const std::optional<seconds> refresh = read_seconds(next_word(line));
  if (kind != "policy" || !fetched || !refresh) return false;
  std::string body = "version: STSv1\nmode: " + mode + "\nmax_age: " + age + '\n';
  while (!line.empty()) body.append("mx: ").append(next_word(line)).append("\n");
  std::optional<sts_policy> policy = parse_sts_policy(body);
  if (!policy) return false;
  const time_point begin = std::min(moment(*fetched), now);
  if (begin + policy->max_age <= now) return true;
  store(domain, id, std::move(*policy), begin);
  made(normal_name(domain)).refresh = std::min(moment(*refresh), begin + longest_sts_age);
  return true;
}

}  // namespace sansmtp::routing

// A DNS, policies and hosts as tables, and a route among them.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/routing/route.hpp"

namespace sansmtp::routing::test {

using namespace std::chrono_literals;

inline ip_address ip(std::string_view text) { return ip_address::parse(text).value(); }

inline dns_answer none(found what, bool secure = false) {
  dns_answer a;
  a.what = what;
  a.secure = secure;
  return a;
}
inline dns_answer mx(std::vector<mx_record> exchanges, bool secure = false) {
  dns_answer a = none(found::ok, secure);
  a.exchanges = std::move(exchanges);
  return a;
}
inline dns_answer at(const std::vector<std::string_view>& addresses, bool secure = false,
                     std::string canonical = "") {
  dns_answer a = none(found::ok, secure);
  for (const std::string_view text : addresses) a.addresses.push_back(ip(text));
  a.canonical = std::move(canonical);
  return a;
}
inline dns_answer txt(std::vector<std::string> texts) {
  dns_answer a = none(found::ok);
  a.texts = std::move(texts);
  return a;
}
inline dns_answer tlsa(std::vector<tlsa_record> records, bool secure = true) {
  dns_answer a = none(found::ok, secure);
  a.tlsas = std::move(records);
  return a;
}
inline tlsa_record key_record(char c = 'x') { return {3, 1, 1, std::string(32, c)}; }
inline tlsa_record authority_record(char c = 'x') { return {2, 0, 1, std::string(32, c)}; }

inline std::string policy_text(std::string_view mode, const std::vector<std::string>& patterns,
                               int max_age = 100'000) {
  std::string text = "version: STSv1\r\nmode: " + std::string(mode) +
                     "\r\nmax_age: " + std::to_string(max_age) + "\r\n";
  for (const std::string& p : patterns) text += "mx: " + p + "\r\n";
  return text;
}

/// What is there, and what was seen of the route.
struct world {
  std::map<std::pair<record, std::string>, dns_answer> zone;  ///< All else: no such data.
  std::map<std::string, std::pair<int, std::string>> files;   ///< By host; all else: cannot be had.
  sts_cache cache;
  host_memory memory;
  route_options options;
  time_point now{1'000'000s};

  std::optional<route> r;
  std::vector<std::string> said;  ///< "Q MX a.test", "F mta-sts.a.test", "H mx.a.test ...".
  std::deque<question> asked;     ///< What waits for an answer.
  std::deque<fetch> fetches;

  world() { options.dane = options.sts = false; }
  world(world&&) = default;
  world& operator=(world&&) = default;

  /// The same tables, and no route.
  [[nodiscard]] world copy() const {
    world w;
    w.zone = zone;
    w.files = files;
    w.cache = cache;
    w.memory = memory;
    w.options = options;
    w.now = now;
    return w;
  }

  void host(const std::string& name, const std::vector<std::string_view>& v4,
            const std::vector<std::string_view>& v6 = {}, bool secure = false,
            const std::string& canonical = "") {
    if (!v4.empty()) zone[{record::a, name}] = at(v4, secure, canonical);
    if (!v6.empty()) zone[{record::aaaa, name}] = at(v6, secure, canonical);
  }

  void begin(std::string_view domain) {
    said.clear();
    asked.clear();
    fetches.clear();
    r.emplace(domain, options, cache, memory);
    collect();
  }

  /// Takes what the route asks for.
  void collect() {
    while (auto q = r->next_question(now)) {
      said.push_back("Q " + std::string(to_string(q->type)) + " " + q->name);
      asked.push_back(*q);
    }
    while (auto f = r->next_fetch(now)) {
      said.push_back("F " + f->host);
      fetches.push_back(*f);
    }
  }

  [[nodiscard]] dns_answer answer_to(const question& q) const {
    const auto known = zone.find({q.type, q.name});
    return known == zone.end() ? none(found::no_data) : known->second;
  }

  void answer_question(std::size_t i) {
    const question q = asked[i];
    asked.erase(asked.begin() + static_cast<std::ptrdiff_t>(i));
    r->answered(now, q.id, answer_to(q));
    collect();
  }

  void answer_fetch() {
    const fetch f = fetches.front();
    fetches.pop_front();
    const auto file = files.find(f.host);
    if (file == files.end()) {
      r->fetch_failed(now, f.id, std::make_error_code(std::errc::connection_refused));
    } else {
      r->fetched(now, f.id, file->second.first, as_bytes(file->second.second));
    }
    collect();
  }

  /// Answers all that is asked until a host is to be tried, or it is over.
  void run() {
    while (!asked.empty() || !fetches.empty()) {
      if (!asked.empty()) {
        answer_question(0);
      } else {
        answer_fetch();
      }
    }
    note_attempt();
  }

  void note_attempt() {
    if (r->current() == nullptr) return;
    const attempt& a = *r->current();
    std::string line = "H " + a.host;
    for (const ip_address& address : a.addresses) line += " " + address.text();
    line += a.tls == tls_mode::off             ? " off"
            : a.tls == tls_mode::opportunistic ? " maybe"
            : a.tls == tls_mode::required      ? " tls"
                                               : " implicit";
    if (a.demand.level == demand_level::names) line += " names";
    if (a.demand.level == demand_level::records) line += " records";
    said.push_back(line);
  }

  void start(std::string_view domain) {
    begin(domain);
    run();
  }
  void tried(ending how, bool somebody_waits = false) {
    trial t{how};
    t.somebody_waits = somebody_waits;
    tried(t);
  }
  void tried(const trial& t) {
    r->tried(now, r->current() == nullptr ? 0 : r->current()->number, t);
    collect();
    run();
  }

  [[nodiscard]] std::string end() const {
    const verdict& v = r->why();
    std::string line(to_string(v.what));
    if (v.code) line += " " + to_string(v.code);
    return line;
  }
  /// The attempts alone.
  [[nodiscard]] std::vector<std::string> tries() const {
    std::vector<std::string> result;
    for (const std::string& line : said) {
      if (line.starts_with("H ")) result.push_back(line.substr(2));
    }
    return result;
  }
  [[nodiscard]] bool has_said(std::string_view line) const {
    for (const std::string& s : said) {
      if (s == line) return true;
    }
    return false;
  }
  [[nodiscard]] std::vector<tls_row> rows() {
    std::vector<tls_row> result;
    while (auto row = r->next_row()) result.push_back(*row);
    return result;
  }
};

using lines = std::vector<std::string>;

}  // namespace sansmtp::routing::test

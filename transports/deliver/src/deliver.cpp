#include "sansmtp/blocking/deliver.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <deque>
#include <map>
#include <random>
#include <system_error>
#include <utility>

#include "sansmtp/blocking/client.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp::blocking {
namespace {

using clock = std::chrono::steady_clock;
using routing::attempt;
using routing::ending;
using routing::errand;
using routing::ip_family;
using routing::route;

/// How long a wait for lookups lasts before `stop` is asked again, in milliseconds.
constexpr int longest_wait = 1000;

/// Would the route overwrite something that was demanded elsewhere?
bool contradicts_itself(const deliver_options& o) {
  const tls_mode by_client = o.client.session.tls;
  const bool weaker = by_client != tls_mode::off && by_client != tls_mode::opportunistic &&
                      o.route.tls != by_client;
  const bool demanded = o.route.demand.level != demand_level::encrypted;
  return o.client.demand || weaker || o.route.tls == tls_mode::implicit ||
         (demanded && o.route.tls == tls_mode::off);
}

/// The same content once more, whose octets stay where they are.
message again(const message& content) {
  message m = message::borrow(content.content());
  return std::move(m).binary(content.is_binary()).utf8_headers(content.has_utf8_headers());
}

/// Is it that this machine has no address of a family, or no way for it?
bool is_of_family(const std::error_code& error) {
  return error == std::errc::network_unreachable || error == std::errc::address_not_available ||
         error == std::errc::address_family_not_supported;
}

/// The family of all addresses of an attempt, if it is one.
std::optional<ip_family> family_of(const attempt& a) {
  if (a.addresses.empty()) return std::nullopt;
  const ip_family first = a.addresses.front().family();
  const bool one = std::all_of(a.addresses.begin(), a.addresses.end(),
                               [first](const auto& address) { return address.family() == first; });
  return one ? std::optional(first) : std::nullopt;
}

/// Drives routes: asks what they ask, and waits for what they wait for.
class driver {
 public:
  explicit driver(const deliver_options& options)
      : options_(options),
        policies_(options.policies != nullptr ? *options.policies : own_policies_),
        hosts_(options.hosts != nullptr ? *options.hosts : own_hosts_) {}

  /// Is somebody in want of an end?
  [[nodiscard]] bool is_stopped() const {
    return options_.client.stop && options_.client.stop() != stop_request::no;
  }

  /// A route, which lives as long as this.
  route& begin(const std::string& domain, bool require_tls) {
    routing::route_options o = options_.route;
    if (o.seed == 0) {
      std::random_device chance;
      o.seed = std::uint64_t{chance()} << 32 | chance();
    }
    o.require_tls |= require_tls;
    o.dane = o.dane && options_.resolver != nullptr && options_.resolver->validates();
    return routes_.emplace_back(a_labels_of(domain), std::move(o), policies_, hosts_);
  }

  /// Goes on to the next host: null if there is none, or there is to be an end.
  const attempt* next_host(route& r) {
    while (!r.over() && !is_stopped()) {
      const bool asked = ask(r);
      const bool answered = take_answers();
      if (const attempt* a = r.current()) return a;
      if (asked || answered || r.over()) continue;
      wait(r);
      r.advance(clock::now());
    }
    return nullptr;
  }

  void tell(route& r, const attempt& a, const routing::trial& how) {
    if (how.how == ending::unreachable) {
      hosts_.note_down(a.host, a.port, clock::now());
    } else if (how.how != ending::no_family) {
      hosts_.note_up(a.host, a.port);
    }
    r.tried(clock::now(), a.number, how);
    tell_rows(r);
  }

  void tell_rows(route& r) {
    while (const auto row = r.next_row()) {
      if (options_.on_row) options_.on_row(*row);
    }
  }

 private:
  /// Whose question or fetch a ticket is.
  struct asked_by {
    route* who = nullptr;
    std::uint32_t id = 0;
  };
  using tickets = std::map<routing::lookup::ticket, asked_by>;

  [[nodiscard]] std::string a_labels_of(const std::string& domain) const {
    const bool ascii = std::all_of(domain.begin(), domain.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    return ascii || !options_.a_labels ? domain : options_.a_labels(domain);
  }

  bool ask(route& r) {
    bool any = false;
    while (const auto q = r.next_question(clock::now())) {
      any = true;
      if (options_.resolver != nullptr) {
        questions_[options_.resolver->ask(*q)] = {&r, q->id};
      } else {
        r.answered(clock::now(), q->id, {});
      }
    }
    while (const auto f = r.next_fetch(clock::now())) {
      any = true;
      if (options_.fetcher != nullptr) {
        fetches_[options_.fetcher->get(*f)] = {&r, f->id};
      } else {
        r.fetch_failed(clock::now(), f->id, std::make_error_code(std::errc::not_supported));
      }
    }
    return any;
  }

  // Also for routes that are over: what comes late is of use for the next mail.
  bool take_answers() {
    bool any = false;
    if (options_.resolver != nullptr) {
      while (auto a = options_.resolver->next_answer()) {
        const auto at = questions_.find(a->of);
        if (at == questions_.end()) continue;  // of an earlier call
        any = true;
        at->second.who->answered(clock::now(), at->second.id, std::move(a->what));
        questions_.erase(at);
      }
    }
    if (options_.fetcher != nullptr) {
      while (const auto f = options_.fetcher->next_result()) {
        const auto at = fetches_.find(f->of);
        if (at == fetches_.end()) continue;
        any = true;
        const auto [who, id] = at->second;
        if (f->error) {
          who->fetch_failed(clock::now(), id, f->error);
        } else {
          who->fetched(clock::now(), id, f->status, as_bytes(f->body));
        }
        fetches_.erase(at);
      }
    }
    return any;
  }

  void wait(const route& r) {
    std::vector<routing::watched> watched;
    std::optional<time_point> until = r.deadline();
    for (const routing::lookup* l : {static_cast<const routing::lookup*>(options_.resolver),
                                     static_cast<const routing::lookup*>(options_.fetcher)}) {
      if (l == nullptr) continue;
      l->watch(watched);
      const std::optional<time_point> theirs = l->deadline();
      if (theirs && (!until || *theirs < *until)) until = theirs;
    }
    std::vector<pollfd> entries;
    entries.reserve(watched.size());
    for (const routing::watched& w : watched) {
      entries.push_back({w.descriptor,
                         static_cast<short>((w.readable ? POLLIN : 0) | (w.writable ? POLLOUT : 0)),
                         0});
    }
    int timeout = -1;
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - clock::now()).count();
      timeout = static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
    }
    // Nothing else wakes who waits for an answer of the DNS when there is to be an end.
    if (options_.client.stop && (timeout < 0 || timeout > longest_wait)) timeout = longest_wait;
    ::poll(entries.data(), entries.size(), timeout);
  }

  const deliver_options& options_;
  routing::sts_cache own_policies_;
  routing::host_memory own_hosts_;
  routing::sts_cache& policies_;
  routing::host_memory& hosts_;
  std::deque<route> routes_;  // they stay where they are
  tickets questions_;
  tickets fetches_;
};

/// One mail to the hosts of one domain.
class trip {
 public:
  trip(driver& d, const deliver_options& options, const message& content,
       routing::domain_share share)
      : driver_(d), options_(options), content_(content), mail_(share.mail), errand_(share.mail) {
    told_.domain = std::move(share.domain);
    told_.recipients = std::move(share.indices);
  }

  /// Makes the way, and the report of these recipients alone.
  way run(delivery& report) {
    route* r = nullptr;
    if (errand_.remaining() != nullptr && !driver_.is_stopped()) {
      r = &driver_.begin(told_.domain, mail_.require_tls);
      while (errand_.remaining() != nullptr && obstacle_ == errc::none) {
        const attempt* const next = driver_.next_host(*r);
        if (next == nullptr) break;
        const attempt a = *next;
        if (options_.on_attempt) options_.on_attempt(a);
        offer(*r, a);
      }
      driver_.tell_rows(*r);
      told_.why = r->why();
    }
    if (told_.why.what == routing::conclusion::open && errand_.hops().empty()) {
      give_up(obstacle_ == errc::none ? errc::aborted : obstacle_);
    } else {
      errand_.ended(told_.why);
    }
    told_.hops.assign(errand_.hops().begin(), errand_.hops().end());
    for (const routing::hop_report& h : told_.hops) {
      if (told_.errors.size() < h.way.number) told_.errors.resize(h.way.number);
    }
    report = given_up_ ? std::move(*given_up_) : errand_.result();
    return std::move(told_);
  }

 private:
  /// One session with the host whose turn it is.
  void offer(route& r, const attempt& a) {
    client_options o = options_.client;
    o.moves = 0;  // the route decides what is tried next
    o.tls_host = a.server_name;
    o.demand = a.demand;
    o.session.tls = a.tls;
    if (!o.tls && a.tls == tls_mode::opportunistic) o.session.tls = tls_mode::off;
    client link(std::move(o));
    const std::error_code error = connect(link, a);
    if (error) obstacle_ = own_obstacle(link, a, error);
    if (obstacle_ != errc::none) return note(a, error);
    delivery report;
    routing::trial how;
    how.how = ending::lost;
    do {
      link.send(*errand_.remaining(), again(content_), report);
      if (report.recipients.empty()) {  // it is no mail for any host
        obstacle_ = condition_of(report.error);
        static_cast<void>(link.quit());
        return;
      }
      errand_.reported(a, report);
      if (how.how != ending::done) how.how = routing::ending_of(report);
    } while (errand_.stays());
    if (error) how = judge(a, error, how.how);

    tls_info info;
    if (link.tls() != nullptr) {
      info = *link.tls();
      how.tls = &info;
    } else if (how.how == ending::tls_failed) {
      info.verdict = link.last_error().error;
      how.tls = &info;
    }
    if (how.how == ending::done) {
      told_.server = link.server();
      told_.demand = a.demand;
      told_.tls = how.tls != nullptr ? std::optional(info) : std::nullopt;
    }
    if (how.how != ending::done) note(a, error ? error : link.last_error().error);
    if (link.connected()) static_cast<void>(link.quit());
    tell(r, a, how);
  }

  static std::error_code connect(client& link, const attempt& a) {
    const server_address host{a.host, a.port};
    if (a.addresses.empty()) return link.connect(host);  // a relay that was given by its name
    std::vector<server_address> addresses;
    for (const auto& address : a.addresses) addresses.push_back({address.text(), a.port});
    return link.connect(host, std::move(addresses));
  }

  /// Why there was no connection, if that says nothing of the host, so that it is not to be told of
  /// and no other one, nor clear text, is to be tried: there is to be an end, an option cannot be
  /// followed, there is no TLS where it is needed, or no layer of TLS can begin.
  errc own_obstacle(const client& link, const attempt& a, const std::error_code& error) const {
    const errc why = condition_of(error);
    if (why == errc::aborted || why == errc::bad_configuration) return why;
    if (link.last_error().category != failure_category::tls) return errc::none;
    return a.demand.level == demand_level::encrypted || !can_begin_tls(a) ? errc::tls_failed
                                                                          : errc::none;
  }

  /// Can TLS begin if nothing is to be proven? Then it was the demand on the host: records of a
  /// kind that cannot be judged, say.
  [[nodiscard]] bool can_begin_tls(const attempt& a) const {
    if (!options_.client.tls) return false;
    const peer_demand nothing{demand_level::encrypted};
    const auto layer =
        options_.client.tls({.host = a.server_name, .port = a.port, .demand = &nothing});
    return layer && !layer->error();
  }

  /// Why there was no connection, in the words of the route; `said` is what the report says.
  static routing::trial judge(const attempt& a, const std::error_code& error, ending said) {
    routing::trial how;
    how.how = said;
    if (condition_of(error) != errc::none || said == ending::tls_failed) return how;
    how.how = ending::unreachable;
    if (const auto family = family_of(a); family && is_of_family(error)) {
      how.how = ending::no_family;
      how.family = *family;
    }
    return how;
  }

  void tell(route& r, const attempt& a, routing::trial how) {
    how.somebody_waits = errand_.remaining() != nullptr;
    driver_.tell(r, a, how);
  }

  void note(const attempt& a, const std::error_code& why) {
    if (told_.errors.size() < a.number) told_.errors.resize(a.number);
    told_.errors[a.number - 1] = why;
  }

  /// Nobody was asked about those who have no outcome.
  void give_up(errc why) {
    given_up_ = errand_.result();
    for (recipient_report& entry : given_up_->recipients) {
      if (entry.result != outcome::pending) continue;
      entry.result = outcome::not_attempted;
      entry.why = why;
    }
  }

  driver& driver_;
  const deliver_options& options_;
  const message& content_;
  envelope mail_;
  errand errand_;
  way told_;
  errc obstacle_ = errc::none;  // what ends the way, though no host is to blame
  std::optional<delivery> given_up_;
};

}  // namespace

routed_delivery deliver(const envelope& env, message content, const deliver_options& options) {
  routed_delivery result;
  result.report.begin(0, env);
  if (env.recipients.empty() || content.is_streamed()) {
    result.report.recipients.clear();
    result.report.error = env.recipients.empty() ? errc::no_recipients : errc::bad_argument;
    return result;
  }
  if (contradicts_itself(options)) {
    result.report.list(env, outcome::not_attempted, verb::greeting, errc::bad_configuration);
    result.report.error = errc::bad_configuration;
    return result;
  }
  driver d(options);
  for (routing::domain_share& share : routing::split_by_domain(env)) {
    const std::vector<std::size_t> indices = share.indices;
    delivery part;
    result.ways.push_back(trip(d, options, content, std::move(share)).run(part));
    for (std::size_t i = 0; i < indices.size(); ++i) {
      result.report.recipients[indices[i]] = std::move(part.recipients[i]);
    }
  }
  if (result.report.count(outcome::delivered) == 0) {
    result.report.error = result.report.recipients.front().why;
  }
  return result;
}

std::vector<attempt> find_way(std::string_view domain, const deliver_options& options,
                              routing::verdict* why) {
  driver d(options);
  route& r = d.begin(std::string(domain), false);
  std::vector<attempt> found;
  while (const attempt* const a = d.next_host(r)) {
    found.push_back(*a);
    r.tried(clock::now(), a->number, ending::unreachable);
  }
  d.tell_rows(r);
  if (why != nullptr) *why = r.why();
  return found;
}

}  // namespace sansmtp::blocking

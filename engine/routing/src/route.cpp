#include "sansmtp/routing/route.hpp"

#include <algorithm>
#include <utility>

#include "ascii.hpp"
#include "domain_name.hpp"
#include "route_impl.hpp"
#include "tls_category_name.hpp"

namespace sansmtp::routing {

namespace {

constexpr std::string_view six = "IPv6:";

/// The address in "[192.0.2.1]" or "[IPv6:2001:db8::1]".
std::optional<ip_address> literal_address(std::string_view domain) noexcept {
  if (!domain.starts_with('[') || !domain.ends_with(']')) return std::nullopt;
  domain = domain.substr(1, domain.size() - 2);
  const bool v6 = ascii::iequals(domain.substr(0, six.size()), six);
  if (v6) domain.remove_prefix(six.size());
  const std::optional<ip_address> address = ip_address::parse(domain);
  const bool fits = address && (address->family() == ip_family::v6) == v6;
  return fits ? address : std::nullopt;
}

void append_hex(std::string& text, std::string_view octets) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    text += digits[octet >> 4];
    text += digits[octet & 15];
  }
}

}  // namespace

std::string_view to_string(obstacle o) noexcept {
  const auto i = static_cast<std::size_t>(o);
  return i < obstacle_count ? obstacle_rows[i].name : "unknown";
}

std::string_view message_of(obstacle o) noexcept {
  const auto i = static_cast<std::size_t>(o);
  return i < obstacle_count ? obstacle_rows[i].message : "unknown";
}

std::string_view to_string(ending e) noexcept {
  switch (e) {
    case ending::unreachable: return "unreachable";
    case ending::no_family: return "no_family";
    case ending::refused_transiently: return "refused_transiently";
    case ending::refused_permanently: return "refused_permanently";
    case ending::tls_failed: return "tls_failed";
    case ending::tls_missing: return "tls_missing";
    case ending::lost: return "lost";
    case ending::done: return "done";
  }
  return "unknown";
}

std::string_view to_string(conclusion c) noexcept {
  switch (c) {
    case conclusion::open: return "open";
    case conclusion::served: return "served";
    case conclusion::rejected: return "rejected";
    case conclusion::deferred: return "deferred";
  }
  return "unknown";
}

std::string site_of(const attempt& a) {
  // Numbers first, each text behind its length: no two sites have one spelling.
  std::string text = std::to_string(a.port) + ' ' + std::to_string(static_cast<int>(a.tls)) + ' ' +
                     std::to_string(static_cast<int>(a.demand.level));
  const auto add = [&text](std::string_view part) {
    text += ' ' + std::to_string(part.size()) + ':';
    text += part;
  };
  add(a.host);
  add(a.server_name);
  for (const std::string& name : a.demand.names) add(name);
  for (const tlsa_record& r : a.demand.records) {
    text += " tlsa " + std::to_string(r.usage) + ' ' + std::to_string(r.selector) + ' ' +
            std::to_string(r.matching) + ' ';
    append_hex(text, r.data);
  }
  return text;
}

// -- the machine ----------------------------------------------------------------------------------

void route::impl::begin() {
  if (!options.relay.empty()) {
    const std::optional<ip_address> address = ip_address::parse(options.relay);
    hosts.push_back({address ? address->text() : normal_name(options.relay), 0, address});
    proven_names = true;
    if (address) addresses.of[static_cast<std::size_t>(address->family())].push_back(*address);
    set_demand({}, {});
    return begin_attempt(true);
  }
  if (const std::optional<ip_address> address = literal_address(domain)) {
    hosts.push_back({address->text(), 0, address});
    proven_names = true;
    return next_host();
  }
  domain = normal_name(domain);
  if (!is_host_name(domain)) return end_with(obstacle::bad_name);
  ask(record::mx, domain);
  if (options.tls == tls_mode::off) options.sts = options.dane = false;
  // A name that is too long to be asked for has no record.
  std::string of_policy = "_mta-sts." + domain;
  if (!options.sts || !is_host_name(of_policy)) return;
  record_known = false;
  ask(record::txt, std::move(of_policy));
}

void route::impl::ask(record type, std::string name) {
  questions.push_back({{++last_id, type, std::move(name)}});
}

void route::impl::react(time_point now, record type, dns_answer answer) {
  const input in = type == record::mx     ? input::mx
                   : type == record::txt  ? input::txt
                   : type == record::tlsa ? input::tlsa
                                          : input::address;
  switch (reaction_of(at, in)) {
    case reaction::order_hosts: return order_hosts(now, answer);
    case reaction::note_record: return note_record(now, answer);
    case reaction::settle_record: note_record(now, answer); return settle(now);
    case reaction::judge_host: return judge_host(type, answer);
    case reaction::judge_records: return judge_records(answer);
    case reaction::ignore:
    case reaction::note_policy:
    case reaction::settle_policy:
    case reaction::judge_ending: return;
  }
}

void route::impl::react(time_point now, std::optional<sts_policy> policy_fetched,
                        tls_result failure) {
  const bool goes_on = reaction_of(at, input::policy) == reaction::settle_policy;
  note_policy(now, std::move(policy_fetched), failure);
  if (goes_on) settle(now);
}

void route::impl::end_with(obstacle why) {
  end.hops.push_back({0, domain, 0, why, false});
  conclude();
}

void route::impl::add_hop(obstacle why, bool superseded) {
  const unsigned number = at == state::ready ? tried.number : 0;
  end.hops.push_back({number, host().name, host().preference, why, superseded});
}

/// Of all that stood in the way the one that comes first in the table decides.
void route::impl::conclude() {
  at = state::over;
  questions.clear();
  if (fetching && !fetching->given) fetching.reset();
  const hop* decides = nullptr;
  for (const hop& h : end.hops) {
    if (!h.superseded && (decides == nullptr || h.why < decides->why)) decides = &h;
  }
  const obstacle_row& row = row_of(decides->why);
  end.why = row.why;
  end.code = row.code;
  end.what = row.why == obstacle::none    ? conclusion::served
             : row.code.status_class == 5 ? conclusion::rejected
                                          : conclusion::deferred;
  end.text = decides->host;
  end.text += ": ";
  end.text += row.message;
}

// -- what the caller sees -------------------------------------------------------------------------

route::route(std::string_view domain, route_options options, sts_cache& cache,
             const host_memory& memory)
    : impl_(std::make_unique<impl>(domain, std::move(options), cache, memory)) {
  impl_->begin();
}

route::~route() = default;
route::route(route&&) noexcept = default;
route& route::operator=(route&&) noexcept = default;

std::optional<question> route::next_question(time_point now) {
  for (impl::open_question& q : impl_->questions) {
    if (q.given) continue;
    q.given = true;
    q.until = now + impl_->options.dns_timeout;
    return q.what;
  }
  return std::nullopt;
}

std::optional<fetch> route::next_fetch(time_point now) {
  std::optional<impl::open_fetch>& f = impl_->fetching;
  if (!f || f->given) return std::nullopt;
  f->given = true;
  f->until = now + impl_->options.fetch_timeout;
  return f->what;
}

const attempt* route::current() const noexcept {
  return impl_->at == state::ready ? &impl_->tried : nullptr;
}

std::optional<tls_row> route::next_row() {
  if (impl_->rows.empty()) return std::nullopt;
  tls_row row = std::move(impl_->rows.front());
  impl_->rows.pop_front();
  return row;
}

std::optional<time_point> route::deadline() const noexcept {
  std::optional<time_point> first;
  if (over()) return first;
  const auto take = [&first](time_point until) { first = first ? std::min(*first, until) : until; };
  for (const impl::open_question& q : impl_->questions) {
    if (q.given) take(q.until);
  }
  if (impl_->fetching && impl_->fetching->given) take(impl_->fetching->until);
  return first;
}

void route::answered(time_point now, std::uint32_t id, dns_answer answer) {
  advance(now);
  const auto open =
      std::find_if(impl_->questions.begin(), impl_->questions.end(),
                   [id](const impl::open_question& q) { return q.given && q.what.id == id; });
  if (open == impl_->questions.end()) return;
  const record type = open->what.type;
  impl_->questions.erase(open);
  impl_->react(now, type, std::move(answer));
}

void route::fetched(time_point now, std::uint32_t id, int status, bytes body) {
  advance(now);
  if (!impl_->fetching || !impl_->fetching->given || impl_->fetching->what.id != id) return;
  if (status != 200) return impl_->react(now, std::nullopt, tls_result::sts_policy_fetch_error);
  impl_->react(now, parse_sts_policy(as_text(body)), tls_result::sts_policy_invalid);
}

void route::fetch_failed(time_point now, std::uint32_t id, std::error_code why) {
  advance(now);
  if (!impl_->fetching || !impl_->fetching->given || impl_->fetching->what.id != id) return;
  const bool by_tls = std::string_view(why.category().name()) == tls_category_name;
  impl_->react(now, std::nullopt,
               by_tls ? tls_result::sts_webpki_invalid : tls_result::sts_policy_fetch_error);
}

void route::tried(time_point now, unsigned number, const trial& how) {
  advance(now);
  if (reaction_of(impl_->at, input::tried) == reaction::judge_ending &&
      impl_->tried.number == number && static_cast<std::size_t>(how.how) < ending_count) {
    impl_->judge_ending(how);
  }
}

void route::advance(time_point now) {
  const auto is_late = [now](const auto& open) { return open.given && open.until <= now; };
  for (;;) {
    const auto late = std::find_if(impl_->questions.begin(), impl_->questions.end(), is_late);
    if (late == impl_->questions.end()) break;
    const record type = late->what.type;
    impl_->questions.erase(late);
    impl_->react(now, type, dns_answer());
  }
  if (impl_->fetching && is_late(*impl_->fetching)) {
    impl_->react(now, std::nullopt, tls_result::sts_policy_fetch_error);
  }
}

bool route::over() const noexcept { return impl_->at == state::over; }

const verdict& route::why() const noexcept { return impl_->end; }

std::string route::site() const { return current() == nullptr ? "" : site_of(impl_->tried); }

}  // namespace sansmtp::routing

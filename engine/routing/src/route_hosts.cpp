// The hosts of a domain: their order, and whether one can be tried.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "ascii.hpp"
#include "domain_name.hpp"
#include "route_impl.hpp"
#include "sansmtp/routing/dane.hpp"
#include "seeded.hpp"

namespace sansmtp::routing {

namespace {

/// Of the hosts of an answer so many are kept for each one that may be tried, since a policy may
/// leave some out.
constexpr std::size_t kept_per_host = 10;

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
  return std::find(range.begin(), range.end(), value) != range.end();
}

host_entry entry_of(const mx_record& mx) {
  host_entry host{normal_name(mx.exchange), mx.preference};
  host.address = ip_address::parse(host.name);
  if (host.address) {
    host.name = host.address->text();
  } else if (!is_host_name(host.name)) {
    host.skip = obstacle::no_address;  // such a name has none
  }
  return host;
}

bool is_own(const host_entry& host, const route_options& options) {
  if (host.address) return contains(options.own_addresses, *host.address);
  return std::any_of(
      options.own_names.begin(), options.own_names.end(),
      [&](std::string_view name) { return ascii::iequals(without_final_dot(name), host.name); });
}

/// Best first, each host once, those of one preference in an order that only the seed decides.
void sort_and_shuffle(std::vector<host_entry>& hosts, std::uint64_t seed) {
  const auto by_name = [](const host_entry& a, const host_entry& b) {
    return a.name != b.name ? a.name < b.name : a.preference < b.preference;
  };
  const auto by_preference = [](const host_entry& a, const host_entry& b) {
    return a.preference != b.preference ? a.preference < b.preference : a.name < b.name;
  };
  std::sort(hosts.begin(), hosts.end(), by_name);
  const auto same = [](const host_entry& a, const host_entry& b) { return a.name == b.name; };
  hosts.erase(std::unique(hosts.begin(), hosts.end(), same), hosts.end());
  std::sort(hosts.begin(), hosts.end(), by_preference);
  seeded chance(seed);
  for (auto first = hosts.begin(); first != hosts.end();) {
    const auto last = std::find_if(
        first, hosts.end(), [&](const host_entry& h) { return h.preference != first->preference; });
    chance.shuffle(first, last);
    first = last;
  }
}

/// Whatever is not better than this machine would send the mail back to it (RFC 5321 section 5.1).
void cut_at_own(std::vector<host_entry>& hosts, const route_options& options) {
  const auto own = std::find_if(hosts.begin(), hosts.end(),
                                [&](const host_entry& h) { return is_own(h, options); });
  if (own == hosts.end()) return;
  host_entry loop = *own;
  loop.skip = obstacle::own_host;
  std::erase_if(hosts, [&](const host_entry& h) { return h.preference >= loop.preference; });
  hosts.push_back(std::move(loop));
}

/// Those that could not be reached a short time ago come behind all others.
void put_down_last(std::vector<host_entry>& hosts, const route_options& options,
                   const host_memory& memory, time_point now) {
  const auto is_down = [&](const host_entry& h) {
    return h.skip == obstacle::none && memory.is_down(h.name, options.port, now);
  };
  if (std::none_of(hosts.begin(), hosts.end(), is_down)) return;
  std::vector<host_entry> up;
  std::vector<host_entry> down;
  for (host_entry& h : hosts) (is_down(h) ? down : up).push_back(std::move(h));
  std::move(down.begin(), down.end(), std::back_inserter(up));
  hosts = std::move(up);
}

}  // namespace

host_list order_of(std::vector<mx_record> exchanges, const route_options& options,
                   const host_memory& memory, time_point now) {
  host_list list;
  for (const mx_record& mx : exchanges) {
    if (!without_final_dot(mx.exchange).empty()) list.hosts.push_back(entry_of(mx));
  }
  list.only_null_mx = list.hosts.empty();
  sort_and_shuffle(list.hosts, options.seed);
  cut_at_own(list.hosts, options);
  const std::size_t most = kept_per_host * options.hosts;
  if (list.hosts.size() > most)
    list.hosts.erase(list.hosts.begin() + static_cast<std::ptrdiff_t>(most), list.hosts.end());
  put_down_last(list.hosts, options, memory, now);
  return list;
}

void admit(host_addresses& to, const std::vector<ip_address>& addresses, ip_family family,
           std::string_view host, const route_options& options) {
  std::vector<ip_address>& taken = to.of[static_cast<std::size_t>(family)];
  for (const ip_address& address : addresses) {
    if (address.family() != family || contains(taken, address)) continue;
    if (!is_admissible(address, options.private_addresses) ||
        (options.admits && !options.admits(host, address))) {
      to.refused = true;
    } else if (taken.size() < options.addresses_per_host) {
      taken.push_back(address);
    }
  }
}

std::vector<ip_address> in_turns(const host_addresses& from, const std::array<bool, 2>& dropped,
                                 const route_options& options) {
  const std::size_t first = options.families == family_order::v6_first ? 1 : 0;
  std::vector<ip_address> result;
  for (std::size_t i = 0; i < options.addresses_per_host; ++i) {
    for (const std::size_t family : {first, 1 - first}) {
      if (dropped[family] || i >= from.of[family].size()) continue;
      if (result.size() < options.addresses_per_host) result.push_back(from.of[family][i]);
    }
  }
  return result;
}

void route::impl::order_hosts(time_point now, dns_answer& answer) {
  std::vector<mx_record> exchanges;
  switch (answer.what) {
    case found::no_name: return end_with(obstacle::no_domain);
    case found::failed:
    case found::bogus: return end_with(obstacle::mx_failed);
    case found::ok: exchanges = std::move(answer.exchanges); break;
    case found::no_data: break;
  }
  // Without MX records the domain is its own host, and nobody else named it (RFC 5321 section 5.1).
  const bool implicit = exchanges.empty();
  if (implicit) exchanges.push_back({0, domain});
  proven_names = implicit || answer.secure;
  host_list list = order_of(std::move(exchanges), options, *memory, now);
  if (list.only_null_mx) return end_with(obstacle::null_mx);
  hosts = std::move(list.hosts);
  at = state::asking_policy;
  settle(now);
}

void route::impl::next_host() {
  at = state::asking_host;
  for (; turn < hosts.size(); ++turn) {
    host_entry& h = host();
    if (h.skip == obstacle::none && attempts >= options.attempts) {
      h.skip = obstacle::out_of_attempts;
    }
    if (h.skip == obstacle::none && options.require_tls && !proven_names && !enforces()) {
      h.skip = obstacle::unproven_name;
    }
    if (h.skip == obstacle::none) break;
    add_hop(h.skip);
  }
  if (turn == hosts.size()) return conclude();
  lookup = {};
  addresses = {};
  bases.clear();
  has_records = false;
  if (const std::optional<ip_address>& literal = host().address) {
    lookup.secure = false;
    lookup.is_own = contains(options.own_addresses, *literal);
    admit(addresses, {*literal}, literal->family(), host().name, options);
    return judge_addresses();
  }
  lookup.missing = 2;
  const bool v6_first = options.families == family_order::v6_first;
  ask(v6_first ? record::aaaa : record::a, host().name);
  ask(v6_first ? record::a : record::aaaa, host().name);
}

void route::impl::skip_host(obstacle why) {
  add_hop(why);
  ++turn;
  next_host();
}

void route::impl::judge_host(record type, dns_answer& answer) {
  const ip_family family = type == record::a ? ip_family::v4 : ip_family::v6;
  if (answer.what == found::ok) {
    lookup.secure &= answer.secure;
    lookup.canonical[static_cast<std::size_t>(family)] = normal_name(answer.canonical);
    lookup.is_own |= std::any_of(
        answer.addresses.begin(), answer.addresses.end(),
        [this](const ip_address& address) { return contains(options.own_addresses, address); });
    admit(addresses, answer.addresses, family, host().name, options);
  }
  lookup.failed |= answer.what == found::failed || answer.what == found::bogus;
  if (--lookup.missing == 0) judge_addresses();
}

void route::impl::judge_addresses() {
  if (lookup.is_own) return loop_found();
  if (addresses.of[0].empty() && addresses.of[1].empty()) {
    return skip_host(lookup.failed       ? obstacle::lookup_failed
                     : addresses.refused ? obstacle::refused_address
                                         : obstacle::no_address);
  }
  if (in_turns(addresses, dropped, options).empty()) return skip_host(obstacle::no_family);
  if (options.dane && proven_names && lookup.secure) {
    bases = {host().name};
    // Both families must tell of the same alias, or it is anybody's.
    const std::string& one = lookup.canonical[addresses.of[0].empty() ? 1 : 0];
    const std::string& other = lookup.canonical[addresses.of[1].empty() ? 0 : 1];
    if (one == other && one != host().name && is_host_name(one)) bases.push_back(one);
  }
  next_base();
}

/// It is this machine, which only its address told: as `cut_at_own`.
void route::impl::loop_found() {
  const std::uint16_t preference = host().preference;
  hosts.erase(std::remove_if(hosts.begin() + static_cast<std::ptrdiff_t>(turn) + 1, hosts.end(),
                             [&](const host_entry& h) { return h.preference >= preference; }),
              hosts.end());
  skip_host(obstacle::own_host);
}

/// Asks for TLSA records at the next name that may have some, else tries the host without.
void route::impl::next_base() {
  while (!bases.empty()) {
    std::string name = tlsa_name(options.port, bases.back());
    if (name.size() <= 253) {
      at = state::asking_tlsa;
      return ask(record::tlsa, std::move(name));
    }
    bases.pop_back();
  }
  set_demand({}, {});
  begin_attempt(true);
}

void route::impl::judge_records(const dns_answer& answer) {
  const std::string base = std::move(bases.back());
  bases.pop_back();
  switch (answer.what) {
    case found::failed:
    case found::bogus: {
      // Who can break the lookup must not get the mail without proof (RFC 7672 section 2.1).
      rows.push_back({tls_policy::tlsa, domain, host().name, tls_result::dnssec_invalid});
      at = state::asking_host;
      return skip_host(obstacle::records_failed);
    }
    case found::ok:
      if (!answer.secure || answer.tlsas.empty()) break;
      set_demand(answer.tlsas, base);
      return begin_attempt(true);
    case found::no_data:
    case found::no_name: break;
  }
  next_base();
}

}  // namespace sansmtp::routing

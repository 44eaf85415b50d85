// The attempts at a host: what it must prove, and what its ending leads to.
#include <algorithm>
#include <utility>

#include "route_impl.hpp"
#include "sansmtp/routing/dane.hpp"

namespace sansmtp::routing {

/// DANE outranks MTA-STS, which outranks what every host must prove (RTE-27).
void route::impl::set_demand(const std::vector<tlsa_record>& records, std::string_view base) {
  has_records = !records.empty();
  const host_entry& h = host();
  peer_demand demand = options.demand;
  if (demand.level < demand_level::names && (enforces() || options.require_tls)) {
    demand = {demand_level::names};
  }
  if (demand.level == demand_level::names && demand.names.empty()) demand.names = {h.name};
  if (has_records) {
    peer_demand by_records = demand_of(records, base, h.name, domain);
    if (by_records.level == demand_level::records) demand = std::move(by_records);
  }
  tried.host = h.name;
  tried.port = options.port;
  tried.preference = h.preference;
  tried.tls = options.tls;
  // Records of which none can be used still promise that there is TLS (RFC 7672 section 2.2).
  if (tried.tls == tls_mode::opportunistic &&
      (has_records || demand.level > demand_level::encrypted)) {
    tried.tls = tls_mode::required;
  }
  tried.demand = std::move(demand);
  tried.server_name = h.address ? std::string() : has_records ? std::string(base) : h.name;
}

void route::impl::begin_attempt(bool counts) {
  at = state::ready;
  ++tried.number;
  if (counts) ++attempts;
  tried.addresses = in_turns(addresses, dropped, options);
}

/// Leaves out a family from now on; false if that is not one of those that were tried.
bool route::impl::drop_family(ip_family family) {
  if (std::none_of(tried.addresses.begin(), tried.addresses.end(),
                   [family](const ip_address& a) { return a.family() == family; })) {
    return false;
  }
  dropped[static_cast<std::size_t>(family)] = true;
  return true;
}

void route::impl::judge_ending(const trial& how) {
  count_row(how);
  const ending_row& row = row_of(how.how);
  switch (tried.tls == tls_mode::opportunistic ? row.opportunistic : row.demanded) {
    case step::next_host: break;
    case step::other_family:
      if (!drop_family(how.family)) return skip_host(obstacle::unreachable);
      if (in_turns(addresses, dropped, options).empty()) break;
      add_hop(row.counts_as, true);
      return begin_attempt(false);
    case step::clear_text:
      if (!options.clear_text_retry || attempts >= options.attempts) break;
      add_hop(row.counts_as, true);
      tried.tls = tls_mode::off;
      return begin_attempt(true);
    case step::serve:
      if (how.somebody_waits) break;
      add_hop(obstacle::none);
      return conclude();
  }
  skip_host(row.counts_as);
}

/// What TLS came to in this session; nothing if it did not come so far, or was not to be.
std::optional<tls_result> route::impl::result_of(const trial& how) const {
  if (how.reused || tried.tls == tls_mode::off) return std::nullopt;
  const tls_result told =
      how.tls == nullptr ? tls_result::success : tls_result_of(how.tls->verdict);
  if (how.how == ending::tls_missing) return tls_result::starttls_not_supported;
  if (how.how == ending::tls_failed) {
    return told == tls_result::success ? tls_result::validation_failure : told;
  }
  if (how.tls == nullptr) {
    if (how.how == ending::done) return tls_result::starttls_not_supported;
    return std::nullopt;
  }
  if (told != tls_result::success) return told;
  // Under a policy that is only tested the mail goes on, and the report tells (RFC 8461 section 5).
  const bool is_named =
      !policy || policy->mode == sts_mode::none || has_records || matches(*policy, tried.host);
  return is_named ? tls_result::success : tls_result::validation_failure;
}

void route::impl::count_row(const trial& how) {
  const std::optional<tls_result> result = result_of(how);
  if (!result) return;
  const bool by_sts = policy && policy->mode != sts_mode::none;
  const tls_policy under = has_records ? tls_policy::tlsa
                           : by_sts    ? tls_policy::sts
                                       : tls_policy::none;
  rows.push_back({under, domain, tried.host, *result});
}

}  // namespace sansmtp::routing

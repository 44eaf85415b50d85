// What MTA-STS says of a domain, and which hosts are left then.
#include <algorithm>
#include <utility>

#include "route_impl.hpp"

namespace sansmtp::routing {

void route::impl::note_record(time_point now, const dns_answer& answer) {
  record_known = true;
  std::optional<std::string> id;
  if (answer.what == found::ok) id = sts_id_of(answer.texts);
  const sts_cache::due due = cache->what_is_due(domain, id, now);
  policy_id = id ? std::move(*id) : std::string(cache->id_of(domain, now));
  if (due == sts_cache::due::fetch) return start_fetch(policy_id, true);
  // What comes meanwhile is for the next route: else it would matter which answer comes first.
  if (due == sts_cache::due::refresh) start_fetch(policy_id, false);
  take_policy(now);
}

void route::impl::start_fetch(std::string id, bool awaited) {
  fetching = open_fetch{{++last_id, "mta-sts." + domain}, std::move(id), awaited};
}

void route::impl::note_policy(time_point now, std::optional<sts_policy> policy_fetched,
                              tls_result failure) {
  const open_fetch open = std::move(*fetching);
  fetching.reset();
  fetched = true;
  if (policy_fetched) {
    cache->store(domain, open.sts_id, std::move(*policy_fetched), now);
  } else {
    cache->failed(domain, open.sts_id, now);
    rows.push_back({tls_policy::sts, domain, "", failure});
  }
  if (open.awaited) take_policy(now);
}

/// The policy that holds at this moment is that of the whole route.
void route::impl::take_policy(time_point now) {
  const sts_policy* holds = cache->find(domain, now);
  policy = holds != nullptr ? std::optional(*holds) : std::nullopt;
}

/// Does the policy name this host, which has a name?
bool route::impl::is_named(const host_entry& h) const noexcept {
  return !h.address && matches(*policy, h.name);
}

/// Does it name one of those that are to be tried?
bool route::impl::names_a_host() const {
  return std::any_of(hosts.begin(), hosts.end(), [this](const host_entry& h) {
    return h.skip == obstacle::none && is_named(h);
  });
}

/// Goes on to the first host, if nothing is waited for.
void route::impl::settle(time_point now) {
  if (!record_known || (fetching && fetching->awaited)) return;
  if (enforces() && !names_a_host()) {
    // A domain that has moved may have changed its policy and not the id: look again before all
    // mail to it stops.
    if (fetched) {
      take_policy(now);
    } else if (fetching) {
      fetching->awaited = true;
      return;
    } else if (!cache->is_fresh(domain, now) && cache->may_fetch(domain, policy_id, now)) {
      return start_fetch(policy_id, true);
    }
  }
  for (host_entry& h : hosts) {
    if (h.skip == obstacle::none && enforces() && !is_named(h)) h.skip = obstacle::not_in_policy;
  }
  unsigned taken = 0;
  std::erase_if(hosts, [&](const host_entry& h) {
    return h.skip == obstacle::none && ++taken > options.hosts;
  });
  next_host();
}

}  // namespace sansmtp::routing

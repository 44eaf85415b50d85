// The inside of a route.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "route_table.hpp"
#include "sansmtp/routing/route.hpp"

namespace sansmtp::routing {

/// A host that is to have its turn.
struct host_entry {
  std::string name;
  std::uint16_t preference = 0;
  std::optional<ip_address> address{};  ///< It is known by number.
  obstacle skip = obstacle::none;       ///< It is known beforehand that it is not to be tried.
};

/// What the answers to one MX question make, best first (route_hosts.cpp).
struct host_list {
  std::vector<host_entry> hosts;
  bool only_null_mx = false;
};
[[nodiscard]] host_list order_of(std::vector<mx_record> exchanges, const route_options& options,
                                 const host_memory& memory, time_point now);

/// The addresses of one host that mail may go to, each family by itself (route_hosts.cpp).
struct host_addresses {
  std::array<std::vector<ip_address>, 2> of;  ///< By `ip_family`.
  bool refused = false;                       ///< There are others.
};
void admit(host_addresses& to, const std::vector<ip_address>& addresses, ip_family family,
           std::string_view host, const route_options& options);
/// The families in turn, one of which comes first (RTE-07).
[[nodiscard]] std::vector<ip_address> in_turns(const host_addresses& from,
                                               const std::array<bool, 2>& dropped,
                                               const route_options& options);

struct route::impl {
  impl(std::string_view name, route_options chosen, sts_cache& policies, const host_memory& known)
      : domain(name), options(std::move(chosen)), cache(&policies), memory(&known) {
    // To try nothing is no route.
    options.hosts = std::max(options.hosts, 1U);
    options.attempts = std::max(options.attempts, 1U);
    options.addresses_per_host = std::max(options.addresses_per_host, 1U);
  }

  // -- the machine (route.cpp)

  void begin();
  void ask(record type, std::string name);
  void react(time_point now, record type, dns_answer answer);
  void react(time_point now, std::optional<sts_policy> policy_fetched, tls_result failure);
  void end_with(obstacle why);
  void add_hop(obstacle why, bool superseded = false);
  void conclude();

  // -- the policy (route_policy.cpp)

  void note_record(time_point now, const dns_answer& answer);
  void start_fetch(std::string id, bool awaited);
  void note_policy(time_point now, std::optional<sts_policy> policy_fetched, tls_result failure);
  void take_policy(time_point now);
  void settle(time_point now);
  [[nodiscard]] bool is_named(const host_entry& h) const noexcept;
  [[nodiscard]] bool names_a_host() const;
  [[nodiscard]] bool enforces() const noexcept {
    return policy && policy->mode == sts_mode::enforce;
  }

  // -- hosts (route_hosts.cpp)

  void order_hosts(time_point now, dns_answer& answer);
  void next_host();
  void skip_host(obstacle why);
  void judge_host(record type, dns_answer& answer);
  void judge_addresses();
  void loop_found();
  void next_base();
  void judge_records(const dns_answer& answer);

  // -- attempts (route_attempts.cpp)

  void set_demand(const std::vector<tlsa_record>& records, std::string_view base);
  void begin_attempt(bool counts);
  void judge_ending(const trial& how);
  [[nodiscard]] bool drop_family(ip_family family);
  void count_row(const trial& how);
  [[nodiscard]] std::optional<tls_result> result_of(const trial& how) const;

  [[nodiscard]] host_entry& host() { return hosts[turn]; }

  struct open_question {
    question what;
    bool given = false;
    time_point until{};
  };
  struct open_fetch {
    fetch what;
    std::string sts_id;
    bool awaited = false;  ///< Else the policy that is here holds meanwhile.
    bool given = false;
    time_point until{};
  };

  std::string domain;
  route_options options;
  sts_cache* cache;
  const host_memory* memory;

  state at = state::asking_mx;
  verdict end;
  std::uint32_t last_id = 0;
  std::vector<open_question> questions;
  std::optional<open_fetch> fetching;
  std::deque<tls_row> rows;

  // Of the domain.
  std::optional<sts_policy> policy;
  std::string policy_id;      ///< What the domain's record has, else that of the cached policy.
  bool record_known = true;   ///< TXT was answered, or is not asked.
  bool fetched = false;       ///< The policy was fetched, or that failed, since the route began.
  bool proven_names = false;  ///< A secure answer, or the caller, names the hosts.
  std::vector<host_entry> hosts;
  std::array<bool, 2> dropped{};  ///< By `ip_family`: this machine cannot reach it.
  unsigned attempts = 0;

  // Of the host whose turn it is.
  std::size_t turn = 0;
  struct {
    unsigned missing = 0;  ///< Answers.
    bool failed = false;   ///< One of them did.
    bool secure = true;    ///< All that hold addresses are.
    bool is_own = false;
    std::array<std::string, 2> canonical;  ///< By `ip_family`.
  } lookup;
  host_addresses addresses;
  std::vector<std::string> bases;  ///< Names that may have its TLSA records, the next one last.
  bool has_records = false;
  attempt tried;
};

}  // namespace sansmtp::routing

// The tables of a route: the only place where "what next" lives. The README draws them, and a test
// compares.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sansmtp/reply.hpp"
#include "sansmtp/routing/route.hpp"

namespace sansmtp::routing {

/// Where a route stands.
enum class state : std::uint8_t {
  asking_mx,      ///< Which hosts are there?
  asking_policy,  ///< The hosts are known. Which of them does the policy name?
  asking_host,    ///< Where is the host whose turn it is?
  asking_tlsa,    ///< What must it prove?
  ready,          ///< It is to be tried.
  over,
};
inline constexpr std::size_t state_count = static_cast<std::size_t>(state::over) + 1;

/// What comes in.
enum class input : std::uint8_t { mx, txt, policy, address, tlsa, tried };
inline constexpr std::size_t input_count = static_cast<std::size_t>(input::tried) + 1;

enum class reaction : std::uint8_t {
  ignore,
  order_hosts,    ///< Put the hosts into their order, or end.
  note_record,    ///< Take the policy from the cache, or fetch it.
  settle_record,  ///< The same; if that was all that was waited for, go on to the first host.
  note_policy,    ///< Keep the policy, or that there is none.
  settle_policy,  ///< The same, and go on likewise.
  judge_host,     ///< With both answers: TLSA, the attempt, or the next host.
  judge_records,  ///< The attempt, the next name, or the next host.
  judge_ending,   ///< As the table of endings says.
};

struct state_row {
  state at;
  std::array<reaction, input_count> on;  // in the order of `input`
};

// In the order of `state`.
inline constexpr auto state_rows = [] {
  using enum reaction;
  return std::array{
      // clang-format off
      state_row{state::asking_mx,     {order_hosts, note_record,   note_policy,   ignore,     ignore,        ignore}},
      state_row{state::asking_policy, {ignore,      settle_record, settle_policy, ignore,     ignore,        ignore}},
      state_row{state::asking_host,   {ignore,      ignore,        note_policy,   judge_host, ignore,        ignore}},
      state_row{state::asking_tlsa,   {ignore,      ignore,        note_policy,   ignore,     judge_records, ignore}},
      state_row{state::ready,         {ignore,      ignore,        note_policy,   ignore,     ignore,        judge_ending}},
      state_row{state::over,          {ignore,      ignore,        note_policy,   ignore,     ignore,        ignore}},
      // clang-format on
  };
}();

[[nodiscard]] constexpr reaction reaction_of(state at, input in) noexcept {
  return state_rows[static_cast<std::size_t>(at)].on[static_cast<std::size_t>(in)];
}

/// What an ending leads to.
enum class step : std::uint8_t {
  next_host,
  other_family,  ///< The same host without that family, else the next host.
  clear_text,    ///< The same host without TLS, once and in this attempt only, else the next host.
  serve,         ///< The next host if somebody waits, else over.
};

struct ending_row {
  ending how;
  step opportunistic;
  step demanded;       ///< Where TLS is demanded, or must not be used.
  obstacle counts_as;  ///< Where the next host follows.
};

// In the order of `ending`.
inline constexpr auto ending_rows = [] {
  using enum step;
  return std::array{
      ending_row{ending::unreachable, next_host, next_host, obstacle::unreachable},
      ending_row{ending::no_family, other_family, other_family, obstacle::no_family},
      ending_row{ending::refused_transiently, next_host, next_host, obstacle::refused_transiently},
      ending_row{ending::refused_permanently, next_host, next_host, obstacle::refused_permanently},
      ending_row{ending::tls_failed, clear_text, next_host, obstacle::tls_failed},
      ending_row{ending::tls_missing, next_host, next_host, obstacle::tls_missing},
      ending_row{ending::lost, next_host, next_host, obstacle::lost},
      ending_row{ending::done, serve, serve, obstacle::unserved},
  };
}();
static_assert(ending_rows.size() == ending_count);

[[nodiscard]] constexpr const ending_row& row_of(ending how) noexcept {
  return ending_rows[static_cast<std::size_t>(how)];
}

struct obstacle_row {
  obstacle why;
  std::string_view name;
  enhanced_status code;  ///< Class 4: the route is deferred; 5: rejected.
  std::string_view message;
};

// In the order of `obstacle`, which is that in which they decide.
inline constexpr std::array obstacle_rows{
    obstacle_row{obstacle::none, "none", {}, "no obstacle"},
    obstacle_row{obstacle::unserved, "unserved", {4, 3, 0}, "not everybody was served"},
    obstacle_row{obstacle::refused_transiently,
                 "refused_transiently",
                 {4, 3, 2},
                 "the host takes no mail for now"},
    obstacle_row{obstacle::tls_failed, "tls_failed", {4, 7, 5}, "TLS failed"},
    obstacle_row{
        obstacle::tls_missing, "tls_missing", {4, 7, 10}, "the host has no TLS, which is demanded"},
    obstacle_row{obstacle::lost, "lost", {4, 4, 2}, "the connection was lost"},
    obstacle_row{obstacle::unreachable, "unreachable", {4, 4, 1}, "no connection could be made"},
    obstacle_row{obstacle::records_failed,
                 "records_failed",
                 {4, 7, 5},
                 "its TLSA records could not be looked up"},
    obstacle_row{
        obstacle::not_in_policy, "not_in_policy", {4, 7, 5}, "the MTA-STS policy does not name it"},
    obstacle_row{obstacle::out_of_attempts,
                 "out_of_attempts",
                 {4, 4, 1},
                 "it was not tried after too many others"},
    obstacle_row{obstacle::no_family,
                 "no_family",
                 {4, 4, 1},
                 "it has only addresses of a family that cannot be reached"},
    obstacle_row{obstacle::lookup_failed,
                 "lookup_failed",
                 {4, 4, 4},
                 "its addresses could not be looked up"},
    obstacle_row{
        obstacle::mx_failed, "mx_failed", {4, 4, 3}, "its hosts for mail could not be looked up"},
    obstacle_row{
        obstacle::refused_permanently, "refused_permanently", {5, 3, 2}, "the host takes no mail"},
    obstacle_row{obstacle::own_host, "own_host", {5, 4, 6}, "it is this machine, mail would loop"},
    obstacle_row{obstacle::unproven_name,
                 "unproven_name",
                 {5, 7, 10},
                 "nothing vouches for its name, as REQUIRETLS needs"},
    obstacle_row{obstacle::refused_address,
                 "refused_address",
                 {5, 4, 4},
                 "mail must not go to its addresses"},
    obstacle_row{obstacle::no_address, "no_address", {5, 4, 4}, "it has no address"},
    obstacle_row{obstacle::no_domain, "no_domain", {5, 1, 2}, "there is no such domain"},
    obstacle_row{obstacle::null_mx, "null_mx", {5, 1, 10}, "the domain takes no mail (null MX)"},
    obstacle_row{obstacle::bad_name, "bad_name", {5, 1, 2}, "it is no name of a domain"},
};
static_assert(obstacle_rows.size() == obstacle_count);

[[nodiscard]] constexpr const obstacle_row& row_of(obstacle why) noexcept {
  return obstacle_rows[static_cast<std::size_t>(why)];
}

}  // namespace sansmtp::routing

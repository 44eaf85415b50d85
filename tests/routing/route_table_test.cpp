// The tables of a route are those that its README draws.
#include "route_table.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "markdown_table.hpp"

namespace sansmtp::routing {
namespace {

std::string_view name_of(state s) {
  switch (s) {
    case state::asking_mx: return "asking_mx";
    case state::asking_policy: return "asking_policy";
    case state::asking_host: return "asking_host";
    case state::asking_tlsa: return "asking_tlsa";
    case state::ready: return "ready";
    case state::over: return "over";
  }
  return "?";
}

std::string_view name_of(reaction r) {
  switch (r) {
    case reaction::ignore: return "ignore";
    case reaction::order_hosts: return "order_hosts";
    case reaction::note_record: return "note_record";
    case reaction::settle_record: return "settle_record";
    case reaction::note_policy: return "note_policy";
    case reaction::settle_policy: return "settle_policy";
    case reaction::judge_host: return "judge_host";
    case reaction::judge_records: return "judge_records";
    case reaction::judge_ending: return "judge_ending";
  }
  return "?";
}

std::string_view name_of(step s) {
  switch (s) {
    case step::next_host: return "next_host";
    case step::other_family: return "other_family";
    case step::clear_text: return "clear_text";
    case step::serve: return "serve";
  }
  return "?";
}

using sansmtp::test::table_row;

std::vector<table_row> in_readme(const std::string& heading) {
  return sansmtp::test::table_below("engine/routing/README.md", heading);
}

TEST(route_table, of_states_is_that_of_the_readme) {  // RTE-13
  std::vector<table_row> expected{{"state", "mx", "txt", "policy", "address", "tlsa", "tried"}};
  for (std::size_t i = 0; i < state_rows.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(state_rows[i].at), i);
    table_row cells{std::string(name_of(state_rows[i].at))};
    for (const reaction r : state_rows[i].on) cells.emplace_back(name_of(r));
    expected.push_back(cells);
  }
  EXPECT_EQ(in_readme("## What comes in"), expected);
}

TEST(route_table, of_endings_is_that_of_the_readme) {  // RTE-13 RTE-15
  std::vector<table_row> expected{{"ending", "opportunistic", "under a demand", "counts as"}};
  for (std::size_t i = 0; i < ending_rows.size(); ++i) {
    const ending_row& r = ending_rows[i];
    EXPECT_EQ(static_cast<std::size_t>(r.how), i);
    expected.push_back({std::string(to_string(r.how)), std::string(name_of(r.opportunistic)),
                        std::string(name_of(r.demanded)), std::string(to_string(r.counts_as))});
  }
  EXPECT_EQ(in_readme("## How an attempt ends"), expected);
}

TEST(route_table, of_obstacles_is_that_of_the_readme) {  // RTE-12 RTE-14
  std::vector<table_row> expected{{"obstacle", "code", "message"}};
  for (std::size_t i = 1; i < obstacle_rows.size(); ++i) {
    const obstacle_row& r = obstacle_rows[i];
    EXPECT_EQ(static_cast<std::size_t>(r.why), i);
    expected.push_back({std::string(to_string(r.why)), to_string(r.code), std::string(r.message)});
  }
  EXPECT_EQ(in_readme("## How a route ends"), expected);
}

}  // namespace
}  // namespace sansmtp::routing

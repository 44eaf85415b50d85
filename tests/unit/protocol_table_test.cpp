#include "protocol_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sansmtp;
using detail::reaction;

// The enumerators have no names outside of the source; the compiler sees to it that none is left
// out.
std::string_view name_of(reaction r) {
  switch (r) {
    using enum reaction;
    case open: return "open";
    case take_capabilities: return "take_capabilities";
    case go_without_extensions: return "go_without_extensions";
    case start_handshake: return "start_handshake";
    case accept_login: return "accept_login";
    case answer_challenge: return "answer_challenge";
    case accept_sender: return "accept_sender";
    case accept_recipient: return "accept_recipient";
    case start_content: return "start_content";
    case deliver: return "deliver";
    case note_reset: return "note_reset";
    case complete: return "complete";
    case ignore: return "ignore";
    case end_session: return "end_session";
    case fail_opening: return "fail_opening";
    case refuse_hello: return "refuse_hello";
    case refuse_tls: return "refuse_tls";
    case refuse_login: return "refuse_login";
    case refuse_mechanism: return "refuse_mechanism";
    case refuse_place: return "refuse_place";
    case note_cancelled: return "note_cancelled";
    case refuse_sender: return "refuse_sender";
    case refuse_recipient: return "refuse_recipient";
    case refuse_data: return "refuse_data";
    case refuse_content: return "refuse_content";
    case refuse_reset: return "refuse_reset";
    case violation: return "violation";
  }
  return "?";
}

using row = std::vector<std::string>;

// The cells of a line of a Markdown table, without blanks and back quotes around them.
row cells_of(const std::string& line) {
  row cells;
  std::size_t at = 1;
  for (std::size_t end = line.find('|', at); end != std::string::npos; end = line.find('|', at)) {
    std::string cell = line.substr(at, end - at);
    const std::size_t first = cell.find_first_not_of(" `");
    const std::size_t last = cell.find_last_not_of(" `");
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    at = end + 1;
  }
  return cells;
}

// The first table behind a heading.
std::vector<row> table_below(const std::string& heading) {
  std::ifstream readme(SANSMTP_SOURCE_DIR "/engine/README.md");
  EXPECT_TRUE(readme) << "engine/README.md cannot be read";
  std::vector<row> table;
  std::string line;
  bool below = false;
  while (std::getline(readme, line)) {
    if (line.starts_with("#")) {
      if (below) break;
      below = line == heading;
    } else if (below && line.starts_with("|")) {
      if (line.find_first_not_of("|-: ") != std::string::npos) table.push_back(cells_of(line));
    } else if (!table.empty()) {
      break;
    }
  }
  return table;
}

void expect_same_table(const std::vector<row>& shown, const std::vector<row>& expected) {
  ASSERT_FALSE(shown.empty());
  EXPECT_EQ(shown[0], expected[0]);
  std::map<std::string, row> by_verb;
  for (std::size_t i = 1; i < shown.size(); ++i) {
    ASSERT_FALSE(shown[i].empty());
    EXPECT_TRUE(by_verb.emplace(shown[i][0], shown[i]).second) << shown[i][0] << " stands twice";
  }
  for (std::size_t i = 1; i < expected.size(); ++i) {
    EXPECT_EQ(by_verb[expected[i][0]], expected[i]) << expected[i][0];
  }
  EXPECT_EQ(by_verb.size(), expected.size() - 1) << "a row for what is no verb";
}

TEST(protocol_table, rules_are_those_of_the_readme) {  // PIPE-03 PIPE-04 PIPE-05 PIPE-06 PIPE-18
  std::vector<row> expected{{"verb", "alone", "last"}};
  for (const detail::rule& r : detail::rules) {
    expected.push_back(
        {std::string(to_string(r.what)), r.alone ? "yes" : "no", r.last ? "yes" : "no"});
  }
  expect_same_table(table_below("## Verb table"), expected);
}

TEST(protocol_table, reactions_are_those_of_the_readme) {  // REP-04 REP-20
  std::vector<row> expected{{"verb", "2yz", "3yz", "4yz", "5yz"}};
  for (const detail::reaction_row& r : detail::reactions) {
    row cells{std::string(to_string(r.what))};
    for (const reaction cell : r.on) {
      cells.emplace_back(name_of(cell));
    }
    expected.push_back(cells);
  }
  expect_same_table(table_below("## Reaction table"), expected);
}

TEST(protocol_table, named_codes_are_those_of_the_readme) {  // AUTH-11 PIPE-17
  std::vector<row> expected{{"verb and code", "reaction"}};
  for (const detail::named_code& n : detail::named_codes) {
    expected.push_back({std::string(to_string(n.what)) + " " + std::to_string(n.code),
                        std::string(name_of(n.does))});
  }
  expect_same_table(table_below("## Named codes"), expected);
}

TEST(protocol_table, is_looked_up_by_verb_and_code) {  // REP-04
  for (std::size_t i = 0; i < verb_count; ++i) {
    const auto v = static_cast<verb>(i);
    EXPECT_EQ(detail::rule_of(v).what, v);
    const detail::reaction_row& r = detail::reactions[i];
    for (int code = 200; code < 600; ++code) {
      const auto named =
          std::find_if(detail::named_codes.begin(), detail::named_codes.end(),
                       [&](const detail::named_code& n) { return n.what == v && n.code == code; });
      const bool is_named = named != detail::named_codes.end();
      EXPECT_EQ(detail::reaction_of(v, code),
                is_named ? named->does : r.on[static_cast<std::size_t>(code / 100 - 2)]);
    }
  }
}

TEST(protocol_table, groups_end_where_the_rfc_says) {  // PIPE-03 PIPE-04 PIPE-05 PIPE-06 PIPE-17
  for (const detail::rule& r : detail::rules) {
    const bool anywhere = r.what == verb::mail || r.what == verb::rcpt || r.what == verb::rset;
    EXPECT_EQ(!r.alone && !r.last, anywhere) << to_string(r.what);
    // Behind the content's terminator the next envelope may follow.
    EXPECT_EQ(r.last, !anywhere && r.what != verb::content) << to_string(r.what);
  }
}

}  // namespace

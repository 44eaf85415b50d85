#include "protocol_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "markdown_table.hpp"

namespace {

using namespace sansmtp;
using detail::reaction;
using detail::trait;

// The enumerators have no names outside of the source; the compiler sees to it that none is left
// out.
std::string_view name_of(reaction r) {
  switch (r) {
    using enum reaction;
    case open: return "open";
    case take_capabilities: return "take_capabilities";
    case go_without_extensions: return "go_without_extensions";
    case start_handshake: return "start_handshake";
    case start_over: return "start_over";
    case accept_login: return "accept_login";
    case answer_challenge: return "answer_challenge";
    case accept_sender: return "accept_sender";
    case accept_recipient: return "accept_recipient";
    case start_content: return "start_content";
    case deliver: return "deliver";
    case take_chunk: return "take_chunk";
    case take_last_chunk: return "take_last_chunk";
    case announce_verdicts: return "announce_verdicts";
    case note_verdict: return "note_verdict";
    case note_reset: return "note_reset";
    case complete: return "complete";
    case ignore: return "ignore";
    case end_session: return "end_session";
    case close_session: return "close_session";
    case close_at_sender: return "close_at_sender";
    case refuse_session: return "refuse_session";
    case fail_opening: return "fail_opening";
    case try_helo: return "try_helo";
    case refuse_hello: return "refuse_hello";
    case refuse_tls: return "refuse_tls";
    case refuse_forward: return "refuse_forward";
    case refuse_login: return "refuse_login";
    case refuse_mechanism: return "refuse_mechanism";
    case refuse_place: return "refuse_place";
    case note_cancelled: return "note_cancelled";
    case refuse_sender: return "refuse_sender";
    case refuse_recipient: return "refuse_recipient";
    case refuse_surplus: return "refuse_surplus";
    case refuse_storage: return "refuse_storage";
    case refuse_data: return "refuse_data";
    case refuse_content: return "refuse_content";
    case refuse_chunk: return "refuse_chunk";
    case refuse_last_chunk: return "refuse_last_chunk";
    case refuse_reset: return "refuse_reset";
    case violation: return "violation";
  }
  return "?";
}

std::string_view name_of(detail::line_form f) {
  switch (f) {
    using enum detail::line_form;
    case none: return "none";
    case word: return "word";
    case hello: return "hello";
    case client: return "client";
    case login: return "login";
    case sender: return "sender";
    case recipient: return "recipient";
    case data: return "data";
    case dot: return "dot";
    case chunk: return "chunk";
    case reset: return "reset";
    case text: return "text";
    case farewell: return "farewell";
  }
  return "?";
}

std::string_view name_of(trait t) {
  switch (t) {
    using enum trait;
    case alone: return "alone";
    case last: return "last";
    case side: return "side";
    case idle: return "idle";
    case ahead: return "ahead";
    case body: return "body";
    case early: return "early";
    case by_progress: return "by_progress";
    case needs_text: return "needs_text";
    case exchange: return "exchange";
    case secret: return "secret";
    case plain_text: return "plain_text";
    case first: return "first";
    case by_transport: return "by_transport";
    case final: return "final";
    case utf8_text: return "utf8_text";
    case counted: return "counted";
  }
  return "?";
}

std::string names_of(detail::traits all) {
  std::string names;
  for (unsigned bit = 1; bit <= 0x10000U; bit <<= 1U) {
    const auto one = static_cast<trait>(bit);
    if (all.has(one)) names += (names.empty() ? "" : " ") + std::string(name_of(one));
  }
  return names;
}

// The member's name, found by the value that only it has.
std::string name_of(timeouts::duration timeouts::*member) {
  using ms = timeouts::duration;
  timeouts t;
  for (ms timeouts::*each :
       {&timeouts::greeting, &timeouts::hello, &timeouts::starttls, &timeouts::handshake,
        &timeouts::auth, &timeouts::mail, &timeouts::rcpt, &timeouts::data, &timeouts::chunk,
        &timeouts::content, &timeouts::reset, &timeouts::command, &timeouts::quit}) {
    t.*each = ms(0);
  }
  t.*member = ms(1);
  const std::pair<std::string, ms> named[] = {{"greeting", t.greeting}, {"hello", t.hello},
                                              {"starttls", t.starttls}, {"handshake", t.handshake},
                                              {"auth", t.auth},         {"mail", t.mail},
                                              {"rcpt", t.rcpt},         {"data", t.data},
                                              {"chunk", t.chunk},       {"content", t.content},
                                              {"reset", t.reset},       {"command", t.command},
                                              {"quit", t.quit}};
  for (const auto& [name, value] : named) {
    if (value == ms(1)) return name;
  }
  return "?";
}

using row = test::table_row;

std::vector<row> table_below(const std::string& heading) {
  return test::table_below("engine/README.md", heading, " `");
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

// PIPE-03 PIPE-04 PIPE-05 PIPE-06 PIPE-18 TIME-01
TEST(protocol_table, verbs_are_those_of_the_readme) {
  std::vector<row> expected{{"verb", "on the wire", "its line", "timeout", "traits"}};
  for (const detail::row& r : detail::rows) {
    expected.push_back({std::string(to_string(r.what)), std::string(r.wire),
                        std::string(name_of(r.line)), name_of(r.timeout), names_of(r.is)});
  }
  expect_same_table(table_below("## Verb table"), expected);
}

TEST(protocol_table, reactions_are_those_of_the_readme) {  // REP-04 REP-20
  std::vector<row> expected{{"verb", "2yz", "3yz", "4yz", "5yz"}};
  for (const detail::row& r : detail::rows) {
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

TEST(protocol_table, hints_are_those_of_the_readme) {  // TXN-24 AUTH-11
  std::vector<row> expected{{"verb and code", "hint"}};
  for (const detail::code_hint& h : detail::code_hints) {
    expected.push_back(
        {(h.any ? "any" : std::string(to_string(h.what))) + " " + std::to_string(h.code),
         std::string(to_string(h.advice))});
    for (std::size_t i = 0; i < verb_count; ++i) {
      const auto v = static_cast<verb>(i);
      EXPECT_EQ(detail::hint_of(v, h.code), h.any || v == h.what ? h.advice : hint::none);
      EXPECT_EQ(detail::hint_of(v, 550), hint::none);
    }
  }
  expect_same_table(table_below("## Hints"), expected);
}

TEST(protocol_table, is_looked_up_by_verb_and_code) {  // REP-04 SESS-22
  for (std::size_t i = 0; i < verb_count; ++i) {
    const auto v = static_cast<verb>(i);
    const detail::row& r = detail::row_of(v);
    EXPECT_EQ(r.what, v);
    for (int code = 200; code < 600; ++code) {
      const auto named =
          std::find_if(detail::named_codes.begin(), detail::named_codes.end(),
                       [&](const detail::named_code& n) { return n.what == v && n.code == code; });
      reaction expected = r.on[static_cast<std::size_t>(code / 100 - 2)];
      if (code == 421) expected = reaction::close_session;
      if (named != detail::named_codes.end()) expected = named->does;
      EXPECT_EQ(detail::reaction_of(v, code), expected) << to_string(v) << ' ' << code;
    }
  }
}

TEST(protocol_table, timeouts_are_those_of_the_rows) {  // TIME-01
  timeouts t;
  for (const detail::row& r : detail::rows) {
    t.*r.timeout = timeouts::duration(77);
    EXPECT_EQ(t.of(r.what), timeouts::duration(77)) << to_string(r.what);
    t = {};
  }
  EXPECT_EQ(t.of(static_cast<verb>(verb_count)), t.command);
}

TEST(protocol_table, groups_end_where_the_rfc_says) {  // PIPE-03 PIPE-04 PIPE-05 PIPE-06 PIPE-17
  for (const detail::row& r : detail::rows) {
    // Behind a chunk more may follow; behind the last one the sender closes the group, or not.
    const bool anywhere = r.what == verb::mail || r.what == verb::rcpt || r.what == verb::rset ||
                          r.what == verb::xforward || r.what == verb::bdat ||
                          r.what == verb::bdat_last;
    const bool last = r.is.has(trait::last);
    EXPECT_EQ(!r.is.has(trait::alone) && !last, anywhere) << to_string(r.what);
    // Behind the content's terminator the next envelope may follow.
    EXPECT_EQ(last, !anywhere && r.what != verb::content) << to_string(r.what);
  }
}

TEST(protocol_table, spelling_goes_with_the_line) {  // CMD-18 SEC-03
  for (const detail::row& r : detail::rows) {
    const bool written = r.line != detail::line_form::none;
    // Only the user's own line and what is no line have no word; content has its terminator.
    const bool wordless = r.is.has(trait::first) || r.is.has(trait::by_transport) ||
                          r.what == verb::verdict || r.what == verb::raw;
    EXPECT_EQ(r.wire.empty(), wordless) << to_string(r.what);
    EXPECT_TRUE(!r.is.has(trait::needs_text) || r.line == detail::line_form::text);
    EXPECT_TRUE(!r.is.has(trait::secret) || (written && r.is.has(trait::exchange)));
    EXPECT_EQ(r.is.has(trait::exchange), r.timeout == &timeouts::auth) << to_string(r.what);
  }
}

}  // namespace

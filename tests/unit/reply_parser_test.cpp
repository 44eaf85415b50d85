#include "sansmtp/reply_parser.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "octet_strings.hpp"

namespace reply_parser_test {
namespace {

using namespace sansmtp;
using namespace std::string_literals;
using status = reply_parser::status;

// What can be known of a stream of replies: one entry for each reply, then how it stopped.
struct reading {
  std::vector<std::pair<int, std::string>> replies;
  status last = status::need_more;
  errc error = errc::none;
  std::string excerpt;
  bool idle = true;
  bool saw_bare_lf = false;

  friend bool operator==(const reading&, const reading&) = default;
};

std::string printable(std::string_view octets) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : octets) {
    if (c > ' ' && c <= '~') {
      text += c;
    } else {
      const auto value = static_cast<unsigned char>(c);
      text += "\\x";
      text += digits[value / 16];
      text += digits[value % 16];
    }
  }
  return text;
}

void PrintTo(const reading& r, std::ostream* out) {
  for (const auto& [code, text] : r.replies) *out << code << " [" << printable(text) << "] ";
  *out << "status " << static_cast<int>(r.last) << " " << to_string(r.error) << " excerpt ["
       << printable(r.excerpt) << "] idle " << r.idle << " bare_lf " << r.saw_bare_lf;
}

// Every piece is given in a block of its own that is gone before the next one comes: what the
// parser still needs of it, it must have kept, and a sanitizer sees if it looks beyond.
reading read_with(reply_parser& parser, const std::vector<std::string_view>& pieces) {
  reading seen;
  for (const std::string_view piece : pieces) {
    const auto block = std::make_unique<char[]>(piece.size());
    piece.copy(block.get(), piece.size());
    bytes in(block.get(), piece.size());
    while (!in.empty()) {
      seen.last = parser.parse(in);
      if (seen.last == status::complete) {
        seen.replies.emplace_back(parser.result().code(), parser.result().text());
        continue;
      }
      if (seen.last != status::need_more) break;
      EXPECT_TRUE(in.empty());
    }
    if (!in.empty()) break;
  }
  seen.error = parser.error();
  seen.excerpt = parser.excerpt();
  const bool failed = seen.error != errc::none;
  seen.idle = !failed && parser.idle();
  seen.saw_bare_lf = parser.saw_bare_lf();
  return seen;
}

reading read_pieces(const std::vector<std::string_view>& pieces, const reply_limits& limits) {
  reply_parser parser(limits);
  return read_with(parser, pieces);
}

reading read_whole(std::string_view octets, const reply_limits& limits = {}) {
  return read_pieces({octets}, limits);
}

reading read_one_by_one(std::string_view octets, const reply_limits& limits = {}) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < octets.size(); ++i) pieces.push_back(octets.substr(i, 1));
  return read_pieces(pieces, limits);
}

// The slow, obvious parser: it looks at all octets at once, one after the other, and asks of each
// what it may be here (REP-01, REP-02, REP-06, REP-07, REP-09 to REP-14, LIM-01).
reading read_slowly(std::string_view all, const reply_limits& limits) {
  reading seen;
  std::size_t begin = 0;  // of the reply
  std::size_t start = 0;  // of the line
  std::size_t at = 0;
  std::vector<std::string> lines;
  int code = 0;

  const auto stop = [&](status s, errc why, std::size_t shown_until) {
    seen.last = s;
    seen.error = why;
    seen.excerpt = all.substr(start, shown_until - start);
    if (seen.excerpt.size() > 256) seen.excerpt.erase(0, seen.excerpt.size() - 256);
    seen.idle = s == status::need_more && at == begin;
    return seen;
  };
  const auto more = [&] {
    const bool at_end = seen.replies.empty() ? false : at == begin;
    stop(status::need_more, errc::none, all.size());
    if (at_end) seen.last = status::complete;
    return seen;
  };
  const auto broken = [&](errc why) {
    return stop(status::malformed, all[at] == '\0' ? errc::nul_in_reply : why, at + 1);
  };
  const auto over = [&]() -> errc {  // would this octet pass a limit?
    const std::size_t room_in_line = limits.line - (at - start);
    const std::size_t room = limits.octets - (at - begin);
    if (room_in_line != 0 && room != 0) return errc::none;
    return room_in_line == 0 ? errc::reply_line_too_long : errc::reply_too_long;
  };

  for (;;) {  // a line
    start = at;
    int line_code = 0;
    for (int digit = 0; digit < 3; ++digit) {
      if (at == all.size()) return more();
      if (lines.size() == limits.lines) return stop(status::too_long, errc::reply_too_long, at);
      if (all[at] < '0' || all[at] > '9') return broken(errc::malformed_reply);
      if (const errc why = over(); why != errc::none) return stop(status::too_long, why, at);
      line_code = line_code * 10 + (all[at] - '0');
      ++at;
    }
    if (line_code < 200 || line_code > 599) {
      return stop(status::malformed, errc::bad_reply_code, at);
    }
    if (!lines.empty() && line_code != code) {
      return stop(status::malformed, errc::mixed_reply_codes, at);
    }
    code = line_code;
    std::string text;
    bool continues = false;
    bool bare = true;  // nothing behind the code yet
    for (;;) {         // an octet behind the code
      if (at == all.size()) return more();
      const char c = all[at];
      const bool line_end = c == '\r' || c == '\n';
      if (bare && c != ' ' && c != '-' && !line_end) return broken(errc::malformed_reply);
      if (c == '\0') return broken(errc::nul_in_reply);
      if (c == '\n' && !limits.accept_bare_lf) return broken(errc::bare_lf_in_reply);
      if (const errc why = over(); why != errc::none) return stop(status::too_long, why, at);
      ++at;
      if (c == '\n') {
        seen.saw_bare_lf = true;
        break;
      }
      if (c != '\r') {
        if (bare) continues = c == '-';
        if (!bare) text += c;
        bare = false;
        continue;
      }
      if (at == all.size()) return more();
      if (all[at] == '\n') {
        if (const errc why = over(); why != errc::none) return stop(status::too_long, why, at);
        ++at;
        break;
      }
      if (bare || !limits.accept_bare_lf) return broken(errc::bare_cr_in_reply);
      text += c;  // REP-13
    }
    lines.push_back(text);
    if (continues) continue;
    std::string joined;
    for (const std::string& line : lines) joined += (&line == &lines[0] ? "" : "\n") + line;
    seen.replies.emplace_back(code, joined);
    lines.clear();
    begin = at;
  }
}

void expect_same(const reading& fast, const reading& slow, std::string_view octets) {
  ASSERT_EQ(fast, slow) << printable(octets);
}

reply_limits lenient() {
  reply_limits limits;
  limits.accept_bare_lf = true;
  return limits;
}

reply_limits narrow(bool accept_bare_lf) {
  reply_limits limits;
  limits.line = 6;
  limits.octets = 9;
  limits.lines = 2;
  limits.accept_bare_lf = accept_bare_lf;
  return limits;
}

// -- examples -------------------------------------------------------------------------------------

using replies = std::vector<std::pair<int, std::string>>;

TEST(reply_parser, reads_replies) {
  // REP-01 REP-02 REP-03 REP-04 REP-06 REP-07 REP-08 REP-14 REP-15
  const struct {
    std::string octets;
    replies expected;
  } rows[] = {
      {"250 OK\r\n", {{250, "OK"}}},                                      // REP-01
      {"250-a\r\n250-b\r\n250 c\r\n", {{250, "a\nb\nc"}}},                // REP-02
      {"220-a\r\n220 b\r\n", {{220, "a\nb"}}},                            // REP-03
      {"299 x\r\n", {{299, "x"}}},                                        // REP-04
      {"479 x\r\n571 x\r\n", {{479, "x"}, {571, "x"}}},                   // REP-04
      {"250\r\n", {{250, ""}}},                                           // REP-06
      {"250 \r\n", {{250, ""}}},                                          // REP-06
      {"250-a\r\n250-\r\n250\r\n", {{250, "a\n\n"}}},                     // REP-07
      {"250-234 Text\r\n250 end\r\n", {{250, "234 Text\nend"}}},          // REP-08
      {"250 \xC3\xA9\x01\x1b\xff\r\n", {{250, "\xC3\xA9\x01\x1b\xff"}}},  // REP-14
      {"250  two blanks \r\n", {{250, " two blanks "}}},
      {"250 - \r\n", {{250, "- "}}},
      {"200 x\r\n599 y\r\n", {{200, "x"}, {599, "y"}}},
      {"250 a\r\n550 b\r\n354\r\n", {{250, "a"}, {550, "b"}, {354, ""}}},  // REP-15
  };
  for (const auto& row : rows) {
    for (const reading& seen : {read_whole(row.octets), read_one_by_one(row.octets)}) {
      EXPECT_EQ(seen.replies, row.expected) << printable(row.octets);
      EXPECT_EQ(seen.last, status::complete);
      EXPECT_EQ(seen.error, errc::none);
      EXPECT_EQ(seen.excerpt, "");
      EXPECT_TRUE(seen.idle);
    }
  }
}

TEST(reply_parser, refuses_malformed_lines) {  // REP-09 REP-10 REP-11 REP-12 REP-13 REP-14 ERR-01
  const struct {
    std::string octets;
    errc why;
    std::string excerpt;
  } rows[] = {
      {"250-a\r\n550 b\r\n", errc::mixed_reply_codes, "550"},           // REP-09
      {"250-a\r\n251-b\r\n250 c\r\n", errc::mixed_reply_codes, "251"},  // REP-09
      {"150 x\r\n", errc::bad_reply_code, "150"},                       // REP-10
      {"650 x\r\n", errc::bad_reply_code, "650"},
      {"050 x\r\n", errc::bad_reply_code, "050"},
      {"000 x\r\n", errc::bad_reply_code, "000"},
      {"250-a\r\n150 x\r\n", errc::bad_reply_code, "150"},
      {"\r\n", errc::malformed_reply, "\r"},  // REP-11
      {"\n", errc::malformed_reply, "\n"},
      {"2\r\n", errc::malformed_reply, "2\r"},
      {"25 ok\r\n", errc::malformed_reply, "25 "},
      {"2500 ok\r\n", errc::malformed_reply, "2500"},
      {"250:ok\r\n", errc::malformed_reply, "250:"},
      {"250\tok\r\n", errc::malformed_reply, "250\t"},
      {" 250 ok\r\n", errc::malformed_reply, " "},
      {"hello\r\n", errc::malformed_reply, "h"},
      {"+OK\r\n", errc::malformed_reply, "+"},
      {"2x0 ok\r\n", errc::malformed_reply, "2x"},
      {"-50 ok\r\n", errc::malformed_reply, "-"},
      {"\xff", errc::malformed_reply, "\xff"},
      {"250\xb2 ok\r\n", errc::malformed_reply, "250\xb2"},
      {"250-a\r\n\r\n", errc::malformed_reply, "\r"},
      {"250-a\r\n25x", errc::malformed_reply, "25x"},
      {"250 ok\n", errc::bare_lf_in_reply, "250 ok\n"},  // REP-12
      {"250\n", errc::bare_lf_in_reply, "250\n"},
      {"250-\n", errc::bare_lf_in_reply, "250-\n"},
      {"250 a\rb\r\n", errc::bare_cr_in_reply, "250 a\rb"},  // REP-13
      {"250 a\r\r\n", errc::bare_cr_in_reply, "250 a\r\r"},
      {"250\rx\r\n", errc::bare_cr_in_reply, "250\rx"},
      {"250-a\rb\r\n", errc::bare_cr_in_reply, "250-a\rb"},
      {"250 a\0b\r\n"s, errc::nul_in_reply, "250 a\0"s},  // REP-14
      {"250\0 b\r\n"s, errc::nul_in_reply, "250\0"s},
      {"\0"s, errc::nul_in_reply, "\0"s},
      {"250 a\r\0"s, errc::nul_in_reply, "250 a\r\0"s},
      {"250-a\r\n250-b\0"s, errc::nul_in_reply, "250-b\0"s},
  };
  for (const auto& row : rows) {
    for (const reading& seen : {read_whole(row.octets), read_one_by_one(row.octets)}) {
      EXPECT_TRUE(seen.replies.empty()) << printable(row.octets);
      EXPECT_EQ(seen.last, status::malformed) << printable(row.octets);
      EXPECT_EQ(to_string(seen.error), to_string(row.why)) << printable(row.octets);
      EXPECT_EQ(printable(seen.excerpt), printable(row.excerpt)) << printable(row.octets);
    }
  }
}

TEST(reply_parser, accepts_bare_line_ends_by_choice) {  // REP-12 REP-13
  const struct {
    std::string octets;
    replies expected;
    errc error;
    bool saw_bare_lf;
  } rows[] = {
      {"250 ok\n", {{250, "ok"}}, errc::none, true},
      {"250\n", {{250, ""}}, errc::none, true},
      {"250-a\n250 b\r\n", {{250, "a\nb"}}, errc::none, true},
      {"250 a\n250 b\r\n", {{250, "a"}, {250, "b"}}, errc::none, true},
      {"250 a\rb\r\n", {{250, "a\rb"}}, errc::none, false},
      {"250 a\r\r\n", {{250, "a\r"}}, errc::none, false},
      {"250-\r\n250 \n", {{250, "\n"}}, errc::none, true},
      {"250\rx\n", {}, errc::bare_cr_in_reply, false},
      {"\n", {}, errc::malformed_reply, false},
      {"250 a\0\n"s, {}, errc::nul_in_reply, false},
  };
  for (const auto& row : rows) {
    for (const reading& seen :
         {read_whole(row.octets, lenient()), read_one_by_one(row.octets, lenient())}) {
      EXPECT_EQ(seen.replies, row.expected) << printable(row.octets);
      EXPECT_EQ(to_string(seen.error), to_string(row.error)) << printable(row.octets);
      EXPECT_EQ(seen.saw_bare_lf, row.saw_bare_lf) << printable(row.octets);
    }
  }
}

TEST(reply_parser, never_takes_a_fragment_for_a_reply) {  // REP-01 REP-17
  const std::string octets = "250-a\r\n250 ok\r\n";
  for (std::size_t size = 0; size < octets.size(); ++size) {
    const std::string part = octets.substr(0, size);
    for (const reading& seen : {read_whole(part), read_one_by_one(part)}) {
      EXPECT_TRUE(seen.replies.empty()) << printable(part);
      EXPECT_EQ(seen.last, status::need_more);
      EXPECT_EQ(seen.idle, size == 0) << printable(part);
      const std::size_t line = size < 7 ? 0 : 7;
      EXPECT_EQ(printable(seen.excerpt), printable(part.substr(line)));
    }
  }
}

TEST(reply_parser, stops_behind_one_reply) {  // REP-01
  const std::string octets = "250 a\r\n550 b\r\n4";
  reply_parser parser;
  bytes in = as_bytes(octets);
  ASSERT_EQ(parser.parse(in), status::complete);
  EXPECT_EQ(as_text(in), "550 b\r\n4");
  EXPECT_EQ(parser.result().text(), "a");
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.parse(in), status::complete);
  EXPECT_EQ(as_text(in), "4");
  EXPECT_EQ(parser.result().code(), 550);
  ASSERT_EQ(parser.parse(in), status::need_more);
  EXPECT_TRUE(in.empty());
  EXPECT_FALSE(parser.idle());
  ASSERT_EQ(parser.parse(in), status::need_more) << "nothing more, nothing new";
}

TEST(reply_parser, stays_broken_until_it_is_reset) {  // REP-11
  reply_parser parser;
  std::string octets = "hello\r\n250 ok\r\n";
  bytes in = as_bytes(octets);
  ASSERT_EQ(parser.parse(in), status::malformed);
  for (int i = 0; i < 3; ++i) {
    octets = "250 ok\r\n";
    in = as_bytes(octets);
    EXPECT_EQ(parser.parse(in), status::malformed);
    EXPECT_EQ(parser.error(), errc::malformed_reply);
    EXPECT_EQ(as_text(in), octets) << "nothing is skipped";
  }
  parser.reset();
  EXPECT_EQ(parser.error(), errc::none);
  EXPECT_EQ(parser.excerpt(), "");
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.parse(in), status::complete);
  EXPECT_EQ(parser.result().text(), "ok");
}

TEST(reply_parser, is_a_new_one_when_it_is_reset) {  // REP-11
  const std::string streams[] = {"",
                                 "2",
                                 "25",
                                 "250",
                                 "250-",
                                 "250 a",
                                 "250 a\r",
                                 "250-a\r\n",
                                 "250-a\r\n2",
                                 "250-a\r\n250",
                                 "250-a\r\n250 b",
                                 "250 a\r\n",
                                 "250\r",
                                 "250\n",
                                 "250 a\nb",
                                 "250 a\rb",
                                 "250-a\r\n551",
                                 "25x",
                                 "250x",
                                 "250 \0"s,
                                 "199",
                                 "600",
                                 "250-a\r\n250-b\r\n250-c\r\n250 d",
                                 "250-a\r\nx",
                                 "250 " + std::string(60, 'x'),
                                 "250-" + std::string(3000, 'x')};
  for (const bool accept_bare_lf : {false, true}) {
    reply_limits limits;
    limits.accept_bare_lf = accept_bare_lf;
    limits.lines = 3;
    for (const std::string& before : streams) {
      for (const std::string& behind : streams) {
        reply_parser parser(limits);
        static_cast<void>(read_with(parser, {before}));
        parser.reset();
        EXPECT_TRUE(parser.idle());
        EXPECT_EQ(parser.error(), errc::none);
        EXPECT_EQ(parser.excerpt(), "");
        EXPECT_FALSE(parser.saw_bare_lf());
        EXPECT_EQ(read_with(parser, {behind}), read_whole(behind, limits))
            << printable(behind) << " behind " << printable(before);
      }
    }
  }
}

TEST(reply_parser, forgets_a_bare_lf_only_by_reset) {  // REP-12
  reply_parser parser(lenient());
  const std::string octets = "250 a\n250 b\r\n250 c\r\n";
  bytes in = as_bytes(octets);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(parser.parse(in), status::complete);
    EXPECT_TRUE(parser.saw_bare_lf());
  }
  parser.reset();
  EXPECT_FALSE(parser.saw_bare_lf());
}

// -- limits ---------------------------------------------------------------------------------------

TEST(reply_parser, bounds_a_line) {  // LIM-01 CORE-09
  const std::string fits = "250 " + std::string(4096 - 6, 'x') + "\r\n";
  ASSERT_EQ(fits.size(), 4096U);
  for (const reading& seen : {read_whole(fits), read_one_by_one(fits)}) {
    ASSERT_EQ(seen.replies.size(), 1U);
    EXPECT_EQ(seen.replies[0].second.size(), 4090U);
  }
  const std::string too_long = "250 " + std::string(4096 - 5, 'x') + "\r\n";
  for (const reading& seen : {read_whole(too_long), read_one_by_one(too_long)}) {
    EXPECT_EQ(seen.last, status::too_long);
    EXPECT_EQ(seen.error, errc::reply_line_too_long);
    EXPECT_TRUE(seen.replies.empty()) << "nothing over-long is truncated and used";
  }
  // It does not wait for a CRLF.
  const std::string endless = "250 " + std::string(4093, 'x');
  EXPECT_EQ(read_one_by_one(endless.substr(0, 4096)).last, status::need_more);
  EXPECT_EQ(read_one_by_one(endless).last, status::too_long);
  EXPECT_EQ(read_whole(endless).last, status::too_long);
}

TEST(reply_parser, bounds_the_lines_of_a_reply) {  // LIM-01
  const auto of_lines = [](int lines) {
    std::string octets;
    for (int i = 1; i < lines; ++i) octets += "250-x\r\n";
    return octets + "250 x\r\n";
  };
  for (const reading& seen : {read_whole(of_lines(256)), read_one_by_one(of_lines(256))}) {
    ASSERT_EQ(seen.replies.size(), 1U);
    EXPECT_EQ(reply(250, seen.replies[0].second).line_count(), 256U);
  }
  for (const reading& seen : {read_whole(of_lines(257)), read_one_by_one(of_lines(257))}) {
    EXPECT_EQ(seen.last, status::too_long);
    EXPECT_EQ(seen.error, errc::reply_too_long);
    EXPECT_TRUE(seen.replies.empty());
  }
}

TEST(reply_parser, bounds_the_octets_of_a_reply) {  // LIM-01
  // 64 lines of 1024 octets are just as much as is allowed.
  const std::string line = "250-" + std::string(1018, 'x') + "\r\n";
  std::string octets;
  for (int i = 0; i < 63; ++i) octets += line;
  const std::string fits = octets + "250 " + line.substr(4);
  ASSERT_EQ(fits.size(), 65536U);
  EXPECT_EQ(read_whole(fits).replies.size(), 1U);
  EXPECT_EQ(read_one_by_one(fits).replies.size(), 1U);
  const std::string too_long = octets + "250 x" + line.substr(4);
  for (const reading& seen : {read_whole(too_long), read_one_by_one(too_long)}) {
    EXPECT_EQ(seen.last, status::too_long);
    EXPECT_EQ(seen.error, errc::reply_too_long);
  }
}

TEST(reply_parser, counts_each_reply_anew) {  // LIM-01
  std::string octets;
  for (int i = 0; i < 1000; ++i) octets += "250-" + std::string(400, 'x') + "\r\n250 ok\r\n";
  EXPECT_EQ(read_whole(octets).replies.size(), 1000U);
}

TEST(reply_parser, takes_another_line_limit) {  // LIM-01 AUTH-09
  reply_parser parser;
  const std::string octets = "334 " + std::string(12288 - 6, 'A') + "\r\n";
  parser.line_limit(12288);
  bytes in = as_bytes(octets);
  EXPECT_EQ(parser.parse(in), status::complete);
  parser.line_limit(4096);
  in = as_bytes(octets);
  EXPECT_EQ(parser.parse(in), status::too_long);
  EXPECT_EQ(parser.error(), errc::reply_line_too_long);
}

TEST(reply_parser, holds_no_more_than_its_limits) {  // CORE-09 LIM-01
  for (const std::string_view line : {"250-x\r\n", "250 xxxxxxxxxxxxxxxx"}) {
    reply_parser parser;
    status last = status::need_more;
    for (int i = 0; i < 100000 && last != status::too_long; ++i) {
      bytes in = as_bytes(line.substr(i == 0 || line.back() == '\n' ? 0 : 4));
      last = parser.parse(in);
      ASSERT_LE(parser.memory(), 2U * 65536);
    }
    EXPECT_EQ(last, status::too_long);
  }
}

TEST(reply_parser, gives_the_memory_of_a_long_reply_back) {  // CORE-09
  reply_parser parser;
  std::string octets;
  for (int i = 0; i < 60; ++i) octets += "250-" + std::string(1000, 'x') + "\r\n";
  octets += "250 x\r\n250 ok\r\n";
  bytes in = as_bytes(octets);
  ASSERT_EQ(parser.parse(in), status::complete);
  ASSERT_EQ(parser.parse(in), status::complete);
  EXPECT_LE(parser.memory(), 4096U);
}

TEST(reply_parser, is_linear_in_octets_fed_one_by_one) {  // CORE-02 LIM-01
  // What could be more than linear is the moving of text that was kept: it moves when the capacity
  // changes, and all these capacities together are a small multiple of the whole.
  const std::string line = "250-" + std::string(1018, 'x') + "\r\n";
  std::string octets;
  for (int i = 0; i < 63; ++i) octets += line;
  octets += "250 " + line.substr(4);
  reply_parser parser;
  std::size_t moved = 0;
  std::size_t calls = 0;
  std::size_t memory = parser.memory();
  for (const char& c : octets) {
    bytes in(&c, 1);
    const status last = parser.parse(in);
    ++calls;
    ASSERT_TRUE(in.empty());
    ASSERT_EQ(last, calls == octets.size() ? status::complete : status::need_more);
    if (parser.memory() != memory) moved += memory = parser.memory();
  }
  EXPECT_LE(moved, 4 * octets.size());
}

// -- all chunkings --------------------------------------------------------------------------------

TEST(reply_parser, does_not_see_the_borders_of_pieces) {  // CORE-02
  const std::string long_text(300, 'x');
  const std::string corpus[] = {
      "250 OK\r\n",
      "250-a\r\n250-\r\n250\r\n550 no\r\n",
      "250-mx.test\r\n250-PIPELINING\r\n250 SIZE 10\r\n",
      "250 a\r\n250-b\r\n250 c\r\n354\r\n25",
      "250 a\r\n550-b\r\n551 c\r\n",
      "250 a\rb\r\n",
      "250 a\r\r\n",
      "250 a\nb\r\n",
      "250\n250 x\r\n",
      "250 a\0b\r\n"s,
      "250 a\r\0"s,
      "250 ok\r",
      "250-ok\r\n250",
      "2500 x\r\n",
      "150 x\r\n",
      "hello\r\n",
      "250-" + long_text + "\r\n250 " + long_text + "\0"s,
      "250 " + long_text + "\r\n250-" + long_text,
      "250-" + std::string(500, 'x') + "\r\n250 x\r\n",               // at the line limit below
      "250-" + std::string(507, 'x') + "\r\n250 x\r\n",               // beyond it
      "250-" + long_text + "\r\n250-" + long_text + "\r\n250 x\r\n",  // beyond the octets
  };
  reply_limits limits;
  limits.line = 512;
  limits.octets = 600;
  for (const bool accept_bare_lf : {false, true}) {
    limits.accept_bare_lf = accept_bare_lf;
    for (const std::string& octets : corpus) {
      const reading whole = read_whole(octets, limits);
      EXPECT_EQ(read_one_by_one(octets, limits), whole) << printable(octets);
      for (std::size_t cut = 1; cut < octets.size(); ++cut) {
        const std::string_view all = octets;
        EXPECT_EQ(read_pieces({all.substr(0, cut), all.substr(cut)}, limits), whole)
            << printable(octets) << " cut at " << cut;
        if (::testing::Test::HasFailure()) return;
      }
      std::mt19937 random(5321);
      for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(read_pieces(test::random_pieces(random, octets, 20), limits), whole)
            << printable(octets);
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// -- against the slow parser ----------------------------------------------------------------------

TEST(reply_parser, agrees_with_a_slow_one_on_all_short_strings) {
  // REP-01 REP-02 REP-06 REP-07 REP-08 REP-09 REP-10 REP-11 REP-12 REP-13 REP-14 LIM-01
  const std::string_view alphabet("25\0 -\r\nx", 8);
  const reply_limits all_limits[] = {{}, lenient(), narrow(false), narrow(true)};
  // A string of five letters behind a code, and behind a line, says as much as longer ones.
  const std::string_view heads[] = {"", "25", "252 ", "252-x\r\n", "252-\r\n25"};
  for (const reply_limits& limits : all_limits) {
    for (const std::string_view head : heads) {
      test::for_each_string(alphabet, 1, head.empty() ? 6 : 5, [&](const std::string& tail) {
        if (::testing::Test::HasFatalFailure()) return;
        const std::string octets = std::string(head) + tail;
        const reading slow = read_slowly(octets, limits);
        expect_same(read_whole(octets, limits), slow, octets);
        expect_same(read_one_by_one(octets, limits), slow, octets);
      });
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(reply_parser, agrees_with_a_slow_one_on_random_strings) {
  // REP-01 REP-02 REP-06 REP-07 REP-08 REP-09 REP-10 REP-11 REP-12 REP-13 REP-14 LIM-01
  std::mt19937 random(821);
  // Whole words, so that many strings get beyond their first octets.
  const std::string words[] = {"250 ",
                               "250-",
                               "250",
                               "550 ",
                               "\r\n",
                               "\r\n",
                               "\r\n",
                               "text",
                               "\r",
                               "\n",
                               "\0"s,
                               " ",
                               "-",
                               "2",
                               "251",
                               "600 ",
                               "\xC3",
                               "\t",
                               std::string(40, 'y'),
                               std::string(300, 'z')};
  for (int i = 0; i < 20000; ++i) {
    std::string octets;
    for (std::size_t n = test::pick(random, 12); n != 0; --n) {
      // Mostly lines that are well formed.
      if (test::pick(random, 3) != 0) {
        octets += test::pick(random, 2) == 0 ? "250-" : "250 ";
        octets += test::random_string(random, "ab 250-\t", test::pick(random, 40));
        octets += "\r\n";
      } else {
        octets += words[test::pick(random, std::size(words))];
      }
    }
    reply_limits limits;
    limits.accept_bare_lf = test::pick(random, 2) == 0;
    if (test::pick(random, 2) == 0) {
      limits.line = static_cast<std::uint32_t>(8 + test::pick(random, 300));
      limits.octets = static_cast<std::uint32_t>(8 + test::pick(random, 400));
      limits.lines = static_cast<std::uint32_t>(1 + test::pick(random, 4));
    }
    const reading slow = read_slowly(octets, limits);
    expect_same(read_whole(octets, limits), slow, octets);
    expect_same(read_pieces(test::random_pieces(random, octets, 30), limits), slow, octets);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace reply_parser_test

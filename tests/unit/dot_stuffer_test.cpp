#include "sansmtp/dot_stuffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "octet_strings.hpp"

namespace {

using namespace sansmtp;
using namespace std::string_literals;
using policy = line_end_policy;

std::string printable(std::string_view octets) {
  std::string text;
  for (const char c : octets) {
    switch (c) {
      case '\r': text += "\\r"; break;
      case '\n': text += "\\n"; break;
      case '\0': text += "\\0"; break;
      default: text += c;
    }
  }
  return text;
}

// -- the slow, obvious way ------------------------------------------------------------------------

// Content as it should be before stuffing, or why it is refused (DATA-03, DATA-05, DATA-06,
// DATA-11).
struct plain_content {
  std::string text;  // CRLF line ends only
  errc problem = errc::none;
};

plain_content read_slowly(std::string_view content, policy p) {
  plain_content plain;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    if (c == '\0') return {plain.text, errc::nul_in_content};
    if (c == '\r') {
      const bool pair = i + 1 < content.size() && content[i + 1] == '\n';
      if (!pair && p == policy::strict) return {plain.text, errc::bare_cr_in_content};
      plain.text += "\r\n";
      if (pair) ++i;
    } else if (c == '\n') {
      if (p == policy::strict) return {plain.text, errc::bare_lf_in_content};
      plain.text += "\r\n";
    } else {
      plain.text += c;
    }
  }
  if (!plain.text.empty() && !plain.text.ends_with("\r\n")) plain.text += "\r\n";
  return plain;
}

// Lines with CRLF each get one more dot if they begin with one, then comes the dot alone.
std::string stuff_slowly(std::string_view plain) {
  std::string wire;
  bool line_start = true;
  for (const char c : plain) {
    if (line_start && c == '.') wire += '.';
    wire += c;
    line_start = c == '\n';
  }
  return wire + ".\r\n";
}

std::size_t longest_line(std::string_view plain) {
  std::size_t longest = 0;
  while (!plain.empty()) {
    const std::size_t size = plain.find("\r\n") + 2;
    longest = std::max(longest, size);
    plain.remove_prefix(size);
  }
  return longest;
}

// -- what is looked at ----------------------------------------------------------------------------

struct stuffed {
  std::string wire;  // up to the refusal, if there is one
  errc problem = errc::none;
  std::uint64_t size = 0;
  std::uint64_t longest = 0;
  bool eight_bit = false;
};

constexpr std::size_t many = 1U << 20;

// Stuffs the pieces, each in memory of its own that is overwritten when its slices were read: what
// a later piece needs must not be there any more.
stuffed stuff(const std::vector<std::string_view>& pieces, policy p,
              std::size_t max_slices = many) {
  dot_stuffer stuffer(p);
  stuffed seen;
  std::vector<bytes> slices;
  std::string block;
  for (const std::string_view piece : pieces) {
    block.assign(piece);
    bytes in = as_bytes(block);
    while (!in.empty() && seen.problem == errc::none) {
      slices.clear();
      const std::size_t before = in.size();
      seen.problem = stuffer.stuff(in, slices, max_slices);
      EXPECT_LE(slices.size(), max_slices);
      for (const bytes slice : slices) seen.wire += as_text(slice);
      if (seen.problem == errc::none) {
        EXPECT_LT(in.size(), before) << "each call gets on";
      }
      if (in.size() == before) break;
    }
    if (seen.problem != errc::none) break;
    std::fill(block.begin(), block.end(), '!');
  }
  if (seen.problem == errc::none) {
    slices.clear();
    seen.problem = stuffer.finish(slices);
    EXPECT_LE(slices.size(), 2U);
    for (const bytes slice : slices) seen.wire += as_text(slice);
  }
  seen.size = stuffer.size();
  seen.longest = stuffer.longest_line();
  seen.eight_bit = stuffer.eight_bit();
  return seen;
}

void expect_right(const stuffed& seen, const plain_content& plain, std::string_view content) {
  ASSERT_EQ(to_string(seen.problem), to_string(plain.problem)) << printable(content);
  if (plain.problem != errc::none) {
    // What left before the refusal is the beginning of the message, without its terminator
    // (DATA-08).
    const std::string all = stuff_slowly(plain.text);
    ASSERT_EQ(seen.wire, all.substr(0, seen.wire.size())) << printable(content);
    ASSERT_LE(seen.wire.size(), all.size() - 3) << printable(content);
    return;
  }
  ASSERT_EQ(printable(seen.wire), printable(stuff_slowly(plain.text))) << printable(content);
  ASSERT_EQ(seen.size, plain.text.size()) << printable(content);
  ASSERT_EQ(seen.longest, longest_line(plain.text)) << printable(content);
}

// -- receivers ------------------------------------------------------------------------------------

enum class line_end { crlf, lf, cr, crcrlf };
constexpr line_end all_line_ends[] = {line_end::crlf, line_end::lf, line_end::cr, line_end::crcrlf};

// How many octets of the wire a server takes for the message: up to the first line that is a dot
// alone, for a server that sees a line end wherever `e` says. Nothing if it waits for more.
std::optional<std::size_t> end_of_message(std::string_view wire, line_end e) {
  std::string line;
  std::size_t crs = 0;  // in front of this octet
  for (std::size_t i = 0; i < wire.size(); ++i) {
    const char c = wire[i];
    bool ends = false;
    switch (e) {
      case line_end::crlf:  // RFC 5321
        ends = c == '\n' && line.ends_with('\r');
        if (ends) line.pop_back();
        break;
      case line_end::lf:  // with or without CR
        ends = c == '\n';
        if (ends && line.ends_with('\r')) line.pop_back();
        break;
      case line_end::cr:  // with or without LF
        if (c == '\n' && crs == 1) {
          crs = 0;
          continue;  // the rest of the line end before
        }
        ends = c == '\r' || c == '\n';
        break;
      case line_end::crcrlf:  // any number of CR
        ends = c == '\n';
        if (ends) line.erase(line.find_last_not_of('\r') + 1);
        break;
    }
    crs = c == '\r' ? 1 : 0;
    if (!ends) {
      line += c;
      continue;
    }
    if (line == ".") {
      // A server that takes CR alone has the LF still to read.
      return e == line_end::cr && i + 1 < wire.size() && wire[i + 1] == '\n' ? i + 2 : i + 1;
    }
    line.clear();
  }
  return std::nullopt;
}

void expect_one_message(const stuffed& seen, std::string_view content) {
  for (const line_end e : all_line_ends) {
    const std::optional<std::size_t> end = end_of_message(seen.wire, e);
    if (seen.problem == errc::none) {
      ASSERT_EQ(end, seen.wire.size()) << printable(content) << " -> " << printable(seen.wire);
    } else {
      ASSERT_EQ(end, std::nullopt) << printable(content) << " -> " << printable(seen.wire);
    }
  }
}

std::vector<std::string_view> one_by_one(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < text.size(); ++i) pieces.push_back(text.substr(i, 1));
  return pieces;
}

// Whole, octet by octet, and cut once at every place, or, for long content, at random ones.
void check_everywhere(std::string_view content, bool every_cut = true) {
  for (const policy p : {policy::normalize, policy::strict}) {
    const plain_content plain = read_slowly(content, p);
    const auto check = [&](const std::vector<std::string_view>& pieces, std::size_t max_slices) {
      if (::testing::Test::HasFatalFailure()) return;
      const stuffed seen = stuff(pieces, p, max_slices);
      expect_right(seen, plain, content);
      if (!::testing::Test::HasFatalFailure()) expect_one_message(seen, content);
    };
    check({content}, many);
    check({content}, 4);
    check(one_by_one(content), many);
    for (std::size_t cut = 1; every_cut && cut < content.size(); ++cut) {
      check({content.substr(0, cut), content.substr(cut)}, many);
    }

    const content_facts facts = scan_content(as_bytes(content), p);
    ASSERT_EQ(to_string(facts.problem), to_string(plain.problem)) << printable(content);
    if (plain.problem != errc::none) {
      ASSERT_FALSE(facts.plain) << printable(content);
      continue;
    }
    ASSERT_EQ(facts.size, plain.text.size()) << printable(content);
    ASSERT_EQ(facts.longest_line, longest_line(plain.text)) << printable(content);
    ASSERT_EQ(facts.plain, std::string(content) + ".\r\n" == stuff_slowly(plain.text))
        << printable(content);
  }
}

// -- examples -------------------------------------------------------------------------------------

TEST(dot_stuffer, makes_content_transparent) {  // DATA-01 DATA-02 DATA-03 DATA-06
  const struct {
    std::vector<std::string_view> pieces;
    std::string wire;
  } rows[] = {
      {{".a\r\n..\r\n.\r\n"}, "..a\r\n...\r\n..\r\n.\r\n"},  // DATA-01
      {{"x\r", "\n", ".y\r\n"}, "x\r\n..y\r\n.\r\n"},        // DATA-01
      {{"x\r\n", ".", "\r\n"}, "x\r\n..\r\n.\r\n"},          // DATA-01
      {{".", ".", "."}, "....\r\n.\r\n"},                    // DATA-01 DATA-03
      {{"a.b\r\n"}, "a.b\r\n.\r\n"},
      {{"a\r\n"}, "a\r\n.\r\n"},          // DATA-02
      {{"a\r\n\r\n"}, "a\r\n\r\n.\r\n"},  // DATA-02
      {{"\r\n"}, "\r\n.\r\n"},            // DATA-02
      {{"a"}, "a\r\n.\r\n"},              // DATA-03
      {{"a\r"}, "a\r\n.\r\n"},            // DATA-06
      {{""}, ".\r\n"},
      {{"a\n.\nb\rc"}, "a\r\n..\r\nb\r\nc\r\n.\r\n"},  // DATA-06
      {{"a\r", "\nb"}, "a\r\nb\r\n.\r\n"},             // DATA-06
      {{"a\r", "", "\nb"}, "a\r\nb\r\n.\r\n"},         // DATA-06
      {{"a\r", "\r\n"}, "a\r\n\r\n.\r\n"},             // DATA-06
      {{"a\r", ".b"}, "a\r\n..b\r\n.\r\n"},            // DATA-06
      {{"\t\x0b\x7f\r\n"}, "\t\x0b\x7f\r\n.\r\n"},     // DATA-11
  };
  for (const auto& row : rows) {
    const stuffed seen = stuff(row.pieces, policy::normalize);
    EXPECT_EQ(seen.problem, errc::none);
    EXPECT_EQ(printable(seen.wire), printable(row.wire));
  }
}

TEST(dot_stuffer, refuses_bare_line_ends_if_strict) {  // DATA-05
  const struct {
    std::string content;
    errc why;
  } rows[] = {
      {"a\nb\r\n", errc::bare_lf_in_content}, {"a\rb\r\n", errc::bare_cr_in_content},
      {"a\r", errc::bare_cr_in_content},      {"\n", errc::bare_lf_in_content},
      {"\r", errc::bare_cr_in_content},       {"a\r\r\n", errc::bare_cr_in_content},
      {"a\r\n\n", errc::bare_lf_in_content},  {"a\r\nb\r\n", errc::none},
  };
  for (const auto& row : rows) {
    for (const auto& pieces :
         {std::vector<std::string_view>{row.content}, one_by_one(row.content)}) {
      EXPECT_EQ(to_string(stuff(pieces, policy::strict).problem), to_string(row.why))
          << printable(row.content);
      EXPECT_EQ(stuff(pieces, policy::normalize).problem, errc::none) << printable(row.content);
    }
    EXPECT_EQ(scan_content(as_bytes(row.content), policy::strict).problem, row.why);
  }
}

TEST(dot_stuffer, refuses_nul) {  // DATA-11
  for (const std::string& content : {"a\0\r\n"s, "\0"s, "a\r\n\0"s, "a\r\0"s, "\n\0"s}) {
    for (const auto& pieces : {std::vector<std::string_view>{content}, one_by_one(content)}) {
      EXPECT_EQ(stuff(pieces, policy::normalize).problem, errc::nul_in_content);
    }
    EXPECT_EQ(scan_content(as_bytes(content), policy::normalize).problem, errc::nul_in_content);
  }
}

TEST(dot_stuffer, measures_lines) {  // DATA-09
  const struct {
    std::string content;
    std::uint64_t longest;
  } rows[] = {
      {std::string(998, 'x') + "\r\n", 1000},
      {std::string(999, 'x') + "\r\n", 1001},
      {"." + std::string(997, 'x') + "\r\n", 1000},  // the stuffed dot is not counted
      {std::string(998, 'x'), 1000},                 // the CRLF that will be added is
      {std::string(998, 'x') + "\n", 1000},
      {"a\r\n" + std::string(998, 'x') + "\nb\r\n", 1000},
      {"", 0},
  };
  for (const auto& row : rows) {
    for (const auto& pieces :
         {std::vector<std::string_view>{row.content}, one_by_one(row.content)}) {
      EXPECT_EQ(stuff(pieces, policy::normalize).longest, row.longest);
    }
    EXPECT_EQ(scan_content(as_bytes(row.content), policy::normalize).longest_line, row.longest);
  }
}

TEST(dot_stuffer, notices_eight_bits_at_every_place) {  // DATA-10 EXT-08
  for (std::size_t size = 1; size < 100; ++size) {
    const std::string ascii(size, '\x7f');
    EXPECT_FALSE(stuff({ascii}, policy::normalize).eight_bit);
    EXPECT_FALSE(scan_content(as_bytes(ascii), policy::normalize).eight_bit);
    for (std::size_t at = 0; at < size; ++at) {
      std::string content = ascii;
      content[at] = '\x80';
      EXPECT_TRUE(stuff({content}, policy::normalize).eight_bit) << at << " of " << size;
      EXPECT_TRUE(stuff(one_by_one(content), policy::normalize).eight_bit);
      EXPECT_TRUE(scan_content(as_bytes(content), policy::normalize).eight_bit);
      content = "a\r\n" + content;
      EXPECT_TRUE(scan_content(as_bytes(content), policy::normalize).eight_bit);
    }
  }
}

TEST(dot_stuffer, lends_the_callers_octets) {  // DATA-01
  const std::string content = "first\r\n.second\r\n..third\r\nlast\r\n";
  dot_stuffer stuffer;
  std::vector<bytes> slices;
  bytes in = as_bytes(content);
  ASSERT_EQ(stuffer.stuff(in, slices, 64), errc::none);
  ASSERT_EQ(slices.size(), 3U) << "a slice more for each dot";
  for (const bytes slice : slices) {
    EXPECT_GE(slice.data(), content.data());
    EXPECT_LE(slice.data() + slice.size(), content.data() + content.size());
  }
  // Stuffing by overlap: a slice ends just behind the dot on which the next one begins.
  for (std::size_t i = 0; i + 1 < slices.size(); ++i) {
    const char* const end = slices[i].data() + slices[i].size();
    EXPECT_EQ(slices[i + 1].data(), end - 1);
    EXPECT_EQ(end[-1], '.');
  }
  // Plain content is one slice, whatever its size.
  std::string plain;
  while (plain.size() < 1'000'000) plain += "A line as lines are in mail: not short.\r\n";
  slices.clear();
  in = as_bytes(plain);
  ASSERT_EQ(stuffer.stuff(in, slices, 64), errc::none);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(slices[0].data(), plain.data());
  EXPECT_EQ(slices[0].size(), plain.size());
}

TEST(dot_stuffer, is_bounded_in_each_call) {  // CORE-08
  std::string content;
  for (int i = 0; i < 1000; ++i) content += ".\n.\r\n\r\r.x";
  const std::string expected = stuff_slowly(read_slowly(content, policy::normalize).text);
  for (const std::size_t max_slices : {4U, 5U, 6U, 7U, 64U}) {
    EXPECT_EQ(stuff({content}, policy::normalize, max_slices).wire, expected) << max_slices;
  }
  // Slices that are there already are not counted.
  dot_stuffer stuffer;
  std::vector<bytes> slices(10);
  bytes in = as_bytes(content);
  ASSERT_EQ(stuffer.stuff(in, slices, 4), errc::none);
  EXPECT_GT(slices.size(), 10U);
  EXPECT_LE(slices.size(), 14U);
}

TEST(dot_stuffer, an_error_says_what_was_eaten) {  // DATA-08
  const std::string content = "good\r\n.also good\r\nbad\nnever\r\n";
  dot_stuffer stuffer(policy::strict);
  std::vector<bytes> slices;
  bytes in = as_bytes(content);
  ASSERT_EQ(stuffer.stuff(in, slices, 64), errc::bare_lf_in_content);
  std::string wire;
  for (const bytes slice : slices) wire += as_text(slice);
  EXPECT_EQ(wire, "good\r\n..also good\r\nbad") << "up to the last valid octet";
}

// -- smuggling ------------------------------------------------------------------------------------

TEST(dot_stuffer, lets_no_sequence_end_the_message) {  // DATA-05 DATA-07 SEC-02
  const std::string sequences[] = {"\n.\n",   "\n.\r\n",       "\r\n.\n",   "\r.\r",
                                   "\r\n.\r", "\r.\r\n",       "\r\n.\r\n", "\r.\n",
                                   "\n.\r",   "\r\r\n.\r\r\n", "\n\r.\n\r", "\r\n.\r\n.\r\n"};
  for (const std::string& sequence : sequences) {
    for (const std::size_t before : {0U, 1U, 13U, 14U, 15U, 16U, 60U, 63U, 64U, 65U}) {
      for (const std::size_t after : {0U, 1U, 20U, 70U}) {
        check_everywhere(std::string(before, 'x') + sequence + std::string(after, 'y'));
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(dot_stuffer, is_right_for_all_short_strings) {
  // DATA-01 DATA-02 DATA-03 DATA-04 DATA-05 DATA-06 DATA-07 DATA-11
  const std::string_view alphabet(".\r\na\0", 5);
  test::for_each_string(alphabet, 0, 6, [](const std::string& content) {
    if (!::testing::Test::HasFatalFailure()) check_everywhere(content);
  });
  test::for_each_string(alphabet, 7, 8, [](const std::string& content) {
    if (!::testing::Test::HasFatalFailure()) check_everywhere(content, false);
  });
}

TEST(dot_stuffer, is_right_at_the_borders_of_blocks) {
  // DATA-01 DATA-02 DATA-03 DATA-04 DATA-05 DATA-06 DATA-07 DATA-11
  // Long content is looked at in blocks of 16 and 64 octets: all that is short, at every such
  // place.
  const std::string_view alphabet(".\r\na\0", 5);
  const struct { std::size_t least, most; } places[] = {{11, 17}, {59, 65}, {76, 81}};
  test::for_each_string(alphabet, 1, 4, [&](const std::string& middle) {
    for (const auto& place : places) {
      for (std::size_t before = place.least; before <= place.most; ++before) {
        for (const std::size_t after : {0U, 17U}) {
          if (::testing::Test::HasFatalFailure()) return;
          const std::string content = std::string(before, 'x') + middle + std::string(after, 'y');
          check_everywhere(content, false);
        }
      }
    }
  });
}

TEST(dot_stuffer, is_right_for_random_content) {
  // DATA-01 DATA-02 DATA-03 DATA-04 DATA-05 DATA-06 DATA-07 DATA-09 DATA-11
  std::mt19937 random(4531);
  const std::string words[] = {".",    "\r\n",    "\r\n",
                               "\r\n", "\n",      "\r",
                               "..",   "a",       "some text that is longer than a block of octets",
                               "\t",   "\xC3\xA9"};
  for (int i = 0; i < 4000; ++i) {
    std::string content;
    for (std::size_t n = test::pick(random, 60); n != 0; --n) {
      content += words[test::pick(random, std::size(words))];
    }
    if (test::pick(random, 20) == 0 && !content.empty()) {
      content[test::pick(random, content.size())] = '\0';
    }
    check_everywhere(content, false);
    for (const policy p : {policy::normalize, policy::strict}) {
      const plain_content plain = read_slowly(content, p);
      const std::size_t most = 1 + test::pick(random, 80);
      const stuffed seen =
          stuff(test::random_pieces(random, content, most), p, 4 + test::pick(random, 10));
      expect_right(seen, plain, content);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace

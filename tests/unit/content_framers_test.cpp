// Content through either framer, however it is given and however the output is taken.
#include "chunk_framer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "content_source.hpp"
#include "dot_framer.hpp"
#include "line_scan.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::detail;
using namespace std::string_view_literals;
using policy = line_end_policy;

// Takes all that is staged.
void take(output_stage& out, std::string& wire) {
  std::size_t n = 0;
  for (const bytes view : out.lend()) {
    wire += as_text(view);
    n += view.size();
  }
  out.took(n);
}

// What a receiver must get: CRLF line ends only.
std::string canonical(std::string_view content) {
  std::string lines;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    if (c == '\r' && i + 1 < content.size() && content[i + 1] == '\n') ++i;
    if (c == '\r' || c == '\n') {
      lines += "\r\n";
    } else {
      lines += c;
    }
  }
  if (!lines.empty() && !lines.ends_with("\r\n")) lines += "\r\n";
  return lines;
}

std::string dotted(std::string_view lines) {
  std::string wire;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == '.' && (i == 0 || lines[i - 1] == '\n')) wire += '.';
    wire += lines[i];
  }
  return wire + ".\r\n";
}

// Writes what is at hand and all that follows without another piece.
errc write_all(dot_framer& framer, std::uint64_t, std::string& wire) {
  output_stage out;
  while (!framer.finished() && !framer.starved()) {
    if (const errc wrong = framer.read(); wrong != errc::none) return wrong;
    framer.write(out);
    take(out, wire);
  }
  return errc::none;
}

// The same in chunks, each with its line.
errc write_all(chunk_framer& framer, std::uint64_t most, std::string& wire) {
  output_stage out;
  while (!framer.finished()) {
    if (const errc wrong = framer.measure(); wrong != errc::none) return wrong;
    const chunk_size chunk = framer.next(most);
    EXPECT_LE(chunk.octets, most);
    framer.begin(chunk);
    if (chunk.octets == 0 && !chunk.last) {
      EXPECT_TRUE(framer.starved());
      break;
    }
    wire += "BDAT " + std::to_string(chunk.octets) + (chunk.last ? " LAST\r\n" : "\r\n");
    const std::size_t before = wire.size();
    while (!framer.chunk_written()) {
      framer.write(out);
      take(out, wire);
    }
    EXPECT_EQ(wire.size() - before, chunk.octets) << "a chunk has the size of its line";
    EXPECT_EQ(framer.finished(), chunk.last);
  }
  return errc::none;
}

// Reads the chunks as a server does: their octets, up to the last one, behind which nothing comes.
std::string dechunked(std::string_view wire) {
  std::string content;
  for (bool last = false; !last;) {
    const std::size_t end = wire.find("\r\n");
    if (end == std::string_view::npos) {
      ADD_FAILURE() << "no last chunk";
      return content;
    }
    const std::string line(wire.substr(0, end));
    wire.remove_prefix(end + 2);
    last = line.ends_with(" LAST");
    const std::size_t n = std::stoul(line.substr(5));
    content += wire.substr(0, n);
    wire.remove_prefix(n);
  }
  EXPECT_TRUE(wire.empty());
  return content;
}

void check(std::string_view content, std::size_t piece, std::uint64_t most) {
  const std::string lines = canonical(content);
  dot_places dots;
  const content_facts facts = look_at(as_bytes(content), policy::normalize, line_limit, dots);
  ASSERT_EQ(facts.problem, errc::none);
  std::string wire;
  dot_framer by_dots;
  by_dots.start(policy::normalize, as_bytes(content), facts, dots);
  ASSERT_EQ(write_all(by_dots, most, wire), errc::none);
  ASSERT_EQ(wire, dotted(lines));
  wire.clear();
  chunk_framer by_chunks;
  by_chunks.start(as_bytes(content), facts.size, facts.canonical, policy::normalize);
  ASSERT_EQ(write_all(by_chunks, most, wire), errc::none);
  ASSERT_EQ(dechunked(wire), lines);

  const auto stream = [&](auto& framer) {
    std::string all;
    std::string block;
    for (std::size_t at = 0; !framer.finished(); at += piece) {
      block = at < content.size() ? content.substr(at, piece) : std::string_view();
      framer.give(as_bytes(block), at + piece >= content.size());
      EXPECT_EQ(write_all(framer, most, all), errc::none);
    }
    EXPECT_EQ(framer.counted().size(), lines.size());
    return all;
  };
  by_dots.start_stream(policy::normalize);
  ASSERT_EQ(stream(by_dots), dotted(lines));
  by_chunks.start_stream(policy::normalize, false);
  ASSERT_EQ(dechunked(stream(by_chunks)), lines);
  by_chunks.start_stream(policy::strict, true);
  const std::string as_it_is(content);
  std::string chunks;
  by_chunks.give(as_bytes(as_it_is), true);
  ASSERT_EQ(write_all(by_chunks, most, chunks), errc::none);
  ASSERT_EQ(dechunked(chunks), as_it_is) << "binary content passes as it is";
}

TEST(content_framers, both_framers_give_the_same_content) {  // DATA-01 DATA-03 DATA-06 BDAT-12
  constexpr std::string_view contents[] = {"",
                                           "a",
                                           "a\r\n",
                                           "a\nb",
                                           ".\r\n.a\r\n\r\n..\r\n",
                                           "\r",
                                           "a\r",
                                           "a\r\r\nb\n\r.c",
                                           ".\n.\r.\r\n",
                                           "\n\n\n",
                                           "a\r\n.",
                                           "\r\n.\r\nMAIL FROM:<x>\r\n"};
  for (const std::string_view content : contents) {
    for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
      for (const std::uint64_t most : {1U, 2U, 5U, 1000U}) check(content, piece, most);
    }
  }
}

TEST(content_framers, any_content_is_written_in_any_pieces) {
  std::mt19937 random(3);
  const auto below = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    std::string content;
    const std::size_t size = below(20) == 0 ? 300'000 : below(3000);
    const std::size_t width = 1 + below(120);
    const std::size_t dotted = 1 + below(10);
    const bool mixed = below(3) == 0;
    while (content.size() < size) {
      if (below(dotted) == 0) content += '.';
      content.append(below(width), 'x');
      content += mixed && below(4) == 0 ? (below(2) == 0 ? "\n"sv : "\r"sv) : "\r\n"sv;
    }
    check(content, 1 + below(100'000), 1 + below(100'000));
  }
}

// Lines of a dot only, and every line with a dot: copied many at a time, and more of them than
// there is room to remember.
TEST(content_framers, short_dotted_lines) {
  for (const std::string_view line :
       {".\r\n"sv, "..\r\n"sv, ".one line of many\r\n"sv, "\r\n.\r\n"sv}) {
    std::string content = "begin\r\n";
    while (content.size() < 400'000) content += line;
    content +=
        "and the end, longer than what is copied together: " + std::string(2000, 'x') + "\r\n.";
    check(content, 70'000, 262'144);
  }
}

TEST(content_framers, a_chunk_is_known_before_its_line) {  // BDAT-03 BDAT-04
  chunk_framer framer;
  framer.start_stream(policy::normalize, false);
  std::string wire;
  framer.give(as_bytes("hello"), false);
  ASSERT_EQ(write_all(framer, 1000, wire), errc::none);
  EXPECT_EQ(wire, "BDAT 5\r\nhello");
  framer.give(as_bytes("\r\n.a\r\n"), false);
  ASSERT_EQ(write_all(framer, 1000, wire), errc::none);
  framer.give({}, true);
  ASSERT_EQ(write_all(framer, 1000, wire), errc::none);
  EXPECT_EQ(wire, "BDAT 5\r\nhelloBDAT 6\r\n\r\n.a\r\nBDAT 0 LAST\r\n");
}

TEST(content_framers, what_must_not_be_sent_is_found_before_the_chunk) {  // BDAT-12 DATA-05 DATA-11
  chunk_framer framer;
  framer.start_stream(policy::strict, false);
  framer.give(as_bytes("good\r\nbad\n"), true);
  EXPECT_EQ(framer.measure(), errc::bare_lf_in_content);
  framer.start_stream(policy::normalize, false);
  framer.give(bytes("a\0b", 3), true);
  EXPECT_EQ(framer.measure(), errc::nul_in_content);
  framer.start_stream(policy::normalize, false);
  framer.give(as_bytes("\xC3\xA4\r\n"), false);
  ASSERT_EQ(framer.measure(), errc::none);
  EXPECT_TRUE(framer.counted().eight_bit());
  EXPECT_EQ(framer.counted().size(), 4U);
}

// Content just above what is staged at a time goes in one write: a tail would wait for a poll.
TEST(content_framers, a_short_tail_goes_along) {
  std::string content;
  while (content.size() < output_stage::enough_octets) {
    content += std::string(998, 'x') + "\r\n";
    if (content.size() % 5 == 0) content += ".dot\r\n";
  }
  content += "tail\r\n";
  dot_places dots;
  const content_facts facts = look_at(as_bytes(content), policy::normalize, line_limit, dots);
  ASSERT_TRUE(facts.dotted);
  dot_framer framer;
  framer.start(policy::normalize, as_bytes(content), facts, dots);
  output_stage out;
  ASSERT_EQ(framer.read(), errc::none);
  framer.write(out);
  EXPECT_TRUE(framer.finished());
}

}  // namespace

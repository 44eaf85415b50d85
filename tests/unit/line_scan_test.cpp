// All kinds of blocks find the same, whatever this processor would choose.
#include "line_scan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "content_source.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::detail;

struct found {
  std::vector<std::size_t> dots;
  std::size_t stop;
  std::uint64_t line;
  std::uint64_t longest;
  bool eight_bit;

  friend bool operator==(const found&, const found&) = default;
  friend std::ostream& operator<<(std::ostream& out, const found& f) {
    return out << f.stop << ", line " << f.line << ", longest " << f.longest << ", eight bit "
               << f.eight_bit << ", dots " << f.dots.size();
  }
};

template <class Skip>
found look(std::string_view text, std::uint64_t longest, Skip skip) {
  const char* const begin = text.data();
  dot_places places;
  line_meter lines(begin, 0, longest);
  line_notes notes{&places};
  const char* const stop = skip(begin, begin + text.size(), lines, notes);
  std::vector<std::size_t> dots;
  for (std::size_t i = 0; i < places.size(); ++i) {
    dots.push_back(static_cast<std::size_t>(places[i] - begin));
  }
  return {dots, static_cast<std::size_t>(stop - begin), lines.so_far(stop), lines.longest(),
          notes.eight_bit};
}

/// Octet by octet.
found expected(std::string_view text, std::uint64_t longest) {
  found f{{}, text.size(), 0, longest, false};
  std::size_t line = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char before = i == 0 ? ' ' : text[i - 1];
    if (text[i] == '\0' || (before != '\r' && text[i] == '\n') ||
        (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'))) {
      f.stop = i;
      break;
    }
    f.eight_bit |= static_cast<unsigned char>(text[i]) > 127;
    if (before == '\n' && text[i] == '.') f.dots.push_back(i);
    if (text[i] == '\n') {
      f.longest = std::max<std::uint64_t>(f.longest, i + 1 - line);
      line = i + 1;
    }
  }
  f.line = f.stop - line;
  return f;
}

template <class Find>
std::vector<std::size_t> dots(std::string_view text, Find find) {
  std::vector<std::size_t> places;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  for (const char* p = begin; (p = find(p, end)) != end;) {
    places.push_back(static_cast<std::size_t>(p - begin));
  }
  return places;
}

std::vector<std::size_t> expected_dots(std::string_view text) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; (at = text.find("\n.", at)) != std::string_view::npos;) {
    places.push_back(++at);
  }
  return places;
}

/// What `copy_doubled` made, and what it left, stuffed the slow way.
template <class Copy>
std::string doubled(std::string_view text, Copy copy) {
  std::vector<char> to(2 * text.size() + 128);
  const copied done = copy(text.data(), text.data() + text.size(), to.data());
  std::string all(to.data(), static_cast<std::size_t>(done.to - to.data()));
  const auto read = static_cast<std::size_t>(done.from - text.data());
  EXPECT_LE(read, text.size());
  EXPECT_LE(text.size() - read, 129U) << "it stops only near the end";
  const bool dot_next =
      read != 0 && read < text.size() && text[read] == '.' && text[read - 1] == '\n';
  EXPECT_EQ(done.at_dot, dot_next);
  for (std::size_t i = read; i < text.size(); ++i) {
    if (i > read && text[i] == '.' && text[i - 1] == '\n') all += '.';
    all += text[i];
  }
  return all;
}

std::string expected_doubled(std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i != 0 && text[i] == '.' && text[i - 1] == '\n') all += '.';
    all += text[i];
  }
  return all;
}

void compare(const std::string& text, std::uint64_t longest = 0) {
  // In memory of its own size, so that a sanitizer sees each step beyond it.
  const std::vector<char> exact(text.begin(), text.end());
  const std::string_view view(exact.data(), exact.size());
  const found want = expected(view, longest);
  EXPECT_EQ(look(view, longest, skip_canonical_by<block_of_four<scalar_block>>), want) << text;
  EXPECT_EQ(look(view, longest, skip_canonical_by<block_of_four<octet_block>>), want) << text;
  const std::vector<std::size_t> want_dots = expected_dots(view);
  EXPECT_EQ(dots(view, find_dotted_line_by<block_of_four<scalar_block>>), want_dots) << text;
  EXPECT_EQ(dots(view, find_dotted_line_by<block_of_four<octet_block>>), want_dots) << text;
  const std::string want_doubled = expected_doubled(view);
  EXPECT_EQ(doubled(view, copy_doubled_by<block_of_four<scalar_block>>), want_doubled);
  EXPECT_EQ(doubled(view, copy_doubled_by<block_of_four<octet_block>>), want_doubled);
#if defined(__SSE2__) && defined(__GNUC__)
  if (has_avx2()) {
    EXPECT_EQ(doubled(view, copy_doubled_by_avx2), want_doubled);
    EXPECT_EQ(look(view, longest, skip_canonical_by_avx2), want) << text;
    EXPECT_EQ(dots(view, find_dotted_line_by_avx2), want_dots) << text;
  }
#endif
}

TEST(line_scan, every_kind_of_block_finds_the_same) {
  std::mt19937 random(1);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random()) % n; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const std::size_t size = below(400);
    const unsigned rare = 20 + below(2000);  // how seldom something needs care
    const unsigned width = 1 + below(30);    // of lines, about
    while (text.size() < size) {
      if (below(rare) == 0) {
        constexpr std::string_view odd("\0\n\r.\t\x80", 6);
        text += odd[below(odd.size())];
      } else if (below(width) == 0) {
        text += below(4) == 0 ? "\r\n." : "\r\n";
      } else {
        text += 'a';
      }
    }
    compare(text, below(4) == 0 ? below(100) : 0);
    if (HasFailure()) break;
  }
}

TEST(line_scan, a_stop_at_each_place_of_a_block) {
  for (const std::string_view odd :
       {std::string_view("\0", 1), std::string_view("\n"), std::string_view("\r"),
        std::string_view("\r\n."), std::string_view("\t"), std::string_view("\xC3\xA4"),
        std::string_view("\x80\xFF\r\x80"), std::string_view("\x8E\r\n\x8D\r\n.\xFF"),
        std::string_view("\r\n\r\n\r\n\r\n"), std::string_view("\r\n.\r\n.\r\n.\r\n.\r\n"),
        std::string_view("\r\na\r\nb\r\n\r\nabc\r\n."), std::string_view("\r\n\r\n\r\n\n"),
        std::string_view("\r\n\r\n\r\n\r\r"), std::string_view("\r\n\r\n\r\n\t\r\n\x80\0", 11)}) {
    for (std::size_t before = 0; before < 140; ++before) {
      for (const std::size_t behind : {0U, 1U, 2U, 3U, 61U, 62U, 63U, 64U, 65U, 66U, 130U}) {
        compare(std::string(before, 'x').append(odd).append(behind, 'y'));
      }
    }
  }
}

// Where lines are short, only lengths that grow are looked at one by one.
TEST(line_scan, the_longest_of_short_lines) {
  for (std::size_t longest = 1; longest < 70; ++longest) {
    for (std::size_t before = 0; before < 130; ++before) {
      std::string text;
      while (text.size() < before) text += "\r\n";
      text += std::string(longest, 'x') + "\r\n";
      for (int i = 0; i < 40; ++i) text += "\r\n";
      compare(text);
      compare(text, longest + before % 5);
    }
    if (HasFailure()) break;
  }
}

TEST(line_scan, places_of_dots_are_kept_up_to_a_limit) {
  const std::string content = ".a\r\n.b\r\n" + std::string(100, 'x') + "\r\n.c\r\n";
  for (std::size_t room = 0; room < 5; ++room) {
    dot_places dots(room);
    const content_facts facts =
        look_at(sansmtp::as_bytes(content), line_end_policy::normalize, 0, dots);
    EXPECT_TRUE(facts.dotted);
    EXPECT_EQ(dots.size(), std::min<std::size_t>(room, 3));
    EXPECT_EQ(dots.complete(), room >= 3);
  }
}

}  // namespace

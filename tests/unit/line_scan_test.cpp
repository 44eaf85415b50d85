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

namespace {

using namespace sansmtp::detail;

struct found {
  std::size_t stop;
  std::uint64_t line;
  std::uint64_t longest;
  bool eight_bit;

  friend bool operator==(const found&, const found&) = default;
  friend std::ostream& operator<<(std::ostream& out, const found& f) {
    return out << f.stop << ", line " << f.line << ", longest " << f.longest << ", eight bit "
               << f.eight_bit;
  }
};

template <class Skip>
found look(std::string_view text, Skip skip) {
  const char* const begin = text.data();
  line_meter lines(begin, 0, 0);
  bool eight_bit = false;
  const char* const stop = skip(begin + 1, begin + text.size(), lines, eight_bit);
  return {static_cast<std::size_t>(stop - begin), lines.so_far(stop), lines.longest(), eight_bit};
}

/// Octet by octet.
found expected(std::string_view text) {
  found f{text.size(), 0, 0, false};
  std::size_t line = 0;
  for (std::size_t i = 1; i <= text.size(); ++i) {
    const char before = text[i - 1];
    const bool stops = i < text.size() &&
                       (text[i] == '\0' || (before == '\r' && text[i] != '\n') ||
                        (before != '\r' && text[i] == '\n') || (before == '\n' && text[i] == '.'));
    if (before == '\n') {
      f.longest = std::max<std::uint64_t>(f.longest, i - line);
      line = i;
    }
    if (stops) {
      f.stop = i;
      break;
    }
  }
  f.line = f.stop - line;
  for (std::size_t i = 1; i < f.stop; ++i) f.eight_bit |= static_cast<unsigned char>(text[i]) > 127;
  return f;
}

void compare(const std::string& text) {
  // In memory of its own size, so that a sanitizer sees each step beyond it.
  const std::vector<char> exact(text.begin(), text.end());
  const std::string_view view(exact.data(), exact.size());
  const found want = expected(view);
  EXPECT_EQ(look(view, skip_ordinary_by<block_of_four<scalar_block>>), want) << text;
  EXPECT_EQ(look(view, skip_ordinary_by<block_of_four<octet_block>>), want) << text;
#if defined(__SSE2__) && defined(__GNUC__)
  if (has_avx2()) {
    EXPECT_EQ(look(view, skip_ordinary_by_avx2), want) << text;
  }
#endif
}

TEST(line_scan, every_kind_of_block_finds_the_same) {
  std::mt19937 random(1);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random()) % n; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text = "x";
    const std::size_t size = 1 + below(400);
    const unsigned rare = 20 + below(2000);  // how seldom something needs care
    while (text.size() < size) {
      if (below(rare) == 0) {
        constexpr std::string_view odd("\0\n\r.\t\x80", 6);
        text += odd[below(odd.size())];
      } else if (below(20) == 0) {
        text += "\r\n";
      } else {
        text += 'a';
      }
    }
    compare(text);
    if (HasFailure()) break;
  }
}

TEST(line_scan, a_stop_at_each_place_of_a_block) {
  for (const std::string_view odd :
       {std::string_view("\0", 1), std::string_view("\n"), std::string_view("\r"),
        std::string_view("\r\n."), std::string_view("\t"), std::string_view("\xC3\xA4"),
        std::string_view("\x80\xFF\r\x80"), std::string_view("\x8E\r\n\x8D\r\n.\xFF")}) {
    for (std::size_t before = 1; before < 140; ++before) {
      for (const std::size_t behind : {0U, 1U, 2U, 3U, 61U, 62U, 63U, 64U, 65U, 130U}) {
        compare(std::string(before, 'x').append(odd).append(behind, 'y'));
      }
    }
  }
}

}  // namespace

// Strings for exhaustive and for random tests.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::test {

/// Calls `f` with every string over `alphabet` of `least` to `most` octets.
template <class F>
void for_each_string(std::string_view alphabet, std::size_t least, std::size_t most, F f) {
  for (std::size_t size = least; size <= most; ++size) {
    std::vector<std::size_t> letters(size, 0);
    std::string text(size, alphabet[0]);
    for (;;) {
      f(text);
      std::size_t i = 0;
      while (i < size && ++letters[i] == alphabet.size()) {
        letters[i] = 0;
        text[i] = alphabet[0];
        ++i;
      }
      if (i == size) break;
      text[i] = alphabet[letters[i]];
    }
  }
}

/// A number below `end`. `std::uniform_int_distribution` gives other numbers with other libraries.
inline std::size_t pick(std::mt19937& random, std::size_t end) { return random() % end; }

/// `size` letters of `alphabet`.
inline std::string random_string(std::mt19937& random, std::string_view alphabet,
                                 std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.push_back(alphabet[pick(random, alphabet.size())]);
  return text;
}

/// The text cut into pieces of 1 to `most` octets.
inline std::vector<std::string_view> random_pieces(std::mt19937& random, std::string_view text,
                                                   std::size_t most) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    pieces.push_back(text.substr(0, 1 + pick(random, most)));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}

}  // namespace sansmtp::test

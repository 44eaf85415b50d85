// Chance that comes from outside: the same seed gives the same numbers everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace sansmtp::routing {

/// A generator of numbers (splitmix64). Good enough to spread load, of no use for secrets.
class seeded {
 public:
  explicit constexpr seeded(std::uint64_t seed) noexcept : state_(seed) {}

  constexpr std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  /// A number below `n`, each as likely as any other.
  constexpr std::uint64_t below(std::uint64_t n) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t limit = most - most % n;
    std::uint64_t x = next();
    while (x >= limit) x = next();
    return x % n;
  }

  /// Puts what stands between the iterators into an order, each as likely as any other.
  template <class Iterator>
  constexpr void shuffle(Iterator begin, Iterator end) noexcept {
    for (auto left = static_cast<std::uint64_t>(end - begin); left > 1; --left) {
      std::swap(begin[static_cast<std::ptrdiff_t>(left - 1)],
                begin[static_cast<std::ptrdiff_t>(below(left))]);
    }
  }

 private:
  std::uint64_t state_;
};

/// A number for a text (FNV-1a), to tell texts apart where nothing depends on it.
[[nodiscard]] constexpr std::uint64_t number_of(std::string_view text) noexcept {
  std::uint64_t n = 0xCBF29CE484222325U;
  for (const char c : text) n = (n ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return n;
}

}  // namespace sansmtp::routing

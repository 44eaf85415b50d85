// A fuzzer's octets as the decisions of everybody who takes part.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sansmtp::fuzz {

/// Reads the input of a fuzz target: one octet for each decision, zeros when it is used up. A copy
/// makes the same decisions again. The octets must live as long as any copy.
class decisions {
 public:
  decisions(const std::uint8_t* at, std::size_t size) noexcept : at_(at), end_(at + size) {}

  /// Getter: is the input used up?
  [[nodiscard]] bool empty() const noexcept { return at_ == end_; }
  /// Input: the next octet.
  unsigned octet() noexcept { return at_ == end_ ? 0 : *at_++; }
  /// Input: a number below `n`, 256 at most.
  unsigned below(unsigned n) noexcept { return octet() % n; }
  /// Input: true once in `n` times; never when the input is used up.
  bool one_in(unsigned n) noexcept { return !empty() && below(n) == n - 1; }
  /// Input: the same for numbers of any size.
  bool odd(unsigned n) noexcept {
    if (empty()) return false;
    // One by one: compilers differ in which side of an operator they do first.
    const unsigned high = octet();
    const unsigned low = octet();
    return (high << 8 | low) % n == 0;
  }

  /// Input: some text: its length, below `most`, then its octets.
  std::string_view text(unsigned most) noexcept {
    const std::size_t size = below(most);
    return take(std::min(size, left()));
  }
  /// Input: all that is left.
  std::string_view rest() noexcept { return take(left()); }

 private:
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  std::string_view take(std::size_t size) noexcept {
    const std::string_view text(reinterpret_cast<const char*>(at_), size);
    at_ += size;
    return text;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace sansmtp::fuzz

// Texts that are alike but for a number that counts up: one pattern instead of many lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::script {

/// The numbers of a repetition, both ends included.
struct number_range {
  std::uint64_t first = 1;
  std::uint64_t last = 0;

  /// Getter: how many numbers there are.
  [[nodiscard]] std::uint64_t count() const noexcept { return last - first + 1; }
};

/// Getter: `300` for the numbers 1 to 300, `5-8` for others.
[[nodiscard]] std::string to_string(number_range range);

/// Getter: the pattern with the number in place of each `#`.
[[nodiscard]] std::string numbered(std::string_view pattern, std::uint64_t number);

/// Texts that one pattern stands for.
struct numbered_run {
  std::string pattern;
  number_range numbers;
};

/// Finds the runs in texts, which must outlive it. It remembers the last one, so that who does not
/// take a run as one, and asks again at the next text, does not have it compared once more.
class run_finder {
 public:
  explicit run_finder(const std::vector<std::string_view>& texts) : texts_(texts) {}

  /// Getter: the longest run of texts from `texts[from]` on that a pattern with a `#` makes;
  /// nothing if it is so short that it reads better written out. `from` never decreases.
  [[nodiscard]] std::optional<numbered_run> at(std::size_t from);

 private:
  [[nodiscard]] std::optional<numbered_run> find(std::size_t from) const;

  const std::vector<std::string_view>& texts_;
  std::optional<numbered_run> found_;
  std::size_t begin_ = 0;  // of what was found,
  std::size_t end_ = 0;    // up to here
};

}  // namespace sansmtp::script

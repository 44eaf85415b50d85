// A place in one line of a transcript.
#pragma once

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "names.hpp"
#include "numbered.hpp"

namespace sansmtp::script {

/// Reads the words of a line. The first failure is kept with its column; after it everything read
/// is empty, so that only the end of a line has to ask whether all went well.
class cursor {
 public:
  /// `budget` is what strings may still expand to in the whole transcript.
  cursor(std::string_view line, std::size_t& budget) noexcept : line_(line), budget_(&budget) {}

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] std::uint32_t column() const noexcept { return column_; }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  /// Command: remembers what is wrong, at the last word read or where the cursor stands.
  void fail(std::string what) { fail_at(word_, std::move(what)); }
  void fail_at(std::size_t position, std::string what);

  /// Getter: is there nothing left but blanks?
  [[nodiscard]] bool at_end();
  /// Getter: the next octet that is no blank; 0 at the end.
  [[nodiscard]] char peek();
  /// Getter: the next octet, a blank too; 0 at the end.
  [[nodiscard]] char next() const noexcept { return at_ < line_.size() ? line_[at_] : '\0'; }
  /// Input: eats `c` if it is the next octet, blanks before it included.
  bool take(char c);
  /// Input: the same for an octet that must follow at once.
  bool take_here(char c);

  /// Input: octets up to a blank or one of `stops`; at least one.
  [[nodiscard]] std::string_view word(std::string_view stops = {});
  /// Input: strings in quotes or a bare word.
  [[nodiscard]] std::string value(std::string_view stops = {});
  /// Input: the same for what stands behind '=', at once, and may be empty.
  [[nodiscard]] std::string value_here(std::string_view stops = {});
  /// Input: one string or more, each perhaps repeated.
  [[nodiscard]] std::string strings();
  /// Input: one string in quotes, perhaps repeated.
  [[nodiscard]] std::string one_string();
  /// Input: all the rest, with escapes, blanks included.
  [[nodiscard]] std::string raw_rest();
  /// Input: the rest as it is.
  [[nodiscard]] std::string_view rest();

  [[nodiscard]] std::uint64_t number(std::uint64_t max, std::string_view stops = {});
  /// Input: the numbers of a repetition: `300` or `5-8`.
  [[nodiscard]] number_range range(std::string_view stops);
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view stops = {});

  /// Input: a word that must be an enumerator's name.
  template <class Enum>
  [[nodiscard]] Enum name(const char* kind, std::string_view stops = {}) {
    const std::string_view text = word(stops);
    const auto found = from_name<Enum>(text);
    if (!found) fail("'" + std::string(text) + "' is no " + kind);
    return found.value_or(Enum{});
  }

  /// Input: what a pattern makes of each number, one behind the other, within the budget.
  [[nodiscard]] std::string repeated(std::string_view pattern, number_range numbers);

  /// Command: charges memory to the transcript's budget.
  bool charge(std::size_t octets);

 private:
  bool escape(std::string& out);

  std::string_view line_;
  std::size_t at_ = 0;
  std::size_t word_ = 0;  // where the last word began
  std::size_t* budget_;
  std::string problem_;
  std::uint32_t column_ = 0;
  bool failed_ = false;
};

/// Getter: a decimal number of digits only.
[[nodiscard]] inline std::optional<std::uint64_t> to_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace sansmtp::script

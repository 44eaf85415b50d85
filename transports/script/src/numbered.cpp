#include "numbered.hpp"

#include <algorithm>
#include <utility>

#include "cursor.hpp"

namespace sansmtp::script {
namespace {

// From here on a pattern is easier to read than what it stands for.
constexpr std::size_t many_texts = 4;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Getter: how many of the first octets are digits, or are none: a part of a text that is one or
/// the other.
std::size_t part_size(std::string_view text) noexcept {
  const auto* const end = std::find_if(
      text.begin(), text.end(), [&](char c) { return is_digit(c) != is_digit(text.front()); });
  return static_cast<std::size_t>(end - text.begin());
}

/// Getter: the pattern that makes `a` of a number and `b` of the next one.
std::optional<numbered_run> pattern_of(std::string_view a, std::string_view b) {
  numbered_run run;
  bool any = false;
  while (!a.empty() && !b.empty()) {
    const std::string_view left = a.substr(0, part_size(a));
    const std::string_view right = b.substr(0, part_size(b));
    a.remove_prefix(left.size());
    b.remove_prefix(right.size());
    const auto number = to_number(left);
    if (left == right) {
      run.pattern += left;
    } else if (number && (!any || run.numbers.first == *number)) {
      run.numbers.first = *number;
      run.pattern += '#';
      any = true;
    } else {
      return std::nullopt;
    }
  }
  return any && a.empty() && b.empty() ? std::optional(run) : std::nullopt;
}

}  // namespace

std::string to_string(number_range range) {
  const std::string last = std::to_string(range.last);
  return range.first == 1 ? last : std::to_string(range.first) + '-' + last;
}

std::string numbered(std::string_view pattern, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (const char c : pattern) {
    if (c == '#') {
      out += digits;
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<numbered_run> run_finder::at(std::size_t from) {
  if (found_ && from + many_texts <= end_) {
    found_->numbers.first += from - std::exchange(begin_, from);
    return found_;
  }
  found_ = find(from);
  begin_ = from;
  end_ = found_ ? from + static_cast<std::size_t>(found_->numbers.count()) : from;
  return found_;
}

std::optional<numbered_run> run_finder::find(std::size_t from) const {
  if (from + many_texts > texts_.size() || texts_[from].find('#') != std::string_view::npos) {
    return std::nullopt;
  }
  auto run = pattern_of(texts_[from], texts_[from + 1]);
  if (!run) return std::nullopt;
  std::size_t count = 0;
  while (from + count < texts_.size() &&
         numbered(run->pattern, run->numbers.first + count) == texts_[from + count]) {
    ++count;
  }
  if (count < many_texts) return std::nullopt;
  run->numbers.last = run->numbers.first + count - 1;
  return run;
}

}  // namespace sansmtp::script

#include "cursor.hpp"

#include <algorithm>

namespace sansmtp::script {
namespace {

constexpr std::string_view blanks = " \t";

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void cursor::fail_at(std::size_t position, std::string what) {
  if (failed_) return;
  failed_ = true;
  problem_ = std::move(what);
  column_ = static_cast<std::uint32_t>(position + 1);
  at_ = line_.size();
}

bool cursor::at_end() { return peek() == 0 && at_ == line_.size(); }

char cursor::peek() {
  at_ = std::min(line_.find_first_not_of(blanks, at_), line_.size());
  return at_ < line_.size() ? line_[at_] : '\0';
}

bool cursor::take(char c) {
  if (at_end() || line_[at_] != c) return false;
  word_ = at_++;
  return true;
}

bool cursor::take_here(char c) {
  if (at_ >= line_.size() || line_[at_] != c) return false;
  ++at_;
  return true;
}

std::string_view cursor::word(std::string_view stops) {
  if (at_end()) {
    fail_at(at_, "something is missing here");
    return {};
  }
  word_ = at_;
  while (at_ < line_.size() && blanks.find(line_[at_]) == std::string_view::npos &&
         stops.find(line_[at_]) == std::string_view::npos) {
    ++at_;
  }
  if (at_ == word_) fail("something is missing here");
  return failed_ ? std::string_view{} : line_.substr(word_, at_ - word_);
}

std::string cursor::value(std::string_view stops) {
  return peek() == '"' ? strings() : std::string(word(stops));
}

std::string cursor::value_here(std::string_view stops) {
  const char c = next();
  const bool empty =
      c == 0 || blanks.find(c) != std::string_view::npos || stops.find(c) != std::string_view::npos;
  return empty ? std::string() : value(stops);
}

std::string cursor::strings() {
  std::string out = one_string();
  while (!failed_ && peek() == '"') out += one_string();
  return failed_ ? std::string() : out;
}

std::string cursor::one_string() {
  if (peek() != '"') {
    fail_at(at_, "a string in quotes is missing here");
    return {};
  }
  word_ = at_++;
  std::string part;
  while (at_ < line_.size() && line_[at_] != '"') {
    if (!escape(part)) return {};
  }
  if (!take_here('"')) {
    fail("the string does not end");
    return {};
  }
  std::uint64_t times = 1;
  if (take_here('*')) {
    const std::size_t digits = at_;
    while (at_ < line_.size() && line_[at_] >= '0' && line_[at_] <= '9') ++at_;
    const auto count = to_number(line_.substr(digits, at_ - digits));
    if (!count) {
      fail_at(digits, "a number of repetitions is missing here");
      return {};
    }
    times = *count;
  }
  if (!part.empty() && times > *budget_ / part.size()) {
    fail("the transcript expands to too much");
    return {};
  }
  if (!charge(static_cast<std::size_t>(times) * part.size())) return {};
  std::string out;
  if (part.empty()) return out;
  for (; times > 0; --times) out += part;
  return out;
}

std::string cursor::raw_rest() {
  std::string out;
  while (!failed_ && at_ < line_.size()) {
    if (!escape(out)) return {};
  }
  return charge(out.size()) ? out : std::string{};
}

std::string_view cursor::rest() {
  word_ = at_;
  const std::string_view all = failed_ ? std::string_view{} : line_.substr(at_);
  at_ = line_.size();
  return all;
}

bool cursor::escape(std::string& out) {
  const std::size_t begin = at_;
  const char c = line_[at_++];
  if (c != '\\') {
    out += c;
    return true;
  }
  switch (at_ < line_.size() ? line_[at_++] : '\0') {
    case 'r': out += '\r'; return true;
    case 'n': out += '\n'; return true;
    case 't': out += '\t'; return true;
    case '0': out += '\0'; return true;
    case '\\': out += '\\'; return true;
    case '"': out += '"'; return true;
    case 'x': {
      const int high = at_ < line_.size() ? hex_digit(line_[at_]) : -1;
      const int low = at_ + 1 < line_.size() ? hex_digit(line_[at_ + 1]) : -1;
      if (high < 0 || low < 0) break;
      at_ += 2;
      out += static_cast<char>(high * 16 + low);
      return true;
    }
    default: break;
  }
  fail_at(begin, R"(an escape is one of \r \n \t \0 \\ \" \xHH)");
  return false;
}

std::uint64_t cursor::number(std::uint64_t max, std::string_view stops) {
  const auto value = to_number(word(stops));
  if (!value || *value > max) fail("a number up to " + std::to_string(max) + " is expected");
  return failed_ ? 0 : *value;
}

number_range cursor::range(std::string_view stops) {
  const std::string_view text = word(stops);
  const std::size_t dash = text.find('-');
  const auto last = to_number(dash == std::string_view::npos ? text : text.substr(dash + 1));
  const auto first = dash == std::string_view::npos ? std::optional<std::uint64_t>(1)
                                                    : to_number(text.substr(0, dash));
  constexpr std::uint64_t most = 1'000'000;
  if (!first || !last || *first > *last || *last > most) {
    fail("a number of repetitions like 300, or a range like 5-8, is expected");
    return {};
  }
  return {*first, *last};
}

std::string cursor::repeated(std::string_view pattern, number_range numbers) {
  std::string out;
  for (std::uint64_t n = numbers.first; n <= numbers.last && !failed_; ++n) {
    const std::string one = numbered(pattern, n);
    if (charge(one.size() + 1)) out += one;
  }
  return failed_ ? std::string() : out;
}

std::chrono::milliseconds cursor::duration(std::string_view stops) {
  struct unit {
    std::string_view name;
    std::uint64_t milliseconds;
  };
  static constexpr unit units[] = {{"", 1000},    {"ms", 1},        {"s", 1000},
                                   {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  static constexpr std::uint64_t longest = 3'650ULL * 86'400'000;  // far from any overflow

  std::string_view text = word(stops);
  std::uint64_t total = 0;
  do {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto count = to_number(text.substr(0, digits));
    text.remove_prefix(digits);
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const auto* found = std::find_if(std::begin(units), std::end(units), [&](const unit& u) {
      return u.name == text.substr(0, letters);
    });
    text.remove_prefix(letters);
    if (!count || found == std::end(units) || *count > longest / found->milliseconds) {
      fail("a time like 10m, 1m30s or 250ms is expected, of ten years at most");
      return {};
    }
    total += *count * found->milliseconds;
  } while (!text.empty() && total <= longest);
  return std::chrono::milliseconds(total);
}

bool cursor::charge(std::size_t octets) {
  if (octets > *budget_) {
    fail("the transcript expands to too much");
    return false;
  }
  *budget_ -= octets;
  return true;
}

}  // namespace sansmtp::script

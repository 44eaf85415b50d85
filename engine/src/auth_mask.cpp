#include "auth_mask.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sansmtp/sasl.hpp"
#include "sasl_text.hpp"

namespace sansmtp::detail {

namespace {

constexpr char hidden = '*';
constexpr std::size_t line_run = 4;
constexpr std::size_t long_line_run = 8;
constexpr std::size_t long_line = 256;
constexpr std::size_t least_secret_run = 8;
constexpr std::size_t most_secret_run = 16;

/// Four octets as a number, letters in lower case; of other octets some pairs become one.
std::uint32_t stretch_at(std::string_view text, std::size_t at) noexcept {
  std::uint32_t octets = 0;
  std::memcpy(&octets, text.data() + at, sizeof octets);
  return octets | 0x20202020U;
}

/// Which of the 2048 bits of the filter.
constexpr std::size_t bit_of(std::uint32_t stretch) noexcept {
  return (stretch * 0x9E3779B1U) >> 21U;
}

}  // namespace

void auth_mask::stretches::add(std::string_view octets) {
  // Growing would leave copies in freed memory.
  std::vector<std::uint32_t> all;
  all.reserve(sorted_.size() + octets.size());
  all.assign(sorted_.begin(), sorted_.end());
  wipe();
  sorted_ = std::move(all);
  for (std::size_t at = 0; at + width <= octets.size(); ++at) {
    const std::uint32_t stretch = stretch_at(octets, at);
    filter_[bit_of(stretch) / 64] |= std::uint64_t{1} << bit_of(stretch) % 64;
    sorted_.push_back(stretch);
  }
  std::sort(sorted_.begin(), sorted_.end());
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
}

bool auth_mask::stretches::contains(std::uint32_t stretch) const noexcept {
  const std::size_t bit = bit_of(stretch);
  if ((filter_[bit / 64] >> bit % 64 & 1U) == 0) return false;
  return std::binary_search(sorted_.begin(), sorted_.end(), stretch);
}

std::size_t auth_mask::stretches::run(std::string_view text, std::size_t at) const noexcept {
  std::size_t n = 0;
  while (at + n + width <= text.size() && contains(stretch_at(text, at + n))) ++n;
  return n == 0 ? 0 : n + width - 1;
}

bool auth_mask::stretches::may_hold(std::string_view text, std::size_t in_a_row) const noexcept {
  if (sorted_.empty()) return false;
  const std::size_t step = in_a_row - width + 1;
  for (std::size_t at = step - 1; at + width <= text.size(); at += step) {
    if (contains(stretch_at(text, at))) return true;
  }
  return false;
}

void auth_mask::stretches::wipe() noexcept {
  detail::wipe(reinterpret_cast<char*>(sorted_.data()), sorted_.size() * sizeof(std::uint32_t));
}

auth_mask::~auth_mask() {
  lines_.wipe();
  secrets_.wipe();
}

std::size_t auth_mask::memory() const noexcept {
  return sizeof *this + lines_.memory() + secrets_.memory();
}

void auth_mask::add_line(std::string_view base64) {
  if (base64.size() < stretches::width) return;
  line_run_ = std::min(line_run_, base64.size() > long_line ? long_line_run : line_run);
  lines_.add(base64);
}

void auth_mask::add_secret(std::string_view secret) {
  if (secret.size() < stretches::width) return;
  const std::size_t half = std::clamp((secret.size() + 1) / 2, least_secret_run, most_secret_run);
  secret_run_ = std::min({secret_run_, secret.size(), half});
  secrets_.add(secret);
}

/// Marks in `marks`, which has an octet for each of `text`, each word that holds enough octets in a
/// row of the set, wherever words end.
void auth_mask::mark(std::string_view text, const stretches& set, std::size_t in_a_row,
                     std::string& marks) {
  const auto is_border = [&](std::size_t i) { return text[i] == ' ' || text[i] == '\n'; };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t run = set.run(text, at);
    if (run < in_a_row) {
      at += 1;
      continue;
    }
    std::size_t first = at;
    std::size_t last = at + run;
    while (first != 0 && !is_border(first - 1)) --first;
    while (last != text.size() && !is_border(last)) ++last;
    std::fill(marks.begin() + static_cast<std::ptrdiff_t>(first),
              marks.begin() + static_cast<std::ptrdiff_t>(last), hidden);
    at = last;
  }
}

std::string_view auth_mask::shown(std::string_view text, bool exchange, std::string& into) const {
  const std::size_t in_a_row = exchange ? line_run_ : long_line_run;
  const bool line = lines_.may_hold(text, in_a_row);
  const bool secret = secret_run_ <= text.size() && secrets_.may_hold(text, secret_run_);
  if (!line && !secret) return text;
  std::string marks(text.size(), '\0');
  if (line) mark(text, lines_, in_a_row, marks);
  if (secret) mark(text, secrets_, secret_run_, marks);
  into.clear();
  for (std::size_t i = 0; i != text.size(); ++i) {
    if (marks[i] != hidden) {
      into += text[i];
    } else if (i == 0 || marks[i - 1] != hidden) {
      into += mask_text;
    }
  }
  return into;
}

}  // namespace sansmtp::detail

#include "relaxed_body.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "line_scan.hpp"
#include "octet_block.hpp"

namespace sansmtp::dkim {
namespace {

using detail::crlf;
using block = detail::block_of_four<detail::octet_block>;

/// Must something be changed at `p`: a tab, or a blank before another one or before a line
/// end?
bool is_odd(const char* p) noexcept {
  const char next = p[1];
  return *p == '\t' || (*p == ' ' && (next == ' ' || next == '\t' || next == '\r'));
}

/// The first place in [p, end) that is odd; `end` if there is none. The last octet is judged as if
/// anything might follow: a blank there is odd.
const char* find_odd(const char* p, const char* const end) noexcept {
  for (; end - p > block::size; p += block::size) {
    // (A tab is odd by itself.)
    const std::uint64_t before = block::equal(p + 1, ' ') | block::equal(p + 1, '\r');
    const std::uint64_t odd = block::equal(p, '\t') | (block::equal(p, ' ') & before);
    if (odd != 0) return p + std::countr_zero(odd);
  }
  for (; end - p > 1; ++p) {
    if (is_odd(p)) return p;
  }
  return p != end && (*p == ' ' || *p == '\t') ? p : end;
}

/// The end of what goes out as it is from `p` on, where an octet stands that is neither a blank nor
/// a line end. It does not end with either.
const char* find_stretch(const char* const p, const char* const end) noexcept {
  const char* stop = find_odd(p, end);
  // Whether a line end counts is known only when something stands behind it.
  while (stop[-1] == ' ' || stop[-1] == '\n') stop -= stop[-1] == ' ' ? 1 : 2;
  return stop;
}

}  // namespace

void relaxed_body::give(bytes octets) {
  const char* p = octets.data();
  const char* const end = p + octets.size();
  while (p != end) {
    if (*p == ' ' || *p == '\t') {
      blank_ = true;
      ++p;
    } else if (*p == '\r') {
      blank_ = false;
      ++line_ends_;
      p += crlf.size();
    } else {
      end_lines();
      if (blank_) put(as_bytes(" "));
      blank_ = false;
      const char* const stop = find_stretch(p, end);
      put({p, static_cast<std::size_t>(stop - p)});
      p = stop;
    }
  }
}

bool relaxed_body::finish() {
  if (any_) put(as_bytes(crlf));
  flush();
  return good_;
}

/// Line ends that turned out to have something behind them.
void relaxed_body::end_lines() {
  for (; line_ends_ != 0; --line_ends_) put(as_bytes(crlf));
}

void relaxed_body::put(bytes octets) {
  any_ = true;
  if (octets.size() > gathered_.size() - size_) flush();
  if (octets.size() > gathered_.size() / 2) {
    flush();
    good_ = good_ && to_->add(octets);
    return;
  }
  std::memcpy(gathered_.data() + size_, octets.data(), octets.size());
  size_ += octets.size();
}

void relaxed_body::flush() {
  if (size_ != 0) good_ = good_ && to_->add({gathered_.data(), size_});
  size_ = 0;
}

}  // namespace sansmtp::dkim

// The framer of DATA, and the codec for those who use it alone.
#include "sansmtp/dot_stuffer.hpp"

#include <algorithm>

#include "line_scan.hpp"

namespace sansmtp {

namespace detail {

/// The next dot to be doubled, or `end`.
const char* dot_doubler::find(const char* begin, const char* end) noexcept {
  if (known_ != nullptr) {
    if (next_known_ != known_->size()) {
      const char* const dot = (*known_)[next_known_];
      if (dot >= end) return end;
      ++next_known_;
      return dot;
    }
    if (known_->complete()) return end;
  }
  if (!doubled_ && line_start_ && *begin == '.') return begin;
  return find_dotted_line(begin, end);
}

bytes dot_doubler::next(bytes& octets) noexcept {
  const char* const begin = octets.data();
  const char* const end = begin + octets.size();
  const char* const dot = find(begin, end);
  doubled_ = dot != end;
  line_start_ = !doubled_ && end[-1] == '\n';
  octets = bytes(dot, static_cast<std::size_t>(end - dot));
  return {begin, static_cast<std::size_t>(dot - begin) + (doubled_ ? 1 : 0)};
}

std::size_t dot_doubler::copy(bytes& octets, char* to) noexcept {
  // What begins a line here was not looked at, or went out once already.
  if (!doubled_ && line_start_) return 0;
  const char* const begin = octets.data();
  const std::size_t size = std::min(octets.size(), copied_at_a_time);
  const copied done = copy_doubled(begin, begin + size, to);
  if (done.from == begin) return 0;
  known_ = nullptr;  // looked for from now on
  doubled_ = done.at_dot;
  line_start_ = !doubled_ && done.from[-1] == '\n';
  octets = octets.subspan(static_cast<std::size_t>(done.from - begin));
  return static_cast<std::size_t>(done.to - to);
}

}  // namespace detail

errc dot_stuffer::stuff(bytes& in, std::vector<bytes>& out, std::size_t max_slices) {
  const std::size_t limit = out.size() + max_slices;
  while (!in.empty()) {
    if (!has_run_) {
      bytes rest = in;
      content_run run;
      if (const errc wrong = source_.next(rest, run); wrong != errc::none) return wrong;
      has_run_ = true;
      run_octets_ = run.octets.size();
      run_ends_line_ = !run.line_end.empty();
      replaced_ = in.size() - rest.size() - run_octets_;
    }
    bytes octets = in.first(std::min(run_octets_, in.size()));
    while (!octets.empty()) {
      if (out.size() == limit) return errc::none;
      const std::size_t before = octets.size();
      out.push_back(dots_.next(octets));
      in = in.subspan(before - octets.size());
      run_octets_ = octets.size();
    }
    if (run_ends_line_) {
      if (out.size() == limit) return errc::none;
      out.push_back(as_bytes(detail::crlf));
      dots_.end_line();
    }
    in = in.subspan(std::min(replaced_, in.size()));
    has_run_ = false;
  }
  return errc::none;
}

errc dot_stuffer::finish(std::vector<bytes>& out) {
  content_run run;
  if (const errc wrong = source_.finish(run); wrong != errc::none) return wrong;
  if (!run.empty()) out.push_back(run.line_end);
  out.push_back(as_bytes(detail::terminator));
  return errc::none;
}

}  // namespace sansmtp

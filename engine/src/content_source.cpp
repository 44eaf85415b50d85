// Content with CRLF line ends: what is looked at before MAIL and what goes out pass through here.
#include "content_source.hpp"

#include <algorithm>
#include <utility>

#include "line_scan.hpp"

namespace sansmtp {

namespace detail {

errc content_source::next(bytes& in, content_run& run, dot_places* dots) noexcept {
  run = {};
  if (in.empty()) return errc::none;
  if (opaque_) {
    run.octets = std::exchange(in, {});
    size_ += run.size();
    return errc::none;
  }
  const char* const begin = in.data();
  const char* const end = begin + in.size();
  line_meter lines(begin, line_, longest_line_);
  line_notes notes{dots};
  const char* stop = begin;  // behind what goes out as it is
  const char* next = begin;  // behind what becomes a line end

  if (after_cr_) {
    const bool pair = *begin == '\n';
    if (!pair && policy_ == line_end_policy::strict) return errc::bare_cr_in_content;
    after_cr_ = false;
    if (pair) ++next;
    run.line_end = as_bytes(crlf);
  } else {
    if (line_start_ && *begin == '.') notes.dot(begin);
    stop = next = skip_canonical(begin, end, lines, notes);
    eight_bit_ |= notes.eight_bit;
    const errc wrong = stop != end ? fault_at(stop, end) : errc::none;
    if (wrong != errc::none) {
      if (stop == begin) return wrong;  // else first what is good
    } else if (stop != end) {
      ++next;
      after_cr_ = *stop == '\r' && next == end;
      if (!after_cr_) run.line_end = as_bytes(crlf);
    }
    run.octets = bytes(begin, static_cast<std::size_t>(stop - begin));
    if (stop != begin) line_start_ = stop[-1] == '\n';
  }

  if (!run.line_end.empty()) {
    lines.end_line(stop, crlf.size(), next);
    line_start_ = true;
  }
  line_ = lines.so_far(after_cr_ ? stop : next);
  longest_line_ = lines.longest();
  size_ += run.size();
  in = bytes(next, static_cast<std::size_t>(end - next));
  return errc::none;
}

/// What is wrong with the octet `at` this place, at which the scan stopped.
errc content_source::fault_at(const char* at, const char* end) const noexcept {
  if (*at == '\0') return errc::nul_in_content;
  if (policy_ != line_end_policy::strict) return errc::none;
  if (*at == '\n') return errc::bare_lf_in_content;
  return at + 1 == end ? errc::none : errc::bare_cr_in_content;
}

errc content_source::finish(content_run& run) noexcept {
  run = {};
  if (after_cr_ && policy_ == line_end_policy::strict) return errc::bare_cr_in_content;
  if (opaque_ || (!after_cr_ && line_start_)) return errc::none;
  run.line_end = as_bytes(crlf);
  size_ += run.size();
  longest_line_ = std::max(longest_line_, line_ + crlf.size());
  line_ = 0;
  line_start_ = true;
  after_cr_ = false;
  return errc::none;
}

}  // namespace detail

namespace {

/// What is known of content that is not canonical, and of its dots.
[[gnu::cold]] content_facts look_closer(bytes content, line_end_policy policy,
                                        std::uint64_t usual_line,
                                        detail::dot_places& dots) noexcept {
  detail::content_source source(policy, usual_line);
  content_run run;
  content_facts facts;
  dots.clear();
  for (bytes in = content; !in.empty() && facts.problem == errc::none;) {
    facts.problem = source.next(in, run, &dots);
  }
  if (facts.problem == errc::none) facts.problem = source.finish(run);
  facts.size = source.size();
  facts.longest_line = source.longest_line();
  facts.eight_bit = source.eight_bit();
  facts.dotted = dots.any();
  return facts;
}

}  // namespace

content_facts detail::look_at(bytes content, line_end_policy policy, std::uint64_t usual_line,
                              dot_places& dots) noexcept {
  const char* const begin = content.data();
  const char* const end = begin + content.size();
  line_meter lines(begin, 0, usual_line);
  line_notes notes{&dots};
  dots.clear();
  if (begin != end && *begin == '.') notes.dot(begin);
  if (skip_canonical(begin, end, lines, notes) != end) {
    return look_closer(content, policy, usual_line, dots);
  }
  content_facts facts;
  const bool lacks_end = begin != end && end[-1] != '\n';
  if (lacks_end) lines.end_line(end, crlf.size(), end);
  facts.size = content.size() + (lacks_end ? crlf.size() : 0);
  facts.longest_line = lines.longest();
  facts.eight_bit = notes.eight_bit;
  facts.canonical = true;
  facts.dotted = dots.any();
  facts.plain = !facts.dotted && !lacks_end;
  return facts;
}

content_facts scan_content(bytes content, line_end_policy policy) noexcept {
  detail::dot_places none_is_kept(0);
  return detail::look_at(content, policy, 0, none_is_kept);
}

}  // namespace sansmtp

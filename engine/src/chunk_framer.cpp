#include "chunk_framer.hpp"

#include <algorithm>

#include "content_source.hpp"
#include "line_scan.hpp"

namespace sansmtp::detail {

void chunk_framer::start(bytes content, std::uint64_t octets, bool canonical,
                         line_end_policy policy) noexcept {
  *this = chunk_framer();
  given_left_ = octets;
  if (canonical) {
    run_ = {content, octets != content.size() ? as_bytes(crlf) : bytes()};
  } else {
    rest_ = content;
    here_ = content_source(policy);
  }
}

void chunk_framer::start_stream(line_end_policy policy, bool binary) noexcept {
  *this = chunk_framer();
  here_ = ahead_ = binary ? content_source::opaque() : content_source(policy, line_limit);
  last_ = false;
}

void chunk_framer::give(bytes piece, bool last) noexcept {
  rest_ = piece;
  last_ = last;
  measured_ = false;
}

errc chunk_framer::measure() noexcept {
  if (measured_) return errc::none;
  const std::uint64_t before = ahead_.size();
  content_run run;
  for (bytes in = rest_; !in.empty();) {
    if (const errc wrong = ahead_.next(in, run); wrong != errc::none) return wrong;
  }
  if (last_) {
    if (const errc wrong = ahead_.finish(run); wrong != errc::none) return wrong;
  }
  given_left_ = ahead_.size() - before;
  measured_ = true;
  keep_cr();
  return errc::none;
}

chunk_size chunk_framer::next(std::uint64_t most) const noexcept {
  return {std::min(most, given_left_), last_ && given_left_ <= most};
}

void chunk_framer::begin(chunk_size next) noexcept {
  given_left_ -= next.octets;
  chunk_left_ = next.octets;
  last_chunk_ = next.last;
}

/// Takes in a CR that ends a piece when all before it is staged: it makes no octet until the next
/// one is known.
void chunk_framer::keep_cr() noexcept {
  if (!starved() || rest_.empty()) return;
  (void)here_.next(rest_, run_);
}

void chunk_framer::write(output_stage& out) {
  while (chunk_left_ != 0 && !out.full()) {
    if (run_.empty()) {
      // Nothing can be wrong here: all of it was measured.
      (void)(rest_.empty() ? here_.finish(run_) : here_.next(rest_, run_));
    }
    for (bytes* const part : {&run_.octets, &run_.line_end}) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(part->size(), chunk_left_));
      if (n != 0) out.content(part->first(n));
      *part = part->subspan(n);
      chunk_left_ -= n;
    }
  }
  keep_cr();
}

}  // namespace sansmtp::detail

#include "dot_framer.hpp"

#include <algorithm>

#include "content_source.hpp"
#include "line_scan.hpp"

namespace sansmtp::detail {

namespace {
// A piece between two dots of so few octets is followed by others like it, as a rule: then they are
// copied many at a time.
constexpr std::size_t short_piece = 256;
}  // namespace

/// Sets all that a use before may have left.
[[gnu::always_inline]] inline void dot_framer::reset() noexcept {
  rest_ = {};
  run_ = {};
  ended_ = finished_ = false;
}

void dot_framer::start(line_end_policy policy, bytes content, const content_facts& facts,
                       const dot_places& dots) {
  reset();
  last_ = true;
  dotless_ = !facts.dotted;
  if (!dotless_) dots_ = dot_doubler(dots);
  if (facts.canonical) {  // goes out as it is, but for a CRLF that it may lack at its end
    run_ = {content, facts.size != content.size() ? as_bytes(crlf) : bytes()};
    ended_ = true;
  } else {
    rest_ = content;
    source_ = content_source(policy);
  }
}

void dot_framer::start_stream(line_end_policy policy) {
  reset();
  source_ = content_source(policy, line_limit);
  dots_ = dot_doubler();
  last_ = false;
  dotless_ = false;
}

void dot_framer::give(bytes piece, bool last) {
  rest_ = piece;
  last_ = last;
}

errc dot_framer::read_on() {
  if (rest_.empty()) {
    if (!last_) return errc::none;
    ended_ = true;
    return source_.finish(run_);
  }
  bytes piece = rest_.first(std::min(rest_.size(), octets_at_a_time));
  const std::size_t given = piece.size();
  const errc wrong = source_.next(piece, run_);
  rest_ = rest_.subspan(given - piece.size());
  return wrong;
}

void dot_framer::write(output_stage& out) {
  if (dotless_) {
    // Not all at once: who takes the octets may get stuck long before the terminator, and a mail
    // whose terminator was handed out is in doubt.
    if (run_.octets.size() > output_stage::enough_octets + output_stage::enough_octets / 2) {
      out.content(run_.octets.first(output_stage::enough_octets));
      run_.octets = run_.octets.subspan(output_stage::enough_octets);
      return;
    }
    out.content(run_.octets);
    run_.octets = {};
  }
  while (!run_.octets.empty()) {
    // What is left goes along if it is less than a write of its own is worth.
    if (out.full() && run_.octets.size() > output_stage::enough_octets / 2) return;
    const bytes piece = dots_.next(run_.octets);
    out.content(piece);
    if (piece.size() > short_piece) continue;
    while (!out.full() && out.text_by(dot_doubler::copied_room, [this](char* to) {
      return dots_.copy(run_.octets, to);
    }) != 0) {
    }
  }
  if (!run_.line_end.empty()) {
    out.text(as_text(run_.line_end));
    run_.line_end = {};
    dots_.end_line();
  }
  if (ended_) {
    out.text(terminator);
    finished_ = true;
  }
}

}  // namespace sansmtp::detail

// Content on its way behind DATA: dots are doubled, and a dot alone ends it (RFC 5321 section
// 4.5.2).
#pragma once

#include <cstddef>

#include "output.hpp"
#include "sansmtp/buffer.hpp"
#include "sansmtp/dot_stuffer.hpp"
#include "sansmtp/error.hpp"

namespace sansmtp::detail {

/// Content that is known beforehand is given whole, with its facts; streamed content is given piece
/// by piece. Then, in a loop: `read` and `write`, while neither `starved` nor `finished`. What is
/// given must stay where it is until the output has sent all that was staged of it.
class dot_framer {
 public:
  /// Command: begins with content that is known beforehand. `facts` and `dots` are what `look_at`
  /// found of it under this policy, without a problem. The dots must stay as they are until it is
  /// written.
  void start(line_end_policy policy, bytes content, const content_facts& facts,
             const dot_places& dots);
  /// Command: begins with content that will be given by `give`.
  void start_stream(line_end_policy policy);
  /// Input: the next piece of streamed content. Only if `starved()`.
  void give(bytes piece, bool last);

  /// Reads on if nothing is at hand: gives what is wrong with content that is streamed.
  [[nodiscard]] errc read() { return ended_ || !run_.empty() ? errc::none : read_on(); }
  /// Output: stages what is at hand until the output is full.
  void write(output_stage& out);

  /// Getter: is all staged that was given, and more to come?
  [[nodiscard]] bool starved() const noexcept { return !last_ && rest_.empty() && run_.empty(); }
  /// Getter: was the end of the content read?
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// Getter: is all of the content staged, and its terminator?
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  /// Getter: the counts of streamed content so far.
  [[nodiscard]] const content_source& counted() const noexcept { return source_; }

 private:
  /// Content is looked at this many octets at a time, so that they are still in the processor's
  /// cache when they are written.
  static constexpr std::size_t octets_at_a_time = 64 * 1024;

  void reset() noexcept;
  [[nodiscard]] errc read_on();

  content_source source_;
  dot_doubler dots_;
  bytes rest_;            // given and not read
  content_run run_;       // read and not staged: at hand
  bool last_ = true;      // nothing will be given any more
  bool dotless_ = false;  // known to have no line that begins with a dot
  bool ended_ = false;
  bool finished_ = false;
};

}  // namespace sansmtp::detail

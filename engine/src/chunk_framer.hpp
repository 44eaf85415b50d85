// Content on its way through BDAT: cut into chunks whose octets are counted beforehand (RFC 3030).
#pragma once

#include <cstddef>
#include <cstdint>

#include "output.hpp"
#include "sansmtp/buffer.hpp"
#include "sansmtp/dot_stuffer.hpp"
#include "sansmtp/error.hpp"

namespace sansmtp::detail {

/// A chunk whose line is to be written: BDAT and its octets, with LAST if it is the last one.
struct chunk_size {
  std::uint64_t octets = 0;
  bool last = false;
};

/// Cuts content into chunks. Line ends become CRLF as they do behind DATA, but no dot is doubled
/// and no terminator follows; binary content passes as it is (BDAT-03, BDAT-11, BDAT-12). In a
/// loop: `measure`, `next`, `begin`; then `write` until `chunk_written`. What is given must stay
/// where it is until the output has sent all that was staged of it.
class chunk_framer {
 public:
  /// Command: begins with content that is known beforehand; `octets` is its size with CRLF line
  /// ends. Canonical and binary content goes out as it is, but for a CRLF that it may lack at its
  /// end.
  void start(bytes content, std::uint64_t octets, bool canonical, line_end_policy policy) noexcept;
  /// Command: begins with content that is given piece by piece.
  void start_stream(line_end_policy policy, bool binary) noexcept;
  /// Input: the next piece. Only if `starved()`.
  void give(bytes piece, bool last) noexcept;

  /// Command: looks at what was given, so that `next` can count it. Returns what is wrong with it.
  [[nodiscard]] errc measure() noexcept;
  /// Getter: was `measure` called since the last piece was given?
  [[nodiscard]] bool measured() const noexcept { return measured_; }
  /// Getter: the next chunk of at most `most` octets. No octet, and not the last: there is none.
  [[nodiscard]] chunk_size next(std::uint64_t most) const noexcept;
  /// Command: `next` is the chunk that `write` stages.
  void begin(chunk_size next) noexcept;
  /// Output: stages the chunk until the output is full.
  void write(output_stage& out);

  /// Getter: will nothing be given any more?
  [[nodiscard]] bool all_given() const noexcept { return last_; }
  /// Getter: is all of the chunk staged?
  [[nodiscard]] bool chunk_written() const noexcept { return chunk_left_ == 0; }
  /// Getter: is all of the content staged?
  [[nodiscard]] bool finished() const noexcept { return last_chunk_ && chunk_left_ == 0; }
  /// Getter: is all staged that was given, and more to come?
  [[nodiscard]] bool starved() const noexcept {
    return !last_ && measured_ && given_left_ == 0 && chunk_left_ == 0;
  }
  /// Getter: the counts of streamed content, of all that was given and measured.
  [[nodiscard]] const content_source& counted() const noexcept { return ahead_; }

 private:
  void keep_cr() noexcept;

  bytes rest_;                    // given and not read
  content_run run_;               // read and not staged
  content_source here_;           // behind what was read
  content_source ahead_;          // behind what was given
  std::uint64_t given_left_ = 0;  // octets that what was given still becomes
  std::uint64_t chunk_left_ = 0;  // octets of the chunk that are not staged
  bool last_ = true;              // nothing will be given any more
  bool measured_ = true;          // `given_left_` counts all that was given
  bool last_chunk_ = false;       // the chunk is the last one
};

}  // namespace sansmtp::detail

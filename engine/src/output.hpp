// What is to be written: a gather list over formatted text and the caller's content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sansmtp/buffer.hpp"
#include "text_buffer.hpp"

namespace sansmtp::detail {

/// Stages octets for the transport. Positions count all octets of the session's life: `staged` is
/// the end of what was formatted, `handed` the end of what the transport may have written, `sent`
/// the end of what it says it wrote. After `sent()` and until the next `lend()` the two latter are
/// equal: then it is certain that nothing beyond has left (OUT-02).
class output_stage {
 public:
  /// Slices up to this many octets are copied together: below it, an entry of the gather list costs
  /// more than the copy (measured by `threshold` in tests/bench; from 512 to 4096 it makes little
  /// difference). So a line of any lawful length (RFC 5321 section 4.5.3.1.6) is copied, and a mail
  /// of 1 KiB is not.
  static constexpr std::size_t copy_up_to = 1000;
  /// No more is staged than about this, so that scanning content and writing it interleave.
  static constexpr std::size_t enough_octets = 128 * 1024;
  static constexpr std::size_t enough_slices = 64;

  output_stage() = default;
  output_stage(const output_stage&) = delete;
  output_stage& operator=(const output_stage&) = delete;
  ~output_stage() {
    if (secret_) text_.wipe();
  }

  [[nodiscard]] std::uint64_t staged() const noexcept { return staged_; }
  [[nodiscard]] std::uint64_t handed() const noexcept { return handed_; }
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] bool empty() const noexcept { return staged_ == sent_; }
  /// Views are out; nothing may be staged until `sent`.
  [[nodiscard]] bool lent() const noexcept { return lent_; }
  [[nodiscard]] bool full() const noexcept {
    return staged_ - sent_ >= enough_octets || slices_.size() - first_ >= enough_slices;
  }
  [[nodiscard]] std::size_t memory() const noexcept {
    return text_.capacity() + slices_.capacity() * sizeof(slice) +
           views_.capacity() * sizeof(bytes);
  }

  /// Copies octets.
  void text(std::string_view octets) {
    text_.append(octets);
    staged_ += octets.size();
  }
  /// Copies a line and ends it with CRLF.
  [[gnu::always_inline]] void line(std::string_view octets) {
    text_.append_line(octets);
    staged_ += octets.size() + 2;
  }
  /// The same for a line that is overwritten once it is sent (SEC-03).
  void secret_line(std::string_view octets) {
    line(octets);
    secret_ = true;
  }

  /// Stages up to `room` octets that `write` copies to the place that it is given; it returns how
  /// many these are.
  template <class Write>
  std::size_t text_by(std::size_t room, Write write) {
    const std::size_t n = text_.append_by(room, write);
    staged_ += n;
    return n;
  }

  /// Stages content: a short slice is copied, a long one stays where it is.
  [[gnu::always_inline]] void content(bytes octets) {
    if (octets.size() <= copy_up_to) {
      text(as_text(octets));
      return;
    }
    end_run();
    slices_.push_back({octets.data(), 0, octets.size()});
    staged_ += octets.size();
    borrowed_end_ = staged_;
  }

  /// Is a write of the caller's memory in flight, perhaps?
  [[nodiscard]] bool lends_borrowed() const noexcept { return lent_ && borrowed_end_ > sent_; }

  /// Views of all that is staged, until `took`; the same ones again if they are out.
  [[nodiscard]] std::span<const bytes> lend() {
    if (lent_) return dropped_ ? std::span<const bytes>{} : views_;
    if (empty()) return {};
    return make_views();
  }
  void took(std::size_t n);

  /// Drops what has not been written. Lent views stay intact until `took`.
  void drop();
  /// Getter: how often there was something to be dropped.
  [[nodiscard]] std::uint32_t withdrawals() const noexcept { return withdrawals_; }

  /// Gives a large buffer back, if nothing is staged.
  void trim() noexcept;

 private:
  struct alignas(32) slice {  // a power of two, so that counting them is a shift
    const char* data;         // null: in text_
    std::size_t offset;       // into text_
    std::size_t size;
  };

  [[nodiscard]] std::span<const bytes> make_views();
  void end_run() {
    if (run_ == text_.size()) return;
    slices_.push_back({nullptr, run_, text_.size() - run_});
    run_ = text_.size();
  }
  void forget();
  void forget_written();

  text_buffer text_;
  std::vector<slice> slices_;
  std::vector<bytes> views_;
  std::size_t first_ = 0;  // slice not yet sent whole
  std::size_t run_ = 0;    // where the text begins that is in no slice yet
  std::uint64_t staged_ = 0;
  std::uint64_t handed_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t borrowed_end_ = 0;
  std::uint32_t withdrawals_ = 0;
  bool lent_ = false;
  bool secret_ = false;
  bool dropped_ = false;
};

}  // namespace sansmtp::detail

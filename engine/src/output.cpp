#include "output.hpp"

#include <algorithm>

namespace sansmtp::detail {

namespace {
// A buffer beyond what copied content needs at a time is given back when a mail is done.
constexpr std::size_t kept_text = 2 * output_stage::enough_octets;
}  // namespace

std::span<const bytes> output_stage::make_views() {
  end_run();
  views_.resize(slices_.size() - first_);
  auto s = slices_.begin() + static_cast<std::ptrdiff_t>(first_);
  for (bytes& view : views_) {
    view = bytes(s->data != nullptr ? s->data : text_.data() + s->offset, s->size);
    ++s;
  }
  lent_ = true;
  handed_ = staged_;
  return views_;
}

void output_stage::took(std::size_t n) {
  if (!lent_) return;  // nothing was lent, so nothing can have been written
  lent_ = false;
  if (dropped_) {
    // Nothing is offered any more, but what had left before still counts.
    sent_ = std::min(sent_ + n, handed_);
    handed_ = sent_;
    staged_ = sent_;
    forget();
    return;
  }
  n = static_cast<std::size_t>(std::min<std::uint64_t>(n, staged_ - sent_));
  sent_ += n;
  handed_ = sent_;
  if (sent_ == staged_) {
    forget();
    return;
  }
  while (n != 0) {
    slice& s = slices_[first_];
    const std::size_t part = std::min(n, s.size);
    if (s.data != nullptr) {
      s.data += part;
    } else {
      s.offset += part;
    }
    s.size -= part;
    n -= part;
    if (s.size == 0) ++first_;
  }
  forget_written();
}

/// A transport whose writes are always short must not let what was written pile up (CORE-09). Work
/// is done only when at least half of it is of no use, so that it costs a constant amount per
/// octet.
void output_stage::forget_written() {
  if (first_ >= enough_slices) {
    slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  std::size_t dead = text_.size();
  for (std::size_t i = first_; i < slices_.size() && dead == text_.size(); ++i) {
    if (slices_[i].data == nullptr) dead = slices_[i].offset;
  }
  if (dead < enough_octets || dead < text_.size() / 2) return;
  text_.erase_front(dead);
  run_ -= dead;
  for (std::size_t i = first_; i < slices_.size(); ++i) {
    if (slices_[i].data == nullptr) slices_[i].offset -= dead;
  }
}

void output_stage::drop() {
  if (lent_ || !empty()) ++withdrawals_;
  if (lent_) {
    dropped_ = true;
    return;
  }
  staged_ = sent_;
  forget();
}

void output_stage::trim() noexcept {
  if (lent_ || !empty() || text_.capacity() <= kept_text) return;
  text_.release();
  slices_ = std::vector<slice>();
  views_ = std::vector<bytes>();
}

void output_stage::forget() {
  if (secret_) text_.wipe();
  text_.clear();
  slices_.clear();
  first_ = 0;
  run_ = 0;
  secret_ = false;
  dropped_ = false;
}

}  // namespace sansmtp::detail

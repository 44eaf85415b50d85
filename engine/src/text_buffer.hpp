// Text that is built piece by piece, on the hot path of every line.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

namespace sansmtp::detail {

/// Copies a text. Most are as long as an address, a command or a line of a reply: two overlapping
/// moves of 4, 8, 16 or 32 octets cost less than a call.
inline void copy(char* to, std::string_view text) noexcept {
  const char* const from = text.data();
  const std::size_t n = text.size();
  if (n - 8 <= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + n - 8, from + n - 8, 8);
  } else if (n - 16 <= 16) {
    std::memcpy(to, from, 16);
    std::memcpy(to + n - 16, from + n - 16, 16);
  } else if (n - 32 <= 32) {
    std::memcpy(to, from, 32);
    std::memcpy(to + n - 32, from + n - 32, 32);
  } else if (n - 4 <= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + n - 4, from + n - 4, 4);
  } else if (n != 0) {
    std::memcpy(to, from, n);
  }
}

/// Of the text of a reply the lines that are kept: as many as fit into `most` octets, or of a
/// longer first line its beginning.
inline std::string_view first_lines(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  const std::size_t end = text.rfind('\n', most);
  return text.substr(0, end == std::string_view::npos ? most : end);
}

/// Like a `std::string` that only grows at its end; its `append` is a bounds check and a `memcpy`
/// where the standard one is a call with a dozen branches. Moves, but does not copy.
class text_buffer {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] const char* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::string_view view(std::size_t at, std::size_t size) const noexcept {
    return {data_.get() + at, size};
  }

  void append(std::string_view text) {
    copy(room(text.size()), text);
    size_ += text.size();
  }
  /// Appends the text and CRLF.
  void append_line(std::string_view text) {
    char* const at = room(text.size() + 2);
    copy(at, text);
    at[text.size()] = '\r';
    at[text.size() + 1] = '\n';
    size_ += text.size() + 2;
  }
  /// Appends a text with something before and behind it, with one check of the room.
  void append(std::string_view before, std::string_view text, char behind) {
    char* at = room(before.size() + text.size() + 1);
    copy(at, before);
    at += before.size();
    copy(at, text);
    at[text.size()] = behind;
    size_ += before.size() + text.size() + 1;
  }
  void append(char c) {
    *room(1) = c;
    ++size_;
  }
  /// Appends what `write` puts to the place that it is given, `most` octets at most; it returns how
  /// many these are.
  template <class Write>
  std::size_t append_by(std::size_t most, Write write) {
    const std::size_t n = write(room(most));
    size_ += n;
    return n;
  }
  /// Appends a number in decimal digits.
  void append_number(std::uint64_t n) {
    constexpr std::size_t most = std::numeric_limits<std::uint64_t>::digits10 + 1;
    char* const at = room(most);
    size_ += static_cast<std::size_t>(std::to_chars(at, at + most, n).ptr - at);
  }
  text_buffer& operator+=(std::string_view text) {
    append(text);
    return *this;
  }
  text_buffer& operator+=(char c) {
    append(c);
    return *this;
  }
  text_buffer& operator=(std::string_view text) {
    clear();
    append(text);
    return *this;
  }

  /// Appends a copy of a part of itself.
  void append_again(std::size_t at, std::size_t size) {
    char* const to = room(size);
    copy(to, view(at, size));
    size_ += size;
  }

  void clear() noexcept { size_ = 0; }
  /// Removes what stands behind the first `size` octets.
  void cut(std::size_t size) noexcept { size_ = size; }
  /// Removes the first `n` octets.
  void erase_front(std::size_t n) noexcept {
    std::memmove(data_.get(), data_.get() + n, size_ - n);
    size_ -= n;
  }
  /// Gives the memory back.
  void release() noexcept {
    data_.reset();
    size_ = capacity_ = 0;
  }
  /// Overwrites what is there, so that no secret stays in memory (SEC-03).
  void wipe() noexcept {
    volatile char* p = data_.get();
    for (std::size_t i = 0; i < size_; ++i) p[i] = 0;
    size_ = 0;
  }

 private:
  /// Where the next `n` octets go.
  [[nodiscard]] char* room(std::size_t n) {
    if (capacity_ - size_ < n) grow(n);
    return data_.get() + size_;
  }
  [[gnu::cold, gnu::noinline]] void grow(std::size_t n) {
    const std::size_t larger = std::max({size_ + n, capacity_ * 2, std::size_t{64}});
    std::unique_ptr<char[]> moved(new char[larger]);
    if (size_ != 0) std::memcpy(moved.get(), data_.get(), size_);
    data_ = std::move(moved);
    capacity_ = larger;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sansmtp::detail

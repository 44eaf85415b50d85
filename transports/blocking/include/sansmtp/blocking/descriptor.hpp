// An open file descriptor and its one owner.
#pragma once

#include <utility>

namespace sansmtp::blocking {

/// Owns a file descriptor: move-only, closes it when it goes.
class descriptor {
 public:
  descriptor() noexcept = default;
  /// Takes ownership of `fd`; -1 is none.
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  descriptor& operator=(descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { reset(); }

  /// Getter: the descriptor, still owned here; -1 if there is none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// Getter: is there one?
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Command: gives the ownership away.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Command: closes what is owned and owns `fd` from now on.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

}  // namespace sansmtp::blocking

// What the sockets of the sink stand on.
#pragma once

#include <unistd.h>

#include <string_view>
#include <utility>

#include "exit_code.hpp"

namespace sansmtp::cli::serving {

/// Owns a descriptor.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

/// Throws `failure` with what went wrong and the system's words for `error`, a value of errno.
[[noreturn]] void fail(exit_code code, std::string_view what, int error);

}  // namespace sansmtp::cli::serving

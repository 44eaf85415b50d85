#include "sansmtp/blocking/descriptor.hpp"

#include <unistd.h>

namespace sansmtp::blocking {

void descriptor::reset(int fd) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace sansmtp::blocking

// Octets in memory of exactly their size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "sansmtp/buffer.hpp"

namespace sansmtp::fuzz {

/// A copy of octets in a block of its own, so that AddressSanitizer sees who reads beyond it or
/// after its end.
class exact_block {
 public:
  explicit exact_block(std::string_view octets)
      : octets_(new char[octets.size()]), size_(octets.size()) {
    std::copy(octets.begin(), octets.end(), octets_.get());
  }

  /// Getter: the octets; valid as long as the block.
  [[nodiscard]] bytes view() const noexcept { return {octets_.get(), size_}; }

 private:
  std::unique_ptr<char[]> octets_;
  std::size_t size_;
};

}  // namespace sansmtp::fuzz

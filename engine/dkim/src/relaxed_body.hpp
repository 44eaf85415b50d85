// The body of a mail as its hash sees it: relaxed (RFC 6376 section 3.4.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sansmtp/buffer.hpp"
#include "sansmtp/dkim/crypto.hpp"

namespace sansmtp::dkim {

/// Hands a body, given in runs of a `line_end_normalizer`, to a hash: blanks at the ends of lines
/// and empty lines at the end of the body are left out, others become one space. What stays as
/// it is, and usual text does so but for its last line end, is handed on as it lies.
class relaxed_body {
 public:
  explicit relaxed_body(sha256_stream& to) noexcept : to_(&to) {}

  /// Input: the next octets. No CR stands without its LF in them, nor the other way round.
  void give(bytes octets);
  /// Command: the body is complete. False if the hash failed.
  [[nodiscard]] bool finish();

 private:
  void put(bytes octets);
  void flush();
  void end_lines();

  sha256_stream* to_;
  // What was waited for: line ends that count only if something stands behind them, then blanks.
  std::uint64_t line_ends_ = 0;
  bool blank_ = false;
  bool any_ = false;  // something was put
  bool good_ = true;
  // Short stretches are put together, since each call of a hash has its price.
  std::array<char, 1024> gathered_;
  std::size_t size_ = 0;
};

}  // namespace sansmtp::dkim

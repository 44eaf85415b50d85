// Did the server agree to the extended master secret? wolfSSL does not tell.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sansmtp/buffer.hpp"

namespace sansmtp::wolfssl {

/// Reads along while a ServerHello comes in clear text, octet by octet if need be, and remembers
/// whether it has the extension `extended_master_secret` (RFC 7627 section 5.1), without which
/// tls-unique binds nothing (SASL-12). It judges nothing: what wolfSSL refuses is refused there.
class server_hello {
 public:
  /// Input: the next octets from the server.
  void feed(bytes octets) noexcept;
  /// Getter: was the extension there? False until the ServerHello is complete.
  [[nodiscard]] bool extended_master_secret() const noexcept { return extended_; }

 private:
  [[nodiscard]] bool look() noexcept;

  // The record's head, the ServerHello's fixed part and far more extensions than there are.
  std::array<unsigned char, 1024> seen_{};
  std::size_t size_ = 0;
  bool done_ = false;
  bool extended_ = false;
};

}  // namespace sansmtp::wolfssl

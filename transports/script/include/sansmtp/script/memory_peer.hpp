// The other end of a memory_layer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/buffer.hpp"

namespace sansmtp::script {

/// The server's side of the records of a `memory_layer`: opens what the client wrote and makes what
/// the server says. It only notes what it sees; the test judges.
class memory_peer {
 public:
  /// Input: octets of the client, any part of a record. Returns the plaintext octets that became
  /// readable by them; valid until the next call.
  std::string_view feed(bytes ciphertext);

  /// Output: what the server sends, valid until the next call: the end of its handshake
  /// ("verified", "unverified" or "weak"), plaintext as records, an alert (0: close_notify).
  [[nodiscard]] bytes finish(std::string_view verdict);
  [[nodiscard]] bytes say(std::string_view plaintext);
  [[nodiscard]] bytes alert(char number);

  [[nodiscard]] bool saw_hello() const noexcept { return saw_hello_; }
  [[nodiscard]] bool saw_close() const noexcept { return saw_close_; }
  /// Getter: did the client send what is no record, or anything behind close_notify?
  [[nodiscard]] bool confused() const noexcept { return confused_; }
  /// Getter: data records seen.
  [[nodiscard]] std::size_t records() const noexcept { return records_; }
  /// Getter: octets of a record that is not whole yet.
  [[nodiscard]] std::size_t fragment() const noexcept { return in_.size(); }

 private:
  std::string in_;
  std::string plain_;
  std::vector<char> out_;
  std::size_t records_ = 0;
  bool saw_hello_ = false;
  bool saw_close_ = false;
  bool confused_ = false;
};

}  // namespace sansmtp::script

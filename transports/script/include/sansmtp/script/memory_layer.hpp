// A record layer for tests: the shape of TLS without its secrecy.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sansmtp/tls_layer.hpp"

namespace sansmtp::script {

/// The records that a `memory_layer` and a `memory_peer` exchange: a type, two octets of length,
/// and a payload with each octet flipped, so that clear text on the wire is told from it at a look.
namespace memory_record {
constexpr char alert = 21;      ///< Payload: 0 for close_notify, else a failure.
constexpr char handshake = 22;  ///< The client's says "hello", the server's its verdict.
constexpr char data = 23;
constexpr std::size_t head = 3;

/// Output: appends one record.
void append(std::vector<char>& to, char type, std::string_view payload);

/// Input and output: takes one whole record from the front of `from`. False if there is none yet.
[[nodiscard]] bool take(std::string& from, char& type, std::string& payload);
}  // namespace memory_record

/// The client's side, for channels in tests: everything that a `channel` can meet in a TLS library
/// happens when the peer sends the record for it. The server's handshake record says "verified",
/// "unverified" or "weak", perhaps with a blank and TYPE:OCTETS of a channel binding behind it; an
/// alert ends it; octets that are no record break it.
class memory_layer final : public tls_layer {
 public:
  void feed(bytes ciphertext) override { in_.append(as_text(ciphertext)); }
  void feed_end() override { end_ = true; }
  progress handshake() override;
  reading read(std::span<char> into, std::size_t& size) override;
  bool write(bytes plaintext) override;
  void close() override;
  [[nodiscard]] std::size_t pending() const noexcept override { return out_.size(); }
  void drain(std::vector<char>& empty) override { out_.swap(empty); }
  [[nodiscard]] const tls_info& info() const noexcept override { return info_; }
  [[nodiscard]] std::error_code error() const noexcept override { return error_; }

 private:
  bool next(char& type);
  void fail();

  std::string in_;
  std::vector<char> out_;
  std::string payload_;  // of the record being read
  std::string binding_type_;
  tls_info info_;
  std::error_code error_;
  bool begun_ = false;
  bool end_ = false;
  bool ended_ = false;
};

}  // namespace sansmtp::script

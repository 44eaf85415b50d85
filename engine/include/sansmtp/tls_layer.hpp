// The seam for TLS: a record layer without I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "sansmtp/buffer.hpp"
#include "sansmtp/peer_demand.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp {

/// Ciphertext on one side, plaintext on the other, for one link. A `channel` owns and drives it;
/// whoever has another TLS library derives from it. It never blocks, never throws, and does not
/// ask the time for its own decisions. One thread at a time.
///
/// The order of calls: `handshake` first; it goes on after each `feed` until it is no longer
/// `wants_octets`. Then `read` after each `feed` until it wants octets, and `write`. Whatever
/// these leave to be written, alerts of a failure too, is taken by `drain`.
class tls_layer {
 public:
  /// How far the handshake is.
  enum class progress : std::uint8_t {
    wants_octets,  ///< Waits for the peer.
    established,   ///< Done, and the peer's identity is checked as far as it was asked for.
    too_weak,      ///< Done, but the caller's own judgement is no (TLS-09).
    failed,        ///< See `error()`.
  };
  /// What a `read` brought.
  enum class reading : std::uint8_t {
    octets,        ///< Some plaintext.
    wants_octets,  ///< Nothing more in what was fed.
    ended,         ///< The peer said that it ends (close_notify).
    truncated,     ///< The stream ended without that: perhaps somebody cut it.
    failed,        ///< See `error()`.
  };

  tls_layer() = default;
  tls_layer(const tls_layer&) = delete;
  tls_layer& operator=(const tls_layer&) = delete;
  virtual ~tls_layer() = default;

  /// Input: ciphertext from the peer. It stays the caller's and is read by the calls that follow,
  /// at the latest until one of them says `wants_octets` or fails: then all of it was taken.
  virtual void feed(bytes ciphertext) = 0;
  /// Input: nothing will follow what was fed.
  virtual void feed_end() = 0;

  /// Input: goes on with the handshake; the first call begins it.
  virtual progress handshake() = 0;

  /// Output: decrypts some of what was fed into `into`, and says in `size` how many octets.
  virtual reading read(std::span<char> into, std::size_t& size) = 0;

  /// The most plaintext octets of a record.
  static constexpr std::size_t record_size = 16 * 1024;

  /// Input: encrypts 1 to `record_size` octets, which it reads only during the call, as one record.
  /// False: the layer failed, see `error()`, and nothing of them may leave.
  virtual bool write(bytes plaintext) = 0;

  /// Input: nothing more will be written; says so to the peer (close_notify). Once.
  virtual void close() = 0;

  /// Getter: how many octets `drain` would give.
  [[nodiscard]] virtual std::size_t pending() const noexcept = 0;
  /// Output: all ciphertext that is to be written, in exchange for an empty buffer (whose capacity
  /// it may use).
  virtual void drain(std::vector<char>& empty) = 0;

  /// Getter: about the link; complete once the handshake is `established`. Valid until the next
  /// `handshake` or `read`.
  [[nodiscard]] virtual const tls_info& info() const noexcept = 0;
  /// Getter: why it failed; none while it has not. A layer may have failed before its `handshake`:
  /// then it says why the link must not be, and `channel` refuses it before an octet leaves.
  [[nodiscard]] virtual std::error_code error() const noexcept = 0;
};

/// Whom a connection is made to, as the caller named it, and what that peer must prove. An address
/// that names nobody, such as the path of a Unix socket, is not the host.
struct tls_target {
  std::string_view host;  ///< A DNS name or a numeric address, without brackets; may be empty.
  std::uint16_t port = 0;
  const peer_demand* demand = nullptr;  ///< Null: what the maker of layers demands by default.
};

/// Makes the layer of a new link; what the target shows is read only during the call. A layer whose
/// `error()` is set, or a null pointer, means that it cannot: the link is refused.
using tls_factory = std::function<std::unique_ptr<tls_layer>(const tls_target&)>;

}  // namespace sansmtp

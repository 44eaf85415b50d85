// A session and the record layer under it: what an adapter pumps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "sansmtp/buffer.hpp"
#include "sansmtp/config.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/session.hpp"
#include "sansmtp/tls_info.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp {

/// A session with an optional `tls_layer`, as one object without I/O: octets of the wire go in and
/// out, whether they are encrypted or not. It has the input and output methods of `session`, with
/// the same meaning and the same four rules of lifetime, so a loop that pumps a session pumps a
/// channel; commands and getters are those of `engine()`.
///
/// It starts the handshake when the session asks for it (TLS-04), gives the session the result,
/// and says close_notify behind QUIT. Octets are encrypted as late as possible: what a failing
/// session takes back has not become a record, or the record does not leave. Ciphertext that waits
/// to be written is bounded, whatever the peer asks the layer for: at 128 KiB the link fails with
/// `errc::tls_flood` (TLS-14).
class channel {
 public:
  /// With a `config.tls` other than `off` it needs a `layer`; without one the handshake fails with
  /// `errc::bad_configuration`.
  explicit channel(session_config config = {}, std::unique_ptr<tls_layer> layer = nullptr);
  /// Command: the layer, if it is made later than the channel; to be called before `connected`.
  void secure_with(std::unique_ptr<tls_layer> layer) noexcept { layer_ = std::move(layer); }
  /// A channel that was moved from may only be destroyed or assigned to.
  channel(channel&&) noexcept;
  channel& operator=(channel&&) noexcept;
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel();

  // -- input: see `session` -----------------------------------------------------------------------

  /// Input: the link is up.
  void connected(time_point now, const endpoint_info& local = {});
  /// Input: octets of the wire, all of them eaten; they are read only during the call.
  void receive(time_point now, bytes octets) {
    if (stage_ != stage::plain) return receive_records(now, octets);
    session_.receive(now, octets);
    follow(now);
  }
  /// Not of a literal, which would bring its NUL: `as_bytes` takes the text alone.
  template <octet_array T>
  void receive(time_point now, T&& octets) = delete;
  /// Input: the peer closed, or the link broke.
  void receive_end(time_point now, std::error_code why = {});
  /// Input: `n` octets of the views that `output()` lent last were written, and the others not.
  void sent(time_point now, std::size_t n) {
    if (lent_wire_) return sent_records(now, n);
    lent_plain_ = false;
    session_.sent(now, n);
  }
  /// Input: time passes.
  void advance(time_point now) { session_.advance(now); }

  // -- output: see `session` ----------------------------------------------------------------------

  /// Output: what may be written now, as a gather list; the views live until `sent()`.
  [[nodiscard]] std::span<const bytes> output(time_point now) {
    if (stage_ != stage::plain && !lent_plain_) return output_records(now);
    const std::span<const bytes> out = session_.output(now);
    if (!out.empty()) lent_plain_ = true;
    return out;
  }
  /// Output: when `advance` must be called at the latest. The handshake has its deadline, too.
  [[nodiscard]] std::optional<time_point> deadline() const noexcept { return session_.deadline(); }
  /// Output: the next event, or nullptr; valid until the next call. `upgrade_to_tls` is for
  /// information only: the channel does what it asks for.
  [[nodiscard]] const event* next_event() { return session_.next_event(); }

  // -- command and getter -------------------------------------------------------------------------

  /// Command: see `session`.
  void prefetch() const noexcept { session_.prefetch(); }
  /// Getter: the session, for its commands and getters. Its input and output methods belong to the
  /// channel.
  [[nodiscard]] session& engine() noexcept { return session_; }
  [[nodiscard]] const session& engine() const noexcept { return session_; }
  /// Getter: is it over? `output()` may still hold a QUIT, an alert and close_notify.
  [[nodiscard]] bool closed() const noexcept { return session_.closed(); }
  /// Getter: what is known of the TLS link, or nullptr while there is none; valid until the next
  /// input.
  [[nodiscard]] const tls_info* tls() const noexcept;
  /// Getter: octets held, those of the session included, those of the layer not.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  /// Where the wire stands.
  enum class stage : std::uint8_t {
    plain,        // the session's octets are the wire's
    handshaking,  // the layer has the word
    encrypting,   // the layer is between them
    cut,          // no octet more
  };
  /// A record that was made and not reported as written.
  struct record {
    std::uint64_t end;   // position in the ciphertext behind it
    std::size_t octets;  // plaintext octets in it
  };

  // A link in clear text costs no more than the session: its part of the pump is inline.
  void follow(time_point now) {
    if (session_.awaits_handshake()) begin_handshake(now);  // TLS-04
  }
  void receive_records(time_point now, bytes octets);
  void sent_records(time_point now, std::size_t n);
  [[nodiscard]] std::span<const bytes> output_records(time_point now);
  void begin_handshake(time_point now);
  void shake_hands(time_point now);
  void decrypt(time_point now, std::error_code end);
  [[nodiscard]] bool encrypt(time_point now);
  [[nodiscard]] std::span<const bytes> lend() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;
  void trim();
  void discard();

  session session_;
  std::unique_ptr<tls_layer> layer_;
  stage stage_ = stage::plain;
  bool lent_plain_ = false;        // views of the session are out
  bool lent_wire_ = false;         // a view of wire_ is out
  bool answered_ = false;          // has a record come?
  bool large_ = false;             // a large buffer was needed since the last trim()
  bool said_end_ = false;          // close_notify was made
  std::uint32_t withdrawals_ = 0;  // of the session, when nothing of it was encrypted last
  std::size_t ahead_ = 0;          // octets of the session's output that are in records already
  std::vector<char> wire_;         // ciphertext that is being written
  std::size_t wire_done_ = 0;      // of it, written
  std::uint64_t wire_begin_ = 0;   // position of its begin in all ciphertext
  bytes view_;                     // the view lent of it
  std::vector<record> records_;
};

}  // namespace sansmtp

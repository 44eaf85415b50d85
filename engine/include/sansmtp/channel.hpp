// A session, the record layer under it, and the edges of its link: what an adapter pumps.
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
/// the same meaning and the same four rules of lifetime; commands and getters are those of
/// `engine()`. What a session leaves to its transport at the edges of a link is done here: the last
/// words behind a write that failed, QUIT and close_notify behind the end, the write that is in
/// flight then, and the time that each of these may take. So the loop is: after anything, take
/// `next_event()` until there is none; leave if `finished()`; write all that `output()` offers, and
/// begin anew if it offered something; take back the write in flight if `cancel_write()`, and read
/// if `wants_read()`, whether a write waits or not; and wait for either or for `deadline()`.
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
  /// Input: there is nothing more to be read, since the peer closed or the link broke (`why`, the
  /// transport's error). While a write is in flight it is kept until that is told, and the write is
  /// asked back; behind a write that failed that one's error is the reason (LINK-01, LINK-03).
  void read_end(time_point now, std::error_code why = {});
  /// Input: `n` octets of the views that `output()` lent last were written, and the others not.
  /// 0 for a socket that is full.
  void sent(time_point now, std::size_t n) {
    if (edges_ > lent_plain) return sent_at_edge(now, n);
    edges_ = 0;
    session_.sent(now, n);
  }
  /// Input, in place of `sent()`: `n` octets were written before the write failed with `why`. Then
  /// nothing more is written, but a server that has something to say (421, 554) has two seconds to
  /// be heard, less if `deadline()` comes before (LINK-01). That a write failed which
  /// `cancel_write()` had asked back says nothing of the link.
  void write_failed(time_point now, std::error_code why, std::size_t n = 0);
  /// Input: time passes. Acts if a deadline is reached.
  void advance(time_point now);

  // -- output: see `session` ----------------------------------------------------------------------

  /// Output: what may be written now, as a gather list; the views live until `sent()`. Behind the
  /// end it is to be asked until it is empty: a QUIT and close_notify may be left (LINK-02).
  [[nodiscard]] std::span<const bytes> output(time_point now) {
    if (stage_ != stage::plain || edges_ != 0) return output_at_edge(now);
    const std::span<const bytes> out = session_.output(now);
    if (session_.closed()) return part(now, out);
    if (!out.empty()) edges_ = lent_plain;
    return out;
  }
  /// Output: when `advance` must be called at the latest; nothing if nothing is waited for. Each
  /// wait of the link is in it, so an adapter keeps no other timer, and asks anew after each call:
  /// it may have come nearer (LINK-04). It is in the past while output behind the end was not asked
  /// for.
  [[nodiscard]] std::optional<time_point> deadline() const noexcept {
    std::optional<time_point> at = session_.deadline();
    if (!at || edges_ > lent_plain) at = deadline_at_edge(at);
    return at;
  }
  /// Output: is a read wanted? Whether a write is in flight does not matter: a server may stop
  /// reading until its replies are read, or refuse content before it ends (LINK-05).
  [[nodiscard]] bool wants_read() const noexcept;
  /// Output: is the write in flight to be ended early? Nothing it could write matters any more, and
  /// events are held back that show its octets. The adapter cancels it, and tells `sent()` with
  /// what was written; true until then (LINK-03).
  [[nodiscard]] bool cancel_write() const noexcept;
  /// Output: is all over, so that the socket is to be closed? Never before `closed()`, nor while
  /// views are lent; events that there are may be taken before or behind it (LINK-02).
  [[nodiscard]] bool finished() const noexcept {
    return (edges_ & mute) != 0 && (edges_ & lent) == 0 && session_.closed();
  }
  /// Output: the next event, or nullptr; valid until the next call. `upgrade_to_tls` is for
  /// information only: the channel does what it asks for.
  [[nodiscard]] const event* next_event() { return session_.next_event(); }

  // -- command and getter -------------------------------------------------------------------------

  /// Command: as `session::abort`, and what would be said behind the end (QUIT, close_notify) is
  /// not said, also if that is what is waited for: behind this there is at most a write to be taken
  /// back.
  void abort(std::error_code why = make_error_code(errc::aborted));
  /// Command: see `session`.
  void prefetch() const noexcept { session_.prefetch(); }
  /// Getter: the session, for its commands and getters. Its input and output methods belong to the
  /// channel.
  [[nodiscard]] session& engine() noexcept { return session_; }
  [[nodiscard]] const session& engine() const noexcept { return session_; }
  /// Getter: is the session over? `output()` may still hold a QUIT, an alert and close_notify, and
  /// `finished()` knows whether it does.
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
  /// What differs from a link on which all goes well: bits of `edges_`. So one comparison tells the
  /// usual case, which is inline.
  enum edge : std::uint8_t {
    lent_plain = 1,  // views of the session are out
    lent_wire = 2,   // a view of `wire_` is out
    parting = 4,     // those views are behind the end of the session
    held_end = 8,    // nothing more comes, for `why_`; told when the views are back
    broken = 16,     // nothing can be written any more, for `why_`
    silent = 32,     // behind the end nothing was left to be said
    late = 64,       // what was left could not be written in time
  };
  static constexpr std::uint8_t lent = lent_plain | lent_wire;
  static constexpr std::uint8_t mute = broken | silent | late;

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
  void sent_at_edge(time_point now, std::size_t n);
  void end_input(time_point now, std::error_code why);
  [[nodiscard]] std::span<const bytes> output_records(time_point now);
  [[nodiscard]] std::span<const bytes> output_at_edge(time_point now);
  [[nodiscard]] std::span<const bytes> part(time_point now, std::span<const bytes> out);
  [[nodiscard]] std::optional<time_point> deadline_at_edge(
      std::optional<time_point> at) const noexcept;
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
  std::uint8_t edges_ = 0;         // of `edge`
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
  std::optional<time_point> until_;  // when the last words of either side end
  std::error_code why_;              // of `broken` or `held_end`
};

}  // namespace sansmtp

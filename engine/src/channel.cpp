#include "sansmtp/channel.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace sansmtp {

namespace {

/// No more ciphertext than about this is made before it is written, so that encrypting and writing
/// interleave, and what a failing session takes back has mostly not become a record.
constexpr std::size_t enough_ciphertext = 4 * tls_layer::record_size;

/// No more than about this ever waits. What is beyond `enough_ciphertext` and a record was not made
/// of what the session said but by the layer: a peer can ask it for answers without end, for new
/// keys above all (RFC 8446 section 4.6.3), and read none of them (TLS-14).
constexpr std::size_t most_ciphertext = 2 * enough_ciphertext;

/// An idle channel keeps no larger buffer than this.
constexpr std::size_t kept_buffer = 4096;

/// Octets decrypted at a time: replies are short.
constexpr std::size_t read_size = 4096;

/// How long a server whose connection does not take octets any more may explain itself (LINK-01).
constexpr std::chrono::seconds last_words(2);

/// Does nothing that the compiler could leave out: what was copied may have been a password
/// (SEC-03).
void overwrite(char* octets, std::size_t size) noexcept {
  std::memset(octets, 0, size);
#if defined(__GNUC__)
  asm volatile("" : : "r"(octets) : "memory");
#endif
}

/// The types of TLS records (RFC 8446 section 5.1, RFC 6520).
bool begins_record(char first) noexcept { return first >= 20 && first <= 24; }

}  // namespace

channel::channel(session_config config, std::unique_ptr<tls_layer> layer)
    : session_(std::move(config)), layer_(std::move(layer)) {}
channel::channel(channel&&) noexcept = default;
channel& channel::operator=(channel&&) noexcept = default;
channel::~channel() = default;

// -- input ----------------------------------------------------------------------------------------

void channel::connected(time_point now, const endpoint_info& local) {
  session_.connected(now, local);
  // A layer that has failed before it began says why this link may not be: a demand that it cannot
  // meet, for example. It is refused before an octet leaves, whenever TLS were to begin (TLS-13).
  if (layer_ && layer_->error()) session_.tls_failed(now, layer_->error());
  follow(now);
}

void channel::receive_records(time_point now, bytes octets) {
  if (octets.empty() || session_.closed()) return;
  if (stage_ == stage::handshaking) {
    // TLS has the client speak first: what comes before that was not said under its protection, so
    // it is for the session to refuse (TLS-05).
    const bool asked = wire_begin_ + wire_done_ != 0 || (edges_ & lent_wire) != 0;
    if (!asked) {
      session_.receive(now, octets);
      return;
    }
    // And it has the server answer in records. A server that does not is no attacker but one whose
    // TLS does not work, so that the handshake has failed (TLS-08).
    if (!answered_ && !begins_record(octets.front())) {
      session_.tls_failed(now, make_error_code(errc::plaintext_peer), octets);
      return;
    }
    answered_ = true;
    layer_->feed(octets);
    shake_hands(now);
  } else {
    layer_->feed(octets);
    decrypt(now, {});
  }
  if (waiting() > most_ciphertext) session_.tls_failed(now, make_error_code(errc::tls_flood));
}

void channel::read_end(time_point now, std::error_code why) {
  if (session_.closed()) return;
  if ((edges_ & broken) != 0) why = why_;
  if ((edges_ & lent) == 0) return end_input(now, why);
  // Whether the octets in flight have left decides what becomes of mails (OUT-02).
  edges_ |= held_end;
  why_ = why;
}

void channel::end_input(time_point now, std::error_code why) {
  if (stage_ == stage::encrypting) {
    layer_->feed_end();
    decrypt(now, why);
  }
  session_.receive_end(now, why);
}

void channel::begin_handshake(time_point now) {
  if (!layer_) {
    session_.tls_failed(now, make_error_code(errc::bad_configuration));
    return;
  }
  stage_ = stage::handshaking;
  shake_hands(now);
}

void channel::shake_hands(time_point now) {
  switch (layer_->handshake()) {
    case tls_layer::progress::wants_octets: return;
    case tls_layer::progress::established: session_.tls_established(now, layer_->info()); break;
    case tls_layer::progress::too_weak: session_.tls_rejected(now); break;
    case tls_layer::progress::failed: session_.tls_failed(now, layer_->error()); return;
  }
  stage_ = stage::encrypting;
  withdrawals_ = session_.withdrawals();
  decrypt(now, {});
}

/// Hands on what came; `end` is the transport's reason if this was the last of it.
void channel::decrypt(time_point now, std::error_code end) {
  std::array<char, read_size> plain;  // not initialised: each reply passes through here
  std::size_t size = 0;
  while (!session_.closed()) {
    switch (layer_->read(plain, size)) {
      case tls_layer::reading::octets: session_.receive(now, {plain.data(), size}); break;
      case tls_layer::reading::wants_octets: trim(); return;
      case tls_layer::reading::ended: session_.receive_end(now); return;
      case tls_layer::reading::truncated:
        // Somebody on the way may have cut the stream. Whether it matters is the session's matter:
        // after the last reply it does not (NET-03).
        session_.receive_end(now, end ? end : make_error_code(errc::tls_truncated));
        return;
      case tls_layer::reading::failed: session_.tls_failed(now, layer_->error()); return;
    }
  }
}

void channel::sent_records(time_point now, std::size_t n) {
  wire_done_ += std::min(n, view_.size());
  // Only a whole record can be read by the peer, so only its octets count as sent.
  const std::uint64_t position = wire_begin_ + wire_done_;
  std::size_t octets = 0;
  auto whole = records_.begin();
  for (; whole != records_.end() && whole->end <= position; ++whole) octets += whole->octets;
  records_.erase(records_.begin(), whole);
  ahead_ -= octets;
  if (wire_done_ == wire_.size()) {
    wire_begin_ += wire_.size();
    wire_done_ = 0;
    wire_.clear();
  }
  session_.sent(now, octets);
}

void channel::sent_at_edge(time_point now, std::size_t n) {
  const std::uint8_t before = edges_;
  edges_ &= static_cast<std::uint8_t>(~(lent | parting | held_end));
  if ((before & lent_wire) != 0) {
    sent_records(now, n);
  } else {
    session_.sent(now, n);
  }
  if ((before & held_end) != 0) end_input(now, why_);
}

void channel::write_failed(time_point now, std::error_code why, std::size_t n) {
  const bool asked_back = cancel_write();
  sent(now, n);
  if (asked_back) return;
  edges_ |= broken;
  why_ = why;
  until_ = now + last_words;
}

void channel::advance(time_point now) {
  const bool due = until_ && *until_ <= now;
  if (session_.closed()) {
    if (due) edges_ |= late;
  } else if ((edges_ & broken) != 0) {
    // Whatever was waited for, it is the write that failed.
    if (*deadline() <= now) end_input(now, why_);
  } else {
    session_.advance(now);
  }
}

void channel::abort(std::error_code why) {
  session_.abort(why);
  edges_ |= late;
}

// -- output ---------------------------------------------------------------------------------------

std::span<const bytes> channel::output_at_edge(time_point now) {
  if ((edges_ & mute) != 0) return {};
  const bool plain = stage_ == stage::plain || (edges_ & lent_plain) != 0;
  const bool in_flight = (edges_ & lent) != 0;
  const std::span<const bytes> out = plain ? session_.output(now) : output_records(now);
  if (session_.closed() && !in_flight) return part(now, out);
  if (plain && !out.empty()) edges_ |= lent_plain;
  return out;
}

/// The session is over, and `out` is what it says behind that (NET-03).
std::span<const bytes> channel::part(time_point now, std::span<const bytes> out) {
  if (!until_) {
    const auto most = session_.config().timeouts.quit;
    const bool bounded = most.count() != 0 && most < time_point::max() - now;
    until_ = bounded ? now + most : time_point::max();
  }
  if (out.empty()) {
    edges_ |= silent;
  } else {
    edges_ |= parting;
    if ((edges_ & lent_wire) == 0) edges_ |= lent_plain;
  }
  return out;
}

std::optional<time_point> channel::deadline_at_edge(std::optional<time_point> at) const noexcept {
  if (session_.closed()) {
    // At most a write is waited for that was asked back.
    if ((edges_ & mute) != 0 || cancel_write()) return std::nullopt;
    if (!until_) return time_point();
    return *until_ == time_point::max() ? std::nullopt : until_;
  }
  return (edges_ & broken) != 0 && (!at || *until_ < *at) ? until_ : at;
}

bool channel::wants_read() const noexcept { return !session_.closed() && (edges_ & held_end) == 0; }

bool channel::cancel_write() const noexcept {
  if ((edges_ & lent) == 0) return false;
  return (edges_ & (held_end | late)) != 0 || (session_.closed() && (edges_ & parting) == 0);
}

std::span<const bytes> channel::output_records(time_point now) {
  if ((edges_ & lent_wire) != 0) return lend();
  bool all = true;
  if (stage_ == stage::encrypting) all = encrypt(now);
  if (session_.closed()) {
    const bool failed = layer_->error() != std::error_code();
    if (!session_.said_quit() && !failed) {
      discard();  // a session that ends without a word says nothing on this level either
    } else if (all && !failed && !std::exchange(said_end_, true)) {
      layer_->close();
    }
  }
  if (stage_ == stage::cut) return {};
  if (wire_.empty()) layer_->drain(wire_);
  view_ = bytes(wire_).subspan(wire_done_);
  if (!view_.empty()) edges_ |= lent_wire;
  large_ = large_ || view_.size() > kept_buffer;
  return lend();
}

std::span<const bytes> channel::lend() const noexcept {
  // As in a session: what it has taken back is not offered again.
  const bool taken_back = session_.closed() && session_.withdrawals() != withdrawals_;
  return view_.empty() || taken_back ? std::span<const bytes>() : std::span(&view_, 1);
}

/// Makes records of what the session offers: as few as there can be, since a group of commands is
/// to arrive at once. False if not all of it was encrypted.
bool channel::encrypt(time_point now) {
  if (session_.withdrawals() != withdrawals_) {
    // A record that is made can be left out only with all that would follow it.
    if (ahead_ != 0) {
      discard();
      return false;
    }
    withdrawals_ = session_.withdrawals();
  }
  std::array<char, tls_layer::record_size> joined;  // not initialised, and mostly not used
  std::size_t size = 0;
  std::size_t copied = 0;
  std::size_t skip = ahead_;
  bool all = true;
  const auto seal = [&](bytes octets) {
    if (!layer_->write(octets)) {
      session_.tls_failed(now, layer_->error());
      discard();
      return false;
    }
    records_.push_back({wire_begin_ + wire_.size() + layer_->pending(), octets.size()});
    ahead_ += octets.size();
    return true;
  };
  for (bytes slice : session_.output(now)) {
    const std::size_t passed = std::min(skip, slice.size());
    skip -= passed;
    slice = slice.subspan(passed);
    while (all && !slice.empty()) {
      if (size == 0 && waiting() >= enough_ciphertext) {
        all = false;
        break;
      }
      // A long slice is encrypted where it lies; only short ones are joined.
      const bool whole = size == 0 && slice.size() >= joined.size();
      const std::size_t part = std::min(slice.size(), joined.size() - size);
      if (!whole) {
        std::memcpy(joined.data() + size, slice.data(), part);
        size += part;
        copied = std::max(copied, size);
      }
      if (whole || size == joined.size()) {
        all = seal(whole ? slice.first(part) : bytes(joined));
        size = 0;
      }
      slice = slice.subspan(part);
    }
    if (!all) break;
  }
  if (all && size != 0) all = seal({joined.data(), size});
  overwrite(joined.data(), copied);
  return all;
}

/// An idle channel gives large buffers back.
void channel::trim() {
  if (!large_ || !session_.idle() || !wire_.empty() || layer_->pending() != 0) return;
  large_ = false;
  // The channel and the layer exchange two buffers; both go.
  wire_ = std::vector<char>();
  layer_->drain(wire_);
  wire_ = std::vector<char>();
}

/// Not one octet more: neither of the session nor of the layer.
void channel::discard() {
  stage_ = stage::cut;
  wire_ = std::vector<char>();
  wire_done_ = 0;
  records_.clear();
  ahead_ = 0;
}

/// Ciphertext that is to be written.
std::size_t channel::waiting() const noexcept {
  return layer_->pending() + wire_.size() - wire_done_;
}

// -- getters --------------------------------------------------------------------------------------

const tls_info* channel::tls() const noexcept {
  return layer_ && session_.tls_active() ? &layer_->info() : nullptr;
}

std::size_t channel::memory() const noexcept {
  return sizeof(channel) - sizeof(session) + session_.memory() + wire_.capacity() +
         records_.capacity() * sizeof(record);
}

}  // namespace sansmtp

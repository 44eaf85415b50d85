// One transaction at hand: each recipient's result, then the content piece by piece.
#pragma once

#include <span>
#include <system_error>
#include <utility>

#include "sansmtp/buffer.hpp"
#include "sansmtp/delivery.hpp"

namespace sansmtp::blocking {

class client;

/// What `client::transaction` returns: what the server said of each recipient and, if it wants the
/// content, the means to stream it. Move-only. Its client must neither be moved nor destroyed while
/// it is there, and does nothing else meanwhile: other calls are refused with `errc::bad_state`.
class writer {
 public:
  writer(writer&& other) noexcept
      : client_(std::exchange(other.client_, nullptr)), mail_(other.mail_) {}
  writer& operator=(writer&&) = delete;
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;
  /// Aborts what is not finished.
  ~writer();

  /// Getter: one entry for each recipient, in the envelope's order (TXN-23). One that was accepted
  /// so far is `pending`, with the server's reply to RCPT; the others are final. Empty if the mail
  /// was refused as a usage error. Valid until the next call on the writer.
  [[nodiscard]] std::span<const recipient_report> recipients() const noexcept;

  /// Getter: does the server want content? If not, `finish` tells why, or how it ended.
  [[nodiscard]] bool wants_content() const noexcept;

  /// Getter: why no content is wanted; none if it is.
  [[nodiscard]] std::error_code error() const noexcept;

  /// Command: the next piece of the content, of any size. It is the caller's again when the call
  /// returns: either written to the socket or, if short, copied into a buffer of 16 KiB. Returns
  /// the error that ended the transaction (for example a 552 in the middle), also one of an earlier
  /// piece; then the rest of the content is pointless.
  std::error_code write(bytes piece);

  /// Command: the content is complete. Waits for the final reply and returns one entry for each
  /// recipient. Called again, or after `abort`, it returns the same once more, until the client
  /// begins another transaction.
  delivery finish();

  /// Command: gives the mail up. Once the server wants content the link must be closed for that
  /// (TXN-20); the client is then to be connected anew.
  delivery abort();

 private:
  friend class client;
  writer(client* owner, mail_id mail) noexcept : client_(owner), mail_(mail) {}

  // Is the client's transaction still the one that this writer is about?
  [[nodiscard]] bool current() const noexcept;

  client* client_;  // nullptr: moved from, or the transaction was refused
  mail_id mail_;
};

}  // namespace sansmtp::blocking

// What is sent: content that is borrowed, owned or streamed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sansmtp/buffer.hpp"

namespace sansmtp {

/// A message's content and what must be known of it beforehand. Move-only in spirit: copying an
/// owned one copies its octets.
class message {
 public:
  /// Borrowed: the octets stay the caller's and must live unchanged until the mail's `mail_done`
  /// event has been taken. The engine never copies long stretches of them.
  [[nodiscard]] static message borrow(bytes content) {
    message m;
    m.octets_ = content;
    return m;
  }

  /// Not of a literal, which would bring its NUL, nor of a temporary, which does not live long
  /// enough: take `own`, or `borrow(as_bytes(text))`.
  template <class T>
  requires(octet_array<T> || octets_on_leave<T>) static message borrow(T&& content) = delete;

  /// Owned: the session keeps the string until the mail is done.
  [[nodiscard]] static message own(std::string content) {
    message m;
    m.owned_ = std::make_unique<const std::string>(std::move(content));
    m.octets_ = as_bytes(*m.owned_);
    return m;
  }

  /// Streamed: the caller lends chunk after chunk by `session::lend` when `ready_for_data` and
  /// `chunk_released` ask for one. `size`, if known, is what MAIL declares as SIZE= (EXT-06):
  /// octets with CRLF line ends, without dot-stuffing and terminator.
  [[nodiscard]] static message stream(std::optional<std::uint64_t> size = std::nullopt) {
    message m;
    m.size_ = size;
    m.streamed_ = true;
    return m;
  }

  message() = default;
  message(message&&) = default;
  message& operator=(message&&) = default;
  message(const message& other)
      : octets_(other.octets_),
        size_(other.size_),
        streamed_(other.streamed_),
        eight_bit_(other.eight_bit_),
        binary_(other.binary_),
        utf8_headers_(other.utf8_headers_) {
    if (!other.owned_) return;
    owned_ = std::make_unique<const std::string>(*other.owned_);
    octets_ = as_bytes(*owned_);
  }
  message& operator=(const message& other) { return *this = message(other); }
  ~message() = default;

  /// Command: declares that streamed content may hold octets above 127, so that MAIL carries
  /// BODY=8BITMIME (EXT-08). Content known beforehand is looked at instead.
  message&& eight_bit(bool yes = true) && {
    eight_bit_ = yes;
    return std::move(*this);
  }
  /// Command: declares binary content: it goes out as it is, without a look at line ends, by BDAT
  /// with BODY=BINARYMIME (BDAT-11, RFC 3030). Otherwise what it holds goes out with CRLF line
  /// ends.
  message&& binary(bool yes = true) && {
    binary_ = yes;
    return std::move(*this);
  }
  /// Command: declares that the header holds UTF-8, so that the mail needs SMTPUTF8 (RFC 6531).
  message&& utf8_headers(bool yes = true) && {
    utf8_headers_ = yes;
    return std::move(*this);
  }

  [[nodiscard]] bool is_owned() const noexcept { return owned_ != nullptr; }
  [[nodiscard]] bool is_streamed() const noexcept { return streamed_; }
  /// Getter: the content if it is known beforehand; valid while the message is neither moved nor
  /// destroyed (borrowed: as long as the caller's octets).
  [[nodiscard]] bytes content() const noexcept { return octets_; }
  [[nodiscard]] std::optional<std::uint64_t> declared_size() const noexcept { return size_; }
  [[nodiscard]] bool is_eight_bit() const noexcept { return eight_bit_; }
  [[nodiscard]] bool is_binary() const noexcept { return binary_; }
  [[nodiscard]] bool has_utf8_headers() const noexcept { return utf8_headers_; }

 private:
  bytes octets_;
  // Where `octets_` are if they are owned. Not a string itself: a message is moved several times on
  // its way, and this moves as one pointer.
  std::unique_ptr<const std::string> owned_;
  std::optional<std::uint64_t> size_;
  bool streamed_ = false;
  bool eight_bit_ = false;
  bool binary_ = false;
  bool utf8_headers_ = false;
};

}  // namespace sansmtp

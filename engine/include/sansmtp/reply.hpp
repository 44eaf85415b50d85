// A server's reply, as a view.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sansmtp {

/// An enhanced status code, "class.subject.detail" (RFC 3463 section 2). Class 0 means: none.
struct enhanced_status {
  std::uint8_t status_class = 0;  ///< 2, 4 or 5; 0 if there is none.
  std::uint16_t subject = 0;      ///< 0 to 999.
  std::uint16_t detail = 0;       ///< 0 to 999.

  /// Getter: is there a code?
  [[nodiscard]] explicit operator bool() const noexcept { return status_class != 0; }
  friend bool operator==(const enhanced_status&, const enhanced_status&) = default;
};

/// Getter: "5.1.1", or an empty string for none.
[[nodiscard]] std::string to_string(const enhanced_status& code);

/// Getter: reads a code at the start of `text`, which must be followed by a space or the end. None
/// if there is none or it breaks the grammar (EXT-09).
[[nodiscard]] enhanced_status parse_enhanced_status(std::string_view text) noexcept;

/// A complete reply: a code and one or more lines of text. A view: the text belongs to whoever made
/// it (a parser, an event) and lives as long as that says. Cheap to copy.
class reply {
 public:
  /// No reply: code 0, no text.
  constexpr reply() noexcept = default;

  /// `text` holds the lines without code, separator and CRLF, joined by LF. `with_status` says
  /// whether an enhanced code may stand in it: not in a greeting and not in the reply to EHLO
  /// (EXT-09).
  constexpr reply(int code, std::string_view text, bool with_status = true) noexcept
      : text_(text), code_(static_cast<std::uint16_t>(code)), with_status_(with_status) {}

  /// Getter: 200 to 599, or 0 for no reply.
  [[nodiscard]] constexpr int code() const noexcept { return code_; }
  /// Getter: the first digit, which alone is conclusive (REP-04); 0 for no reply.
  [[nodiscard]] constexpr int first_digit() const noexcept {
    // A division by 100, for three digits: even optimised for size it must not be a dear one.
    return static_cast<int>(code_ * 41U >> 12);
  }
  /// Getter: is there a reply?
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return code_ != 0; }

  /// Getter: all lines, joined by LF, raw octets as received (REP-14).
  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
  /// Getter: how many lines; at least 1 for a reply, 0 for none.
  [[nodiscard]] std::size_t line_count() const noexcept;
  /// Getter: line `i`, empty if there is no such line.
  [[nodiscard]] std::string_view line(std::size_t i) const noexcept;

  /// Getter: the enhanced status code of the last line, else of the first line that has one; none
  /// if its class differs from the first digit, and on 3yz (EXT-09). Computed on each call.
  [[nodiscard]] enhanced_status enhanced() const noexcept;

  /// Getter: the text made safe for a terminal or a log: one line, see `display_text` (REP-21).
  [[nodiscard]] std::string display() const;

 private:
  std::string_view text_;
  std::uint16_t code_ = 0;
  bool with_status_ = true;
};

/// Getter: `text` with each control octet, each octet of invalid UTF-8 and each character that
/// changes the direction or the line (C1, U+2028, U+2029, U+202A to U+202E, U+2066 to U+2069,
/// U+200E, U+200F, U+061C, U+FEFF) replaced by one '?', and each LF by " / " (REP-21, SEC-04).
[[nodiscard]] std::string display_text(std::string_view text);

/// Getter: the path that a 251 or 551 reply names ("try <x@c.test>"), without its brackets, if it
/// is a well-formed mailbox; else empty. A view into the reply's text. The engine never uses it to
/// re-address (REP-19).
[[nodiscard]] std::string_view forward_path(const reply& r) noexcept;

}  // namespace sansmtp

// Octets in, replies out. Usable alone: needs nothing of the session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sansmtp/buffer.hpp"
#include "sansmtp/error.hpp"
#include "sansmtp/reply.hpp"

namespace sansmtp {

class session;

/// What a reply may cost (LIM-01). RFC 5321 section 4.5.3.1.5 asks for 512 octets a line at least.
struct reply_limits {
  std::uint32_t line = 4096;         ///< Octets of a line with its CRLF; 512 at least.
  std::uint32_t lines = 256;         ///< Lines of a reply.
  std::uint32_t octets = 64 * 1024;  ///< Octets of a reply, codes and CRLFs included.
  bool accept_bare_lf = false;       ///< Take LF as a line end and keep a lone CR as text (REP-12).
};

/// Parses replies (RFC 5321 section 4.2) from octets that come in pieces of any size; the pieces'
/// borders never matter (CORE-02). One pass, memory bounded by the limits, and no reply is ever
/// repaired or skipped: after a malformed one the parser stays so until `reset` (REP-11).
class reply_parser {
 public:
  enum class status : std::uint8_t {
    need_more,  ///< All octets eaten, no reply complete.
    complete,   ///< `result()` holds a reply; octets behind it are left in the input.
    malformed,  ///< `error()` says why.
    too_long,   ///< A limit was passed; `error()` says which.
  };

  explicit reply_parser(const reply_limits& limits = {}) noexcept : limits_(limits) {}

  /// Input: eats a prefix of `in` and stops after one reply. `in` is read only during the call.
  [[nodiscard]] status parse(bytes& in);

  /// Getter: the reply that the last `parse` completed; valid until the next `parse` or `reset`,
  /// and no longer than the octets that were given to that `parse`: a reply that came whole is not
  /// copied.
  [[nodiscard]] reply result() const noexcept {
    return {code_, in_place_.data() != nullptr ? in_place_ : std::string_view(text_)};
  }

  /// Getter: between replies? Then an end of the stream is clean (REP-17).
  [[nodiscard]] bool idle() const noexcept {
    return state_ == state::done || state_ == state::done_large;
  }

  /// Getter: why the last `parse` returned malformed or too_long; `errc::none` otherwise.
  [[nodiscard]] errc error() const noexcept { return error_; }

  /// Getter: the unfinished or offending line as received, up to the octet that broke the grammar;
  /// its last 256 octets (ERR-01).
  [[nodiscard]] std::string excerpt() const;

  /// Getter: has a line ended in a bare LF since the last `reset`? Only with `accept_bare_lf`.
  [[nodiscard]] bool saw_bare_lf() const noexcept { return saw_bare_lf_; }

  /// Getter: octets of memory held beyond the object itself.
  [[nodiscard]] std::size_t memory() const noexcept { return text_.capacity(); }

  /// Command: another limit for lines from the next octet on (AUTH needs longer ones, AUTH-09).
  void line_limit(std::uint32_t octets) noexcept { limits_.line = octets; }

  /// Command: forget everything but the limits.
  void reset() noexcept;

 private:
  enum class state : std::uint8_t {
    code,
    separator,
    text,
    cr,
    done,        // or nothing begun
    done_large,  // the same, but what the reply took is to be given back before the next one
    failed,
  };

  friend class session;  // has the common case inline
  bool whole_reply(bytes& in, reply& found) const noexcept;
  status run(bytes& in);
  status run(const char*& p, const char* end);
  status fail(errc why) noexcept;
  status fail_at(char octet) noexcept;
  [[nodiscard]] std::size_t room() const noexcept;  // octets until a limit is passed
  bool count(std::size_t octets) noexcept;          // false and error_ set: a limit would be passed
  void end_line() noexcept;

  reply_limits limits_;
  state state_ = state::done;
  errc error_ = errc::none;
  std::string text_;              // lines joined by LF
  std::string_view in_place_;     // instead, the text of a reply that was one line of the input
  std::uint32_t line_start_ = 0;  // where the line at hand begins in text_
  std::uint32_t line_octets_ = 0;
  std::uint32_t octets_ = 0;  // of the whole reply
  std::uint32_t lines_ = 0;
  std::uint16_t code_ = 0;
  std::uint16_t line_code_ = 0;  // of the line at hand
  std::uint8_t digits_ = 0;      // of line_code_ read so far
  char separator_ = 0;           // what followed the code; CR or LF if nothing did
  char offending_ = 0;           // the octet that broke the grammar, if has_offending_
  bool has_offending_ = false;
  bool after_cr_ = false;  // the CR seen last is not part of text_
  bool saw_bare_lf_ = false;
};

}  // namespace sansmtp

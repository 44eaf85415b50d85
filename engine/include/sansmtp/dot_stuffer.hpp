// Transparency without copying (RFC 5321 section 4.5.2). Usable alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sansmtp/buffer.hpp"
#include "sansmtp/error.hpp"

namespace sansmtp {

/// What is done with LF and CR that stand alone in content. Neither ever reaches the wire
/// (DATA-05).
enum class line_end_policy : std::uint8_t {
  normalize,  ///< Each becomes CRLF (DATA-06): what a user with a file of LF lines expects.
  strict,     ///< The content is refused.
};

/// What must be known of content before MAIL is sent.
struct content_facts {
  std::uint64_t size = 0;  ///< Octets on the wire without stuffed dots and terminator (EXT-06).
  /// Octets of the longest line with its CRLF, stuffing not counted.
  std::uint64_t longest_line = 0;
  bool eight_bit = false;     ///< Holds octets above 127.
  bool plain = false;         ///< May go out as it is: CRLF line ends, no line begins with a dot.
  errc problem = errc::none;  ///< First of nul_in_content, bare_lf_in_content, bare_cr_in_content
                              ///< (the latter two only under `strict`).
};

/// Getter: reads the whole content once.
[[nodiscard]] content_facts scan_content(bytes content, line_end_policy policy) noexcept;

namespace detail {

/// What the walk over content remembers between pieces.
struct content_state {
  std::uint64_t size = 0;
  std::uint64_t line = 0;  // octets of the line at hand
  std::uint64_t longest_line = 0;
  bool eight_bit = false;
  bool line_start = true;  // the next octet begins a line
  bool after_cr = false;   // a CR ended the last piece and was not handed on
};

}  // namespace detail

/// Turns content, given in pieces of any size, into slices for a gather list: slices of the
/// caller's memory wherever possible, else of static storage. A line that begins with a dot is
/// stuffed by overlap: one slice ends just after the dot, the next begins on it. The pieces'
/// borders never matter. Refuses NUL (DATA-11) and, under `strict`, bare CR and LF.
class dot_stuffer {
 public:
  explicit dot_stuffer(line_end_policy policy = line_end_policy::normalize) noexcept
      : policy_(policy) {}

  /// Input and output: eats a prefix of `in` and appends at most `max_slices` (4 at least) slices
  /// to `out`; stops early only for that reason. Slices point into `in` or into static storage:
  /// they live as long as the octets of `in`. An error is final; slices appended before it are
  /// valid content.
  [[nodiscard]] errc stuff(bytes& in, std::vector<bytes>& out, std::size_t max_slices);

  /// Output: appends what ends the content: a CRLF if the last line lacks one (DATA-03), then
  /// ".\r\n" (DATA-02), in at most two slices. Static storage. Nothing comes after it.
  [[nodiscard]] errc finish(std::vector<bytes>& out);

  /// Getter: octets of content so far, as `content_facts::size` counts.
  [[nodiscard]] std::uint64_t size() const noexcept { return state_.size; }
  /// Getter: the longest complete line so far, as `content_facts::longest_line` counts.
  [[nodiscard]] std::uint64_t longest_line() const noexcept { return state_.longest_line; }
  /// Getter: were there octets above 127?
  [[nodiscard]] bool eight_bit() const noexcept { return state_.eight_bit; }

 private:
  detail::content_state state_;
  line_end_policy policy_;
};

}  // namespace sansmtp

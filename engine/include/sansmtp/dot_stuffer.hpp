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
  bool canonical = false;     ///< All lines end with CRLF; the last one may lack a line end.
  bool dotted = false;        ///< At least one line begins with a dot.
  bool plain = false;         ///< May go out as it is: CRLF line ends, no line begins with a dot.
  errc problem = errc::none;  ///< First of nul_in_content, bare_lf_in_content, bare_cr_in_content
                              ///< (the latter two only under `strict`).
};

/// Getter: reads the whole content once.
[[nodiscard]] content_facts scan_content(bytes content, line_end_policy policy) noexcept;

/// A stretch of content with CRLF line ends: octets of the caller's memory that go out as they are,
/// then perhaps a CRLF that the content lacks there (static storage).
struct content_run {
  bytes octets;
  bytes line_end;

  [[nodiscard]] bool empty() const noexcept { return octets.empty() && line_end.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return octets.size() + line_end.size(); }
};

namespace detail {

class dot_places;

/// The one source of content, whatever frames it: gives content in pieces of any size as runs with
/// CRLF line ends, refuses what must not be sent (DATA-05, DATA-06, DATA-11) and counts. The
/// pieces' borders never matter: a CR that ends a piece is kept back until the next octet is known.
class content_source {
 public:
  /// `longest_line` begins with `usual_line`: shorter lines need not be measured, which costs less.
  explicit content_source(line_end_policy policy = line_end_policy::normalize,
                          std::uint64_t usual_line = 0) noexcept
      : longest_line_(usual_line), policy_(policy) {}
  /// Of content that goes out as it is, and of which only the octets are counted.
  [[nodiscard]] static content_source opaque() noexcept {
    content_source as_it_is;
    as_it_is.opaque_ = true;
    return as_it_is;
  }

  /// Input and output: eats a prefix of `in` and gives the run that it becomes, which may be empty.
  /// The run points into `in` or into static storage. An error is final and comes when all before
  /// it was given.
  /// Dots that begin lines are noted in `dots`, if it is not null.
  [[nodiscard]] errc next(bytes& in, content_run& run, dot_places* dots = nullptr) noexcept;

  /// Output: gives what the content lacks at its end: a CRLF (DATA-03), or nothing.
  [[nodiscard]] errc finish(content_run& run) noexcept;

  /// Getter: octets of all runs.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Getter: octets of the longest complete line so far with its CRLF, or of the usual line.
  [[nodiscard]] std::uint64_t longest_line() const noexcept { return longest_line_; }
  /// Getter: were there octets above 127?
  [[nodiscard]] bool eight_bit() const noexcept { return eight_bit_; }

 private:
  [[nodiscard]] errc fault_at(const char* at, const char* end) const noexcept;

  std::uint64_t size_ = 0;
  std::uint64_t line_ = 0;  // octets of the line at hand
  std::uint64_t longest_line_;
  line_end_policy policy_;
  bool eight_bit_ = false;
  bool opaque_ = false;
  bool line_start_ = true;  // the next octet begins a line
  bool after_cr_ = false;   // a CR ended the last piece and was not handed on
};

/// The framer of DATA: doubles each dot that begins a line (DATA-01) by overlap. It knows nothing
/// of line ends but what they are in a run.
class dot_doubler {
 public:
  dot_doubler() = default;
  /// The dots that begin lines are known, all or the first ones.
  explicit dot_doubler(const dot_places& known) noexcept : known_(&known) {}

  /// Cuts the next piece from the front of `octets`, which are not empty: up to the first dot that
  /// must be doubled, and with it. What is left then begins with that dot, so that it goes out
  /// twice.
  [[nodiscard]] bytes next(bytes& octets) noexcept;
  /// Copies most of the next `copied_at_a_time` octets at the front of `octets`, dots doubled, to a
  /// place where `copied_room` octets have room: for lines that are short. Gives how many octets
  /// that makes; 0 where there are too few octets.
  [[nodiscard]] std::size_t copy(bytes& octets, char* to) noexcept;
  static constexpr std::size_t copied_at_a_time = 4096;
  static constexpr std::size_t copied_room = 2 * copied_at_a_time + 128;

  /// A CRLF that is not among the octets follows them.
  void end_line() noexcept { line_start_ = true; }

 private:
  [[nodiscard]] const char* find(const char* begin, const char* end) noexcept;

  const dot_places* known_ = nullptr;
  std::size_t next_known_ = 0;
  bool line_start_ = true;
  bool doubled_ = false;  // the dot in front went out once
};

}  // namespace detail

/// Turns content, given in pieces of any size, into slices for a gather list: slices of the
/// caller's memory wherever possible, else of static storage. A line that begins with a dot is
/// stuffed by overlap: one slice ends just after the dot, the next begins on it. The pieces'
/// borders never matter. Refuses NUL (DATA-11) and, under `strict`, bare CR and LF.
class dot_stuffer {
 public:
  explicit dot_stuffer(line_end_policy policy = line_end_policy::normalize) noexcept
      : source_(policy) {}

  /// Input and output: eats a prefix of `in` and appends at most `max_slices` (4 at least) slices
  /// to `out`; stops early only for that reason, and then wants what is left of `in` next. Slices
  /// point into `in` or into static storage: they live as long as the octets of `in`. An error is
  /// final; slices appended before it are valid content.
  [[nodiscard]] errc stuff(bytes& in, std::vector<bytes>& out, std::size_t max_slices);

  /// Output: appends what ends the content: a CRLF if the last line lacks one (DATA-03), then
  /// ".\r\n" (DATA-02), in at most two slices. Static storage. Nothing comes after it.
  [[nodiscard]] errc finish(std::vector<bytes>& out);

  /// Getter: octets of content so far, as `content_facts::size` counts. Content that was looked at
  /// and did not find room among the slices counts already.
  [[nodiscard]] std::uint64_t size() const noexcept { return source_.size(); }
  /// Getter: the longest complete line so far, as `content_facts::longest_line` counts.
  [[nodiscard]] std::uint64_t longest_line() const noexcept { return source_.longest_line(); }
  /// Getter: were there octets above 127?
  [[nodiscard]] bool eight_bit() const noexcept { return source_.eight_bit(); }

 private:
  detail::content_source source_;
  detail::dot_doubler dots_;
  // A run that was looked at and has not found room among the slices yet. What is left of it, and
  // the line end that it replaces, are in front of the octets that come next.
  std::size_t run_octets_ = 0;
  std::size_t replaced_ = 0;
  bool has_run_ = false;
  bool run_ends_line_ = false;  // with a CRLF that is not among the octets
};

}  // namespace sansmtp

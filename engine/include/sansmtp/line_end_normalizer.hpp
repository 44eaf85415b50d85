// Content as it leaves, without its framing: what a signature or a digest of it has to see.
#pragma once

#include <cstdint>

#include "sansmtp/buffer.hpp"
#include "sansmtp/dot_stuffer.hpp"
#include "sansmtp/error.hpp"

namespace sansmtp {

/// Gives content, in pieces of any size, as it leaves: with CRLF line ends, also at its end
/// (DATA-03, DATA-05, DATA-06). Dots are not doubled, since a receiver takes doubled ones away; so
/// it makes no difference whether the content goes by DATA or by BDAT. It is the very source that a
/// session reads content through. The pieces' borders never matter. Pure; it copies nothing.
class line_end_normalizer {
 public:
  explicit line_end_normalizer(line_end_policy policy = line_end_policy::normalize) noexcept
      : source_(policy) {}

  /// Input and output: eats a prefix of `in` and gives the run that it becomes, which may be empty;
  /// to be called until `in` is empty. The run's octets point into `in`, its line end into static
  /// storage. A CRLF never stands across two runs. Errors are `nul_in_content` and, under `strict`,
  /// `bare_lf_in_content` and `bare_cr_in_content`; they are final, and come when all before them
  /// was given.
  [[nodiscard]] errc next(bytes& in, content_run& run) noexcept { return source_.next(in, run); }

  /// Output: gives what the content lacks at its end: a CRLF, or nothing. Nothing comes after it.
  [[nodiscard]] errc finish(content_run& run) noexcept { return source_.finish(run); }

  /// Getter: octets of all runs.
  [[nodiscard]] std::uint64_t size() const noexcept { return source_.size(); }
  /// Getter: were there octets above 127?
  [[nodiscard]] bool eight_bit() const noexcept { return source_.eight_bit(); }

 private:
  detail::content_source source_;
};

}  // namespace sansmtp

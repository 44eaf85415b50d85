// The content of DATA, from its first octet to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sansmtp::cli::serving {

/// Takes the content of DATA apart: finds its end, which is CRLF "." CRLF and nothing else, drops
/// stuffed dots (RFC 5321 section 4.5.2), and counts line ends that are none, by which content
/// could be smuggled past a laxer server. The cost per octet does not depend on how the content is
/// cut.
class data_scanner {
 public:
  /// Counted by `scan()`; the caller may set them to zero at any time.
  std::uint64_t bare_cr = 0;
  std::uint64_t bare_lf = 0;

  /// Reads on, and hands the octets of the content to `append(std::string_view)` in runs as long as
  /// possible. Returns how many octets of `input` belong to the content and its end: all of them
  /// unless `done()`.
  template <class Append>
  std::size_t scan(std::string_view input, Append&& append) {
    const char* p = input.data();
    const char* const end = p + input.size();
    const char* run = p;
    const auto flush = [&](const char* to) {
      if (to != run) append(std::string_view(run, static_cast<std::size_t>(to - run)));
    };
    while (p != end && at_ != place::end) {
      switch (at_) {
        case place::line_start:
          at_ = place::in_line;
          if (*p == '.') {
            // This dot is stuffing or the end, hence never content.
            flush(p);
            run = ++p;
            at_ = place::after_dot;
          }
          break;
        case place::in_line: {
          const auto* const lf =
              static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
          const char* const stop = lf != nullptr ? lf : end;
          const bool cr = stop != p && stop[-1] == '\r';
          count_bare_cr(p, cr ? stop - 1 : stop);
          if (lf == nullptr) {
            at_ = cr ? place::after_cr : place::in_line;
            p = end;
          } else {
            at_ = cr ? place::line_start : place::in_line;
            if (!cr) ++bare_lf;
            p = lf + 1;
          }
          break;
        }
        case place::after_cr:
          if (*p == '\n') {
            at_ = place::line_start;
            ++p;
          } else {
            at_ = place::in_line;
            ++bare_cr;
          }
          break;
        case place::after_dot:
          at_ = place::in_line;
          if (*p == '\r') {
            // Held back as well, until it is known whether this is the end.
            run = ++p;
            at_ = place::after_dot_cr;
          }
          break;
        case place::after_dot_cr:
          if (*p == '\n') {
            run = ++p;
            at_ = place::end;
          } else {
            append(std::string_view("\r"));
            ++bare_cr;
            at_ = place::in_line;
          }
          break;
        case place::end: break;
      }
    }
    flush(p);
    return static_cast<std::size_t>(p - input.data());
  }

  [[nodiscard]] bool done() const noexcept { return at_ == place::end; }

 private:
  enum class place { line_start, in_line, after_cr, after_dot, after_dot_cr, end };

  void count_bare_cr(const char* from, const char* to) {
    while (from != to) {
      const void* const cr = std::memchr(from, '\r', static_cast<std::size_t>(to - from));
      if (cr == nullptr) return;
      ++bare_cr;
      from = static_cast<const char*>(cr) + 1;
    }
  }

  place at_ = place::line_start;
};

}  // namespace sansmtp::cli::serving

// The hot loop over content: lines that need no care.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "octet_block.hpp"

namespace sansmtp::detail {

/// The lines of a piece: where the one at hand began, and the longest so far.
class line_meter {
 public:
  /// `before` octets of the line at hand were in earlier pieces.
  line_meter(const char* begin, std::uint64_t before, std::uint64_t longest) noexcept
      : origin_(address(begin) - before), longest_(longest) {}

  /// A line ends; `end` is just behind its last octet in this piece, of which `extra` more octets
  /// will be on the wire, and `next` begins the next line.
  void end_line(const char* end, std::uint64_t extra, const char* next) noexcept {
    const std::uint64_t length = so_far(end) + extra;
    if (length > longest_) longest_ = length;
    origin_ = address(next);
  }

  [[nodiscard]] std::uint64_t so_far(const char* at) const noexcept {
    return address(at) - origin_;
  }
  [[nodiscard]] std::uint64_t longest() const noexcept { return longest_; }

 private:
  static std::uint64_t address(const char* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
  }

  std::uint64_t origin_;  // where the line would have begun had all of it been in this piece
  std::uint64_t longest_;
};

/// What becomes of the low octet at `here`: where to stop because of it, or null.
[[nodiscard]] inline const char* stop_at(const char* here, const char* const end,
                                         line_meter& lines) noexcept {
  if (*here == '\r') {
    if (here + 1 == end || here[1] != '\n') return here + 1;
    lines.end_line(here + 2, 0, here + 2);
    return here + 2 != end && here[2] == '.' ? here + 2 : nullptr;
  }
  return *here == '\0' || (*here == '\n' && here[-1] != '\r') ? here : nullptr;
}

/// The same for all `odd` octets of a block that lies `at` this place, perhaps as a copy: `octets`.
/// Behind each of the first `followed` of them there are two more to be looked at.
template <class Block>
[[nodiscard, gnu::always_inline]] inline const char* stop_in(
    const char* at, const char* octets, std::uint64_t odd, std::ptrdiff_t followed,
    const char* const end, line_meter& lines, bool& eight_bit) noexcept {
  constexpr std::string_view crlf = "\r\n";
  while (odd != 0) {
    const int first = std::countr_zero(odd);
    const char* const here = at + first;
    // Nearly always: a line ends as it should, and the next begins with no dot.
    if (first < followed && std::memcmp(here, crlf.data(), crlf.size()) == 0 && here[2] != '.') {
      lines.end_line(here + 2, 0, here + 2);
      odd &= odd - 1;
      odd &= odd - 1;  // the LF too; it may be in the next block, where it does no harm
    } else if (is_high(octets[first])) [[unlikely]] {
      eight_bit = true;
      odd &= ~Block::high(octets);  // one of them says as much as all
    } else if (const char* const stop = stop_at(here, end, lines); stop != nullptr) {
      return stop;
    } else {
      odd &= odd - 1;
    }
  }
  return nullptr;
}

/// `skip_ordinary` with blocks of one kind. Inline wherever it is named, so that all of the loop is
/// compiled for the processor whose vectors the block needs.
template <class Block>
[[nodiscard, gnu::always_inline]] inline const char* skip_ordinary_by(const char* p,
                                                                      const char* const end,
                                                                      line_meter& lines,
                                                                      bool& eight_bit) noexcept {
  constexpr std::ptrdiff_t size = Block::size;
  const char* const begin = p;
  line_meter meter = lines;  // copies that can live in registers
  bool high = eight_bit;
  const auto leave = [&](const char* at) {
    lines = meter;
    eight_bit = high;
    return at;
  };
  for (std::ptrdiff_t blocks = (end - p - 2) / size; blocks > 0; --blocks, p += size) {
    const char* const stop = stop_in<Block>(p, p, Block::odd(p), size, end, meter, high);
    if (stop != nullptr) return leave(stop);
  }
  while (p != end) {
    const char* stop = nullptr;
    if (end - begin >= size) {
      // The last block ends where the octets do, and what was looked at is not looked at again.
      const char* const at = std::min(p, end - size);
      const std::uint64_t odd = Block::odd(at) >> (p - at) << (p - at);
      stop = stop_in<Block>(at, at, odd, end - 2 - at, end, meter, high);
      p = at + size;
    } else {
      std::array<char, Block::size> few;
      few.fill(' ');
      std::memcpy(few.data(), p, static_cast<std::size_t>(end - p));
      const std::uint64_t odd = Block::odd(few.data());
      stop = stop_in<Block>(p, few.data(), odd, end - 2 - p, end, meter, high);
      p = end;
    }
    if (stop != nullptr) return leave(stop);
  }
  return leave(end);
}

/// `skip_ordinary` on any processor.
[[nodiscard]] inline const char* skip_ordinary_anywhere(const char* p, const char* const end,
                                                        line_meter& lines,
                                                        bool& eight_bit) noexcept {
  return skip_ordinary_by<block_of_four<octet_block>>(p, end, lines, eight_bit);
}

#if defined(__SSE2__) && defined(__GNUC__)
/// `skip_ordinary` on a processor that `has_avx2()`.
[[nodiscard, gnu::target("avx2,bmi")]] inline const char* skip_ordinary_by_avx2(
    const char* p, const char* const end, line_meter& lines, bool& eight_bit) noexcept {
  return skip_ordinary_by<avx2_block>(p, end, lines, eight_bit);
}
#endif

/// Skips octets that need no care: from `p`, whose predecessor belongs to the same piece, to the
/// first octet that is a NUL, an LF without CR before it, anything but LF behind a CR, or a dot
/// that begins a line; or to `end`. Sets `eight_bit` if there is an octet above 127 before that
/// place.
[[nodiscard, gnu::always_inline]] inline const char* skip_ordinary(const char* p,
                                                                   const char* const end,
                                                                   line_meter& lines,
                                                                   bool& eight_bit) noexcept {
  // What begins here may belong to a line end in front of it.
  if (p[-1] == '\r') {
    if (p == end || *p != '\n') return p;
    lines.end_line(p + 1, 0, p + 1);
    ++p;
  }
  if (p == end || (p[-1] == '\n' && *p == '.')) return p;
#if defined(__SSE2__) && defined(__GNUC__)
  if (has_avx2()) return skip_ordinary_by_avx2(p, end, lines, eight_bit);
#endif
  return skip_ordinary_anywhere(p, end, lines, eight_bit);
}

}  // namespace sansmtp::detail

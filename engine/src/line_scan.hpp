// The hot loops over content: octets that go out as they are, and the dots that begin lines.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "octet_block.hpp"

namespace sansmtp::detail {

inline constexpr std::string_view crlf = "\r\n";
inline constexpr std::string_view terminator = ".\r\n";  // of content behind DATA

/// Which lines of the content begin with a dot, as far as there is room to remember it: then they
/// need not be looked for again when the content goes out.
class dot_places {
 public:
  /// Places that are remembered at most. The usual mail of 10 MiB has half as many.
  static constexpr std::size_t most = 4096;

  explicit dot_places(std::size_t room = most) noexcept : room_(room) {}

  /// Forgets all.
  void clear() noexcept {
    places_.clear();
    any_ = false;
    complete_ = true;
  }
  [[gnu::cold, gnu::noinline]] void note(const char* dot) {
    any_ = true;
    complete_ = complete_ && places_.size() < room_;
    if (complete_) places_.push_back(dot);
  }

  /// Getter: was there any?
  [[nodiscard]] bool any() const noexcept { return any_; }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  [[nodiscard]] const char* operator[](std::size_t i) const noexcept { return places_[i]; }
  /// Getter: are they all, or only the first ones?
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] std::size_t memory() const noexcept {
    return places_.capacity() * sizeof(const char*);
  }

 private:
  std::vector<const char*> places_;
  std::size_t room_;
  bool any_ = false;
  bool complete_ = true;
};

/// How long lines are: where the one at hand began, and the longest so far.
class line_meter {
 public:
  /// `before` octets of the line at hand were in earlier pieces.
  line_meter(const char* begin, std::uint64_t before, std::uint64_t longest) noexcept
      : line_(address(begin) - before), longest_(longest) {}

  /// A line ends; `end` is just behind its last octet in this piece, of which `extra` more octets
  /// will be on the wire, and `next` begins the next line.
  [[gnu::always_inline]] void end_line(const char* end, std::uint64_t extra,
                                       const char* next) noexcept {
    longest_ = std::max(longest_, so_far(end) + extra);
    line_ = address(next);
  }

  /// Several lines end in the block of 64 octets `at` this place: `ends` has a bit for the last
  /// octet of each.
  [[gnu::always_inline]] void end_lines(const char* at, std::uint64_t ends) noexcept {
    const char* const first = at + std::countr_zero(ends) + 1;
    end_line(first, 0, first);
    if (longest_ < 64 && has_gap(ends, static_cast<unsigned>(longest_))) [[unlikely]] {
      for (std::uint64_t left = ends & (ends - 1); left != 0; left &= left - 1) {
        const char* const next = at + std::countr_zero(left) + 1;
        end_line(next, 0, next);
      }
    }
    line_ = address(at) + static_cast<std::uint64_t>(std::bit_width(ends));
  }

  [[nodiscard]] std::uint64_t so_far(const char* at) const noexcept { return address(at) - line_; }
  [[nodiscard]] std::uint64_t longest() const noexcept { return longest_; }

 private:
  static std::uint64_t address(const char* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
  }

  /// Are there two neighbours among the bits that are more than `most` places, 1 at least, apart?
  static bool has_gap(std::uint64_t bits, unsigned most) noexcept {
    std::uint64_t reached = bits;  // by stepping at most `most` - 1 places up from a bit
    for (unsigned width = 1; width < most;) {
      const unsigned step = std::min(width, most - width);
      reached |= reached << step;
      width += step;
    }
    const std::uint64_t up_to_first = bits ^ (bits - 1);
    const std::uint64_t below_last = std::bit_floor(bits) - 1;
    return (below_last & ~up_to_first & ~reached) != 0;
  }

  std::uint64_t line_;     // where the line at hand would have begun had all of it been here
  std::uint64_t longest_;  // octets
};

/// What is seldom learnt of content: octets above 127, and dots that begin lines, which are noted
/// if `dots` is not null.
struct line_notes {
  dot_places* dots = nullptr;
  bool eight_bit = false;

  void dot(const char* at) {
    if (dots != nullptr) dots->note(at);
  }
  /// The same for each bit of a block.
  void dots_among(const char* at, std::uint64_t places) {
    if (dots == nullptr) return;
    for (; places != 0; places &= places - 1) {
      dot(at + std::countr_zero(places));
      if (!dots->complete()) return;
    }
  }
};

/// Takes all lines at once whose ends are those octets of a block that are `odd`, if nothing else
/// is among them. The block begins `at` this place, and an octet behind it can be read. Gives what
/// is left to be looked at one by one.
template <class Block>
[[nodiscard, gnu::always_inline]] inline std::uint64_t take_lines(const char* const at,
                                                                  std::uint64_t odd,
                                                                  line_meter& lines,
                                                                  line_notes& notes) {
  const std::uint64_t lf = Block::equal(at, '\n') & odd;
  const std::uint64_t cr = Block::equal(at, '\r') & odd;
  const std::uint64_t ends = cr << 1;  // a CR that ends the block is left over
  if (ends == 0 || lf != ends || (lf | cr) != odd) return odd;
  lines.end_lines(at, ends);
  if (const std::uint64_t dots = Block::equal(at + 1, '.') & ends; dots != 0) [[unlikely]] {
    notes.dots_among(at + 1, dots);
  }
  return odd & ~ends & ~(ends >> 1);
}

/// Looks at those octets of a block that are `odd`, one at least. Gives the first of them that does
/// not go out as it is, or null. The block begins `at` this place; two octets behind it can be
/// read, and all from `begin` on before it.
template <class Block>
[[nodiscard, gnu::always_inline]] inline const char* stop_in(const char* const begin,
                                                             const char* const at,
                                                             std::uint64_t odd, line_meter& lines,
                                                             line_notes& notes) {
  constexpr int few = 6;  // two octets for each line
  for (;;) {
    const char* const here = at + std::countr_zero(odd);
    if (std::memcmp(here, crlf.data(), crlf.size()) == 0) [[likely]] {
      lines.end_line(here + 2, 0, here + 2);
      if (here[2] == '.') [[unlikely]] {
        notes.dot(here + 2);
      }
      odd &= odd - 1;
      odd &= odd - 1;  // the LF too, unless it is the first octet of the next block
      if (odd == 0) [[likely]] {
        return nullptr;
      }
      if (std::popcount(odd) > few) [[unlikely]] {
        odd = take_lines<Block>(at, odd, lines, notes);
      }
    } else if (is_high(*here)) {
      notes.eight_bit = true;
      odd &= ~Block::high(at);  // one of them says as much as all
    } else if (*here == '\r' || *here == '\0' ||
               (*here == '\n' && (here == begin || here[-1] != '\r'))) {
      return here;
    } else {
      odd &= odd - 1;
    }
    if (odd == 0) return nullptr;
  }
}

/// Looks at octets one by one: the last ones of content, whose followers may not be read, and those
/// of content that is shorter than a block. Gives where to stop, or `end`.
[[nodiscard, gnu::always_inline]] inline const char* stop_among(const char* const begin,
                                                                const char* p,
                                                                const char* const end,
                                                                line_meter& lines,
                                                                line_notes& notes) {
  for (; p != end; ++p) {
    if (!is_low(*p)) {
      notes.eight_bit |= is_high(*p);
    } else if (*p == '\r' && end - p > 1 && p[1] == '\n') {
      lines.end_line(p + 2, 0, p + 2);
      if (end - p > 2 && p[2] == '.') notes.dot(p + 2);
      ++p;
    } else if (*p == '\r' || *p == '\0' || (*p == '\n' && (p == begin || p[-1] != '\r'))) {
      return p;
    }
  }
  return end;
}

/// `skip_canonical` with blocks of one kind. Inline wherever it is named, so that all of the loop
/// is compiled for the processor whose vectors the block needs.
template <class Block>
[[nodiscard, gnu::always_inline]] inline const char* skip_canonical_by(const char* const begin,
                                                                       const char* const end,
                                                                       line_meter& lines,
                                                                       line_notes& notes) {
  constexpr std::ptrdiff_t size = Block::size;
  constexpr std::ptrdiff_t followers = 2;
  const char* p = begin;
  const char* stop = nullptr;
  line_meter meter = lines;  // a copy that can live in registers
  if (end - begin >= size + followers) {
    const char* const last = end - followers - size;  // the last block begins here
    for (; p < last; p += size) {
      const std::uint64_t odd = Block::odd(p);
      if (odd == 0) continue;
      stop = stop_in<Block>(begin, p, odd, meter, notes);
      if (stop != nullptr) {
        lines = meter;
        return stop;
      }
    }
    // What was looked at is not looked at again.
    const std::uint64_t odd = Block::odd(last) >> (p - last) << (p - last);
    if (odd != 0) stop = stop_in<Block>(begin, last, odd, meter, notes);
    p = end - followers;
  }
  if (stop == nullptr) stop = stop_among(begin, p, end, meter, notes);
  lines = meter;
  return stop;
}

/// `find_dotted_line` with blocks of one kind.
template <class Block>
[[nodiscard, gnu::always_inline]] inline const char* find_dotted_line_by(
    const char* p, const char* const end) noexcept {
  constexpr std::ptrdiff_t size = Block::size;
  const auto dots = [](const char* at) {
    return Block::equal(at, '\n') & Block::equal(at + 1, '.');
  };
  if (end - p > size) {
    const char* const last = end - 1 - size;
    for (; p < last; p += size) {
      if (const std::uint64_t found = dots(p); found != 0) return p + std::countr_zero(found) + 1;
    }
    const std::uint64_t found = dots(last) >> (p - last) << (p - last);
    return found != 0 ? last + std::countr_zero(found) + 1 : end;
  }
  for (; end - p > 1; ++p) {
    if (*p == '\n' && p[1] == '.') return p + 1;
  }
  return end;
}

/// What `copy_doubled` made: where it wrote to, and how far it read.
struct copied {
  char* to;
  const char* from;
  bool at_dot;  // a dot is next, and is the second one of its line
};

/// `copy_doubled` with blocks of one kind.
template <class Block>
[[nodiscard, gnu::always_inline]] inline copied copy_doubled_by(const char* p,
                                                                const char* const end,
                                                                char* to) noexcept {
  constexpr std::ptrdiff_t size = Block::size;
  const char* from = p;
  bool at_dot = false;
  // Each copy is of a whole block, and one octet more, whatever is wanted of it.
  for (; end - p > 2 * size + 1; p += size) {
    at_dot = false;
    std::uint64_t dots = Block::equal(p, '\n') & Block::equal(p + 1, '.');
    for (; dots != 0; dots &= dots - 1) {
      const char* const dot = p + std::countr_zero(dots) + 1;
      std::memcpy(to, from, size + 1);
      to += dot + 1 - from;
      from = dot;
      at_dot = dot == p + size;
    }
    std::memcpy(to, from, size);
    to += p + size - from;
    from = p + size;
  }
  return {to, from, at_dot};
}

#if defined(__SSE2__) && defined(__GNUC__)
/// The same on a processor that `has_avx2()`.
[[nodiscard, gnu::target("avx2,bmi,popcnt")]] inline const char* skip_canonical_by_avx2(
    const char* begin, const char* end, line_meter& lines, line_notes& notes) {
  return skip_canonical_by<avx2_block>(begin, end, lines, notes);
}
[[nodiscard, gnu::target("avx2,bmi,popcnt")]] inline const char* find_dotted_line_by_avx2(
    const char* p, const char* end) noexcept {
  return find_dotted_line_by<avx2_block>(p, end);
}
[[nodiscard, gnu::target("avx2,bmi,popcnt")]] inline copied copy_doubled_by_avx2(
    const char* p, const char* end, char* to) noexcept {
  return copy_doubled_by<avx2_block>(p, end, to);
}
#endif

/// Skips octets that go out as they are: to the first one that is a NUL, an LF without CR before it
/// or a CR without LF behind it, or to `end`. There is no CR just before `begin`. Measures lines,
/// and notes what is before that place: octets above 127, and dots that begin lines, but for one at
/// `begin` itself.
[[nodiscard, gnu::always_inline]] inline const char* skip_canonical(const char* begin,
                                                                    const char* const end,
                                                                    line_meter& lines,
                                                                    line_notes& notes) {
#if defined(__SSE2__) && defined(__GNUC__)
  if (has_avx2()) return skip_canonical_by_avx2(begin, end, lines, notes);
#endif
  return skip_canonical_by<block_of_four<octet_block>>(begin, end, lines, notes);
}

/// The first dot in [p, end) that has an LF before it, from `p` on; or `end`.
[[nodiscard, gnu::always_inline]] inline const char* find_dotted_line(
    const char* p, const char* const end) noexcept {
#if defined(__SSE2__) && defined(__GNUC__)
  if (has_avx2()) return find_dotted_line_by_avx2(p, end);
#endif
  return find_dotted_line_by<block_of_four<octet_block>>(p, end);
}

/// Copies octets of [p, end) and doubles each dot among them that has an LF before it, from `p` on:
/// up to twice as many octets, and a block more, must have room. Stops short of `end`, so that it
/// need not look what may be read. For lines so short that pieces of them would cost more.
[[nodiscard, gnu::always_inline]] inline copied copy_doubled(const char* p, const char* const end,
                                                             char* to) noexcept {
#if defined(__SSE2__) && defined(__GNUC__)
  if (has_avx2()) return copy_doubled_by_avx2(p, end, to);
#endif
  return copy_doubled_by<block_of_four<octet_block>>(p, end, to);
}

}  // namespace sansmtp::detail

// Sixteen octets at a time: the only place that knows of vector registers.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sansmtp::detail {

/// Octets up to this one are looked at one by one: NUL, LF and CR are among them, and little else that
/// mail holds (TAB), so that one comparison finds all that could matter.
inline constexpr char last_control = '\r';

[[nodiscard]] constexpr bool is_low(char c) noexcept {
  return static_cast<unsigned char>(c) <= static_cast<unsigned char>(last_control);
}

/// Which of the octets at a place are low (up to CR), a bit for each, the first one in the lowest bit;
/// and whether any octet seen by this object was above 127.
class octet_block {
 public:
  static constexpr int size = 16;

#if defined(__SSE2__)
  [[nodiscard]] std::uint32_t low(const char* at) noexcept {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    seen_ = _mm_or_si128(seen_, octets);
    const __m128i capped = _mm_min_epu8(octets, _mm_set1_epi8(last_control));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(capped, octets)));
  }
  [[nodiscard]] bool saw_high() const noexcept { return _mm_movemask_epi8(seen_) != 0; }

 private:
  __m128i seen_ = _mm_setzero_si128();
#else
  [[nodiscard]] std::uint32_t low(const char* at) noexcept {
    std::uint32_t bits = 0;
    for (int i = 0; i < size; ++i) {
      bits |= static_cast<std::uint32_t>(is_low(at[i])) << i;
      seen_ |= static_cast<unsigned char>(at[i]);
    }
    return bits;
  }
  [[nodiscard]] bool saw_high() const noexcept { return seen_ > 127; }

 private:
  unsigned seen_ = 0;
#endif
};

/// The first CR, LF or NUL in [p, end), or `end`: what ends a run of ordinary text in a reply. Octets
/// from `begin` on may be looked at again.
[[nodiscard]] inline const char* find_line_octet(const char* p, const char* const end,
                                                 const char* const begin) noexcept {
  const auto ends_text = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  octet_block block;
  while (end - begin >= octet_block::size && p != end) {
    // The last block ends where the octets do.
    const char* const at = end - p >= octet_block::size ? p : end - octet_block::size;
    std::uint32_t hits = block.low(at) >> (p - at);
    for (; hits != 0; hits &= hits - 1) {
      const char* const here = p + std::countr_zero(hits);
      if (ends_text(*here)) return here;
    }
    p = at + octet_block::size;
  }
  while (p != end && !ends_text(*p)) ++p;
  return p;
}

}  // namespace sansmtp::detail

// Many octets at a time: the only place that knows of vector registers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) && defined(__GNUC__)
#include <immintrin.h>  // what goes beyond SSE2 is used only where the processor says that it can
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sansmtp::detail {

/// Octets up to this one are looked at one by one: NUL, LF and CR are among them, and little else
/// that mail holds (TAB), so that one comparison finds all that could matter.
inline constexpr char last_control = '\r';

[[nodiscard]] constexpr bool is_low(char c) noexcept {
  return static_cast<unsigned char>(c) <= static_cast<unsigned char>(last_control);
}

/// Which of the octets at a place are low (up to CR), a bit for each, the first one in the lowest
/// bit; and whether any octet seen by this object was above 127.
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

/// Octets for which `map_low` has one word.
inline constexpr std::size_t mapped_octets = 64;

#if defined(__SSE2__) && defined(__GNUC__)
[[gnu::target("avx2")]] inline bool map_low_avx2(const char* at, std::size_t words,
                                                 std::uint64_t* low) noexcept {
  const __m256i cap = _mm256_set1_epi8(last_control);
  __m256i seen = _mm256_setzero_si256();
  for (const std::uint64_t* const end = low + words; low != end; ++low, at += mapped_octets) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
    seen = _mm256_or_si256(seen, _mm256_or_si256(a, b));
    const __m256i low_a = _mm256_cmpeq_epi8(_mm256_min_epu8(a, cap), a);
    const __m256i low_b = _mm256_cmpeq_epi8(_mm256_min_epu8(b, cap), b);
    *low = static_cast<std::uint32_t>(_mm256_movemask_epi8(low_a)) |
           static_cast<std::uint64_t>(_mm256_movemask_epi8(low_b)) << 32;
  }
  return _mm256_movemask_epi8(seen) != 0;
}
#endif

/// Maps `words` times 64 octets: which of them are low, a bit for each, the first one in the lowest
/// bit of the first word. Returns whether any of them was above 127.
inline bool map_low(const char* at, std::size_t words, std::uint64_t* low) noexcept {
#if defined(__SSE2__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx2")) return map_low_avx2(at, words, low);
#endif
  octet_block block;
  for (const std::uint64_t* const end = low + words; low != end; ++low, at += mapped_octets) {
    *low = block.low(at) | std::uint64_t{block.low(at + 16)} << 16 |
           std::uint64_t{block.low(at + 32)} << 32 | std::uint64_t{block.low(at + 48)} << 48;
  }
  return block.saw_high();
}

/// The first low octet in [p, end), or `end`. Octets from `begin` on may be looked at again.
[[nodiscard]] inline const char* find_low(const char* p, const char* const end,
                                          const char* const begin) noexcept {
  octet_block block;
  for (; end - p >= octet_block::size; p += octet_block::size) {
    if (const std::uint32_t hits = block.low(p); hits != 0) return p + std::countr_zero(hits);
  }
  if (end - begin >= octet_block::size) {
    // The last block ends where the octets do.
    const std::uint32_t hits =
        block.low(end - octet_block::size) >> (p - (end - octet_block::size));
    return hits != 0 ? p + std::countr_zero(hits) : end;
  }
  while (p != end && !is_low(*p)) ++p;
  return p;
}

/// The first CR, LF or NUL in [p, end), or `end`: what ends a run of ordinary text in a reply.
[[nodiscard]] inline const char* find_line_octet(const char* p, const char* const end) noexcept {
  const char* const begin = p;
  for (;; ++p) {
    p = find_low(p, end, begin);
    if (p == end || *p == '\r' || *p == '\n' || *p == '\0') return p;
  }
}

}  // namespace sansmtp::detail

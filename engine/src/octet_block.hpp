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
/// bit; and whether any octet seen by this object was above 127. This one needs no vectors.
class scalar_block {
 public:
  static constexpr int size = 16;

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
};

#if defined(__SSE2__)
/// The same in one register.
class sse2_block {
 public:
  static constexpr int size = 16;

  [[nodiscard]] std::uint32_t low(const char* at) noexcept {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    seen_ = _mm_or_si128(seen_, octets);
    const __m128i capped = _mm_min_epu8(octets, _mm_set1_epi8(last_control));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(capped, octets)));
  }
  [[nodiscard]] bool saw_high() const noexcept { return _mm_movemask_epi8(seen_) != 0; }

 private:
  __m128i seen_ = _mm_setzero_si128();
};
using octet_block = sse2_block;
#else
using octet_block = scalar_block;
#endif

/// The same of 64 octets, by four smaller blocks.
template <class Block>
class block_of_four {
 public:
  static constexpr int size = 4 * Block::size;
  static_assert(size == 64);

  [[nodiscard]] std::uint64_t low(const char* at) noexcept {
    return block_.low(at) | std::uint64_t{block_.low(at + 16)} << 16 |
           std::uint64_t{block_.low(at + 32)} << 32 | std::uint64_t{block_.low(at + 48)} << 48;
  }
  [[nodiscard]] bool saw_high() const noexcept { return block_.saw_high(); }

 private:
  Block block_;
};

#if defined(__SSE2__) && defined(__GNUC__)
/// The same of 64 octets, in two registers; only where `has_avx2()`.
class avx2_block {
 public:
  static constexpr int size = 64;

  [[gnu::target("avx2")]] avx2_block() noexcept
      : cap_(_mm256_set1_epi8(last_control)), seen_(_mm256_setzero_si256()) {}

  [[nodiscard, gnu::target("avx2")]] std::uint64_t low(const char* at) noexcept {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
    seen_ = _mm256_or_si256(seen_, _mm256_or_si256(a, b));
    const __m256i low_a = _mm256_cmpeq_epi8(_mm256_min_epu8(a, cap_), a);
    const __m256i low_b = _mm256_cmpeq_epi8(_mm256_min_epu8(b, cap_), b);
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low_a)) |
           static_cast<std::uint64_t>(_mm256_movemask_epi8(low_b)) << 32;
  }
  [[nodiscard, gnu::target("avx2")]] bool saw_high() const noexcept {
    return _mm256_movemask_epi8(seen_) != 0;
  }

 private:
  __m256i cap_;
  __m256i seen_;
};

/// Getter: can the processor do what `avx2_block` and the loop around it need?
[[nodiscard]] inline bool has_avx2() noexcept {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
}
#endif

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

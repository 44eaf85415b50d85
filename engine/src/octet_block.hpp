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
[[nodiscard]] constexpr bool is_high(char c) noexcept {
  return static_cast<unsigned char>(c) > 127;
}

/// Which of the octets at a place are of some kind, a bit for each, the first one in the lowest
/// bit: equal to another, low (up to CR), high (above 127), or odd, which is either of the latter.
/// Odd ones cost the least to find, since as signed numbers they are one range. This one needs no
/// vectors.
class scalar_block {
 public:
  static constexpr int size = 16;

  [[nodiscard]] static std::uint32_t low(const char* at) noexcept { return which(at, is_low); }
  [[nodiscard]] static std::uint32_t high(const char* at) noexcept { return which(at, is_high); }
  [[nodiscard]] static std::uint32_t odd(const char* at) noexcept { return low(at) | high(at); }
  [[nodiscard]] static std::uint32_t equal(const char* at, char c) noexcept {
    return which(at, [c](char each) { return each == c; });
  }

 private:
  template <class Kind>
  static std::uint32_t which(const char* at, Kind is_it) noexcept {
    std::uint32_t bits = 0;
    for (int i = 0; i < size; ++i) bits |= static_cast<std::uint32_t>(is_it(at[i])) << i;
    return bits;
  }
};

#if defined(__SSE2__)
/// The same in one register.
class sse2_block {
 public:
  static constexpr int size = 16;

  [[nodiscard]] static std::uint32_t low(const char* at) noexcept {
    const __m128i capped = _mm_min_epu8(load(at), _mm_set1_epi8(last_control));
    return bits(_mm_cmpeq_epi8(capped, load(at)));
  }
  [[nodiscard]] static std::uint32_t high(const char* at) noexcept { return bits(load(at)); }
  [[nodiscard]] static std::uint32_t odd(const char* at) noexcept {
    return bits(_mm_adds_epi8(load(at), _mm_set1_epi8(-1 - last_control)));  // negative if odd
  }
  [[nodiscard]] static std::uint32_t equal(const char* at, char c) noexcept {
    return bits(_mm_cmpeq_epi8(load(at), _mm_set1_epi8(c)));
  }

 private:
  static __m128i load(const char* at) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static std::uint32_t bits(__m128i top) noexcept {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(top));
  }
};
using octet_block = sse2_block;
#else
using octet_block = scalar_block;
#endif

/// High and odd octets of 64, by four smaller blocks.
template <class Block>
class block_of_four {
 public:
  static constexpr int size = 4 * Block::size;
  static_assert(size == 64);

  [[nodiscard]] static std::uint64_t high(const char* at) noexcept { return all(at, Block::high); }
  [[nodiscard]] static std::uint64_t odd(const char* at) noexcept { return all(at, Block::odd); }
  [[nodiscard]] static std::uint64_t equal(const char* at, char c) noexcept {
    return all(at, [c](const char* part) { return Block::equal(part, c); });
  }

 private:
  template <class Which>
  static std::uint64_t all(const char* at, Which which) noexcept {
    return which(at) | std::uint64_t{which(at + 16)} << 16 | std::uint64_t{which(at + 32)} << 32 |
           std::uint64_t{which(at + 48)} << 48;
  }
};

#if defined(__SSE2__) && defined(__GNUC__)
/// The same in two registers; only where `has_avx2()`.
class avx2_block {
 public:
  static constexpr int size = 64;

  [[nodiscard, gnu::target("avx2")]] static std::uint64_t high(const char* at) noexcept {
    return bits(load(at), load(at + 32));
  }
  [[nodiscard, gnu::target("avx2")]] static std::uint64_t odd(const char* at) noexcept {
    const __m256i shift = _mm256_set1_epi8(-1 - last_control);  // makes odd ones negative
    return bits(_mm256_adds_epi8(load(at), shift), _mm256_adds_epi8(load(at + 32), shift));
  }
  [[nodiscard, gnu::target("avx2")]] static std::uint64_t equal(const char* at, char c) noexcept {
    const __m256i each = _mm256_set1_epi8(c);
    return bits(_mm256_cmpeq_epi8(load(at), each), _mm256_cmpeq_epi8(load(at + 32), each));
  }

 private:
  [[gnu::target("avx2")]] static __m256i load(const char* at) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  [[gnu::target("avx2")]] static std::uint64_t bits(__m256i first, __m256i second) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(first)) |
           static_cast<std::uint64_t>(_mm256_movemask_epi8(second)) << 32;
  }
};

/// Getter: can the processor do what `avx2_block` and the loop around it need?
[[nodiscard]] inline bool has_avx2() noexcept {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("popcnt");
}
#endif

/// The first low octet in [p, end), or `end`. Octets from `begin` on may be looked at again.
[[nodiscard]] inline const char* find_low(const char* p, const char* const end,
                                          const char* const begin) noexcept {
  for (; end - p >= octet_block::size; p += octet_block::size) {
    if (const std::uint32_t hits = octet_block::low(p); hits != 0)
      return p + std::countr_zero(hits);
  }
  if (end - begin >= octet_block::size) {
    // The last block ends where the octets do.
    const std::uint32_t hits =
        octet_block::low(end - octet_block::size) >> (p - (end - octet_block::size));
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

// Sixteen octets at a time: the only place that knows of vector registers.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sansmtp::detail {

/// Sixteen octets that are compared at once. A comparison gives a bit for each octet, the first one
/// in the lowest bit, so that `std::countr_zero` finds the first match on any machine.
class octet_block {
 public:
  static constexpr int size = 16;

#if defined(__SSE2__)
  explicit octet_block(const char* at) noexcept
      : octets_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) {}

  /// A set of octets of the block; `bits()` is what to ask in the end, since it costs most.
  class matches {
   public:
    explicit matches(__m128i m) noexcept : m_(m) {}
    friend matches operator|(matches a, matches b) noexcept {
      return matches(_mm_or_si128(a.m_, b.m_));
    }
    friend matches operator&(matches a, matches b) noexcept {
      return matches(_mm_and_si128(a.m_, b.m_));
    }
    friend matches operator^(matches a, matches b) noexcept {
      return matches(_mm_xor_si128(a.m_, b.m_));
    }
    [[nodiscard]] std::uint32_t bits() const noexcept {
      return static_cast<std::uint32_t>(_mm_movemask_epi8(m_));
    }

   private:
    __m128i m_;
  };

  [[nodiscard]] matches equal(char c) const noexcept {
    return matches(_mm_cmpeq_epi8(octets_, _mm_set1_epi8(c)));
  }
  /// The octets above 127.
  [[nodiscard]] matches high() const noexcept { return matches(octets_); }
  static matches none() noexcept { return matches(_mm_setzero_si128()); }

 private:
  __m128i octets_;
#else
  explicit octet_block(const char* at) noexcept { std::memcpy(octets_, at, size); }

  class matches {
   public:
    explicit matches(std::uint32_t bits) noexcept : bits_(bits) {}
    friend matches operator|(matches a, matches b) noexcept { return matches(a.bits_ | b.bits_); }
    friend matches operator&(matches a, matches b) noexcept { return matches(a.bits_ & b.bits_); }
    friend matches operator^(matches a, matches b) noexcept { return matches(a.bits_ ^ b.bits_); }
    [[nodiscard]] std::uint32_t bits() const noexcept { return bits_; }

   private:
    std::uint32_t bits_;
  };

  [[nodiscard]] matches equal(char c) const noexcept {
    std::uint32_t bits = 0;
    for (int i = 0; i < size; ++i) bits |= static_cast<std::uint32_t>(octets_[i] == c) << i;
    return matches(bits);
  }
  [[nodiscard]] matches high() const noexcept {
    std::uint32_t bits = 0;
    for (int i = 0; i < size; ++i) {
      bits |= static_cast<std::uint32_t>(static_cast<unsigned char>(octets_[i]) > 127) << i;
    }
    return matches(bits);
  }
  static matches none() noexcept { return matches(0); }

 private:
  char octets_[size];
#endif
};

/// The first CR, LF or NUL in [p, end), or `end`: what ends a run of ordinary text in a reply.
[[nodiscard]] inline const char* find_line_octet(const char* p, const char* end) noexcept {
  for (; end - p >= octet_block::size; p += octet_block::size) {
    const octet_block b(p);
    const std::uint32_t hits = (b.equal('\r') | b.equal('\n') | b.equal('\0')).bits();
    if (hits != 0) return p + std::countr_zero(hits);
  }
  while (p != end && *p != '\r' && *p != '\n' && *p != '\0') ++p;
  return p;
}

}  // namespace sansmtp::detail

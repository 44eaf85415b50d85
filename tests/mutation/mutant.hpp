// What mutate.py puts into the sources of the engine: each place asks whether its mutant is chosen.
#pragma once

#include <cstdlib>

namespace mutant {

/// Number of the mutant that this process is, from its environment; 0: the engine as it is.
inline const int chosen = [] {
  const char* number = std::getenv("SANSMTP_MUTANT");
  return number == nullptr ? 0 : std::atoi(number);
}();

[[nodiscard]] inline bool on(int n) noexcept { return n == chosen; }
[[nodiscard]] inline bool turned(int n, bool value) noexcept { return on(n) != value; }

/// Between two operands and with the operator's precedence on both sides:
/// `a == mutant::equal{n} == b`.
template <class Left, class Operator>
struct half {
  const Left& left;
  Operator what;
};

// comparison(NAME, OPERATOR, THE MUTANT'S OPERATOR)
#define comparison(name, op, other)                                 \
  struct name {                                                     \
    int n;                                                          \
  };                                                                \
  template <class Left>                                             \
  half<Left, name> operator op(const Left& left, name what) {       \
    return {left, what};                                            \
  }                                                                 \
  template <class Left, class Right>                                \
  bool operator op(const half<Left, name>& h, const Right& right) { \
    return on(h.what.n) ? h.left other right : h.left op right;     \
  }
comparison(less, <, <=) comparison(less_equal, <=, <) comparison(greater, >, >=)
    comparison(greater_equal, >=, >) comparison(equal, ==, !=) comparison(unequal, !=, ==)
#undef comparison

}  // namespace mutant

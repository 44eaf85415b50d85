// How a fuzz target says that a rule is broken.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sansmtp::fuzz {

/// Command: ends the process and names the rule if it does not hold. Works in every build, also
/// where `assert` does not.
inline void require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", rule);
  std::abort();
}

}  // namespace sansmtp::fuzz

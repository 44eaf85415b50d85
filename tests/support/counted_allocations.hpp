// Counts what this executable asks of the heap. To be included by one source of it: it replaces
// operator new.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace sansmtp::test {

/// Those of this thread alone: servers have threads of their own.
inline thread_local int allocations = 0;

}  // namespace sansmtp::test

// Not inlined: g++ takes one of them for mismatched where it sees into the other alone.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++sansmtp::test::allocations;
  if (void* p = std::malloc(size != 0 ? size : 1)) return p;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

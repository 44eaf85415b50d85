// Names that only the resolver of this program knows: for a getaddrinfo that stands before the C
// library's.
#pragma once

#include <dlfcn.h>
#include <netdb.h>

#include <string>
#include <vector>

namespace sansmtp::test {

/// The getaddrinfo behind the one of this program.
inline int next_getaddrinfo(const char* host, const char* port, const addrinfo* hints,
                            addrinfo** result) {
  static auto* const next =
      reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(host, port, hints, result);
}

/// Resolves a name that has these numeric addresses, in this order.
inline int resolve_as(const std::vector<std::string>& addresses, const char* port,
                      const addrinfo* hints, addrinfo** result) {
  *result = nullptr;
  addrinfo** end = result;
  for (const std::string& address : addresses) {
    if (const int error = next_getaddrinfo(address.c_str(), port, hints, end)) return error;
    end = &(*end)->ai_next;
  }
  return *result != nullptr ? 0 : EAI_NONAME;  // the C library's own frees one after the other
}

}  // namespace sansmtp::test

// A resolver to be loaded before the command: two.test has two addresses.
#include <string_view>

#include "../support/resolver.hpp"

extern "C" int getaddrinfo(const char* host, const char* port, const addrinfo* hints,
                           addrinfo** result) {
  using namespace sansmtp::test;
  if (host == nullptr || std::string_view(host) != "two.test") {
    return next_getaddrinfo(host, port, hints, result);
  }
  return resolve_as({"127.0.0.1", "127.0.0.2"}, port, hints, result);
}

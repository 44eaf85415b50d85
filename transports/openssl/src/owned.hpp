// Owners of OpenSSL's objects.
#pragma once

#include <memory>

namespace sansmtp::openssl {

/// An object of OpenSSL's and the function that frees it.
template <typename T, auto free>
struct freed_by {
  void operator()(T* p) const noexcept { free(p); }
};
template <typename T, auto free>
using owned = std::unique_ptr<T, freed_by<T, free>>;

}  // namespace sansmtp::openssl

#include "digests.hpp"

namespace sansmtp::cli {

bool has_digests() noexcept { return false; }

std::string hash_of(digest /*with*/, std::string_view /*text*/) { return {}; }

std::string hmac_of(digest /*with*/, std::string_view /*key*/, std::string_view /*text*/) {
  return {};
}

std::string pbkdf2_of(std::string_view /*password*/, std::string_view /*salt*/,
                      int /*iterations*/) {
  return {};
}

std::string random_octets(std::size_t /*count*/) { return {}; }

}  // namespace sansmtp::cli

// The id of an MTA-STS policy.
#pragma once

#include <algorithm>
#include <string_view>

#include "ascii.hpp"

namespace sansmtp::routing {

/// Is it the id of a policy, as a record writes it (RFC 8461 section 3.1)?
[[nodiscard]] constexpr bool is_sts_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 32 && std::all_of(id.begin(), id.end(), ascii::is_alnum);
}

}  // namespace sansmtp::routing

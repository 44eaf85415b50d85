// The errors of name resolution as error codes.
#pragma once

#include <system_error>

namespace sansmtp::blocking {

/// Getter: the category named "resolver"; its values are those of `getaddrinfo` (EAI_NONAME and so
/// on).
[[nodiscard]] const std::error_category& resolver_category() noexcept;

}  // namespace sansmtp::blocking

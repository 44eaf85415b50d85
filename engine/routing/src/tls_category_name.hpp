// How errors of the TLS layers are known below them.
#pragma once

#include <string_view>

namespace sansmtp::routing {

/// The name of the category of `tls_errc`.
inline constexpr std::string_view tls_category_name = "sansmtp.tls";

}  // namespace sansmtp::routing

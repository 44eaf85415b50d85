// What the command says where TLS fails.
#pragma once

#include <string_view>
#include <system_error>

#include "sansmtp/error.hpp"

namespace sansmtp::cli {

/// Getter: what to do about a failure of STARTTLS or in the handshake that the engine tells; empty
/// where there is nothing to say.
[[nodiscard]] std::string_view handshake_advice(errc e) noexcept;

/// Getter: what to do about a failure that the record layer tells; a static string.
[[nodiscard]] std::string_view tls_advice(const std::error_code& error) noexcept;

}  // namespace sansmtp::cli

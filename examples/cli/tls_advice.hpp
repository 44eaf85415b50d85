// What the command says where TLS fails.
#pragma once

#include <string_view>

#include "sansmtp/error.hpp"

namespace sansmtp::cli {

/// Getter: what to do about a failure of STARTTLS or in the handshake that the engine tells; empty
/// where there is nothing to say. What the TLS library tells is `tls_advice`.
[[nodiscard]] std::string_view handshake_advice(errc e) noexcept;

}  // namespace sansmtp::cli

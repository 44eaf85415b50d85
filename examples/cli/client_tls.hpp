// TLS as the command line asks for it.
#pragma once

#include <string_view>
#include <system_error>

#include "sansmtp/tls/tls_options.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp::cli {

/// Getter: was this built with TLS?
[[nodiscard]] bool has_tls();

/// Output: makes the record layers of links. Throws `failure`: `no_input` for files that cannot be
/// used, `usage` for a bad name, `configuration` in a build without TLS.
[[nodiscard]] tls_factory make_client_tls(const tls_options& options);

/// Getter: is it an error of the TLS library?
[[nodiscard]] bool is_tls_error(const std::error_code& error) noexcept;

}  // namespace sansmtp::cli

// The TLS library that the command was built with, if any.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "sansmtp/dkim/crypto.hpp"
#include "sansmtp/hash_suite.hpp"
#include "sansmtp/tls/tls_context.hpp"

namespace sansmtp::cli {

/// Getter: which it is and what licence follows from it, for --version.
[[nodiscard]] std::string tls_library_line();

/// Output: the context of links; nothing in a build without TLS.
[[nodiscard]] std::optional<tls_context> make_tls_context(tls_options options);

/// Output: the hash functions, for one thread; nullptr in a build without them.
[[nodiscard]] std::unique_ptr<hash_suite> make_hash_suite();

/// Output: hash and keys of signatures, for one thread; nullptr in a build without them.
[[nodiscard]] std::unique_ptr<dkim::crypto> make_dkim_crypto();

/// Getter: is it an error in the library's own numbers?
[[nodiscard]] bool is_library_error(const std::error_code& error) noexcept;

}  // namespace sansmtp::cli

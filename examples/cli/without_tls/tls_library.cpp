#include "tls_library.hpp"

namespace sansmtp::cli {

std::string tls_library_line() { return "without TLS; under the MIT licence"; }

std::optional<tls_context> make_tls_context(tls_options /*options*/) { return std::nullopt; }

std::unique_ptr<hash_suite> make_hash_suite() { return nullptr; }

std::unique_ptr<dkim::crypto> make_dkim_crypto() { return nullptr; }

bool is_library_error(const std::error_code& /*error*/) noexcept { return false; }

}  // namespace sansmtp::cli

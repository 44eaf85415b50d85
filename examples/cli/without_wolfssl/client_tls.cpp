#include "client_tls.hpp"

#include "failure.hpp"

namespace sansmtp::cli {

tls_factory make_client_tls(const client_tls_options& /*options*/) {
  throw failure(exit_code::configuration,
                "this sansmtp was built without TLS; build it where wolfSSL is installed");
}

bool is_tls_error(const std::error_code& /*error*/) noexcept { return false; }

std::string_view tls_advice(const std::error_code& /*error*/) noexcept { return {}; }

std::unique_ptr<hash_suite> make_hash_suite() { return nullptr; }

}  // namespace sansmtp::cli

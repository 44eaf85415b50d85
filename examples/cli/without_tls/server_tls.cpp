#include "server_tls.hpp"

#include "failure.hpp"

namespace sansmtp::cli {

std::unique_ptr<server_tls_context> server_tls_context::make(const std::string& /*certificate*/,
                                                             const std::string& /*key*/) {
  throw failure(
      exit_code::configuration,
      "this sansmtp was built without TLS; build it where OpenSSL or wolfSSL is installed");
}

}  // namespace sansmtp::cli

// No DNS.
#include "failure.hpp"
#include "lookups.hpp"

namespace sansmtp::cli {

std::unique_ptr<routing::resolver> make_resolver(const dns_options& /*options*/) {
  throw failure(exit_code::configuration,
                "this sansmtp was built without libunbound, so that it cannot look up the hosts of "
                "a domain; name a server with --server");
}

std::error_code warning_of(routing::resolver& /*resolver*/) { return {}; }

}  // namespace sansmtp::cli

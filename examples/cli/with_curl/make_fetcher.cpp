// Policies of MTA-STS by libcurl.
#include "lookups.hpp"
#include "sansmtp/curl/policy_fetcher.hpp"

namespace sansmtp::cli {

std::unique_ptr<routing::fetcher> make_fetcher(const std::string& ca_file) {
  curl::fetcher_options options;
  options.ca_file = ca_file;
  return std::make_unique<curl::policy_fetcher>(std::move(options));
}

}  // namespace sansmtp::cli

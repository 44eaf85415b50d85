// What answers the questions of routes, as this command was built.
#pragma once

#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/routing/lookup.hpp"

namespace sansmtp::cli {

/// Where the DNS is.
struct dns_options {
  std::vector<std::string> servers;  ///< "ADDRESS@PORT"; none: the system's.
  std::string anchor;                ///< A file; empty: the system's.
};

/// Output: what looks hosts up. Throws `failure`: `configuration` in a build without libunbound and
/// if the system's settings cannot be read, `no_input` for an anchor that cannot be read, `usage`
/// for a bad server.
[[nodiscard]] std::unique_ptr<routing::resolver> make_resolver(const dns_options& options);

/// Getter: why answers of `resolver`, which `make_resolver` made, are not verified; no error: they
/// are.
[[nodiscard]] std::error_code warning_of(routing::resolver& resolver);

/// Output: what fetches policies of MTA-STS, which trusts the authorities in `ca_file`, or the
/// system's if it is empty; null in a build without libcurl.
[[nodiscard]] std::unique_ptr<routing::fetcher> make_fetcher(const std::string& ca_file);

}  // namespace sansmtp::cli

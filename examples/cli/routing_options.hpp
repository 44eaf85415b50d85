// The options of commands that look the hosts of a domain up.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lookups.hpp"
#include "sansmtp/blocking/deliver.hpp"

namespace sansmtp::cli {

/// How hosts are looked up, and what is kept of it.
struct routing_options {
  dns_options dns;
  std::string sts_file;     ///< Of the cache of policies; empty: none.
  std::string sts_ca_file;  ///< The authorities of policy hosts; empty: the system's.
  std::string report_file;  ///< Of rows for TLS reports; empty: none.
  std::uint16_t port = 25;
  bool no_dane = false;
  bool no_sts = false;
  bool private_addresses = false;

  /// Command: adds the options to `command`; this object must live until it was parsed.
  void add_to(CLI::App& command);
  /// Getter: was any of them given? Each needs that no server was named.
  [[nodiscard]] std::string given() const;

 private:
  std::vector<CLI::Option*> options_;
};

/// What routes of one run have in common. Neither copied nor moved.
class routing_tools {
 public:
  /// Throws `failure` as `make_resolver` does, and for a file that cannot be read.
  /// Waits for the DNS, for a bounded time, to see whether its answers can be verified.
  explicit routing_tools(const routing_options& given);
  routing_tools(const routing_tools&) = delete;
  routing_tools& operator=(const routing_tools&) = delete;

  /// Getter: for `deliver`; `client` is the caller's affair. It points to this object.
  [[nodiscard]] blocking::deliver_options options();
  /// Getter: why answers of the DNS are not verified, in a sentence; empty if they are, or if
  /// nobody wants to know.
  [[nodiscard]] const std::string& dns_warning() const noexcept { return dns_warning_; }
  /// Getter: all that a person should know beforehand, that of the DNS included, in sentences.
  [[nodiscard]] std::vector<std::string> warnings() const;
  /// Getter: the policies that are known.
  [[nodiscard]] const routing::sts_cache& policies() const noexcept { return policies_; }

  /// Gets a sentence for each policy that a domain announces and that could not be had.
  std::function<void(const std::string& sentence)> on_missing_policy;

  /// Command: writes the cache and the rows. Throws `failure` if a file cannot be written.
  void save() const;

 private:
  [[nodiscard]] std::string find_dns_warning() const;
  void take(const routing::tls_row& row);

  const routing_options& given_;
  std::unique_ptr<routing::resolver> resolver_;
  std::unique_ptr<routing::fetcher> fetcher_;
  routing::sts_cache policies_;
  std::string dns_warning_;
  routing::host_memory hosts_;
  std::size_t bad_lines_ = 0;  // of the file of the cache
  std::string rows_;           // lines of JSON
};

}  // namespace sansmtp::cli

// The addresses that people give, and what to tell them about those that are none.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "sansmtp/path.hpp"

namespace sansmtp::cli {

/// How addresses are read, on the command line and in a message's header.
class address_options {
 public:
  /// Command: adds the options to `command`; this object must live until it was parsed.
  void add_to(CLI::App& command);

  /// Getter: throws `CLI::ValidationError` if the default domain is none.
  void check() const;

  /// Getter: the path that `text` means: angle brackets around it are left out, what has no domain
  /// gets that of --default-domain, and a domain beyond ASCII becomes A-labels if the local-part is
  /// ASCII (UTF8-01). Nothing else is repaired.
  [[nodiscard]] path read(std::string_view text) const;

  /// Getter: what is wrong with a path that `read` made, and what to do about it; empty if nothing
  /// is. The null path is wrong here: it is no recipient.
  [[nodiscard]] std::string fault_of(const path& bad) const;

 private:
  path_rules rules_;
  std::string default_domain_;
};

}  // namespace sansmtp::cli

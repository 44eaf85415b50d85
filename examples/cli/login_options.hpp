// Who logs in, and how.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "sansmtp/blocking/server_address.hpp"
#include "sansmtp/credentials.hpp"
#include "sansmtp/hash_suite.hpp"
#include "sansmtp/sasl.hpp"
#include "secret_source.hpp"

namespace sansmtp::cli {

/// The login of the command line.
class login_options {
 public:
  /// Command: adds the options to `command`; this object must live until it was parsed.
  void add_to(CLI::App& command);

  /// Getter: is there to be a login?
  [[nodiscard]] bool wanted() const noexcept { return !who_.name.empty() || asked_; }

  /// Command: reads the secret, perhaps from the terminal, so that no server waits for a person,
  /// and prepares name and password by SASLprep. Throws `failure` as `secret_source::read` and
  /// `saslprep` do.
  void complete(const blocking::server_address& server);

  /// Output: the mechanisms in the order of preference, anew for each session; empty if there is to
  /// be no login. They are used by one thread and must not outlive `suite`.
  [[nodiscard]] std::vector<std::unique_ptr<sasl_mechanism>> make(hash_suite* suite) const;

 private:
  credentials who_;
  std::vector<std::string> names_;  // of mechanisms; empty: automatic
  bool asked_ = false;              // was --auth given?
  bool sasl_prepared_ = false;      // by the caller
  secret_source password_;
  secret_source token_;
};

}  // namespace sansmtp::cli

// The end of a subcommand before its time.
#pragma once

#include <stdexcept>
#include <string>

#include "exit_code.hpp"

namespace sansmtp::cli {

/// Why a subcommand cannot go on: one line for a person, which also says what to do, and the exit
/// code. `main` prints it.
class failure : public std::runtime_error {
 public:
  failure(exit_code code, const std::string& what) : std::runtime_error(what), code_(code) {}

  /// Getter: the exit code that fits.
  [[nodiscard]] exit_code code() const noexcept { return code_; }

 private:
  exit_code code_;
};

}  // namespace sansmtp::cli

// Why there is no connection, for a person.
#pragma once

#include <system_error>

#include "connection_options.hpp"
#include "failure.hpp"

namespace sansmtp::cli {

/// Getter: what `blocking::client::connect` returned as a line that says what to do, with its exit
/// code.
[[nodiscard]] failure connect_failure(const connection_options& options,
                                      const std::error_code& error);

}  // namespace sansmtp::cli

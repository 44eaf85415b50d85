#include "sink/descriptor.hpp"

#include <fmt/format.h>

#include <system_error>

#include "failure.hpp"

namespace sansmtp::cli::serving {

void fail(exit_code code, std::string_view what, int error) {
  throw failure(code, fmt::format("{}: {}", what, std::generic_category().message(error)));
}

}  // namespace sansmtp::cli::serving

#include "saslprep.hpp"

#include <fmt/format.h>

#include "failure.hpp"

namespace sansmtp::cli {

std::string saslprep(const std::string& /*text*/, const std::string& what) {
  throw failure(
      exit_code::configuration,
      fmt::format("{} is not ASCII, and this sansmtp was built without SASLprep; if it is "
                  "prepared already, say so with --sasl-prepared",
                  what));
}

}  // namespace sansmtp::cli

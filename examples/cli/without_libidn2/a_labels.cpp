#include "a_labels.hpp"

namespace sansmtp::cli {

bool has_a_labels() noexcept { return false; }

std::optional<std::string> to_a_labels(const std::string& /*domain*/) { return std::nullopt; }

}  // namespace sansmtp::cli

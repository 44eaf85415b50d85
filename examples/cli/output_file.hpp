// Files that a command writes.
#pragma once

#include <string>
#include <string_view>

namespace sansmtp::cli {

/// Command: writes the file anew. Throws `failure` if it cannot be written.
void write_output(const std::string& file, std::string_view octets);

}  // namespace sansmtp::cli

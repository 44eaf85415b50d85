// Files that a command writes.
#pragma once

#include <string>
#include <string_view>

namespace sansmtp::cli {

/// Command: writes the file anew. Throws `failure` if it cannot be written.
void write_output(const std::string& file, std::string_view octets);

/// Command: makes a file that only its owner can read (mode 0600). Throws `failure` if there is
/// something of this name already, which stays as it is, or if it cannot be written, and then there
/// is no such file.
void write_secret(const std::string& file, std::string_view octets);

}  // namespace sansmtp::cli

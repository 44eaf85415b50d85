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

/// Command: puts a new file in the place of the one of this name, which is there whole until then:
/// whoever reads it has the old one or the new one, also if several write it or the machine stops.
/// Throws `failure` if it cannot be written.
void replace_output(const std::string& file, std::string_view octets);

}  // namespace sansmtp::cli

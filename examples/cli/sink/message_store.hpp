// Messages as files.
#pragma once

#include <cstdint>
#include <filesystem>

#include "sink.hpp"

namespace sansmtp::cli::serving {

/// Writes each message as NNNNNN.eml and NNNNNN.json into a directory. Who looks into it sees whole
/// files only: they get these names once they are written.
class message_store {
 public:
  /// Makes the directory if it is not there. Throws `failure`: `io_error`.
  explicit message_store(std::filesystem::path directory);

  /// Command: false if a file could not be written; the number is then used again.
  bool write(const sink::message& message);

 private:
  std::filesystem::path directory_;
  std::uint64_t last_ = 0;
};

}  // namespace sansmtp::cli::serving

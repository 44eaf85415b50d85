#include "output_file.hpp"

#include <fmt/format.h>

#include <fstream>
#include <ios>

#include "exit_code.hpp"
#include "failure.hpp"

namespace sansmtp::cli {

void write_output(const std::string& file, std::string_view octets) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(octets.data(), static_cast<std::streamsize>(octets.size()));
  out.close();
  if (!out) throw failure(exit_code::io_error, fmt::format("cannot write {}", file));
}

}  // namespace sansmtp::cli

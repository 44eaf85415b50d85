#include "output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <ios>
#include <system_error>

#include "exit_code.hpp"
#include "failure.hpp"
#include "sansmtp/blocking/descriptor.hpp"

namespace sansmtp::cli {

void write_output(const std::string& file, std::string_view octets) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(octets.data(), static_cast<std::streamsize>(octets.size()));
  out.close();
  if (!out) throw failure(exit_code::io_error, fmt::format("cannot write {}", file));
}

void write_secret(const std::string& file, std::string_view octets) {
  // O_EXCL follows no link and finds nothing there, or fails.
  blocking::descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out && errno == EEXIST) {
    throw failure(
        exit_code::io_error,
        fmt::format("{} is there already and is not overwritten; name another file", file));
  }
  int error = out ? 0 : errno;
  while (error == 0 && !octets.empty()) {
    const ssize_t written = ::write(out.get(), octets.data(), octets.size());
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) octets.remove_prefix(static_cast<std::size_t>(written));
  }
  if (error == 0 && ::fsync(out.get()) != 0 && errno != EINVAL) error = errno;
  if (error == 0) return;
  if (out) ::unlink(file.c_str());
  throw failure(exit_code::io_error,
                fmt::format("cannot write {}: {}", file, std::generic_category().message(error)));
}

}  // namespace sansmtp::cli

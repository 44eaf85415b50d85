#include "output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <ios>
#include <random>
#include <system_error>

#include "exit_code.hpp"
#include "failure.hpp"
#include "sansmtp/blocking/descriptor.hpp"

namespace sansmtp::cli {
namespace {

/// Writes all, down to the disk; returns 0 or what `errno` says.
int write_to_disk(int file, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(file, octets.data(), octets.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) octets.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) != 0 && errno != EINVAL ? errno : 0;
}

[[noreturn]] void fail_to_write(const std::string& file, int error) {
  throw failure(exit_code::io_error,
                fmt::format("cannot write {}: {}", file, std::generic_category().message(error)));
}

}  // namespace

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
  const int error = out ? write_to_disk(out.get(), octets) : errno;
  if (error == 0) return;
  if (out) ::unlink(file.c_str());
  fail_to_write(file, error);
}

void replace_output(const std::string& file, std::string_view octets) {
  std::random_device chance;
  const std::string beside = fmt::format("{}.{:08x}{:08x}.new", file, chance(), chance());
  blocking::descriptor out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  int error = out ? write_to_disk(out.get(), octets) : errno;
  if (error == 0 && ::rename(beside.c_str(), file.c_str()) != 0) error = errno;
  if (error == 0) return;
  if (out) ::unlink(beside.c_str());
  fail_to_write(file, error);
}

}  // namespace sansmtp::cli

#include "input.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "failure.hpp"
#include "interruption.hpp"
#include "sansmtp/blocking/descriptor.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

[[noreturn]] void fail(const std::string& name, int error) {
  throw failure(exit_code::no_input, fmt::format("cannot read {}: {}", input_name(name),
                                                 std::generic_category().message(error)));
}

// Is a call that ended with `errno` to be made again? What comes from a pipe or a person may never
// end, so a signal ends it.
bool is_again(const std::string& name) {
  if (errno != EINTR) return false;
  if (!interruption::wanted()) return true;
  throw failure(exit_code::temporary,
                fmt::format("interrupted while {} was read", input_name(name)));
}

}  // namespace

std::string read_input(const std::string& name) {
  blocking::descriptor file;
  if (name != "-") {
    do {
      file.reset(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    } while (!file && is_again(name));
    if (!file) fail(name, errno);
  } else if (input_is_terminal()) {
    complain("sansmtp: reading the message from the terminal; Ctrl-D ends it");
  }
  const int source = name == "-" ? STDIN_FILENO : file.get();

  // The size is a hint only: of a pipe it is 0, and a file may grow. One octet more shows the end.
  constexpr std::size_t least = 64UL * 1024;
  struct stat facts {};
  const std::size_t hint = ::fstat(source, &facts) == 0
                               ? static_cast<std::size_t>(std::max<off_t>(0, facts.st_size))
                               : 0;
  std::string content(std::max(least, hint + 1), '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = ::read(source, content.data() + size, content.size() - size);
    if (got < 0 && is_again(name)) continue;
    if (got < 0) fail(name, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size == content.size()) content.resize(2 * size);
  }
  content.resize(size);
  return content;
}

std::string input_name(const std::string& name) { return name == "-" ? "standard input" : name; }

}  // namespace sansmtp::cli

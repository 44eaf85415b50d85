#include "standard_streams.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "failure.hpp"
#include "interruption.hpp"
#include "sansmtp/reply.hpp"

namespace sansmtp::cli {
namespace {

// Returns 0 or errno. A reader that does not read holds nobody up who has no time left.
int write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR || interruption::overdue()) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

bool guard_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const bool output = ::fcntl(STDOUT_FILENO, F_GETFD) != -1;
  for (const int wanted : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest free descriptor is taken, and all below `wanted` are open by now.
    if (::fcntl(wanted, F_GETFD) == -1 && ::open("/dev/null", O_RDWR) != wanted) {
      throw failure(exit_code::io_error,
                    "a standard stream is closed and /dev/null cannot be opened");
    }
  }
  return output;
}

void print(std::string_view text) {
  if (const int error = write_all(STDOUT_FILENO, text); error != 0) {
    throw failure(exit_code::io_error, fmt::format("cannot write to standard output: {}",
                                                   std::generic_category().message(error)));
  }
}

void print_error(std::string_view text) { static_cast<void>(write_all(STDERR_FILENO, text)); }

void complain(std::string_view text) { print_error(display_text(text) + '\n'); }

bool error_is_terminal() noexcept { return ::isatty(STDERR_FILENO) == 1; }

bool input_is_terminal() noexcept { return ::isatty(STDIN_FILENO) == 1; }

}  // namespace sansmtp::cli

#include "interruption.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

#include "failure.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

constexpr std::array<int, 3> deadly{SIGINT, SIGTERM, SIGHUP};

// All that a signal handler may touch: flags, descriptors that were made before.
volatile std::sig_atomic_t signals = 0;
volatile std::sig_atomic_t late = 0;
std::array<int, 2> wake{-1, -1};
bool tell_person = false;

void tell(std::string_view text) noexcept {
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

void wake_up() noexcept {
  const char octet = 0;
  static_cast<void>(!::write(wake[1], &octet, 1));  // a full pipe is readable, too
}

// Async-signal-safe: write, alarm and signal only.
extern "C" void note_signal(int number) {
  const int before = errno;
  if (number == SIGALRM || signals != 0) {
    late = 1;
    ::alarm(1);
  } else {
    ::alarm(interruption::grace_seconds);
    if (tell_person) tell("sansmtp: ending; once more to end at once\n");
  }
  if (number != SIGALRM) {
    signals = signals + 1;
    if (signals > 1) {
      for (const int deadly_one : deadly) std::signal(deadly_one, SIG_DFL);
    }
  }
  wake_up();
  errno = before;
}

void handle(int number) {
  struct sigaction action {};
  if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN &&
      number != SIGALRM) {
    return;
  }
  action = {};
  action.sa_handler = note_signal;  // without SA_RESTART: waits end
  sigemptyset(&action.sa_mask);
  for (const int other : deadly) sigaddset(&action.sa_mask, other);
  sigaddset(&action.sa_mask, SIGALRM);
  if (::sigaction(number, &action, nullptr) != 0) {
    throw failure(exit_code::software, fmt::format("cannot watch signal {}", number));
  }
}

}  // namespace

void interruption::watch() {
  if (::pipe2(wake.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw failure(exit_code::software,
                  fmt::format("cannot make a pipe: {}", std::generic_category().message(errno)));
  }
  tell_person = error_is_terminal();
  for (const int number : deadly) handle(number);
  handle(SIGALRM);
}

bool interruption::wanted() noexcept { return signals != 0; }

bool interruption::overdue() noexcept { return late != 0; }

int interruption::descriptor() noexcept { return wake[0]; }

void interruption::drain() noexcept {
  std::array<char, 64> octets;
  while (::read(wake[0], octets.data(), octets.size()) > 0) {
  }
}

}  // namespace sansmtp::cli

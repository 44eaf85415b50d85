#include "secret_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include "failure.hpp"
#include "sansmtp/blocking/descriptor.hpp"
#include "sansmtp/sasl.hpp"

namespace sansmtp::cli {
namespace {

// One line, octet by octet: what follows it in a pipe is not ours. Nothing if it cannot be read.
std::optional<std::string> read_line(int source) {
  constexpr std::size_t limit = 64UL * 1024;  // more than any token
  std::string line;
  line.reserve(limit);  // or growing would leave copies behind
  char c = 0;
  while (line.size() < limit) {
    const ssize_t got = ::read(source, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      wipe(line);
      return std::nullopt;
    }
    if (got == 0 || c == '\n') break;
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// What editors put before a text, so that its encoding is known.
constexpr std::string_view mark_of_utf8 = "\xEF\xBB\xBF";

bool is_utf16(std::string_view text) noexcept {
  return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") ||
         text.find('\0') != std::string_view::npos;
}

/// Does not show what is typed, as long as it lives.
class silence {
 public:
  explicit silence(int terminal) : terminal_(terminal) {
    changed_ = ::tcgetattr(terminal, &before_) == 0;
    termios without = before_;
    without.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = changed_ && ::tcsetattr(terminal, TCSAFLUSH, &without) == 0;
  }
  silence(const silence&) = delete;
  silence& operator=(const silence&) = delete;
  ~silence() {
    if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }

  [[nodiscard]] explicit operator bool() const noexcept { return changed_; }

 private:
  int terminal_;
  termios before_{};
  bool changed_ = false;
};

void show(int terminal, std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = ::write(terminal, text.data(), text.size());
}

}  // namespace

void secret_source::add_to(CLI::App& command, const std::string& prefix, const std::string& what) {
  prefix_ = prefix;
  what_ = what;
  CLI::Option* const file =
      command
          .add_option(prefix + "-file", file_,
                      fmt::format("Read {} from the first line of this file", what))
          ->type_name("FILE");
  command
      .add_option(prefix + "-env", variable_,
                  fmt::format("Take {} from this environment variable", what))
      ->type_name("NAME")
      ->excludes(file);
}

std::string secret_source::read() const {
  std::optional<std::string> secret;
  std::string from;
  if (!file_.empty()) {
    from = file_;
    const blocking::descriptor file(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    if (file) secret = read_line(file.get());
    if (!secret) {
      throw failure(exit_code::no_input, fmt::format("cannot read {} from {}: {}", what_, file_,
                                                     std::generic_category().message(errno)));
    }
    if (secret->starts_with(mark_of_utf8)) secret->erase(0, mark_of_utf8.size());
    if (is_utf16(*secret)) {
      wipe(*secret);
      throw failure(exit_code::data_error,
                    fmt::format("{} in {} is in UTF-16; write the file in UTF-8", what_, file_));
    }
  } else if (!variable_.empty()) {
    from = fmt::format("the environment variable {}", variable_);
    const char* const value = std::getenv(variable_.c_str());
    if (value == nullptr) {
      throw failure(exit_code::no_input, fmt::format("{} is not set", from));
    }
    secret = value;
  } else {
    from = "the terminal";
    const blocking::descriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
    if (!terminal) {
      throw failure(
          exit_code::usage,
          fmt::format("there is no terminal to ask for {}; give it with {}-file or {}-env", what_,
                      prefix_, prefix_));
    }
    const silence quiet(terminal.get());
    if (!quiet) throw failure(exit_code::no_input, "the terminal cannot hide what is typed");
    show(terminal.get(), fmt::format("sansmtp: {}: ", what_));
    secret = read_line(terminal.get());
    show(terminal.get(), "\n");
  }
  if (!secret || secret->empty()) {
    throw failure(exit_code::no_input, fmt::format("{} in {} is empty", what_, from));
  }
  return std::move(*secret);
}

}  // namespace sansmtp::cli

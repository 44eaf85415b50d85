// A server that is a Python module of this folder, for the time of a test.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace sansmtp::test {

/// Runs `main(folder)` of a module, which prints a port and a file in one line when it is ready and
/// ends with its standard input.
class module_server {
 public:
  explicit module_server(const std::string& module)
      : folder_(std::filesystem::temp_directory_path() /
                ("sansmtp-" + module + '-' + std::to_string(::getpid()))) {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (::pipe(to.data()) != 0 || ::pipe(from.data()) != 0) throw std::runtime_error("no pipe");
    const std::string program = "import sys; sys.path.insert(0, sys.argv[1]); import " + module +
                                "; " + module + ".main(sys.argv[2])";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to[0], 0);
      ::dup2(from[1], 1);
      for (const int fd : {to[0], to[1], from[0], from[1]}) ::close(fd);
      ::execl(SANSMTP_PYTHON, SANSMTP_PYTHON, "-B", "-c", program.c_str(),
              SANSMTP_SOURCE_DIR "/tests/deliver", folder_.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    input_ = to[1];
    std::string line;
    for (char c = 0; ::read(from[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(from[0]);
    std::istringstream(line) >> port_ >> file_;
    if (pid_ < 0 || port_.empty() || file_.empty()) {
      end();
      throw std::runtime_error(module + " does not begin");
    }
  }
  module_server(const module_server&) = delete;
  module_server& operator=(const module_server&) = delete;
  ~module_server() { end(); }

  [[nodiscard]] const std::string& port() const { return port_; }
  /// What is to be trusted.
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  void end() {
    ::close(input_);
    if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    std::filesystem::remove_all(folder_);
  }

  std::filesystem::path folder_;
  pid_t pid_ = -1;
  int input_ = -1;
  std::string port_;
  std::string file_;
};

}  // namespace sansmtp::test

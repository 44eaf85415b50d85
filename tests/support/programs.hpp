// Running the programs of examples/ as a user does.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

namespace sansmtp::test {

/// Where the build puts an example, seen from a test's executable.
inline std::filesystem::path program(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../../examples" / name;
}

/// What a command prints, and what it returns.
inline std::string output_of(const std::string& command) {
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string text;
  std::array<char, 4096> buffer;
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    text += buffer.data();
  }
  return text + "exit " + std::to_string(WEXITSTATUS(::pclose(pipe)));
}

}  // namespace sansmtp::test

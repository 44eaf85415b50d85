// Where a secret comes from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sansmtp::cli {

/// A file, an environment variable or the terminal; never an argument, which everybody can see.
class secret_source {
 public:
  /// Command: adds `PREFIX-file` and `PREFIX-env` to `command`; `what` names the secret to a
  /// person, such as "the password". This object must live until the command was parsed.
  void add_to(CLI::App& command, const std::string& prefix, const std::string& what);

  /// Getter: was one of the two options given?
  [[nodiscard]] bool given() const noexcept { return !file_.empty() || !variable_.empty(); }

  /// Getter: what the secret is to a person; valid as long as this object.
  [[nodiscard]] const std::string& what() const noexcept { return what_; }

  /// Output: the secret. Of a file, its first line without the line end, and without the byte order
  /// mark that some editors write before UTF-8; without an option it is asked for on the terminal,
  /// and not shown there. Throws `failure`: `no_input` if there is none or it is empty,
  /// `data_error` for UTF-16, `usage` if there is no terminal.
  [[nodiscard]] std::string read() const;

 private:
  std::string prefix_;
  std::string what_;
  std::string file_;
  std::string variable_;
};

}  // namespace sansmtp::cli

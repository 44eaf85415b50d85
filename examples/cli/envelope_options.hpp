// What a mail asks of servers beyond its addresses: notifications, deadlines, priority.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "sansmtp/envelope.hpp"

namespace sansmtp::cli {

/// The options that become parameters of MAIL and RCPT.
class envelope_options {
 public:
  /// Command: adds the options to `command`; this object must live until it was parsed.
  void add_to(CLI::App& command);

  /// Getter: throws `CLI::ValidationError` for a value that no server takes, and for options that
  /// contradict each other; `recipients` are known so far, and more may come if `from_header`.
  void check(std::size_t recipients, bool from_header) const;

  /// Output: sets the fields of an envelope whose recipients are there. After `check`.
  void apply(envelope& env) const;

 private:
  /// An option that was given.
  struct wish {
    std::string option;
    std::string keyword;
    std::string value;
    std::string what;  ///< What its value must be, for a person.
  };

  void add(CLI::App& command, const std::string& option, const std::string& keyword,
           const std::string& type, const std::string& help, const std::string& what);
  [[nodiscard]] static std::string value_of(const wish& given);

  std::vector<wish> of_mail_;
  std::vector<wish> of_recipient_;
  bool dsn_required_ = false;
};

}  // namespace sansmtp::cli

// What the command says about one mail.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "exit_code.hpp"
#include "sansmtp/delivery.hpp"

namespace sansmtp::cli {

/// What became of one mail, with one entry for each recipient, whatever went wrong.
struct mail_report {
  std::size_t number = 0;  ///< From 1, in the order of the command line.
  std::string name;        ///< For a person: the file's name or "standard input".
  std::vector<recipient_report> recipients;
  std::string error;  ///< Why it failed as a whole; empty if it did not.
  /// The TLS link that it went over.
  struct tls_link {
    std::string protocol;
    bool verified = false;
  };
  std::optional<tls_link> tls;
  exit_code code = exit_code::ok;

  /// Getter: the report of a mail that went through a session. After a usage error the session
  /// gives no outcomes; then each of `addresses` was not attempted.
  [[nodiscard]] static mail_report of(std::size_t number, std::string name, const delivery& result,
                                      const std::vector<std::string>& addresses);

  /// Getter: the report of a mail that never reached a session; `stage` is where that was decided.
  [[nodiscard]] static mail_report not_attempted(std::size_t number, std::string name,
                                                 const std::vector<std::string>& addresses,
                                                 verb stage, exit_code code, std::string error);

  /// Output: one line of JSON with its LF; always valid UTF-8.
  [[nodiscard]] std::string to_json() const;

  /// Output: a table of the recipients for a person, all server text in display form.
  [[nodiscard]] std::string to_table() const;
};

/// Getter: the sentence for a person, and what to do about it where that is not obvious.
[[nodiscard]] std::string explain(const std::error_code& error);

/// Getter: the exit code for a mail or a session that failed so; `ok` for no error. `reply_code` is
/// that of the reply that came with it, 0 if none did.
[[nodiscard]] exit_code exit_code_of(const std::error_code& error, int reply_code = 0) noexcept;

}  // namespace sansmtp::cli

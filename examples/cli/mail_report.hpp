// What the command says about one mail.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "exit_code.hpp"
#include "failure.hpp"
#include "outbox.hpp"
#include "sansmtp/blocking/deliver.hpp"
#include "sansmtp/delivery.hpp"

namespace sansmtp::cli {

/// What became of one mail, with one entry for each recipient, whatever went wrong.
struct mail_report {
  std::size_t number = 0;  ///< From 1, in the order of the command line.
  std::string file;        ///< As on the command line; "-" is standard input.
  std::vector<recipient_report> recipients;
  std::string error;  ///< Why it failed as a whole; empty if it did not.
  /// The TLS link that it went over.
  struct tls_link {
    std::string protocol;
    bool verified = false;
  };
  std::optional<tls_link> tls;
  /// The ways to the domains of the recipients, if those said where it went.
  std::vector<blocking::way> ways;
  exit_code code = exit_code::ok;

  /// Getter: the report of a mail that went through a session. After a usage error the session
  /// gives no outcomes; then each recipient was not attempted. `why` explains the error of
  /// `result`.
  [[nodiscard]] static mail_report of(const outgoing_mail& mail, const delivery& result,
                                      const failure& why);

  /// Getter: the report of a mail that never reached a session; `stage` is where that was decided.
  [[nodiscard]] static mail_report not_attempted(const outgoing_mail& mail, verb stage,
                                                 const failure& why);

  /// Output: one line of JSON with its LF; always valid UTF-8.
  [[nodiscard]] std::string to_json() const;

  /// Output: a table of the recipients for a person, all server text in display form.
  [[nodiscard]] std::string to_table() const;
};

}  // namespace sansmtp::cli

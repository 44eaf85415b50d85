// What became of mails, told as soon as it is known.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exit_code.hpp"
#include "failure.hpp"
#include "mail_report.hpp"

namespace sansmtp::cli {

/// Prints reports to standard output and one line for each reason to standard error, and knows the
/// exit code of the whole run. If standard output is closed or full, the outcomes that could not be
/// told there are told by a line on standard error in the end: nobody's is lost (SEC-07).
class report_printer {
 public:
  /// `json`: a line of JSON for each mail, not a table.
  explicit report_printer(bool json) : json_(json) {}

  /// Output: tells what became of one mail.
  void tell(const mail_report& report);

  /// Output: a line about the run as a whole, with the exit code that it means.
  void complain_of(std::string_view what, exit_code code);

  /// Getter: can standard output take no more reports? Then no further mail is to be begun.
  [[nodiscard]] bool output_failed() const noexcept { return output_failure_.has_value(); }

  /// Output: the end of a run that was stopped since `output_failed`; `rest` says which mails were
  /// not begun, and may be empty.
  void tell_what_is_missing(std::string_view rest);

  /// Getter: the exit code so far.
  [[nodiscard]] exit_code code() const noexcept { return code_; }

 private:
  bool json_;
  std::optional<failure> output_failure_;
  std::string untold_;  // what standard output did not take
  exit_code code_ = exit_code::ok;
  std::string last_error_;
};

}  // namespace sansmtp::cli

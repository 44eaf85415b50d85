#include "report_printer.hpp"

#include <fmt/format.h>

#include <iterator>

#include "input.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {

void report_printer::tell(const mail_report& report) {
  code_ = worse(code_, report.code);
  // One reason that ends many mails is told once.
  if (!report.error.empty() && report.error != last_error_) {
    complain("sansmtp send: " + report.error);
    last_error_ = report.error;
  }
  if (!output_failure_) {
    try {
      print(json_ ? report.to_json() : report.to_table());
      return;
    } catch (const failure& why) {
      output_failure_ = why;
    }
  }
  for (const recipient_report& r : report.recipients) {
    fmt::format_to(std::back_inserter(untold_), "{}{}: {} {}", untold_.empty() ? "" : ", ",
                   input_name(report.file), r.address, to_string(r.result));
  }
}

void report_printer::tell_what_is_missing(std::string_view rest) {
  complain_of(fmt::format("{}{}{}{}{}", output_failure_->what(),
                          untold_.empty() ? "" : "; what could not be told there: ", untold_,
                          rest.empty() ? "" : "; ", rest),
              output_failure_->code());
}

void report_printer::complain_of(std::string_view what, exit_code code) {
  complain(fmt::format("sansmtp send: {}", what));
  code_ = worse(code_, code);
}

}  // namespace sansmtp::cli

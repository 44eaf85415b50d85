#include "connect.hpp"

#include <fmt/format.h>

#include <string_view>

#include "mail_report.hpp"
#include "sansmtp/blocking/resolver_category.hpp"

namespace sansmtp::cli {

failure connect_failure(const connection_options& options, const std::error_code& error) {
  exit_code code = exit_code::unavailable;
  std::string_view advice = "is the network up?";
  if (error.category() == blocking::resolver_category()) {
    code = exit_code::no_host;
    advice = "check the server's name";
  } else if (error == std::errc::connection_refused ||
             error == std::errc::no_such_file_or_directory) {
    advice = "does a mail server listen there?";
  } else if (error == std::errc::timed_out) {
    advice = "does a firewall block it? --connect-timeout gives more time";
  } else if (error == std::errc::address_family_not_supported) {
    code = exit_code::usage;
    advice = "the server has no address of the family of --bind";
  } else if (error == std::errc::address_not_available) {
    code = exit_code::usage;
    advice = "--bind needs an address of this host";
  } else if (condition_of(error) != errc::none) {
    code = exit_code_of(error);
    advice = "check the options";
  }
  return {code, fmt::format("cannot connect to {}: {}; {}", to_string(options.server),
                            error.message(), advice)};
}

}  // namespace sansmtp::cli

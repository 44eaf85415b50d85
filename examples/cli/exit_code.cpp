#include "exit_code.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace sansmtp::cli {
namespace {

struct row {
  exit_code code;
  std::string_view meaning;
};

// From the most urgent to the least. In doubt comes first, since a retry would be a second copy.
constexpr std::array<row, 14> rows{{
    {exit_code::in_doubt,
     "in doubt: handed over, but no final reply was understood; look before a retry"},
    {exit_code::software, "a defect of this program"},
    {exit_code::io_error,
     "standard output is closed or full; what it did not take is on standard error"},
    {exit_code::usage, "an option that is wrong or missing; nothing was sent"},
    {exit_code::configuration,
     "this host lacks something: a name to say in EHLO, a DNS server, or TLS or DNS in this build"},
    {exit_code::no_input, "a file (message, password, certificate) is missing or cannot be read"},
    {exit_code::data_error, "a bad address, message, name or password: nothing was sent with it"},
    {exit_code::no_host, "the server's name is unknown, or no host takes mail for the domain"},
    {exit_code::no_permission,
     "the login was refused, or would have shown the password to strangers"},
    {exit_code::unavailable,
     "no connection (refused, no route), no TLS as it was asked for (not offered, a certificate\n"
     "      that proves nothing), or a refusal for good (5yz) for some recipient"},
    {exit_code::protocol, "the server broke the rules of SMTP; a retry may help"},
    {exit_code::temporary,
     "deferred or not attempted, also since a signal ended the run: a retry is useful"},
    {exit_code::mismatch, "replay: the engine did not do what the transcript says"},
    {exit_code::ok, "delivered to every recipient"},
}};

std::size_t rank(exit_code code) noexcept {
  const auto* found =
      std::find_if(rows.begin(), rows.end(), [code](const row& r) { return r.code == code; });
  return static_cast<std::size_t>(std::distance(rows.begin(), found));
}

}  // namespace

exit_code worse(exit_code a, exit_code b) noexcept { return rank(a) <= rank(b) ? a : b; }

std::string exit_code_help() {
  std::string text =
      "Exit codes, after sysexits.h; of several that apply, the first in this list:\n";
  for (const row& r : rows) {
    fmt::format_to(std::back_inserter(text), "  {:2}  {}\n", static_cast<int>(r.code), r.meaning);
  }
  return text;
}

}  // namespace sansmtp::cli

#include "message_doubts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "header_envelope.hpp"

namespace sansmtp::cli {
namespace {

// From 1 on; a line ends in CRLF, LF or CR.
std::size_t number_of_line(std::string_view content, std::size_t begin) noexcept {
  std::size_t number = 1;
  for (std::size_t at = 0; at < begin; ++at) {
    const bool half = content[at] == '\r' && content.substr(at + 1).starts_with('\n');
    if (!half && (content[at] == '\r' || content[at] == '\n')) ++number;
  }
  return number;
}

}  // namespace

std::vector<std::string> doubts_about_header(std::string_view content) {
  std::vector<std::string> doubts;
  if (!before_header(content).empty()) {
    doubts.emplace_back(
        "a byte order mark or the 'From ' line of a mailbox file stands before its header and is "
        "sent along; -t leaves it out");
  }
  if (has_bcc_field(content)) {
    doubts.emplace_back("its Bcc field is sent to all recipients; -t leaves it out");
  }
  return doubts;
}

std::string doubt_about_lines(std::string_view content) {
  constexpr std::size_t longest = 998;
  // Lines up to LF are found fast, and most are short; only within long ones CR is looked for.
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t lf = std::min(content.find('\n', begin), content.size());
    while (lf - begin > longest) {
      const std::size_t end = std::min(content.find('\r', begin), lf);
      if (end - begin > longest) {
        return fmt::format(
            "line {} has {} octets, and servers may refuse or cut what is over {}; encode the "
            "content, for example as quoted-printable",
            number_of_line(content, begin), end - begin, longest);
      }
      begin = std::min(end + 1, lf);
    }
    begin = lf + 1;
  }
  return {};
}

}  // namespace sansmtp::cli

#include "header_fields.hpp"

#include <algorithm>
#include <cstddef>

#include "ascii.hpp"
#include "line_scan.hpp"

namespace sansmtp::dkim {
namespace {

using detail::crlf;

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

}  // namespace

bool is_field_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
}

bool split_header(std::string_view header, std::vector<header_field>& fields) {
  while (!header.empty()) {
    // To the first line end behind which no blank stands.
    std::size_t end = 0;
    do {
      end = header.find(crlf, end);
      end = end == std::string_view::npos ? header.size() : end + crlf.size();
    } while (end < header.size() && is_blank(header[end]));
    const std::string_view field = header.substr(0, end);
    header.remove_prefix(end);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) return false;
    std::string_view name = field.substr(0, colon);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    if (!is_field_name(name)) return false;
    fields.push_back({name, field.substr(colon + 1)});
  }
  return true;
}

void append_relaxed(std::string& to, std::string_view name, std::string_view value) {
  for (const char c : name) to += ascii::to_lower(c);
  to += ':';
  bool blank = false;
  bool any = false;
  for (const char c : value) {
    if (is_blank(c) || c == '\r' || c == '\n') {
      blank = any;
      continue;
    }
    if (blank) to += ' ';
    blank = false;
    any = true;
    to += c;
  }
}

}  // namespace sansmtp::dkim

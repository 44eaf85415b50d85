// The header of a mail, field by field, and a field as its hash sees it (RFC 6376 section 3.4.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::dkim {

/// A field: views into the header.
struct header_field {
  std::string_view name;   ///< Without blanks around it, in the case it was written in.
  std::string_view value;  ///< What stands behind the colon, folded as it is, with the last CRLF.
};

/// Output: the fields of `header`, whose lines end with CRLF, in order. False if a line is neither
/// a field nor goes on with one (RFC 5322 section 2.2).
[[nodiscard]] bool split_header(std::string_view header, std::vector<header_field>& fields);

/// Getter: is it the name of a field: printable ASCII without a colon?
[[nodiscard]] bool is_field_name(std::string_view name) noexcept;

/// Command: appends the field to `to`: its name in lower case, a colon, its value on one line, each
/// stretch of blanks one space, none at its ends; no line end.
void append_relaxed(std::string& to, std::string_view name, std::string_view value);

}  // namespace sansmtp::dkim

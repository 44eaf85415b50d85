// The attributes of XCLIENT and XFORWARD as rows: which command knows which, and what values they
// may have.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "sansmtp/config.hpp"
#include "sansmtp/verb.hpp"

namespace sansmtp::detail {

/// May these attributes be told by XCLIENT, or by XFORWARD? Each must be known to the command,
/// stand once, have a good value and fit into a line. Those of XCLIENT, `in_one_line`, must fit
/// into one together, since each line of it begins the session anew.
[[nodiscard]] bool are_attributes(verb v, std::span<const client_attribute> all, bool in_one_line);

/// Adds an attribute that is known to a line: a blank, the name, "=" and the value as xtext.
void append_attribute(std::string& line, const client_attribute& one);

/// Does a line of `line` octets have room for `text` more? With its CRLF it has at most 512.
[[nodiscard]] bool has_room_for(std::size_t text, std::size_t line) noexcept;

}  // namespace sansmtp::detail

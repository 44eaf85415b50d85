// Why a text is not a transcript.
#pragma once

#include <cstdint>
#include <string>

namespace sansmtp::script {

/// The first thing in a text that the grammar does not allow.
struct parse_error {
  std::string name;          ///< The name that was given to `parse`.
  std::uint32_t line = 0;    ///< Counted from 1.
  std::uint32_t column = 0;  ///< Octets, counted from 1.
  std::string what;          ///< One phrase for a person.
};

/// Getter: "name:line:column: what".
[[nodiscard]] std::string to_string(const parse_error& e);

}  // namespace sansmtp::script

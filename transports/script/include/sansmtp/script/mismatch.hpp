// Where the engine and a transcript disagree.
#pragma once

#include <cstdint>
#include <string>

namespace sansmtp::script {

/// The first disagreement.
struct mismatch {
  std::string name;        ///< The transcript's.
  std::uint32_t line = 0;  ///< Of the statement that does not hold, counted from 1.
  std::string what;        ///< One phrase: what is wrong, and in which mode and at which position.
  std::string detail;      ///< What was expected and what came, line by line, octets escaped.
};

/// Getter: "name:line: what", and the detail below it.
[[nodiscard]] std::string to_string(const mismatch& m);

}  // namespace sansmtp::script

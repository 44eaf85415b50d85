// What a turn of a transcript expects against what the engine did.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "machine.hpp"
#include "sansmtp/script/mismatch.hpp"
#include "statement.hpp"

namespace sansmtp::script {

/// Getter: the first of the turn's expectations that does not hold.
[[nodiscard]] std::optional<mismatch> compare(const script_data& script, const turn& t,
                                              const machine& m);

/// Getter: the same for its octets alone, and for its events alone.
[[nodiscard]] std::optional<mismatch> compare_octets(const script_data& script, const turn& t,
                                                     const std::string& written);
[[nodiscard]] std::optional<mismatch> compare_events(const script_data& script, const turn& t,
                                                     const std::vector<seen_event>& seen);

}  // namespace sansmtp::script

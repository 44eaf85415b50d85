// Lengths of time as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sansmtp::cli {

/// Getter: reads "250ms", "30s", "5m" or "1h"; a bare number is seconds; 0 means for ever. Nothing
/// if `text` is something else or more than a year.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(
    std::string_view text) noexcept;

}  // namespace sansmtp::cli

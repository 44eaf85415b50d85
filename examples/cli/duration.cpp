#include "duration.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace sansmtp::cli {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  std::uint32_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{}) return std::nullopt;

  constexpr std::array<std::pair<std::string_view, std::chrono::milliseconds>, 5> units{{
      {"", std::chrono::seconds(1)},
      {"ms", std::chrono::milliseconds(1)},
      {"s", std::chrono::seconds(1)},
      {"m", std::chrono::minutes(1)},
      {"h", std::chrono::hours(1)},
  }};
  // A deadline far away would overflow the clock when it is added to now.
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 366);
  const std::string_view name(unit, static_cast<std::size_t>(end - unit));
  for (const auto& [spelling, length] : units) {
    if (name == spelling && count * length <= longest) return count * length;
  }
  return std::nullopt;
}

}  // namespace sansmtp::cli

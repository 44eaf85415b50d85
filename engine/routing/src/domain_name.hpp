// Names of the DNS as text.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "sansmtp/path.hpp"

namespace sansmtp::routing {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Cuts the dot that ends a name written in full.
[[nodiscard]] constexpr std::string_view without_final_dot(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

/// The one spelling in which names are compared: lower case and without a dot at the end.
[[nodiscard]] inline std::string normal_name(std::string_view name) {
  std::string result(without_final_dot(name));
  std::transform(result.begin(), result.end(), result.begin(), to_lower);
  return result;
}

/// Can it be asked for: A-labels, at most 253 octets and labels of at most 63? Underscores pass,
/// since hosts have them whatever the RFC says.
[[nodiscard]] inline bool is_host_name(std::string_view name) noexcept {
  if (name.size() > 253 || !is_domain(name, true)) return false;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    if (dot - at > 63) return false;
    at = dot + 1;
  }
  return true;
}

}  // namespace sansmtp::routing

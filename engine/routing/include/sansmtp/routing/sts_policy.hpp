// MTA-STS: its record in the DNS and its policy (RFC 8461 section 3).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::routing {

enum class sts_mode : std::uint8_t { none, testing, enforce };

/// Getter: the enumerator's spelling, as in a policy; a static string.
[[nodiscard]] std::string_view to_string(sts_mode m) noexcept;

/// A policy holds so long at most; a longer `max_age` counts as this (RFC 8461 section 3.2).
inline constexpr std::chrono::seconds longest_sts_age{31'557'600};
/// No longer body is read (RFC 8461 section 3.3).
inline constexpr std::size_t longest_sts_body = 64 * 1024;

/// A policy; a plain value.
struct sts_policy {
  sts_mode mode = sts_mode::none;
  std::chrono::seconds max_age{0};
  /// Lower case, each once, in the policy's order: names of hosts, or "*." and what stands behind
  /// one label.
  std::vector<std::string> mx;

  friend bool operator==(const sts_policy&, const sts_policy&) = default;
};

/// Getter: the policy that `body` is, if it keeps to the grammar of RFC 8461 section 3.2; of a key
/// that stands twice (but for `mx`) the first counts, unknown keys do not. Blank lines pass. A
/// policy without version, mode or max_age, or without `mx` where the mode is not `none`, is none,
/// nor is one over `longest_sts_body`.
[[nodiscard]] std::optional<sts_policy> parse_sts_policy(std::string_view body);

/// Getter: the id in a TXT record, if it is one for MTA-STS and well-formed.
[[nodiscard]] std::optional<std::string> parse_sts_record(std::string_view text);

/// Getter: the id in the TXT records of `_mta-sts.<domain>`: of those that begin with "v=STSv1;"
/// there must be exactly one, and it must be well-formed (RTE-19).
[[nodiscard]] std::optional<std::string> sts_id_of(std::span<const std::string> texts);

/// Getter: does a pattern of the policy match the name of the host (RFC 8461 section 4.1)? In any
/// case of letters; a dot at the end of the name does not count.
[[nodiscard]] bool matches(const sts_policy& policy, std::string_view host) noexcept;

}  // namespace sansmtp::routing

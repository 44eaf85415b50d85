// IP addresses as values, and which of them mail may be sent to.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sansmtp::routing {

enum class ip_family : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address without a zone; a plain value.
class ip_address {
 public:
  /// 0.0.0.0
  constexpr ip_address() noexcept = default;
  constexpr explicit ip_address(const std::array<std::uint8_t, 4>& v4) noexcept {
    for (std::size_t i = 0; i < v4.size(); ++i) octets_[i] = v4[i];
  }
  constexpr explicit ip_address(const std::array<std::uint8_t, 16>& v6) noexcept
      : octets_(v6), family_(ip_family::v6) {}

  /// Getter: the address that `text` spells: four decimal numbers without leading zeros, or the
  /// forms of RFC 4291 section 2.2. Nothing for all else, brackets and zones included.
  [[nodiscard]] static std::optional<ip_address> parse(std::string_view text) noexcept;

  [[nodiscard]] constexpr ip_family family() const noexcept { return family_; }
  /// Getter: 4 or 16 octets in network order; valid as long as the address.
  [[nodiscard]] constexpr std::span<const std::uint8_t> octets() const noexcept {
    return {octets_.data(), family_ == ip_family::v4 ? std::size_t{4} : std::size_t{16}};
  }
  /// Getter: the one spelling of RFC 5952 (section 4), which `parse` reads.
  [[nodiscard]] std::string text() const;

  /// IPv4 comes before IPv6.
  friend constexpr auto operator<=>(const ip_address& a, const ip_address& b) noexcept {
    const auto order = a.family_ <=> b.family_;
    return order != 0 ? order : a.octets_ <=> b.octets_;
  }
  friend constexpr bool operator==(const ip_address&, const ip_address&) noexcept = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
  ip_family family_ = ip_family::v4;
};

/// What an address is for (RFC 6890 and the registries that it began).
enum class address_kind : std::uint8_t {
  global,       ///< Any host of the Internet; addresses for documentation count as such.
  unspecified,  ///< Nobody: 0.0.0.0/8 and ::.
  loopback,     ///< This machine.
  link_local,
  private_use,  ///< A network of its own, carriers' and test networks included.
  embedded,     ///< An IPv4 address in IPv6 clothes that no network routes.
  multicast,
  broadcast,
  reserved,  ///< 240.0.0.0/4
};

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(address_kind k) noexcept;

/// Getter: the kind of an address. What a translator or a relay routes (NAT64, 6to4) is of the kind
/// of the IPv4 address in it.
[[nodiscard]] address_kind kind_of(const ip_address& address) noexcept;

/// Getter: may mail go there, if nothing but the DNS says so (RTE-09)? `global` always;
/// `unspecified`, `multicast`, `broadcast` and `reserved` never; all else only if
/// `private_addresses`. For an `embedded` address the one in it must not be one of the latter.
[[nodiscard]] bool is_admissible(const ip_address& address, bool private_addresses) noexcept;

}  // namespace sansmtp::routing

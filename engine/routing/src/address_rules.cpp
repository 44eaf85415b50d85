#include "sansmtp/routing/address_rules.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "ascii.hpp"

namespace sansmtp::routing {

namespace {

/// Reads "192.0.2.1" into four octets.
bool read_v4(std::string_view text, std::uint8_t* to) noexcept {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
    std::size_t digits = 0;
    unsigned value = 0;
    while (digits < text.size() && digits < 4 && ascii::is_digit(text[digits])) {
      value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
    }
    // A number that begins with 0 is octal to some and decimal to others.
    if (digits == 0 || value > 255 || (digits > 1 && text[0] == '0')) return false;
    to[i] = static_cast<std::uint8_t>(value);
    text.remove_prefix(digits);
  }
  return text.empty();
}

/// The pieces of an IPv6 address as they are read: those before "::" and those behind it.
struct groups {
  std::array<std::uint8_t, 16> octets{};
  std::size_t size = 0;
};

/// Reads groups of up to four hexadecimal digits, the last two perhaps as an IPv4 address. Empty
/// text is no group at all.
bool read_groups(std::string_view text, groups& to) noexcept {
  if (text.empty()) return true;
  for (;;) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    if (end == text.size() && group.find('.') != std::string_view::npos) {
      if (to.size > 12 || !read_v4(group, &to.octets[to.size])) return false;
      to.size += 4;
      return true;
    }
    // from_chars would take a sign.
    const bool is_hex = std::all_of(group.begin(), group.end(), ascii::is_hex_digit);
    if (group.empty() || group.size() > 4 || !is_hex || to.size > 14) return false;
    unsigned value = 0;
    std::from_chars(group.data(), group.data() + group.size(), value, 16);
    to.octets[to.size++] = static_cast<std::uint8_t>(value >> 8);
    to.octets[to.size++] = static_cast<std::uint8_t>(value);
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

std::optional<ip_address> parse_v6(std::string_view text) noexcept {
  const std::size_t gap = text.find("::");
  groups head;
  if (gap == std::string_view::npos) {
    if (text.empty() || !read_groups(text, head) || head.size != 16) return std::nullopt;
    return ip_address(head.octets);
  }
  groups tail;
  const std::string_view before = text.substr(0, gap);
  // An IPv4 address may only stand at the end of all.
  if (before.find('.') != std::string_view::npos || !read_groups(before, head) ||
      !read_groups(text.substr(gap + 2), tail) || head.size + tail.size > 14) {
    return std::nullopt;
  }
  std::copy_n(tail.octets.begin(), tail.size, head.octets.end() - static_cast<int>(tail.size));
  return ip_address(head.octets);
}

void append_number(std::string& text, unsigned value, int base) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  text.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

std::string text_of_v4(std::span<const std::uint8_t> octets) {
  std::string text;
  for (const std::uint8_t octet : octets) {
    if (!text.empty()) text += '.';
    append_number(text, octet, 10);
  }
  return text;
}

/// The longest run of groups that are zero, and of equal ones the first; one group alone is none.
struct run {
  std::size_t at = 8;
  std::size_t size = 0;
};

run longest_zeros(const std::array<unsigned, 8>& group) noexcept {
  run best;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && group[end] == 0) ++end;
    if (end - i > std::max<std::size_t>(best.size, 1)) best = {i, end - i};
    i = end + 1;
  }
  return best;
}

/// One block of addresses, and where the IPv4 address in it stands that says of which kind it is.
struct block {
  ip_family family;
  std::array<std::uint8_t, 16> prefix;
  unsigned bits;
  address_kind kind;
  std::size_t inner = 0;  // 0: the block itself is of `kind`
};

constexpr ip_family v4 = ip_family::v4;
constexpr ip_family v6 = ip_family::v6;

// RFC 6890 and the registries of special-purpose addresses; the first block that holds an address
// counts.
constexpr std::array blocks{
    block{v4, {}, 8, address_kind::unspecified},
    block{v4, {10}, 8, address_kind::private_use},
    block{v4, {100, 64}, 10, address_kind::private_use},  // carriers' networks
    block{v4, {127}, 8, address_kind::loopback},
    block{v4, {169, 254}, 16, address_kind::link_local},
    block{v4, {172, 16}, 12, address_kind::private_use},
    block{v4, {192, 0, 0}, 24, address_kind::private_use},
    block{v4, {192, 168}, 16, address_kind::private_use},
    block{v4, {198, 18}, 15, address_kind::private_use},  // measurements
    block{v4, {224}, 4, address_kind::multicast},
    block{v4, {255, 255, 255, 255}, 32, address_kind::broadcast},
    block{v4, {240}, 4, address_kind::reserved},
    block{v6, {}, 128, address_kind::unspecified},
    block{v6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, address_kind::loopback},
    block{v6, {}, 96, address_kind::embedded},  // IPv4-compatible
    block{v6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96, address_kind::embedded},  // mapped
    block{v6, {0, 0x64, 0xFF, 0x9B}, 96, address_kind::global, 12},                     // NAT64
    block{v6, {0, 0x64, 0xFF, 0x9B, 0, 1}, 48, address_kind::private_use},
    block{v6, {1}, 64, address_kind::private_use},        // nowhere, on purpose
    block{v6, {0x20, 1}, 32, address_kind::private_use},  // Teredo
    block{v6, {0x20, 2}, 16, address_kind::global, 2},    // 6to4
    block{v6, {0xFE, 0x80}, 10, address_kind::link_local},
    block{v6, {0xFE, 0xC0}, 10, address_kind::private_use},  // site-local
    block{v6, {0xFC}, 7, address_kind::private_use},
    block{v6, {0xFF}, 8, address_kind::multicast},
};

bool holds(const block& b, const ip_address& address) noexcept {
  if (b.family != address.family()) return false;
  const std::span<const std::uint8_t> octets = address.octets();
  const std::size_t whole = b.bits / 8;
  if (!std::equal(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(whole),
                  b.prefix.begin())) {
    return false;
  }
  const unsigned rest = b.bits % 8;
  return rest == 0 || ((octets[whole] ^ b.prefix[whole]) >> (8 - rest)) == 0;
}

ip_address inner_v4(const ip_address& address, std::size_t at) noexcept {
  const std::span<const std::uint8_t> o = address.octets();
  return ip_address(std::array{o[at], o[at + 1], o[at + 2], o[at + 3]});
}

}  // namespace

std::optional<ip_address> ip_address::parse(std::string_view text) noexcept {
  std::array<std::uint8_t, 4> octets{};
  if (read_v4(text, octets.data())) return ip_address(octets);
  return parse_v6(text);
}

std::string ip_address::text() const {
  if (family_ == ip_family::v4) return text_of_v4(octets());
  // Mapped addresses are the only ones whose end people write as IPv4 (RFC 5952 section 5).
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::equal(mapped.begin(), mapped.end(), octets_.begin())) {
    return "::ffff:" + text_of_v4(octets().subspan(12));
  }
  std::array<unsigned, 8> group{};
  for (std::size_t i = 0; i < 8; ++i) {
    group[i] = static_cast<unsigned>(octets_[2 * i]) << 8 | octets_[2 * i + 1];
  }
  const run zeros = longest_zeros(group);
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == zeros.at) {
      text += "::";
      i += zeros.size - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    append_number(text, group[i], 16);
  }
  return text;
}

std::string_view to_string(address_kind k) noexcept {
  switch (k) {
    case address_kind::global: return "global";
    case address_kind::unspecified: return "unspecified";
    case address_kind::loopback: return "loopback";
    case address_kind::link_local: return "link_local";
    case address_kind::private_use: return "private_use";
    case address_kind::embedded: return "embedded";
    case address_kind::multicast: return "multicast";
    case address_kind::broadcast: return "broadcast";
    case address_kind::reserved: return "reserved";
  }
  return "unknown";
}

address_kind kind_of(const ip_address& address) noexcept {
  const auto found =
      std::find_if(blocks.begin(), blocks.end(), [&](const block& b) { return holds(b, address); });
  if (found == blocks.end()) return address_kind::global;
  return found->inner == 0 ? found->kind : kind_of(inner_v4(address, found->inner));
}

bool is_admissible(const ip_address& address, bool private_addresses) noexcept {
  switch (kind_of(address)) {
    case address_kind::global: return true;
    case address_kind::unspecified:
    case address_kind::multicast:
    case address_kind::broadcast:
    case address_kind::reserved: return false;
    case address_kind::embedded:
      return private_addresses && is_admissible(inner_v4(address, 12), true);
    case address_kind::loopback:
    case address_kind::link_local:
    case address_kind::private_use: return private_addresses;
  }
  return false;
}

}  // namespace sansmtp::routing

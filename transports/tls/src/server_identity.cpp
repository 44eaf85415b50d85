#include "sansmtp/tls/server_identity.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>

namespace sansmtp::tls {

namespace {

constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool equal(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_label_octet(char c) noexcept {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Does one dNSName of the certificate name the server? `reference` is a DNS name without a dot at
/// its end.
bool dns_matches(std::string_view presented, std::string_view reference) noexcept {
  if (!presented.starts_with("*.")) {
    return is_dns_name(presented) && equal(presented, reference);
  }
  // The wildcard is the whole left-most label, and stands for exactly one (RFC 9525 section 6.3).
  // One right below a top-level domain would be for everybody in it.
  const std::string_view parent = presented.substr(2);
  if (!is_dns_name(parent) || parent.find('.') == std::string_view::npos) return false;
  const std::size_t dot = reference.find('.');
  return dot != std::string_view::npos && equal(parent, reference.substr(dot + 1));
}

}  // namespace

std::string address_octets(std::string_view name) {
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  const std::string text(name);
  if (text.size() != text.find('\0') && text.find('\0') != std::string::npos) return {};
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return {reinterpret_cast<const char*>(&v4), sizeof v4};
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    return {reinterpret_cast<const char*>(&v6), sizeof v6};
  }
  return {};
}

bool is_dns_name(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > longest_name) return false;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > longest_label || label.front() == '-' ||
        label.back() == '-' || !std::all_of(label.begin(), label.end(), is_label_octet)) {
      return false;
    }
    if (dot == name.size()) return true;
    name.remove_prefix(dot + 1);
  }
  return false;
}

bool matches(const certificate_names& names, std::string_view reference) {
  if (const std::string octets = address_octets(reference); !octets.empty()) {
    return std::find(names.addresses.begin(), names.addresses.end(), octets) !=
           names.addresses.end();
  }
  if (!is_dns_name(reference)) return false;
  if (reference.ends_with('.')) reference.remove_suffix(1);
  return std::any_of(names.dns.begin(), names.dns.end(),
                     [reference](const std::string& name) { return dns_matches(name, reference); });
}

}  // namespace sansmtp::tls

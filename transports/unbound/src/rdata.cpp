#include "rdata.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sansmtp::unbound {
namespace {

using routing::dns_answer;
using routing::ip_address;

constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_name = 255;  // with all lengths and the root

std::uint8_t octet_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

void append_label(std::string& name, std::string_view label) {
  for (const char c : label) {
    const auto octet = static_cast<std::uint8_t>(c);
    if (octet > 0x20 && octet < 0x7f && c != '.' && c != '\\') {
      name += c;
      continue;
    }
    name += '\\';
    for (const int unit : {100, 10, 1}) name += static_cast<char>('0' + octet / unit % 10);
  }
}

template <std::size_t N>
bool read_address(std::string_view rdata, dns_answer& out) {
  if (rdata.size() != N) return false;
  std::array<std::uint8_t, N> octets{};
  for (std::size_t i = 0; i != N; ++i) octets[i] = octet_at(rdata, i);
  out.addresses.emplace_back(octets);
  return true;
}

bool read_mx(std::string_view rdata, dns_answer& out) {
  if (rdata.size() < 3) return false;
  std::optional<std::string> exchange = name_of(rdata.substr(2));
  if (!exchange) return false;
  const int preference = octet_at(rdata, 0) << 8 | octet_at(rdata, 1);
  out.exchanges.push_back({static_cast<std::uint16_t>(preference), std::move(*exchange)});
  return true;
}

/// Strings, each behind its length (RFC 1035 section 3.3.14).
bool read_txt(std::string_view rdata, dns_answer& out) {
  if (rdata.empty()) return false;
  std::string joined;
  while (!rdata.empty()) {
    const std::size_t length = octet_at(rdata, 0);
    if (length >= rdata.size()) return false;
    joined += rdata.substr(1, length);
    rdata.remove_prefix(1 + length);
  }
  out.texts.push_back(std::move(joined));
  return true;
}

bool read_tlsa(std::string_view rdata, dns_answer& out) {
  if (rdata.size() < 4) return false;  // RFC 6698 section 2.1, with one octet of data at least
  out.tlsas.push_back(
      {octet_at(rdata, 0), octet_at(rdata, 1), octet_at(rdata, 2), std::string(rdata.substr(3))});
  return true;
}

bool read_record(routing::record type, std::string_view rdata, dns_answer& out) {
  switch (type) {
    case routing::record::a: return read_address<4>(rdata, out);
    case routing::record::aaaa: return read_address<16>(rdata, out);
    case routing::record::mx: return read_mx(rdata, out);
    case routing::record::txt: return read_txt(rdata, out);
    case routing::record::tlsa: return read_tlsa(rdata, out);
  }
  return false;
}

}  // namespace

std::optional<std::string> name_of(std::string_view wire) {
  if (wire.size() > longest_name) return std::nullopt;
  std::string name;
  while (!wire.empty()) {
    const std::size_t length = octet_at(wire, 0);
    wire.remove_prefix(1);
    if (length == 0) {
      if (!wire.empty()) return std::nullopt;
      return name.empty() ? "." : name;
    }
    if (length > longest_label || length > wire.size()) return std::nullopt;
    if (!name.empty()) name += '.';
    append_label(name, wire.substr(0, length));
    wire.remove_prefix(length);
  }
  return std::nullopt;  // without the root at its end
}

bool read_records(routing::record type, std::span<const std::string_view> rdata,
                  routing::dns_answer& out) {
  dns_answer read = out;
  const bool all = std::all_of(rdata.begin(), rdata.end(),
                               [&](std::string_view one) { return read_record(type, one, read); });
  if (all) out = std::move(read);
  return all;
}

}  // namespace sansmtp::unbound

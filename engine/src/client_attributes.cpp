#include "client_attributes.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "ascii.hpp"
#include "line_scan.hpp"
#include "parameters.hpp"
#include "protocol_table.hpp"
#include "sansmtp/path.hpp"
#include "sansmtp/xtext.hpp"

namespace sansmtp::detail {

namespace {

using std::string_view;

constexpr string_view unavailable = "[UNAVAILABLE]";
constexpr std::size_t most_value_octets = 255;

bool is_any(string_view) { return true; }

/// An IPv4 address with dots, or an IPv6 address behind "IPV6:", as in an address literal.
bool is_address(string_view value) {
  constexpr string_view tag = "IPV6:";
  const bool tagged = ascii::iequals(value.substr(0, tag.size()), tag);
  if (!tagged && !ascii::is_digit(value.front())) return false;
  return is_address_literal('[' + std::string(value) + ']');
}

bool is_port(string_view value) {
  std::uint16_t port = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, problem] = std::from_chars(value.data(), end, port);
  return problem == std::errc() && stop == end && value.front() != '0';
}

bool is_smtp(string_view value) {
  return ascii::iequals(value, "SMTP") || ascii::iequals(value, "ESMTP");
}

bool is_protocol(string_view value) {
  constexpr std::size_t most = 64;
  return value.size() <= most;
}

bool is_source(string_view value) {
  return ascii::iequals(value, "LOCAL") || ascii::iequals(value, "REMOTE");
}

/// An attribute, and which values of it each command takes; null: it does not know the attribute.
/// No value is empty here, and "[UNAVAILABLE]" is one of each that is known.
struct attribute_row {
  string_view name;
  bool (*xclient)(string_view value);
  bool (*xforward)(string_view value);
};

constexpr std::array<attribute_row, 10> attributes{{
    {"NAME", is_any, is_any},
    {"ADDR", is_address, is_address},
    {"PORT", is_port, is_port},
    {"PROTO", is_smtp, is_protocol},
    {"HELO", is_any, is_any},
    {"LOGIN", is_any, nullptr},
    {"DESTADDR", is_address, nullptr},
    {"DESTPORT", is_port, nullptr},
    {"IDENT", nullptr, is_any},
    {"SOURCE", nullptr, is_source},
}};

const attribute_row* find(string_view name) {
  for (const attribute_row& row : attributes) {
    if (ascii::iequals(row.name, name)) return &row;
  }
  return nullptr;
}

}  // namespace

bool has_room_for(std::size_t text, std::size_t line) noexcept {
  return line + text + crlf.size() <= command_line_limit;
}

// Plain loops: the standard algorithms are unrolled, and this is as much text as the whole rest.
bool are_attributes(verb v, std::span<const client_attribute> all, bool in_one_line) {
  const std::size_t word = row_of(v).wire.size();
  std::size_t line = word;
  unsigned seen = 0;  // a bit for each row
  for (const client_attribute& one : all) {
    const attribute_row* const row = find(one.name);
    if (row == nullptr || one.value.size() > most_value_octets) return false;
    const unsigned bit = 1U << static_cast<unsigned>(row - attributes.data());
    const auto good = in_one_line ? row->xclient : row->xforward;
    if ((seen & bit) != 0 || good == nullptr) return false;
    seen |= bit;
    for (const char c : one.value) {
      if (ascii::is_control(c)) return false;
    }
    if (!one.value.empty() && one.value != unavailable && !good(one.value)) return false;
    std::string text;
    append_attribute(text, one);
    if (!in_one_line) line = word;
    if (!has_room_for(text.size(), line)) return false;
    line += text.size();
  }
  return true;
}

void append_attribute(std::string& line, const client_attribute& one) {
  line += ' ';
  line += find(one.name)->name;
  line += '=';
  line += one.value.empty() ? std::string(unavailable) : xtext_encode(one.value);
}

}  // namespace sansmtp::detail

#include "sansmtp/dkim/key_record.hpp"

#include <algorithm>
#include <cstddef>

#include "ascii.hpp"
#include "sansmtp/base64.hpp"

namespace sansmtp::dkim {
namespace {

constexpr std::string_view infix = "._domainkey.";
constexpr std::size_t longest_name = 253;  // of DNS, as text (RFC 1035 section 3.1)
constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_string = 255;

/// Labels of letters, digits and, between them, hyphens: how many; 0 if it is something else.
std::size_t count_labels(std::string_view name) noexcept {
  std::size_t labels = 0;
  for (;;) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > longest_label || label.front() == '-' ||
        label.back() == '-' || !std::all_of(label.begin(), label.end(), [](char c) {
          return ascii::is_alnum(c) || c == '-';
        })) {
      return 0;
    }
    ++labels;
    if (label.size() == name.size()) return labels;
    name.remove_prefix(label.size() + 1);
  }
}

/// Is the last label all of digits, as that of an address and of no top level domain is?
bool is_address(std::string_view name) noexcept {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::all_of(last.begin(), last.end(), ascii::is_digit);
}

}  // namespace

refusal check_names(std::string_view domain, std::string_view selector) noexcept {
  if (count_labels(domain) < 2 || is_address(domain)) return refusal::bad_domain;
  if (count_labels(selector) == 0) return refusal::bad_selector;
  const std::size_t size = selector.size() + infix.size() + domain.size();
  return size > longest_name ? refusal::name_too_long : refusal::none;
}

refusal check_key(const private_key& key) noexcept {
  if (key.type() != key_type::rsa) return refusal::none;
  if (key.bits() < least_rsa_bits) return refusal::short_key;
  return key.bits() > most_rsa_bits ? refusal::long_key : refusal::none;
}

std::string record_name(std::string_view domain, std::string_view selector) {
  std::string name(selector);
  name += infix;
  return name += domain;
}

std::string record_text(key_type type, std::string_view public_key) {
  const std::string_view kind = type == key_type::rsa ? "rsa" : "ed25519";
  return "v=DKIM1; k=" + std::string(kind) + "; p=" + base64_encode(public_key);
}

std::vector<std::string> record_strings(std::string_view text) {
  std::vector<std::string> strings;
  for (; !text.empty(); text.remove_prefix(std::min(longest_string, text.size()))) {
    strings.emplace_back(text.substr(0, longest_string));
  }
  return strings;
}

std::string zone_line(std::string_view domain, std::string_view selector, std::string_view text) {
  std::string line = record_name(domain, selector) + ". IN TXT (";
  for (const std::string& each : record_strings(text)) line += " \"" + each + '"';
  return line + " )";
}

}  // namespace sansmtp::dkim

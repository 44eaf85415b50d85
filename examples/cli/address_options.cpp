#include "address_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "a_labels.hpp"
#include "sansmtp/reply.hpp"

namespace sansmtp::cli {
namespace {

using std::string_view;
using reason = path_fault::reason;

bool is_ascii(string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_space_or_tab(char c) noexcept { return c == ' ' || c == '\t'; }

// What stands at a place: the octet and, for people, its number from 1 on.
std::string octet_at(string_view text, std::size_t at) {
  const auto octet = static_cast<unsigned char>(text[at]);
  if (octet < 0x20 || octet == 0x7F) {
    return fmt::format("the control character 0x{:02x} (octet {})", octet, at + 1);
  }
  return octet < 0x80 ? fmt::format("'{}' (octet {})", text[at], at + 1)
                      : fmt::format("the octet 0x{:02x} (octet {})", octet, at + 1);
}

// Several addresses, as a mail program's "To" takes them: an at-sign on both sides of a comma or
// semicolon.
bool is_list(string_view text) noexcept {
  for (std::size_t at = 0; (at = text.find_first_of(",;", at)) != string_view::npos; ++at) {
    if (text.substr(0, at).find('@') != string_view::npos &&
        text.substr(at).find('@') != string_view::npos) {
      return true;
    }
  }
  return false;
}

// The address of `Name <address>`; nothing if that is not what it is.
std::optional<string_view> behind_name(string_view text) noexcept {
  const std::size_t open = text.rfind('<');
  if (open == string_view::npos || open == 0 || !text.ends_with('>')) return std::nullopt;
  return text.substr(open + 1, text.size() - open - 2);
}

// What people do rather than what the grammar says of it; empty if it is nothing known.
std::string habit_of(string_view text, path_rules rules) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == string_view::npos) return "it is blank";
  const std::size_t behind = text.find_last_not_of(" \t\r\n") + 1;
  const auto edge = [&](char c, string_view where) {
    return fmt::format("a {} stands {} it", is_space_or_tab(c) ? "blank" : "line end", where);
  };
  if (first != 0) return edge(text.front(), "before");
  if (behind != text.size()) return edge(text[behind], "behind");
  if (is_list(text))
    return "it is a list; without commas or semicolons, each address takes a --to of its own";
  if (const auto address = behind_name(text)) {
    return find_fault(*address, rules).why == reason::none
               ? fmt::format("a name stands before it; give only the address, '{}'", *address)
               : "a name stands before it; give only the address";
  }
  constexpr string_view scheme = "mailto:";
  if (text.starts_with(scheme)) {
    return fmt::format("'{}' is no part of it; give only what follows", scheme);
  }
  return {};
}

// The same with a quoted local-part, where that makes it an address.
std::string quoted(string_view text, path_rules rules) {
  const std::size_t at = text.rfind('@');
  if (at == string_view::npos) return {};
  const path p = path::from_parts(text.substr(0, at), text.substr(at + 1), rules);
  return p.error() == errc::none ? fmt::format("; in quotes it may: '{}'", p.text())
                                 : std::string();
}

std::string too_long(std::size_t octets, string_view what, std::size_t limit) {
  return fmt::format("{} has {} octets, and {} are allowed; --allow-long-address tries it", what,
                     octets, limit);
}

std::string words_for(string_view text, path_fault fault, path_rules rules) {
  const string_view domain = text.substr(text.rfind('@') + 1);  // all of it without an at-sign
  switch (fault.why) {
    case reason::none: break;
    case reason::line_break:
      return fmt::format("{} would break the line", octet_at(text, fault.at));
    case reason::no_at:
      return "it has no domain; write NAME@DOMAIN, or give the domain of all such with "
             "--default-domain";
    case reason::no_local_part: return "nothing stands before the '@'";
    case reason::empty_atom:
      return "dots in a row, or at an end of what stands before the '@', may not stand there" +
             quoted(text, rules);
    case reason::local_octet:
      if (text[fault.at] == '<' || text[fault.at] == '>') {
        return fmt::format("the bracket {} has no counterpart", octet_at(text, fault.at));
      }
      return fmt::format("{} may not stand before the '@'{}", octet_at(text, fault.at),
                         quoted(text, rules));
    case reason::open_quote: return "its quotes do not end";
    case reason::behind_quotes:
      return fmt::format("behind the quotes an '@' must follow, not {}", octet_at(text, fault.at));
    case reason::bad_octet:
      return fmt::format("{} {}", octet_at(text, fault.at),
                         static_cast<unsigned char>(text[fault.at]) < 0x80
                             ? "may stand in no address"
                             : "is no UTF-8, or a character that may stand in no address");
    case reason::no_domain: return "nothing stands behind the '@'";
    case reason::trailing_dot:
      return fmt::format("no dot may stand behind the domain; write '{}'",
                         text.substr(0, fault.at));
    case reason::empty_label:
      return fmt::format("a part of the domain is empty before the dot at octet {}", fault.at + 1);
    case reason::label_hyphen:
      return fmt::format("no part of the domain may begin or end with {}",
                         octet_at(text, fault.at));
    case reason::underscore:
      return "no host has an underscore in its name; --allow-underscore tries it all the same";
    case reason::domain_octet:
      return fmt::format("{} may not stand in a domain", octet_at(text, fault.at));
    case reason::address_in_domain: {
      const std::string literal = address_literal(domain);
      return literal.empty() ? "a domain is not of digits alone"
                             : fmt::format("an IP address stands in brackets; write '{}@{}'",
                                           text.substr(0, fault.at - 1), literal);
    }
    case reason::address_literal: {
      string_view content = text.substr(fault.at + 1);
      if (content.ends_with(']')) content.remove_suffix(1);
      const std::string literal = address_literal(content);
      return literal.empty()
                 ? std::string(
                       "what begins with '[' must be like [192.0.2.1] or "
                       "[IPv6:2001:db8::1]")
                 : fmt::format("an IP address stands in brackets, IPv6 with a tag; write '{}{}'",
                               text.substr(0, fault.at), literal);
    }
    case reason::local_part_too_long:
      return too_long(text.rfind('@'), "what stands before the '@'", 64);
    case reason::domain_too_long: return too_long(domain.size(), "the domain", 255);
    case reason::path_too_long: return too_long(text.size(), "it", 254);
  }
  return {};
}

}  // namespace

void address_options::add_to(CLI::App& command) {
  command
      .add_option("--default-domain", default_domain_,
                  "The domain of addresses that have none, as 'root'; without it they are refused")
      ->type_name("DOMAIN");
  command.add_flag("--allow-underscore", rules_.allow_underscore,
                   "Send also to and from domains with an underscore");
  command.add_flag("--allow-long-address", rules_.allow_long,
                   "Send also with addresses beyond the limits of RFC 5321: 64 octets before the "
                   "'@', 255 behind it, 254 in all");
}

void address_options::check() const {
  if (default_domain_.empty()) return;
  const path whole = read("name");
  if (whole.error() == errc::none) return;
  throw CLI::ValidationError(
      "--default-domain",
      fmt::format("'{}' is no domain: {}", default_domain_,
                  words_for(whole.text(), find_fault(whole.text(), rules_), rules_)));
}

path address_options::read(string_view text) const {
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') {
    text = text.substr(1, text.size() - 2);
  }
  std::string whole(text);
  if (!default_domain_.empty() && find_fault(text, rules_).why == reason::no_at) {
    whole += '@' + default_domain_;
  }
  path p(whole, rules_);
  const std::size_t at = whole.rfind('@');
  if (p.error() != errc::none || !p.is_utf8() || at == std::string::npos ||
      !is_ascii(string_view(whole).substr(0, at))) {
    return p;
  }
  const auto labels = to_a_labels(whole.substr(at + 1));
  return labels ? path(whole.substr(0, at + 1) + *labels, rules_) : p;
}

std::string address_options::fault_of(const path& bad) const {
  if (bad.is_null()) return "it is empty";
  const path_fault fault = find_fault(bad.text(), rules_);
  if (fault.why == reason::none) return {};
  std::string habit = habit_of(bad.text(), rules_);
  return habit.empty() ? words_for(bad.text(), fault, rules_) : habit;
}

}  // namespace sansmtp::cli

#include "sansmtp/path.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include "ascii.hpp"
#include "mailbox.hpp"
#include "utf8.hpp"

namespace sansmtp {
namespace {

using std::string_view;

// Limits of RFC 5321 section 4.5.3.1.1 to 4.5.3.1.3 (CMD-10).
constexpr std::size_t longest_local_part = 64;
constexpr std::size_t longest_domain = 255;
constexpr std::size_t longest_mailbox = 254;  // a path of 256 without its brackets

constexpr string_view line_breaks("\r\n\0", 3);

// What an octet may be, as bits (RFC 5321 sections 4.1.2 and 4.1.3).
using octet_class = std::uint8_t;
constexpr octet_class in_atom = 1;      // atext
constexpr octet_class in_quotes = 2;    // qtextSMTP
constexpr octet_class printable = 4;    // what a backslash may quote
constexpr octet_class in_label = 8;     // Let-dig and hyphen
constexpr octet_class underscore = 16;  // in labels against the rule (CMD-09)
constexpr octet_class in_literal = 32;  // dcontent

constexpr auto classes = [] {
  constexpr string_view marks_of_atoms = "!#$%&'*+-/=?^_`{|}~";
  std::array<octet_class, 256> table{};
  for (unsigned i = ' '; i < 0x7F; ++i) {
    const char c = static_cast<char>(i);
    unsigned bits = printable;
    if (ascii::is_alnum(c) || marks_of_atoms.find(c) != string_view::npos) bits |= in_atom;
    if (c != '"' && c != '\\') bits |= in_quotes;
    if (ascii::is_alnum(c) || c == '-') bits |= in_label;
    if (c == '_') bits |= underscore;
    if (c != ' ' && c != '[' && c != '\\' && c != ']') bits |= in_literal;
    table[i] = static_cast<octet_class>(bits);
  }
  return table;
}();

constexpr bool is(char c, octet_class wanted) noexcept {
  return (classes[static_cast<unsigned char>(c)] & wanted) != 0;
}

// Reads a mailbox from left to right. Each function eats what it names, or says that it is not.
class reader {
 public:
  explicit reader(string_view text) noexcept : text_(text) {}

  bool done() const noexcept { return at_ == text_.size(); }
  std::size_t at() const noexcept { return at_; }
  bool saw_utf8() const noexcept { return utf8_; }

  bool eat(char c) noexcept {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool eat(octet_class wanted) noexcept {
    if (done() || !is(text_[at_], wanted)) return false;
    ++at_;
    return true;
  }

  // Eats octets of the class and characters beyond ASCII; were there any?
  bool run(octet_class wanted) noexcept {
    const std::size_t start = at_;
    for (;;) {
      while (!done() && is(text_[at_], wanted)) ++at_;
      if (done() || ascii::is_ascii(text_[at_])) return at_ > start;
      const utf8::character c = utf8::decode(text_.substr(at_));
      // What ends a line for some reader must not hide in an address (UTF8-02).
      if (c.size == 0 || utf8::is_c1(c.value) || utf8::is_separator(c.value)) return false;
      at_ += c.size;
      utf8_ = true;
    }
  }

  bool dot_string() noexcept {
    do {
      if (!run(in_atom)) return false;
    } while (eat('.'));
    return true;
  }

  bool quoted_string() noexcept {
    if (!eat('"')) return false;
    while (!eat('"')) {
      // A backslash quotes one printable octet of ASCII (RFC 6531 section 3.3 adds none).
      if (!(eat('\\') ? eat(printable) : run(in_quotes))) return false;
    }
    return true;
  }

  bool domain(octet_class wanted) noexcept {
    const std::size_t start = at_;
    do {
      const std::size_t label = at_;
      if (!run(wanted) || text_[label] == '-' || text_[at_ - 1] == '-') return false;
    } while (eat('.'));
    // Digits and dots alone are an IPv4 address that lacks its brackets (CMD-08).
    return text_.find_first_not_of("0123456789.", start) != string_view::npos;
  }

 private:
  string_view text_;
  std::size_t at_ = 0;
  bool utf8_ = false;
};

constexpr octet_class label_octets(bool allow_underscore) noexcept {
  return allow_underscore ? in_label | underscore : in_label;
}

bool is_ipv4(string_view text) noexcept {
  for (int part = 1;; ++part) {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && ascii::is_digit(text[digits]); ++digits) {
      if (digits == 3) return false;
      value = value * 10 + static_cast<unsigned>(text[digits] - '0');
    }
    if (digits == 0 || value > 255) return false;
    text.remove_prefix(digits);
    if (part == 4) return text.empty();
    if (text.empty() || text.front() != '.') return false;
    text.remove_prefix(1);
  }
}

constexpr std::size_t longest_group = 4;  // digits of an IPv6 address between two colons

// IPv6-addr of RFC 5321 section 4.1.3: "::" stands for two groups at least.
bool is_ipv6(string_view text) noexcept {
  constexpr std::size_t all = 8;
  constexpr std::size_t beside_gap = 6;
  std::size_t groups = 0;
  bool gap = false;
  if (text.substr(0, 2) == "::") {
    gap = true;
    text.remove_prefix(2);
    if (text.empty()) return true;
  }
  for (;;) {
    std::size_t digits = 0;
    while (digits < text.size() && ascii::is_hex_digit(text[digits])) ++digits;
    if (digits < text.size() && text[digits] == '.') {
      // An IPv4 address may stand for the last two groups.
      if (!is_ipv4(text)) return false;
      groups += 2;
      break;
    }
    if (digits == 0 || digits > longest_group) return false;
    ++groups;
    text.remove_prefix(digits);
    if (text.empty()) break;
    if (text.front() != ':') return false;
    text.remove_prefix(1);
    if (!text.empty() && text.front() == ':') {
      if (gap) return false;
      gap = true;
      text.remove_prefix(1);
      if (text.empty()) break;
    }
  }
  return gap ? groups <= beside_gap : groups == all;
}

// The rule of a tag is Ldh-str (RFC 5321 section 4.1.3).
bool is_tag(string_view text) noexcept {
  if (text.empty() || text.back() == '-') return false;
  bool only_hex = true;
  for (const char c : text) {
    if (!is(c, in_label)) return false;
    only_hex = only_hex && ascii::is_hex_digit(c);
  }
  // What may be the first group of an IPv6 address is no tag: its own was forgotten (CMD-08).
  return !only_hex || text.size() > longest_group;
}

}  // namespace

mailbox_check check_mailbox(string_view mailbox, path_rules rules) noexcept {
  // No grammar lets these pass; only the reason differs (CMD-04).
  const auto bad = [mailbox] {
    const bool breaks_line = mailbox.find_first_of(line_breaks) != string_view::npos;
    return mailbox_check{breaks_line ? errc::bad_argument : errc::bad_address, false};
  };
  // The null path (CMD-02), and the only local-part that may stand alone (CMD-03).
  if (mailbox.empty() || ascii::iequals(mailbox, "postmaster")) return {};

  reader in(mailbox);
  const bool local_part = mailbox.front() == '"' ? in.quoted_string() : in.dot_string();
  const std::size_t local_size = in.at();
  if (!local_part || !in.eat('@')) return bad();

  const string_view domain = mailbox.substr(in.at());
  if (!is_address_literal(domain) &&
      !(in.domain(label_octets(rules.allow_underscore)) && in.done())) {
    return bad();
  }
  if (!rules.allow_long && (local_size > longest_local_part || domain.size() > longest_domain ||
                            mailbox.size() > longest_mailbox)) {
    return {errc::address_too_long, in.saw_utf8()};
  }
  return {errc::none, in.saw_utf8()};
}

namespace {

using reason = path_fault::reason;

// `why`, unless what stands at `at` may stand in no address: then that.
path_fault fault_of_octet(string_view mailbox, std::size_t at, reason why) noexcept {
  const utf8::character c = utf8::decode(mailbox.substr(at));
  const bool good = c.size == 1
                        ? is(mailbox[at], printable)
                        : c.size != 0 && !utf8::is_c1(c.value) && !utf8::is_separator(c.value);
  return {good ? why : reason::bad_octet, at};
}

// What keeps `mailbox` from having a local-part and an at-sign.
path_fault fault_before_at_sign(string_view mailbox) noexcept {
  reader in(mailbox);
  if (mailbox.front() == '"') {
    const bool whole = in.quoted_string();
    if (in.done()) return {whole ? reason::no_at : reason::open_quote, in.at()};
    return fault_of_octet(mailbox, in.at(), whole ? reason::behind_quotes : reason::bad_octet);
  }
  static_cast<void>(in.dot_string());
  const std::size_t at = in.at();
  if (in.done()) return {reason::no_at, at};
  if (mailbox[at] == '.') return {reason::empty_atom, at};
  if (mailbox[at] != '@') return fault_of_octet(mailbox, at, reason::local_octet);
  // A whole Dot-string would have been eaten up to here: the last of its atoms is missing.
  return at == 0 ? path_fault{reason::no_local_part, 0} : path_fault{reason::empty_atom, at - 1};
}

// What keeps the text from `begin` on from being a domain.
path_fault fault_in_domain(string_view mailbox, std::size_t begin, path_rules rules) noexcept {
  if (begin == mailbox.size()) return {reason::no_domain, begin};
  if (mailbox[begin] == '[') return {reason::address_literal, begin};
  reader in(mailbox.substr(begin));
  for (;;) {
    const std::size_t label = begin + in.at();
    static_cast<void>(in.run(label_octets(rules.allow_underscore)));
    const std::size_t end = begin + in.at();
    if (!in.done() && mailbox[end] != '.') {
      return fault_of_octet(mailbox, end,
                            mailbox[end] == '_' ? reason::underscore : reason::domain_octet);
    }
    if (end == label) {
      return in.done() ? path_fault{reason::trailing_dot, end - 1}
                       : path_fault{reason::empty_label, end};
    }
    if (mailbox[label] == '-') return {reason::label_hyphen, label};
    if (mailbox[end - 1] == '-') return {reason::label_hyphen, end - 1};
    // All labels are good, and yet it is no domain.
    if (!in.eat('.')) return {reason::address_in_domain, begin};
  }
}

}  // namespace

path_fault find_fault(string_view mailbox, path_rules rules) noexcept {
  const errc error = check_mailbox(mailbox, rules).error;
  if (error == errc::none) return {};
  if (error == errc::bad_argument) {
    return {reason::line_break, mailbox.find_first_of(line_breaks)};
  }
  reader in(mailbox);
  const bool local_part = mailbox.front() == '"' ? in.quoted_string() : in.dot_string();
  const std::size_t local_size = in.at();
  if (!local_part || !in.eat('@')) return fault_before_at_sign(mailbox);
  if (error == errc::bad_address) return fault_in_domain(mailbox, in.at(), rules);
  if (local_size > longest_local_part) return {reason::local_part_too_long, longest_local_part};
  if (mailbox.size() - in.at() > longest_domain) {
    return {reason::domain_too_long, in.at() + longest_domain};
  }
  return {reason::path_too_long, longest_mailbox};
}

path::path(string_view mailbox, path_rules rules) : text_(mailbox) {
  const mailbox_check found = check_mailbox(mailbox, rules);
  error_ = found.error;
  utf8_ = found.utf8;
}

path path::from_parts(string_view raw_local_part, string_view domain, path_rules rules) {
  std::string mailbox;
  mailbox.reserve(raw_local_part.size() + domain.size() + 3);
  reader in(raw_local_part);
  if (in.dot_string() && in.done()) {
    mailbox += raw_local_part;
  } else {
    // Only these two need a backslash within quotes (CMD-06).
    mailbox += '"';
    for (const char c : raw_local_part) {
      if (c == '"' || c == '\\') mailbox += '\\';
      mailbox += c;
    }
    mailbox += '"';
  }
  mailbox += '@';
  mailbox += domain;
  return path(mailbox, rules);
}

bool is_domain(string_view name, bool allow_underscore) noexcept {
  reader in(name);
  return name.size() <= longest_domain && in.domain(label_octets(allow_underscore)) && in.done() &&
         !in.saw_utf8();
}

bool is_address_literal(string_view text) noexcept {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  const std::size_t colon = text.find(':');
  if (colon == string_view::npos) return is_ipv4(text);

  const string_view tag = text.substr(0, colon);
  const string_view content = text.substr(colon + 1);
  if (ascii::iequals(tag, "IPv6")) return is_ipv6(content);
  if (!is_tag(tag) || content.empty()) return false;
  for (const char c : content) {
    if (!is(c, in_literal)) return false;
  }
  return true;
}

std::string address_literal(string_view address) {
  std::string literal;
  if (is_ipv4(address)) {
    literal.append("[").append(address).append("]");
  } else if (address = address.substr(0, address.find('%')); is_ipv6(address)) {
    literal.append("[IPv6:").append(address).append("]");
  }
  return literal;
}

}  // namespace sansmtp

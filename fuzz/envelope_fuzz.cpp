// Whatever strings a caller gives: what is accepted comes out as one well-formed line that means
// exactly that, and what is not accepted leaves no octet (CMD-04, CMD-05, CMD-10 to CMD-17, SEC-01,
// attacks B4). The lines are read by a reader of its own, and addresses are judged by a second,
// obvious grammar.
//
// Input: decisions, and strings between them.
#include <sansmtp/sansmtp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decisions.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;
using std::string_view;

// -- an obvious grammar of addresses --------------------------------------------------------------

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_utf8_type(string_view type) {
  constexpr string_view lower = "utf-8";
  constexpr string_view upper = "UTF-8";
  bool same = type.size() == lower.size();
  for (std::size_t i = 0; same && i < type.size(); ++i) {
    same = type[i] == lower[i] || type[i] == upper[i];
  }
  return same;
}

void append_utf8(unsigned long value, std::string& out) {
  const auto octet = [&](unsigned long bits) { out += static_cast<char>(bits); };
  const auto rest = [&](unsigned shift) { octet(0x80 | (value >> shift & 0x3F)); };
  if (value < 0x80) return octet(value);
  if (value < 0x800) {
    octet(0xC0 | value >> 6);
  } else if (value < 0x10000) {
    octet(0xE0 | value >> 12);
    rest(6);
  } else {
    octet(0xF0 | value >> 18);
    rest(12);
    rest(6);
  }
  rest(0);
}

/// Decodes an address of type utf-8: \x{HEX} is a character (RFC 6533 section 3). Nothing if it is
/// none.
std::optional<std::string> unitext_decode(string_view text) {
  constexpr string_view begin = "\\x{";
  constexpr string_view digits = "0123456789ABCDEF";
  std::string out;
  while (!text.empty()) {
    if (text.front() != '\\') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('}');
    if (!text.starts_with(begin) || end == string_view::npos) return std::nullopt;
    const string_view hex = text.substr(begin.size(), end - begin.size());
    if (hex.empty() || hex.size() > 6) return std::nullopt;
    unsigned long value = 0;
    for (const char c : hex) {
      const std::size_t digit = digits.find(c);
      if (digit == string_view::npos) return std::nullopt;
      value = value << 4 | digit;
    }
    append_utf8(value, out);
    text.remove_prefix(end + 1);
  }
  return out;
}

bool is_digits(string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == string_view::npos;
}

/// Characters beyond ASCII stand for one 'x' each; nothing if some of it is no UTF-8, or a
/// character that ends lines (UTF8-02).
std::optional<std::string> without_utf8(string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      out += text[i++];
      continue;
    }
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + size > text.size()) return std::nullopt;
    unsigned long value = lead & (0xFFU >> (size + 1));
    for (std::size_t k = 1; k < size; ++k) {
      const auto octet = static_cast<unsigned char>(text[i + k]);
      if (octet < 0x80 || octet > 0xBF) return std::nullopt;
      value = value << 6 | (octet & 0x3F);
    }
    const bool shortest = value >= (size == 4 ? 0x10000UL : size == 3 ? 0x800UL : 0x80UL);
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (!shortest || surrogate || value > 0x10FFFF) return std::nullopt;
    if (value <= 0x9F || value == 0x2028 || value == 0x2029) return std::nullopt;
    out += 'x';
    i += size;
  }
  return out;
}

std::vector<string_view> split(string_view text, char at) {
  std::vector<string_view> parts;
  for (std::size_t end = text.find(at); end != string_view::npos; end = text.find(at)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

bool is_dot_string(string_view text) {
  for (const string_view atom : split(text, '.')) {
    if (atom.empty()) return false;
    for (const char c : atom) {
      if (!is_letter_or_digit(c) && string_view("!#$%&'*+-/=?^_`{|}~").find(c) == string_view::npos)
        return false;
    }
  }
  return true;
}

/// Where a string in quotes ends; 0 if it does not, or holds what it must not.
std::size_t end_of_quoted(string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
    if (i >= text.size() || text[i] < ' ' || text[i] > '~') return 0;
  }
  return 0;
}

bool is_name(string_view text, bool underscore) {
  for (const string_view label : split(text, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!is_letter_or_digit(c) && c != '-' && !(underscore && c == '_')) return false;
    }
  }
  return text.find_first_not_of("0123456789.") != string_view::npos;
}

bool is_ipv4(string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return false;
  for (const string_view part : parts) {
    if (!is_digits(part) || part.size() > 3 || std::stoi(std::string(part)) > 255) return false;
  }
  return true;
}

/// Groups of hex digits, an IPv4 address in the place of the last two if it may; -1 for a mistake.
int groups_of(string_view text, bool ends_the_address) {
  if (text.empty()) return 0;
  int count = 0;
  const auto parts = split(text, ':');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (ends_the_address && i + 1 == parts.size() && parts[i].find('.') != string_view::npos) {
      return is_ipv4(parts[i]) ? count + 2 : -1;
    }
    if (parts[i].empty() || parts[i].size() > 4 ||
        parts[i].find_first_not_of("0123456789abcdefABCDEF") != string_view::npos) {
      return -1;
    }
    ++count;
  }
  return count;
}

bool is_ipv6(string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == string_view::npos) return groups_of(text, true) == 8;
  const int before = groups_of(text.substr(0, gap), false);
  const int behind = groups_of(text.substr(gap + 2), true);
  return before >= 0 && behind >= 0 && before + behind <= 6;
}

std::string lower(string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_literal(string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  const std::size_t colon = text.find(':');
  if (colon == string_view::npos) return is_ipv4(text);
  const string_view tag = text.substr(0, colon);
  const string_view content = text.substr(colon + 1);
  if (lower(tag) == "ipv6") return is_ipv6(content);
  if (tag.empty() || tag.back() == '-' || content.empty()) return false;
  for (const char c : tag) {
    if (!is_letter_or_digit(c) && c != '-') return false;
  }
  // What could be the first group of an IPv6 address whose tag was forgotten.
  if (tag.size() <= 4 && tag.find_first_not_of("0123456789abcdefABCDEF") == string_view::npos)
    return false;
  for (const char c : content) {
    if (c < '!' || c > '~' || c == '[' || c == '\\' || c == ']') return false;
  }
  return true;
}

/// The Mailbox of RFC 5321 section 4.1.2 and RFC 6531 section 3.3.
bool is_mailbox(string_view text, bool underscore) {
  if (lower(text) == "postmaster") return true;
  const auto ascii = without_utf8(text);
  if (!ascii) return false;
  const string_view all = *ascii;
  const bool quoted = all.starts_with('"');
  const std::size_t end = quoted ? end_of_quoted(all) : all.find('@');
  if (end == 0 || end >= all.size() || all[end] != '@') return false;
  if (!quoted && !is_dot_string(all.substr(0, end))) return false;
  // A character beyond ASCII must not be quoted by a backslash.
  for (std::size_t i = 0; quoted && i + 1 < text.size(); ++i) {
    if (text[i] != '\\') continue;
    if (static_cast<unsigned char>(text[i + 1]) > 127) return false;
    ++i;
  }
  const string_view domain = all.substr(end + 1);
  const bool utf8_in_domain = text.substr(text.size() - domain.size()) != domain;
  return (is_literal(domain) && !utf8_in_domain) || is_name(domain, underscore);
}

// -- a reader of command lines --------------------------------------------------------------------

struct command_line {
  std::string path;
  std::vector<std::pair<std::string, std::optional<std::string>>> parameters;

  [[nodiscard]] const std::string* value_of(string_view keyword) const {
    for (const auto& [name, value] : parameters) {
      if (name == keyword) return value ? &*value : nullptr;
    }
    return nullptr;
  }
};

/// Reads `verb<path> KEYWORD=value ...`, strictly.
command_line read_line(string_view line, string_view verb) {
  require(line.starts_with(verb), "the verb is spelt as it is");
  line.remove_prefix(verb.size());
  require(line.starts_with('<'), "the path begins behind the colon");
  line.remove_prefix(1);
  command_line result;
  const std::size_t quoted = line.starts_with('"') ? end_of_quoted(*without_utf8(line)) : 0;
  // Characters beyond ASCII are longer than what stands for them.
  std::size_t end = quoted == 0 ? 0 : 1;
  for (; quoted != 0 && line[end] != '"'; ++end) {
    if (line[end] == '\\') ++end;
  }
  end = line.find('>', end);
  require(end != string_view::npos, "the path ends");
  result.path = line.substr(0, end);
  line.remove_prefix(end + 1);
  while (!line.empty()) {
    require(line.front() == ' ', "one blank before a parameter");
    line.remove_prefix(1);
    const string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    const string_view keyword = word.substr(0, equals);
    require(!keyword.empty() && is_letter_or_digit(keyword.front()), "a keyword (CMD-13)");
    for (const char c : keyword) require(is_letter_or_digit(c) || c == '-', "a keyword (CMD-13)");
    std::optional<std::string> value;
    if (equals != string_view::npos) {
      value = std::string(word.substr(equals + 1));
      require(!value->empty(), "a value is not empty (CMD-13)");
      // Only an original address of type utf-8 may be beyond ASCII (RFC 6533 section 3).
      const bool utf8 = keyword == "ORCPT" && is_utf8_type(value->substr(0, value->find(';')));
      for (const char c : *value) {
        const bool beyond = utf8 && static_cast<unsigned char>(c) >= 0x80;
        require(beyond || (c >= '!' && c <= '~' && c != '='), "a value (CMD-13)");
      }
    }
    for (const auto& [name, other] : result.parameters) {
      require(lower(name) != lower(keyword), "no parameter twice (CMD-13)");
    }
    result.parameters.emplace_back(keyword, std::move(value));
  }
  return result;
}

// -- the session ----------------------------------------------------------------------------------

constexpr string_view all_extensions =
    "250-mx.test\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
    "250-DELIVERBY\r\n250-MT-PRIORITY\r\n250-FUTURERELEASE 99999999 2999-12-31T23:59:59Z\r\n"
    "250-AUTH PLAIN\r\n250 XRAW\r\n";

constexpr time_point now{std::chrono::hours(1)};

/// What the session wants to write now.
std::string written(session& s) {
  std::string octets;
  for (;;) {
    const auto views = s.output(now);
    std::size_t size = 0;
    for (const bytes view : views) {
      octets.append(view.data(), view.size());
      size += view.size();
    }
    if (size == 0) return octets;
    s.sent(now, size);
  }
}

/// Its lines: each ends with CRLF, and holds no control octet and none above 127 unless that is
/// allowed.
std::vector<std::string> lines_of(string_view octets, bool utf8) {
  std::vector<std::string> lines;
  while (!octets.empty()) {
    const std::size_t end = octets.find("\r\n");
    require(end != string_view::npos, "each command ends with CRLF");
    lines.emplace_back(octets.substr(0, end));
    octets.remove_prefix(end + 2);
    for (const char c : lines.back()) {
      const auto octet = static_cast<unsigned char>(c);
      require(octet >= 0x20 && octet != 0x7F, "no control octet in a command");
      require(octet < 0x80 || utf8, "no octet above 127 without SMTPUTF8 (CMD-17)");
    }
  }
  return lines;
}

const event* completion(session& s, operation_id id) {
  while (const event* e = s.next_event()) {
    const bool done = e->what == event::kind::mail_done || e->what == event::kind::command_done;
    if (done && e->id == id) return e;
  }
  return nullptr;
}

/// A session that is ready; without a name to give, none.
std::optional<session> open(session_config config, string_view ehlo = all_extensions) {
  const std::string name = config.local_name;
  std::optional<session> s(std::in_place, std::move(config));
  s->connected(now, {"host.client.test", "192.0.2.5"});
  s->receive(now, as_bytes("220 mx.test\r\n"));
  const std::string hello = written(*s);
  if (s->closed()) {
    require(hello.empty(), "a bad name leaves no octet");
    const bool good = (is_name(name, false) || is_literal(name)) && name.size() <= 255;
    require(!good, "a good name is used (SESS-16)");
    return std::nullopt;
  }
  require(hello == "EHLO " + (name.empty() ? "host.client.test" : name) + "\r\n", "EHLO is a line");
  require(name.empty() || ((is_name(name, false) || is_literal(name)) && name.size() <= 255),
          "only a Domain or a literal is told");
  s->receive(now, as_bytes(ehlo));
  while (s->next_event() != nullptr) {
  }
  require(s->where() == phase::ready, "the session is ready");
  return s;
}

/// What is told of a fault is true of the octet that it names.
void check_fault(const path& p, path_fault fault) {
  using enum path_fault::reason;
  const string_view text = p.text();
  const auto expected = fault.why == none                  ? errc::none
                        : fault.why == line_break          ? errc::bad_argument
                        : fault.why >= local_part_too_long ? errc::address_too_long
                                                           : errc::bad_address;
  require(p.error() == expected, "the fault agrees with the error");
  if (fault.why == none) return;
  const bool at_end = fault.why == no_at || fault.why == open_quote || fault.why == no_domain;
  require(at_end ? fault.at == text.size() : fault.at < text.size(), "the fault has a place");
  const char c = at_end ? ' ' : text[fault.at];
  const bool dot = fault.why == empty_atom || fault.why == trailing_dot || fault.why == empty_label;
  require(!dot || c == '.', "the fault is a dot");
  require(fault.why != underscore || c == '_', "the fault is an underscore");
  require(fault.why != label_hyphen || c == '-', "the fault is a hyphen");
  require(fault.why != address_literal || c == '[', "the fault is a bracket");
  require(fault.why != no_local_part || text.front() == '@', "nothing stands before the at-sign");
}

void check_path(const path& p, string_view text, path_rules rules) {
  require(p.text() == text, "a path keeps its text");
  check_fault(p, find_fault(text, rules));
  if (text.empty()) return require(p.error() == errc::none, "the null path is good");
  const bool good = is_mailbox(text, rules.allow_underscore);
  if (p.error() == errc::none || p.error() == errc::address_too_long) {
    require(good, "only mailboxes are accepted (CMD-05)");
  } else {
    require(!good, "mailboxes are accepted (CMD-05)");
    const bool breaks = text.find_first_of(string_view("\r\n\0", 3)) != string_view::npos;
    require(p.error() == (breaks ? errc::bad_argument : errc::bad_address), "the reason (CMD-04)");
  }
  if (p.error() == errc::none && !rules.allow_long) {
    require(text.size() <= 254, "a path is at most 256 octets (CMD-10)");
  }
}

void check_parameters(const command_line& line, const std::vector<parameter>& raw) {
  require(line.parameters.size() >= raw.size(), "raw parameters are there");
  const std::size_t first = line.parameters.size() - raw.size();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto& [name, value] = line.parameters[first + i];
    require(name == raw[i].keyword, "raw parameters come last and as they are (CMD-15)");
    require(value.value_or("") == raw[i].value, "raw parameters come as they are");
  }
}

void check_order(const command_line& line, const std::vector<string_view>& order, std::size_t raw) {
  std::size_t at = 0;
  for (std::size_t i = 0; i + raw < line.parameters.size(); ++i) {
    while (at < order.size() && order[at] != line.parameters[i].first) ++at;
    require(at < order.size(), "the order of parameters is fixed (CMD-15)");
  }
}

void mail(decisions& d) {
  path_rules rules;
  rules.allow_underscore = d.below(2) != 0;
  rules.allow_long = d.below(2) != 0;
  const auto some_path = [&] {
    const string_view text = d.text(64);
    if (d.below(8) == 7) {
      // From parts: the local-part comes out as it is (CMD-06).
      const string_view local = d.text(16);
      const path p = path::from_parts(local, text, rules);
      const string_view all = p.text();
      require(all.ends_with("@" + std::string(text)), "the domain is kept");
      if (p.error() == errc::none && all.starts_with('"')) {
        require(!is_dot_string(local), "the least quoting (CMD-06)");
        std::string back;
        const string_view inside = all.substr(1, all.size() - text.size() - 3);
        for (std::size_t i = 0; i < inside.size(); ++i) back += inside[i += inside[i] == '\\'];
        require(back == local, "quoting can be taken back");
      }
      check_path(p, all, rules);
      return p;
    }
    path p(text, rules);
    check_path(p, text, rules);
    return p;
  };
  const auto some_raw = [&] {
    std::vector<parameter> all;
    for (unsigned n = d.below(4) == 3 ? d.below(3) : 0; n != 0; --n) {
      all.push_back({std::string(d.text(8)), std::string(d.text(12))});
    }
    return all;
  };

  envelope env;
  env.sender = some_path();
  env.parameters = some_raw();
  if (d.below(3) == 2) env.return_content = static_cast<dsn_return>(d.below(3));
  if (d.below(3) == 2) env.envelope_id = d.text(128);
  if (d.below(3) == 2) env.authenticated_sender = some_path();
  if (d.below(3) == 2) env.deliver_by = d.text(16);
  if (d.below(3) == 2) env.priority = static_cast<std::int8_t>(d.octet());
  if (d.below(4) == 3) env.hold_for = d.text(16);
  if (d.below(4) == 3) env.hold_until = d.text(32);
  for (unsigned n = 1 + d.below(3); n != 0; --n) {
    recipient to(some_path());
    if (d.below(3) == 2) to.notification = static_cast<notify>(d.below(16));
    if (d.below(3) == 2) to.original = d.text(128);
    to.parameters = some_raw();
    env.recipients.push_back(std::move(to));
  }
  env.skip_bad_recipients = d.below(2) != 0;
  session_config config;
  config.local_name = "client.test";
  config.allow_unadvertised = d.below(2) != 0;
  auto s = open(std::move(config));
  const mail_id id = s->send(env, message::own("x\r\n"));
  std::string octets = written(*s);
  if (octets.empty()) {
    const event* e = completion(*s, id);
    require(e != nullptr && e->error, "what is refused leaves no octet, and is told (CMD-04)");
    require(s->idle(), "the session can be used further");
    return;
  }
  const auto lines = lines_of(octets, true);
  require(lines.size() >= 3 && lines.size() <= env.recipients.size() + 2, "MAIL, RCPTs, DATA");
  require(lines.back() == "DATA", "DATA is last and bare (CMD-01)");
  const command_line from = read_line(lines.front(), "MAIL FROM:");
  require(env.sender.error() == errc::none, "only a good sender goes out");
  require(from.path == env.sender.text(), "the sender goes out as it is (CMD-07)");
  check_parameters(from, env.parameters);
  check_order(from,
              {"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH", "BY", "MT-PRIORITY", "HOLDFOR",
               "HOLDUNTIL"},
              env.parameters.size());
  require(lines.front().size() + 2 <= 512 + 26 + 17 + 10 + 500 + 17 + 15 + 34 + 116, "(CMD-11)");
  bool utf8 = env.sender.is_utf8();
  if (const std::string* value = from.value_of("ENVID"); value && !env.envelope_id.empty()) {
    require(xtext_decode(*value) == env.envelope_id, "ENVID means what was given (CMD-16)");
  }
  if (const std::string* value = from.value_of("AUTH"); value != nullptr && *value != "<>") {
    require(env.authenticated_sender->error() == errc::none, "a good address (AUTH-15)");
    require(xtext_decode(*value) == env.authenticated_sender->text(), "AUTH means what was given");
  }
  std::size_t next = 1;
  for (const recipient& to : env.recipients) {
    if (next + 1 == lines.size()) break;
    if (to.address.error() != errc::none || to.address.is_null()) {
      require(env.skip_bad_recipients, "a bad recipient refuses the mail (TXN-28)");
      continue;
    }
    const command_line rcpt = read_line(lines[next], "RCPT TO:");
    if (rcpt.path != to.address.text() && env.skip_bad_recipients) continue;  // bad parameters
    require(rcpt.path == to.address.text(), "each recipient goes out as it is, in order");
    utf8 |= to.address.is_utf8();
    require(lines[next].size() + 2 <= 512 + 536, "(CMD-11)");
    check_order(rcpt, {"NOTIFY", "ORCPT"}, to.parameters.size());
    check_parameters(rcpt, to.parameters);
    if (const std::string* value = rcpt.value_of("ORCPT"); value && !to.original.empty()) {
      const std::size_t semicolon = value->find(';');
      require(semicolon != std::string::npos, "ORCPT has a type");
      const std::string type = value->substr(0, semicolon);
      const string_view address = string_view(*value).substr(semicolon + 1);
      const auto decoded = is_utf8_type(type) ? unitext_decode(address) : xtext_decode(address);
      // A mailbox alone is given the type that it has (DSN-05).
      const bool ascii = without_utf8(to.original) == to.original;
      const bool alone = decoded == to.original && type == (ascii ? "rfc822" : "utf-8");
      require(decoded && (alone || type + ';' + *decoded == to.original),
              "ORCPT means what was given (CMD-16)");
    }
    if (const std::string* value = rcpt.value_of("NOTIFY")) {
      require(*value == "NEVER" || value->find("NEVER") == std::string::npos, "NEVER is alone");
    }
    ++next;
  }
  require(next + 1 == lines.size(), "no line more than was asked for (SEC-01)");
  bool declared = false;
  for (const auto& [name, value] : from.parameters) declared |= name == "SMTPUTF8" && !value;
  require(declared || !utf8, "an address beyond ASCII needs SMTPUTF8 (CMD-17)");
}

void command(decisions& d) {
  session_config config;
  config.local_name = "client.test";
  auto s = open(std::move(config));
  const unsigned which = d.below(5);
  const string_view text = d.rest();
  operation_id id = 0;
  switch (which) {
    case 0: id = s->noop(text); break;
    case 1: id = s->verify(text); break;
    case 2: id = s->expand(text); break;
    case 3: id = s->help(text); break;
    default: id = s->raw(text);
  }
  constexpr std::array<string_view, 5> verbs{"NOOP", "VRFY", "EXPN", "HELP", ""};
  const auto lines = lines_of(written(*s), which == 1 || which == 2);
  if (lines.empty()) {
    const event* e = completion(*s, id);
    require(e != nullptr && e->error, "what is refused is told");
    require(s->idle(), "the session can be used further");
    return;
  }
  std::string expected(verbs[which]);
  if (!text.empty() && which != 4) expected += ' ';
  expected += text;
  require(lines.size() == 1 && lines.front().starts_with(expected), "one line, as it was given");
  require(lines.front() == expected || lines.front() == expected + " SMTPUTF8", "and no more");
  require(lines.front().size() + 2 <= 512 + 10, "a line is at most 512 octets (CMD-11)");
  const std::string verb = lower(lines.front().substr(0, lines.front().find(' ')));
  for (const string_view own : {"mail", "rcpt", "data", "quit", "rset", "ehlo", "helo", "auth",
                                "starttls", "bdat", "send", "soml", "saml", "turn"}) {
    require(which != 4 || verb != own, "a raw line is none of the engine's own (CMD-18)");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decisions d(data, size);
  switch (d.below(4)) {
    default: mail(d); break;
    case 2: command(d); break;
    case 3: {
      session_config config;
      config.local_name = d.rest();
      (void)open(std::move(config));
    }
  }
  return 0;
}

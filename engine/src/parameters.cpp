// The values of the parameters of MAIL and RCPT, and what is done with the rows.
#include "parameters.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "ascii.hpp"
#include "line_scan.hpp"
#include "mailbox.hpp"
#include "sansmtp/parameters.hpp"
#include "sansmtp/xtext.hpp"
#include "utf8.hpp"

namespace sansmtp {
namespace detail {
namespace {

constexpr std::size_t envelope_id_limit = 100;  // encoded (DSN-04)
constexpr std::size_t original_limit = 500;     // encoded, with its type (DSN-03)
constexpr std::string_view ascii_type = "rfc822";
constexpr std::string_view utf8_type = "utf-8";

/// A word and what it stands for.
template <class T>
struct named {
  std::string_view word;
  T value;
};
constexpr named<dsn_return> returns[] = {{"FULL", dsn_return::full}, {"HDRS", dsn_return::headers}};
constexpr named<notify> notifications[] = {{"NEVER", notify::never},
                                           {"SUCCESS", notify::success},
                                           {"FAILURE", notify::failure},
                                           {"DELAY", notify::delay}};

template <class T>
const named<T>* find_word(std::span<const named<T>> words, std::string_view wanted) noexcept {
  const auto found = std::find_if(words.begin(), words.end(), [wanted](const named<T>& n) {
    return ascii::iequals(n.word, wanted);
  });
  return found == words.end() ? nullptr : &*found;
}

bool is_digits(std::string_view text, std::size_t most) noexcept {
  return !text.empty() && text.size() <= most && ascii::all_of(text, ascii::is_digit);
}

bool is_printable(char c) noexcept { return c >= ' ' && c <= '~'; }

/// BY=<±1-9 digits>;<N|R>[T]; mode R needs a time above zero (EXT-12).
bool is_deliver_by(std::string_view text) noexcept {
  const std::size_t semicolon = text.find(';');
  if (semicolon == std::string_view::npos) return false;
  std::string_view time = text.substr(0, semicolon);
  const std::string_view mode = text.substr(semicolon + 1);
  if (mode != "N" && mode != "R" && mode != "NT" && mode != "RT") return false;
  const bool negative = !time.empty() && time.front() == '-';
  if (!time.empty() && (time.front() == '-' || time.front() == '+')) time.remove_prefix(1);
  if (!is_digits(time, 9)) return false;
  const bool zero = time.find_first_not_of('0') == std::string_view::npos;
  return mode.front() == 'N' || (!negative && !zero);
}

/// A date-time in UTC, "2026-11-23T18:00:00Z", perhaps with a fraction of the second (RFC 3339).
bool is_utc_time(std::string_view text) noexcept {
  constexpr std::string_view form = "0000-00-00T00:00:00";
  if (text.size() <= form.size() || text.back() != 'Z') return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '0' ? !ascii::is_digit(text[i]) : text[i] != form[i]) return false;
  }
  const std::string_view fraction = text.substr(form.size(), text.size() - form.size() - 1);
  return fraction.empty() || (fraction.front() == '.' && is_digits(fraction.substr(1), 9));
}

/// The first of the words that an offered extension stands with, and what is behind it.
std::string_view take_word(std::string_view& words) noexcept {
  const std::string_view word = words.substr(0, words.find(' '));
  words.remove_prefix(word.size());
  words.remove_prefix(std::min(words.find_first_not_of(' '), words.size()));
  return word;
}

/// A number of 1 to 9 digits; nothing if it is none.
std::optional<std::uint32_t> number_of(std::string_view text) noexcept {
  if (!is_digits(text, 9)) return std::nullopt;
  std::uint32_t n = 0;
  for (const char c : text) n = n * 10 + static_cast<std::uint32_t>(c - '0');
  return n;
}

/// Is the one time in UTC later than the other? The zeros at the end of a fraction mean nothing.
bool is_later(std::string_view a, std::string_view b) noexcept {
  for (std::string_view* time : {&a, &b}) {
    time->remove_suffix(1);  // Z
    if (time->find('.') == std::string_view::npos) continue;
    time->remove_suffix(time->size() - 1 - time->find_last_not_of("0"));
    if (time->back() == '.') time->remove_suffix(1);
  }
  return a > b;
}

/// An address of type utf-8 (RFC 6533 section 3): characters beyond ASCII as they are if the mail
/// is one for SMTPUTF8, else as \x{HEX}, and so are blanks and the marks of the encodings.
void append_utf8_address(std::string_view address, bool as_it_is, std::string& to) {
  constexpr std::string_view marks = " +=\\";
  while (!address.empty()) {
    const utf8::character c = utf8::decode(address);
    const bool ascii = c.value < 0x80;
    if (ascii ? marks.find(address.front()) == std::string_view::npos : as_it_is) {
      to.append(address.substr(0, c.size));
    } else {
      char digits[8];
      char* end =
          std::to_chars(digits, digits + sizeof digits, static_cast<std::uint32_t>(c.value), 16)
              .ptr;
      std::transform(digits, end, digits, ascii::to_upper);
      to.append("\\x{").append(digits, end).append("}");
    }
    address.remove_prefix(c.size);
  }
}

/// Is this text beyond ASCII, but no UTF-8 or with controls in it?
bool is_bad_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const utf8::character c = utf8::decode(text);
    if (c.size == 0 || utf8::is_c1(c.value)) return true;
    text.remove_prefix(c.size);
  }
  return false;
}

/// The words of a set of notifications, with commas between (DSN-02).
template <class Text>
void append_words(notify set, Text& to) {
  bool first = true;
  for (const named<notify>& n : notifications) {
    if (!has(set, n.value)) continue;
    if (!first) to += ',';
    first = false;
    to += n.word;
  }
}

}  // namespace

// -- values of MAIL -------------------------------------------------------------------------------

errc write_ret(const envelope& env, const line_facts&, text_buffer& line) {
  line += show_ret(env);
  return errc::none;
}
std::string show_ret(const envelope& env) {
  return std::string(returns[env.return_content == dsn_return::full ? 0 : 1].word);
}
bool set_ret(envelope& env, std::string_view value, path_rules) {
  const auto* const found = find_word<dsn_return>(returns, value);
  if (found != nullptr) env.return_content = found->value;
  return found != nullptr;
}

errc write_envid(const envelope& env, const line_facts&, text_buffer& line) {
  if (!ascii::all_of(env.envelope_id, is_printable)) {
    return errc::bad_argument;
  }
  const std::string encoded = xtext_encode(env.envelope_id);
  if (encoded.size() > envelope_id_limit) return errc::bad_parameter;
  line += encoded;
  return errc::none;
}

errc write_auth(const envelope& env, const line_facts& facts, text_buffer& line) {
  const path& sender = *env.authenticated_sender;
  if (sender.error() != errc::none) return sender.error();
  if (sender.is_utf8() && !facts.peer->has(extension::smtputf8)) {
    return errc::utf8_not_offered;  // CMD-17
  }
  line += sender.is_null() ? std::string("<>") : xtext_encode(sender.text());
  return errc::none;
}
std::string show_auth(const envelope& env) {
  return env.authenticated_sender->is_null() ? "<>" : env.authenticated_sender->text();
}
bool set_auth(envelope& env, std::string_view value, path_rules rules) {
  env.authenticated_sender = value == "<>" ? path() : path(value, rules);
  return true;
}

bool set_require_tls(envelope& env, std::string_view value, path_rules) {
  if (value.empty()) env.require_tls = true;
  return value.empty();
}

errc write_by(const envelope& env, const line_facts& facts, text_buffer& line) {
  const std::string_view by = env.deliver_by;
  if (!is_deliver_by(by)) return errc::bad_parameter;
  // The least time that the server promises anything for; a mere notification needs none (EXT-12).
  const std::string_view offer = facts.peer->parameters(keyword_of(extension::deliver_by));
  const std::optional<std::uint32_t> least = number_of(offer.substr(0, offer.find_first_of(", ")));
  std::string_view time = by.substr(0, by.find(';'));
  const bool gives_up = by[time.size() + 1] == 'R';
  if (time.front() == '+') time.remove_prefix(1);
  if (gives_up && least && number_of(time) < least) return errc::parameter_out_of_range;
  line += env.deliver_by;
  return errc::none;
}

errc write_priority(const envelope& env, const line_facts&, text_buffer& line) {
  if (*env.priority < -9 || *env.priority > 9) return errc::bad_parameter;
  line += show_priority(env);
  return errc::none;
}
std::string show_priority(const envelope& env) { return std::to_string(*env.priority); }
bool set_priority(envelope& env, std::string_view value, path_rules) {
  int priority = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, problem] = std::from_chars(value.data(), end, priority);
  using bounds = std::numeric_limits<std::int8_t>;
  if (problem != std::errc() || stop != end) return false;
  if (priority < bounds::min() || priority > bounds::max()) return false;
  env.priority = static_cast<std::int8_t>(priority);
  return true;
}

errc write_hold_for(const envelope& env, const line_facts& facts, text_buffer& line) {
  // Only one of the two says when (EXT-13).
  if (!env.hold_until.empty() || !is_digits(env.hold_for, 9)) return errc::bad_parameter;
  std::string_view offer = facts.peer->parameters(keyword_of(extension::future_release));
  const std::optional<std::uint32_t> most = number_of(take_word(offer));
  if (most && number_of(env.hold_for) > most) return errc::parameter_out_of_range;
  line += env.hold_for;
  return errc::none;
}

errc write_hold_until(const envelope& env, const line_facts& facts, text_buffer& line) {
  if (!is_utc_time(env.hold_until)) return errc::bad_parameter;
  std::string_view offer = facts.peer->parameters(keyword_of(extension::future_release));
  (void)take_word(offer);
  const std::string_view last = take_word(offer);
  if (is_utc_time(last) && is_later(env.hold_until, last)) return errc::parameter_out_of_range;
  line += env.hold_until;
  return errc::none;
}

// -- values of RCPT -------------------------------------------------------------------------------

errc write_notify(const recipient& to, const line_facts&, text_buffer& line) {
  const notify n = to.notification;
  if (has(n, notify::never) && n != notify::never) return errc::bad_parameter;  // DSN-02
  append_words(n, line);
  return errc::none;
}
std::string show_notify(const recipient& to) {
  std::string words;
  append_words(to.notification, words);
  return words;
}
bool set_notify(recipient& to, std::string_view value, path_rules) {
  notify set = notify::unset;
  for (std::size_t begin = 0, end = 0; begin <= value.size(); begin = end + 1) {
    end = std::min(value.find(',', begin), value.size());
    const auto* const found = find_word<notify>(notifications, value.substr(begin, end - begin));
    if (found == nullptr) return false;
    set = set | found->value;
  }
  to.notification = set;
  return true;
}

errc write_orcpt(const recipient& to, const line_facts& facts, text_buffer& line) {
  std::string_view address = to.original;
  if (!ascii::all_of(address, [](char c) { return !ascii::is_control(c); }))
    return errc::bad_argument;
  const bool beyond_ascii = !ascii::all_of(address, ascii::is_ascii);
  std::string encoded(beyond_ascii ? utf8_type : ascii_type);
  const std::size_t semicolon = address.find(';');
  if (semicolon != std::string_view::npos && ascii::is_keyword(address.substr(0, semicolon))) {
    encoded = address.substr(0, semicolon);
    address.remove_prefix(semicolon + 1);
  } else if (check_mailbox(address, {.allow_underscore = true, .allow_long = true}).error !=
             errc::none) {
    return errc::bad_parameter;  // neither a type with an address nor a mailbox (DSN-03)
  }
  const bool utf8 = ascii::iequals(encoded, utf8_type);
  if (beyond_ascii && (is_bad_utf8(address) || ascii::iequals(encoded, ascii_type))) {
    return errc::bad_parameter;  // DSN-05
  }
  encoded += ';';
  if (utf8) {
    append_utf8_address(address, facts.utf8 && facts.peer->has(extension::smtputf8), encoded);
  } else {
    encoded += xtext_encode(address);
  }
  if (encoded.size() > original_limit) return errc::bad_parameter;
  line += encoded;
  return errc::none;
}
std::string show_orcpt(const recipient& to) { return to.original; }
bool set_orcpt(recipient& to, std::string_view value, path_rules) {
  to.original = value;
  return true;
}

// -- lines ----------------------------------------------------------------------------------------

namespace {

/// How long a line may be, its CRLF included, where all that `offered` holds for is offered.
template <class Of, std::size_t N, class Offered>
constexpr std::size_t line_limit(const std::array<parameter_row<Of>, N>& rows, Offered offered) {
  std::size_t limit = command_line_limit;
  for (const parameter_row<Of>& row : rows) {
    if (offered(row.needs)) limit += row.growth;
  }
  return limit;
}
constexpr auto always = [](extension) { return true; };
constexpr std::size_t longest_line =
    std::max(line_limit(mail_parameters, always), line_limit(rcpt_parameters, always));

bool is_value(std::string_view v) noexcept {
  return ascii::all_of(v, [](char c) { return c > 32 && c < 127 && c != '='; });
}

/// Is this parameter among those that stand behind the path already (CMD-13)?
bool holds_parameter(std::string_view written, std::string_view keyword) noexcept {
  for (std::size_t at = written.find(' '); at != std::string_view::npos;) {
    const std::size_t next = written.find(' ', at + 1);
    const std::string_view word = written.substr(at + 1, next - at - 1);
    if (ascii::iequals(word.substr(0, word.find('=')), keyword)) return true;
    at = next;
  }
  return false;
}

/// Raw parameters, last in the line (CMD-13, CMD-14). Each is compared with all before it: they are
/// few, for the line is given up where it is longer than any may be.
errc write_raw(const std::vector<parameter>& raw, const capabilities& peer, bool unadvertised,
               text_buffer& line, std::size_t begin) {
  for (const parameter& p : raw) {
    const std::string_view before = line.view(begin, line.size() - begin);
    if (before.size() > longest_line) return errc::line_too_long;
    if (!ascii::is_keyword(p.keyword) || !is_value(p.value)) return errc::bad_parameter;
    if (holds_parameter(before, p.keyword)) return errc::bad_parameter;
    if (!unadvertised && !peer.has(p.keyword)) return errc::parameter_not_offered;
    line += ' ';
    line += p.keyword;
    if (p.value.empty()) continue;
    line += '=';
    line += p.value;
  }
  return errc::none;
}

template <class Of>
written write_all(std::span<const parameter_row<Of>> rows, const Of& of, const line_facts& facts,
                  bool unadvertised, text_buffer& line, std::size_t begin) {
  written result;
  for (const parameter_row<Of>& row : rows) {
    if (!row.wanted(of, facts)) continue;
    // What is wrong at any server is said also where the parameter is not offered.
    const std::size_t before = line.size();
    begin_parameter(row, line);
    if (row.write != nullptr) result.wrong = row.write(of, facts, line);
    if (result.wrong != errc::none) return result;
    if (facts.peer->has(row.needs)) continue;
    line.cut(before);
    const bool leaves_out = row.if_lacking.what == lacking::way::warn && !facts.dsn_required;
    if (leaves_out) result.warning = row.if_lacking.warning;
    if (leaves_out || row.if_lacking.what == lacking::way::leave_out) continue;
    result.wrong = errc::parameter_not_offered;
    return result;
  }
  result.wrong = write_raw(of.parameters, *facts.peer, unadvertised, line, begin);
  return result;
}

constexpr std::span<const parameter_row<envelope>> callers_rows(const envelope&) {
  return std::span(mail_parameters).subspan(own_parameters);
}
constexpr std::span<const parameter_row<recipient>> callers_rows(const recipient&) {
  return rcpt_parameters;
}

}  // namespace

written write_parameters(const envelope& env, const line_facts& facts, bool unadvertised,
                         text_buffer& line, std::size_t begin) {
  return write_all(callers_rows(env), env, facts, unadvertised, line, begin);
}

written write_parameters(const recipient& to, const line_facts& facts, bool unadvertised,
                         text_buffer& line, std::size_t begin) {
  return write_all(callers_rows(to), to, facts, unadvertised, line, begin);
}

bool is_mail_line_too_long(std::size_t octets, const capabilities& peer) noexcept {
  const auto offered = [&peer](extension e) { return peer.has(e); };
  return octets + crlf.size() > line_limit(mail_parameters, offered);
}

bool is_rcpt_line_too_long(std::size_t octets, const capabilities& peer) noexcept {
  const auto offered = [&peer](extension e) { return peer.has(e); };
  return octets + crlf.size() > line_limit(rcpt_parameters, offered);
}

const parameter_row<envelope>* rejecting_parameter(const envelope& env,
                                                   const line_facts& facts) noexcept {
  for (const parameter_row<envelope>& row : callers_rows(env)) {
    if (row.if_lacking.what != lacking::way::reject) continue;
    if (row.wanted(env, facts) && !facts.peer->has(row.needs)) return &row;
  }
  return nullptr;
}

}  // namespace detail

// -- by name --------------------------------------------------------------------------------------

namespace {

template <class Of>
bool set_by_name(Of& of, std::string_view keyword, std::string_view value, path_rules rules) {
  for (const auto& row : detail::callers_rows(of)) {
    if (ascii::iequals(row.keyword, keyword)) return row.set(of, value, rules);
  }
  return false;
}

template <class Of>
std::vector<parameter> shown(const Of& of) {
  std::vector<parameter> all;
  for (const auto& row : detail::callers_rows(of)) {
    if (row.given(of)) all.push_back({std::string(row.keyword), row.show(of)});
  }
  return all;
}

/// What a server would say that offers all there is.
capabilities everything() {
  std::string text = "x";
  for (const auto& row : detail::mail_parameters) {
    text += '\n';
    text += keyword_of(row.needs);
  }
  capabilities all;
  all.assign(reply(250, text));
  return all;
}

}  // namespace

bool set_parameter(envelope& env, std::string_view keyword, std::string_view value,
                   path_rules rules) {
  return set_by_name(env, keyword, value, rules);
}

bool set_parameter(recipient& to, std::string_view keyword, std::string_view value) {
  return set_by_name(to, keyword, value, {});
}

std::vector<parameter> parameters_of(const envelope& env) { return shown(env); }
std::vector<parameter> parameters_of(const recipient& to) { return shown(to); }

errc check_parameters(const envelope& env) {
  const capabilities all = everything();
  const detail::line_facts facts{&all};
  detail::text_buffer line;
  errc wrong = detail::write_parameters(env, facts, true, line, 0).wrong;
  if (wrong == errc::none && detail::is_mail_line_too_long(line.size(), all)) {
    wrong = errc::line_too_long;
  }
  for (const recipient& to : env.recipients) {
    if (wrong != errc::none) break;
    line.clear();
    wrong = detail::write_parameters(to, facts, true, line, 0).wrong;
    if (wrong == errc::none && detail::is_rcpt_line_too_long(line.size(), all)) {
      wrong = errc::line_too_long;
    }
  }
  return wrong;
}

}  // namespace sansmtp

#include "sansmtp/script/parse.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

#include "cursor.hpp"
#include "numbered.hpp"
#include "opening.hpp"
#include "option_tables.hpp"
#include "statement.hpp"

namespace sansmtp::script {
namespace {

constexpr std::uint32_t max_u32 = 0xFFFFFFFF;
// All `@` together: a clock of nanoseconds holds nearly three centuries.
constexpr std::chrono::milliseconds longest_play = std::chrono::hours(24 * 365 * 100);

template <class T, std::size_t N>
const T* find(const std::array<named<T>, N>& list, std::string_view name) {
  const auto* found =
      std::find_if(list.begin(), list.end(), [&](const named<T>& n) { return n.name == name; });
  return found == list.end() ? nullptr : &found->value;
}

template <class T, std::size_t N>
T choice(cursor& c, const std::array<named<T>, N>& list, std::string_view stops = {}) {
  const std::string_view word = c.word(stops);
  const T* found = find(list, word);
  if (found == nullptr) c.fail("'" + std::string(word) + "' is not known here");
  return found == nullptr ? T{} : *found;
}

/// Input: words that stand between one separator, e.g. commas.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// -- > open -------------------------------------------------------------------------------------

/// How `auth` spells a way to authenticate: its name, and how many parts may follow it.
struct auth_form {
  std::string_view name;
  std::string_view mechanism;  // empty: all that fit, by the order of AUTH-12
  credentials::kind what;
  std::size_t fewest;
  std::size_t most;
  auth_strength minimum = auth_strength::any;
};

constexpr auto of_password = credentials::kind::password;
constexpr auto of_token = credentials::kind::token;
constexpr std::array<auth_form, 15> auth_forms{{
    {"plain", "PLAIN", of_password, 2, 3},
    {"login", "LOGIN", of_password, 2, 2},
    {"cram-md5", "CRAM-MD5", of_password, 2, 2},
    {"scram-sha-1", "SCRAM-SHA-1", of_password, 2, 3},
    {"scram-sha-1-plus", "SCRAM-SHA-1-PLUS", of_password, 2, 3},
    {"scram-sha-256", "SCRAM-SHA-256", of_password, 2, 3},
    {"scram-sha-256-plus", "SCRAM-SHA-256-PLUS", of_password, 2, 3},
    {"xoauth2", "XOAUTH2", of_token, 2, 2},
    {"oauthbearer", "OAUTHBEARER", of_token, 2, 4},
    {"external", "EXTERNAL", credentials::kind::external, 0, 1},
    {"password", {}, of_password, 2, 3},
    {"password-hidden", {}, of_password, 2, 3, auth_strength::hidden},
    {"password-mutual", {}, of_password, 2, 3, auth_strength::mutual},
    {"password-bound", {}, of_password, 2, 3, auth_strength::bound},
    {"token", {}, of_token, 2, 4},
}};

std::vector<authentication> parse_auth(cursor& c) {
  const std::string all = c.value();
  std::vector<authentication> result;
  if (c.failed()) return result;
  for (const std::string_view one : split(all, '+')) {
    const auto parts = split(one, ':');
    const auto part = [&](std::size_t i) {
      return std::string(i < parts.size() ? parts[i] : std::string_view{});
    };
    const auto* const form = std::find_if(auth_forms.begin(), auth_forms.end(),
                                          [&](const auth_form& f) { return f.name == parts[0]; });
    const std::size_t more = parts.size() - 1;
    const auto port = to_number(parts.size() > 4 ? parts[4] : std::string_view("0"));
    if (form == auth_forms.end() || more < form->fewest || more > form->most || !port ||
        *port > 65535 || !c.charge(sizeof(authentication))) {
      c.fail(
          "plain:user:password[:authzid], login:user:password, external[:authzid] or another way "
          "of the grammar is expected");
      return {};
    }
    authentication made{{}, form->mechanism, form->minimum};
    made.who.what = form->what;
    switch (form->what) {
      case credentials::kind::external: made.who.authorization_id = part(1); break;
      case credentials::kind::password: made.who.authorization_id = part(3); [[fallthrough]];
      case credentials::kind::token:
        made.who.name = part(1);
        made.who.secret = part(2);
        break;
    }
    if (form->what == of_token) {
      made.who.host = part(3);
      made.who.port = static_cast<std::uint16_t>(*port);
    }
    result.push_back(std::move(made));
  }
  return result;
}

/// `NAME=value`, separated by blanks as on the wire, the values as xtext.
void parse_attributes(cursor& c, std::vector<client_attribute>& into) {
  const std::string all = c.value_here();
  for (const std::string_view one : split(all, ' ')) {
    const std::size_t equals = std::min(one.find('='), one.size());
    const auto value = xtext_decode(one.substr(std::min(equals + 1, one.size())));
    if (equals == one.size() || !value) return c.fail("NAME=value is expected, the value as xtext");
    if (!c.charge(sizeof(client_attribute) + one.size())) return;
    into.push_back({std::string(one.substr(0, equals)), *value});
  }
}

/// Getter: the options where nothing else is said.
open_session usual_open() {
  open_session result;
  result.config.local_name = "client.test";
  return result;
}

/// `levelled`: the file says itself at which levels it is played.
open_session parse_open(cursor& c, bool levelled) {
  open_session result = usual_open();
  session_config& config = result.config;
  while (!c.at_end() && !c.failed()) {
    const std::string_view key = c.word("=");
    if (!c.take_here('=')) {
      if (const auto* flag = find(flags, key)) {
        config.*(*flag) = true;
      } else if (key == "accept_bare_lf") {
        config.limits.reply.accept_bare_lf = true;
      } else {
        c.fail("'" + std::string(key) + "' is no option without a value");
      }
    } else if (key == "local") {
      config.local_name = c.value_here();
    } else if (key == "host") {
      result.host = c.value_here();
    } else if (key == "address") {
      result.address = c.value_here();
    } else if (key == "connect") {
      constexpr std::array<named<bool>, 1> ways{{{"manual", true}}};
      result.manual = choice(c, ways);
    } else if (key == "protocol") {
      config.protocol = choice(c, mail_protocols);
    } else if (key == "tls") {
      config.tls = choice(c, tls_modes);
    } else if (key == "pipelining") {
      config.pipelining = choice(c, pipelining_levels);
      if (levelled) c.fail("'% levels' has said at which levels this is played");
    } else if (key == "line_ends") {
      config.line_ends = choice(c, line_end_policies);
    } else if (key == "auth") {
      result.auth = parse_auth(c);
    } else if (key == "ignore") {
      const std::string all = c.value_here();
      if (!c.charge(all.size() * sizeof(std::string))) break;
      for (const auto word : split(all, ',')) config.ignored_keywords.emplace_back(word);
    } else if (const auto* attributes = find(client_lists, key)) {
      parse_attributes(c, config.*(*attributes));
    } else if (key == "helo_fallback") {
      do {
        config.helo_fallback_codes.push_back(static_cast<std::uint16_t>(c.number(9999, ",")));
      } while (c.take_here(','));
    } else if (key.substr(0, 8) == "timeout.") {
      if (const auto* field = find(timeout_fields, key.substr(8))) {
        config.timeouts.*(*field) = c.duration();
      } else {
        c.fail("'" + std::string(key) + "' is no timeout");
      }
    } else if (key.substr(0, 6) == "limit.") {
      if (const auto* of_reply = find(reply_limit_fields, key.substr(6))) {
        config.limits.reply.*(*of_reply) = static_cast<std::uint32_t>(c.number(max_u32));
      } else if (const auto* field = find(limit_fields, key.substr(6))) {
        config.limits.*(*field) = static_cast<std::uint32_t>(c.number(max_u32));
      } else {
        c.fail("'" + std::string(key) + "' is no limit");
      }
    } else {
      c.fail("'" + std::string(key) + "' is no option with a value");
    }
  }
  return result;
}

// -- > send -------------------------------------------------------------------------------------

parameter parse_raw_parameter(cursor& c, std::string_view stops) {
  const std::string text = c.value_here(stops);
  const std::size_t equals = std::min(text.find('='), text.size());
  return {text.substr(0, equals), equals < text.size() ? text.substr(equals + 1) : std::string{}};
}

void parse_recipient_options(cursor& c, recipient& to) {
  while (!c.failed() && !c.take(')')) {
    const std::string_view key = c.word("=:)");
    if (key == "raw" && c.take_here(':')) {
      to.parameters.push_back(parse_raw_parameter(c, ")"));
    } else if (const std::string value = c.take_here('=') ? c.value_here(")") : std::string();
               !set_parameter(to, key, value)) {
      c.fail("NOTIFY=, ORCPT= or raw: is expected, and a value that it may have");
    }
  }
}

/// What of a mail's options is not part of the envelope, or waits for the rules that hold for it.
struct mail_options {
  path_rules rules;
  std::optional<std::string> authenticated_sender;
};

void parse_mail_options(cursor& c, send_mail& mail, mail_options& options) {
  while (!c.failed() && !c.take(']')) {
    const std::string_view key = c.word("=:]");
    if (key == "auth" && c.take_here('=')) {
      options.authenticated_sender = c.value_here("]");
    } else if (key == "raw" && c.take_here(':')) {
      mail.env.parameters.push_back(parse_raw_parameter(c, "]"));
    } else if (key == "skip_bad") {
      mail.env.skip_bad_recipients = true;
    } else if (key == "dsn_required") {
      mail.env.dsn_required = true;
    } else if (key == "binary") {
      mail.binary = true;
    } else if (key == "utf8") {
      mail.utf8_headers = true;
    } else if (key == "allow_underscore") {
      options.rules.allow_underscore = true;
    } else if (key == "allow_long") {
      options.rules.allow_long = true;
    } else if (const std::string value = c.take_here('=') ? c.value_here("]") : std::string();
               !set_parameter(mail.env, keyword_of_option(key), value)) {
      c.fail("'" + std::string(key) + "' is no option of a mail, or cannot have this value");
    }
  }
}

path make_path(const std::string& text, path_rules rules) {
  return text == "<>" ? path() : path(text, rules);
}

send_mail parse_send(cursor& c) {
  send_mail mail;
  mail.number = static_cast<std::uint32_t>(c.number(max_u32));
  if (mail.number == 0) c.fail("mails are counted from 1");
  const std::string sender = c.value();
  if (c.word() != "->") c.fail("'->' is expected");
  std::vector<std::pair<std::string, recipient>> to;
  while (!c.failed() && c.peek() != ':' && c.peek() != '[') {
    if (c.at_end()) {
      c.fail("':' and the content are expected");
      break;
    }
    number_range numbers{1, 1};
    const bool many = c.take('*');
    if (many) {
      numbers = c.range(":");
      if (!c.take_here(':')) c.fail("':' and an address with '#' for the number are expected");
    }
    const std::string pattern = c.value("(");
    recipient options;
    if (c.take_here('(')) parse_recipient_options(c, options);
    for (std::uint64_t n = numbers.first; n <= numbers.last && !c.failed(); ++n) {
      if (!c.charge(sizeof(recipient) / 4 + (many ? pattern.size() : 0))) break;
      to.emplace_back(many ? numbered(pattern, n) : pattern, options);
    }
  }
  mail_options options;
  if (c.take('[')) parse_mail_options(c, mail, options);
  mail.env.sender = make_path(sender, options.rules);
  for (auto& [text, one] : to) {
    one.address = make_path(text, options.rules);
    mail.env.recipients.push_back(std::move(one));
  }
  if (options.authenticated_sender) {
    (void)set_parameter(mail.env, "AUTH", *options.authenticated_sender, options.rules);
  }
  if (!c.take(':')) c.fail("':' and the content are expected");
  if (c.peek() == '"') {
    mail.content = c.strings();
    return mail;
  }
  constexpr std::array<named<send_mail::source>, 2> sources{{
      {"own", send_mail::source::owned},
      {"stream", send_mail::source::streamed},
  }};
  mail.from = choice(c, sources);
  if (mail.from == send_mail::source::owned) mail.content = c.strings();
  while (mail.from == send_mail::source::streamed && !c.at_end() && !c.failed()) {
    const std::string_view key = c.word("=");
    if (key == "size" && c.take_here('=')) {
      mail.size = c.number(~std::uint64_t{0});
    } else if (key == "8bit") {
      mail.eight_bit = true;
    } else {
      c.fail("size= or 8bit is expected");
    }
  }
  return mail;
}

// -- * ------------------------------------------------------------------------------------------

expected_error to_error(cursor& c, std::string_view word) {
  expected_error result;
  const std::size_t stage = std::min(word.find('('), word.size());
  result.name = word.substr(0, stage);
  if (!from_name<errc>(result.name) && !from_name<failure_category>(result.name)) {
    c.fail("'" + result.name + "' is neither an error nor a category of errors");
  }
  if (stage < word.size()) {
    const std::string_view name = word.substr(stage + 1, word.size() - stage - 2);
    result.stage = from_name<verb>(name);
    if (!result.stage || word.back() != ')') c.fail("a stage in parentheses is expected");
  }
  return result;
}

std::optional<int> to_code(std::string_view word) {
  const auto value = to_number(word);
  if (word.size() != 3 || !value) return std::nullopt;
  return static_cast<int>(*value);
}

std::optional<hint> to_hint(cursor& c, std::string_view word) {
  if (word.substr(0, 5) != "hint=") return std::nullopt;
  const auto found = from_name<hint>(word.substr(5));
  if (!found) c.fail("'" + std::string(word.substr(5)) + "' is no hint");
  return found;
}

/// Input: what may follow a kind and a number in any order that can be told apart.
void parse_event_parts(cursor& c, expected_event& e) {
  while (!c.at_end() && !c.failed()) {
    if (c.peek() == '"') {
      e.text = c.strings();
      continue;
    }
    const std::string_view word = c.word("\"");
    if (const auto code = to_code(word)) {
      e.code = code;
    } else if (const auto enhanced = parse_enhanced_status(word)) {
      e.enhanced = enhanced;
    } else if (const auto advice = to_hint(c, word)) {
      e.advice = advice;
    } else if (word == "detail=" && c.next() == '"') {
      e.detail = c.strings();
    } else if (word == "clean" && e.what == event::kind::closed) {
      e.clean = true;
    } else {
      e.error = to_error(c, word);
    }
  }
}

void parse_result(cursor& c, std::string_view item, std::vector<expected_result>& results) {
  std::uint64_t times = 1;
  if (const std::size_t star = item.find('*'); star != std::string_view::npos) {
    const auto count = to_number(item.substr(star + 1));
    if (!count || *count > 100'000) c.fail("a number of recipients is expected after '*'");
    times = count.value_or(0);
    item = item.substr(0, star);
  }
  expected_result result;
  const auto parts = split(item, ':');
  const auto became = from_name<outcome>(parts[0]);
  if (!became) c.fail("'" + std::string(parts[0]) + "' is no outcome");
  result.result = became.value_or(outcome::pending);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (const auto code = to_code(parts[i])) {
      result.code = code;
    } else if (const auto enhanced = parse_enhanced_status(parts[i])) {
      result.enhanced = enhanced;
    } else if (const auto advice = to_hint(c, parts[i])) {
      result.advice = advice;
    } else {
      result.why = to_error(c, parts[i]);
    }
  }
  if (c.failed() || !c.charge(static_cast<std::size_t>(times) * sizeof result / 8)) return;
  results.insert(results.end(), static_cast<std::size_t>(times), result);
}

void parse_mail_done(cursor& c, expected_event& e) {
  while (!c.at_end() && !c.failed()) {
    const std::string_view word = c.word();
    const std::string_view name = word.substr(0, word.find_first_of(":*("));
    if (word == "refused") {
      e.refused = true;
    } else if (from_name<outcome>(name)) {
      parse_result(c, word, e.results);
    } else if (const auto code = to_code(word)) {
      e.code = code;
    } else {
      e.error = to_error(c, word);
    }
  }
}

/// What the statements so far have given numbers to.
struct known_numbers {
  std::set<std::uint32_t> mails;
  std::uint32_t commands = 0;
};

expected_event parse_event(cursor& c, const known_numbers& known) {
  expected_event e;
  e.what = c.name<event::kind>("event");
  const auto number = [&](std::string_view stops = {}) {
    e.number = static_cast<std::uint32_t>(c.number(max_u32, stops));
    if (known.mails.count(*e.number) == 0) c.fail("there is no mail of this number yet");
  };
  switch (e.what) {
    case event::kind::sender_accepted:
    case event::kind::sender_rejected:
      number();
      parse_event_parts(c, e);
      break;
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected:
      number("[");
      if (!c.take_here('[')) c.fail("the recipient's index in brackets is expected");
      e.recipient = static_cast<std::uint32_t>(c.number(max_u32, "]"));
      if (!c.take_here(']')) c.fail("']' is expected");
      parse_event_parts(c, e);
      break;
    case event::kind::ready_for_data:
    case event::kind::chunk_released: number(); break;
    case event::kind::mail_done:
      number();
      parse_mail_done(c, e);
      break;
    case event::kind::command_done:
      if (!c.take('c')) c.fail("the command's number is expected, for example c1");
      e.number = static_cast<std::uint32_t>(c.number(max_u32));
      if (*e.number == 0 || *e.number > known.commands) {
        c.fail("there is no command of this number yet");
      }
      parse_event_parts(c, e);
      break;
    case event::kind::closed:
    case event::kind::greeted:
    case event::kind::session_failed: parse_event_parts(c, e); break;
    case event::kind::ready:
      e.nothing_offered = c.take('-');
      while (!c.at_end() && !c.failed()) {
        if (c.charge(sizeof(std::string))) e.keywords.emplace_back(c.word());
      }
      break;
    case event::kind::authenticated:
      if (!c.at_end()) e.text = c.value();
      break;
    case event::kind::warning:
      if (c.peek() == '"') {
        e.text = c.strings();
      } else if (!c.at_end()) {
        e.text = c.rest();
      }
      break;
    case event::kind::line_sent:
      if (!c.at_end()) e.text = c.strings();
      break;
    case event::kind::content_sent:
      if (!c.at_end()) e.octets = c.number(~std::uint64_t{0});
      break;
    case event::kind::reply_parsed:
      if (!c.at_end()) e.answers = c.name<verb>("verb");
      parse_event_parts(c, e);
      break;
    case event::kind::upgrade_to_tls: break;
  }
  return e;
}

// -- = ------------------------------------------------------------------------------------------

getter_check parse_check(cursor& c) {
  using what = getter_check::what;
  constexpr std::array<named<what>, 15> getters{{
      {"deadline", what::deadline},
      {"idle", what::idle},
      {"closed", what::closed},
      {"phase", what::phase_is},
      {"in_flight", what::in_flight},
      {"server_name", what::server_name},
      {"banner", what::banner},
      {"offers", what::offers},
      {"size_limit", what::size_limit},
      {"mechanisms", what::mechanisms},
      {"parameters", what::parameters},
      {"lend_error", what::lend_error},
      {"finished", what::finished},
      {"wants_read", what::wants_read},
      {"cancel_write", what::cancel_write},
  }};
  constexpr std::array<named<what>, 6> denials{{
      {"idle", what::not_idle},
      {"closed", what::not_closed},
      {"offers", what::not_offers},
      {"finished", what::not_finished},
      {"wants_read", what::not_wants_read},
      {"cancel_write", what::not_cancel_write},
  }};
  getter_check check;
  std::string_view first = c.word();
  if (first == "not") {
    check.getter = choice(c, denials);
  } else if (const auto* found = find(getters, first)) {
    check.getter = *found;
  } else {
    c.fail("'" + std::string(first) + "' cannot be checked");
  }
  const auto rest = [&]() -> std::string {
    if (c.peek() == '"') return c.strings();
    return std::string(c.at_end() ? std::string_view{} : c.rest());
  };
  switch (check.getter) {
    case what::deadline:
      if (c.peek() == 'n') {
        if (c.word() != "none") c.fail("a time or 'none' is expected");
        check.getter = what::no_deadline;
        break;
      }
      check.in = c.duration();
      if (!c.at_end()) check.stage = c.name<verb>("verb");
      break;
    case what::phase_is: {
      const std::string_view word = c.word();
      check.text = word;
      if (check.text != name_of(phase::unconnected) && check.text != name_of(phase::opening) &&
          check.text != name_of(phase::ready) && check.text != name_of(phase::quitting) &&
          check.text != name_of(phase::closed)) {
        c.fail("'" + check.text + "' is no phase");
      }
      break;
    }
    case what::in_flight:
    case what::size_limit: check.number = c.number(~std::uint64_t{0}); break;
    case what::server_name:
    case what::banner:
    case what::mechanisms: check.text = rest(); break;
    case what::offers:
    case what::not_offers: check.text = c.word(); break;
    case what::parameters:
      check.text = c.word();
      check.second = rest();
      break;
    case what::lend_error: check.text = to_string(c.name<errc>("error")); break;
    case what::no_deadline:
    case what::idle:
    case what::not_idle:
    case what::closed:
    case what::not_closed:
    case what::finished:
    case what::not_finished:
    case what::wants_read:
    case what::not_wants_read:
    case what::cancel_write:
    case what::not_cancel_write: break;
  }
  return check;
}

// -- ! ------------------------------------------------------------------------------------------

link_changes parse_link(cursor& c) {
  using what = link_changes::what;
  link_changes link;
  const std::string_view word = c.word();
  if (word == "end") {
    link.how = what::end;
  } else if (word == "reset") {
    link.how = what::reset;
  } else if (word == "sent") {
    link.how = what::sent;
    link.octets = static_cast<std::size_t>(c.number(max_u32));
  } else if (word == "write") {
    constexpr std::array<named<what>, 2> ends{{
        {"stuck", what::write_stuck},
        {"failed", what::write_failed},
    }};
    link.how = choice(c, ends);
    if (link.how == what::write_failed && !c.at_end())
      link.octets = static_cast<std::size_t>(c.number(max_u32));
  } else if (word == "tls") {
    constexpr std::array<named<what>, 3> results{{
        {"up", what::tls_up},
        {"failed", what::tls_failed},
        {"rejected", what::tls_rejected},
    }};
    link.how = choice(c, results);
    const bool up = link.how == what::tls_up;
    while (up && !c.at_end() && !c.failed()) {
      const std::string_view key = c.word("=");
      if (key == "unverified") {
        link.how = what::tls_unverified;
      } else if (key == "binding" && c.take_here('=')) {
        link.binding_type = c.value_here(":");
        if (!c.take_here(':')) c.fail("':' and the octets of the binding are expected");
        link.binding = c.value_here();
      } else {
        c.fail("'unverified', binding=TYPE:OCTETS or nothing is expected");
      }
    }
  } else if (word == "connected") {
    link.how = what::connected;
    while (!c.at_end() && !c.failed()) {
      const std::string_view key = c.word("=");
      if (key == "host" && c.take_here('=')) {
        link.host = c.value_here();
      } else if (key == "local" && c.take_here('=')) {
        link.address = c.value_here();
      } else {
        c.fail("host= or local= is expected");
      }
    }
  } else {
    c.fail("end, reset, connected, tls, sent or write is expected");
  }
  return link;
}

// -- the whole ----------------------------------------------------------------------------------

class parser {
 public:
  explicit parser(script_data& out) noexcept : out_(out) {}

  /// Input: one line; its error goes to the cursor.
  void line(cursor& c, std::uint32_t number);
  /// Command: finds the turns.
  void finish();

 private:
  void command(cursor& c);
  void ready(cursor& c);
  void directive(cursor& c);
  void levels(cursor& c);
  void octets(cursor& c, bool server);
  template <class T>
  void add(T body) {
    out_.statements.push_back({std::move(body), line_, {}});
  }

  script_data& out_;
  std::uint32_t line_ = 0;
  known_numbers known_;
  std::chrono::milliseconds passed_{0};
  bool opened_ = false;
};

void parser::line(cursor& c, std::uint32_t number) {
  line_ = number;
  if (c.at_end() || c.peek() == '#') return;
  if (!c.charge(sizeof(statement) / 8)) return;
  if (c.take('%')) return directive(c);
  const bool open_first = out_.statements.empty() && c.peek() != '>';
  const bool answers = c.peek() == 'S' || c.peek() == 'C' || c.peek() == '*';
  if (answers && !out_.levels.empty() && !out_.statements.empty() &&
      out_.statements.back().get<getter_check>() != nullptr) {
    c.fail_at(0, "with '% levels' a getter is asked when all is said: before the next > @ or !");
  }
  if (c.take('S')) {
    octets(c, true);
  } else if (c.take('C')) {
    octets(c, false);
  } else if (c.take('>')) {
    command(c);
  } else if (c.take('*')) {
    add(parse_event(c, known_));
  } else if (c.take('@')) {
    if (!c.take('+')) c.fail("'+' and a time are expected");
    const time_passes time{c.duration()};
    passed_ += time.by;
    if (passed_ > longest_play) c.fail("the transcript takes more than a century");
    add(time);
  } else if (c.take('!')) {
    link_changes link = parse_link(c);
    const bool manual = !out_.statements.empty() &&
                        out_.statements.front().get<open_session>() != nullptr &&
                        out_.statements.front().get<open_session>()->manual;
    if (link.how == link_changes::what::connected && !manual) {
      c.fail("'! connected' needs '> open connect=manual'");
    }
    add(std::move(link));
    if (out_.statements.back().is_write()) {
      out_.whole_only = true;
      if (!out_.levels.empty()) c.fail("a write depends on the level: leave out '% levels'");
    }
  } else if (c.take('=')) {
    add(parse_check(c));
  } else {
    c.fail_at(0, "a statement begins with one of S: S| C: C| C+ > * @ ! = % #");
  }
  if (open_first) c.fail_at(0, "'> open' or '> ready' must come first");
  if (!c.at_end()) {
    (void)c.word();
    c.fail("this is too much");
  }
}

void parser::directive(cursor& c) {
  const std::string_view word = c.word();
  if (!out_.statements.empty()) c.fail("directives stand before the first statement");
  if (word == "whole") {
    out_.whole_only = true;
  } else if (word == "no-faults") {
    out_.no_faults = true;
  } else if (word == "no-split") {
    out_.no_split = true;
  } else if (word == "levels") {
    levels(c);
  } else {
    c.fail("whole, no-faults, no-split or levels is expected");
  }
  if (!c.at_end()) c.fail("this is too much");
}

void parser::levels(cursor& c) {
  do {
    const pipelining_level level = choice(c, pipelining_levels);
    const bool again =
        std::find(out_.levels.begin(), out_.levels.end(), level) != out_.levels.end();
    if (again) c.fail("this level was named before");
    out_.levels.push_back(level);
  } while (!c.at_end() && !c.failed());
}

void parser::octets(cursor& c, bool server) {
  const bool ahead = !server && c.take_here('+');
  if (ahead && out_.levels.empty()) c.fail("'C+' differs by level: '% levels' is missing");
  const bool many = c.take_here('*');
  const number_range numbers = many ? c.range(":|") : number_range{1, 1};
  const bool raw = c.take_here('|');
  if (!raw && !c.take_here(':')) {
    c.fail(many ? "':' or '|' is expected" : "':', '|' or a repetition like *300: is expected");
    return;
  }
  c.take_here(' ');
  std::string text;
  if (!raw) {
    text = c.rest();
    if (!server && text == "-" && !ahead && !many) {
      add(client_writes{});
      return;
    }
    text += "\r\n";
    if (!c.charge(text.size())) return;
  } else {
    text = c.next() == '"' ? c.strings() : c.raw_rest();
    if (text.empty()) c.fail("octets are expected");
  }
  if (many) text = c.repeated(text, numbers);
  if (server) {
    add(server_says{std::move(text)});
  } else {
    add(client_writes{std::move(text), ahead});
  }
}

void parser::ready(cursor& c) {
  if (opened_ && out_.statements.size() != 1) {
    c.fail("'> ready' stands first, or directly behind '> open'");
    return;
  }
  if (!opened_) {
    add(std::make_shared<open_session>(usual_open()));
    out_.statements.back().spelt = "> open";
    opened_ = true;
  }
  const open_session& options = *out_.statements.front().get<open_session>();
  if (std::string why = why_not_ready(options); !why.empty()) c.fail(std::move(why));
  std::vector<std::string> offers;
  while (!c.at_end() && !c.failed()) {
    offers.push_back(c.peek() == '"' ? c.one_string() : std::string(c.word()));
    if (!is_offer(offers.back()))
      c.fail("a keyword of EHLO is expected, or a string of printable octets");
    (void)c.charge(sizeof(statement) / 4);
  }
  constexpr std::size_t statements_of_an_opening = 6;
  if (c.failed() || !c.charge(statements_of_an_opening * sizeof(statement) / 8)) return;
  for (statement& s : opening_of(options, offers, line_)) out_.statements.push_back(std::move(s));
}

void parser::command(cursor& c) {
  using what = simple_command::what;
  constexpr std::array<named<what>, 10> commands{{
      {"hello", what::hello},
      {"noop", what::noop},
      {"reset", what::reset},
      {"verify", what::verify},
      {"expand", what::expand},
      {"help", what::help},
      {"raw", what::raw},
      {"quit", what::quit},
      {"quit_now", what::quit_now},
      {"abort", what::abort},
  }};
  const std::string_view word = c.word();
  if (word == "ready") return ready(c);
  if (opened_ != (word != "open")) {
    c.fail(opened_ ? "only one '> open' is allowed" : "'> open' or '> ready' must come first");
    return;
  }
  opened_ = true;
  if (word == "open") {
    add(std::make_shared<open_session>(parse_open(c, !out_.levels.empty())));
  } else if (word == "send") {
    send_mail mail = parse_send(c);
    if (!c.failed() && !known_.mails.insert(mail.number).second) {
      c.fail_at(0, "this number has been given to another mail");
    }
    add(std::move(mail));
  } else if (word == "lend") {
    lend_chunk chunk{c.strings(), false};
    if (!c.at_end()) {
      chunk.last = c.word() == "last";
      if (!chunk.last) c.fail("'last' or nothing is expected");
    }
    add(std::move(chunk));
  } else if (word == "cancel") {
    const auto number = static_cast<std::uint32_t>(c.number(max_u32));
    if (known_.mails.count(number) == 0) c.fail("there is no mail of this number yet");
    add(cancel_mail{number});
  } else if (word == "auth") {
    ++known_.commands;
    add(authenticate_now{parse_auth(c)});
  } else if (const what* found = find(commands, word)) {
    simple_command command{*found, {}};
    const bool has_argument = command.command == what::noop || command.command == what::verify ||
                              command.command == what::expand || command.command == what::help ||
                              command.command == what::raw;
    if (has_argument && !c.at_end()) command.argument = c.peek() == '"' ? c.strings() : c.rest();
    if (command.command != what::quit && command.command != what::quit_now &&
        command.command != what::abort) {
      ++known_.commands;
    }
    add(std::move(command));
  } else {
    c.fail("'" + std::string(word) + "' is no command");
  }
}

void parser::finish() {
  const auto& all = out_.statements;
  for (std::size_t i = 0; i < all.size();) {
    turn t{i, i + 1, 0};
    // Commands are given together, and so do replies arrive; all else happens alone.
    while (t.expectations < all.size() &&
           ((all[i].is_command() && all[t.expectations].is_command()) ||
            (all[i].is_server() && all[t.expectations].is_server()))) {
      ++t.expectations;
    }
    t.end = t.expectations;
    while (t.end < all.size() && all[t.end].is_expectation()) ++t.end;
    out_.turns.push_back(t);
    i = t.end;
  }
}

}  // namespace

std::variant<transcript, parse_error> parse(std::string_view text, std::string name,
                                            hash_suite* suite) {
  auto data = std::make_shared<script_data>();
  data->name = std::move(name);
  data->suite = suite;
  if (text.size() > max_transcript_octets) {
    return parse_error{data->name, 1, 1, "the transcript is too long"};
  }
  std::size_t budget = max_transcript_octets;
  parser p(*data);
  std::uint32_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    cursor c(line, budget);
    if (c.charge(sizeof(std::string) / 4)) p.line(c, number + 1);
    ++number;
    if (c.failed()) return parse_error{data->name, number, c.column(), c.problem()};
    data->lines.emplace_back(line);
  }
  if (data->statements.empty()) {
    return parse_error{data->name, std::max(number, 1U), 1, "there is no statement"};
  }
  p.finish();
  return transcript(std::move(data));
}

}  // namespace sansmtp::script

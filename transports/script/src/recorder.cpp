// Only inputs are kept as they come. What the engine writes and tells in answer is what a play of
// them shows, so `bless` writes it down: then a transcript that was recorded holds by its making,
// and what is compared is how the mails and the session ended, then and in the play.
#include "sansmtp/script/recorder.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "numbered.hpp"
#include "octet_text.hpp"
#include "option_tables.hpp"
#include "sansmtp/script/parse.hpp"
#include "sansmtp/script/play.hpp"
#include "seen_event.hpp"

namespace sansmtp::script {
namespace {

using std::string;
using std::string_view;

// A challenge is masked in events; this is base64 of as many asterisks.
constexpr string_view some_challenge = "334 KioqKg==";
// How much later than it came a passed deadline is written down: the timer started when the command
// was formatted, a little before the event that told of it.
constexpr std::chrono::milliseconds past_deadline{10};
// Lines of replaced content.
constexpr std::size_t filler_line = 76;
// Replaced content of all mails together. It stands in a transcript twice, as what is sent and as
// what is written, and must expand to less than a reader takes.
constexpr std::uint64_t most_filler = max_transcript_octets / 3;

/// Getter: the text as a word of a statement, as a string if it must be.
string word(string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           string_view("@.-_+;/").find(c) != string_view::npos;
  });
  return plain && text != "->" ? string(text) : '"' + escape(text) + '"';
}

template <class T, std::size_t N>
string_view name_of(const std::array<named<T>, N>& table, const T& value) {
  for (const named<T>& row : table) {
    if (row.value == value) return row.name;
  }
  return {};
}

// -- > open ---------------------------------------------------------------------------------------

/// Getter: the options that differ from the defaults.
string open_statement(const session_config& config, const endpoint_info& local,
                      string_view mechanisms) {
  const session_config defaults;
  string out = "> open local=" + word(config.local_name);
  const auto add = [&](string_view key, const string& value) {
    out.append(" ").append(key).append("=").append(value);
  };
  if (!local.host_name.empty()) add("host", word(local.host_name));
  if (!local.local_address.empty()) add("address", word(local.local_address));
  if (config.protocol != defaults.protocol) {
    add("protocol", string(name_of(mail_protocols, config.protocol)));
  }
  if (config.tls != defaults.tls) add("tls", string(name_of(tls_modes, config.tls)));
  if (config.pipelining != defaults.pipelining) {
    add("pipelining", string(name_of(pipelining_levels, config.pipelining)));
  }
  if (config.line_ends != defaults.line_ends) {
    add("line_ends", string(name_of(line_end_policies, config.line_ends)));
  }
  for (const auto& [name, field] : timeout_fields) {
    if (config.timeouts.*field == defaults.timeouts.*field) continue;
    add("timeout." + string(name), std::to_string((config.timeouts.*field).count()) + "ms");
  }
  for (const auto& [name, field] : reply_limit_fields) {
    if (config.limits.reply.*field == defaults.limits.reply.*field) continue;
    add("limit." + string(name), std::to_string(config.limits.reply.*field));
  }
  for (const auto& [name, field] : limit_fields) {
    if (config.limits.*field == defaults.limits.*field) continue;
    add("limit." + string(name), std::to_string(config.limits.*field));
  }
  const auto join = [](const auto& list, const auto& spell) {
    string all;
    for (const auto& one : list) all += (all.empty() ? "" : ",") + spell(one);
    return all;
  };
  if (!config.ignored_keywords.empty()) {
    add("ignore", word(join(config.ignored_keywords, [](const string& k) { return k; })));
  }
  if (!config.helo_fallback_codes.empty()) {
    add("helo_fallback",
        join(config.helo_fallback_codes, [](std::uint16_t code) { return std::to_string(code); }));
  }
  for (const auto& [name, list] : client_lists) {
    string all;
    for (const client_attribute& one : config.*list) {
      all += (all.empty() ? "" : " ") + one.name + '=' + xtext_encode(one.value);
    }
    if (!all.empty()) add(name, '"' + escape(all) + '"');
  }
  if (config.limits.reply.accept_bare_lf) out += " accept_bare_lf";
  for (const auto& [name, field] : flags) {
    // That it was traced is how it came to be recorded, and shows nothing.
    if (config.*field && name != "trace") out.append(" ").append(name);
  }
  if (!mechanisms.empty()) add("auth", '"' + escape(mechanisms) + '"');
  return out;
}

// -- > send ---------------------------------------------------------------------------------------

string parameter_text(const parameter& p) {
  return "raw:" + word(p.value.empty() ? p.keyword : p.keyword + '=' + p.value);
}

/// Getter: a parameter that a field of the envelope stands for, as an option.
string option_text(string_view keyword, string_view value) {
  string text(keyword);
  if (value.empty()) return text;
  // A list of words and the null path are no strings either.
  const bool plain =
      value == "<>" || value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ,") == string_view::npos;
  return text + '=' + (plain ? string(value) : word(value));
}

/// Getter: the option of `> send` that stands for a parameter of MAIL.
string option_of(string_view keyword) {
  if (keyword == keyword_of_option("priority")) return "priority";
  string option(keyword);
  for (char& c : option) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return option;
}

string path_text(const path& p) { return p.is_null() ? "<>" : word(p.text()); }

/// Which rules were relaxed for a path to be good?
path_rules rules_of(const path& p) {
  path_rules rules;
  if (p.error() != errc::none) return rules;
  for (bool path_rules::*rule : {&path_rules::allow_underscore, &path_rules::allow_long}) {
    if (path(p.text(), rules).error() == errc::none) break;
    rules.*rule = true;
  }
  return rules;
}

/// Getter: what stands in parentheses behind an address; empty if there is nothing.
string recipient_options_text(const recipient& to) {
  string options;
  const auto add = [&](const string& text) { options += (options.empty() ? "" : " ") + text; };
  for (const auto& [keyword, value] : parameters_of(to)) add(option_text(keyword, value));
  for (const parameter& p : to.parameters) add(parameter_text(p));
  return options.empty() ? options : '(' + options + ')';
}

/// Getter: all recipients, those that differ by a number only as one: `*300:r#@b.test`.
string recipients_text(const std::vector<recipient>& all) {
  std::vector<string> addresses;
  std::vector<string> options;
  for (const recipient& to : all) {
    addresses.push_back(path_text(to.address));
    options.push_back(recipient_options_text(to));
  }
  const std::vector<string_view> views(addresses.begin(), addresses.end());
  run_finder runs(views);
  string out;
  std::size_t same = 0;  // up to here the options are those of the one at hand
  for (std::size_t i = 0; i < all.size();) {
    const auto run = runs.at(i);
    const std::size_t count = run ? static_cast<std::size_t>(run->numbers.count()) : 1;
    if (same <= i) {
      same = i + 1;
      while (same < all.size() && options[same] == options[i]) ++same;
    }
    const bool alike = i + count <= same;
    // Digits of an escape are no numbers.
    const bool folds = run && alike && run->pattern.find('\\') == string::npos;
    out += folds ? " *" + to_string(run->numbers) + ':' + run->pattern : ' ' + addresses[i];
    out += options[i];
    i += folds ? count : 1;
  }
  return out;
}

string mail_options_text(const envelope& env, const message& content) {
  string options;
  const auto add = [&](const string& text) { options += (options.empty() ? "" : " ") + text; };
  for (const auto& [keyword, value] : parameters_of(env)) {
    add(option_text(option_of(keyword), value));
  }
  for (const parameter& p : env.parameters) add(parameter_text(p));
  if (env.dsn_required) add("dsn_required");
  if (env.skip_bad_recipients) add("skip_bad");
  if (content.is_binary()) add("binary");
  if (content.has_utf8_headers()) add("utf8");
  path_rules rules = rules_of(env.sender);
  for (const recipient& to : env.recipients) {
    const path_rules more = rules_of(to.address);
    rules.allow_underscore |= more.allow_underscore;
    rules.allow_long |= more.allow_long;
  }
  if (rules.allow_underscore) add("allow_underscore");
  if (rules.allow_long) add("allow_long");
  return options.empty() ? options : '[' + options + "] ";
}

/// Getter: content of the same size on the wire, and with octets above 127 if it had some.
string filler(const content_facts& facts) {
  const std::size_t line = filler_line + 2;
  const auto size = static_cast<std::size_t>(facts.size);
  string rest = facts.eight_bit ? "\xC3\xA9" : "";
  const std::size_t lines = (size - rest.size() - 2) / line;
  rest.append(size - lines * line - rest.size() - 2, 'x');
  return '"' + string(filler_line, 'x') + "\\r\\n\"*" + std::to_string(lines) + " \"" +
         escape(rest) + "\\r\\n\"";
}

// -- how it ended ---------------------------------------------------------------------------------

/// Getter: octets that the engine refuses for this reason, if the excerpt alone does not show it.
string offending_octets(errc why, string_view excerpt, const reply_limits& limits) {
  string octets(excerpt);
  switch (category_of(why)) {
    case failure_category::limit:
      if (why == errc::reply_line_too_long) return "250 " + string(limits.line, 'x');
      octets.clear();
      for (std::uint32_t i = 0; i <= limits.lines; ++i) octets += "250-x\r\n";
      return octets;
    case failure_category::protocol:
      // The lines before are not told; any other code makes the same mistake.
      if (why == errc::mixed_reply_codes)
        octets.insert(0, excerpt[0] == '2' ? "550-\r\n" : "250-\r\n");
      return octets;
    case failure_category::none:
    case failure_category::reply:
    case failure_category::closing:
    case failure_category::connection_lost:
    case failure_category::timeout:
    case failure_category::tls:
    case failure_category::auth:
    case failure_category::local:
    case failure_category::aborted: break;
  }
  return octets;
}

string masked_mechanisms(string_view mechanisms) {
  string out;
  int part = 0;
  for (const char c : mechanisms) {
    if (c == ':' && ++part == 2) out += ":masked";
    if (c == '+') part = 0;
    if (part != 2) out += c;
  }
  return out;
}

}  // namespace

struct recorder::impl {
  session_config config;
  string host;
  string address;
  recorder_options options;
  time_point start;
  time_point now;                     // of the last input
  std::chrono::milliseconds told{0};  // of it, in `@` statements so far

  string comments;
  string mechanisms;  // of the opening
  std::vector<string> statements;
  bool server_spoke = false;  // is the last statement one of the server's?
  bool wrote = false;         // did the engine write since?
  bool tls_wanted = false;
  bool begun = false;  // was there an event yet?
  bool ready = false;
  bool closed = false;
  std::uint32_t mails = 0;
  std::uint64_t filler_left = most_filler;
  std::vector<std::pair<operation_id, string>> ends;  // how each mail ended
  string end;                                         // how the session did

  /// Makes replaced content short enough, so that more of it may follow. Returns what to say of it.
  string fit(content_facts& facts, std::uint32_t number) {
    const std::uint64_t size = facts.size;
    facts.size = std::min(size, std::max(filler_left / 2, std::uint64_t{2} * filler_line));
    filler_left -= std::min(filler_left, facts.size);
    const string mail = "The content of mail " + std::to_string(number);
    if (facts.size == size) return mail + " is replaced by as many octets.";
    return mail + ", " + std::to_string(size) + " octets, is replaced by " +
           std::to_string(facts.size) + ", since a transcript holds no more.";
  }

  void pass(time_point at) {
    if (at > now) now = at;
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - start);
    if (since <= told) return;
    add("@ +" + std::to_string((since - told).count()) + "ms");
    told = since;
  }
  void add(string statement) {
    statements.push_back(std::move(statement));
    server_spoke = false;
  }
  void add_command(time_point at, const string& text) {
    pass(at);
    // Commands that stand together are given together: those between which it wrote were not.
    if (wrote) add("C: -");
    wrote = false;
    add("> " + text);
  }
  /// Octets of the server; a line that says nothing keeps those apart between which the engine
  /// wrote.
  void add_octets(string_view octets) {
    if (server_spoke && wrote) add("C: -");
    for (string& line : to_statements('S', octets)) statements.push_back(std::move(line));
    server_spoke = true;
    wrote = false;
  }

  void infer_mechanism(string_view line);
  void add_reply(const event& e);
  void add_end(const event& e);
  [[nodiscard]] string inputs(string_view directives) const;
};

/// Who was not told what the user authenticates with sees it in the line.
void recorder::impl::infer_mechanism(string_view line) {
  if (ready || !mechanisms.empty() || !line.starts_with("AUTH ")) return;
  for (const char c : line.substr(5, line.substr(5).find(' '))) {
    mechanisms += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (mechanisms != "external") mechanisms += ":user:masked";
}

void recorder::impl::add_reply(const event& e) {
  const bool challenge =
      (e.answers == verb::auth || e.answers == verb::auth_cancel) && e.answer.code() == 334;
  if (challenge) return add_octets(string(some_challenge) + "\r\n");
  string octets;
  const std::size_t lines = e.answer.line_count();
  for (std::size_t i = 0; i < lines; ++i) {
    const string_view text = e.answer.line(i);
    const bool last = i + 1 == lines;
    octets += std::to_string(e.answer.code());
    if (!last || !text.empty()) octets += last ? ' ' : '-';
    octets.append(text).append("\r\n");
  }
  add_octets(octets);
}

/// What made the session end, if it was not a reply.
void recorder::impl::add_end(const event& e) {
  const errc why = condition_of(e.error);
  switch (e.category) {
    case failure_category::protocol:
    case failure_category::limit:
      // What came is known as a reply, if it was one.
      if (why == errc::unexpected_reply || why == errc::contradictory_reply ||
          (why == errc::unsolicited_reply && server_spoke && e.excerpt.empty())) {
        break;
      }
      add_octets(offending_octets(why, e.excerpt, config.limits.reply));
      break;
    case failure_category::connection_lost:
      if (!e.excerpt.empty()) add_octets(e.excerpt);
      add(why == errc::connection_lost || why == errc::handshake_lost ? "! end" : "! reset");
      break;
    case failure_category::timeout:
      told += past_deadline;
      add("@ +" + std::to_string(past_deadline.count()) + "ms");
      break;
    case failure_category::aborted:
      if (statements.empty() || statements.back() != "> abort") add("> abort");
      break;
    case failure_category::tls:
      if (why == errc::tls_too_weak) add("! tls rejected");
      if (tls_wanted && why != errc::tls_too_weak) add("! tls failed");
      break;
    case failure_category::none:
    case failure_category::reply:
    case failure_category::closing:
    case failure_category::auth:
    case failure_category::local: break;
  }
}

string recorder::impl::inputs(string_view directives) const {
  string out(directives);
  out += open_statement(config, {host, address}, mechanisms) + '\n';
  for (const string& s : statements) out += s + '\n';
  return out;
}

recorder::recorder(time_point now, const session_config& config, const endpoint_info& local,
                   recorder_options options)
    : impl_(std::make_unique<impl>()) {
  impl_->config = config;
  impl_->host = local.host_name;
  impl_->address = local.local_address;
  impl_->options = options;
  impl_->start = impl_->now = now;
}

recorder::recorder(recorder&&) noexcept = default;
recorder& recorder::operator=(recorder&&) noexcept = default;
recorder::~recorder() = default;

void recorder::comment(string_view text) { impl_->comments += "# " + printable(text) + '\n'; }

void recorder::send(time_point now, const envelope& env, const message& content) {
  const std::uint32_t number = ++impl_->mails;
  string s = "send " + std::to_string(number) + ' ' + path_text(env.sender) + " ->";
  s += recipients_text(env.recipients);
  s += ' ' + mail_options_text(env, content) + ": ";
  if (content.is_streamed()) {
    s += "stream";
    if (content.declared_size()) s += " size=" + std::to_string(*content.declared_size());
    if (content.is_eight_bit()) s += " 8bit";
  } else {
    const bytes octets = content.content();
    content_facts facts = scan_content(octets, impl_->config.line_ends);
    if (octets.size() > impl_->options.longest_content && facts.problem == errc::none) {
      comment(impl_->fit(facts, number));
      s += filler(facts);
    } else {
      s += '"' + escape(as_text(octets)) + '"';
    }
  }
  impl_->add_command(now, s);
}

void recorder::lend(time_point now, bytes chunk, bool last) {
  impl_->add_command(now, "lend \"" + escape(as_text(chunk)) + '"' + (last ? " last" : ""));
}

void recorder::cancel(time_point now, std::uint32_t number) {
  impl_->add_command(now, "cancel " + std::to_string(number));
}

void recorder::authenticate(time_point now, string_view mechanisms) {
  const string masked = masked_mechanisms(mechanisms);
  if (!impl_->begun && impl_->mechanisms.empty()) {
    impl_->mechanisms = masked;
  } else {
    impl_->add_command(now, "auth \"" + escape(masked) + '"');
  }
}

void recorder::command(time_point now, string_view text) {
  impl_->add_command(now, printable(text));
}

void recorder::tls_established(time_point now, const tls_info& info) {
  impl_->pass(now);
  impl_->add(info.verified ? "! tls up" : "! tls up unverified");
  impl_->tls_wanted = false;
}

void recorder::take(time_point now, const event& e) {
  impl& r = *impl_;
  r.begun = true;
  if (r.closed) return;
  const bool input = e.what == event::kind::reply_parsed || e.what == event::kind::closed;
  // Without a word about it, TLS is up once something happens inside.
  if (r.tls_wanted && e.tls && e.category != failure_category::tls) {
    r.pass(now);
    r.add("! tls up");
    r.tls_wanted = false;
  }
  if (input && now > r.now) r.pass(now);
  switch (e.what) {
    case event::kind::reply_parsed: r.add_reply(e); break;
    case event::kind::line_sent:
      // The name that the adapter found for this host.
      if (r.config.local_name.empty() &&
          (e.answers == verb::ehlo || e.answers == verb::helo || e.answers == verb::lhlo)) {
        r.config.local_name = e.command.substr(std::min<std::size_t>(5, e.command.size()));
      }
      if (e.answers == verb::auth) r.infer_mechanism(e.command);
      r.wrote = true;
      break;
    case event::kind::content_sent: r.wrote = true; break;
    case event::kind::upgrade_to_tls: r.tls_wanted = true; break;
    case event::kind::mail_done: r.ends.emplace_back(e.id, to_statement(see(e, 1, {}))); break;
    case event::kind::closed:
      // A server that was told no name says nothing about it: any will do.
      if (r.config.local_name.empty() && r.host.empty() && r.address.empty() &&
          condition_of(e.error) != errc::no_local_name) {
        r.config.local_name = "client.test";
      }
      r.add_end(e);
      r.closed = true;
      r.end = to_statement(see(e, 0, {}));
      break;
    case event::kind::ready: r.ready = true; break;
    case event::kind::greeted:
    case event::kind::authenticated:
    case event::kind::session_failed:
    case event::kind::sender_accepted:
    case event::kind::sender_rejected:
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected:
    case event::kind::ready_for_data:
    case event::kind::chunk_released:
    case event::kind::command_done:
    case event::kind::warning: break;
  }
}

string recorder::text() const {
  const impl& r = *impl_;
  string directives;
  string inputs = r.inputs(directives);
  string blessed;
  const auto bless_inputs = [&] {
    const auto parsed = parse(inputs, "recorded");
    if (const auto* error = std::get_if<parse_error>(&parsed)) return to_string(*error);
    blessed = bless(std::get<transcript>(parsed));
    return string();
  };
  if (const string problem = bless_inputs(); !problem.empty()) {
    return r.comments + "# This cannot be played: " + printable(problem) + '\n' + inputs;
  }
  // A server that hangs up instead of answering QUIT ends the session without a failure.
  if (r.closed && blessed.find("\n* closed") == string::npos) {
    inputs += "! end\n";
    (void)bless_inputs();
  }

  const auto parsed = parse(blessed, "recorded");
  const auto* played = std::get_if<transcript>(&parsed);
  // Replies that came too early may mean another thing in other pieces.
  for (const mode how : {mode::octets, mode::splits}) {
    if (played == nullptr || !directives.empty() || play(*played, how).ok()) continue;
    directives = "% no-split\n";
  }

  // The mails in the order in which they were given, which is that of their ids.
  auto ends = r.ends;
  std::sort(ends.begin(), ends.end());
  std::vector<string> expected;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const string kind = "* mail_done ";
    expected.push_back(kind + std::to_string(i + 1) + ends[i].second.substr(kind.size() + 1));
  }
  if (r.closed) expected.push_back(r.end);
  string difference;
  for (const string& line : expected) {
    if (('\n' + blessed).find('\n' + line + '\n') == string::npos)
      difference += "#   " + line + '\n';
  }
  if (!difference.empty()) difference.insert(0, "# When it was recorded it ended otherwise:\n");
  return r.comments + difference + directives + blessed;
}

}  // namespace sansmtp::script

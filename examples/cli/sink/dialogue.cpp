#include "sink/dialogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "sink/text.hpp"

namespace sansmtp::cli::serving {
namespace {

using stage = sink::stage;

/// The longest command line with its CRLF. RFC 5321 section 4.5.3.1.4 asks for 512, the parameters
/// of DSN and SMTPUTF8 for more.
constexpr std::size_t line_limit = 2048;

/// The longest line within AUTH (RFC 4954 section 4).
constexpr std::size_t auth_line_limit = 12288;

/// The longest XCLIENT or XFORWARD line with its CRLF.
constexpr std::size_t proxy_line_limit = 512;

/// After so many logins that failed a connection gets no further one: who guesses passwords has to
/// come again for each few of them (RFC 4954 section 4).
constexpr int most_failed_logins = 3;

constexpr std::string_view no_argument = "501 5.5.4 no argument allowed";

std::string mechanisms_of(const sink::options& options) {
  std::string shown;
  for (const std::string_view name : server_auth::mechanisms()) {
    const auto& wanted = options.mechanisms;
    if (wanted.empty() ||
        std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return same(w, name); })) {
      shown += fmt::format(" {}", name);
    }
  }
  return shown;
}

}  // namespace

surroundings::surroundings(sink::options wanted)
    : options(std::move(wanted)), offered(options), mechanisms(mechanisms_of(options)) {
  if (options.tls != sink::tls_use::never) {
    tls = server_tls_context::make(options.certificate_file, options.key_file);
  }
}

// -- the session ----------------------------------------------------------------------------------

void dialogue::begin() {
  if (interrupts(stage::connect)) return;
  if (all_.options.tls == sink::tls_use::implicit) {
    tls_ = all_.tls->accept();
  } else {
    welcome();
  }
}

void dialogue::welcome() {
  const std::string_view usual =
      all_.options.lmtp ? "220 localhost LMTP sansmtp sink" : "220 localhost ESMTP sansmtp sink";
  refused_ = answer(stage::greeting, usual) != '2';
}

void dialogue::receive(std::string_view octets) {
  if (tls_) {
    decrypt(octets);
  } else {
    process(octets);
  }
}

void dialogue::decrypt(std::string_view input) {
  if (!secure_ && interrupts(stage::handshake)) return;
  std::string plain;
  const server_tls::state state = tls_->receive(input, plain, output_);
  const bool up = state == server_tls::state::open || !plain.empty();
  if (up && !std::exchange(secure_, true)) {
    ++all_.totals.handshakes;
    if (all_.options.tls == sink::tls_use::implicit) welcome();
  }
  process(plain);
  // After a close_notify there is nothing more to come; what is owed may still be read.
  if (state == server_tls::state::ended || state == server_tls::state::failed) {
    if (state_ == life::open) state_ = life::closing;
  }
}

void dialogue::process(std::string_view input) {
  while (!input.empty() && state_ == life::open) {
    // What came behind STARTTLS in the same read can only be a handshake.
    if (tls_ && !secure_) return decrypt(input);
    std::size_t used = 0;
    switch (next_) {
      case phase::commands:
      case phase::auth: used = take_line(input); break;
      case phase::data: used = take_data(input); break;
      case phase::chunk: used = take_chunk(input); break;
    }
    input.remove_prefix(used);
  }
}

std::size_t dialogue::take_line(std::string_view input) {
  const std::size_t lf = input.find('\n');
  const std::size_t used = lf == std::string_view::npos ? input.size() : lf + 1;
  std::string_view line = input.substr(0, used);
  const std::size_t limit = next_ == phase::auth ? auth_line_limit : line_limit;
  if (line_.size() + line.size() > limit) line_too_long_ = true;
  if (lf == std::string_view::npos) {
    if (!line_too_long_) line_.append(line);
    return used;
  }
  if (line_too_long_) {
    next_ = phase::commands;
    say("500 5.5.2 line too long");
  } else {
    if (!line_.empty()) line = line_.append(line);
    take_command(line);
  }
  line_.clear();
  line_too_long_ = false;
  return used;
}

void dialogue::take_command(std::string_view line) {
  if (!line.ends_with("\r\n")) return say("500 5.5.2 line does not end in CRLF");
  line.remove_suffix(2);
  if (next_ == phase::auth) {
    if (line != "*") return go_on(auth_->answer(line));
    next_ = phase::commands;
    return say("501 5.7.0 login cancelled");
  }
  if (std::any_of(line.begin(), line.end(), is_control)) {
    return say("500 5.5.2 control character in command");
  }
  const bool bare = line.find(' ') == std::string_view::npos;
  std::string_view argument = line;
  const std::string_view verb = take(argument, ' ');
  if (same(verb, "QUIT")) {
    answer(stage::quit, bare ? "221 2.0.0 goodbye" : no_argument);
    if (bare && state_ == life::open) {
      state_ = life::closing;
      parting_ = true;
    }
  } else if (refused_) {
    say("503 5.5.1 no service here");
  } else if (!take_session_command(verb, argument, bare) &&
             !take_mail_command(verb, argument, bare)) {
    say("500 5.5.2 unknown command");
  }
}

/// Returns whether the verb is known.
bool dialogue::take_session_command(std::string_view verb, std::string_view argument, bool bare) {
  const auto is = [verb](std::string_view name) { return same(verb, name); };
  if (is("LHLO") && all_.options.lmtp) {
    hello(argument, true);
  } else if (is("EHLO") || is("HELO")) {
    if (all_.options.lmtp) {
      say("500 5.5.1 this is LMTP, say LHLO");
    } else {
      hello(argument, is("EHLO"));
    }
  } else if (is("STARTTLS") && offers_tls()) {
    start_tls(bare ? std::string_view{} : no_argument);
  } else if (is("AUTH") && !all_.options.user.empty() && all_.offered.has("AUTH")) {
    authenticate(argument);
  } else if (is("XCLIENT") && all_.offered.has("XCLIENT")) {
    proxy(argument, "XCLIENT");
  } else if (is("XFORWARD") && all_.offered.has("XFORWARD")) {
    proxy(argument, "XFORWARD");
  } else if (is("NOOP")) {
    say("250 2.0.0 ok");
  } else if (is("VRFY") || is("EXPN")) {
    say(argument.empty() ? "501 5.5.4 argument needed" : "252 2.0.0 send mail and see");
  } else if (is("HELP")) {
    say("214 2.0.0 see RFC 5321");
  } else {
    return false;
  }
  return true;
}

/// Returns whether the verb is known.
bool dialogue::take_mail_command(std::string_view verb, std::string_view argument, bool bare) {
  const auto is = [verb](std::string_view name) { return same(verb, name); };
  if (is("MAIL")) {
    mail(argument);
  } else if (is("RCPT")) {
    recipient(argument);
  } else if (is("DATA")) {
    data(bare ? std::string_view{} : no_argument);
  } else if (is("BDAT") && all_.offered.has("CHUNKING")) {
    chunk(argument);
  } else if (is("RSET")) {
    if (answer(stage::rset, bare ? "250 2.0.0 reset" : no_argument) == '2') reset_transaction();
  } else {
    return false;
  }
  return true;
}

void dialogue::hello(std::string_view argument, bool extended) {
  const bool valid = !argument.empty() && argument.find(' ') == std::string_view::npos;
  const std::string offered = capabilities();
  const std::string_view usual = !valid     ? "501 5.5.4 one name, please"
                                 : extended ? std::string_view(offered)
                                            : "250 localhost";
  if (answer(extended ? stage::ehlo : stage::helo, usual) != '2') return;
  forget_session();
  greeted_ = true;
  extended_ = extended;
  helo_ = argument;
}

/// What a greeting, a handshake and EHLO make void.
void dialogue::forget_session() {
  greeted_ = extended_ = false;
  helo_.clear();
  reset_transaction();
}

void dialogue::start_tls(std::string_view wrong) {
  const std::string_view usual = wrong.empty() ? "220 2.0.0 go ahead" : wrong;
  if (answer(stage::starttls, usual) != '2' || state_ != life::open) return;
  // Nothing that was said in clear text counts any more (RFC 3207 section 4.2).
  forget_session();
  user_.clear();
  xclient_.clear();
  tls_ = all_.tls->accept();
}

void dialogue::authenticate(std::string_view argument) {
  if (!offers_login()) return say("538 5.7.11 only through TLS");
  if (!extended_) return say("503 5.5.1 say EHLO first");
  if (!user_.empty()) return say("503 5.5.1 you are logged in");
  if (mail_ != transaction::none) return say("503 5.5.1 not within a mail");
  std::string mechanism(take(argument, ' '));
  std::transform(mechanism.begin(), mechanism.end(), mechanism.begin(), upper);
  if (fmt::format("{} ", all_.mechanisms).find(fmt::format(" {} ", mechanism)) ==
      std::string::npos) {
    return say("504 5.5.4 unknown mechanism");
  }
  if (failed_logins_ == most_failed_logins) {
    state_ = life::closing;
    parting_ = true;
    return say("421 4.7.0 too many logins failed");
  }
  // It has failed until it is accepted, however it ends.
  ++failed_logins_;
  auth_ = server_auth::make(mechanism, all_.options.user, all_.options.password);
  go_on(auth_->begin(argument.empty() ? std::nullopt : std::optional(argument)));
}

void dialogue::go_on(server_auth::step step) {
  using kind = server_auth::step::kind;
  next_ = step.what == kind::challenge ? phase::auth : phase::commands;
  if (step.what == kind::challenge) return put("334 ", step.challenge);
  const std::string_view usual = step.what == kind::accepted  ? "235 2.7.0 welcome"
                                 : step.what == kind::refused ? "535 5.7.8 wrong name or password"
                                                              : "501 5.5.2 not as it should be";
  if (answer(stage::auth, usual) != '2') return;
  user_ = all_.options.user;
  failed_logins_ = 0;
  ++all_.totals.logins;
}

/// XCLIENT and XFORWARD, as Postfix has them: whose mail a proxy passes on.
void dialogue::proxy(std::string_view argument, std::string_view keyword) {
  const bool is_client = keyword == "XCLIENT";
  std::string_view usual =
      is_client ? "220 localhost ESMTP sansmtp sink" : std::string_view("250 2.0.0 ok");
  sink::attributes told;
  if (keyword.size() + 1 + argument.size() + 2 > proxy_line_limit) {
    usual = "501 5.5.4 line too long";
  } else if (!extended_) {
    usual = "503 5.5.1 say EHLO first";
  } else if (mail_ != transaction::none) {
    usual = "503 5.5.1 not within a mail";
  } else if (argument.empty()) {
    usual = "501 5.5.4 NAME=value expected";
  }
  while (usual[0] == '2' && !argument.empty()) {
    std::string_view value = take(argument, ' ');
    const std::string_view name = take(value, '=');
    if (!all_.offered.has_word(keyword, name) || !is_xtext(value)) {
      usual = "501 5.5.4 bad attribute";
    } else {
      std::string shown(name);
      std::transform(shown.begin(), shown.end(), shown.begin(), upper);
      told[shown] = value;
    }
  }
  if (answer(is_client ? stage::xclient : stage::xforward, usual) != '2') return;
  sink::attributes& known = is_client ? xclient_ : xforward_;
  for (auto& [name, value] : told) known[name] = std::move(value);
  // This reply is a greeting: the session begins anew.
  if (is_client) forget_session();
}

// -- replies --------------------------------------------------------------------------------------

bool dialogue::offers_tls() const {
  return all_.options.tls == sink::tls_use::starttls && !secure_ && all_.offered.has("STARTTLS");
}

/// Where there is no TLS at all, a login in clear text is what is wanted.
bool dialogue::offers_login() const {
  return !all_.options.user.empty() && all_.offered.has("AUTH") &&
         (secure_ || all_.options.tls == sink::tls_use::never);
}

std::string dialogue::capabilities() const {
  std::vector<std::string> lines{"localhost"};
  if (offers_tls()) lines.emplace_back("STARTTLS");
  if (offers_login()) lines.push_back("AUTH" + all_.mechanisms);
  for (std::string& line : all_.offered.lines(secure_)) lines.push_back(std::move(line));
  std::string reply;
  for (const std::string& line : lines) {
    reply += fmt::format("{}250{}{}", &line == &lines.front() ? "" : "\r\n",
                         &line == &lines.back() ? ' ' : '-', line);
  }
  return reply;
}

/// The reply fixed for a stage, empty if there is none.
std::string_view dialogue::fixed_at(stage at) const {
  const auto& replies = all_.options.replies;
  const auto found = std::find_if(replies.begin(), replies.end(),
                                  [&](const auto& fixed) { return fixed.at == at; });
  return found == replies.end() ? std::string_view() : found->reply;
}

/// Whether the dialogue ends here, at `at`, without a reply.
bool dialogue::interrupts(stage at) {
  if (all_.options.stall == at) {
    state_ = life::stalled;
    return true;
  }
  constexpr std::array silent{stage::connect, stage::handshake, stage::content_start,
                              stage::content, stage::quit};
  if (all_.options.close_after == at &&
      std::find(silent.begin(), silent.end(), at) != silent.end()) {
    state_ = life::closing;
    return true;
  }
  return false;
}

std::string& dialogue::output() {
  if (state_ == life::closing && secure_ && std::exchange(parting_, false)) tls_->close(output_);
  return output_;
}

/// A whole reply in two parts; adds the last CRLF.
void dialogue::put(std::string_view head, std::string_view rest) {
  if (!secure_) {
    output_.append(head).append(rest).append("\r\n");
    return;
  }
  tls_->send(fmt::format("{}{}\r\n", head, rest), output_);
}

/// One of the sink's own replies, without its enhanced code if those are hidden (RFC 2034 section
/// 4).
void dialogue::say(std::string_view reply) {
  const bool enhanced = reply.size() > 10 && reply[5] == '.' && reply[7] == '.';
  if (enhanced && !all_.offered.has("ENHANCEDSTATUSCODES")) {
    return put(reply.substr(0, 4), reply.substr(reply.find(' ', 4) + 1));
  }
  put(reply);
}

/// Answers at a stage: as fixed for it, else by the rule that met the address, else as usual.
/// Returns the first digit, or NUL if nothing was said.
char dialogue::answer(stage at, std::string_view usual, std::string_view by_rule) {
  if (interrupts(at)) return 0;
  if (const std::string_view fixed = fixed_at(at); !fixed.empty()) by_rule = fixed;
  if (by_rule.empty()) {
    say(usual);
  } else {
    put(by_rule);
    usual = by_rule;
  }
  if (usual.starts_with("421")) parting_ = true;
  if (all_.options.close_after == at || parting_) state_ = life::closing;
  return usual.front();
}

}  // namespace sansmtp::cli::serving

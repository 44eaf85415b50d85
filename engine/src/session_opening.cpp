// How a session opens: the plan of its steps, what the server says to them, and what the transport
// tells of TLS.
#include <algorithm>
#include <array>
#include <utility>

#include "client_attributes.hpp"
#include "sansmtp/path.hpp"
#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::hint_of;
using detail::reaction;
using detail::refusal;
using detail::trait;

}  // namespace

// -- the plan -------------------------------------------------------------------------------------

/// One step behind the greeting. It is wanted until it is done, and nothing of it is remembered but
/// that: so a step that takes back what was learnt, as a handshake does, only says so, and the
/// steps before it are wanted again.
struct session::impl::opening_row {
  bool (impl::*wanted)() const;
  void (impl::*begin)();
};

/// In the order in which they are looked for, each time from the first.
const std::array<session::impl::opening_row, 4> session::impl::opening_plan = {{
    {&impl::wants_hello, &impl::begin_hello},
    {&impl::wants_tls, &impl::begin_tls},
    {&impl::wants_xclient, &impl::begin_xclient},
    {&impl::wants_login, &impl::begin_opening_login},
}};

bool session::impl::wants_hello() const { return !opening_.hello_done; }
void session::impl::begin_hello() { pressing_ = hello_verb(); }

/// Is STARTTLS to be said, or missed? Not after AUTH: what was shown in clear text cannot be taken
/// back.
bool session::impl::wants_tls() const {
  if (tls_ || opening_.tls_refused || authenticated_) return false;
  return config_.tls == tls_mode::required ||
         (config_.tls == tls_mode::opportunistic && peer_.has(extension::starttls));
}
void session::impl::begin_tls() {
  if (peer_.has(extension::starttls)) {
    pressing_ = verb::starttls;
  } else {
    leave({errc::tls_not_offered, verb::starttls, {}, {}, hint::none, {}});  // TLS-03
  }
}

bool session::impl::wants_xclient() const {
  return !config_.xclient.empty() && !opening_.introduced;
}
void session::impl::begin_xclient() {
  prepare_lines(verb::xclient, config_.xclient);
  if (forwards_due_ != 0) {
    pressing_ = verb::xclient;
  } else {  // whoever asks for it does not want to be taken for himself
    leave({errc::xclient_not_offered, verb::xclient, {}, {}, hint::none, {}});
  }
}

bool session::impl::wants_login() const { return login_ && !authenticated_; }
void session::impl::begin_opening_login() { try_next_mechanism({}); }

// -- XCLIENT and XFORWARD -------------------------------------------------------------------------

/// Makes lines of the attributes that the server offers, as many as it takes with none above 512
/// octets, and warns of those that it does not.
void session::impl::prepare_lines(verb v, const std::vector<client_attribute>& all) {
  const std::string_view word = detail::row_of(v).wire;
  client_lines_.clear();
  forwards_ = 0;
  std::size_t begin = 0;  // of the last line
  std::string text;
  if (!all.empty() && !peer_.has(word)) {
    text = "the server does not offer ";
    text += word;
    warn(errc::parameter_not_offered, text, 0, v);
  } else {
    for (const client_attribute& one : all) {
      text.clear();
      if (!peer_.has(word, one.name)) {
        text = word;
        text += " is offered without ";
        text += one.name;
        warn(errc::parameter_not_offered, text, 0, v);
        continue;
      }
      detail::append_attribute(text, one);
      const std::size_t line = client_lines_.size() - begin;
      if (forwards_ == 0 || !detail::has_room_for(text.size(), line)) {
        if (forwards_++ != 0) client_lines_ += '\n';
        begin = client_lines_.size();
        client_lines_ += word;
      }
      client_lines_ += text;
    }
  }
  forwards_due_ = forwards_;
}

/// The next line that was prepared.
std::string_view session::impl::client_line() const {
  std::string_view lines = client_lines_;
  for (std::uint32_t i = forwards_due_; i != forwards_; ++i) {
    lines.remove_prefix(lines.find('\n') + 1);
  }
  return lines.substr(0, lines.find('\n'));
}

/// XCLIENT was accepted. Its reply is the greeting for whom the client is now, and nothing counts
/// that was said to another one (EXT-14).
void session::impl::start_over(const reply& r) {
  opening_.introduced = true;
  opening_.hello_done = false;
  peer_.clear();
  greeted(r);
}

/// Makes the lines of XFORWARD, once what the server offers is known for good.
void session::impl::prepare_forward() {
  if (std::exchange(opening_.forward_due, false)) prepare_lines(verb::xforward, config_.xforward);
}

/// XFORWARD was refused: what the server does not take once it need not be told again (EXT-15).
void session::impl::refuse_forward(const reply& r) {
  forwards_due_ = 0;
  if (std::exchange(forwards_, 0) == 0) return;  // a line in the same group was refused before
  warn(refusal(r), "XFORWARD was refused: the mails go without", 0, verb::xforward);
}

// -- replies to the steps -------------------------------------------------------------------------

void session::impl::read_greeting(const reply& r) {
  greeting_ = r.line(0);  // SESS-02
}

void session::impl::greeted(const reply& r) {
  read_greeting(r);
  tell_event(event::kind::greeted, verb::greeting, r);
  proceed_opening();
}

void session::impl::take_capabilities(const reply& r) {
  peer_.assign(r, config_.ignored_keywords);
  for (std::size_t i = 0; i < peer_.skipped(); ++i) {
    warn(errc::none, "a line of the EHLO reply has no valid keyword and is ignored");
  }
  for (std::size_t i = 0; i < peer_.duplicates(); ++i) {
    warn(errc::none, "a keyword stands twice in the EHLO reply; the first counts");
  }
  opening_.forward_due = true;
  if (hello_id_ != 0) {
    tell_event(event::kind::command_done, hello_verb(), r).id = std::exchange(hello_id_, 0);
    prepare_forward();
    return;
  }
  opening_.hello_done = true;
  proceed_opening();
}

void session::impl::go_without_extensions() {
  peer_.clear();  // SESS-12
  opening_.forward_due = true;
  opening_.hello_done = true;
  proceed_opening();
}

void session::impl::start_handshake() {
  owe(verb::handshake, nullptr, 0, 0);
  tell_event(event::kind::upgrade_to_tls, verb::handshake);
}

void session::impl::refuse_tls(const reply& r) {
  if (config_.tls == tls_mode::required) {
    leave({errc::tls_refused, verb::starttls, {}, r, hint::none, {}});  // TLS-07
    return;
  }
  opening_.tls_refused = true;
  warn(errc::tls_refused, "STARTTLS was refused: going on in clear text");
  proceed_opening();
}

/// The greeting, EHLO or HELO was refused, now or when the user asked for EHLO once more.
void session::impl::refuse_opening(const expected& e, reaction what, const reply& r) {
  if (may_try_helo(what, r)) {
    pressing_ = verb::helo;
    return;
  }
  if (e.is.has(trait::first)) read_greeting(r);
  peer_.clear();  // an earlier set is gone also when the new EHLO fails (SESS-17)
  if (hello_id_ != 0) {
    detail::pending_event& done = tell_event(event::kind::command_done, hello_verb(), r);
    done.id = std::exchange(hello_id_, 0);
    done.error = std::error_code(refusal(r));
    done.category = failure_category::reply;
    prepare_lines(verb::xforward, config_.xforward);
    return;
  }
  leave({refusal(r), e.what, {}, r, hint_of(r, e.what), {}});
}

/// May the session go on with HELO after this refusal of EHLO? HELO gives neither TLS nor AUTH nor
/// XCLIENT, and whoever needs these must not be talked down (SESS-11).
bool session::impl::may_try_helo(reaction what, const reply& r) const {
  const auto& more = config_.helo_fallback_codes;
  const bool configured = std::find(more.begin(), more.end(), r.code()) != more.end();
  const bool fits = what == reaction::try_helo || (what == reaction::refuse_hello && configured);
  const bool enough = !tls_ && config_.tls != tls_mode::required && !authenticated_ &&
                      !wants_xclient() && (!login_ || config_.auth_optional);
  return hello_id_ == 0 && !told_ready_ && fits && enough;
}

/// Says what comes next of the plan: the first row that is wanted, or the session is ready.
void session::impl::proceed_opening() {
  for (const opening_row& row : opening_plan) {
    if ((this->*row.wanted)()) return (this->*row.begin)();
  }
  become_ready();
}

void session::impl::become_ready() {
  stage_ = stage::ready;
  prepare_forward();
  if (told_ready_) return;
  told_ready_ = true;
  tell_event(event::kind::ready, hello_verb());
}

// -- the link and its TLS -------------------------------------------------------------------------

[[gnu::cold]] void session::connected(time_point now, const endpoint_info& local) {
  impl& s = *impl_;
  s.tell(now);
  if (s.stage_ != impl::stage::unconnected) return;
  s.stage_ = impl::stage::opening;
  if (const errc bad = s.config_.check(); bad != errc::none) {
    s.fail({bad, s.hello_verb(), {}, {}, hint::none, {}});
    return;
  }
  if (!s.config_.local_name.empty()) {
    s.hello_name_ = s.config_.local_name;
  } else if (local.host_name.find('.') != std::string_view::npos && is_domain(local.host_name)) {
    s.hello_name_ = local.host_name;  // SESS-14
  } else {
    s.hello_name_ = address_literal(local.local_address);  // SESS-15
  }
  if (s.hello_name_.empty()) {
    s.fail({errc::no_local_name, s.hello_verb(), {}, {}, hint::none, {}});
    return;
  }
  // Connecting is itself a command, and the greeting answers it; so is the handshake of implicit
  // TLS.
  const bool implicit = s.config_.tls == tls_mode::implicit;
  s.owe(implicit ? verb::handshake : verb::greeting, nullptr, 0, 0);
  if (implicit) s.tell_event(event::kind::upgrade_to_tls, verb::handshake);
}

/// The end in the handshake: if it was optional, the next link does without (TLS-08).
void session::impl::fail_handshake(errc why, std::error_code cause, std::string_view excerpt) {
  const bool optional = config_.tls == tls_mode::opportunistic;
  fail({why,
        verb::handshake,
        cause,
        {},
        optional ? hint::retry_without_tls : hint::none,
        excerpt.substr(0, excerpt_octets)});
}

[[gnu::cold]] void session::tls_established(time_point now, const tls_info& info) {
  impl& s = *impl_;
  s.tell(now);
  if (!awaits_handshake()) return;
  (void)s.window_.answer(s.now_);
  s.tls_ = true;
  s.tls_verified_ = info.verified;
  s.binding_ = info.binding;
  // Nothing learnt in clear text survives (TLS-06).
  s.parser_.reset();
  s.peer_.clear();
  if (s.config_.tls == tls_mode::implicit) {
    s.owe(verb::greeting, nullptr, 0, 0);
  } else {
    s.greeting_.clear();
    s.opening_.hello_done = false;
    s.proceed_opening();
  }
}

[[gnu::cold]] void session::tls_failed(time_point now, std::error_code why, bytes answer) {
  impl& s = *impl_;
  s.tell(now);
  const errc known = condition_of(why);
  const errc condition = known == errc::none ? errc::tls_failed : known;
  if (awaits_handshake()) return s.fail_handshake(condition, why, as_text(answer));
  const bool before = !s.tls_ && s.config_.tls != tls_mode::off && s.window_.awaits(trait::first);
  if (!before && !s.tls_) return;
  // Once there was a link, its failure says nothing about the next one.
  const verb about = before ? verb::handshake : s.window_.next(detail::any_verb);
  s.fail({condition, about, why, {}, hint::none, {}});
}

[[gnu::cold]] void session::tls_rejected(time_point now) {
  impl& s = *impl_;
  s.tell(now);
  if (!awaits_handshake()) return;
  (void)s.window_.answer(s.now_);
  s.tls_ = true;
  s.peer_.clear();
  // In implicit mode the server speaks first, also to a client that only wants to leave (SESS-01).
  if (s.config_.tls == tls_mode::implicit) s.owe(verb::greeting, nullptr, 0, 0);
  s.leave({errc::tls_too_weak, verb::handshake, {}, {}, hint::none, {}});
}

}  // namespace sansmtp

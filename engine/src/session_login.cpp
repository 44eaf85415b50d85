// AUTH: which mechanism is tried, the exchange, and what of it may be shown.
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sansmtp/base64.hpp"
#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::hint_of;
using detail::trait;

constexpr std::size_t auth_line_with_response = 512;  // with CRLF (AUTH-04)
constexpr unsigned auth_rounds = 10;                  // more challenges than any mechanism has

}  // namespace

// -- what the user asks ---------------------------------------------------------------------------

[[gnu::cold]] operation_id session::authenticate(
    std::vector<std::unique_ptr<sasl_mechanism>> mechanisms) {
  impl& s = *impl_;
  auto wanted = std::make_unique<impl::login>();
  wanted->mechanisms = std::move(mechanisms);
  const operation_id id = ++s.last_id_;
  wanted->id = id;
  if (const errc bad = s.out_of_place(verb::auth); bad != errc::none) {  // AUTH-01
    s.refuse_command(verb::auth, id, bad);
    return id;
  }
  const bool opening = s.stage_ == impl::stage::unconnected || s.stage_ == impl::stage::opening;
  if (opening && !s.login_ && !s.authenticated_) {
    wanted->opening = true;
    s.login_ = std::move(wanted);
    return id;
  }
  s.logins_wanted_.push_back(std::move(wanted));
  impl::operation& op = s.wanted_.push();
  op.what = verb::auth;
  op.id = id;
  op.mail = nullptr;
  return id;
}

/// Begins the login of an `authenticate()` that was asked for after the opening.
void session::impl::begin_login() {
  const operation op = std::move(wanted_.front());
  wanted_.pop();
  login_ = std::move(logins_wanted_.front());
  logins_wanted_.erase(logins_wanted_.begin());
  if (authenticated_) {  // once in a session (AUTH-01)
    login_.reset();
    refuse_command(op.what, op.id, errc::bad_state);
    return;
  }
  try_next_mechanism({});
}

/// Goes on with the login in progress, or begins one that was asked for after the opening.
void session::impl::write_login(verb v) {
  if (!pressing_) return begin_login();
  pressing_.reset();
  send_auth_line(v);
}

// -- the exchange ---------------------------------------------------------------------------------

/// Stages a line of an AUTH exchange; `shown` is what a trace may show of it.
void session::impl::write_secret_line(verb v, std::string_view line, std::string_view shown) {
  out_.secret_line(line);
  owe(v, nullptr, 0, 0);
  if (config_.trace) trace_line(v, {shown, nullptr, 0, 0});
}

/// May this mechanism run over this link? If so, it is told of the link.
errc session::impl::usable(sasl_mechanism& m) {
  const session_config& c = config_;
  bool allowed = true;
  switch (m.exposes()) {
    case exposure::nothing: break;
    case exposure::guessable:
      allowed = tls_ || c.allow_challenge_cleartext || c.allow_auth_cleartext;
      break;
    case exposure::secret:  // AUTH-13
      allowed = tls_ ? tls_verified_ || c.allow_auth_unverified_tls : c.allow_auth_cleartext;
      break;
  }
  if (!allowed) return errc::auth_needs_tls;
  if (const errc bad = m.check(); bad != errc::none) return bad;
  sasl_link link{tls_, tls_verified_, false, binding_};
  std::string plus(m.name());
  plus += "-PLUS";
  link.plus_offered = peer_.offers_mechanism(plus);
  return m.bind(link);
}

/// Begins with the next mechanism that is offered and may be used here; `last` is the refusal of
/// the one before, if there was one.
void session::impl::try_next_mechanism(const reply& last) {
  login& l = *login_;
  errc why = last ? errc::auth_refused : errc::auth_not_offered;
  while (l.next < l.mechanisms.size()) {
    std::unique_ptr<sasl_mechanism> m = std::move(l.mechanisms[l.next++]);
    if (!m || !peer_.offers_mechanism(m->name())) continue;  // AUTH-01
    if (const errc bad = usable(*m); bad != errc::none) {
      if (!last) why = bad;
      continue;
    }
    l.current = std::move(m);
    l.rounds = 0;
    l.held_back.reset();
    if (mask_ == nullptr) mask_ = std::make_unique<detail::auth_mask>();
    if (const std::string_view secret = l.current->secret(); !secret.empty()) {
      std::string encoded = base64_encode(secret);
      mask_->add_secret(secret);
      mask_->add_line(encoded);
      wipe(encoded);
    }
    l.line = "AUTH ";
    l.line += l.current->name();
    if (std::optional<std::string> first = l.current->initial_response()) {
      std::string encoded = first->empty() ? std::string("=") : base64_encode(*first);
      const bool fits = l.line.size() + 1 + encoded.size() + 2 <= auth_line_with_response;
      if (fits && !config_.no_initial_response) {
        l.line += ' ';
        l.line += encoded;
        note_response(*first, encoded);
        wipe(*first);
      } else {
        l.held_back = std::move(first);  // AUTH-04
      }
      wipe(encoded);
    }
    pressing_ = verb::auth;
    return;
  }
  const bool unusable = why == errc::auth_not_offered || why == errc::auth_needs_tls;
  if (l.opening && config_.auth_optional && unusable) {  // SESS-27
    warn(why, "going on without authentication", l.id);
    login_.reset();
    proceed_opening();
    return;
  }
  login_failed(why, last);
}

/// What is sent now is masked from now on; the raw form, too, if passwords can be tried out with
/// it.
void session::impl::note_response(std::string_view raw, std::string_view encoded) {
  mask_->add_line(encoded);
  if (login_->current->exposes() == exposure::guessable) mask_->add_secret(raw);
}

void session::impl::send_auth_line(verb v) {
  login& l = *login_;
  // What a trace may show: the mechanism, nothing of the exchange (SEC-03).
  std::string shown(detail::auth_mask::mask_text);
  if (!detail::is(v, trait::secret)) {
    shown = l.line;
  } else if (l.line.starts_with("AUTH ")) {
    const std::size_t response = l.line.find(' ', 5);
    shown = l.line.substr(0, response);
    if (response != std::string::npos) shown.append(" ").append(detail::auth_mask::mask_text);
  }
  write_secret_line(v, l.line, shown);
  wipe(l.line);
}

void session::impl::answer_challenge(const reply& r) {
  login& l = *login_;
  std::optional<std::string> challenge;
  if (r.line_count() == 1) challenge = base64_decode(r.text());
  if (!challenge || ++l.rounds > auth_rounds || (l.held_back && !challenge->empty())) {
    cancel_login(errc::auth_bad_challenge);  // AUTH-06
    return;
  }
  std::optional<std::string> response =
      l.held_back ? std::exchange(l.held_back, std::nullopt) : l.current->respond(*challenge);
  wipe(*challenge);
  if (!response) {
    const errc why = l.current->reason();
    cancel_login(why == errc::none ? errc::auth_bad_challenge : why);
    return;
  }
  l.line = base64_encode(*response);  // an empty response is an empty line (AUTH-07)
  note_response(*response, l.line);
  wipe(*response);
  if (l.line.size() + 2 > config_.limits.auth_line) {
    cancel_login(errc::line_too_long);  // AUTH-09
    return;
  }
  pressing_ = verb::auth;
}

void session::impl::accept_login(const reply& r) {
  const bool proven = login_->current->satisfied() && !login_->held_back;
  if (!proven) {
    fail({errc::server_not_proven, verb::auth, {}, r, hint::none, {}});  // AUTH-10
    return;
  }
  authenticated_ = true;
  detail::pending_event& done = tell_event(event::kind::authenticated, verb::auth, r);
  done.id = login_->id;
  done.detail = events_.keep(login_->current->name());
  login_.reset();
  if (config_.ehlo_after_auth) opening_.hello_done = false;  // AUTH-14
  if (config_.ehlo_after_auth || stage_ == stage::opening) proceed_opening();
}

void session::impl::refuse_mechanism(const reply& r) {
  login_->current.reset();
  try_next_mechanism(r);
}

void session::impl::cancel_login(errc why) {
  login_->cancelled = why;
  if (login_->held_back) wipe(*login_->held_back);
  wipe(login_->line);
  login_->line = "*";
  pressing_ = verb::auth_cancel;
}

void session::impl::login_failed(errc why, const reply& r) {
  // The mechanism and its text go while the failure is told.
  const std::string detail = masked(login_->current ? login_->current->detail() : "");
  const failure f{why, verb::auth, {}, r, hint_of(r, verb::auth), detail};
  if (why == errc::server_not_proven) {
    fail(f);  // SASL-10
    return;
  }
  if (login_->opening) {
    leave(f);  // part of the opening (SESS-21)
    return;
  }
  detail::pending_event& done = tell_event(event::kind::command_done, verb::auth);
  done.id = login_->id;
  fill_failure(done, f);
  login_.reset();
}

}  // namespace sansmtp

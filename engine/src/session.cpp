// Lifetime, time, what the user asks, and getters.
#include "sansmtp/session.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "ascii.hpp"
#include "sansmtp/path.hpp"
#include "session_impl.hpp"
#include "utf8.hpp"

namespace sansmtp {

namespace {

using detail::trait;

/// Printable ASCII and blanks only: no CR, LF or NUL can get into a command (CMD-04). With `utf8`
/// printable characters beyond ASCII as well.
[[gnu::cold]] bool is_command_text(std::string_view text, bool utf8) noexcept {
  while (!text.empty()) {
    const utf8::character c = utf8::decode(text);
    const bool printable =
        c.value >= ' ' && c.value != 0x7F && !utf8::is_c1(c.value) && !utf8::is_separator(c.value);
    if (c.size == 0 || !printable || (!utf8 && c.value > '~')) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

/// Tells whether `raw` must not send this line. The engine's own verbs change its state; the SEND
/// family and TURN are obsolete or dangerous (CMD-18).
[[gnu::cold]] bool is_reserved(std::string_view line) noexcept {
  constexpr std::string_view others[] = {"SEND", "SOML", "SAML", "TURN"};
  const std::string_view word = line.substr(0, line.find(' '));
  for (const std::string_view other : others) {
    if (ascii::iequals(word, other)) return true;
  }
  for (const detail::row& r : detail::rows) {
    if (!r.wire.empty() && ascii::iequals(word, r.wire)) return true;
  }
  return false;
}

}  // namespace

// -- construction ---------------------------------------------------------------------------------

session::impl::impl(session_config c) : session_hot(std::move(c)) {}
session::impl::~impl() = default;

[[gnu::cold]] session::session(session_config config)
    : impl_(std::make_unique<impl>(std::move(config))) {}
session::session(session&&) noexcept = default;
session& session::operator=(session&&) noexcept = default;
[[gnu::cold]] session::~session() = default;

// -- input: lifetime and time ---------------------------------------------------------------------

void session::receive(time_point now, bytes octets) {
  impl& s = *impl_;
  s.tell(now);
  if (s.stage_ != impl::stage::unconnected) s.read(nullptr, octets);  // no link, no peer
}

void session::prefetch() const noexcept {
#if defined(__GNUC__)
  constexpr std::size_t cache_line = 64;
  const detail::session_hot& hot = *impl_;
  const char* const begin = reinterpret_cast<const char*>(&hot);
  for (std::size_t at = 0; at < sizeof hot; at += cache_line) __builtin_prefetch(begin + at);
#endif
}

/// What comes behind a held reply waits with it, up to what the replies that are owed may cost.
void session::impl::hold(bytes octets) {
  const mail_state* const m = window_.oldest().mail;
  const bool more = m != nullptr && m->verdicts == detail::prdr::asked;  // behind 353 (PRDR-02)
  const std::size_t replies = window_.size() + (more ? m->accepted + 1U : 0U);
  if (held_.input.size() + octets.size() > config_.limits.reply.octets * replies) {
    fail({errc::reply_too_long, window_.oldest().what, {}, {}, hint::none, {}});
    return;
  }
  held_.input.append(as_text(octets));
}

/// The parser understands the peer no more, from the first octet of `rest` on; `secret` if that was
/// in an AUTH exchange.
void session::impl::garbled(bool secret, bytes rest) {
  std::string excerpt = secret ? std::string() : parser_.excerpt();
  const verb about = window_.next(verb::greeting);
  if (detail::is(about, trait::final) && window_.oldest().end <= out_.handed()) {
    out_.drop();
    finish_leaving();  // any octets are as good as an answer to QUIT (SESS-19)
    return;
  }
  const bool greeting = window_.awaits(trait::first);
  // The first line of what is no SMTP tells what it is instead, as far as it came at once. Its
  // first octet is in the excerpt already.
  if (greeting && !secret && parser_.error() == errc::malformed_reply) {
    const std::string_view line = as_text(rest).substr(0, as_text(rest).find_first_of("\r\n"));
    if (!line.empty())
      excerpt += line.substr(1, excerpt_octets - std::min(excerpt.size(), excerpt_octets));
  }
  // Where a greeting was to be, an octet that begins a TLS record tells of a port for implicit TLS.
  const bool tls = greeting && !tls_ && (excerpt[0] == 0x15 || excerpt[0] == 0x16);
  fail({parser_.error(),
        about,
        {},
        {},
        tls ? hint::server_speaks_tls : hint::none,
        masked(excerpt)});
}

[[gnu::cold]] void session::receive_end(time_point now, std::error_code why) {
  impl& s = *impl_;
  s.tell(now);
  if (s.stage_ == impl::stage::closed) return;
  // What was said before it comes first, unless that waits for octets which are not on their way.
  if (s.held_reply_ != 0 && s.window_.oldest().end <= s.out_.handed()) {
    s.held_.end = why;
    return;
  }
  if (s.window_.awaits(trait::final)) {
    s.out_.drop();
    s.finish_leaving();  // an end is an answer to QUIT (SESS-19)
    return;
  }
  if (awaits_handshake()) return s.fail_handshake(errc::handshake_lost);
  const bool login = s.window_.awaits(trait::exchange);
  // A fragment is never a reply, but it may explain what happened (REP-17).
  const bool nothing = s.parser_.idle() || login;
  const std::string excerpt = nothing ? std::string() : s.masked(s.parser_.excerpt());
  const verb about = s.window_.next(s.told_ready_ ? detail::any_verb : verb::greeting);
  s.fail({errc::connection_lost, about, why, {}, hint::none, excerpt});
}

/// Octets were written; `before` had been before.
[[gnu::always_inline]] inline void session::impl::note_progress(std::uint64_t before) {
  window_.progress(before, out_, config_.limits.progress_octets, now_);
  if (config_.trace) trace_content(before);
  if (sending_ != nullptr && sending_->lending) release_chunk();
}

void session::sent(time_point now, std::size_t n) {
  impl& s = *impl_;
  s.tell(now);
  const std::uint64_t before = s.out_.sent();
  s.out_.took(n);
  if (s.out_.sent() < s.window_.answered()) {
    // The peer answered a command that, as it turns out, has not left whole: the rest of it must
    // never leave, least of all behind an answer that changed the rules (TLS-05, SESS-24).
    s.out_.drop();
    s.ending_.farewell = false;
    s.fail({errc::unsolicited_reply, verb::noop, {}, {}, hint::none, {}});
    return;
  }
  if (s.stage_ == impl::stage::closed) {
    // QUIT has its place only behind a whole line, and nothing but QUIT is worth writing now.
    constexpr std::uint64_t quit_line = 6;
    const bool only_quit = s.quit_written_ && s.out_.staged() - s.out_.sent() <= quit_line;
    if (!s.out_.empty() && !only_quit) {
      s.out_.drop();
      s.ending_.farewell = false;
    }
    return;
  }
  if (n != 0) s.note_progress(before);
  if (s.held_reply_ == 0) return;
  if (s.window_.timing_of(s.held_reply_, s.out_) != detail::window::timing::waits) {
    // Now it is known what the reply that came during the write was worth.
    const int code = std::exchange(s.held_reply_, 0);
    const std::string text = std::exchange(s.held_.text, {});
    const std::string behind = std::exchange(s.held_.input, {});
    const reply held{code, text};
    s.read(&held, as_bytes(behind));
  }
  // Where a reply still waits, `receive_end` knows whether what it waits for can leave any more.
  if (s.held_.end) receive_end(now, *std::exchange(s.held_.end, {}));
}

std::optional<time_point> session::deadline() const noexcept {
  return impl_->window_.deadline(impl_->out_, impl_->config_.timeouts);
}

verb session::deadline_of() const noexcept { return impl_->window_.next(verb::greeting); }

void session::advance(time_point now) {
  impl& s = *impl_;
  s.tell(now);
  const std::optional<time_point> due = deadline();
  if (!due || s.now_ < *due) return;
  const verb about = deadline_of();
  if (s.window_.awaits(trait::final)) {
    s.out_.drop();
    s.finish_leaving();  // waited long enough (TIME-07)
    return;
  }
  if (awaits_handshake()) return s.fail_handshake(errc::handshake_timed_out);
  s.fail({errc::timed_out, about, {}, {}, hint::none, {}});
}

// -- output ---------------------------------------------------------------------------------------

std::span<const bytes> session::output(time_point now) {
  impl& s = *impl_;
  s.tell(now);
  if (!s.out_.lent()) s.fill();
  return s.out_.lend();
}

// -- commands -------------------------------------------------------------------------------------

mail_id session::send(const envelope& env, message content) {
  impl& s = *impl_;
  detail::mail_state& m = s.mails_.take();
  m.start(++s.last_id_, env, std::move(content));
  const mail_id id = m.id;
  if (s.over()) {
    s.conclude(m, outcome::not_attempted, {verb::mail, errc::session_closed, hint::none, {}, {}});
    m.why = errc::session_closed;
    s.settle(m);
    return id;
  }
  impl::operation& op = s.wanted_.push();
  op.what = verb::mail;
  op.id = id;
  op.mail = &m;
  return id;
}

errc session::lend(bytes chunk, bool last) {
  impl& s = *impl_;
  if (s.stage_ == impl::stage::closed) return errc::session_closed;
  if (s.sending_ == nullptr || !s.sending_->wants_chunk) return errc::bad_state;
  detail::mail_state& m = *s.sending_;
  m.wants_chunk = false;
  m.lending = true;
  if (m.chunked) {
    s.chunks_.give(chunk, last);
  } else {
    s.dotted_.give(chunk, last);
  }
  return errc::none;
}

[[gnu::cold]] bool session::withdraw(mail_id mail) {
  impl& s = *impl_;
  // What waits stands in the order of its ids, but for a QUIT at the end, which has none: 0, less
  // one, is the greatest of all.
  std::size_t first = 0;
  for (std::size_t end = s.wanted_.size(); first != end;) {
    const std::size_t middle = first + (end - first) / 2;
    if (s.wanted_[middle].id - 1 < mail - 1) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  if (first == s.wanted_.size()) return false;
  impl::operation& op = s.wanted_[first];
  if (op.id != mail || op.mail == nullptr) return false;
  s.give_up(op);
  return true;
}

[[gnu::cold]] void session::cancel(mail_id mail) {
  if (withdraw(mail)) return;
  impl& s = *impl_;
  // Others that share the session are not those that were given up (TXN-20).
  const impl::failure f{errc::session_aborted, verb::content, {}, {}, hint::none, {}};
  if (s.sending_ == nullptr || s.sending_->id != mail) {
    // Perhaps its terminator is formatted, but certainly not written yet: then it can be kept back.
    for (std::size_t i = 0; i < s.active_.size(); ++i) {
      detail::mail_state* const m = s.active_[i];
      if (m->id == mail && m->content_end != impl::expected::open &&
          m->content_end > s.out_.handed()) {
        m->cancelled = true;
        s.fail(f);
        return;
      }
    }
    return;
  }
  detail::mail_state& m = *s.sending_;
  m.cancelled = true;
  // Content that was begun can only be ended; between two chunks RSET ends it (BDAT-13).
  if (s.in_body(m)) {
    s.fail(f);
    return;
  }
  s.settle(m);
}

void session::impl::refuse_command(verb what, operation_id id, errc why) {
  detail::pending_event& e = tell_event(event::kind::command_done, what);
  e.id = id;
  e.error = std::error_code(why);
  e.category = category_of(why);
}

/// What forbids that the user asks for this command now, or none. An idle one would end the
/// transaction, or is not for the middle of one (SESS-18, CMD-18).
errc session::impl::out_of_place(verb what) const noexcept {
  if (over()) return errc::session_closed;
  return detail::is(what, trait::idle) && !active_.empty() ? errc::bad_state : errc::none;
}

operation_id session::impl::enqueue(verb what, std::string_view arg) {
  const std::string_view word = detail::row_of(what).wire;
  const operation_id id = ++last_id_;
  if (const errc bad = out_of_place(what); bad != errc::none) {
    refuse_command(what, id, bad);
    return id;
  }
  const bool ascii = ascii::all_of(arg, ascii::is_ascii);
  const std::size_t line_size = word.size() + (word.empty() || arg.empty() ? 0 : 1) + arg.size() +
                                (ascii ? 0 : utf8_suffix.size()) + 2;
  errc bad = errc::none;
  if (!is_command_text(arg, detail::is(what, trait::utf8_text)) ||
      (arg.empty() && detail::is(what, trait::needs_text))) {
    bad = errc::bad_argument;
  } else if (line_size > detail::command_line_limit) {
    bad = errc::line_too_long;
  } else if (word.empty() && (is_reserved(arg) || arg.front() == ' ' || arg.back() == ' ')) {
    bad = errc::bad_argument;
  }
  if (bad != errc::none) {
    refuse_command(what, id, bad);
    return id;
  }
  operation& op = wanted_.push();
  op.what = what;
  op.id = id;
  op.mail = nullptr;
  op.text = word;
  if (!word.empty() && !arg.empty()) op.text += ' ';
  op.text += arg;
  return id;
}

operation_id session::hello() { return impl_->enqueue(impl_->hello_verb(), {}); }
operation_id session::noop(std::string_view arg) { return impl_->enqueue(verb::noop, arg); }
operation_id session::reset() { return impl_->enqueue(verb::rset, {}); }
operation_id session::verify(std::string_view arg) { return impl_->enqueue(verb::vrfy, arg); }
operation_id session::expand(std::string_view arg) { return impl_->enqueue(verb::expn, arg); }
operation_id session::help(std::string_view arg) { return impl_->enqueue(verb::help, arg); }
operation_id session::raw(std::string_view line) { return impl_->enqueue(verb::raw, line); }

[[gnu::cold]] void session::quit() {
  impl& s = *impl_;
  if (s.over()) return;
  s.quit_asked_ = true;
  impl::operation& op = s.wanted_.push();
  op.what = verb::quit;
  op.id = 0;
  op.mail = nullptr;
}

[[gnu::cold]] void session::quit_now() {
  impl& s = *impl_;
  if (s.stage_ == impl::stage::closed || s.stage_ == impl::stage::leaving) return;
  const impl::failure f{errc::aborted, verb::mail, {}, {}, hint::none, {}};
  for (std::size_t i = 0; i < s.wanted_.size(); ++i) {
    if (s.wanted_[i].mail != nullptr) s.give_up(s.wanted_[i]);
  }
  // Content that was begun can only be ended, or the link cut; what is under way is to be decided.
  if (s.sending_ != nullptr && !s.in_body(*s.sending_)) cancel(s.sending_->id);
  if (s.stage_ == impl::stage::closed) return;
  if (s.stage_ == impl::stage::opening) {
    // Inside an exchange of AUTH or a handshake there is no place for a command.
    const verb about = s.window_.next(s.hello_verb());
    if (detail::is(about, trait::secret) || detail::is(about, trait::by_transport)) {
      s.fail({f.why, about, {}, {}, hint::none, {}});
    } else {
      s.leave({f.why, about, {}, {}, hint::none, {}});
    }
    return;
  }
  // Nothing that was asked for and not begun goes before QUIT.
  for (std::size_t i = 0; i < s.wanted_.size(); ++i) {
    const impl::operation& op = s.wanted_[i];
    if (!op.is_mail() && op.id != 0) s.refuse_command(op.what, op.id, f.why);
  }
  s.wanted_.clear();
  s.logins_wanted_.clear();
  s.quit_asked_ = false;
  quit();
}

[[gnu::cold]] void session::abort(std::error_code why) {
  impl& s = *impl_;
  const verb about = s.window_.next(detail::any_verb);
  const errc cause = why == errc::session_aborted ? errc::session_aborted : errc::aborted;
  s.fail({cause, about, why, {}, hint::none, {}});
}

// -- getters --------------------------------------------------------------------------------------

const session_config& session::config() const noexcept { return impl_->config_; }
const capabilities& session::peer() const noexcept { return impl_->peer_; }

std::string_view session::server_name() const noexcept {
  return std::string_view(impl_->greeting_).substr(0, impl_->greeting_.find(' '));
}

std::string_view session::banner() const noexcept {
  const std::string_view all = impl_->greeting_;
  const std::size_t blank = all.find(' ');
  return blank == std::string_view::npos ? std::string_view() : all.substr(blank + 1);
}

phase session::where() const noexcept {
  switch (impl_->stage_) {
    case impl::stage::unconnected: return phase::unconnected;
    case impl::stage::opening: return phase::opening;
    case impl::stage::ready: return impl_->quit_written_ ? phase::quitting : phase::ready;
    case impl::stage::leaving: return phase::quitting;
    case impl::stage::closed: break;
  }
  return phase::closed;
}

bool session::tls_active() const noexcept { return impl_->tls_; }
bool session::tls_verified() const noexcept { return impl_->tls_verified_; }

bool session::idle() const noexcept {
  const impl& s = *impl_;
  return s.stage_ == impl::stage::ready && s.window_.empty() && s.wanted_.empty() &&
         s.active_.empty() && s.out_.empty() && !s.pressing_;
}

bool session::awaits_handshake() const noexcept {
  return impl_->window_.awaits(trait::by_transport);
}

bool session::said_quit() const noexcept { return impl_->quit_written_; }
std::uint32_t session::withdrawals() const noexcept { return impl_->out_.withdrawals(); }

bool session::closed() const noexcept { return impl_->stage_ == impl::stage::closed; }
std::size_t session::in_flight() const noexcept { return impl_->window_.size(); }

[[gnu::cold]] std::size_t session::memory() const noexcept {
  const impl& s = *impl_;
  std::size_t n = sizeof(session) + sizeof(impl) + s.window_.memory() + s.out_.memory() +
                  s.events_.memory() + s.wanted_.memory() + s.parser_.memory() + s.peer_.memory() +
                  s.hello_name_.capacity() + s.greeting_.capacity() + s.ending_.text.capacity() +
                  s.line_.capacity() + s.held_.text.capacity() + s.held_.input.capacity() +
                  s.binding_.octets.capacity() +
                  s.shown_.results.capacity() * sizeof(recipient_result) + s.dots_.memory() +
                  s.active_.memory() + s.mails_.memory();
  for (const std::string& domain : s.domains_)
    n += sizeof(domain) + 4 * sizeof(void*) + domain.capacity();
  n += s.client_lines_.capacity();
  if (s.mask_ != nullptr) n += s.mask_->memory() + s.masked_reply_.capacity();
  return n;
}

}  // namespace sansmtp

// The sender: what may be written now. It runs inside `output()` and nowhere else. It looks at the
// queue of what is owed and at the table of rules; it decides nothing about replies.
#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "ascii.hpp"
#include "sansmtp/xtext.hpp"
#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::mail_step;
using detail::rcpt_step;

constexpr std::string_view crlf = "\r\n";
constexpr std::uint64_t long_line = 1000;  // with CRLF (RFC 5321 section 4.5.3.1.6)
constexpr std::size_t slices_per_step = 64;

/// How many octets an offered extension adds to what a MAIL line may have (CMD-11).
struct growth {
  extension offered;
  std::size_t octets;
};
constexpr growth mail_growth[] = {{extension::size, 26},        {extension::eight_bit_mime, 17},
                                  {extension::binary_mime, 16}, {extension::smtputf8, 10},
                                  {extension::auth, 500},       {extension::deliver_by, 17},
                                  {extension::mt_priority, 15}, {extension::future_release, 34},
                                  {extension::require_tls, 11}, {extension::dsn, 116}};
constexpr std::size_t rcpt_dsn_growth = 536;
const std::size_t longest_growth = [] {
  std::size_t of_mail = 0;
  for (const growth& g : mail_growth) of_mail += g.octets;
  return std::max(of_mail, rcpt_dsn_growth);
}();
constexpr std::size_t envelope_id_limit = 100;  // encoded (DSN-04)
constexpr std::size_t original_limit = 500;     // encoded (DSN-03)

bool is_value(std::string_view v) noexcept {
  return std::all_of(v.begin(), v.end(), [](char c) { return c > 32 && c < 127 && c != '='; });
}

/// Does the line hold this parameter already (CMD-13)?
bool has_parameter(std::string_view line, std::string_view keyword) noexcept {
  // Parameters stand behind the path, whose quoted local-part may hold blanks.
  const std::size_t path_end = line.rfind('>');
  for (std::size_t at = line.find(' ', path_end); at != std::string_view::npos;) {
    const std::size_t next = line.find(' ', at + 1);
    std::string_view word =
        line.substr(at + 1, next == std::string_view::npos ? next : next - at - 1);
    word = word.substr(0, word.find('='));
    if (ascii::iequals(word, keyword)) return true;
    at = next;
  }
  return false;
}

bool is_digits(std::string_view text, std::size_t most) noexcept {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

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

std::string_view spelling(dsn_return r) noexcept { return r == dsn_return::full ? "FULL" : "HDRS"; }

constexpr enhanced_status status_bad_recipient{5, 1, 3};
constexpr enhanced_status status_bad_sender{5, 1, 7};
constexpr enhanced_status status_too_big{5, 3, 4};
constexpr enhanced_status status_eight_bit{5, 6, 3};
constexpr enhanced_status status_utf8{5, 6, 7};
constexpr enhanced_status status_content{5, 6, 0};
constexpr enhanced_status status_require_tls{5, 7, 30};
constexpr enhanced_status status_needs_tls{5, 7, 10};

}  // namespace

// -- the loop -------------------------------------------------------------------------------------

/// May this be written although replies are outstanding (RFC 2920 section 3.1)?
[[gnu::always_inline]] inline bool session::impl::may_write(verb v) const noexcept {
  if (owed_.empty()) return true;
  const detail::rule& r = detail::rule_of(v);
  const bool alone = r.alone || (v == verb::quit && config_.quit_no_wait);
  if (group_closed_ || alone || !pipelining()) return false;
  // A window, so that neither side ever waits for the other to read (PIPE-16).
  return owed_.size() < config_.limits.outstanding;
}

/// Has the group room for a line of so many octets without its CRLF? One line alone always goes.
inline bool session::impl::fits(std::size_t line) const noexcept {
  return owed_.empty() ||
         out_.staged() - group_begin_ + line + crlf.size() <= config_.limits.group_octets;
}

/// What is to be written next before the session is ready and after that.
verb session::impl::next_verb_unready() const noexcept {
  if (stage_ == stage::leaving && !quit_written_) return verb::quit;
  return stage_ == stage::opening ? pressing_.value_or(nothing) : nothing;
}

/// What is to be written next, whatever the group says. Mails that are refused locally end here
/// (TXN-28).
[[gnu::always_inline]] inline verb session::impl::next_verb() {
  if (stage_ != stage::ready) return next_verb_unready();
  if (pressing_) return *pressing_;

  if (sending_ != nullptr) {
    mail_state& m = *sending_;
    if (m.step != mail_step::rcpts || m.cancelled || m.sender_refused) return nothing;
    if (config_.require_all_recipients && m.rcpt_refused) return nothing;
    // Between RCPTs, with nothing outstanding, some commands are allowed (CMD-18).
    if (owed_.empty() && !wanted_.empty()) {
      const verb w = wanted_.front().what;
      if (w == verb::noop || w == verb::help || w == verb::vrfy || w == verb::expn) return w;
    }
    while (m.next_rcpt < m.rcpts.size() && m.rcpts[m.next_rcpt].step == rcpt_step::refused) {
      ++m.next_rcpt;  // refused locally
    }
    if (m.next_rcpt < m.rcpts.size() && !m.enough_rcpts) return verb::rcpt;
    // DATA waits for what could forbid it: a refused RSET leaves old recipients in place (TXN-19).
    if (rset_owed_ != 0) return nothing;
    if (config_.require_all_recipients && m.owed != 0) return nothing;
    return verb::data;
  }

  while (!wanted_.empty()) {
    operation& op = wanted_.front();
    if (op.what != verb::mail) {
      // Only MAIL and QUIT go ahead of a verdict: a RSET that is refused for its place ends all.
      const bool ahead = !owed_.empty() && owed_.back().what == verb::content;
      return ahead && op.what == verb::rset ? nothing : op.what;
    }
    if (op.mail == nullptr) {  // cancelled
      wanted_.pop();
      continue;
    }
    // A mail is looked at only when nothing outstanding can change what the server offers.
    if (group_closed_) return nothing;
    mail_state& m = *op.mail;
    if (!m.checked && refuse_locally(m)) {
      wanted_.pop();
      continue;
    }
    m.checked = true;
    if (rset_due_) return verb::rset;
    if (rset_owed_ != 0 && !config_.pipeline_rset) return nothing;
    return verb::mail;
  }
  return nothing;
}

// -- lines ----------------------------------------------------------------------------------------

/// Owes the reply to the line that was staged last.
[[gnu::always_inline]] inline void session::impl::owe(verb v, mail_state* mail,
                                                      std::uint32_t recipient, operation_id id) {
  if (owed_.empty())
    base_ = now_;  // the timer of the oldest starts when it is handed out (TIME-03)
  expected& e = owed_.push();
  e.what = v;
  e.recipient = recipient;
  e.mail = mail;
  e.id = id;
  e.end = out_.staged();
  if (detail::rule_of(v).last) group_closed_ = true;
}

void session::impl::trace_line(verb v, std::string_view shown) {
  detail::pending_event& t = tell_event(event::kind::line_sent, v);
  const expected& e = owed_.back();
  t.id = e.mail != nullptr ? e.mail->id : e.id;
  t.recipient = e.recipient;
  t.command = events_.keep(shown);
}

/// Stages a line of an AUTH exchange; `shown` is what a trace may show of it.
void session::impl::write_secret_line(verb v, std::string_view line, std::string_view shown) {
  out_.secret_line(line);
  owe(v, nullptr, 0, 0);
  if (config_.trace) trace_line(v, shown);
}

/// Formats a command; false if it does not fit into the group after all, or the session is over.
[[gnu::always_inline]] inline bool session::impl::write(verb v) {
  std::string_view line;
  mail_state* mail = nullptr;
  std::uint32_t recipient = 0;
  operation_id id = 0;
  switch (v) {
    case verb::ehlo:
    case verb::helo: {
      line_ = v == verb::ehlo ? "EHLO " : "HELO ";
      line_ += hello_name_;
      if (pressing_) {
        pressing_.reset();
      } else {
        hello_id_ = wanted_.front().id;
        wanted_.pop();
      }
      line = line_.view();
      break;
    }

    case verb::starttls:
      pressing_.reset();
      line = "STARTTLS";
      break;

    case verb::auth:
    case verb::auth_cancel: {
      if (!pressing_) {  // authenticate() after the opening
        id = wanted_.front().id;
        wanted_.pop();
        login_ = std::move(logins_wanted_.front());
        logins_wanted_.erase(logins_wanted_.begin());
        if (authenticated_) {  // once in a session (AUTH-01)
          login_.reset();
          refuse_command(verb::auth, id, errc::bad_state);
          return true;
        }
        try_next_mechanism({});
        return true;
      }
      pressing_.reset();
      send_auth_line(v);
      return true;
    }

    case verb::mail: {
      mail_state& m = *wanted_.front().mail;
      wanted_.pop();
      sending_ = &m;
      m.rode = !owed_.empty() && owed_.back().what == verb::content;
      active_.push(&m);
      m.step = mail_step::rcpts;
      m.mail_formatted = true;
      ++m.owed;
      line = mail_line_.view();
      mail = &m;
      break;
    }

    case verb::rcpt: {
      mail_state& m = *sending_;
      recipient = m.next_rcpt;
      detail::rcpt_state& to = m.rcpts[recipient];
      line = m.text.view(to.line.at, to.line.size);
      if (m.parameters) {
        (void)format_rcpt(m, recipient, line_);  // checked before MAIL
        line = line_.view();
      }
      if (!fits(line.size())) return false;
      ++m.next_rcpt;
      ++m.owed;
      to.step = rcpt_step::asked;
      to.end = out_.staged() + line.size() + crlf.size();
      mail = &m;
      break;
    }

    case verb::data:
      if (!fits(4)) return false;
      sending_->step = mail_step::data;
      ++sending_->owed;
      line = "DATA";
      mail = sending_;
      break;

    case verb::lone_dot:
      pressing_.reset();
      sending_->step = mail_step::finished;
      line = ".";
      mail = sending_;
      break;

    case verb::rset:
      if (rset_due_) {
        // Ours, before a MAIL; the user's own RSET does as well.
        rset_due_ = false;
        const bool users = !wanted_.empty() && wanted_.front().what == verb::rset;
        ++rset_owed_;
        if (users) {
          id = wanted_.front().id;
          wanted_.pop();
        }
        line = "RSET";
        break;
      }
      [[fallthrough]];
    case verb::noop:
    case verb::help:
    case verb::vrfy:
    case verb::expn:
    case verb::raw: {
      const operation& op = wanted_.front();
      if (v == verb::rset) ++rset_owed_;
      line = op.text;  // the slot keeps it
      id = op.id;
      wanted_.pop();
      break;
    }

    case verb::quit:
      if (stage_ != stage::leaving) {
        wanted_.pop();  // nothing is behind it: what was asked after QUIT is refused already
        stage_ = stage::leaving;
        leaving_because_ = {};
      }
      quit_written_ = true;
      line = "QUIT";
      break;

    case verb::greeting:
    case verb::handshake:
    case verb::content: return false;  // never written as a line
  }
  out_.line(line);
  owe(v, mail, recipient, id);
  if (config_.trace) trace_line(v, line);
  if (v == verb::quit && config_.quit_no_wait) close(leaving_because_);  // SESS-20
  return true;
}

void session::impl::fill() {
  if (stage_ == stage::closed) {
    if (std::exchange(farewell_, false)) {
      out_.line("QUIT");
      quit_written_ = true;
    }
    return;
  }
  while (sending_ != nullptr && sending_->step == mail_step::content) {
    // Only content can be much: lines are bounded by their group.
    if (out_.full() || !write_content(*sending_)) return;
  }
  for (;;) {
    const verb next = next_verb();
    if (next == nothing || !may_write(next) || !write(next)) return;
  }
}

// -- the envelope ---------------------------------------------------------------------------------

/// Looks at a mail before its MAIL: true if it is over because of what was found. Otherwise
/// `mail_line_` holds its MAIL line.
bool session::impl::refuse_locally(mail_state& m) {
  const auto usage = [&](errc why) {
    m.rcpts.clear();  // a usage error gives no outcome (OUT-05)
    finish(m, why);
    return true;
  };
  if (m.rcpts.empty()) return usage(errc::no_recipients);
  if (m.rcpts.size() > config_.limits.recipients) return usage(errc::too_many_recipients);

  const errc whole = check_mail(m);
  if (whole != errc::none) {
    finish(m, whole);
    return true;
  }
  // Each recipient: bad ones are refused alone if the caller said so, else all are (TXN-28).
  std::size_t bad = 0;
  for (detail::rcpt_state& r : m.rcpts) {
    const std::string_view address = m.address_of(r);
    verdict v{verb::rcpt, r.bad, hint::none, {}, status_bad_recipient};
    if (v.why == errc::none && address.empty()) v.why = errc::bad_address;
    if (v.why == errc::none && r.utf8 && !peer_.has(extension::smtputf8)) {
      v = {verb::rcpt, errc::utf8_not_offered, hint::other_host, {}, status_utf8};
    }
    if (v.why == errc::none) {
      // Only parameters and over-long paths can make the line too long, or wrong.
      if (!m.parameters && address.size() <= 254) continue;
      const auto index = static_cast<std::uint32_t>(&r - m.rcpts.data());
      if (const errc wrong = format_rcpt(m, index, line_); wrong != errc::none) return usage(wrong);
      continue;
    }
    ++bad;
    r.step = rcpt_step::refused;
    r.decide(outcome::rejected, v);
  }
  if (bad != 0 && (bad == m.rcpts.size() || !m.skip_bad_recipients)) {
    conclude(m, outcome::not_attempted, {verb::rcpt, errc::envelope_refused, hint::none, {}, {}});
    finish(m);
    return true;
  }
  if (const errc wrong = format_mail(m, mail_line_); wrong != errc::none) return usage(wrong);
  return false;
}

/// What stands in the way of the mail as a whole; then its recipients have their outcome.
errc session::impl::check_mail(mail_state& m) {
  const auto reject = [&](errc why, enhanced_status suggested, hint advice = hint::none) {
    const verdict v{verb::mail, why, advice, {}, suggested};
    for (detail::rcpt_state& r : m.rcpts) r.decide(outcome::rejected, v);
    return why;
  };

  if (m.bad_sender != errc::none) return reject(m.bad_sender, status_bad_sender);
  if ((m.utf8_sender || m.content.has_utf8_headers()) && !peer_.has(extension::smtputf8)) {
    return reject(errc::utf8_not_offered, status_utf8, hint::other_host);
  }
  if (m.parameters && m.env.require_tls) {
    if (!tls_) return reject(errc::require_tls_not_offered, status_needs_tls, hint::other_host);
    if (!tls_verified_ || !peer_.has(extension::require_tls)) {
      return reject(errc::require_tls_not_offered, status_require_tls, hint::other_host);
    }
  }

  m.stuffer = dot_stuffer(config_.line_ends);
  std::uint64_t size = 0;
  if (m.content.is_streamed()) {
    size = m.content.declared_size().value_or(0);
    m.facts = {};
    m.facts.eight_bit = m.content.is_eight_bit();
  } else {
    m.facts = scan_content(m.content.content(), config_.line_ends);
    if (m.facts.problem != errc::none) return reject(m.facts.problem, status_content);
    if (m.facts.size == 0 && !config_.allow_empty_content) {
      return reject(errc::empty_content, status_content);  // DATA-04
    }
    if (m.facts.longest_line > long_line) {
      if (config_.reject_long_lines) return reject(errc::content_line_too_long, status_content);
      warn(errc::content_line_too_long, "a line of the content is longer than 1000 octets");
    }
    size = m.facts.size;
  }
  const bool offered = peer_.has(extension::eight_bit_mime);
  if (m.facts.eight_bit && !offered && !config_.allow_unadvertised_8bit) {
    return reject(errc::eight_bit_not_offered, status_eight_bit, hint::other_host);  // EXT-08
  }
  m.eight_bit = m.facts.eight_bit || config_.allow_unadvertised_8bit;
  if (peer_.size_limit() != 0 && size > peer_.size_limit()) {
    return reject(errc::content_too_big, status_too_big, hint::other_host);  // EXT-07
  }
  return errc::none;
}

/// Raw parameters, last in the line (CMD-13, CMD-14). Each is compared with all before it: they are
/// few, for the line is given up where it is longer than any may be.
errc session::impl::append_raw(const std::vector<parameter>& raw, detail::text_buffer& line) {
  for (const parameter& p : raw) {
    if (line.size() > command_line_limit + longest_growth) return errc::line_too_long;
    if (!ascii::is_keyword(p.keyword) || !is_value(p.value)) return errc::bad_parameter;
    if (has_parameter(line.view(), p.keyword)) return errc::bad_parameter;
    if (!config_.allow_unadvertised && !peer_.has(p.keyword)) return errc::parameter_not_offered;
    line += ' ';
    line += p.keyword;
    if (!p.value.empty()) {
      line += '=';
      line += p.value;
    }
  }
  return errc::none;
}

/// The parameters of MAIL that few mails have, in their fixed order (CMD-15).
errc session::impl::append_extras(const mail_state& m, detail::text_buffer& line) {
  const envelope& env = m.env;
  if (env.return_content != dsn_return::unset || !env.envelope_id.empty()) {
    if (!peer_.has(extension::dsn)) {
      if (m.step == mail_step::queued) {
        warn(errc::parameter_not_offered, "DSN is not offered: RET and ENVID are left out");
      }
    } else {
      if (env.return_content != dsn_return::unset) {
        line += " RET=";
        line += spelling(env.return_content);
      }
      if (!env.envelope_id.empty()) {
        const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
        if (!std::all_of(env.envelope_id.begin(), env.envelope_id.end(), printable)) {
          return errc::bad_argument;
        }
        const std::string encoded = xtext_encode(env.envelope_id);
        if (encoded.size() > envelope_id_limit) return errc::bad_parameter;
        line += " ENVID=";
        line += encoded;
      }
    }
  }
  if (env.authenticated_sender) {
    if (env.authenticated_sender->error() != errc::none) return env.authenticated_sender->error();
    if (env.authenticated_sender->is_utf8() && !peer_.has(extension::smtputf8)) {
      return errc::utf8_not_offered;  // CMD-17
    }
    if (peer_.has(extension::auth)) {
      line += " AUTH=";
      line += env.authenticated_sender->is_null() ? std::string("<>")
                                                  : xtext_encode(env.authenticated_sender->text());
    }
  }
  if (env.require_tls) line += " REQUIRETLS";
  if (!env.deliver_by.empty()) {
    if (!is_deliver_by(env.deliver_by)) return errc::bad_parameter;
    if (!peer_.has(extension::deliver_by)) return errc::parameter_not_offered;
    line += " BY=";
    line += env.deliver_by;
  }
  if (env.priority) {
    if (*env.priority < -9 || *env.priority > 9) return errc::bad_parameter;
    if (!peer_.has(extension::mt_priority)) return errc::parameter_not_offered;
    line += " MT-PRIORITY=";
    if (*env.priority < 0) line += '-';
    line.append_number(static_cast<std::uint64_t>(std::abs(*env.priority)));
  }
  if (!env.hold_for.empty() || !env.hold_until.empty()) {
    const bool both = !env.hold_for.empty() && !env.hold_until.empty();
    if (both || (!env.hold_for.empty() && !is_digits(env.hold_for, 9)) ||
        (!env.hold_until.empty() && !is_utc_time(env.hold_until))) {
      return errc::bad_parameter;
    }
    if (!peer_.has(extension::future_release)) return errc::parameter_not_offered;
    line += env.hold_for.empty() ? " HOLDUNTIL=" : " HOLDFOR=";
    line += env.hold_for.empty() ? env.hold_until : env.hold_for;
  }
  if (const errc wrong = append_raw(env.parameters, line); wrong != errc::none) return wrong;
  return errc::none;
}

/// The MAIL line without CRLF, parameters in their fixed order (CMD-15).
errc session::impl::format_mail(mail_state& m, detail::text_buffer& line) {
  line = m.text.view(m.mail_line.at, m.mail_line.size);
  if (peer_.has(extension::size)) {
    // Octets as sent, stuffed dots and terminator not counted; unknown means no parameter (EXT-06).
    if (!m.content.is_streamed() || m.content.declared_size()) {
      line += " SIZE=";
      line.append_number(m.content.is_streamed() ? *m.content.declared_size() : m.facts.size);
    }
  }
  if (m.facts.eight_bit && peer_.has(extension::eight_bit_mime)) line += " BODY=8BITMIME";
  if ((m.utf8_sender || m.content.has_utf8_headers() || m.utf8_recipient) &&
      peer_.has(extension::smtputf8)) {
    line += " SMTPUTF8";
  }
  if (m.parameters) {
    if (const errc wrong = append_extras(m, line); wrong != errc::none) return wrong;
  }
  if (line.size() + crlf.size() <= command_line_limit) return errc::none;
  std::size_t limit = command_line_limit;
  for (const growth& g : mail_growth) {
    if (peer_.has(g.offered)) limit += g.octets;
  }
  return line.size() + crlf.size() > limit ? errc::line_too_long : errc::none;
}

/// A RCPT line without CRLF (CMD-15).
errc session::impl::format_rcpt(mail_state& m, std::uint32_t index, detail::text_buffer& line) {
  const detail::text_span path = m.rcpts[index].line;
  line = m.text.view(path.at, path.size);
  if (m.parameters) {
    const errc wrong = append_extras(m, m.env.recipients[index], line);
    if (wrong != errc::none) return wrong;
  }
  const std::size_t limit = command_line_limit + (peer_.has(extension::dsn) ? rcpt_dsn_growth : 0);
  return line.size() + crlf.size() > limit ? errc::line_too_long : errc::none;
}

/// The parameters of RCPT (CMD-15).
errc session::impl::append_extras(const mail_state& m, const recipient& to,
                                  detail::text_buffer& line) {
  if (to.notification != notify::unset || !to.original.empty()) {
    const notify n = to.notification;
    if (has(n, notify::never) && n != notify::never) return errc::bad_parameter;  // DSN-02
    if (!peer_.has(extension::dsn)) {
      if (m.step == mail_step::queued) {
        warn(errc::parameter_not_offered, "DSN is not offered: NOTIFY and ORCPT are left out");
      }
    } else {
      if (n != notify::unset) {
        line += " NOTIFY=";
        char separator = '\0';
        const auto word = [&](notify one, std::string_view name) {
          if (!has(n, one)) return;
          if (separator != '\0') line += separator;
          separator = ',';
          line += name;
        };
        word(notify::never, "NEVER");
        word(notify::success, "SUCCESS");
        word(notify::failure, "FAILURE");
        word(notify::delay, "DELAY");
      }
      if (!to.original.empty()) {
        if (std::any_of(to.original.begin(), to.original.end(), ascii::is_control)) {
          return errc::bad_argument;
        }
        const std::size_t semicolon = to.original.find(';');
        if (semicolon == std::string::npos ||
            !ascii::is_keyword(std::string_view(to.original).substr(0, semicolon))) {
          return errc::bad_parameter;
        }
        const std::string encoded =
            xtext_encode(std::string_view(to.original).substr(semicolon + 1));
        if (semicolon + 1 + encoded.size() > original_limit) return errc::bad_parameter;
        line += " ORCPT=";
        line += std::string_view(to.original).substr(0, semicolon + 1);
        line += encoded;
      }
    }
  }
  return append_raw(to.parameters, line);
}

// -- content --------------------------------------------------------------------------------------

/// Stages some content. False if there is nothing more to stage now.
bool session::impl::write_content(mail_state& m) {
  if (m.wants_chunk) return false;
  if (out_.empty()) {  // while the caller had the word no timer ran (TIME-05)
    stretch_base_ += now_ - base_;
    base_ = now_;
  }
  const bool known = !m.content.is_streamed();
  if (!m.rest.empty()) {
    if (m.facts.plain && known) {
      out_.content(m.rest);
      m.rest = {};
    } else {
      slices_.clear();
      const errc wrong = m.stuffer.stuff(m.rest, slices_, slices_per_step);
      if (wrong != errc::none) {
        stop_content(m, wrong);
        return false;
      }
      if (!known) {
        const std::uint64_t limit = peer_.size_limit();
        errc bad = errc::none;
        if (m.stuffer.eight_bit() && !m.eight_bit) bad = errc::eight_bit_not_offered;
        if (limit != 0 && m.stuffer.size() > limit) bad = errc::content_too_big;  // DATA-12
        if (m.stuffer.longest_line() > long_line && !m.warned_long) {
          m.warned_long = true;
          if (config_.reject_long_lines) {
            bad = errc::content_line_too_long;
          } else {
            warn(errc::content_line_too_long, "a line of the content is longer than 1000 octets");
          }
        }
        if (bad != errc::none) {
          stop_content(m, bad);
          return false;
        }
      }
      for (const bytes slice : slices_) out_.content(slice);
      return true;
    }
  }
  if (!m.last_chunk) {
    m.chunk_end = out_.staged();
    release_chunk();
    return false;
  }

  slices_.clear();
  errc wrong = errc::none;
  const bool ends_well = m.facts.plain && known && m.facts.size != 0;
  if (ends_well) {
    out_.text(".\r\n");
  } else {
    wrong = m.stuffer.finish(slices_);
    if (wrong == errc::none && m.stuffer.size() == 0 && !config_.allow_empty_content) {
      wrong = errc::empty_content;
    }
    if (wrong != errc::none) {
      stop_content(m, wrong);
      return false;
    }
    for (const bytes slice : slices_) out_.content(slice);
    const std::optional<std::uint64_t> declared = m.content.declared_size();
    if (declared && *declared != m.stuffer.size()) {
      warn(errc::none, "the content's size is not the one that was declared");
    }
  }
  // Now nothing can be taken back; what is owed for this content can be told from a premature
  // reply.
  m.content_end = out_.staged();
  owed_.back().end = m.content_end;
  m.step = mail_step::finished;
  sending_ = nullptr;
  group_begin_ = m.content_end;
  // Only at level `messages` may the next envelope share the way with the terminator (PIPE-17).
  group_closed_ = level_ != pipelining_level::messages;
  return true;
}

/// Content that must not be sent, found after 354: the only way out is to close (DATA-08, DATA-14).
void session::impl::stop_content(mail_state& m, errc why) {
  const bool elsewhere = why == errc::eight_bit_not_offered || why == errc::content_too_big;
  const enhanced_status status = why == errc::content_too_big         ? status_too_big
                                 : why == errc::eight_bit_not_offered ? status_eight_bit
                                                                      : status_content;
  const verdict v{verb::content, why, elsewhere ? hint::other_host : hint::none, {}, status};
  for (detail::rcpt_state& r : m.rcpts) {
    if (r.result == outcome::pending && r.step == rcpt_step::accepted) {
      r.decide(outcome::rejected, v);
    }
  }
  fail({why, verb::content, {}, {}, hint::none, {}});
}

/// The chunk lent last is the caller's again once all of it was written.
void session::impl::release_chunk() {
  if (sending_ == nullptr) return;
  mail_state& m = *sending_;
  if (m.step != mail_step::content || !m.lending || m.last_chunk || !m.rest.empty()) return;
  if (m.chunk_end == 0 || out_.sent() < m.chunk_end) return;
  m.lending = false;
  m.wants_chunk = true;
  m.chunk_end = 0;
  detail::pending_event& e = tell_event(event::kind::chunk_released, verb::content);
  e.id = m.id;
}

}  // namespace sansmtp

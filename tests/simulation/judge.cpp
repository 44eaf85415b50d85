#include "judge.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace sansmtp::simulation {
namespace {

constexpr std::string_view quit_line = "QUIT\r\n";

verdict by_reply(int code, verb stage) {
  const failure_category c = code == 421 ? failure_category::closing : failure_category::reply;
  return {code / 100 == 5 ? outcome::rejected : outcome::deferred, c, code, stage};
}

/// Number behind `prefix`.
std::size_t number_in(std::string_view line, std::string_view prefix) {
  return std::strtoul(std::string(line.substr(prefix.size())).c_str(), nullptr, 10);
}

}  // namespace

std::string as_it_must_arrive(std::string_view content) {
  std::string out;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '\r' || content[i] == '\n') {
      if (content.substr(i).starts_with("\r\n")) ++i;
      out += "\r\n";
    } else {
      out += content[i];
    }
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

// -- what happens -------------------------------------------------------------------------------

void judge::connected(time_point now) {
  now_ = last_reply_ = now;
  if (config_.tls == tls_mode::implicit) {
    handshake_ = true;
  } else {
    push(verb::greeting, 0, 0);
  }
}

void judge::queued(mail_plan plan) {
  mails_.emplace_back();
  mails_.back().recipients.resize(plan.recipients);
  mails_.back().plan = std::move(plan);
}

void judge::cancelled(std::size_t mail) {
  mail_book& m = mails_[mail];
  if (over_ || handed_out(m.dot)) return;  // nothing can be taken back
  m.cancelled = true;
  const bool open = content_is_open() && owed_.front().what == verb::content;
  if (open && owed_.front().mail == mail) stop(failure_category::aborted);  // TXN-20
}

void judge::quit_now() {
  quit_now_ = true;
  for (std::size_t i = 0; i < mails_.size(); ++i) {
    if (mails_[i].data_reply == 0) cancelled(i);  // SESS-25
  }
}

void judge::octets_received() {
  if (handshake_ && !over_) stop(failure_category::protocol);
}

void judge::handshake_done(time_point now, bool ok, bool verified) {
  if (over_) return;
  require(handshake_, "a handshake is asked for");
  now_ = last_reply_ = now;
  handshake_ = false;
  if (!ok) return stop(failure_category::tls);
  tls_ = true;
  verified_ = verified;
  hello_ = false;
  offers_pipelining_ = false;  // all that was learnt in clear text is forgotten (TLS-06)
  if (config_.tls == tls_mode::implicit) push(verb::greeting, 0, 0);
}

void judge::passed(time_point now, std::optional<time_point> due) {
  now_ = now;
  if (over_ || !due || now < *due) return;
  stop(failure_category::timeout);
}

void judge::stop(failure_category what, int code) {
  if (over_) return;
  over_ = true;
  // At the end of a session all of these are what comes (SESS-19, TIME-07).
  const bool no_word =
      what == failure_category::connection_lost || what == failure_category::timeout;
  const bool leaves = quit_ && owed_.size() == 1 && owed_.front().what == verb::quit &&
                      (no_word || handed_out(owed_.front().end)) && !holds();
  if (leaves && what != failure_category::aborted) return;
  // A refusal of LMTP's that was read is one, whatever becomes of the write that it waits for.
  for (mail_book& m : mails_) {
    if (m.held / 100 > 3) final_reply(m, m.held_for) = m.held;
  }
  // After 421 a QUIT may be tried at the border of two lines (SESS-24), else there is no octet.
  const bool quit_has_left = quit_ && disowned_.empty();
  last_word_ = what == failure_category::closing && !content_is_open() && !quit_has_left;
  if (leaving_) return;  // the first failure wins
  cause_ = what;
  cause_code_ = code;
}

void judge::says_ready() const {
  require(hello_, "ready: EHLO or HELO was accepted");
  require(!leaving_, "ready: nothing failed");
  require(config_.tls != tls_mode::required || tls_, "ready: TLS was required (SEC-05)");
  require(!wants_login_ || logged_in_ || config_.auth_optional, "ready: the user logged in");
}

void judge::says_failed() const {
  require(leaving_ || over_ || login_step_, "a session that nothing ails does not fail");
}

// -- what is written ----------------------------------------------------------------------------

void judge::lent(time_point now, std::string_view octets) {
  now_ = now;
  if (over_) {
    require(last_word_ && quit_line.ends_with(octets), "no octet after the end (SESS-21, TIME-06)");
    const bool at_border =
        sent_ == parsed_ ||
        std::any_of(owed_.begin(), owed_.end(), [&](const owed& o) { return o.begin == sent_; });
    require(octets != quit_line || at_border, "QUIT begins at the border of two lines");
    return;
  }
  require(octets.starts_with(disowned_), "what was not written is offered again (CORE-03)");
  if (inside_ != none && !lone_dot_ && sent_ == wire_.size() && disowned_.empty()) {
    slow_since_ += now - progress_;  // this was not the server's time
    progress_ = now;
  }
  disowned_.clear();
  wire_ += octets;
  for (owed& o : owed_) {
    if (o.end > sent_ && o.end <= wire_.size()) o.last = now;
  }
  const std::size_t first_new = parsed_;
  while (parsed_ < wire_.size()) {
    const std::size_t begin = parsed_;
    const std::size_t end = wire_.find("\r\n", begin);
    if (end == std::string::npos) {
      require(inside_ != none, "a command is handed out with its CRLF");
      break;
    }
    const std::string_view line = std::string_view(wire_).substr(begin, end - begin);
    parsed_ = end + 2;
    if (inside_ != none) {
      read_content(line, end + 2);
    } else {
      read_line(line, begin, end + 2);
    }
  }
  if (current_ != none && pipelining() && only_mails_ && !config_.require_all_recipients &&
      mails_[current_].end > first_new && !mails_[current_].cancelled &&
      owed_.front().what != verb::rset) {
    const mail_book& m = mails_[current_];
    const bool whole = lmtp_ ? m.recipients.back().end != 0 : m.data;  // DATA is no part (LMTP-03)
    require(whole, "an envelope is one group (PIPE-02)");
  }
}

void judge::sent(time_point now, std::size_t n) {
  now_ = now;
  if (n > 0 && inside_ != none) progress_ = now;
  if (over_) {
    // A last word that was not written is offered again from where it stopped.
    sent_ = std::min(sent_ + n, wire_.size());
    return;
  }
  for (const owed& o : owed_) {
    const bool content = o.what == verb::content || o.what == verb::lone_dot;
    if (content && n > 0 && sent_ < o.end) progress_ = now;
  }
  sent_ += n;
  if (progress_ == now && n > 0 && sent_ - slow_from_ >= config_.limits.progress_octets) {
    slow_since_ = now;
    slow_from_ = sent_;
  }
  require(sent_ <= wire_.size(), "no more is written than was lent");
  disowned_ = wire_.substr(sent_);
  wire_.resize(sent_);
  for (mail_book& m : mails_) {
    if (m.held == 0) continue;
    // TXN-15; what ends the session is this reply and not the one to a QUIT behind it.
    if (m.held / 100 == 3 && handed_out(m.dot)) return stop(failure_category::protocol);
    const int code = std::exchange(m.held, 0);
    if (!handed_out(m.dot)) continue;
    final_reply(m, m.held_for) = code;
  }
  if (answered_ > sent_) stop(failure_category::protocol);  // answered before it had left
  for (const auto& [code, what, text] : std::exchange(waiting_, {})) {
    if (code == 0) {
      violation(what);
    } else {
      reply(now, code, text);
    }
  }
}

void judge::push(verb v, std::size_t begin, std::size_t end, std::size_t mail,
                 std::size_t recipient) {
  owed_.push_back({v, mail, recipient, begin, end, now_, now_});
}

void judge::read_line(std::string_view line, std::size_t begin, std::size_t end) {
  const bool in_content = !owed_.empty() && owed_.front().what == verb::content;
  for (const char c : line) require(c >= ' ' && c != 127, "a command is one line of text (SEC-01)");
  require(!handshake_, "no octet before the handshake (TLS-04)");
  require(!quit_, "nothing follows QUIT (SESS-19)");
  require(pipelining() || owed_.empty(), "lockstep: one command at a time (TXN-02)");
  for (const owed& o : owed_) {
    const bool goes_on = o.what == verb::mail || o.what == verb::rcpt || o.what == verb::rset ||
                         o.what == verb::content;
    require(goes_on, "nothing follows a last-only command before its reply (PIPE-03, PIPE-04)");
  }
  if (in_content) {
    require(runs_ahead_ && handed_out(owed_.front().end),
            "what follows content waits for its reply (PIPE-17)");
    require(
        line.starts_with("MAIL ") || line.starts_with("RCPT ") || line == "DATA" || line == "QUIT",
        "only an envelope or QUIT goes ahead of a verdict (PIPE-17)");
  }
  const std::string_view hello = lmtp_ ? "LHLO " : "EHLO ";  // LMTP-01
  const bool safe = tls_ && verified_;
  for (const std::string_view secret : {"s3cret", "czNjcmV0", "AHVzZXIAczNjcmV0"}) {
    require(safe || line.find(secret) == std::string_view::npos, "no secret before TLS (AUTH-13)");
  }
  if (config_.tls == tls_mode::required && !tls_) {
    require(line.starts_with(hello) || line == "STARTTLS" || line == "QUIT",
            "nothing but EHLO, STARTTLS and QUIT in clear text (TLS-03)");
  }
  if (line == "QUIT") {
    quit_ = true;
    if (config_.quit_no_wait) over_ = last_word_ = true;  // SESS-20
    return push(verb::quit, begin, end);
  }
  require(!leaving_, "a failed session goes on with QUIT only (SESS-21)");
  if (line.starts_with("MAIL FROM:<s")) return read_mail(line, begin, end);
  if (line.starts_with("RCPT TO:<r")) return read_rcpt(line, begin, end);
  if (line == "DATA") return read_data(begin, end);
  if (line == "RSET") {
    if (only_mails_) {
      require(current_ != none && !delivered(mails_[current_]) && !reset_,
              "RSET only behind a mail that failed (TXN-16, TXN-17)");
      require(owed_.empty(), "RSET behind a mail that is over");
    }
    return push(verb::rset, begin, end);
  }
  require(owed_.empty(), "stands alone in its group (PIPE-03)");
  if (line.starts_with(hello)) return push(verb::ehlo, begin, end);
  if (line.starts_with("HELO ") && !lmtp_) return push(verb::helo, begin, end);
  if (line == "STARTTLS") return push(verb::starttls, begin, end);
  if (line == "*" && login_step_) return push(verb::auth_cancel, begin, end);
  if (line.starts_with("AUTH ") || login_step_) return push(verb::auth, begin, end);
  require(line.starts_with("NOOP"), "a known command");
  push(verb::noop, begin, end);
}

void judge::read_mail(std::string_view line, std::size_t begin, std::size_t end) {
  const std::size_t mail = number_in(line, "MAIL FROM:<s");
  require(hello_, "MAIL behind EHLO");
  says_ready();
  require(mail < mails_.size() && mails_[mail].end == 0, "MAIL of a mail that waits");
  require(!mails_[mail].cancelled, "MAIL of a mail that is wanted");
  for (std::size_t i = 0; i < mail; ++i) {
    require(mails_[i].end != 0 || mails_[i].cancelled, "mails go in their order");
  }
  if (current_ != none) {
    const mail_book& last = mails_[current_];
    const bool rides = only_content_owed();
    require(delivered(last) || reset_ || rides || only_resets_owed(),
            "RSET goes before MAIL if the last mail failed (TXN-16)");
  }
  require(owed_.empty() || only_content_owed() || only_resets_owed(), "MAIL begins a group");
  mails_[mail].rides = only_content_owed();
  current_ = mail;
  reset_ = false;
  mails_[mail].end = end;
  push(verb::mail, begin, end, mail);
}

void judge::read_rcpt(std::string_view line, std::size_t begin, std::size_t end) {
  const std::size_t mail = number_in(line, "RCPT TO:<r");
  const std::size_t dot = line.find('.');
  require(mail == current_ && dot != std::string_view::npos, "RCPT of the mail whose MAIL went");
  mail_book& m = mails_[mail];
  const std::size_t recipient = number_in(line, line.substr(0, dot + 1));
  require(!m.data && recipient < m.recipients.size() && m.recipients[recipient].end == 0,
          "RCPT once for each recipient, before DATA (TXN-01)");
  require(recipient == 0 || m.recipients[recipient - 1].end != 0, "RCPTs go in their order");
  if (!pipelining()) {
    require(m.mail_reply / 100 == 2, "no RCPT for a refused sender (TXN-04)");
    require(!m.cancelled, "no RCPT of a cancelled mail");
    for (const rcpt_book& r : m.recipients) {
      require(!r.too_many, "no RCPT behind too many recipients (TXN-10)");
    }
  }
  m.recipients[recipient].begin = begin;
  m.recipients[recipient].end = end;
  push(verb::rcpt, begin, end, mail, recipient);
}

void judge::read_data(std::size_t begin, std::size_t end) {
  require(current_ != none && !mails_[current_].data, "DATA once, behind MAIL");
  mail_book& m = mails_[current_];
  bool all = true;
  bool too_many = false;
  for (const rcpt_book& r : m.recipients) {
    all = all && r.end != 0;
    too_many = too_many || r.too_many;
  }
  require(all || (!pipelining() && too_many), "DATA behind all RCPTs (PIPE-16)");
  require(!m.cancelled, "no DATA of a cancelled mail (TXN-20)");
  if (!owes(current_)) {
    require(m.mail_reply / 100 == 2 && accepted(m) != 0, "DATA only for somebody (TXN-07)");
  }
  require(!lmtp_ || !owes(current_), "DATA waits for the replies to all RCPT (LMTP-03)");
  if (config_.require_all_recipients) {
    require(!owes(current_) && !refused_any(m), "DATA only for all (TXN-08)");
  }
  for (const owed& o : owed_) require(o.what != verb::rset, "DATA waits for RSET (TXN-19)");
  m.data = true;
  push(verb::data, begin, end, current_);
}

void judge::read_content(std::string_view line, std::size_t end) {
  mail_book& m = mails_[inside_];
  if (line != ".") {
    require(!lone_dot_, "a lone dot and no content (PIPE-09)");
    content_ += line.starts_with('.') ? line.substr(1) : line;
    content_ += "\r\n";
    require(m.plan.content.starts_with(content_), "content goes out as it was given (DATA-01)");
    return;
  }
  if (!lone_dot_) {
    require(content_ == m.plan.content, "the terminator stands behind all content (SEC-02)");
    m.dot = end;
  }
  // Nothing but the replies to this content is waited for while it is written.
  for (owed& o : owed_) {
    require(o.what == verb::content || o.what == verb::lone_dot,
            "content is written when all before it is answered (PIPE-04)");
    o.end = end;
    o.first = o.last = now_;
  }
  inside_ = none;
  lone_dot_ = false;
  content_.clear();
}

// -- what is replied ----------------------------------------------------------------------------

void judge::reply(time_point now, int code, std::string_view text) {
  if (over_) return;
  if (holds()) return waiting_.push_back({code, failure_category::none, std::string(text)});
  now_ = now;
  const bool content_goes_out = content_is_open();
  if (owed_.empty() || (!content_goes_out && owed_.front().end > wire_.size())) {
    // Nobody asked, or the line has not left (REP-16, SESS-23).
    return code == 421 ? stop(failure_category::closing, code) : stop(failure_category::protocol);
  }
  const owed line = owed_.front();
  if (line.what != verb::quit && code == 421) {
    stop(failure_category::closing, code);
    return react(line, code, text);
  }
  const bool knows_3yz = line.what == verb::data || line.what == verb::auth ||
                         line.what == verb::content || line.what == verb::quit;
  if (line.what == verb::auth && code / 100 == 3 && code != 334) {
    return stop(failure_category::protocol);
  }
  // What was owed when a polite end began changes nothing.
  const bool own_reset = line.what == verb::rset && only_mails_;
  const bool matters =
      !(leaving_ || (quit_ && own_reset) || (quit_now_ && quit_)) || line.what == verb::auth_cancel;
  if (code / 100 == 3 && !knows_3yz && matters) return stop(failure_category::protocol);  // REP-20
  last_reply_ = now;
  answered_ = std::max(answered_, line.end);
  react(line, code, text);
  owed_.pop_front();
}

void judge::react(const owed& line, int code, std::string_view text) {
  const bool yes = code / 100 == 2;
  switch (line.what) {
    case verb::greeting:
      if (!yes) leaving_ = true;
      break;
    case verb::lhlo:  // which is read as EHLO
    case verb::ehlo: {
      hello_ = yes;
      offers_pipelining_ = yes && text.find("\nPIPELINING") != std::string_view::npos;
      offers_tls_ = yes && text.find("\nSTARTTLS") != std::string_view::npos;
      offers_login_ = yes && text.find("\nAUTH PLAIN") != std::string_view::npos;
      if (yes) open_further();
      const bool needs_more =
          config_.tls == tls_mode::required || tls_ || (wants_login_ && !config_.auth_optional);
      const bool fallback =
          (code == 500 || code == 502) && !needs_more && !lmtp_;  // SESS-08, SESS-11
      if (!yes && !fallback) leaving_ = true;
      break;
    }
    case verb::helo:
      hello_ = yes;
      if (!yes) leaving_ = true;
      break;
    case verb::starttls:
      handshake_ = yes;
      offers_tls_ = false;
      if (!yes) open_further();
      break;
    case verb::auth:
      login_step_ = code / 100 == 3;
      logged_in_ = yes;
      if (!yes && !login_step_) leaving_ = true;
      break;
    case verb::auth_cancel:
      login_step_ = false;
      leaving_ = true;
      if (yes || code / 100 == 3) stop(failure_category::protocol);
      break;
    case verb::mail:
      mails_[line.mail].mail_reply = code;
      mails_[line.mail].behind_a_delivery = std::any_of(
          mails_.begin(), mails_.end(), [&](const mail_book& m) { return delivered(m); });
      if (mails_[line.mail].rides && code == 503) runs_ahead_ = false;  // PIPE-17
      break;
    case verb::rcpt: {
      mail_book& m = mails_[line.mail];
      rcpt_book& r = m.recipients[line.recipient];
      const std::string_view last = text.substr(text.rfind('\n') + 1);
      const bool other_meaning = last.starts_with("5.") && !last.starts_with("5.5.3 ");
      r.too_many = accepted(m) != 0 && (code == 452 || (code == 552 && !other_meaning));  // TXN-09
      r.reply = code;
      break;
    }
    case verb::data: react_to_data(mails_[line.mail], line.mail, code); break;
    case verb::content: react_to_content(mails_[line.mail], line, code); break;
    case verb::lone_dot: {
      // Whatever it is, it changes nothing (PIPE-09); but before the dot it ends the session.
      if (!handed_out(line.end) && code != 421) stop(failure_category::protocol);
      break;
    }
    case verb::rset:
      // A MAIL that stood behind it in its group has its own end to come.
      if (yes && (current_ == none || line.end > mails_[current_].end)) reset_ = true;
      if (!yes && !leaving_) refuse_reset(code);
      break;
    case verb::noop: break;
    case verb::quit: over_ = true; break;  // SESS-19
    case verb::handshake:
    case verb::xclient:  // no world of this simulation offers XCLIENT, XFORWARD, CHUNKING or PRDR
    case verb::xforward:
    case verb::bdat:
    case verb::bdat_last:
    case verb::verdict:
    case verb::help:
    case verb::vrfy:
    case verb::expn:
    case verb::raw: break;
  }
}

/// TXN-18: the session is over for all mails that are; what is said to their commands changes
/// nothing.
void judge::refuse_reset(int code) {
  leaving_ = true;
  reset_wire_ = wire_.size();
  for (std::size_t i = 0; i < mails_.size(); ++i) {
    mail_book& m = mails_[i];
    if (must_be_done(i)) continue;
    m.reset_reply = code;
    m.given_up_before = given_up(m);
  }
}

/// What the opening lacks is not to be had (TLS-03, SESS-27, AUTH-13).
void judge::open_further() {
  if (!tls_ && offers_tls_ && config_.tls != tls_mode::off) return;
  if (!tls_ && config_.tls == tls_mode::required) leaving_ = true;
  const bool can_login = offers_login_ && tls_ && verified_;
  if (wants_login_ && !logged_in_ && !can_login && !config_.auth_optional) leaving_ = true;
}

void judge::react_to_data(mail_book& m, std::size_t mail, int code) {
  m.data_reply = code;
  if (code / 100 == 2) return stop(failure_category::protocol);  // TXN-12
  if (code / 100 != 3) return;
  const bool somebody = accepted(m) != 0;
  // A lone dot could deliver an empty message to those (PIPE-11).
  if (m.mail_reply / 100 != 2 && somebody) {
    // Of a mail that rides it is open what the server means: it may be retried (PIPE-17).
    if (m.rides) {
      m.mail_reply = 0;
      for (rcpt_book& r : m.recipients) r.reply = 0;
    }
    return stop(failure_category::protocol);
  }
  if (somebody && m.cancelled) return stop(failure_category::aborted);  // TXN-20
  inside_ = mail;
  lone_dot_ = !somebody;
  progress_ = slow_since_ = now_;
  slow_from_ = wire_.size();
  if (!lmtp_) return push(lone_dot_ ? verb::lone_dot : verb::content, wire_.size(), 0, mail);
  for (std::size_t i = 0; i < m.recipients.size(); ++i) {  // LMTP-04
    if (m.recipients[i].reply / 100 == 2) push(verb::content, wire_.size(), 0, mail, i);
  }
}

void judge::react_to_content(mail_book& m, const owed& line, int code) {
  const bool refusal = code / 100 == 4 || code / 100 == 5;
  // A server that leaves says so to all that are still open.
  for (rcpt_book& r : m.recipients) {
    const bool open = lmtp_ && code == 421 && r.reply / 100 == 2 && r.final_reply == 0;
    if (open && handed_out(line.end)) r.final_reply = code;
  }
  // Premature (TXN-27), or perhaps so: the write of the terminator is not confirmed, and a refusal
  // counts at once (boundary rule 4).
  // In LMTP a refusal is one recipient's: it waits for the transport's word as a success does.
  const bool waits = line.end > sent_ && (!refusal || (lmtp_ && code != 421));
  if (!handed_out(line.end) || (line.end > sent_ && !waits)) {
    if (refusal) final_reply(m, line.recipient) = code;
    // The cause of what becomes of the other mails is not laid down.
    return stop(refusal ? failure_category::none : failure_category::protocol);
  }
  if (waits) {
    m.held = code;  // the transport has not said yet that the terminator has left
    m.held_for = line.recipient;
  } else if (code / 100 == 3) {
    stop(failure_category::protocol);  // TXN-15
  } else {
    final_reply(m, line.recipient) = code;
  }
}

// -- what must be -------------------------------------------------------------------------------

std::size_t judge::accepted(const mail_book& m) {
  return static_cast<std::size_t>(
      std::count_if(m.recipients.begin(), m.recipients.end(),
                    [](const rcpt_book& r) { return r.reply / 100 == 2; }));
}

bool judge::delivered(const mail_book& m) const {
  return std::any_of(m.recipients.begin(), m.recipients.end(),
                     [&](const rcpt_book& r) { return final_reply(m, r) / 100 == 2; });
}

bool judge::refused_any(const mail_book& m) {
  return std::any_of(m.recipients.begin(), m.recipients.end(),
                     [](const rcpt_book& r) { return r.reply / 100 > 3 && r.reply != 421; });
}

void judge::violation(failure_category what) {
  if (over_) return;
  if (holds()) return waiting_.push_back({0, what, {}});
  stop(what);
}

bool judge::holds() const {
  return std::any_of(mails_.begin(), mails_.end(), [](const mail_book& m) { return m.held != 0; });
}

bool judge::content_is_open() const {
  if (inside_ != none) return true;
  if (owed_.empty()) return false;
  const owed& line = owed_.front();
  return (line.what == verb::content || line.what == verb::lone_dot) && !handed_out(line.end);
}

bool judge::owes(std::size_t mail) const {
  return std::any_of(owed_.begin(), owed_.end(), [&](const owed& o) { return o.mail == mail; });
}

bool judge::only_content_owed() const {
  return runs_ahead_ && owed_.size() == 1 && owed_.front().what == verb::content &&
         handed_out(owed_.front().end);
}

bool judge::only_resets_owed() const {
  return config_.pipeline_rset && pipelining() && !owed_.empty() &&
         std::all_of(owed_.begin(), owed_.end(),
                     [](const owed& o) { return o.what == verb::rset; });
}

/// Why a mail was given up before its content, whatever comes later (TXN-08, TXN-20).
errc judge::given_up(const mail_book& m) const {
  if (m.cancelled && !handed_out(m.dot)) return errc::aborted;
  return config_.require_all_recipients && refused_any(m) ? errc::recipient_refused : errc::none;
}

std::optional<verdict> judge::of(std::size_t mail, std::size_t recipient) const {
  const mail_book& m = mails_[mail];
  const rcpt_book& r = m.recipients[recipient];
  if (m.reset_reply != 0) {  // OUT-04 outranks what was said to RCPT
    const bool asked = r.end != 0 && r.end <= reset_wire_;
    if (m.given_up_before != errc::none) {
      return verdict{.result = asked ? outcome::deferred : outcome::not_attempted,
                     .category = failure_category::aborted,
                     .why = m.given_up_before};
    }
    return verdict{.result = asked ? outcome::deferred : outcome::not_attempted,
                   .category = failure_category::reply,
                   .code = m.reset_reply,
                   .stage = verb::rset,
                   .why = errc::reset_refused};
  }
  if (m.mail_reply / 100 > 3) {  // TXN-04, PIPE-12
    verdict v = by_reply(m.mail_reply, verb::mail);
    if (m.rides && m.mail_reply == 503) {  // for its place, which is no fault of the sender
      v.result = outcome::deferred;
      v.why = errc::ran_ahead;
    }
    v.another_connection = m.behind_a_delivery && m.mail_reply / 100 == 4 && m.mail_reply != 421;
    return v;
  }
  // A mail that was given up stays so; 421 refuses nobody.
  const bool aborted = given_up(m) != errc::none;
  if (r.reply / 100 > 3 && (r.reply != 421 || !aborted)) {
    verdict v = by_reply(r.reply, verb::rcpt);
    if (r.too_many) v.result = outcome::deferred;
    return v;
  }
  if (!handed_out(r.end)) {  // OUT-04
    const bool partly = r.end != 0 && r.begin < wire_.size();
    const bool too_many = std::any_of(m.recipients.begin(), m.recipients.end(),
                                      [](const rcpt_book& other) { return other.too_many; });
    const bool not_all = config_.require_all_recipients && refused_any(m);
    const bool stopped_short = m.end != 0 && !pipelining() &&
                               (too_many || (!owes(mail) && (m.data_reply != 0 || not_all)));
    const bool open = m.end != 0 && aborted && too_many;
    verdict v{outcome::not_attempted, over_ && !open ? cause_ : failure_category::none};
    // Whatever ended the session behind it; of two causes it is open which came first.
    if (m.end != 0 && aborted && !too_many) {
      v.category = failure_category::aborted;
      v.why = given_up(m);
    }
    if (partly) {
      v.result = outcome::deferred;
      v.or_not_attempted = true;
    }
    const bool before = stopped_short || (leaving_ && m.end == 0) || (m.cancelled && !owes(mail));
    if (before) v.category = failure_category::none;
    if (before || over_) return v;
    return std::nullopt;
  }
  if (const int code = final_reply(m, r); code != 0) {
    if (code / 100 == 2) return verdict{outcome::delivered};  // TXN-14
    return by_reply(code, verb::content);
  }
  if (m.data_reply / 100 > 3 && (m.data_reply != 421 || !aborted)) {
    return by_reply(m.data_reply, verb::data);  // TXN-11
  }
  if (aborted && ((!m.data && !owes(mail)) || over_)) {
    return verdict{.result = outcome::deferred,  // TXN-08, TXN-20
                   .category = failure_category::aborted,
                   .why = given_up(m)};
  }
  if (over_) {
    const bool doubt = handed_out(m.dot);  // OUT-02, OUT-03
    return verdict{doubt ? outcome::in_doubt : outcome::deferred, cause_, cause_code_};
  }
  return std::nullopt;
}

bool judge::must_be_done(std::size_t mail) const {
  if (!over_ && (owes(mail) || inside_ == mail)) return false;
  for (std::size_t i = 0; i < mails_[mail].recipients.size(); ++i) {
    if (!of(mail, i)) return false;
  }
  return true;
}

std::chrono::milliseconds judge::timeout_of(verb v) const {
  const struct timeouts& t = config_.timeouts;
  switch (v) {  // TIME-01
    case verb::greeting: return t.greeting;
    case verb::ehlo:
    case verb::helo:
    case verb::lhlo: return t.hello;
    case verb::starttls: return t.starttls;
    case verb::handshake: return t.handshake;
    case verb::xclient: return t.greeting;
    case verb::auth:
    case verb::auth_cancel: return t.auth;
    case verb::mail: return t.mail;
    case verb::rcpt: return t.rcpt;
    case verb::data: return t.data;
    case verb::content:
    case verb::bdat_last:
    case verb::verdict:
    case verb::lone_dot: return t.content;
    case verb::bdat: return t.chunk;
    case verb::rset: return t.reset;
    case verb::xforward:
    case verb::noop:
    case verb::help:
    case verb::vrfy:
    case verb::expn:
    case verb::raw: return t.command;
    case verb::quit: return t.quit;
  }
  return {};
}

std::optional<std::pair<time_point, time_point>> judge::deadline() const {
  if (over_) return std::nullopt;
  if (handshake_) {
    const time_point at = last_reply_ + timeout_of(verb::handshake);
    return std::pair{at, at};
  }
  if (owed_.empty()) return std::nullopt;  // TIME-07
  const owed& line = owed_.front();
  if (line.what == verb::content || line.what == verb::lone_dot) {
    const bool all_written = line.end != 0 && line.end <= sent_;
    if (!all_written) {  // TIME-05
      if (caller_is_asked_ && sent_ == wire_.size() && disowned_.empty()) return std::nullopt;
      time_point at = progress_ + config_.timeouts.block;
      if (line.what == verb::content) at = std::min(at, slow_since_ + config_.timeouts.progress);
      return std::pair{at, at};
    }
    // From the writing of the terminator, be it offered or taken.
    const auto timeout = timeout_of(line.what);
    const time_point offered = std::max(line.first, last_reply_);
    return std::pair{offered + timeout, std::max(offered, progress_) + timeout};
  }
  const auto timeout = timeout_of(line.what);
  return std::pair{std::max(line.first, last_reply_) + timeout,
                   std::max(line.last, last_reply_) + timeout};
}

}  // namespace sansmtp::simulation

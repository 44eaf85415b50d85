// A session against a caller who does what the input says and keeps books: which lines left, which
// replies were complete before that, what each mail's content must be. What the session tells is
// compared with the books (attacks B15, B20); session_harness.hpp plays all others.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session_harness.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

constexpr std::string_view password = "s3cret-pa55word";

/// Content with CRLF line ends and a line end at its end (DATA-03, DATA-06).
std::string normalized(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8 + 2);
  // The next CR and the next LF are looked for one by one: that is a call for each line, and not
  // for each octet.
  std::size_t cr = text.find('\r');
  std::size_t lf = text.find('\n');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min({cr, lf, text.size()});
    out += text.substr(at, end - at);
    if (end == text.size()) break;
    out += "\r\n";
    at = end + (end == cr && lf == cr + 1 ? 2 : 1);
    if (cr < at) cr = text.find('\r', at);
    if (lf < at) lf = text.find('\n', at);
  }
  if (!out.ends_with("\r\n") && !out.empty()) out += "\r\n";
  return out;
}

/// What the books know of a mail.
struct mail_book {
  std::vector<std::string> recipients;
  std::string content;              // as the caller gave it, all of it
  std::vector<exact_block> memory;  // what was borrowed or lent and must still live
  std::size_t lent = 0;             // octets of content given to lend()
  bool streamed = false;
  bool done = false;
  std::size_t terminator = 0;        // position in the wire behind it; 0: not handed out
  std::size_t terminator_reply = 0;  // index of the reply that answers it
  std::size_t mail_reply = 0;        // the same for MAIL; 0: not handed out
  std::map<std::string, std::size_t> rcpt_reply;  // by address, once its RCPT was handed out
};

class bookkeeper final : public session_user {
 public:
  session_config config(decisions& d) override {
    session_config c;
    const unsigned a = d.octet();
    const unsigned b = d.octet();
    c.pipelining = static_cast<pipelining_level>(a % 3);
    c.tls = static_cast<tls_mode>(a / 3 % 8 > 3 ? 0 : a / 3 % 4);
    c.trace = (a & 64) != 0;
    c.quit_no_wait = (b & 1) != 0;
    c.require_all_recipients = (b & 2) != 0;
    c.pipeline_rset = (b & 4) != 0;
    c.allow_empty_content = (b & 8) != 0;
    c.auth_optional = (b & 16) != 0;
    c.ehlo_after_auth = (b & 32) != 0;
    c.no_initial_response = (b & 64) != 0;
    c.progress = (b & 128) == 0;
    if (a > 200) {
      c.limits.outstanding = 1 + a % 7;
      c.limits.group_octets = 1 + b;
    }
    return c;
  }

  [[nodiscard]] std::vector<std::string> secrets() const override {
    return {std::string(password), base64_encode(password),
            base64_encode(std::string("\0user\0", 6) + std::string(password))};
  }
  [[nodiscard]] bool owes_content() const override { return asked_ != 0; }

  void start(session& s, decisions& d) override {
    if (d.below(4) == 0) command(s, d);
  }

  void act(session& s, decisions& d) override {
    switch (d.below(8)) {
      default: return send(s, d);
      case 4: return lend(s, d, false);
      case 5:
      case 6: return command(s, d);
      case 7:
        if (last_id_ != 0) s.cancel(d.below(static_cast<unsigned>(last_id_) + 1));
        return session_harness::say(">", "cancel");
    }
  }

  void go_on(session& s) override {
    decisions nothing(nullptr, 0);
    if (asked_ != 0) lend(s, nothing, true);
  }

  void check() override {
    for (const auto& [id, m] : mails_) require(m.done, "each mail is done");
    require(pending_.empty(), "each command is completed");
  }

  // -- the wire
  // -----------------------------------------------------------------------------------------

  void wrote_line(const session_harness& h, std::string_view line, std::size_t reply) override {
    harness_ = &h;
    if (line.starts_with("MAIL FROM:<s")) {
      on_wire_ = std::strtoull(std::string(line.substr(12)).c_str(), nullptr, 10);
      require(mails_.contains(on_wire_) && !mails_[on_wire_].done, "MAIL of a mail that is wanted");
      mails_[on_wire_].mail_reply = reply;
    } else if (line.starts_with("RCPT TO:<")) {
      const std::string address(line.substr(9, line.find('>') - 9));
      mails_.at(on_wire_).rcpt_reply[address] = reply;
    } else if (line == "RSET") {
      resets_.push_back(reply);
    }
  }

  void wrote_content(const session_harness& h, std::string_view content, std::size_t end,
                     std::size_t reply) override {
    mail_book& m = mails_.at(on_wire_);
    if (content.empty() && !m.content.empty()) {
      for (const auto& [address, rcpt] : m.rcpt_reply) {
        require(h.replies().at(rcpt) / 100 != 2, "a lone dot only without recipients");
      }
      return;
    }
    require(!m.streamed || m.lent == m.content.size(), "no terminator before all was lent");
    require(content == normalized(m.content), "the content arrives as it was given");
    m.terminator = end;
    m.terminator_reply = reply;
  }

  // -- events
  // -------------------------------------------------------------------------------------------

  void take(session& s, const event& e) override {
    switch (e.what) {
      case event::kind::mail_done: return check_mail(e);
      case event::kind::ready_for_data:
      case event::kind::chunk_released:
        if (!mails_.at(e.id).streamed) return;
        asked_ = e.id;
        mails_.at(e.id).memory.clear();
        return;
      case event::kind::authenticated:
      case event::kind::command_done:
        return require(pending_.erase(e.id) == 1, "a command is completed once");
      case event::kind::session_failed: pending_.erase(opening_login_); return;
      case event::kind::ready:
        if (s.config().auth_optional) pending_.erase(opening_login_);
        return;
      case event::kind::closed:
      case event::kind::upgrade_to_tls:
      case event::kind::reply_parsed:
      case event::kind::line_sent:
      case event::kind::content_sent:
      case event::kind::greeted:
      case event::kind::sender_accepted:
      case event::kind::sender_rejected:
      case event::kind::recipient_accepted:
      case event::kind::recipient_rejected:
      case event::kind::warning: return;
    }
  }

 private:
  [[nodiscard]] std::string some_text(decisions& d) {
    static constexpr std::string_view parts[] = {"a",        ".",      "\r\n", "\n",
                                                 "\r",       "..\r\n", "x\n",  "\xc3\xa9",
                                                 "line\r\n", ".\r\n",  "y",    "0123456789\r\n"};
    std::string text;
    const unsigned kind = d.below(8);
    for (unsigned i = d.below(12); i != 0; --i) text += parts[d.below(12)];
    if (kind == 0) text.insert(0, std::string(700 * times(1 + d.below(200), 700), 'z'));
    if (kind == 1 && d.below(16) == 0)
      for (unsigned i = times(2000, 6); i != 0; --i) text += "short\n";
    if (kind == 2)
      for (unsigned i = 0; i != 12; ++i) text += std::string(600, 'w') + "\r\n.";
    return text;
  }

  /// So many of so many octets, or a few: of mails that fill the session's buffers (128 KiB) each
  /// input has one at most, and of others that are long none, since they cost what a hundred short
  /// ones do.
  [[nodiscard]] unsigned times(unsigned count, unsigned octets) {
    if (count * octets < 4000) return count;
    if (count * octets > 128 * 1024 && !std::exchange(large_, true)) return count;
    return 1 + count % (4000 / octets);
  }

  void send(session& s, decisions& d) {
    if (mails_.size() > 40) return;
    const mail_id id = ++last_id_;
    mail_book& m = mails_[id];
    m.content = some_text(d);
    envelope env;
    env.sender = path("s" + std::to_string(id) + "@a.test");
    for (unsigned i = d.below(5); i != 0; --i) {
      const bool bad = d.one_in(20);
      std::string to = "r" + std::to_string(i) + ".m" + std::to_string(id) + "@b.test";
      if (bad) to = "no\r\nDATA";
      env.recipients.push_back(recipient(to));
      m.recipients.push_back(to);
    }
    env.skip_bad_recipients = d.below(2) == 0;
    message content;
    switch (d.below(3)) {
      case 0: content = message::own(m.content); break;
      case 1:
        m.memory.emplace_back(m.content);
        content = message::borrow(m.memory.back().view());
        break;
      default: m.streamed = true; content = message::stream().eight_bit(d.below(2) == 0);
    }
    session_harness::say(">", "send " + std::to_string(id));
    require(s.send(env, std::move(content)) == id, "ids are monotonic");
  }

  void lend(session& s, decisions& d, bool all) {
    std::string chunk;
    bool last = true;
    if (asked_ != 0) {
      const mail_book& m = mails_.at(asked_);
      const std::size_t left = m.content.size() - m.lent;
      const std::size_t n = all ? left : std::min<std::size_t>(left, d.octet() * d.octet());
      chunk = m.content.substr(m.lent, n);
      last = n == left && (all || d.below(4) != 0);
    }
    exact_block memory(chunk);
    const errc refused = s.lend(memory.view(), last);
    require((refused == errc::none) == (asked_ != 0) || s.closed(),
            "lend() is welcome when it was asked for");
    if (refused != errc::none || asked_ == 0) return;
    mail_book& m = mails_.at(asked_);
    m.lent += chunk.size();
    m.memory.clear();
    m.memory.push_back(std::move(memory));
    asked_ = 0;
  }

  void command(session& s, decisions& d) {
    operation_id id = 0;
    switch (d.below(8)) {
      case 0: id = s.noop("x"); break;
      case 1: id = s.reset(); break;
      case 2: id = s.hello(); break;
      case 3: id = s.raw("X-LINE y"); break;
      case 4: id = s.verify("x"); break;
      case 5: id = s.help(); break;
      case 6: id = s.raw("DATA"); break;
      default: {
        std::vector<std::unique_ptr<sasl_mechanism>> all;
        if (d.below(2) == 0) all.push_back(make_plain("user", std::string(password)));
        all.push_back(make_login("user", std::string(password)));
        const bool opening = s.where() == phase::opening || s.where() == phase::unconnected;
        id = s.authenticate(std::move(all));
        if (opening && opening_login_ == 0) opening_login_ = id;
      }
    }
    session_harness::say(">", "command " + std::to_string(id));
    require(id == ++last_id_, "ids are monotonic");
    pending_.insert(id);
  }

  void check_mail(const event& e) {
    mail_book& m = mails_.at(e.id);
    require(!std::exchange(m.done, true), "a mail is done once");
    if (asked_ == e.id) asked_ = 0;
    m.memory.clear();
    if (e.results.empty()) {
      return require(bool(e.error) || m.recipients.empty(), "no results only after a usage error");
    }
    require(e.results.size() == m.recipients.size(), "a result for each recipient");
    static const std::vector<int> none;
    const std::vector<int>& replies = harness_ == nullptr ? none : harness_->replies();
    const auto code_of = [&](std::size_t reply) {
      return reply != 0 && replies.size() > reply ? replies[reply] : 0;
    };
    const bool sender_refused = m.mail_reply != 0 && code_of(m.mail_reply) / 100 != 2;
    for (std::size_t i = 0; i < e.results.size(); ++i) {
      const recipient_result& r = e.results[i];
      require(r.address == m.recipients[i], "results in the envelope's order");
      const auto asked = m.rcpt_reply.find(m.recipients[i]);
      const bool known = asked != m.rcpt_reply.end() && replies.size() > asked->second;
      const bool accepted = known && replies[asked->second] / 100 == 2;
      const bool final = m.terminator != 0 && replies.size() > m.terminator_reply;
      const int verdict = final ? replies[m.terminator_reply] / 100 : 0;
      if (session_harness::traced()) {
        session_harness::say("  ", std::string(r.address) + " " + std::string(to_string(r.result)));
      }
      // A refusal of the server is the last word, whatever becomes of the link (attacks B15).
      const int rcpt_code = known ? replies[asked->second] : 0;
      // But a refused RSET has ended the session before it (TXN-18, OUT-04).
      const bool reset_refused = r.why == errc::reset_refused;
      if (reset_refused) {
        require(std::any_of(resets_.begin(), resets_.end(),
                            [&](std::size_t reply) { return code_of(reply) / 100 > 3; }),
                "reset_refused: a RSET was refused");
        require(r.result == outcome::not_attempted ||
                    (r.result == outcome::deferred && asked != m.rcpt_reply.end()),
                "reset_refused: deferred if it was asked for, else not attempted");
      }
      if (!reset_refused && !sender_refused && rcpt_code / 100 == 5 && rcpt_code != 552 &&
          r.category() == failure_category::reply) {
        require(r.result == outcome::rejected, "a refused recipient stays refused (OUT-03)");
      }
      switch (r.result) {
        case outcome::delivered:
          require(accepted && verdict == 2, "delivered: RCPT and content were accepted");
          require(m.terminator <= harness_->sent(), "delivered: the terminator left");
          require(harness_->handed_at()[m.terminator_reply] >= m.terminator,
                  "delivered: not before it left");
          break;
        case outcome::in_doubt:
          require(accepted && m.terminator != 0, "in doubt: the terminator was handed out");
          require(verdict != 4 && verdict != 5, "in doubt: no refusal came");
          break;
        case outcome::not_attempted: break;
        case outcome::rejected:
        case outcome::deferred: {
          const failure_category c = r.category();
          const bool refused = c == failure_category::reply || c == failure_category::closing ||
                               c == failure_category::local;
          if (m.terminator != 0 && m.terminator <= harness_->sent() && accepted) {
            require(refused, "not in doubt: the server or we refused it");
          }
          if (r.result == outcome::rejected && r.answer) {
            require(r.answer.first_digit() == 5, "rejected: by a 5yz");
          }
          break;
        }
        case outcome::pending: require(false, "pending is no outcome");
      }
      if (r.result == outcome::delivered) require(r.why == errc::none, "delivered: without error");
    }
  }

  const session_harness* harness_ = nullptr;
  mail_id on_wire_ = 0;
  std::vector<std::size_t> resets_;  // indices of the replies to each RSET
  std::map<mail_id, mail_book> mails_;
  std::set<operation_id> pending_;
  operation_id opening_login_ = 0;  // completed by session_failed as well
  operation_id last_id_ = 0;
  mail_id asked_ = 0;   // the mail that wants a chunk
  bool large_ = false;  // there was a mail that fills the buffers
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  play_session<bookkeeper>(data, size);
  return 0;
}

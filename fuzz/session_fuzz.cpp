// A session against a caller, a transport and a server that all do what the input's octets say. The
// model keeps books of its own: which lines left, which replies were complete before that, what
// each mail's content must be. What the session tells is compared with the books (attacks B15,
// B20).
#include <sansmtp/path.hpp>
#include <sansmtp/sansmtp.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace sansmtp;
using namespace std::chrono_literals;

const bool verbose = std::getenv("SANSMTP_FUZZ_TRACE") != nullptr;

void say(const char* who, std::string_view what) {
  if (verbose) std::fprintf(stderr, "%s %s\n", who, display_text(what.substr(0, 300)).c_str());
}

void require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", rule);
  std::abort();
}

/// The input: decisions, one octet each; zeros when it is used up.
class decisions {
 public:
  decisions(const std::uint8_t* at, std::size_t size) : at_(at), end_(at + size) {}
  [[nodiscard]] bool empty() const { return at_ == end_; }
  unsigned octet() { return at_ == end_ ? 0 : *at_++; }
  unsigned below(unsigned n) { return octet() % n; }
  bool one_in(unsigned n) { return !empty() && below(n) == n - 1; }
  /// The same for numbers of any size.
  bool odd(unsigned n) { return !empty() && (octet() << 8 | octet()) % n == 0; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

constexpr std::string_view password = "s3cret-pa55word";
constexpr std::size_t memory_bound = 3U << 20;

/// Octets in memory of exactly their size, so that one read too far or too late is seen.
struct block {
  explicit block(std::string_view s) : octets(new char[s.size()]), size(s.size()) {
    std::copy(s.begin(), s.end(), octets.get());
  }
  [[nodiscard]] bytes view() const { return {octets.get(), size}; }
  std::unique_ptr<char[]> octets;
  std::size_t size;
};

/// Content with CRLF line ends and a line end at its end (DATA-03, DATA-06).
std::string normalized(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' || text[i] == '\n') {
      if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      out += "\r\n";
    } else {
      out += text[i];
    }
  }
  if (!out.ends_with("\r\n") && !out.empty()) out += "\r\n";
  return out;
}

/// What the books know of a mail.
struct mail_book {
  std::vector<std::string> recipients;
  std::string content;        // as the caller gave it, all of it
  std::vector<block> memory;  // what was borrowed or lent and must still live
  std::size_t lent = 0;       // octets of content given to lend()
  bool streamed = false;
  bool done = false;
  std::size_t terminator = 0;        // position in the wire behind it; 0: not handed out
  std::size_t terminator_reply = 0;  // index of the reply that answers it
  std::map<std::string, std::size_t> rcpt_reply;  // by address, once its RCPT was handed out
};

class model {
 public:
  explicit model(decisions& d) : d_(d), session_(options(d)), oddness_(7U << 2 * d.below(3)) {}

  void run() {
    if (d_.below(4) == 0) command();
    now_ += 1s;
    session_.connected(now_, {"host.client.test", "192.0.2.5"});
    serve();
    for (int steps = 0; !d_.empty() && steps < 4000; ++steps) step();
    // However things stand, a server that answers lets all come to an end, and so does abort().
    if (d_.below(2) == 0) {
      tame_ = true;
      session_.quit();
      for (int i = 0; i < 2000 && !session_.closed(); ++i) serve();
    } else {
      session_.abort();
    }
    acknowledge(lent_);
    take_events();
    require(session_.closed(), "a quit session ends");
    require(closed_events_ == 1, "closed is told once");
    for (const auto& [id, m] : mails_) require(m.done, "each mail is done");
    require(pending_.empty(), "each command is completed");
  }

 private:
  static session_config options(decisions& d) {
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

  void step() {
    switch (d_.below(32)) {
      default: return serve();
      case 16: return take_output();
      case 17: return acknowledge(lent_ == 0 ? 0 : d_.octet() * lent_ / 255);
      case 18: return answer(1 + d_.below(64));
      case 19: return take_events();
      case 20:
      case 21:
      case 22:
      case 23: return send();
      case 24: return lend();
      case 25:
      case 26: return command();
      case 27: return pass_time();
      case 28:
        if (next_mail_ != 0) session_.cancel(d_.below(static_cast<unsigned>(last_id_) + 1));
        return say(">", "cancel");
      case 29: return tls();
      case 30: return ending();
      case 31: {
        session moved = std::move(session_);
        session_ = std::move(moved);
      }
    }
  }

  /// A round of the pump as session.hpp asks for it.
  void serve() {
    take_output();
    acknowledge(lent_);
    take_events();
    if (tame_ && asked_ != 0) lend();
    if (handshake_) tls();
    answer(100000);
    take_events();
    if (lent_ != 0 || session_.closed()) return;
    if (!session_.output(now_).empty()) return take_output();
    take_events();
    if (session_.in_flight() != 0 && asked_ == 0 && !session_.closed()) {
      require(session_.deadline().has_value(), "a timer runs while something is owed");
    }
    require(session_.memory() <= memory_bound, "memory is bounded");
  }

  // -- the transport ------------------------------------------------------------------------------

  void take_output() {
    const bool was_closed = session_.closed();
    const std::span<const bytes> views = session_.output(now_);
    std::string octets;
    for (const bytes v : views) octets.append(v.data(), v.size());
    if (lent_ != 0) {  // a write is in flight: nothing new
      require(octets.empty() ? session_.closed() : octets == wire_.substr(sent_, lent_),
              "lent views do not change");
      return;
    }
    if (octets.empty()) return;
    if (was_closed) {
      require(std::string_view("QUIT\r\n").ends_with(octets), "after the end only QUIT");
      require(!in_content_, "no QUIT inside content");
    }
    const std::string_view known = std::string_view(wire_).substr(sent_);
    if (!was_closed) {
      require(octets.starts_with(known), "what was not written is offered again");
    } else {
      wire_.resize(sent_);
    }
    lent_ = octets.size();
    held_ = views;
    wire_.resize(sent_);
    wire_ += octets;
    read_wire();
  }

  void acknowledge(std::size_t n) {
    if (lent_ == 0) return;
    n = std::max(n, seen_ > sent_ ? seen_ - sent_ : 0);
    std::string octets;
    for (const bytes v : held_) octets.append(v.data(), v.size());
    require(octets == wire_.substr(sent_, lent_), "lent octets live until sent()");
    sent_ += std::min(n, lent_);
    lent_ = 0;
    seen_ = std::max(seen_, sent_);
    session_.sent(now_, n);
  }

  // -- the wire -----------------------------------------------------------------------------------

  struct written {
    std::string line;
    std::size_t end;
  };

  void read_wire() {
    while (parsed_ < wire_.size()) {
      if (data_asked_) {
        const std::size_t reply = lines_.size();  // that of DATA: the greeting is reply 0
        require(replies_.size() > reply, "nothing follows DATA before its reply");
        data_asked_ = false;
        in_content_ = replies_[reply] / 100 == 3;
        content_.clear();
      }
      const std::size_t end = wire_.find("\r\n", parsed_);
      const bool whole = end != std::string::npos;
      if (in_content_) {
        if (!whole) return;
        read_content(std::string_view(wire_).substr(parsed_, end + 2 - parsed_), end + 2);
      } else {
        require(whole, "commands are lines");
        read_line(wire_.substr(parsed_, end - parsed_), end + 2);
      }
      parsed_ = end + 2;
    }
  }

  void read_content(std::string_view line, std::size_t end) {
    if (line != ".\r\n") {
      content_ += line.front() == '.' ? line.substr(1) : line;
      return;
    }
    in_content_ = false;
    mail_book& m = mails_.at(on_wire_);
    if (content_.empty() && !m.content.empty()) {
      for (const auto& [address, reply] : m.rcpt_reply) {
        require(replies_.at(reply) / 100 != 2, "a lone dot only without recipients");
      }
    } else {
      require(!m.streamed || m.lent == m.content.size(), "no terminator before all was lent");
      require(content_ == normalized(m.content), "the content arrives as it was given");
      m.terminator = end;
      m.terminator_reply = lines_.size() + 1;
    }
    lines_.push_back({".", end});
    say("C:", "(content)");
  }

  void read_line(std::string line, std::size_t end) {
    say("C:", line);
    require(line.size() < 2000, "lines are short");
    for (const char c : line) require(c >= ' ' && c != 127, "no control octet in a command");
    require(!handshake_, "no octet before the handshake");
    require(!quit_, "nothing follows QUIT");
    const bool first = lines_.empty();
    require(replies_.size() > 0 || session_.closed(), "nothing before the greeting");
    const std::size_t owed = lines_.size() + 1 - std::min(replies_.size(), lines_.size() + 1);
    const bool group = session_.config().pipelining != pipelining_level::off &&
                       session_.peer().has(extension::pipelining);
    if (!session_.closed() && !first) require(group || owed == 0, "lockstep without PIPELINING");
    for (const std::string_view alone : {"EHLO", "HELO", "NOOP", "AUTH", "STARTTLS", "X-"}) {
      if (line.starts_with(alone)) require(owed == 0, "starts only with nothing outstanding");
    }
    if (!tls_verified_) {
      require(line.find(password) == std::string::npos, "no secret in the clear");
      require(line.find(secret_plain()) == std::string::npos, "no PLAIN in the clear");
      require(line.find(base64_encode(password)) == std::string::npos, "no LOGIN in the clear");
    }
    if (line.starts_with("MAIL FROM:<s")) {
      on_wire_ = std::strtoull(line.c_str() + 12, nullptr, 10);
      require(mails_.contains(on_wire_) && !mails_[on_wire_].done, "MAIL of a mail that is wanted");
      for (const auto& [word, what] : {std::pair{" SIZE=", extension::size},
                                       {" BODY=", extension::eight_bit_mime},
                                       {" SMTPUTF8", extension::smtputf8}}) {
        if (line.find(word) != std::string::npos) {
          require(session_.peer().has(what), "a parameter was offered in the last EHLO");
        }
      }
      if (session_.config().tls == tls_mode::required) require(tls_, "no MAIL without TLS");
    } else if (line.starts_with("RCPT TO:<")) {
      mails_.at(on_wire_).rcpt_reply[line.substr(9, line.find('>') - 9)] = lines_.size() + 1;
    } else if (line == "DATA") {
      data_asked_ = true;
    } else if (line == "QUIT") {
      quit_ = true;
    }
    if (line.starts_with("MAIL") || line == "DATA") {
      for (std::size_t i = std::max<std::size_t>(replies_.size(), 1); i <= lines_.size(); ++i) {
        const bool allowed = session_.config().pipeline_rset && line != "DATA";
        require(allowed || lines_[i - 1].line != "RSET", "RSET is answered first");
      }
    }
    lines_.push_back({std::move(line), end});
  }

  // -- the server ---------------------------------------------------------------------------------

  [[nodiscard]] std::string reply_to(const std::string& line) {
    static constexpr const char* odd[] = {"250 ok",    "450 later", "550 no",      "421 bye",
                                          "354 go",    "503 order", "552 5.2.2 x", "452 full",
                                          "235 in",    "334 ",      "500 what",    "250-a\r\n250 b",
                                          "220 hello", "504 x",     "454 x",       "251 x"};
    if (!tame_ && d_.odd(oddness_)) return odd[d_.below(16)];
    if (line.starts_with("EHLO")) {
      const unsigned n = tame_ ? 255 : d_.octet();
      std::string all = "250-mx.test";
      if ((n & 1) != 0) all += "\r\n250-PIPELINING";
      if ((n & 2) != 0) all += "\r\n250-SIZE 1000000";
      if ((n & 4) != 0) all += "\r\n250-8BITMIME";
      if ((n & 8) != 0) all += "\r\n250-STARTTLS";
      if ((n & 16) != 0) all += "\r\n250-AUTH PLAIN LOGIN";
      if ((n & 32) != 0) all += "\r\n250-SMTPUTF8";
      return all + "\r\n250 HELP";
    }
    if (line == "DATA") return "354 go";
    if (line == "STARTTLS") return "220 go";
    if (line == "QUIT") return "221 bye";
    if (line.starts_with("AUTH LOGIN")) return "334 VXNlcm5hbWU6";
    if (line == base64_encode("user")) return "334 UGFzc3dvcmQ6";
    if (line == "*") return "501 cancelled";
    if (line.starts_with("AUTH") || line == base64_encode(password)) return "235 in";
    return "250 ok";
  }

  /// Sees some of what was handed out, and sends at most so many octets of replies.
  void answer(std::size_t most) {
    if (lent_ != 0) seen_ = std::max(seen_, sent_ + (d_.one_in(3) ? lent_ / 2 : lent_));
    if (answered_ == 0 && answered_++ == 0) {
      to_send_ += d_.one_in(20) ? "450 busy\r\n" : "220 mx.test ESMTP\r\n";
    }
    while (answered_ <= lines_.size() && lines_[answered_ - 1].end <= seen_ && !handshake_) {
      to_send_ += reply_to(lines_[answered_++ - 1].line) + "\r\n";
      if (lines_[answered_ - 2].line == "STARTTLS") break;
    }
    if (!tame_ && d_.odd(8 * oddness_)) {
      to_send_ += d_.one_in(2) ? "250 surprise\r\n" : "421 bye\r\n";
    }
    if (!tame_ && d_.odd(16 * oddness_)) {
      to_send_.append(1 + d_.below(3), static_cast<char>(d_.octet()));
    }
    const block piece(std::string_view(to_send_).substr(0, most));
    if (piece.size == 0) return;
    if (session_.config().tls == tls_mode::implicit && !tls_) return;
    if (handshake_) return;
    count_replies(as_text(piece.view()));
    to_send_.erase(0, piece.size);
    say("S:", as_text(piece.view()));
    session_.receive(now_, piece.view());
  }

  void count_replies(std::string_view octets) {
    for (const char c : octets) {
      partial_ += c;
      if (c != '\n') continue;
      if (partial_.size() < 4 || partial_[3] != '-') {
        replies_.push_back(std::atoi(partial_.c_str()));
        handed_at_.push_back(sent_ + lent_);
      }
      partial_.clear();
    }
  }

  void tls() {
    take_events();  // perhaps one of them asks for it
    const bool asked = std::exchange(handshake_, false);
    switch (tame_ ? 0 : d_.below(8)) {
      default: {
        const bool verified = tame_ || d_.below(2) == 0;
        session_.tls_established(now_, {verified});
        if (asked) {
          tls_ = true;
          tls_verified_ = verified;
        }
        return say("!", "tls up");
      }
      case 6: session_.tls_failed(now_, std::make_error_code(std::errc::protocol_error)); return;
      case 7:
        session_.tls_rejected(now_);
        tls_ |= asked;
        return;
    }
  }

  // -- the caller ---------------------------------------------------------------------------------

  [[nodiscard]] static std::string secret_plain() {
    return base64_encode(std::string("\0user\0", 6) + std::string(password));
  }

  [[nodiscard]] std::string some_text() {
    static constexpr std::string_view parts[] = {"a",        ".",      "\r\n", "\n",
                                                 "\r",       "..\r\n", "x\n",  "\xc3\xa9",
                                                 "line\r\n", ".\r\n",  "y",    "0123456789\r\n"};
    std::string text;
    const unsigned kind = d_.below(8);
    for (unsigned i = d_.below(12); i != 0; --i) text += parts[d_.below(12)];
    if (kind == 0) text.insert(0, std::string(700 * (1 + d_.below(200)), 'z'));
    if (kind == 1 && d_.below(16) == 0)
      for (unsigned i = 0; i < 20000; ++i) text += "short\n";
    if (kind == 2)
      for (unsigned i = 0; i < 200; ++i) text += std::string(600, 'w') + "\r\n.";
    return text;
  }

  void send() {
    if (mails_.size() > 40) return;
    const mail_id id = ++last_id_;
    next_mail_ = id;
    mail_book& m = mails_[id];
    m.content = some_text();
    envelope env;
    env.sender = path("s" + std::to_string(id) + "@a.test");
    for (unsigned i = d_.below(5); i != 0; --i) {
      const bool bad = d_.one_in(20);
      std::string to = "r" + std::to_string(i) + ".m" + std::to_string(id) + "@b.test";
      env.recipients.push_back(recipient(bad ? "no\r\nDATA" : to));
      m.recipients.push_back(bad ? "no\r\nDATA" : to);
    }
    env.skip_bad_recipients = d_.below(2) == 0;
    message content;
    switch (d_.below(3)) {
      case 0: content = message::own(m.content); break;
      case 1:
        m.memory.emplace_back(m.content);
        content = message::borrow(m.memory.back().view());
        break;
      default: m.streamed = true; content = message::stream().eight_bit(d_.below(2) == 0);
    }
    say(">", "send " + std::to_string(id));
    require(session_.send(env, std::move(content)) == id, "ids are monotonic");
  }

  void lend() {
    take_events();  // else the session may want what we do not know of
    std::string chunk;
    bool last = true;
    if (asked_ != 0) {
      const mail_book& m = mails_.at(asked_);
      const std::size_t left = m.content.size() - m.lent;
      const std::size_t n = tame_ ? left : std::min<std::size_t>(left, d_.octet() * d_.octet());
      chunk = m.content.substr(m.lent, n);
      last = n == left && (tame_ || d_.below(4) != 0);
    }
    block memory(chunk);
    const errc refused = session_.lend(memory.view(), last);
    require((refused == errc::none) == (asked_ != 0) || session_.closed(),
            "lend() is welcome when it was asked for");
    if (refused != errc::none || asked_ == 0) return;
    mail_book& m = mails_.at(asked_);
    m.lent += chunk.size();
    m.memory.clear();
    m.memory.push_back(std::move(memory));
    asked_ = 0;
  }

  void command() {
    operation_id id = 0;
    switch (d_.below(8)) {
      case 0: id = session_.noop("x"); break;
      case 1: id = session_.reset(); break;
      case 2: id = session_.hello(); break;
      case 3: id = session_.raw("X-LINE y"); break;
      case 4: id = session_.verify("x"); break;
      case 5: id = session_.help(); break;
      case 6: id = session_.raw("DATA"); break;
      default: {
        std::vector<std::unique_ptr<sasl_mechanism>> all;
        if (d_.below(2) == 0) all.push_back(make_plain("user", std::string(password)));
        all.push_back(make_login("user", std::string(password)));
        const bool opening =
            session_.where() == phase::opening || session_.where() == phase::unconnected;
        id = session_.authenticate(std::move(all));
        if (opening && opening_login_ == 0) opening_login_ = id;
      }
    }
    say(">", "command " + std::to_string(id));
    require(id == ++last_id_, "ids are monotonic");
    pending_.insert(id);
  }

  void ending() {
    switch (d_.below(24)) {
      case 0: session_.quit(); return say(">", "quit");
      case 1: session_.quit_now(); return say(">", "quit_now");
      case 2: session_.abort(); return;
      case 3:
        say("!", "end");
        return session_.receive_end(
            now_, d_.below(2) == 0 ? std::make_error_code(std::errc::io_error) : std::error_code());
      default: return;
    }
  }

  void pass_time() {
    const auto due = session_.deadline();
    switch (d_.below(6)) {
      case 0:
        if (due && d_.below(4) == 0) now_ = std::max(now_, *due);
        break;
      case 1: now_ -= std::chrono::seconds(d_.octet()); break;
      default: now_ += std::chrono::milliseconds(d_.octet());
    }
    const bool expected = due && now_ >= *due;
    say("@", "time");
    session_.advance(now_);
    if (expected) require(session_.closed(), "a passed deadline ends the session");
  }

  // -- events -------------------------------------------------------------------------------------

  void take_events() {
    while (const event* e = session_.next_event()) {
      say("*",
          std::string(to_string(e->what)) + " " + std::to_string(e->id) + " " + e->error.message());
      for (const std::string_view text : {e->command, e->excerpt, e->detail}) {
        require(text.find(password) == std::string_view::npos, "no secret in an event");
        require(text.find(secret_plain()) == std::string_view::npos, "no secret in an event");
      }
      require(e->command.find('\n') == std::string_view::npos, "a command is one line");
      switch (e->what) {
        case event::kind::mail_done: check_mail(*e); break;
        case event::kind::ready_for_data:
        case event::kind::chunk_released:
          if (!mails_.at(e->id).streamed) break;
          asked_ = e->id;
          mails_.at(e->id).memory.clear();
          break;
        case event::kind::upgrade_to_tls: handshake_ = true; break;
        case event::kind::authenticated:
        case event::kind::command_done:
          require(pending_.erase(e->id) == 1, "a command is completed once");
          break;
        case event::kind::session_failed: pending_.erase(opening_login_); break;
        case event::kind::ready:
          if (session_.config().auth_optional) pending_.erase(opening_login_);
          break;
        case event::kind::closed:
          ++closed_events_;
          handshake_ = false;
          break;
        case event::kind::reply_parsed:
        case event::kind::line_sent:
        case event::kind::content_sent:
        case event::kind::greeted:
        case event::kind::sender_accepted:
        case event::kind::sender_rejected:
        case event::kind::recipient_accepted:
        case event::kind::recipient_rejected:
        case event::kind::warning: require(closed_events_ == 0, "closed is the last event");
      }
    }
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
    for (std::size_t i = 0; i < e.results.size(); ++i) {
      const recipient_result& r = e.results[i];
      require(r.address == m.recipients[i], "results in the envelope's order");
      const auto asked = m.rcpt_reply.find(m.recipients[i]);
      const bool known = asked != m.rcpt_reply.end() && replies_.size() > asked->second;
      const bool accepted = known && replies_[asked->second] / 100 == 2;
      const bool final = m.terminator != 0 && replies_.size() > m.terminator_reply;
      const int verdict = final ? replies_[m.terminator_reply] / 100 : 0;
      say("  ", std::string(r.address) + " " + std::string(to_string(r.result)));
      switch (r.result) {
        case outcome::delivered:
          require(accepted && verdict == 2, "delivered: RCPT and content were accepted");
          require(m.terminator <= sent_, "delivered: the terminator left");
          require(handed_at_[m.terminator_reply] >= m.terminator, "delivered: not before it left");
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
          if (m.terminator != 0 && m.terminator <= sent_ && accepted) {
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

  decisions& d_;
  session session_;
  unsigned oddness_;  // one in so many replies is not what was asked for
  time_point now_{1s};
  bool tame_ = false;  // the server and the caller behave

  // The transport.
  std::string wire_;      // all that was handed out and not disowned
  std::size_t sent_ = 0;  // of it, written for sure
  std::size_t lent_ = 0;  // of it, in a write
  std::size_t seen_ = 0;  // of it, at the server
  std::span<const bytes> held_;

  // The wire.
  std::size_t parsed_ = 0;
  std::vector<written> lines_;  // line i is answered by reply i + 1
  std::string content_;
  mail_id on_wire_ = 0;
  bool data_asked_ = false;
  bool in_content_ = false;
  bool quit_ = false;

  // The server.
  std::string to_send_;
  std::string partial_;
  std::vector<int> replies_;            // complete ones that the session was given
  std::vector<std::size_t> handed_at_;  // how much was handed out when each came
  std::size_t answered_ = 0;
  bool handshake_ = false;
  bool tls_ = false;
  bool tls_verified_ = false;

  // The caller.
  std::map<mail_id, mail_book> mails_;
  std::set<operation_id> pending_;
  operation_id opening_login_ = 0;  // completed by session_failed as well
  operation_id last_id_ = 0;
  mail_id next_mail_ = 0;
  mail_id asked_ = 0;  // the mail that wants a chunk
  int closed_events_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decisions d(data, size);
  model(d).run();
  return 0;
}

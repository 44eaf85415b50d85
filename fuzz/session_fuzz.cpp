// A session against a caller who does what the input says, and tells the auditor of it; what the
// session writes and tells is compared with the auditor's books (attacks B15, B20), and
// session_harness.hpp plays all others.
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

/// What the caller knows of a mail.
struct own_mail {
  std::string content;              // all of it, if it is streamed
  std::vector<exact_block> memory;  // what was borrowed or lent and must still live
  std::size_t lent = 0;             // octets of content given to lend()
  bool streamed = false;
};

class caller final : public session_user {
 public:
  bool meet(script::auditor& audit) override {
    audit_ = &audit;
    return true;
  }

  session_config config(decisions& d) override {
    session_config c;
    const unsigned a = d.octet();
    const unsigned b = d.octet();
    binary_ = a % 32 == 30 || a % 32 == 13;
    c.pipelining = static_cast<pipelining_level>(a % 3);
    c.tls = static_cast<tls_mode>(a / 3 % 8 > 3 ? 0 : a / 3 % 4);
    if (a % 16 == 15) c.protocol = mail_protocol::lmtp;
    if (a % 16 == 14) c.pipelining = pipelining_level::stream;
    if (a % 8 == 5) c.prefer_chunking = true;
    if (a % 16 == 13 || a % 16 == 14) {
      c.limits.chunk_octets = 1 + b * 16;
      c.limits.chunks = 1 + b % 4;
    }
    if (a % 16 == 11) c.xclient = {{"NAME", "a b.test"}, {"ADDR", "192.0.2.1"}};
    if (a % 16 == 11 || a % 16 == 12) {
      c.xforward = {{"NAME", std::string(200, '+')}, {"HELO", ""}, {"SOURCE", "REMOTE"}};
      c.xforward[1].value.assign(b, 'h');
    }
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
    return {std::string(password), std::string("\0user\0", 6) + std::string(password)};
  }

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

  // -- events
  // -------------------------------------------------------------------------------------------

  void take(session&, const event& e) override {
    switch (e.what) {
      case event::kind::mail_done:
        if (asked_ == e.id) asked_ = 0;
        mails_.at(e.id).memory.clear();
        return;
      case event::kind::ready_for_data:
      case event::kind::chunk_released:
        if (!mails_.at(e.id).streamed) return;
        asked_ = e.id;
        mails_.at(e.id).memory.clear();
        return;
      case event::kind::authenticated:
      case event::kind::command_done:
      case event::kind::session_failed:
      case event::kind::ready:
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
    text.reserve(128);
    const unsigned kind = d.below(8);
    for (unsigned i = d.below(12); i != 0; --i) text += parts[d.below(12)];
    if (kind == 0) text.insert(0, 700 * times(1 + d.below(200), 700), 'z');
    if (kind == 1 && d.below(16) == 0)
      for (unsigned i = times(2000, 6); i != 0; --i) text += "short\n";
    if (kind == 2) {
      text.reserve(8000);
      for (unsigned i = 0; i != 12; ++i) text.append(600, 'w').append("\r\n.");
    }
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
    own_mail& m = mails_[id];
    std::string text = some_text(d);
    envelope env;
    env.recipients.reserve(4);
    env.sender = path("s" + std::to_string(id) + "@a.test");
    for (unsigned i = d.below(5); i != 0; --i) {
      const bool bad = d.one_in(20);
      std::string to = "r.m@b.test";
      to.insert(3, std::to_string(id)).insert(1, std::to_string(i));
      env.recipients.emplace_back(bad ? "no\r\nDATA" : to);
    }
    env.skip_bad_recipients = d.below(2) == 0;
    message content;
    switch (d.below(3)) {
      case 0: content = message::own(std::move(text)); break;
      case 1:
        m.memory.emplace_back(text);
        content = message::borrow(m.memory.back().view());
        break;
      default:
        m.streamed = true;
        m.content = std::move(text);
        content = message::stream().eight_bit(d.below(2) == 0);
    }
    content = std::move(content).binary(binary_);
    if (session_harness::traced()) session_harness::say(">", "send " + std::to_string(id));
    audit_->mail(s, id, env, content);
    require(s.send(env, std::move(content)) == id, "ids are monotonic");
  }

  void lend(session& s, decisions& d, bool all) {
    std::string_view chunk;
    bool last = true;
    if (asked_ != 0) {
      const own_mail& m = mails_.at(asked_);
      const std::size_t left = m.content.size() - m.lent;
      const std::size_t n = all ? left : std::min<std::size_t>(left, d.octet() * d.octet());
      chunk = std::string_view(m.content).substr(m.lent, n);
      last = n == left && (all || d.below(4) != 0);
    }
    exact_block memory(chunk);
    const errc refused = s.lend(memory.view(), last);
    require((refused == errc::none) == (asked_ != 0) || s.closed(),
            "lend() is welcome when it was asked for");
    if (refused != errc::none || asked_ == 0) return;
    own_mail& m = mails_.at(asked_);
    audit_->lent(memory.view(), last);
    m.lent += chunk.size();
    m.memory.clear();
    m.memory.push_back(std::move(memory));
    asked_ = 0;
  }

  void command(session& s, decisions& d) {
    operation_id id = 0;
    bool login = false;
    switch (d.below(8)) {
      case 0: id = s.noop("x"); break;
      case 1: id = s.reset(); break;
      case 2: id = s.hello(); break;
      case 3:
        audit_->raw("X-LINE y");
        id = s.raw("X-LINE y");
        break;
      case 4: id = s.verify("x"); break;
      case 5: id = s.help(); break;
      case 6:
        id = s.raw("DATA");  // which is refused
        break;
      default: {
        std::vector<std::unique_ptr<sasl_mechanism>> all;
        if (d.below(2) == 0) all.push_back(make_plain("user", std::string(password)));
        all.push_back(make_login("user", std::string(password)));
        login = true;
        id = s.authenticate(std::move(all));
      }
    }
    if (session_harness::traced()) session_harness::say(">", "command " + std::to_string(id));
    require(id == ++last_id_, "ids are monotonic");
    audit_->command(s, id, login);
  }

  script::auditor* audit_ = nullptr;
  std::map<mail_id, own_mail> mails_;
  operation_id last_id_ = 0;
  mail_id asked_ = 0;    // the mail that wants a chunk
  bool large_ = false;   // there was a mail that fills the buffers
  bool binary_ = false;  // content is
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  play_session<caller>(data, size);
  return 0;
}

// A session between its user, a transport, a server and a clock; all but the user are as hostile as
// a fuzzer likes, and what a session must never do is looked at all the while (attacks B20).
//
//   extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
//     sansmtp::fuzz::play_session<my_user>(data, size);
//     return 0;
//   }
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "decisions.hpp"
#include "exact_block.hpp"
#include "require.hpp"
#include "sansmtp/sansmtp.hpp"
#include "session_user.hpp"

namespace sansmtp::fuzz {

/// Plays one input. SANSMTP_FUZZ_TRACE in the environment shows the dialogue.
class session_harness {
 public:
  /// `octet_reads`: octets of the server are handed over one by one, without a pause between them.
  session_harness(decisions d, session_user& user, bool octet_reads)
      : d_(d),
        user_(user),
        octet_reads_(octet_reads),
        secrets_(user.secrets()),
        session_(user.config(d_)),
        oddness_(7U << 2 * d_.below(3)) {}

  /// Command: plays all of it.
  void run() {
    user_.start(session_, d_);
    now_ += std::chrono::seconds(1);
    session_.connected(now_, {"host.client.test", "192.0.2.5"});
    serve();
    for (; !d_.empty() && steps_ < most_steps; ++steps_) step();
    // However things stand, a server that answers lets all come to an end, and so does abort().
    if (d_.below(2) == 0) {
      tame_ = true;
      take_events();
      user_.finish(session_);
      for (int i = 0; i < 2000 && !session_.closed(); ++i) serve();
    } else {
      session_.abort();
    }
    acknowledge(lent_);
    take_events();
    require(session_.closed(), "a quit session ends");
    require(closed_events_ == 1, "closed is told once");
    require(events_ <= 400 + asked_ + 16 * (lines_.size() + replies_.size() + steps_ + outputs_),
            "what is told is bounded by what happened");
    user_.check();
  }

  /// Getter: a digest of all that the session wrote and told, in order.
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }

  // -- what the user's books may ask
  // ----------------------------------------------------------------

  /// Getter: the codes of the complete replies that the session was given.
  [[nodiscard]] const std::vector<int>& replies() const noexcept { return replies_; }
  /// Getter: how many octets had been handed out when each of them came.
  [[nodiscard]] const std::vector<std::size_t>& handed_at() const noexcept { return handed_at_; }
  /// Getter: octets that were written for sure.
  [[nodiscard]] std::size_t sent() const noexcept { return sent_; }

  /// Getter: is there a trace? What is costly to say is made only then.
  [[nodiscard]] static bool traced() {
    static const bool wanted = std::getenv("SANSMTP_FUZZ_TRACE") != nullptr;
    return wanted;
  }
  /// Command: shows something in the trace.
  static void say(const char* who, std::string_view what) {
    if (traced()) std::fprintf(stderr, "%s %s\n", who, display_text(what.substr(0, 300)).c_str());
  }

 private:
  static constexpr std::size_t most_steps = 4000;
  static constexpr std::size_t memory_bound = 3U << 20;

  struct written {
    std::string line;
    std::size_t end;
  };

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
      case 23:
      case 24:
      case 25:
      case 26:
        take_events();  // else the session may want what its user does not know of
        return user_.act(session_, d_);
      case 27:
      case 28: return pass_time();
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
    if (tame_) user_.go_on(session_);
    if (handshake_) tls();
    answer(100000);
    take_events();
    if (lent_ != 0 || session_.closed()) return;
    if (!session_.output(now_).empty()) return take_output();
    take_events();
    if (session_.in_flight() != 0 && !user_.owes_content() && !session_.closed()) {
      require(session_.deadline().has_value(), "a timer runs while something is owed");
    }
    require(session_.memory() <= memory_bound, "memory is bounded");
  }

  // -- the transport
  // ----------------------------------------------------------------------------------

  void take_output() {
    const bool was_closed = session_.closed();
    const std::span<const bytes> views = session_.output(now_);
    if (lent_ != 0) {  // a write is in flight: nothing new
      require(views.empty() ? session_.closed() : holds_lent(views), "lent views do not change");
      return;
    }
    std::string octets;
    for (const bytes v : views) octets.append(v.data(), v.size());
    if (octets.empty()) return;
    ++outputs_;
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
    remember(octets);
    read_wire();
  }

  /// Are these the octets that are in a write?
  [[nodiscard]] bool holds_lent(std::span<const bytes> views) const {
    std::string_view rest = std::string_view(wire_).substr(sent_, lent_);
    for (const bytes v : views) {
      if (!rest.starts_with(as_text(v))) return false;
      rest.remove_prefix(v.size());
    }
    return rest.empty();
  }

  void acknowledge(std::size_t n) {
    if (lent_ == 0) return;
    n = std::max(n, seen_ > sent_ ? seen_ - sent_ : 0);
    require(holds_lent(held_), "lent octets live until sent()");
    sent_ += std::min(n, lent_);
    lent_ = 0;
    seen_ = std::max(seen_, sent_);
    session_.sent(now_, n);
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
    const auto next = session_.deadline();
    require(!next || *next > now_ || session_.closed(), "a deadline is not in the past (TIME-02)");
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

  void tls() {
    take_events();  // perhaps one of them asks for it
    const bool asked = std::exchange(handshake_, false);
    switch (tame_ ? 0 : d_.below(8)) {
      default: {
        const bool verified = tame_ || d_.below(2) == 0;
        tls_info info;
        info.verified = verified;
        session_.tls_established(now_, info);
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

  // -- the wire
  // -----------------------------------------------------------------------------------------

  void read_wire() {
    while (parsed_ < wire_.size()) {
      if (data_asked_) {
        const std::size_t reply = lines_.size();  // that of DATA: the greeting is reply 0
        // A server that has said 421 waits for nothing any more, whatever it says behind it
        // (PIPE-15).
        const bool closing = std::find(replies_.begin(), replies_.end(), 421) != replies_.end();
        require(closing || replies_.size() > reply, "nothing follows DATA before its reply");
        data_asked_ = false;
        in_content_ = !closing && replies_[reply] / 100 == 3;
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
    require(line.find('\r') == line.size() - 2 && line.find('\n') == line.size() - 1,
            "CR and LF only as line ends (DATA-05)");
    if (line != ".\r\n") {
      require(line.front() != '.' || line[1] == '.', "a dot that begins a line is stuffed");
      content_ += line.front() == '.' ? line.substr(1) : line;
      return;
    }
    in_content_ = false;
    user_.wrote_content(*this, content_, end, lines_.size() + 1);
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
    require(!replies_.empty() || session_.closed(), "nothing before the greeting");
    const std::size_t owed = lines_.size() + 1 - std::min(replies_.size(), lines_.size() + 1);
    const bool group = session_.config().pipelining != pipelining_level::off &&
                       session_.peer().has(extension::pipelining);
    if (!session_.closed() && !first) require(group || owed == 0, "lockstep without PIPELINING");
    for (const std::string_view alone : {"EHLO", "HELO", "NOOP", "AUTH", "STARTTLS", "X-"}) {
      if (line.starts_with(alone)) require(owed == 0, "starts only with nothing outstanding");
    }
    if (!tls_verified_ && !session_.config().allow_auth_cleartext) {
      for (const std::string& secret : secrets_) {
        require(line.find(secret) == std::string::npos, "no secret in the clear (AUTH-13)");
      }
    }
    const std::string_view verb = std::string_view(line).substr(0, 4);
    if (session_.config().tls == tls_mode::required && !tls_) {
      require(verb == "EHLO" || verb == "HELO" || verb == "STAR" || verb == "QUIT",
              "nothing of worth leaves without TLS (TLS-03)");
    }
    if (verb == "MAIL") {
      for (const auto& [word, what] : {std::pair{" SIZE=", extension::size},
                                       {" BODY=", extension::eight_bit_mime},
                                       {" SMTPUTF8", extension::smtputf8}}) {
        if (line.find(word) != std::string::npos) {
          require(session_.peer().has(what), "a parameter was offered in the last EHLO");
        }
      }
    }
    data_asked_ = line == "DATA";
    quit_ = line == "QUIT";
    if (verb == "MAIL" || line == "DATA") {
      for (std::size_t i = std::max<std::size_t>(replies_.size(), 1); i <= lines_.size(); ++i) {
        const bool allowed = session_.config().pipeline_rset && line != "DATA";
        require(allowed || lines_[i - 1].line != "RSET", "RSET is answered first");
      }
    }
    user_.wrote_line(*this, line, lines_.size() + 1);
    lines_.push_back({std::move(line), end});
  }

  // -- the server
  // ---------------------------------------------------------------------------------------

  [[nodiscard]] std::string reply_to(const std::string& line) {
    static constexpr const char* odd[] = {"250 ok",    "450 later", "550 no",      "421 bye",
                                          "354 go",    "503 order", "552 5.2.2 x", "452 full",
                                          "235 in",    "334 ",      "500 what",    "250-a\r\n250 b",
                                          "220 hello", "504 x",     "454 x",       "251 x"};
    const int prompts = std::exchange(prompts_, 0);
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
    if (line == "*") return "501 cancelled";
    if (line.starts_with("AUTH LOGIN") || prompts == 2) {
      prompts_ = line.starts_with("AUTH LOGIN") ? 2 : 1;
      return "334 VXNlcm5hbWU6";
    }
    return line.starts_with("AUTH") || prompts == 1 ? "235 in" : "250 ok";
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
      const unsigned count = 1 + d_.below(3);
      to_send_.append(count, static_cast<char>(d_.octet()));
    }
    const exact_block piece(std::string_view(to_send_).substr(0, most));
    if (piece.view().empty()) return;
    if (session_.config().tls == tls_mode::implicit && !tls_) return;
    if (handshake_) return;
    count_replies(as_text(piece.view()));
    to_send_.erase(0, piece.view().size());
    say("S:", as_text(piece.view()));
    if (!octet_reads_) return session_.receive(now_, piece.view());
    for (const char& c : piece.view()) session_.receive(now_, {&c, 1});
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

  // -- events
  // -------------------------------------------------------------------------------------------

  void take_events() {
    while (const event* e = session_.next_event()) {
      ++events_;
      asked_ = std::max<std::size_t>(asked_, e->id);
      if (traced()) {
        say("*", std::string(to_string(e->what)) + ' ' + std::to_string(e->id) + ' ' +
                     e->error.message());
      }
      remember(to_string(e->what));
      remember(e->id);
      remember(e->error.category().name());
      remember(static_cast<std::uint64_t>(e->error.value()));
      remember(e->answer.text());
      // What comes before a handshake, or instead of a greeting, is fatal at once: how much of it
      // is shown is how much came at once.
      const bool shows_read = e->error == errc::injection || e->error == errc::plaintext_peer ||
                              (e->error == errc::malformed_reply && replies_.empty());
      if (!shows_read) remember(e->excerpt);
      remember(e->command);
      remember(e->detail);
      for (const std::string_view text : {e->command, e->excerpt, e->detail}) {
        for (const std::string& secret : secrets_) {
          require(text.find(secret) == std::string_view::npos, "no secret in an event (SEC-03)");
        }
      }
      for (const recipient_result& r : e->results) remember(to_string(r.result));
      require(e->command.find('\n') == std::string_view::npos, "a command is one line");
      const bool completes = e->what == event::kind::mail_done ||
                             e->what == event::kind::command_done ||
                             e->what == event::kind::authenticated;
      require(closed_events_ == 0 || completes, "closed is the last event");
      if (e->what == event::kind::upgrade_to_tls) handshake_ = true;
      if (e->what == event::kind::closed) {
        ++closed_events_;
        handshake_ = false;
      }
      user_.take(session_, *e);
    }
  }

  /// Adds to the digest: FNV-1a.
  void remember(std::string_view octets) {
    std::uint64_t digest = digest_;
    for (const char c : octets) {
      digest = (digest ^ static_cast<unsigned char>(c)) * 1099511628211U;
    }
    digest_ = digest;
  }
  void remember(std::uint64_t number) { digest_ = (digest_ ^ number) * 1099511628211U; }

  decisions d_;
  session_user& user_;
  bool octet_reads_;
  std::vector<std::string> secrets_;
  session session_;
  unsigned oddness_;  // one in so many replies is not what was asked for
  time_point now_{std::chrono::seconds(1)};
  bool tame_ = false;  // the server and the link behave
  std::size_t steps_ = 0;
  std::size_t outputs_ = 0;
  std::size_t events_ = 0;
  std::size_t asked_ = 0;  // operations are numbered as they are asked for
  std::uint64_t digest_ = 14695981039346656037U;

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
  bool data_asked_ = false;
  bool in_content_ = false;
  bool quit_ = false;

  // The server.
  std::string to_send_;
  std::string partial_;
  std::vector<int> replies_;            // complete ones that the session was given
  std::vector<std::size_t> handed_at_;  // how much was handed out when each came
  std::size_t answered_ = 0;
  int prompts_ = 0;  // of LOGIN, still to come
  bool handshake_ = false;
  bool tls_ = false;
  bool tls_verified_ = false;
  int closed_events_ = 0;
};

/// Command: plays one input with a `User` of its own, whole and octet by octet: the session must
/// write and tell the same (CORE-02).
template <class User>
void play_session(const std::uint8_t* data, std::size_t size) {
  std::uint64_t digests[2];
  for (const bool octet_reads : {false, true}) {
    User user;
    session_harness harness(decisions(data, size), user, octet_reads);
    harness.run();
    digests[octet_reads ? 1 : 0] = harness.digest();
  }
  require(digests[0] == digests[1], "the borders of reads change nothing (CORE-02)");
}

}  // namespace sansmtp::fuzz

// A session between its user, a transport, a server and a clock; all but the user are as hostile as
// a fuzzer likes. What a session must never do is judged by `script::auditor`, as in transcripts
// (attacks B20).
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
#include "sansmtp/script/auditor.hpp"
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
        judged_(!octet_reads),
        session_(user.config(d_)),
        oddness_(7U << 2 * d_.below(3)) {
    const bool told = user.meet(audit_);
    audit_.open(session_.config(), told && judged_);
    if (!judged_) return;
    for (const std::string& secret : user.secrets()) audit_.watch_for(secret);
  }

  /// Command: plays all of it.
  void run() {
    user_.start(session_, d_);
    now_ += std::chrono::seconds(1);
    session_.connected(now_, {"host.client.test", "192.0.2.5"});
    serve();
    // What is done behind the end of a session shows little after some steps.
    for (unsigned late = 0; !d_.empty() && steps_ < most_steps && late < most_late; ++steps_) {
      if (session_.closed()) ++late;
      step();
    }
    // However things stand, a server that answers lets all come to an end, and so does abort().
    if (d_.below(2) == 0) {
      tame_ = true;
      take_events();
      user_.finish(session_);
      // Chunks of an octet each take a round each, so that only rounds without progress are counted.
      for (unsigned idle = 0; idle != most_idle && !session_.closed(); ++idle) {
        const std::size_t before = sent_ + answered_;
        serve();
        if (sent_ + answered_ != before) idle = 0;
      }
    } else {
      session_.abort();
    }
    acknowledge(lent_);
    take_events();
    require(session_.closed(), "a quit session ends");
    judge();
    require(
        events_ <= 400 + asked_ + 16 * (audit_.commands().size() + answered_ + steps_ + outputs_),
        "what is told is bounded by what happened");
    user_.check();
  }

  /// Getter: a digest of all that the session wrote and told, in order.
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_ ^ word_; }

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
  static constexpr unsigned most_late = 6;
  static constexpr unsigned most_idle = 100;
  static constexpr std::size_t memory_bound = 3U << 20;

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
    if (judged_) audit_.rest(session_, now_, true);
    judge();
    require(session_.memory() <= memory_bound, "memory is bounded");
  }

  /// Command: ends the process if something was wrong so far.
  void judge() {
    if (audit_.problem().empty()) return;
    require(false, audit_.problem().c_str());
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
    std::size_t size = 0;
    for (const bytes v : views) size += v.size();
    if (size == 0) return;
    ++outputs_;
    // A session that is over may withdraw what it offered before.
    if (was_closed && !begins_with(views, unsent_)) unsent_.clear();
    const std::size_t known = unsent_.size();
    lent_ = size;
    held_ = views;
    require(begins_with(views, unsent_), "what was not written is offered again");
    std::size_t at = 0;
    for (const bytes v : views) {
      std::string_view part = as_text(v);
      const std::size_t again = std::min(part.size(), known - std::min(known, at));
      at += part.size();
      part.remove_prefix(again);
      if (part.empty()) continue;
      unsent_ += part;
      remember(part);
      audit_.handed_out(session_, part);
    }
    require(was_closed || !audit_.inside_line(), "commands are handed out as whole lines");
    judge();
  }

  [[nodiscard]] static bool begins_with(std::span<const bytes> views, std::string_view octets) {
    for (const bytes v : views) {
      const std::size_t size = std::min(v.size(), octets.size());
      if (as_text(v).substr(0, size) != octets.substr(0, size)) return false;
      octets.remove_prefix(size);
    }
    return octets.empty();
  }

  /// Are these the octets that are in a write?
  [[nodiscard]] bool holds_lent(std::span<const bytes> views) const {
    std::string_view rest = std::string_view(unsent_).substr(0, lent_);
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
    const std::size_t left = std::min(n, lent_);
    sent_ += left;
    unsent_.erase(0, left);
    audit_.sent(left);
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
        if (asked) audit_.tls_up(verified);
        tls_ |= asked;
        session_.tls_established(now_, info);
        return say("!", "tls up");
      }
      case 6: session_.tls_failed(now_, std::make_error_code(std::errc::protocol_error)); return;
      case 7:
        if (asked) audit_.tls_up(false);  // for the caller too weak, but up
        tls_ |= asked;
        session_.tls_rejected(now_);
        return;
    }
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
    if (line.starts_with("EHLO") || line.starts_with("LHLO")) {
      const unsigned n = tame_ ? 255 : d_.octet();
      std::string all = "250-mx.test";
      if ((n & 1) != 0) all += "\r\n250-PIPELINING";
      if ((n & 2) != 0) all += "\r\n250-SIZE 1000000";
      if ((n & 4) != 0) all += "\r\n250-8BITMIME";
      if ((n & 8) != 0) all += "\r\n250-STARTTLS";
      if ((n & 16) != 0) all += "\r\n250-AUTH PLAIN LOGIN";
      if ((n & 32) != 0) all += "\r\n250-SMTPUTF8";
      if ((n & 64) != 0) all += "\r\n250-CHUNKING";
      if ((n & 128) != 0) all += "\r\n250-BINARYMIME";
      return all + "\r\n250-XCLIENT NAME\r\n250-XFORWARD NAME HELO SOURCE\r\n250 HELP";
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

  /// Says what this server answers to a line: one reply, or by LMTP behind content one for each
  /// recipient that it accepted (LMTP-04).
  void reply_to_all_of(const std::string& line) {
    if (line.starts_with("LHLO")) lmtp_ = true;
    std::size_t count = 1;
    const bool ends_content = line == "." || (line.starts_with("BDAT ") && line.ends_with(" LAST"));
    if (lmtp_ && ends_content) count = std::exchange(accepted_, 0);
    for (; count != 0; --count) {
      const std::string reply = reply_to(line);
      if (line.starts_with("RCPT") && reply.front() == '2') ++accepted_;
      if (line.starts_with("MAIL")) accepted_ = 0;
      to_send_ += reply;
      to_send_ += "\r\n";
    }
  }

  /// Sees some of what was handed out, and sends at most so many octets of replies.
  void answer(std::size_t most) {
    if (lent_ != 0) seen_ = std::max(seen_, sent_ + (d_.one_in(3) ? lent_ / 2 : lent_));
    if (answered_ == 0 && answered_++ == 0) {
      to_send_ += d_.one_in(20) ? "450 busy\r\n" : "220 mx.test ESMTP\r\n";
    }
    const auto lines = audit_.commands();
    while (answered_ <= lines.size() && lines[answered_ - 1].end <= seen_ && !handshake_) {
      reply_to_all_of(lines[answered_++ - 1].text);
      if (lines[answered_ - 2].text == "STARTTLS") break;
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
    // Behind the end nothing is read any more, also where nobody took the events that tell of it.
    if (!session_.closed()) audit_.received(as_text(piece.view()));
    to_send_.erase(0, piece.view().size());
    say("S:", as_text(piece.view()));
    if (!octet_reads_) return session_.receive(now_, piece.view());
    for (const char& c : piece.view()) session_.receive(now_, {&c, 1});
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
                              (e->error == errc::malformed_reply && audit_.replies() == 0);
      if (!shows_read) remember(e->excerpt);
      remember(e->command);
      remember(e->detail);
      for (const recipient_result& r : e->results) remember(to_string(r.result));
      if (e->what == event::kind::upgrade_to_tls) handshake_ = true;
      if (e->what == event::kind::closed) {
        handshake_ = false;
      }
      audit_.event_taken(*e);
      user_.take(session_, *e);
    }
  }

  /// Adds to the digest, eight octets at a time whatever the borders: FNV-1a over words.
  void remember(std::string_view octets) {
    std::uint64_t digest = digest_;
    const auto add = [&](std::uint64_t word) {
      digest = (digest ^ word) * 1099511628211U;
      digest ^= digest >> 29;
    };
    while (!octets.empty() && (filled_ != 0 || octets.size() < 8)) {
      word_ |= std::uint64_t{static_cast<unsigned char>(octets.front())} << 8 * filled_;
      octets.remove_prefix(1);
      if (++filled_ < 8) continue;
      add(std::exchange(word_, 0));
      filled_ = 0;
    }
    for (; octets.size() >= 8; octets.remove_prefix(8)) {
      std::uint64_t word = 0;
      for (unsigned i = 8; i != 0; --i) {
        word = word << 8 | static_cast<unsigned char>(octets[i - 1]);
      }
      add(word);
    }
    digest_ = digest;
    if (!octets.empty()) remember(octets);
  }
  void remember(std::uint64_t number) {
    for (unsigned i = 0; i != 8; ++i) {
      const char octet = static_cast<char>(number >> 8 * i & 255);
      remember(std::string_view(&octet, 1));
    }
  }

  decisions d_;
  session_user& user_;
  bool octet_reads_;
  bool judged_;  // what is the same octet by octet was judged when it was played whole
  script::auditor audit_;
  session session_;
  unsigned oddness_;  // one in so many replies is not what was asked for
  time_point now_{std::chrono::seconds(1)};
  bool tame_ = false;  // the server and the link behave
  std::size_t steps_ = 0;
  std::size_t outputs_ = 0;
  std::size_t events_ = 0;
  std::size_t asked_ = 0;  // operations are numbered as they are asked for
  std::uint64_t digest_ = 14695981039346656037U;
  std::uint64_t word_ = 0;  // of the digest: so many octets of the next one
  unsigned filled_ = 0;

  // The transport.
  std::string unsent_;    // what was handed out and is not written for sure
  std::size_t sent_ = 0;  // how much was, of all
  std::size_t lent_ = 0;  // how much of the unsent is in a write
  std::size_t seen_ = 0;  // how much of all is at the server
  std::span<const bytes> held_;

  // The server.
  std::string to_send_;
  std::size_t answered_ = 0;
  int prompts_ = 0;           // of LOGIN, still to come
  bool lmtp_ = false;         // it was greeted by LHLO
  std::size_t accepted_ = 0;  // recipients of the mail at hand
  bool handshake_ = false;
  bool tls_ = false;
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

// The window: which replies are owed, and what may be written before they are there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "expected.hpp"
#include "mail_state.hpp"
#include "output.hpp"
#include "protocol_table.hpp"
#include "ring.hpp"
#include "sansmtp/config.hpp"
#include "sansmtp/session.hpp"

namespace sansmtp::detail {

/// The queue of expected replies, and all that follows from what stands in it: whether a command
/// may be written (RFC 2920 section 3.1), whether a reply came too early, and until when the oldest
/// one is waited for. Nothing else touches the queue. What every command and every reply passes is
/// inline.
class window {
 public:
  /// How a reply stands to the command that it answers.
  enum class timing : std::uint8_t {
    counts,     ///< The command was written, or its reply means the same whether it was.
    waits,      ///< Only `sent()` tells whether the end of the content has left.
    premature,  ///< The command has certainly not left whole.
  };

  [[nodiscard]] bool empty() const noexcept { return owed_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return owed_.size(); }
  [[nodiscard]] std::size_t memory() const noexcept { return owed_.memory(); }
  /// Getter: the reply that comes next; there must be one.
  [[nodiscard]] const expected& oldest() const noexcept { return owed_.front(); }
  /// Getter: what the next reply answers, or `otherwise` if none is owed.
  [[nodiscard]] verb next(verb otherwise) const noexcept {
    return owed_.empty() ? otherwise : owed_.front().what;
  }
  /// Getter: whether the next reply answers a command of this kind.
  [[nodiscard]] bool awaits(trait kind) const noexcept {
    return !owed_.empty() && owed_.front().is.has(kind);
  }
  /// Getter: the output's position behind the command that was answered last.
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  /// Getter: whether nothing may follow until all replies are there.
  [[nodiscard]] bool closed() const noexcept { return group_ == group::closed; }
  /// Getter: whether a command ends at this position of the output.
  [[nodiscard]] bool ends_at(std::uint64_t position) const noexcept;

  /// Tells whether a command may be written although replies are owed. `most` bounds how many, so
  /// that neither side ever waits for the other to read (PIPE-16).
  [[nodiscard, gnu::always_inline]] bool admits(verb v, std::uint32_t most) const noexcept {
    if (group_ == group::closed || is(v, trait::alone)) return false;
    if (group_ == group::verdict && !is(v, trait::ahead)) return false;
    return owed_.size() < most;
  }
  /// Tells whether the lines that are not answered may become `line` octets more. One line alone
  /// always goes; octets of content are not counted with those of lines.
  [[nodiscard, gnu::always_inline]] bool fits(std::size_t line, const output_stage& out,
                                              std::uint32_t most) const noexcept {
    return owed_.empty() || out.staged() - answered_ - bodies_ + line <= most;
  }

  /// Tells whether a chunk of so many octets may be written: one alone always may; else `most`
  /// bounds how many octets of content are not answered (BDAT-07).
  [[nodiscard]] bool admits_body(std::uint64_t octets, std::uint32_t most) const noexcept {
    return owed_.empty() || bodies_ == 0 || bodies_ + octets <= most;
  }
  /// Begins a group with a MAIL; tells whether that runs ahead of a verdict on content (PIPE-17).
  [[nodiscard]] bool begin_envelope() noexcept {
    return std::exchange(group_, group::open) == group::verdict;
  }
  /// Owes the reply to what was staged last, or to what is no line. Its timer starts when it is the
  /// oldest (TIME-03).
  [[gnu::always_inline]] void owe(verb v, mail_state* mail, std::uint32_t recipient,
                                  operation_id id, std::uint64_t end, time_point now) {
    if (owed_.empty()) base_ = now;
    expected& e = owed_.push();
    e.what = v;
    e.is = hot_columns_of[static_cast<std::size_t>(v)].is;
    e.recipient = recipient;
    e.mail = mail;
    e.id = id;
    e.end = end;
    if (mail != nullptr) ++mail->owed;
    if (e.is.has(trait::last)) group_ = group::closed;
  }
  /// Owes the reply to a chunk of so many octets, whose line was staged behind the position
  /// `begin`, or one for each recipient that was accepted (LMTP-04). If it `closes` its group
  /// nothing follows until the verdict is there.
  void owe_chunk(verb v, mail_state& m, std::uint32_t octets, std::uint64_t begin,
                 const output_stage& out, bool closes, time_point now) {
    const std::uint64_t end = out.staged() + octets;
    if (m.each) {
      content_begin_ = out.staged();
      owe_for_each(v, m, end, now);
    } else {
      owe(v, &m, octets, 0, end, now);
    }
    bodies_ += end - begin;
    if (closes) group_ = group::closed;
  }
  /// Owes the final reply to content that begins now, or one for each recipient that was accepted
  /// (LMTP-04); where it ends is not known yet.
  void owe_content(mail_state& m, const output_stage& out, time_point now) {
    if (m.each) {
      owe_for_each(verb::content, m, expected::open, now);
    } else {
      owe(verb::content, &m, 0, 0, expected::open, now);
    }
    content_begin_ = out.staged();
    begin_stretch(expected::open, content_begin_, now);
  }
  /// Owes the replies that follow 353: one for each recipient that was accepted, and the one for
  /// all (PRDR-02). Nothing else may be owed. They answer what has left, up to `end`.
  [[gnu::cold]] void owe_verdicts(mail_state& m, std::uint64_t end, time_point now);
  /// The terminator of the content was staged. If `ahead`, the next envelope may share the way with
  /// it; else nothing follows until the verdict is there (PIPE-17).
  void end_content(const output_stage& out, bool ahead) noexcept {
    // There may be many replies to it, and nothing is behind them.
    stretch_of_ = out.staged();
    for (std::size_t i = owed_.size(); i-- != 0 && owed_[i].end == expected::open;) {
      owed_[i].end = stretch_of_;
    }
    bodies_ += out.staged() - content_begin_;
    group_ = ahead ? group::verdict : group::closed;
  }

  /// Tells how a reply stands to the command that it answers: was all of that written?
  [[nodiscard, gnu::always_inline]] timing timing_of(int code,
                                                     const output_stage& out) const noexcept {
    return owed_.front().end <= out.sent() ? timing::counts : timing_in_flight(code, out);
  }
  /// Takes the oldest entry: its reply is there.
  [[gnu::always_inline]] expected answer(time_point now) noexcept {
    const expected e = owed_.front();
    owed_.pop();
    if (e.is.has(trait::by_progress)) bodies_ -= e.end - answered_;
    answered_ = e.end;
    base_ = now;
    if (owed_.empty()) group_ = group::open;
    if (e.mail != nullptr) --e.mail->owed;
    return e;
  }

  /// Nothing was left to be written for a while, since it was the caller's turn: no timer ran
  /// (TIME-05).
  void resume(time_point now) noexcept {
    stretch_base_ += now - base_;
    base_ = now;
  }
  /// Octets were written. Content restarts its timers with each write (TIME-05), or with each
  /// stretch of so many octets (TIME-08), up to its last octet. `before` is what had been sent
  /// earlier.
  [[gnu::always_inline]] void progress(std::uint64_t before, const output_stage& out,
                                       std::uint32_t stretch, time_point now) noexcept {
    if (owed_.empty()) return;
    const expected& e = owed_.front();
    if (!e.is.has(trait::by_progress) || before >= e.end) return;
    base_ = now;
    if (stretch_of_ != e.end) begin_stretch(e.end, before, now);
    if (out.sent() - stretch_begin_ >= stretch) {
      stretch_begin_ = out.sent();
      stretch_base_ = now;
    }
  }
  /// Getter: until when the oldest reply is waited for; none if nothing is, or for ever.
  [[nodiscard, gnu::cold]] std::optional<time_point> deadline(const output_stage& out,
                                                              const timeouts& t) const noexcept;

  /// Getter: whether octets of content that is owed for stand behind this position: there is no
  /// place for a command.
  [[nodiscard, gnu::cold]] bool has_body_behind(std::uint64_t position) const noexcept;
  /// Calls `f(mail, octets)` for each piece of content that stands between two positions of the
  /// output; `octets` says how much of it.
  template <class F>
  void for_bodies(std::uint64_t from, std::uint64_t to, F f) const {
    for (std::size_t i = 0; i < owed_.size(); ++i) {
      const expected& e = owed_[i];
      if (!e.is.has(trait::by_progress) || e.mail == nullptr) continue;
      // LMTP owes a reply to each recipient for the same octets.
      if (i != 0 && owed_[i - 1].mail == e.mail && owed_[i - 1].end == e.end) continue;
      const bool counted = e.is.has(trait::counted) && !e.mail->each;
      const std::uint64_t begin = std::max(from, counted ? e.end - e.recipient : content_begin_);
      const std::uint64_t end = std::min(to, e.end);
      if (begin < end) f(*e.mail, end - begin);
    }
  }

  /// What is owed is about no mail any more: they end otherwise.
  [[gnu::cold]] void forget_mails() noexcept;
  /// The same of the user's commands. Returns the next one, or one with the id 0 if there is none.
  [[nodiscard, gnu::cold]] expected forget_command() noexcept;
  /// Nothing is owed any more.
  void clear() noexcept { owed_.clear(); }

 private:
  /// What may follow the command that was written last.
  enum class group : std::uint8_t {
    open,     // whatever may share a group
    verdict,  // it ended content: only what may run ahead of the verdict (PIPE-17)
    closed,   // nothing, until all replies are there
  };

  [[gnu::cold]] void owe_for_each(verb v, mail_state& m, std::uint64_t end, time_point now);
  [[nodiscard, gnu::cold]] timing timing_in_flight(int code,
                                                   const output_stage& out) const noexcept;

  void begin_stretch(std::uint64_t of, std::uint64_t begin, time_point now) noexcept {
    stretch_of_ = of;
    stretch_begin_ = begin;
    stretch_base_ = now;
  }

  ring<expected> owed_;
  group group_ = group::open;
  std::uint64_t answered_ = 0;       // position behind the command that was answered last
  std::uint64_t bodies_ = 0;         // octets of content among those that are not answered
  std::uint64_t content_begin_ = 0;  // position of the content that was begun last
  time_point base_{};  // since when the oldest reply is waited for, or of its progress
  // Content that is being written: when the last stretch of it that was long enough began
  // (TIME-08), and where in the output.
  time_point stretch_base_{};
  std::uint64_t stretch_begin_ = 0;
  std::uint64_t stretch_of_ = 0;  // where the content ends to which it belongs
};

}  // namespace sansmtp::detail

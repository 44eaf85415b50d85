// Events between their making and their taking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>

#include "ring.hpp"
#include "sansmtp/event.hpp"
#include "text_buffer.hpp"

namespace sansmtp::detail {

struct mail_state;

/// Text of an event: a stretch of the queue's arena.
struct text_span {
  std::uint32_t at = 0;
  std::uint32_t size = 0;
};

/// An event as it waits: its texts are stretches of the arena until it is shown. It is small, for
/// each mail makes several.
struct pending_event {
  event::kind what = event::kind::closed;
  verb answers = verb::greeting;
  outcome result = outcome::pending;
  hint advice = hint::none;
  failure_category category = failure_category::none;
  bool tls = false;
  bool with_status = true;      // the reply may have an enhanced status code
  std::uint16_t code = 0;       // of the reply
  std::uint32_t recipient = 0;  // of mail_done: which recipient's reply is the mail's own
  operation_id id = 0;
  std::error_code error;
  text_span text;  // of the reply
  text_span command;
  text_span excerpt;
  text_span detail;
  std::uint64_t octets = 0;
  mail_state* mail = nullptr;  // of mail_done: where the results are
  std::uint32_t arena = 0;     // size of the arena when it was made: its texts begin there
};

static_assert(std::is_trivially_destructible_v<pending_event>);

/// A queue of events with one arena for all their text. It is emptied whenever the last event has
/// been taken, and compacted for users who never take all.
class event_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  /// Neither an event nor the text of one taken.
  [[nodiscard]] bool clean() const noexcept { return waiting_.empty() && arena_.size() == 0; }
  [[nodiscard]] const pending_event& front() const noexcept { return waiting_.front(); }
  [[nodiscard]] std::size_t memory() const noexcept {
    return waiting_.memory() + arena_.capacity();
  }

  /// Appends an event; the reference is good for filling it in at once.
  pending_event& push(event::kind what, verb about, bool tls) {
    // Made anew in its slot, which spares the copy of an assignment.
    pending_event* const e = ::new (&waiting_.push()) pending_event;
    e->what = what;
    e->answers = about;
    e->tls = tls;
    e->arena = static_cast<std::uint32_t>(arena_.size());
    return *e;
  }

  /// Copies text into the arena.
  [[nodiscard]] text_span keep(std::string_view text) {
    const text_span s{static_cast<std::uint32_t>(arena_.size()),
                      static_cast<std::uint32_t>(text.size())};
    arena_.append(text);
    return s;
  }

  [[nodiscard]] std::string_view show(text_span s) const noexcept {
    return arena_.view(s.at, s.size);
  }

  /// The views of the event taken last are void now: makes room.
  void release() noexcept {
    if (waiting_.empty()) arena_.clear();
    if (arena_.capacity() > kept_arena) compact();
  }

  void pop() noexcept { waiting_.pop(); }

  /// Gives back the room of events that are gone; that of their text goes with `release`.
  void trim() { waiting_.trim(); }

 private:
  static constexpr std::size_t kept_arena = 4096;

  [[gnu::cold, gnu::noinline]] void compact() noexcept {
    if (waiting_.empty()) {
      arena_.release();
      return;
    }
    // Texts lie in the order of their events, so all before the first one's are dead. Moving costs
    // no more than what it frees.
    const std::uint32_t dead = waiting_.front().arena;
    if (dead < kept_arena || dead < arena_.size() / 2) return;
    arena_.erase_front(dead);
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      pending_event& e = waiting_[i];
      e.arena -= dead;
      for (text_span* s : {&e.text, &e.command, &e.excerpt, &e.detail})
        s->at = s->size != 0 ? s->at - dead : 0;
    }
  }

  ring<pending_event> waiting_;
  text_buffer arena_;
};

}  // namespace sansmtp::detail

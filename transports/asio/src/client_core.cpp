#include "sansmtp/asio/detail/client_core.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sansmtp::detail {
namespace {

// A reply that comes so long after another one of its group was perhaps held back by the server
// until that one was acknowledged (RFC 1122 section 4.2.3.4), which systems do after 40 ms.
constexpr std::chrono::milliseconds stall(30);

// Slices of a gather list that go into one write; Asio takes no more.
constexpr std::size_t max_slices = 64;

// So often handlers may make work for `run` before the loop has its turn.
constexpr unsigned max_rounds = 16;

session_config with_trace(const async_client_options& options) {
  session_config config = options.session;
  if (options.trace) config.trace = true;
  return config;
}

}  // namespace

client_core::client_core(std::shared_ptr<const async_client_options> options)
    : options_(std::move(options)),
      events_(options_->events),
      channel_(with_trace(*options_)),
      end_(not_connected()) {}

std::size_t client_core::memory() const noexcept {
  return channel_.memory() + options_->read_buffer + lent_.capacity() * sizeof(bytes);
}

std::span<char> client_core::read_space() {
  const std::size_t size = std::max<std::size_t>(options_->read_buffer, 1);
  if (!read_space_) read_space_.reset(new char[size]);  // not initialised
  return {read_space_.get(), size};
}

// -- what the user asks -------------------------------------------------------------------------

void client_core::start(operation& op) {
  if (op.what == operation::kind::event) {
    if (!events_ || event_wanted_ != nullptr) {
      end_operation(op, errc::bad_state);
    } else {
      event_wanted_ = &op;
    }
  } else {
    if (op.what == operation::kind::quit) engine().quit();
    waiting_.push_back(op);
  }
  wake();
}

void client_core::send(operation& op, const envelope& env, message content) {
  op.what = operation::kind::mail;
  if (content.is_streamed()) {  // nobody would lend its chunks
    end_operation(op, errc::bad_argument);
  } else {
    op.mail = engine().send(env, std::move(content));
    mails_.push_back(op);
  }
  wake();
}

void client_core::begin_stream(operation& op, const envelope& env, message content) {
  op.what = operation::kind::begin;
  if (!content.is_streamed()) {
    end_operation(op, errc::bad_argument);
  } else {
    auto s = std::make_unique<stream_mail>();
    s->id = engine().send(env, std::move(content));
    s->handle = op.mail = ++last_handle_;
    s->waiting = &op;
    s->report.begin(s->id, env);
    streams_.push_back(std::move(s));
  }
  wake();
}

void client_core::write_stream(operation& op, bytes chunk) {
  op.what = operation::kind::write;
  stream_mail* const s = find_stream(op.mail);
  if (s == nullptr || s->waiting != nullptr || (!s->wanted && !s->done)) {
    end_operation(op, errc::bad_state);
  } else if (s->done) {
    end_operation(op, s->report.error ? s->report.error : make_error_code(errc::bad_state));
  } else if (chunk.empty()) {
    end_operation(op, {});
  } else {
    op.octets = chunk.size();
    s->wanted = false;
    s->waiting = &op;
    static_cast<void>(engine().lend(chunk, false));  // it was asked for
  }
  wake();
}

void client_core::finish_stream(operation& op) {
  op.what = operation::kind::finish;
  stream_mail* const s = find_stream(op.mail);
  if (s == nullptr || s->waiting != nullptr) {
    end_operation(op, errc::bad_state);
  } else {
    s->waiting = &op;
    if (s->done) {
      settle_stream(*s);
    } else if (s->wanted) {
      s->wanted = false;
      static_cast<void>(engine().lend({}, true));
    }
  }
  wake();
}

// The handle is gone. Nobody would write the rest.
void client_core::release_stream(std::uint64_t handle) {
  stream_mail* const s = find_stream(handle);
  if (s == nullptr) return;
  s->released = true;
  s->wanted = false;
  if (!s->done && s->waiting == nullptr) engine().cancel(s->id);
  wake();
}

void client_core::cancel(operation& op, cancellation how) {
  using enum operation::kind;
  if (op.ended) return;
  const auto terminate = [this] { abort(operation_aborted()); };
  switch (op.what) {
    case drain:
    case end:
    case event:
      // They only watch.
      if (op.what == event) {
        event_wanted_ = nullptr;
      } else {
        waiting_.remove(op);
      }
      end_operation(op, operation_aborted());
      break;
    case connect: cancel_connect(); break;
    case open:
    case quit:
    case finish:
      if (how == cancellation::terminal) terminate();
      break;
    case mail:
    case begin:
    case write:
      const stream_mail* const s = op.what == mail ? nullptr : find_stream(op.mail);
      const mail_id about = s != nullptr ? s->id : op.mail;
      if (op.what != write && engine().withdraw(about)) {
        // Events tell of those that were taken back in this order, however they were queued.
        if (op.what == mail) {
          mails_.remove(op);
          withdrawn_.push_back(op);
        }
        break;
      }
      if (how == cancellation::terminal || how == cancellation::partial) engine().cancel(about);
      // The mail was given up by its caller; its neighbours only share its session.
      if (how == cancellation::terminal) abort(make_error_code(errc::session_aborted));
      break;
  }
  wake();
}

void client_core::abort(std::error_code why) {
  if (connecting_) {
    end_ = why;
    cancel_connect();
  }
  channel_.abort(why);
  wake();
}

void client_core::abandon() {
  // What the stream is waiting for keeps this alive until it has ended, too.
  events_ = false;
  if (event_wanted_ != nullptr) {
    end_operation(*std::exchange(event_wanted_, nullptr), errc::aborted);
  }
  if (connecting_) cancel_connect();
  channel_.abort();
  if (linked_) unlink();
  wake();
}

void client_core::wake() {
  again_ = true;
  if (running_ || posted_ || gone_) return;
  posted_ = true;
  post_run();
}

std::span<const recipient_report> client_core::recipients(std::uint64_t handle) const noexcept {
  const stream_mail* const s = find_stream(handle);
  if (s == nullptr) return {};
  return s->report.recipients;
}

bool client_core::wants_content(std::uint64_t handle) const noexcept {
  const stream_mail* const s = find_stream(handle);
  return s != nullptr && s->wanted;
}

client_core::stream_mail* client_core::find_stream(std::uint64_t handle) const noexcept {
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [handle](const auto& s) { return s->handle == handle; });
  return found == streams_.end() ? nullptr : found->get();
}

client_core::stream_mail* client_core::stream_of(mail_id mail) const noexcept {
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [mail](const auto& s) { return mail != 0 && s->id == mail; });
  return found == streams_.end() ? nullptr : found->get();
}

void client_core::end_operation(operation& op, std::error_code error) {
  op.error = error;
  op.ended = true;
  done_.push_back(op);
}

void client_core::discard_all() noexcept {
  mails_.discard();
  withdrawn_.discard();
  waiting_.discard();
  if (event_wanted_ != nullptr) std::exchange(event_wanted_, nullptr)->discard();
  for (const auto& s : streams_) {
    if (s->waiting != nullptr) std::exchange(s->waiting, nullptr)->discard();
  }
  done_.discard();
}

void client_core::loop_gone() noexcept {
  if (gone_) return;
  gone_ = true;
  const auto self = shared_from_this();  // a handler may own the client
  discard_all();
}

// -- what the link tells ------------------------------------------------------------------------

bool client_core::begin_connect() {
  if (linked_ || connecting_) return false;
  if (writing_ && !channel_.closed()) return false;  // its link is gone, and its end not told yet
  if (channel_.closed()) {
    // Whoever waits for the last link has been told, or will be now.
    while (take_events()) continue;
    settle();
    if (!told_end_) return false;  // events that nobody took
    // The octets of a write that nobody could stop are still its channel's.
    if (writing_) retired_ = std::move(channel_);
    channel_ = channel(with_trace(*options_));
  }
  end_ = not_connected();
  opening_failure_.reset();
  half_heard_.reset();
  ready_ = told_end_ = quick_ack_ = false;
  connecting_ = true;
  return true;
}

void client_core::connect_failed(std::error_code why) {
  connecting_ = false;
  if (!channel_.closed()) end_ = why;  // else it was given up for another reason
  channel_.read_end(time(), why);
  if (operation* op =
          waiting_.take([](const operation& o) { return o.what == operation::kind::connect; })) {
    end_operation(*op, why);
  }
  run();
}

void client_core::connected(std::string_view host, std::uint16_t port,
                            std::string_view local_address) {
  connecting_ = false;
  linked_ = true;
  end_ = {};
  now_ = time();
  if (options_->session.tls != tls_mode::off && options_->tls) {
    // The path of a Unix socket, which has no port, names nobody.
    const std::string_view connected_to = port == 0 ? std::string_view() : host;
    channel_.secure_with(
        options_->tls({.host = options_->tls_host.empty() ? connected_to : options_->tls_host,
                       .port = port,
                       .demand = options_->demand ? &*options_->demand : nullptr}));
  }
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  channel_.connected(now_, {.host_name = name.data(), .local_address = local_address});
  if (operation* op =
          waiting_.take([](const operation& o) { return o.what == operation::kind::connect; })) {
    end_operation(*op, {});
  }
}

void client_core::read_done(std::error_code error, bool at_end, std::size_t n) {
  channel_.prefetch();
  reading_ = false;
  close_if_idle();
  if (linked_) {
    now_ = time();
    if (n > 0) {
      if (half_heard_ && now_ - *half_heard_ >= stall && owes_the_rest()) quick_ack_ = true;
      half_heard_ = now_;
      channel_.receive(now_, {read_space_.get(), n});
    }
    if (error || at_end) channel_.read_end(now_, at_end ? std::error_code() : error);
  }
  go_on();
}

void client_core::write_done(std::error_code error, std::size_t n) {
  writing_ = taken_back_ = false;
  close_if_idle();
  now_ = time();
  if (retired_) {
    retired_.reset();
    return run();
  }
  if (error) {
    channel_.write_failed(now_, error, n);
  } else {
    channel_.sent(now_, n);
  }
  run();
}

void client_core::timer_done() {
  timer_at_.reset();
  run();
}

// -- the loop -----------------------------------------------------------------------------------

void client_core::run() {
  if (!running_) take_time();
  go_on();
}

// The time is known. If a deadline passed just now, the timer tells.
void client_core::go_on() {
  if (running_) {  // a handler runs the loop itself
    again_ = true;
    return;
  }
  // Handlers may throw; then what is left is for the next time.
  struct guard {
    client_core& core;
    ~guard() {
      core.running_ = false;
      if (core.again_ || !core.done_.empty()) core.wake();
    }
  } const on_exit{*this};
  posted_ = false;
  running_ = true;
  for (unsigned round = 1;; ++round) {
    again_ = false;
    if (round != 1) now_ = time();
    take_events();
    settle();
    // What handlers queue leaves in the same write as what waits already. Where the opening failed
    // a handler may destroy the client, and QUIT is to be there before.
    const bool last = round == max_rounds;
    if (!opening_failure_ && call_handlers() && !last) continue;
    pump();
    settle();
    wait_for_more();
    call_handlers();
    if ((!again_ && done_.empty()) || last) break;
  }
}

// Those that there are: what they end in turn waits for the next round.
bool client_core::call_handlers() {
  const std::size_t there = done_.size();
  for (std::size_t n = there; n != 0; --n) {
    operation* const op = done_.pop_front();
    if (op == nullptr) break;  // the loop goes
    op->finish();
  }
  return there != 0;
}

void client_core::take_time() {
  now_ = time();
  const std::optional<time_point> deadline = channel_.deadline();
  if (linked_ && deadline && *deadline <= now_) channel_.advance(now_);
}

void client_core::wait_for_more() {
  if (!linked_) return;
  if (!reading_ && channel_.wants_read()) {
    // The kernel forgets this wish with the next write.
    if (quick_ack_ && owes_the_rest()) acknowledge();
    reading_ = true;
    start_read();
  }
  arm_timer();
}

// Has something been heard of a group of replies, and nothing been written since?
bool client_core::owes_the_rest() noexcept { return half_heard_ && engine().in_flight() != 0; }

// Output and events, until there is neither.
void client_core::pump() {
  bool tried = false;
  bool written = false;
  do {
    written = false;
    take_events();
    if (!linked_) return;
    if (channel_.finished()) return unlink();
    if (writing_) {
      if (channel_.cancel_write()) take_back_write();
    } else {
      const std::span<const bytes> out = channel_.output(now_);
      if (!out.empty()) {
        half_heard_.reset();
        // What the stream takes at once needs no operation. Once in a round, lest a peer that reads
        // fast keep the loop from everybody else.
        written = !std::exchange(tried, true) && write_now(out);
        if (!written) begin_write(out);
      }
    }
    // A mail that is refused before an octet is written ends in output().
  } while (take_events() || written);
  if (linked_ && channel_.finished()) unlink();
}

bool client_core::write_now(std::span<const bytes> out) {
  const std::size_t n = try_write(out.first(std::min(out.size(), max_slices)));
  if (n != 0) channel_.sent(now_, n);
  return n != 0;
}

void client_core::begin_write(std::span<const bytes> out) {
  lent_.assign(out.begin(),
               out.begin() + static_cast<std::ptrdiff_t>(std::min(out.size(), max_slices)));
  writing_ = true;
  start_write();
}

// Ends the write early. It may end the read as well, which nobody needs any more.
void client_core::take_back_write() {
  if (std::exchange(taken_back_, true)) return;
  if (!cancel_transfers()) unlink();  // what only its end can stop
}

void client_core::unlink() {
  linked_ = false;
  shut_down_stream();
  // The peer has the end now. The socket waits for its operations: one that is closed under them
  // is taken for its successor by the io_uring service of Asio 1.22.
  if (busy() && cancel_transfers()) {
    to_close_ = true;
  } else {
    close_stream();
  }
  if (timer_at_) cancel_timer();
  again_ = true;  // who waits for the end has it now
}

void client_core::close_if_idle() {
  if (!to_close_ || busy()) return;
  to_close_ = false;
  close_stream();
}

void client_core::arm_timer() {
  const std::optional<time_point> at = channel_.deadline();
  // A timer that is too early is armed anew when it fires: deadlines go forward, so that is much
  // rarer than a new deadline.
  if (!at || (timer_at_ && *timer_at_ <= *at)) return;
  const bool armed = timer_at_.has_value();
  timer_at_ = at;
  if (armed) {
    cancel_timer();  // and its end arms it again
  } else {
    start_timer(*at);
  }
}

// -- events -------------------------------------------------------------------------------------

bool client_core::take_events() {
  bool any = false;
  while (!events_ || event_wanted_ != nullptr) {
    const event* const e = channel_.next_event();
    if (e == nullptr) break;
    any = true;
    handle(*e);
    if (operation* op = std::exchange(event_wanted_, nullptr)) {
      *op->seen = *e;
      end_operation(*op, {});
    }
  }
  return any;
}

void client_core::handle(const event& e) {
  if (options_->trace) options_->trace(e);
  switch (e.what) {
    using enum event::kind;
    case mail_done: finish_mail(e); break;
    case recipient_accepted:
    case recipient_rejected:
      if (stream_mail* s = stream_of(e.id)) s->report.assign(e);
      break;
    case ready_for_data:
    case chunk_released: continue_stream(e); break;
    case ready: ready_ = true; break;
    case session_failed:
      if (!end_) end_ = e.error;
      opening_failure_ = std::make_unique<recipient_report>(failure_of(e));
      break;
    case closed:
      told_end_ = true;
      if (!end_) end_ = e.error ? e.error : make_error_code(errc::session_closed);
      break;
    case upgrade_to_tls:
    case authenticated:
    case command_done:
    case reply_parsed:
    case line_sent:
    case content_sent:
    case greeted:
    case sender_accepted:
    case sender_rejected:
    case warning: break;
  }
}

void client_core::finish_mail(const event& e) {
  // A mail that came behind the end wants to know why there was one.
  const std::error_code error = e.error == errc::session_closed && end_ ? end_ : e.error;
  const auto is_it = [&e](const operation& o) { return o.mail == e.id; };
  operation* op = withdrawn_.empty() ? nullptr : withdrawn_.take(is_it);
  if (op == nullptr) op = mails_.take(is_it);
  if (op != nullptr) {
    op->report.assign(e);
    op->report.error = error;
    end_operation(*op, error);
  } else if (stream_mail* s = stream_of(e.id)) {
    s->id = 0;
    s->report.assign(e);
    s->report.error = error;
    s->wanted = false;
    s->done = true;
    settle_stream(*s);
  }
}

void client_core::continue_stream(const event& e) {
  stream_mail* const s = stream_of(e.id);
  if (s == nullptr) return;
  if (s->released) {
    engine().cancel(e.id);
    return;
  }
  s->wanted = true;
  settle_stream(*s);
}

// Ends what waits for the mail, if it has what it waits for.
void client_core::settle_stream(stream_mail& s) {
  if (s.waiting == nullptr) return;
  operation& op = *s.waiting;
  std::error_code error;
  if (s.done && s.report.count(outcome::delivered) == 0) {
    const auto& all = s.report.recipients;
    const auto failed =
        std::find_if(all.begin(), all.end(), [](const auto& r) { return r.why != errc::none; });
    error = s.report.error        ? s.report.error
            : failed != all.end() ? make_error_code(failed->why)
                                  : std::error_code();
  }
  switch (op.what) {
    using enum operation::kind;
    case begin: break;
    case write:
      if (s.done && !error) error = errc::bad_state;  // an answer before the end of content
      if (error) op.octets = 0;
      break;
    case finish:
      if (!s.done) return;
      op.report = s.report;
      break;
    case connect:
    case open:
    case mail:
    case drain:
    case quit:
    case end:
    case event: return;
  }
  s.waiting = nullptr;
  end_operation(op, error);
}

std::error_code client_core::failure() const noexcept {
  return end_ ? end_ : make_error_code(errc::session_closed);
}

// Ends what has come to its end by the state of the session.
void client_core::settle() {
  if (waiting_.empty() && streams_.empty() && event_wanted_ == nullptr) return;  // as mostly
  std::erase_if(streams_,
                [](const auto& s) { return s->done && s->released && s->waiting == nullptr; });
  const bool quiet =
      mails_.empty() && withdrawn_.empty() &&
      std::all_of(streams_.begin(), streams_.end(), [](const auto& s) { return s->done; });
  const auto ended = [&](const operation& op) {
    switch (op.what) {
      using enum operation::kind;
      case open: return ready_ || opening_failure_ || over() || (!linked_ && !connecting_);
      case drain: return over() || (quiet && done_.empty() && (engine().idle() || !ready_));
      case end: return over() || (!linked_ && !connecting_);
      case quit: return over() || (!linked_ && !connecting_ && channel_.closed());
      case connect:
      case mail:
      case event:
      case begin:
      case write:
      case finish: return false;
    }
    return false;
  };
  while (operation* op = waiting_.take(ended)) {
    using enum operation::kind;
    std::error_code error;
    if (over() || !linked_ || op->what == open) error = failure();
    if (op->what == open && ready_ && !over()) error = {};
    if (op->what == drain && quiet && !over()) error = {};
    if (op->what != open && error == errc::session_closed) error = {};
    end_operation(*op, error);
  }
  // Handlers may queue further mails; who waits for all is told behind them.
  if (quiet && !done_.empty() && !waiting_.empty()) again_ = true;
  // There will be no event any more.
  if (event_wanted_ != nullptr && over()) {
    end_operation(*std::exchange(event_wanted_, nullptr), errc::session_closed);
  }
}

}  // namespace sansmtp::detail

#include "sansmtp/asio/detail/pool_core.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>

#include "sansmtp/asio/async_client.hpp"
#include "sansmtp/asio/detail/keeper.hpp"

namespace sansmtp::detail {
namespace {

using client = async_client<net::generic::stream_protocol::socket>;

// Does this recipient wait for a connection without TLS, since it was optional and failed (TLS-08)?
bool needs_clear_text(const recipient_report& r) { return r.advice == hint::retry_without_tls; }

// Did this recipient fail since its connection was ended from this side?
bool is_aborted(const recipient_report& r) { return r.why == errc::aborted; }

// Did this recipient fail only because the connection did? Then another one may succeed.
bool is_movable(const recipient_report& r) {
  if (r.result != outcome::deferred && r.result != outcome::not_attempted) return false;
  return r.why == errc::connection_lost || r.why == errc::service_closing ||
         r.why == errc::session_closed || is_aborted(r) || needs_clear_text(r);
}

template <typename Condition>
bool any_recipient(const delivery& report, Condition condition) {
  return std::any_of(report.recipients.begin(), report.recipients.end(), condition);
}

std::shared_ptr<const async_client_options> of_connections(async_client_options options) {
  options.events = false;
  return std::make_shared<const async_client_options>(std::move(options));
}

std::shared_ptr<const async_client_options> in_clear_text(async_client_options options) {
  if (options.session.tls != tls_mode::opportunistic) return nullptr;
  options.session.tls = tls_mode::off;
  return of_connections(std::move(options));
}

}  // namespace

/// A mail between its acceptance and its outcome. The content stays here, so that it can be sent
/// twice.
struct pool_core::job {
  std::uint64_t number = 0;
  operation* op = nullptr;
  site* to = nullptr;
  envelope env;                    // recipients without an outcome
  std::vector<std::size_t> index;  // of each of them in the report
  message content;
  unsigned moves = 0;
  bool waiting = true;
  bool cancelled = false;  // by its own slot
  delivery report;
  net::cancellation_signal signal;
};

/// A connection.
struct pool_core::connection {
  connection(const net::any_io_executor& executor,
             std::shared_ptr<const async_client_options> options, site& s)
      : smtp(executor, std::move(options)), to(s) {}

  client smtp;
  site& to;
  std::size_t mails = 0;    // in the session now
  std::uint64_t given = 0;  // since the beginning
  clock::time_point born = clock::now();
  clock::time_point idle_since = born;
  bool open = false;     // it is, or was
  bool carried = false;  // and a mail came to its end and left it open
  bool failed = false;   // it could not be opened
  bool leaving = false;  // it takes no more mails
  bool quitting = false;
};

/// A destination with its queue.
struct pool_core::site {
  destination where;
  std::uint64_t number = 0;
  std::deque<job*> queue;
  std::vector<connection_ptr> connections;
  clock::time_point retry_at{};
  bool in_clear = false;  // a handshake failed that might (TLS-08)
};

pool_core::pool_core(net::any_io_executor executor, pool_options options)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      client_options_(of_connections(options_.client)),
      clear_options_(in_clear_text(options_.client)),
      // The next envelope rides with the content before it only if it is there in time.
      ahead_(options_.client.session.pipelining == pipelining_level::messages ? 2 : 1),
      timer_(executor_) {
  options_.connections = std::max<std::size_t>(options_.connections, 1);
  options_.queue = std::max<std::size_t>(options_.queue, 1);
  options_.connections_per_destination =
      std::max<std::size_t>(options_.connections_per_destination, 1);
}

pool_core::~pool_core() { discard_all(); }

void pool_core::discard_all() noexcept {
  // What a handler owns may come back here while it is destroyed.
  const auto jobs = std::exchange(jobs_, {});
  for (const auto& [key, s] : sites_) s->queue.clear();
  for (const auto& [number, j] : jobs) {
    if (j->op != nullptr) std::exchange(j->op, nullptr)->discard();
  }
  drains_.discard();
  rooms_.discard();
  closes_.discard();
  done_.discard();
}

void pool_core::loop_gone() noexcept {
  if (gone_) return;
  gone_ = true;
  const auto self = shared_from_this();  // a handler may own the pool
  discard_all();
}

pool_status pool_core::status() const noexcept {
  pool_status result;
  result.waiting = waiting_;
  result.sending = jobs_.size() - waiting_;
  result.connections = connections_;
  for (const auto& [key, s] : sites_) {
    for (const connection_ptr& c : s->connections) {
      result.idle += c->open && !c->leaving && c->mails == 0;
    }
  }
  return result;
}

// -- what the user asks -------------------------------------------------------------------------

void pool_core::send(operation& op, const destination& to, envelope env, message content) {
  if (gone_) return op.discard();
  const auto number = ++last_job_;
  auto made = std::make_unique<job>();
  job& j = *made;
  j.number = number;
  j.op = &op;
  op.what = operation::kind::mail;
  op.mail = number;
  j.env = std::move(env);
  j.content = std::move(content);
  j.report.list(j.env, outcome::not_attempted, verb::mail, errc::session_closed);
  j.index.resize(j.env.recipients.size());
  std::iota(j.index.begin(), j.index.end(), std::size_t{0});
  jobs_.emplace(number, std::move(made));
  ++waiting_;
  if (j.content.is_streamed()) return finish(j, errc::bad_argument);
  if (closing_) return finish(j, errc::session_closed);
  if (waiting_ > options_.queue) {
    return finish(j, net::error::make_error_code(net::error::no_buffer_space));
  }

  auto& s = sites_[{to.host, to.port}];
  if (!s) {
    s = std::make_unique<site>();
    s->where = to;
    s->number = ++next_site_;
  }
  j.to = s.get();
  s->queue.push_back(&j);
  serve(*s);
}

void pool_core::wait(operation& op) {
  if (gone_) return op.discard();
  switch (op.what) {
    using enum operation::kind;
    case open: rooms_.push(op); break;
    case quit:
      closing_ = true;
      closes_.push(op);
      break;
    case drain: drains_.push(op); break;
    case connect:
    case mail:
    case event:
    case begin:
    case write:
    case end:
    case finish: break;
  }
  settle();
}

void pool_core::cancel(operation& op, cancellation how) {
  if (op.ended || gone_) return;
  if (op.what == operation::kind::mail) {
    job& j = *jobs_.at(op.mail);
    if (!j.waiting) {
      j.cancelled = true;
      using net::cancellation_type;
      j.signal.emit(how == cancellation::terminal  ? cancellation_type::terminal
                    : how == cancellation::partial ? cancellation_type::partial
                                                   : cancellation_type::total);
      return;
    }
    site& s = *j.to;
    std::erase(s.queue, &j);
    for (const std::size_t i : j.index) j.report.recipients[i].why = errc::aborted;
    finish(j, errc::aborted);
    forget_if_unused(s);
  } else {
    (op.what == operation::kind::open    ? rooms_
     : op.what == operation::kind::drain ? drains_
                                         : closes_)
        .remove(op);
    op.error = operation_aborted();
    op.ended = true;
    done_.push(op);
  }
  settle();
}

void pool_core::abort(std::error_code why) {
  if (gone_) return;
  closing_ = aborted_ = true;
  for (auto& [key, s] : sites_) {
    while (!s->queue.empty()) {
      job& j = *s->queue.front();
      s->queue.pop_front();
      for (const std::size_t i : j.index) j.report.recipients[i].why = errc::aborted;
      finish(j, why);
    }
    for (const connection_ptr& c : s->connections) {
      c->leaving = true;
      c->smtp.abort(why);
    }
  }
  timer_.cancel();
  settle();
}

// -- who gets which connection ------------------------------------------------------------------

bool pool_core::has_room(const connection& c) const {
  return !c.leaving && c.mails < ahead_ && c.smtp.engine().where() == phase::ready;
}

/// Destinations that have mails and no connection, and for which none that is leaving, with so many
/// mails at most, makes room.
std::size_t pool_core::starving(const site* except, std::size_t mails) const {
  std::size_t without = 0;
  std::size_t coming = 0;
  for (const auto& [key, s] : sites_) {
    without += s.get() != except && !s->queue.empty() && s->connections.empty();
    for (const connection_ptr& c : s->connections) coming += c->leaving && c->mails <= mails;
  }
  return without > coming ? without - coming : 0;
}

/// If there are too few connections for all, the one of `s` that has had its turn: of those that
/// are open the one that will be idle first.
pool_core::connection* pool_core::owed(const site& s) const {
  if (connections_ < options_.connections || starving(&s, ahead_) == 0) return nullptr;
  connection* least = nullptr;
  for (const connection_ptr& c : s.connections) {
    if (c->open && !c->leaving && (least == nullptr || c->mails < least->mails)) least = c.get();
  }
  return least;
}

void pool_core::serve(site& s) {
  const auto now = clock::now();
  for (const connection_ptr& c : s.connections) {
    if (c->open && !c->leaving && options_.max_age.count() > 0 &&
        now - c->born >= options_.max_age) {
      quit(*c);
    }
  }
  if (connection* const c = s.queue.empty() ? nullptr : owed(s)) {
    // It gets no more mails, and ends once it has none.
    c->leaving = true;
    if (c->mails == 0) quit(*c);
  }
  // One mail each, as long as there are mails and room: that spreads them over the connections.
  for (bool any = true; any && !s.queue.empty();) {
    any = false;
    for (std::size_t i = 0; i != s.connections.size() && !s.queue.empty(); ++i) {
      connection& c = *s.connections[i];
      if (!has_room(c)) continue;
      job& j = *s.queue.front();
      s.queue.pop_front();
      give(c, j);
      any = true;
    }
  }
  while (!s.queue.empty() && may_connect(s)) connect(s);
  settle();
}

void pool_core::serve_all() {
  // Those without a connection come first, and in turn.
  std::vector<site*> order;
  for (auto& [key, s] : sites_) {
    if (!s->queue.empty()) order.push_back(s.get());
  }
  std::sort(order.begin(), order.end(), [](const site* a, const site* b) {
    return std::pair(!a->connections.empty(), a->number) <
           std::pair(!b->connections.empty(), b->number);
  });
  for (site* s : order) serve(*s);
}

bool pool_core::may_connect(site& s) {
  if (s.connections.size() >= options_.connections_per_destination) return false;
  if (!s.connections.empty() && clock::now() < s.retry_at) return false;
  if (connections_ < options_.connections) return true;
  // An idle connection to somewhere else makes room: the one that is idle for longest.
  if (s.connections.empty() && starving(nullptr, 0) == 0) return false;  // there will be room
  connection* oldest = nullptr;
  for (auto& [key, other] : sites_) {
    for (const connection_ptr& c : other->connections) {
      if (!c->open || c->leaving || c->mails != 0) continue;
      if (oldest == nullptr || c->idle_since < oldest->idle_since) oldest = c.get();
    }
  }
  if (oldest != nullptr) quit(*oldest);  // its end serves this one
  return false;
}

void pool_core::connect(site& s) {
  const auto c =
      std::make_shared<connection>(executor_, s.in_clear ? clear_options_ : client_options_, s);
  if (options_.credentials) c->smtp.authenticate(options_.credentials());
  s.connections.push_back(c);
  ++connections_;
  s.number = ++next_site_;
  // The first mail goes along, so that a failure is told to it with all that is known.
  job& j = *s.queue.front();
  s.queue.pop_front();
  give(*c, j);
  c->smtp.async_connect(s.where.host, s.where.port, [](net_error) {});
  c->smtp.async_open([kept = keeper(shared_from_this()), c](net_error error) mutable {
    kept.take()->opened(c, error);
  });
  c->smtp.async_wait_closed(
      [kept = keeper(shared_from_this()), c](net_error) mutable { kept.take()->closed(c); });
}

void pool_core::give(connection& c, job& j) {
  j.waiting = false;
  --waiting_;
  ++c.mails;
  ++c.given;
  message content = message::borrow(j.content.content())
                        .eight_bit(j.content.is_eight_bit())
                        .utf8_headers(j.content.has_utf8_headers());
  const auto at = std::find_if(c.to.connections.begin(), c.to.connections.end(),
                               [&c](const connection_ptr& p) { return p.get() == &c; });
  c.smtp.async_send(
      j.env, std::move(content),
      net::bind_cancellation_slot(j.signal.slot(),
                                  [kept = keeper(shared_from_this()), c = *at, number = j.number](
                                      net_error error, delivery report) mutable {
                                    kept.take()->job_done(c, number, error, std::move(report));
                                  }));
  // QUIT rides with the last mail.
  if (options_.mails_per_connection != 0 && c.given >= options_.mails_per_connection) quit(c);
}

void pool_core::quit(connection& c) {
  c.leaving = true;
  if (std::exchange(c.quitting, true)) return;
  c.smtp.async_quit([](net_error) {});
}

// -- what becomes of mails and connections --------------------------------------------------------

void pool_core::opened(const connection_ptr& c, std::error_code error) {
  if (error) return;
  c->open = true;
  if (c->mails == 0) c->idle_since = clock::now();
  serve(c->to);
  look_around(*c);
}

void pool_core::job_done(const connection_ptr& c, std::uint64_t number, std::error_code error,
                         delivery report) {
  job& j = *jobs_.at(number);
  site& s = c->to;
  --c->mails;
  c->idle_since = clock::now();
  // It may be open since this very moment.
  const phase where = c->smtp.engine().where();
  if (where == phase::ready) c->open = c->carried = true;
  const bool aborted = any_recipient(report, is_aborted);
  const bool may_do_without_tls = any_recipient(report, needs_clear_text);
  if (may_do_without_tls) s.in_clear = true;
  if (!c->open && (where == phase::quitting || where == phase::closed) && !aborted) {
    c->failed = c->leaving = true;
    if (!may_do_without_tls) s.retry_at = clock::now() + options_.retry_delay;
  }
  // A connection that could not be made says something about all that could be made now, unless
  // others are there, or may be soon.
  const bool hopeless = c->failed && !may_do_without_tls &&
                        std::all_of(s.connections.begin(), s.connections.end(),
                                    [](const auto& o) { return o->failed; });
  // What has been open for long may have been dead for long, and neither a neighbour's cancellation
  // nor TLS says anything about the server: only other failures count.
  const bool counts = !c->carried && !aborted && !may_do_without_tls;
  if (!aborted_ && !j.cancelled && !hopeless && (!counts || j.moves < options_.moves) &&
      move(j, report)) {
    j.moves += counts;
    s.queue.push_front(&j);
    j.waiting = true;
    ++waiting_;
  } else {
    if (hopeless && !report.recipients.empty()) fail_waiting(s, report.recipients.front(), error);
    if (report.recipients.empty()) {
      j.report.recipients.clear();  // a usage error
    } else {
      for (std::size_t i = 0; i != j.index.size(); ++i) {
        j.report.recipients[j.index[i]] = std::move(report.recipients[i]);
      }
    }
    finish(j, error, c->smtp.tls());
  }
  if (c->leaving && c->mails == 0) quit(*c);
  serve(s);
  look_around(*c);
}

/// After something happened to a connection: if it is idle now, others may need it more.
void pool_core::look_around(const connection& c) {
  if (c.mails != 0) return;
  if (waiting_ != 0) serve_all();
  arm_timer();
}

/// Makes of the job what another connection has to do, if there is anything.
bool pool_core::move(job& j, const delivery& report) {
  if (report.recipients.size() != j.index.size()) return false;
  if (std::none_of(report.recipients.begin(), report.recipients.end(), is_movable)) return false;
  std::vector<recipient> rest;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i != j.index.size(); ++i) {
    j.report.recipients[j.index[i]] = report.recipients[i];
    if (!is_movable(report.recipients[i])) continue;
    rest.push_back(std::move(j.env.recipients[i]));
    index.push_back(j.index[i]);
  }
  j.env.recipients = std::move(rest);
  j.index = std::move(index);
  return true;
}

/// Ends what waits for a destination to which there is no connection, for the reason of one
/// recipient that had to have it.
void pool_core::fail_waiting(site& s, const recipient_report& why, std::error_code error) {
  while (!s.queue.empty()) {
    job& j = *s.queue.front();
    s.queue.pop_front();
    for (const std::size_t i : j.index) {
      recipient_report& r = j.report.recipients[i];
      std::string address = std::move(r.address);
      r = why;
      r.address = std::move(address);
    }
    finish(j, error);
  }
}

void pool_core::finish(job& j, std::error_code error, const tls_info* tls) {
  operation& op = *std::exchange(j.op, nullptr);
  j.report.id = j.number;
  // A mail that reached somebody has not failed, though perhaps its second half has.
  j.report.error = j.report.count(outcome::delivered) != 0 ? std::error_code() : error;
  op.error = j.report.error;
  if (options_.observe) options_.observe(j.report, tls);
  op.report = std::move(j.report);
  if (j.waiting) --waiting_;
  jobs_.erase(j.number);
  op.ended = true;
  done_.push(op);
  settle();
}

void pool_core::closed(const connection_ptr& c) {
  site& s = c->to;
  c->leaving = true;
  std::erase(s.connections, c);
  if (--connections_ == 0) timer_.cancel();
  serve_all();
  forget_if_unused(s);
  settle();
}

/// Whoever sends to the whole world does not keep it in memory.
void pool_core::forget_if_unused(site& s) {
  if (s.queue.empty() && s.connections.empty()) {
    sites_.erase({s.where.host, s.where.port});
  }
}

// -- time -----------------------------------------------------------------------------------------

/// When an idle connection is to end, if it ever is.
std::optional<pool_core::clock::time_point> pool_core::end_of_idling(const connection& c) const {
  if (!c.open || c.leaving || c.mails != 0) return std::nullopt;
  const auto end = c.idle_since + options_.idle_timeout;
  return options_.max_age.count() > 0 ? std::min(end, c.born + options_.max_age) : end;
}

/// For the next connection that has been idle for long enough, or the next that may be tried again.
void pool_core::arm_timer() {
  std::optional<clock::time_point> at;
  const auto not_after = [&at](clock::time_point t) { at = at ? std::min(*at, t) : t; };
  const auto now = clock::now();
  for (const auto& [key, s] : sites_) {
    if (s->retry_at > now) not_after(s->retry_at);
    for (const connection_ptr& c : s->connections) {
      if (const auto end = end_of_idling(*c)) not_after(*end);
    }
  }
  if (!at || aborted_ || (timer_at_ && *timer_at_ <= *at)) return;
  timer_at_ = at;
  timer_.expires_at(*at);
  // The timer shall not keep the pool.
  timer_.async_wait([weak = weak_from_this()](net_error error) {
    if (const auto self = weak.lock(); self && !error) self->time_passed();
  });
}

void pool_core::time_passed() {
  timer_at_.reset();
  const auto now = clock::now();
  for (const auto& [key, s] : sites_) {
    for (const connection_ptr& c : s->connections) {
      if (const auto end = end_of_idling(*c); end && *end <= now) quit(*c);
    }
  }
  if (waiting_ != 0) serve_all();
  arm_timer();
}

// -- ends -----------------------------------------------------------------------------------------

void pool_core::settle() {
  const auto end_all = [this](operation_list& list) {
    while (operation* op = list.pop()) {
      op->ended = true;
      done_.push(*op);
    }
  };
  if (jobs_.empty()) {
    if (done_.empty()) end_all(drains_);  // handlers may queue further mails
    if (closing_) {
      timer_.cancel();
      for (const auto& [key, s] : sites_) {
        for (const connection_ptr& c : s->connections) {
          if (!c->leaving) quit(*c);
        }
      }
      if (connections_ == 0) end_all(closes_);
    }
  }
  // One after the other, for each may take the place.
  if (!room_given_ && !rooms_.empty() && (waiting_ < options_.queue || closing_)) {
    room_given_ = true;
    operation* const op = rooms_.pop();
    op->ended = true;
    done_.push(*op);
  }
  if (done_.empty() || posted_ || gone_) return;
  posted_ = true;
  net::post(executor_, [kept = keeper(shared_from_this())]() mutable { kept.take()->flush(); });
}

void pool_core::flush() {
  posted_ = false;
  // A handler may throw; what is left then has its turn later, as has what handlers end.
  struct guard {
    pool_core& core;
    ~guard() {
      core.room_given_ = false;
      core.settle();
    }
  } const on_exit{*this};
  for (std::size_t n = done_.size(); n != 0; --n) {
    operation* const op = done_.pop();
    if (op == nullptr) break;  // the loop goes
    op->finish();
  }
}

}  // namespace sansmtp::detail

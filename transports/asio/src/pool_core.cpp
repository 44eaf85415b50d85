#include "sansmtp/asio/detail/pool_core.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "sansmtp/asio/detail/keeper.hpp"
#include "sansmtp/asio/detail/stream_link.hpp"
#include "sansmtp/resend.hpp"

namespace sansmtp::detail {
namespace {

using link = stream_link<net::generic::stream_protocol::socket, net::steady_timer>;

// So often in a row connections to a destination that worked may fail before it is given up.
constexpr unsigned patience = 10;

// How many addresses of a name may refuse to greet before that counts as one failure.
constexpr std::size_t most_refusing = 5;

// Jobs that are kept for mails to come, since making one anew is most of what a mail costs here.
constexpr std::size_t most_spare = 64;
constexpr std::size_t most_spare_recipients = 16;

std::shared_ptr<const async_client_options> of_connections(async_client_options options) {
  options.events = false;
  return std::make_shared<const async_client_options>(std::move(options));
}

std::shared_ptr<const async_client_options> demanding(async_client_options options,
                                                      const peer_demand& demand) {
  options.demand = demand;
  return of_connections(std::move(options));
}

std::shared_ptr<const async_client_options> in_clear_text(async_client_options options) {
  if (options.session.tls != tls_mode::opportunistic) return nullptr;
  options.session.tls = tls_mode::off;
  return of_connections(std::move(options));
}

/// How many mails a session has at a time: the next envelope rides with the content before it only
/// if it is there in time, and a stream is as wide as its window (PIPE-17, BDAT-14).
std::size_t mails_ahead(const session_config& config) {
  if (config.pipelining == pipelining_level::stream) {
    return std::size_t{config.limits.stream_mails} + 1;
  }
  return config.pipelining == pipelining_level::messages ? 2 : 1;
}

/// What a connection of the pool waits for. It keeps the pool, as a `keeper` does.
template <typename Function>
class pool_operation final : public operation {
 public:
  [[nodiscard]] static operation& make(std::shared_ptr<pool_core> pool, Function done) {
    return *new pool_operation(std::move(pool), std::move(done));
  }
  void finish() override {
    const auto pool = kept_.take();
    const Function done = std::move(done_);
    const std::error_code why = error;
    delete this;
    done(*pool, why);
  }
  void discard() noexcept override { delete this; }

 private:
  pool_operation(std::shared_ptr<pool_core> pool, Function done)
      : done_(std::move(done)), kept_(std::move(pool)) {}

  Function done_;
  keeper<pool_core> kept_;  // destroyed first: it may end the pool, with all that is in it
};

}  // namespace

/// A mail between its acceptance and its outcome, as the operation of the client that has it, or of
/// the queue of its site. The content stays here, so that it can be sent twice.
struct pool_core::job final : operation {
  explicit job(pool_core& p) : pool(p) {}

  void finish() override { pool.job_done(*this); }
  void discard() noexcept override {
    if (asked != nullptr) asked->discard();
    delete this;
  }

  pool_core& pool;
  operation* asked = nullptr;  // the user's; none while it is spare
  site* to = nullptr;
  connection* on = nullptr;  // none while it waits
  envelope env;              // recipients without an outcome
  message content;
  delivery told;                   // once there are fewer recipients than at first: all of them,
  std::vector<std::size_t> index;  // and of those that are left the place in it
  unsigned moves = 0;
  bool first = false;      // goes first over a connection, as its last move
  bool cancelled = false;  // by its own slot
};

/// A connection. It lives until `closed`.
struct pool_core::connection : list_hook<connection, by_stage>,
                               list_hook<connection, by_idleness>,
                               list_hook<connection, by_room> {
  connection(std::shared_ptr<link> l, site& s, std::uint64_t most)
      : smtp(std::move(l)), to(s), left(most) {}

  std::shared_ptr<link> smtp;
  site& to;
  stage where = stage::opening;
  std::size_t mails = 0;      // in the session now
  std::uint64_t left;         // mails that it may still take
  clock::time_point since{};  // when it was opened,
  clock::time_point idle_since{};
  bool given = false;    // it was given a mail,
  bool carried = false;  // and one came to its end and left it open
};

/// Why there is no connection.
struct pool_core::refusal {
  recipient_report why;
  std::error_code error;
};

/// A destination with its queue.
struct pool_core::site : list_hook<site, by_need> {
  explicit site(destination d) : where(std::move(d)) {}

  [[nodiscard]] std::size_t count(stage s) const noexcept {
    return counts[static_cast<std::size_t>(s)];
  }
  [[nodiscard]] std::size_t waiting() const noexcept { return queue.size() + last.size(); }
  [[nodiscard]] operation* pop() noexcept {
    operation* const op = last.pop_front();
    return op != nullptr ? op : queue.pop_front();
  }
  [[nodiscard]] std::size_t connections() const noexcept {
    return counts[0] + counts[1] + counts[2];
  }
  /// An address refuses while its name has others. Returns whether they are worth a try. One that
  /// is known was asked before that was so, together with the one that told it: it counts once, and
  /// there are no more of the kind than connections at a time.
  [[nodiscard]] bool pass_over(const connect_request::endpoint& address) {
    if (std::find(avoid.begin(), avoid.end(), address) != avoid.end()) return true;
    if (avoid.size() + 1 >= most_refusing) return false;
    avoid.push_back(address);
    return true;
  }

  destination where;
  operation_list queue;  // of jobs
  operation_list last;   // those of them that go first over a connection, as their last move
  room_list room;        // connections that take mails, idle ones first
  std::array<std::size_t, 3> counts{};
  clock::time_point retry_at{};
  unsigned failures = 0;   // of connections, in a row
  bool worked = false;     // one was opened
  bool logged_in = false;  // and authenticated
  // A failed handshake costs one attempt its TLS (TLS-08): so many connections in clear text are
  // due, and each may carry as many mails as handshakes failed in a row.
  unsigned in_clear = 0;
  unsigned handshakes_failed = 0;
  std::vector<connect_request::endpoint> avoid;  // addresses that refused when others were left
  std::unique_ptr<refusal> login;                // why no further login is tried
};

const destination& pool_core::site_order::key(const std::unique_ptr<site>& s) noexcept {
  return s->where;
}

std::size_t pool_core::site_order::hash(const destination& d) noexcept {
  return std::hash<std::string>()(d.host) ^ (std::size_t{d.port} << 1U);
}

pool_core::pool_core(net::any_io_executor executor, pool_options options)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      client_options_(of_connections(options_.client)),
      clear_options_(in_clear_text(options_.client)),
      ahead_(mails_ahead(options_.client.session)),
      timer_(executor_) {
  options_.connections = std::max<std::size_t>(options_.connections, 1);
  options_.queue = std::max<std::size_t>(options_.queue, 1);
  options_.connections_per_destination =
      std::max<std::size_t>(options_.connections_per_destination, 1);
  if (options_.mails_per_connection == 0) {
    options_.mails_per_connection = std::numeric_limits<std::uint64_t>::max();
  }
}

pool_core::~pool_core() { loop_gone(); }

void pool_core::discard_all() noexcept {
  for (const auto& s : sites_) {
    s->queue.discard();
    s->last.discard();
  }
  drains_.discard();
  rooms_.discard();
  closes_.discard();
  done_.discard();
}

void pool_core::loop_gone() noexcept {
  if (std::exchange(gone_, true)) return;
  const auto self = weak_from_this().lock();  // a handler may own the pool
  discard_all();
}

pool_status pool_core::status() const noexcept {
  pool_status result;
  result.waiting = waiting_;
  result.sending = jobs_ - waiting_;
  result.connections = all_connections();
  result.idle = idle_.size();
  return result;
}

// -- what the user asks -------------------------------------------------------------------------

pool_core::job& pool_core::make_job(operation& op, const envelope& env, message content) {
  auto* const spare = static_cast<job*>(spare_.pop_front());
  job& j = spare != nullptr ? *spare : *new job(*this);
  j.asked = &op;
  j.env = env;
  j.content = std::move(content);
  j.index.clear();
  j.moves = 0;
  j.first = false;
  j.cancelled = false;
  op.what = operation::kind::mail;
  op.mail = ++last_job_;
  op.carried_by = &j;
  ++jobs_;
  return j;
}

void pool_core::send(operation& op, const destination& to, const envelope& env, message content) {
  if (gone_) return op.discard();
  job& j = make_job(op, env, std::move(content));
  if (j.content.is_streamed()) return refuse(j, errc::bad_argument, errc::session_closed);
  if (closing_) return refuse(j, errc::session_closed, errc::session_closed);
  if (waiting_ >= options_.queue) {
    return refuse(j, net::error::make_error_code(net::error::no_buffer_space),
                  errc::session_closed);
  }
  auto found = sites_.find(to);
  if (found == sites_.end()) found = sites_.insert(std::make_unique<site>(to)).first;
  site& s = **found;
  queue(s, j, false);
  if (s.login && s.connections() == 0) give_up(s, *s.login, nullptr);
  serve(s);
}

/// Has a mail wait for a connection; one that waits once more does so before all others.
void pool_core::queue(site& s, job& j, bool again) {
  j.to = &s;
  j.on = nullptr;
  j.ended = false;
  if (j.first) {
    s.last.push_back(j);
  } else {
    again ? s.queue.push_front(j) : s.queue.push_back(j);
  }
  ++waiting_;
}

void pool_core::wait(operation& op) {
  if (gone_) return op.discard();
  switch (op.what) {
    using enum operation::kind;
    case open: rooms_.push_back(op); break;
    case quit:
      closing_ = true;
      closes_.push_back(op);
      break;
    case drain: drains_.push_back(op); break;
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
    job& j = static_cast<job&>(*op.carried_by);
    if (j.on != nullptr) {
      j.cancelled = true;
      return j.on->smtp->cancel(j, how);
    }
    site& s = *j.to;
    operation_list::unlink(j);
    --waiting_;
    refuse(j, errc::aborted, errc::aborted);
    line_up(s);
    forget_if_unused(s);
  } else {
    operation_list::unlink(op);
    op.error = operation_aborted();
    op.ended = true;
    done_.push_back(op);
  }
  settle();
}

void pool_core::abort(std::error_code why) {
  if (gone_) return;
  closing_ = aborted_ = true;
  for (const auto& s : sites_) {
    while (operation* const op = s->pop()) {
      --waiting_;
      refuse(static_cast<job&>(*op), why, errc::aborted);
    }
    line_up(*s);
  }
  for (const connection_list& list : connections_) {
    for (connection* c = list.front(); c != nullptr; c = connection_list::next(*c)) {
      c->smtp->abort(why);
    }
  }
  timer_.cancel();
  settle();
}

// -- who gets which connection ------------------------------------------------------------------

bool pool_core::takes_mails(const connection& c) const {
  return c.where == stage::open && c.mails < ahead_ && c.left != 0 &&
         c.smtp->engine().where() == phase::ready;
}

/// Is this connection needed by a destination that has none, more than by its own?
bool pool_core::has_had_its_turn(const connection& c) const {
  return c.given && all_connections() >= options_.connections &&
         starving_.size() > at(stage::leaving).size();
}

/// Mails belong to a connection only once it is ready: until then they wait for whichever is first.
void pool_core::serve(site& s) {
  serve_last(s);
  while (!s.queue.empty() && !s.room.empty()) {
    connection& c = *s.room.front();
    if (!takes_mails(c) || has_had_its_turn(c)) {
      retire(c);
    } else {
      give(c, static_cast<job&>(*s.queue.pop_front()));
    }
  }
  line_up(s);
  deal();
  arm_timer();
  settle();
}

/// Gives mails that go first over a connection to those that were given none. If there may be no
/// further connection, those that take mails make room; one that is full does so behind the end of
/// a mail.
void pool_core::serve_last(site& s) {
  // Where no further connection is tried, any must do.
  while (s.login != nullptr && !s.last.empty()) s.queue.push_front(*s.last.pop_front());
  connection* next = nullptr;
  // Whoever was given none is idle, and idle ones come first.
  for (connection* c = s.room.front(); c != nullptr && c->mails == 0 && !s.last.empty(); c = next) {
    next = room_list::next(*c);
    if (!c->given && takes_mails(*c)) give(*c, static_cast<job&>(*s.last.pop_front()));
  }
  const bool full = s.connections() >= options_.connections_per_destination ||
                    all_connections() >= options_.connections;
  while (full && !s.room.empty() &&
         s.last.size() > s.count(stage::opening) + s.count(stage::leaving)) {
    retire(*s.room.front());
  }
}

bool pool_core::wants_connection(const site& s) const {
  const std::size_t opening = s.count(stage::opening);
  if (s.waiting() <= opening || aborted_) return false;
  if (s.connections() >= options_.connections_per_destination) return false;
  // One try of a password at a time, until it is known to be right.
  return s.login == nullptr && !(options_.credentials && !s.logged_in && opening != 0);
}

/// Puts a destination where it belongs among those that wait for a connection, behind the others.
void pool_core::line_up(site& s) {
  site_list* line = nullptr;
  const bool others = s.connections() != 0;
  if (s.retry_at != clock::time_point() && clock::now() < s.retry_at &&
      (s.login || (wants_connection(s) && (others || s.failures > options_.moves)))) {
    line = &delayed_;
  } else if (wants_connection(s)) {
    line = others ? &hungry_ : &starving_;
  }
  // Whoever was to go in clear text has gone another way: the next one tries TLS (POOL-02).
  if (s.waiting() == 0) s.in_clear = 0;
  if (site_list::of(s) == line) return;
  site_list::unlink(s);
  if (line != nullptr) line->push_back(s);
}

/// Makes the connections for which there is room, and room for those that are needed most.
void pool_core::deal() {
  const auto next = [this] { return starving_.empty() ? hungry_.front() : starving_.front(); };
  while (all_connections() < options_.connections) {
    site* const s = next();
    if (s == nullptr) return;
    connect(*s);
    site_list::unlink(*s);  // behind the others, if it needs one more
    line_up(*s);
  }
  // An idle connection to somewhere else makes room: the one that is idle for longest.
  while (!idle_.empty() && starving_.size() + hungry_.size() > at(stage::leaving).size()) {
    retire(*idle_.front());
  }
}

void pool_core::enter(connection& c, stage where) {
  leave_stage(c);
  c.where = where;
  at(where).push_back(c);
  ++c.to.counts[static_cast<std::size_t>(where)];
}

void pool_core::leave_stage(connection& c) {
  if (connection_list::of(c) != nullptr) --c.to.counts[static_cast<std::size_t>(c.where)];
  connection_list::unlink(c);
  idle_list::unlink(c);
  room_list::unlink(c);
}

void pool_core::connect(site& s) {
  const bool clear = s.in_clear != 0;
  std::uint64_t most = options_.mails_per_connection;
  if (clear) {
    --s.in_clear;
    most = std::min<std::uint64_t>(most, s.handshakes_failed);
  }
  auto client = clear ? clear_options_ : client_options_;
  if (s.where.demand) client = demanding(*client, *s.where.demand);
  const auto smtp =
      std::make_shared<link>(net::generic::stream_protocol::socket(executor_), std::move(client));
  const auto c = std::make_shared<connection>(smtp, s, most);
  if (options_.credentials) smtp->engine().authenticate(options_.credentials());
  enter(*c, stage::opening);
  const auto wait_for = [&](operation::kind what, auto done) {
    auto& op = pool_operation<decltype(done)>::make(shared_from_this(), std::move(done));
    op.what = what;
    smtp->start(op);
  };
  connect_request request;
  request.host = s.where.host;
  request.port = s.where.port;
  request.avoid = s.avoid;
  auto nothing = [](pool_core&, std::error_code) {};
  smtp->connect(pool_operation<decltype(nothing)>::make(shared_from_this(), nothing),
                std::move(request));
  wait_for(operation::kind::open,
           [c](pool_core& pool, std::error_code error) { pool.opened(*c, error); });
  wait_for(operation::kind::end, [c](pool_core& pool, std::error_code) { pool.closed(*c); });
}

/// Puts a connection where it belongs among those that take mails.
void pool_core::place(connection& c) {
  idle_list::unlink(c);
  room_list::unlink(c);
  if (!takes_mails(c)) return;
  if (c.mails != 0) return c.to.room.push_back(c);
  c.to.room.push_front(c);
  c.idle_since = clock::now();
  idle_.push_back(c);
}

void pool_core::give(connection& c, job& j) {
  j.on = &c;
  --waiting_;
  ++c.mails;
  --c.left;
  c.given = true;
  c.smtp->send(j, j.env,
               message::borrow(j.content.content())
                   .eight_bit(j.content.is_eight_bit())
                   .binary(j.content.is_binary())
                   .utf8_headers(j.content.has_utf8_headers()));
  place(c);
  if (c.left == 0) retire(c);  // QUIT rides with the last mail
}

/// It takes no more mails, and ends behind those that it has.
void pool_core::retire(connection& c) {
  if (c.where == stage::leaving) return;
  enter(c, stage::leaving);
  session& smtp = c.smtp->engine();
  const bool opening = smtp.where() == phase::opening;
  if (smtp.where() == phase::unconnected || (opening && smtp.server_name().empty())) {
    return c.smtp->abort(make_error_code(errc::session_aborted));  // nobody has greeted yet
  }
  opening ? smtp.quit_now() : smtp.quit();
  c.smtp->wake();
}

// -- what becomes of mails and connections --------------------------------------------------------

void pool_core::opened(connection& c, std::error_code error) {
  site& s = c.to;
  if (error) return failed(c, error);
  s.failures = 0;
  s.retry_at = {};
  s.worked = true;
  s.logged_in = static_cast<bool>(options_.credentials);
  if (c.smtp->pumped().tls() != nullptr) s.in_clear = s.handshakes_failed = 0;
  if (c.where == stage::opening) {
    enter(c, stage::open);
    if (const std::uint32_t most = c.smtp->engine().peer().limits().mails; most != 0) {
      c.left = std::min<std::uint64_t>(c.left, most);
    }
    c.since = clock::now();
    place(c);
    // Clear text is for those whose TLS failed, not for whoever comes next (POOL-02).
    if (s.handshakes_failed != 0 && s.waiting() == 0) retire(c);
  }
  serve(s);
}

void pool_core::failed(connection& c, std::error_code error) {
  site& s = c.to;
  const bool by_us = c.where == stage::leaving || aborted_;
  retire(c);
  if (by_us) return serve(s);
  refusal r;
  r.error = error;
  if (const recipient_report* const why = c.smtp->opening_failure()) r.why = *why;
  if (resend_of(r.why) == resend::without_tls) {
    ++s.in_clear;
    ++s.handshakes_failed;
  } else if (r.why.stage != verb::greeting || !c.smtp->has_other_addresses() ||
             !s.pass_over(c.smtp->peer())) {
    ++s.failures;
    s.avoid.clear();
    const bool permanent = is_permanent(r.why.why, r.why.code);
    const bool wrong_login = permanent && r.why.why == errc::auth_refused;
    const bool others = s.count(stage::opening) + s.count(stage::open) != 0;
    if (wrong_login) s.login = std::make_unique<refusal>(r);
    if (wrong_login || others || s.failures > options_.moves) {
      s.retry_at = clock::now() + options_.retry_delay;
      site_list::unlink(s);  // it is the last one now
    }
    if (!others &&
        (wrong_login || (permanent && !s.worked) ||
         s.failures > (s.worked ? std::max(patience, options_.moves) : options_.moves))) {
      give_up(s, r, c.smtp->pumped().tls());
    }
  }
  serve(s);
}

void pool_core::job_done(job& j) {
  const auto self = shared_from_this();
  connection& c = *j.on;
  site& s = c.to;
  posted_ = true;  // it is flushed here
  --c.mails;
  if (c.smtp->engine().where() == phase::ready) c.carried = true;
  resend_plan plan;
  if (!aborted_ && !j.cancelled && !j.report.delivered_to_all()) {
    plan = plan_resend(j.report, options_.client.session.require_all_recipients);
  }
  const bool whole = plan.recipients.size() == j.env.recipients.size();
  const auto any_says = [&](auto member, auto value) {
    return std::any_of(plan.recipients.begin(), plan.recipients.end(),
                       [&](std::size_t i) { return j.report.recipients[i].*member == value; });
  };
  // `resend::connection` also says that a link was lost. This asks whether the server, in a session
  // that goes on, wants another one: then this one is over, though it is open and looks well.
  const bool wants_another = any_says(&recipient_report::advice, hint::another_connection);
  if (wants_another) retire(c);
  // What was open for long may have been dead for long, and a neighbour that was given up says
  // nothing about the server. An exhausted session had a mail before. Whatever else changes nothing
  // counts, so that it ends.
  const bool counts = whole && !any_says(&recipient_report::why, errc::session_exhausted) &&
                      (plan.how == resend::transaction || wants_another ||
                       (!c.carried && !any_says(&recipient_report::why, errc::session_aborted)));
  bool again = plan.how != resend::no;
  if (again && counts) {
    // Whoever met only sessions that had enough of others is told so by one that had nothing yet.
    if (j.moves >= options_.moves) {
      again = wants_another && options_.moves != 0 && !std::exchange(j.first, true);
    }
    ++j.moves;
  }
  if (again) {
    if (!whole) {
      std::vector<recipient> rest;
      std::vector<std::size_t> index;
      for (const std::size_t i : plan.recipients) {
        rest.push_back(std::move(j.env.recipients[i]));
        index.push_back(j.index.empty() ? i : j.index[i]);
      }
      if (j.index.empty()) {
        j.told = std::move(j.report);
      } else {
        for (std::size_t i = 0; i != j.index.size(); ++i) {
          j.told.recipients[j.index[i]] = std::move(j.report.recipients[i]);
        }
      }
      j.env.recipients = std::move(rest);
      j.index = std::move(index);
      j.first = false;  // it has got further
    }
    queue(s, j, true);
  } else {
    finish(j, j.error, c.smtp->pumped().tls());
  }
  place(c);
  serve(s);
  flush();
}

/// Ends what waits for a destination to which there is no connection.
void pool_core::give_up(site& s, const refusal& r, const tls_info* tls) {
  s.failures = 0;
  while (operation* const op = s.pop()) {
    job& j = static_cast<job&>(*op);
    --waiting_;
    j.report.list(j.env, outcome::not_attempted, verb::mail, errc::none);
    for (recipient_report& to : j.report.recipients) {
      std::string address = std::move(to.address);
      to = r.why;
      to.address = std::move(address);
    }
    finish(j, r.error, tls);
  }
}

/// Ends a mail that no server was asked about (again).
void pool_core::refuse(job& j, std::error_code error, errc why) {
  j.report.list(j.env, outcome::not_attempted, verb::mail, why);
  finish(j, error, nullptr);
  settle();
}

/// Ends a mail with what its last report says of those that were left.
void pool_core::finish(job& j, std::error_code error, const tls_info* tls) {
  operation& op = *j.asked;
  if (j.index.empty() || j.report.recipients.empty()) {
    op.report = std::move(j.report);
  } else {
    op.report = std::move(j.told);
    for (std::size_t i = 0; i != j.index.size(); ++i) {
      op.report.recipients[j.index[i]] = std::move(j.report.recipients[i]);
    }
  }
  op.report.id = op.mail;
  // A mail that reached somebody has not failed, though perhaps its second half has.
  op.error = op.report.count(outcome::delivered) != 0 ? std::error_code() : error;
  op.report.error = op.error;
  op.ended = true;
  op.carried_by = nullptr;
  done_.push_back(op);
  --jobs_;
  j.asked = nullptr;
  j.content = {};
  if (spare_.size() < most_spare && j.env.recipients.size() <= most_spare_recipients) {
    spare_.push_back(j);
  } else {
    delete &j;
  }
  if (options_.observe) options_.observe(op.report, tls);
}

void pool_core::closed(connection& c) {
  site& s = c.to;
  leave_stage(c);
  if (s.login && s.connections() == 0) give_up(s, *s.login, nullptr);
  serve(s);
  forget_if_unused(s);
  if (all_connections() == 0 && delayed_.empty()) {
    timer_at_.reset();
    timer_.cancel();
  }
}

/// Whoever sends to the whole world does not keep it in memory.
void pool_core::forget_if_unused(site& s) {
  if (s.waiting() != 0 || s.connections() != 0 || site_list::of(s) != nullptr) return;
  sites_.erase(sites_.find(s.where));
}

// -- time -----------------------------------------------------------------------------------------

/// For whatever is the first in its list: each holds what waits equally long. Only a destination
/// that has been out of `delayed_` may stand there behind others that are due later: it waits for
/// those, which is never longer than `retry_delay` from now.
void pool_core::arm_timer() {
  std::optional<clock::time_point> at;
  const auto not_after = [&at](clock::time_point t) { at = at ? std::min(*at, t) : t; };
  const connection* const oldest = this->at(stage::open).front();
  if (oldest != nullptr && options_.max_age.count() > 0) {
    not_after(oldest->since + options_.max_age);
  }
  if (!idle_.empty()) not_after(idle_.front()->idle_since + options_.idle_timeout);
  if (!delayed_.empty()) not_after(delayed_.front()->retry_at);
  if (!at || aborted_ || gone_ || (timer_at_ && *timer_at_ <= *at)) return;
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
  const auto has_passed = [now](clock::time_point since, std::chrono::milliseconds after) {
    return since + after <= now;
  };
  while (!idle_.empty() && has_passed(idle_.front()->idle_since, options_.idle_timeout)) {
    retire(*idle_.front());
  }
  while (options_.max_age.count() > 0 && !at(stage::open).empty() &&
         has_passed(at(stage::open).front()->since, options_.max_age)) {
    connection& c = *at(stage::open).front();
    retire(c);
    line_up(c.to);
  }
  while (!delayed_.empty() && delayed_.front()->retry_at <= now) {
    site& s = *delayed_.pop_front();
    // While others work, a login that was refused stays so.
    if (s.login && s.connections() != 0) {
      s.retry_at = now + options_.retry_delay;
    } else {
      s.login.reset();
    }
    line_up(s);
    forget_if_unused(s);
  }
  deal();
  arm_timer();
  settle();
}

// -- ends -----------------------------------------------------------------------------------------

void pool_core::settle() {
  const auto end_all = [this](operation_list& list) {
    while (operation* op = list.pop_front()) {
      op->ended = true;
      done_.push_back(*op);
    }
  };
  if (jobs_ == 0) {
    if (done_.empty()) end_all(drains_);  // handlers may queue further mails
    if (closing_) {
      timer_.cancel();
      for (const stage where : {stage::opening, stage::open}) {
        while (connection* const c = at(where).front()) retire(*c);
      }
      if (all_connections() == 0) end_all(closes_);
    }
  }
  // One after the other, for each may take the place.
  if (!room_given_ && !rooms_.empty() && (waiting_ < options_.queue || closing_)) {
    room_given_ = true;
    operation* const op = rooms_.pop_front();
    op->ended = true;
    done_.push_back(*op);
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
    operation* const op = done_.pop_front();
    if (op == nullptr) break;  // the loop goes
    op->finish();
  }
}

}  // namespace sansmtp::detail

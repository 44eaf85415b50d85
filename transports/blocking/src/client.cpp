#include "sansmtp/blocking/client.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <numeric>

#include "connect.hpp"

namespace sansmtp::blocking {
namespace {

using clock = std::chrono::steady_clock;

// A read that waits gives up after this time, by a socket option that is set once, and the
// session's deadline is looked at. Only a deadline that is nearer costs a system call of its own.
constexpr std::chrono::seconds coarse_wait(10);

// A reply that comes so long after another one of its group was perhaps held back by the server
// until that one was acknowledged (RFC 1122 section 4.2.3.4), which systems do after 40 ms.
constexpr std::chrono::milliseconds stall(30);

// How many addresses of a server may refuse to greet.
constexpr unsigned max_greetings = 5;

// Slices of a gather list that go into one system call; what is beyond goes into the next.
constexpr std::size_t max_slices = 128;

// Octets read at a time: hundreds of replies.
constexpr std::size_t read_octets = 16 * 1024;

// Did a call only find the socket not ready, or a signal? (EWOULDBLOCK is EAGAIN wherever both
// exist.)
bool is_passing(int error) noexcept { return error == EAGAIN || error == EINTR; }

struct write_result {
  std::size_t offered = 0;
  std::size_t written = 0;
  int error = 0;  // 0 also if the socket is full
};

// Writes what the socket takes without waiting.
write_result write_some(int socket, std::span<const bytes> out) {
  std::array<iovec, max_slices> slices;  // not initialised: this is the hot path
  const std::size_t count = std::min(out.size(), max_slices);
  write_result result;
  for (std::size_t i = 0; i != count; ++i) {
    slices[i] = {const_cast<char*>(out[i].data()), out[i].size()};
    result.offered += out[i].size();
  }
  msghdr header{};
  header.msg_iov = slices.data();
  header.msg_iovlen = count;
  const ssize_t n = ::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0) {
    result.written = static_cast<std::size_t>(n);
  } else if (!is_passing(errno)) {
    result.error = errno;
  }
  return result;
}

// Milliseconds for poll, rounded up so that a wait never ends just before its time.
int poll_timeout(clock::duration left) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<decltype(ms)>(ms, 0, INT_MAX));
}

void report_refused(errc why, delivery& report) {
  report.id = 0;
  report.error = why;
  report.recipients.clear();
}

}  // namespace

client::client(client_options options)
    : options_(std::move(options)), end_(std::make_error_code(std::errc::not_connected)) {
  unsent_.why = errc::connection_lost;
  unsent_.stage = verb::greeting;
  if (options_.trace) options_.session.trace = true;
}

// -- the link -------------------------------------------------------------------------------------

std::error_code client::connect(const server_address& server) {
  if (const std::error_code error = prepare()) return error;
  if (!options_.session.permits_port(server.port)) return fail_to_connect(errc::bad_configuration);
  home_ = server;
  return connect_home();
}

std::error_code client::connect(const server_address& server,
                                std::vector<server_address> addresses) {
  if (const std::error_code error = prepare()) return error;
  if (!options_.session.permits_port(server.port)) return fail_to_connect(errc::bad_configuration);
  if (addresses.empty()) return fail_to_connect(std::make_error_code(std::errc::invalid_argument));
  home_ = server;
  known_ = std::move(addresses);
  return connect_home();
}

std::error_code client::connect(std::string_view server) {
  const std::uint16_t usual = options_.session.protocol == mail_protocol::lmtp ? 0 : smtp_port;
  if (const auto address = server_address::parse(server, usual)) return connect(*address);
  if (const std::error_code error = prepare()) return error;
  server_ = display_text(server);
  return fail_to_connect(std::make_error_code(std::errc::invalid_argument));
}

std::error_code client::adopt(int connected) {
  if (const std::error_code error = prepare()) return error;
  server_ = peer_address(connected);
  if (server_.empty()) return fail_to_connect(system_error(errno));
  descriptor link(connected);
  const std::error_code error = begin(link, {}, 0);
  if (error) static_cast<void>(link.release());  // still the caller's
  return error;
}

// Leaves what was and checks what is asked for.
std::error_code client::prepare() {
  if (!stream_.done) return errc::bad_state;
  link_.reset();
  last_error_ = {};
  passing_ = false;
  server_.clear();
  home_.reset();
  known_.clear();
  untried_.clear();
  in_clear_ = opened_ = false;
  handshakes_failed_ = 0;
  mail_max_ = 0;
  given_up_ = 0;
  const bool lacks_tls = options_.session.tls != tls_mode::off && !options_.tls;
  const errc problem = is_to_stop(options_) ? errc::aborted
                       : lacks_tls          ? errc::bad_configuration
                                            : options_.session.check();
  return problem == errc::none ? std::error_code() : fail_to_connect(problem);
}

std::error_code client::connect_home() {
  server_ = to_string(*home_);
  const std::error_code error = known_.empty() ? find_addresses(*home_, options_, untried_)
                                               : take_addresses(known_, options_, untried_);
  return error ? fail_to_connect(error) : connect_next();
}

// Connects to one of the addresses that have not been tried.
std::error_code client::connect_next() {
  descriptor link;
  if (const std::error_code error = connect_to(untried_, options_, link, server_)) {
    return fail_to_connect(error);
  }
  return begin(link, home_->is_unix() ? std::string_view() : home_->host, home_->port);
}

// Nothing more is tried by itself.
std::error_code client::fail_to_connect(std::error_code why) {
  const errc condition = condition_of(why);
  last_error_ = {};
  passing_ = false;
  last_error_.error = why;
  last_error_.category = why == std::errc::timed_out ? failure_category::timeout
                         : condition != errc::none   ? category_of(condition)
                                                     : failure_category::connection_lost;
  last_error_.server = server_;
  end_ = why;
  unsent_ = {};
  unsent_.result = outcome::not_attempted;
  unsent_.stage = verb::greeting;
  unsent_.why = condition == errc::none ? errc::connection_lost : condition;
  home_.reset();
  untried_.clear();
  return why;
}

// Makes the session of a fresh link to `host`, if that has a name, which is taken if nothing fails.
std::error_code client::begin(descriptor& link, std::string_view host, std::uint16_t port) {
  std::unique_ptr<tls_layer> layer;
  session_config config = options_.session;
  if (in_clear_) config.tls = tls_mode::off;
  if (config.tls != tls_mode::off) {
    layer = options_.tls({.host = options_.tls_host.empty() ? host : options_.tls_host,
                          .port = port,
                          .demand = options_.demand ? &*options_.demand : nullptr});
    if (!layer || layer->error()) {  // TLS-13
      const std::error_code why = layer ? layer->error() : make_error_code(errc::tls_failed);
      fail_to_connect(why);
      last_error_.category = failure_category::tls;
      last_error_.stage = unsent_.stage = verb::handshake;
      unsent_.why = errc::tls_failed;
      return why;
    }
  }
  const int fd = link.get();
  // Reads wait, writes never do (MSG_DONTWAIT).
  const int flags = ::fcntl(fd, F_GETFL);
  const timeval guard{coarse_wait.count(), 0};
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0 ||
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard) != 0) {
    return fail_to_connect(system_error(errno));
  }
  // Each write is a whole group already, so waiting for more could only stall (it fails for a Unix
  // socket, which never does).
  const int on = 1;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));

  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  const std::string address = local_address(fd);

  link_ = std::move(link);
  end_ = {};
  heeded_ = stop_request::no;
  unheard_write_ = half_heard_ = quick_ack_ = false;
  greeted_ = ready_ = false;
  carried_ = 0;
  ++links_;
  now_ = clock::now();
  channel_ = channel(std::move(config), std::move(layer));
  if (options_.credentials) channel_.engine().authenticate(options_.credentials());
  channel_.connected(now_, {.host_name = name.data(), .local_address = address});
  return {};
}

// Waits for the greeting if the server has other addresses, and goes on to those as long as there
// is none (RFC 5321 section 5.1).
void client::await_greeting() {
  if (untried_.empty() || !link_) return;
  const auto wait = [this] {
    now_ = clock::now();
    run_until([this] { return greeted_; });
    return static_cast<bool>(link_);
  };
  const failure before = last_error_;
  if (wait()) return;
  struct {
    std::error_code end;
    recipient_report unsent;
    failure error;
  } told{end_, unsent_, last_error_};
  for (unsigned left = max_greetings; --left != 0 && !untried_.empty();) {
    if (!connect_next() && wait()) {
      last_error_ = before;
      return;
    }
    // What a server said tells more than that another one said nothing.
    if (last_error_.code != 0) told = {end_, unsent_, last_error_};
  }
  end_ = told.end;
  unsent_ = told.unsent;
  last_error_ = told.error;
}

// Makes another link in place of the one that is over, or is good for nothing more. Returns whether
// there is one.
bool client::renew(resend how) {
  if (!can_renew(how) || is_to_stop(options_)) return false;
  leave();
  if (!home_) return false;  // by what became of the mails under way
  in_clear_ = how == resend::without_tls;
  if (in_clear_) ++handshakes_failed_;
  if (connect_home()) return false;
  await_greeting();
  if (!link_) {
    home_.reset();
    return false;
  }
  forgive();
  return true;
}

// May this link take no new mail? Where a handshake failed only a few mails go in clear text, and
// TLS is tried again (TLS-08): one more with each handshake that fails in a row, so that a server
// whose TLS is broken does not cost one a mail.
bool client::is_full() const noexcept {
  const auto is_reached = [this](std::uint64_t most) { return most != 0 && carried_ >= most; };
  return is_reached(options_.mails_per_connection) || is_reached(mail_max_) ||
         (in_clear_ && carried_ >= handshakes_failed_);
}

// QUIT, and whatever was queued before it.
void client::leave() {
  if (!link_) return;
  now_ = clock::now();
  channel_.engine().quit();
  run_until([] { return false; });
}

std::error_code client::open() {
  await_greeting();
  if (const std::error_code error = refusal()) return error;
  now_ = clock::now();
  run_until([this] { return channel_.engine().where() == phase::ready; });
  return end_;
}

std::error_code client::quit() {
  if (const std::error_code error = refusal()) return error;
  home_.reset();
  leave();
  return end_ == errc::session_closed ? std::error_code() : end_;
}

// Why nothing can be done now, if so.
std::error_code client::refusal() const noexcept {
  return stream_.done ? end_ : make_error_code(errc::bad_state);
}

// -- mails ----------------------------------------------------------------------------------------

delivery client::send(const envelope& env, message content) {
  delivery report;
  send(env, std::move(content), report);
  return report;
}

void client::send(const envelope& env, message content, delivery& out) {
  pending_mail mail{.report = &out, .again = nullptr};
  post(env, std::move(content), mail);
  collect(mail);
}

// Queues a mail; its report is filled at the latest by `collect`.
void client::post(const envelope& env, message&& content, pending_mail& mail) {
  if (!stream_.done) return report_refused(errc::bad_state, *mail.report);
  // Nobody would lend its chunks.
  if (content.is_streamed()) return report_refused(errc::bad_argument, *mail.report);
  if (waiting_) resume();  // what came before
  if (!link_ || is_full()) {
    static_cast<void>(renew(link_ ? resend::connection : resend_of(unsent_)));
  }
  if (!untried_.empty()) await_greeting();
  if (!link_) return report_unsent(env, *mail.report);
  now_ = clock::now();
  ++carried_;
  mail.id = channel_.engine().send(env, std::move(content));
  mail.due = true;
  mail.again.reset();
  pending_.push_back(&mail);
}

// What is said of a mail that there is no link for.
void client::report_unsent(const envelope& env, delivery& report) const {
  report.id = 0;
  report.error = end_;
  report.list(env, outcome::not_attempted, unsent_.stage, unsent_.why);
  for (recipient_report& to : report.recipients) {
    to.advice = unsent_.advice;
    to.code = unsent_.code;
    to.enhanced = unsent_.enhanced;
    to.text = unsent_.text;
  }
}

void client::collect(const pending_mail& mail) {
  for (;;) {
    run_until([&mail] { return !mail.due || mail.waits(); });
    if (!mail.due || !mail.waits()) return;
    resume();
  }
}

// Sends again what waits for that, over another link if it takes one.
void client::resume() {
  const auto waits = [](const pending_mail* mail) { return mail->waits(); };
  for (;;) {
    const auto at = std::find_if(pending_.begin(), pending_.end(), waits);
    waiting_ = at != pending_.end();
    if (!waiting_) return;
    pending_mail& mail = **at;
    second_try& again = *mail.again;
    // A mail that TLS failed for goes over the link that was made without, with others or not.
    const bool full = again.how != resend::without_tls && is_full() && can_renew(again.how);
    const bool spent = again.how != resend::transaction && again.link == links_;
    if (!link_ || spent || full) {
      // It ends what else is under way.
      if (renew(again.how)) continue;
      std::erase_if(pending_, [](pending_mail* m) {  // their reports stand
        return m->waits() && std::exchange(m->due, false);
      });
      continue;
    }
    forgive();
    ++carried_;
    ++again.moves;
    again.how = resend::no;
    mail.id = channel_.engine().send(again.env, std::move(again.content));
  }
}

// Does a mail whose report came just now wait to be sent again, to some or all?
bool client::plan_again(pending_mail& mail) {
  if (options_.moves == 0) return false;
  resend_plan plan = plan_resend(*mail.report, options_.session.require_all_recipients);
  const std::size_t asked = mail.again ? mail.again->who.size() : mail.report->recipients.size();
  const bool further = plan.recipients.size() < asked;
  if (further) given_up_ = 0;
  if (plan.how == resend::no) return false;
  // Who has had enough, or says what bounds its sessions, has taken a mail before. So each session
  // brings the mails that wait one further at least, none goes round for ever, and such a move is
  // none that failed.
  const bool exhausted = std::any_of(
      plan.recipients.begin(), plan.recipients.end(),
      [&](std::size_t i) { return mail.report->recipients[i].advice == hint::another_connection; });
  if (!further && !exhausted && mail.again && mail.again->moves >= options_.moves) {
    // It may be this mail that no connection survives, but not one mail after the other.
    if (!ready_ || ++given_up_ > options_.moves) home_.reset();
    return false;
  }
  if (!mail.again) {
    mail.again = std::make_unique<second_try>();
    mail.again->who.resize(asked);
    std::iota(mail.again->who.begin(), mail.again->who.end(), std::size_t{0});
  }
  second_try& again = *mail.again;
  envelope env = channel_.engine().envelope_of_event();
  std::vector<recipient> rest;
  rest.reserve(plan.recipients.size());
  for (std::size_t i = 0; i < env.recipients.size(); ++i) {
    if (std::binary_search(plan.recipients.begin(), plan.recipients.end(), again.who[i])) {
      rest.push_back(std::move(env.recipients[i]));
    }
  }
  env.recipients = std::move(rest);
  again.env = std::move(env);
  again.content = channel_.engine().content_of_event();
  again.who = std::move(plan.recipients);
  again.how = plan.how;
  again.link = links_;
  waiting_ = true;
  if (further || exhausted) again.moves = 0;
  return true;
}

// Ends the link without telling anybody.
void client::abandon() {
  pending_.clear();
  home_.reset();
  link_.reset();
  channel_.abort();
  take_events();
}

writer client::transaction(path sender, std::vector<recipient> recipients) {
  envelope env;
  env.sender = std::move(sender);
  env.recipients = std::move(recipients);
  return transaction(env);
}

writer client::transaction(const envelope& env, message content) {
  if (!stream_.done || !content.is_streamed()) return {nullptr, 0};
  stream_.buffer.clear();
  stream_.wanted = false;
  await_greeting();
  if (!link_) {
    report_unsent(env, stream_.report);
    stream_.id = 0;
    return {this, stream_.id};
  }
  now_ = clock::now();
  ++carried_;
  stream_.id = channel_.engine().send(env, std::move(content));
  stream_.report.begin(stream_.id, env);
  stream_.done = false;
  run_until([this] { return stream_.wanted || stream_.done; });
  return {this, stream_.id};
}

// Gives the server the next piece; afterwards the octets are the caller's again.
void client::lend(bytes piece, bool last) {
  now_ = clock::now();
  stream_.wanted = false;
  static_cast<void>(channel_.engine().lend(piece, last));  // it was asked for
  run_until([&] { return stream_.done || (stream_.wanted && !last); });
}

void client::cancel_stream() {
  now_ = clock::now();
  stream_.wanted = false;
  channel_.engine().cancel(stream_.id);
  run_until([this] { return stream_.done; });
}

// -- other commands -------------------------------------------------------------------------------

template <typename Start>
command_result client::run_command(Start start) {
  command_ = {};
  await_greeting();
  if (const std::error_code error = refusal()) {
    command_.error = error;
    return command_;
  }
  now_ = clock::now();
  awaited_command_ = start();
  run_until([this] { return awaited_command_ == 0; });
  return std::move(command_);
}

std::error_code client::authenticate(std::vector<std::unique_ptr<sasl_mechanism>> mechanisms) {
  await_greeting();
  if (!refusal() && !options_.credentials) home_.reset();  // nobody could repeat it
  if (!refusal() && channel_.engine().where() == phase::opening) {
    channel_.engine().authenticate(std::move(mechanisms));
    return {};
  }
  return run_command([&] { return channel_.engine().authenticate(std::move(mechanisms)); }).error;
}

command_result client::hello() {
  return run_command([this] { return channel_.engine().hello(); });
}

command_result client::noop(std::string_view arg) {
  return run_command([&] { return channel_.engine().noop(arg); });
}

command_result client::reset() {
  return run_command([this] { return channel_.engine().reset(); });
}

command_result client::verify(std::string_view arg) {
  return run_command([&] { return channel_.engine().verify(arg); });
}

command_result client::expand(std::string_view arg) {
  return run_command([&] { return channel_.engine().expand(arg); });
}

command_result client::help(std::string_view arg) {
  return run_command([&] { return channel_.engine().help(arg); });
}

command_result client::raw(std::string_view line) {
  return run_command([&] { return channel_.engine().raw(line); });
}

// -- the loop -------------------------------------------------------------------------------------

// Works until `fulfilled`, or until the link is finished and has told everything. Each wait ends by
// a deadline of the channel, so this ends too.
template <typename Condition>
void client::run_until(Condition fulfilled) {
  const auto settled = [&] {
    take_events();
    if (channel_.finished()) close_link();
    if (!link_) return true;
    // Once it leaves it says QUIT, and waits for the answer as long as that may take (SESS-21).
    return fulfilled() && channel_.engine().where() < phase::quitting;
  };
  do {
    if (options_.stop) heed_stop();
    while (link_) {
      const std::span<const bytes> out = channel_.output(now_);
      if (out.empty()) break;
      write(out);
    }
    if (settled()) return;  // a mail that is refused before an octet is written ends in output()
    wait(POLLIN);
  } while (!settled());
}

// One write. Between two writes the server is listened to: it may have refused what it is being
// sent (552 in the middle of content), which must not wait until all is written. If the socket is
// full, waits for both directions: a server may stop reading until its replies are read (NET-04).
void client::write(std::span<const bytes> out) {
  if (unheard_write_ && (poll_link(POLLIN, now_) & POLLIN) != 0) {
    // The views go back first, so that nothing of the caller's memory counts as in flight.
    channel_.sent(now_, 0);
    read(MSG_DONTWAIT);
    return;
  }
  const write_result result = write_some(link_.get(), out);
  if (result.error != 0) return channel_.write_failed(now_, system_error(result.error));
  channel_.sent(now_, result.written);
  unheard_write_ = true;
  half_heard_ = false;
  if (result.written < result.offered) {
    wait(channel_.wants_read() ? POLLIN | POLLOUT : POLLOUT);  // else its end would be no news
  }
}

// Does what `client_options::stop` asks for. Returns whether there is something new to write or
// tell.
bool client::heed_stop() {
  const stop_request asked = options_.stop();
  if (asked <= heeded_) return false;
  heeded_ = asked;
  untried_.clear();
  if (asked == stop_request::soon) {
    channel_.engine().quit_now();
  } else {
    channel_.abort();
  }
  return true;
}

// One wait. Returns whether something was heard.
[[gnu::always_inline]] inline bool client::wait_once(short directions) {
  const std::optional<time_point> deadline = channel_.deadline();
  if (deadline && *deadline <= now_) {
    channel_.advance(now_);
    return false;
  }
  if (directions == POLLIN && (!deadline || *deadline - now_ > coarse_wait)) {
    return read(0);
  }
  return (poll_link(directions, deadline) & ~POLLOUT) != 0 && read(MSG_DONTWAIT);
}

// Waits until the socket is ready or the deadline is there, and reads if there is something to
// read.
void client::wait(short directions) {
  if (options_.stop && heed_stop()) return;
  // If something was heard and nothing written since, the server owes the rest of it.
  if (!half_heard_) {
    wait_once(directions);
    return;
  }
  if (quick_ack_) acknowledge();
  const time_point begin = clock::now();
  if (wait_once(directions) && now_ - begin >= stall) quick_ack_ = true;
}

// Which of `directions` the socket is ready for, or what is wrong with it; 0 if nothing happened.
short client::poll_link(short directions, std::optional<time_point> until) {
  pollfd entry{link_.get(), directions, 0};
  const int ready = ::poll(&entry, 1, until ? poll_timeout(*until - now_) : -1);
  now_ = clock::now();
  unheard_write_ = false;
  return ready > 0 ? entry.revents : short{0};
}

// One read. Returns whether there were octets.
bool client::read(int flags) {
  std::array<char, read_octets> buffer;  // not initialised: this is the hot path
  const ssize_t n = ::recv(link_.get(), buffer.data(), buffer.size(), flags);
  const int error = n < 0 ? errno : 0;
  now_ = clock::now();
  unheard_write_ = false;
  if (n > 0) {
    channel_.receive(now_, {buffer.data(), static_cast<std::size_t>(n)});
    half_heard_ = true;
  } else if (n == 0) {
    channel_.read_end(now_);
  } else if (!is_passing(error)) {
    channel_.read_end(now_, system_error(error));
  }
  return n > 0;
}

// Tells a server at once that its octets have come, if it waits for that before it sends the rest.
// The kernel forgets this wish with the next write.
void client::acknowledge() {
  const int on = 1;
  static_cast<void>(::setsockopt(link_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on));
}

// Nothing is left to be said or heard.
void client::close_link() {
  static_cast<void>(::shutdown(link_.get(), SHUT_WR));
  link_.reset();
}

void client::take_events() {
  ended_ = 0;
  while (const event* e = channel_.next_event()) handle(*e);
}

void client::handle(const event& e) {
  if (options_.trace) options_.trace(e);
  if (e.error) remember(e);

  const bool streamed = !stream_.done && e.id == stream_.id;
  switch (e.what) {
    using enum event::kind;
    case mail_done:
      ended_ = e.id;
      finish_mail(e);
      break;
    case recipient_accepted:
    case recipient_rejected:
      if (streamed) stream_.report.assign(e);
      break;
    case ready_for_data:
    case chunk_released: stream_.wanted = streamed; break;
    case authenticated:
    case command_done:
      if (e.id == awaited_command_) finish_command(e);
      break;
    case greeted:
      greeted_ = true;
      untried_.clear();
      break;
    case ready:
      ready_ = opened_ = true;
      if (channel_.tls() != nullptr) handshakes_failed_ = 0;
      mail_max_ = channel_.engine().peer().limits().mails;
      break;
    case session_failed:
    case closed:
      if (!end_) remember_end(e);
      break;
    case upgrade_to_tls:  // the channel does it
    case reply_parsed:
    case line_sent:
    case content_sent:
    case sender_accepted:
    case sender_rejected:
    case warning: break;
  }
}

void client::finish_mail(const event& e) {
  if (!stream_.done && e.id == stream_.id) {
    stream_.report.assign(e);
    stream_.wanted = false;
    stream_.done = true;
    return;
  }
  auto at = pending_.begin();
  while (at != pending_.end() && (*at)->id != e.id) ++at;
  if (at == pending_.end()) return;
  pending_mail* const mail = *at;
  if (mail->again) {
    second_try& again = *mail->again;
    again.report.assign(e);
    delivery& whole = *mail->report;
    for (std::size_t i = 0; i < again.report.recipients.size(); ++i) {
      whole.recipients[again.who[i]] = std::move(again.report.recipients[i]);
    }
    whole.id = e.id;
    whole.error = whole.count(outcome::delivered) != 0 ? std::error_code() : e.error;
  } else {
    mail->report->assign(e);
  }
  if (e.result == outcome::delivered) {
    given_up_ = 0;
  } else {
    if (plan_again(*mail)) return;
    passing_ = false;  // what failed stands
  }
  mail->due = false;
  pending_.erase(at);
}

void client::finish_command(const event& e) {
  command_.error = e.error;
  command_.code = e.answer.code();
  command_.enhanced = e.answer.enhanced();
  command_.text.assign(e.answer.text());
  awaited_command_ = 0;
}

// Keeps a failure with its context (ERR-01). The end of a mail or of the link often repeats what
// was told before in more detail; that is kept.
void client::remember(const event& e) {
  if (e.what == event::kind::warning) return;
  failure& f = last_error_;
  if (f.error == e.error && (e.id == f.id || e.id == 0) && f.excerpt.size() >= e.excerpt.size()) {
    return;
  }
  // Nor does the end of the link hide that the mail which it cut short had been refused.
  if (e.what == event::kind::closed && !e.answer && f.code != 0 && f.id != 0 && f.id == ended_) {
    return;
  }
  const bool passing = options_.moves != 0 && resend_of(failure_of(e)) != resend::no;
  if (passing && !passing_) standing_ = std::exchange(f, {});
  passing_ = passing;
  f.error = e.error;
  f.category = e.category;
  f.id = e.id;
  f.stage = e.answers;
  f.recipient = e.recipient;
  f.command.assign(e.command);
  f.code = e.answer.code();
  f.enhanced = e.answer.enhanced();
  f.text.assign(e.answer.text());
  f.excerpt.assign(e.excerpt);
  f.server = server_;
  f.tls = e.tls;
}

// What failed last is about to be mended.
void client::forgive() {
  if (std::exchange(passing_, false)) last_error_ = std::exchange(standing_, {});
}

// Keeps why the session ended, for who asks and for the mails that come too late for it.
void client::remember_end(const event& e) {
  end_ = e.error ? e.error : make_error_code(errc::session_closed);
  unsent_ = failure_of(e);
  if (!e.error) unsent_.why = errc::session_closed;
}

}  // namespace sansmtp::blocking

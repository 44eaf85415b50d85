#include "world.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace sansmtp::simulation {
namespace {

using namespace std::chrono_literals;

constexpr int most_steps = 3000;

std::string number_of(std::size_t index) { return std::to_string(index + 1); }

std::string sender_of(std::size_t mail) { return "s" + std::to_string(mail) + "@a.test"; }

std::string recipient_of(std::size_t mail, std::size_t i) {
  return "r" + std::to_string(mail) + "." + std::to_string(i) + "@b.test";
}

std::unique_ptr<char[]> copy_of(std::string_view octets) {
  auto block = std::make_unique<char[]>(octets.size() + 1);
  std::copy(octets.begin(), octets.end(), block.get());
  return block;
}

std::string opening_statement(const setting& s) {
  static constexpr std::string_view levels[] = {"off", "envelope", "messages"};
  static constexpr std::string_view modes[] = {"off", "opportunistic", "required", "implicit"};
  std::string line = "> open pipelining=";
  line += levels[static_cast<std::size_t>(s.config.pipelining)];
  line += " tls=";
  line += modes[static_cast<std::size_t>(s.config.tls)];
  if (s.config.protocol == mail_protocol::lmtp) line += " protocol=lmtp";
  if (s.login) line += " auth=plain:user:s3cret+login:user:s3cret";
  if (s.config.require_all_recipients) line += " require_all_recipients";
  if (s.config.pipeline_rset) line += " pipeline_rset";
  if (s.config.timeouts.progress == 4min) {
    line += " timeout.progress=4m limit.progress_octets=" +
            std::to_string(s.config.limits.progress_octets);
  }
  if (s.config.auth_optional) line += " auth_optional";
  if (s.config.quit_no_wait) line += " quit_no_wait";
  return line;
}

}  // namespace

setting setting::plain(pipelining_level level) {
  setting s;
  s.config.local_name = "client.test";
  s.config.pipelining = level;
  s.thrifty = true;
  s.mails = {{2, "Hi\r\n.\r\n"}, {2, ".\r\n"}};
  return s;
}

setting setting::any(choices& choose) {
  static constexpr std::string_view texts[] = {"Hi\r\n",
                                               ".\r\n",
                                               "..\r\n.\r\n",
                                               "a\n.\nb\rc",
                                               "no end of line",
                                               "\n",
                                               "\r",
                                               "x\r\n.\r\nMAIL FROM:<x@y>\r\n",
                                               ".",
                                               "a\r\n\r\n.b\r\n",
                                               "QUIT\r\nDATA\r\n.\r\n",
                                               "\n.\r\n"};
  const auto yes = [&](unsigned n) { return choose(about::setting, n) == n - 1; };
  setting s;
  s.config.local_name = "client.test";
  s.config.pipelining = static_cast<pipelining_level>((choose(about::setting, 3) + 1) % 3);
  if (yes(6)) s.config.protocol = mail_protocol::lmtp;
  if (yes(6)) s.config.tls = static_cast<tls_mode>(choose(about::setting, 4));
  s.config.require_all_recipients = yes(12);
  s.config.pipeline_rset = yes(3);
  if (yes(4)) {
    s.config.limits.progress_octets = 1 + choose(about::setting, 3);
    s.config.timeouts.progress = 4min;
  }
  s.config.auth_optional = yes(16);
  s.config.quit_no_wait = yes(16);
  s.login = yes(8);
  for (unsigned n = 1 + choose(about::setting, 4); n != 0; --n) {
    setting::mail m;
    m.recipients = 1 + choose(about::setting, 4);
    m.content = texts[choose(about::setting, std::size(texts))];
    if (yes(20)) {
      for (int i = 0; i < 200; ++i) m.content += std::string(70, 'w') + "\r\n.";
    }
    m.how = static_cast<mail::kind>(choose(about::setting, 3));
    m.later = (!s.mails.empty() && s.mails.back().later) || yes(4);
    s.mails.push_back(m);
  }
  s.leave = static_cast<farewell>(choose(about::setting, 2));
  s.offers_pipelining = !yes(6);
  s.content_for_nobody = !yes(3);
  s.verdict_first = yes(3);
  if (s.config.tls != tls_mode::off && !yes(5)) s.keywords += "STARTTLS\n";
  if (s.login && !yes(5)) s.keywords += "AUTH PLAIN LOGIN\n";
  s.odd = yes(4);
  s.async = yes(4);
  s.whole_groups = yes(2);
  return s;
}

world::world(setting s, choices& choose)
    : server(choose, s.config.tls == tls_mode::implicit),
      setting_(std::move(s)),
      choose_(choose),
      judge_(setting_.config, setting_.login),
      session_(setting_.config) {
  server.offers_pipelining = setting_.offers_pipelining;
  server.content_for_nobody = setting_.content_for_nobody;
  server.verdict_first = setting_.verdict_first;
  server.keywords = setting_.keywords;
  server.odd = setting_.odd;
  server.thrifty = setting_.thrifty;
  mails_.resize(setting_.mails.size());
}

void world::run() {
  if (log.on()) {
    log.state("% whole");
    log.state(opening_statement(setting_));
  }
  if (setting_.login) {
    std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
    mechanisms.push_back(make_plain("user", "s3cret"));
    mechanisms.push_back(make_login("user", "s3cret"));
    session_.authenticate(std::move(mechanisms));
  }
  judge_.connected(now_);
  session_.connected(now_);
  for (std::size_t i = 0; i < mails_.size() && !setting_.mails[i].later; ++i) send(i);
  if (setting_.leave == setting::farewell::quit) say_goodbye();
  server.greet();
  for (int steps = 0; steps < most_steps && !(told_closed_ && in_flight_.empty()); ++steps) step();
  require(told_closed_, "the session comes to an end");
  while (write()) {  // a last QUIT
    if (in_flight_.empty()) break;
    acknowledge(in_flight_.size());
  }
  // Whatever comes later finds a session that is over (CORE-07).
  session_.receive(now_, as_bytes("250 late\r\n"));
  session_.receive_end(now_);
  session_.advance(now_ + 24h);
  require(session_.next_event() == nullptr, "nothing is told behind the end");
  require(!session_.deadline(), "no deadline behind the end");
  for (std::size_t i = 0; i < given_; ++i) require(mails_[i].done, "each mail is done (CORE-05)");
  require(commands_.empty(), "each command is completed (CORE-05)");
  compare_with_server();
}

// -- the user -----------------------------------------------------------------------------------

void world::send(std::size_t index) {
  blocked_ = false;
  const setting::mail& plan = setting_.mails[index];
  mail& m = mails_[index];
  envelope env;
  env.sender = path(sender_of(index));
  for (std::size_t i = 0; i < plan.recipients; ++i) {
    env.recipients.emplace_back(recipient_of(index, i));
  }
  message content;
  std::string spelled = "\"" + escaped(plan.content) + "\"";
  switch (plan.how) {
    case setting::mail::kind::owned:
      content = message::own(plan.content);
      spelled = "own " + spelled;
      break;
    case setting::mail::kind::borrowed:
      m.lent = copy_of(plan.content);
      content = message::borrow({m.lent.get(), plan.content.size()});
      break;
    case setting::mail::kind::streamed:
      content = message::stream();
      spelled = "stream";
      break;
  }
  m.id = session_.send(env, std::move(content));
  ++given_;
  judge_.queued({plan.recipients, as_it_must_arrive(plan.content)});
  if (log.on()) {
    std::string line = "> send " + number_of(index) + " " + sender_of(index) + " ->";
    for (std::size_t i = 0; i < plan.recipients; ++i) line += " " + recipient_of(index, i);
    log.state(line + " : " + spelled);
  }
}

void world::say_goodbye() {
  if (goodbye_ || given_ != mails_.size()) return;
  goodbye_ = true;
  blocked_ = false;
  session_.quit();
  log.state("> quit");
}

void world::lend() {
  blocked_ = false;
  const std::size_t index = *std::exchange(asked_, std::nullopt);
  judge_.caller_is_asked(false);
  mail& m = mails_[index];
  const std::string_view rest = std::string_view(setting_.mails[index].content).substr(m.given);
  std::size_t n = rest.size();
  bool last = true;
  switch (choose_(about::caller, 3)) {
    case 1: n = std::min<std::size_t>(n, 1 + choose_(about::setting, 8)); [[fallthrough]];
    case 2: last = false; break;  // an empty last chunk follows
    default: break;
  }
  last = last && n == rest.size();
  m.lent = copy_of(rest.substr(0, n));
  m.given += n;
  m.all_given = last;
  const errc refused = session_.lend({m.lent.get(), n}, last);
  require(refused == errc::none, "a chunk that was asked for is taken");
  if (log.on()) {
    log.state("> lend \"" + escaped(rest.substr(0, n)) + "\"" + (last ? " last" : ""));
  }
}

void world::meddle() {
  if (session_.closed()) return;
  if (given_ != mails_.size() && (ready_ || failed_)) {
    send(given_);
    if (setting_.leave == setting::farewell::quit) say_goodbye();
  }
  const unsigned what = choose_(about::caller, 7);
  const bool calm = in_flight_.empty() && !blocked_;
  switch (what) {
    case 1:
      if (choose_(about::caller, 4) != 3) return;
      session_.abort();
      judge_.aborted();
      blocked_ = false;
      return log.state("> abort");
    case 2:
    case 3: {
      if (given_ == 0 || !calm || !command_ids_.empty()) return;
      const std::size_t index = choose_(about::setting, static_cast<unsigned>(given_));
      if (mails_[index].done) return;
      judge_.cancelled(index);
      session_.cancel(mails_[index].id);
      return log.state("> cancel " + number_of(index));
    }
    case 4:
    case 5:
      if (goodbye_ || commands_.size() > 3) return;
      judge_.commanded();
      blocked_ = false;
      commands_.insert(what == 4 ? session_.noop() : session_.reset());
      command_ids_.push_back(*commands_.rbegin());
      return log.state(what == 4 ? "> noop" : "> reset");
    case 6:
      if (goodbye_ || !calm || !ready_ || !command_ids_.empty() || judge_.content_is_open() ||
          choose_(about::caller, 4) != 3) {
        return;
      }
      goodbye_ = true;
      judge_.quit_now();
      session_.quit_now();
      setting_.mails.resize(given_);
      mails_.resize(given_);
      return log.state("> quit_now");
    default: return;
  }
}

// -- the network --------------------------------------------------------------------------------

bool world::write() {
  if (blocked_) return false;  // output() would lend
  const std::span<const bytes> views = session_.output(now_);
  std::string octets;
  for (const bytes view : views) octets += as_text(view);
  if (!in_flight_.empty()) {
    require(octets.empty() ? session_.closed() : octets == in_flight_,
            "lent views stay what they are (CORE-03)");
    return false;
  }
  if (octets.empty()) return false;
  log.client(octets);
  judge_.lent(now_, octets);
  if (!link_up_) {
    blocked_ = true;  // no transport writes to a link that is gone
    return false;
  }
  in_flight_ = octets;
  views_.assign(views.begin(), views.end());
  const auto size = static_cast<unsigned>(octets.size());
  // With QUIT alone nothing is at stake any more.
  const unsigned broken_at = octets == "QUIT\r\n" ? 0 : choose_(about::write_break, size + 2);
  if (broken_at != 0) {
    take_events();
    if (broken_at <= size) {
      acknowledge(broken_at - 1);
    } else {
      server.take(in_flight_);  // all of it arrived, but the transport cannot know
      log.comment("the link breaks while this is being written; nothing is said of it");
    }
    blocked_ = false;
    lose_link();
    return true;
  }
  if (setting_.async && choose_(about::write, 3) != 0) {
    seen_ = choose_(about::setting, size + 1);
    server.take(std::string_view(in_flight_).substr(0, seen_));
    log.comment("this write takes its time, which a transcript cannot say; the server has " +
                std::to_string(seen_) + " octets of it");
    return true;
  }
  const unsigned part = session_.closed() ? 0 : choose_(about::write, 4);
  if (part != 0) take_events();
  acknowledge(part == 0 ? size : part == 1 ? 0 : choose_(about::setting, size));
  blocked_ = part != 0;
  return true;
}

/// `n` octets of what is in flight were written.
void world::acknowledge(std::size_t n) {
  std::string octets;
  for (const bytes view : views_) octets += as_text(view);
  require(octets == in_flight_, "lent octets live until sent()");
  if (link_up_) {
    n = std::max(n, seen_);
    server.take(std::string_view(in_flight_).substr(seen_, n - seen_));
  }
  seen_ = 0;
  if (n != in_flight_.size() && log.on()) log.state("! sent " + std::to_string(n));
  in_flight_.clear();
  views_.clear();
  judge_.sent(now_, n);
  session_.sent(now_, n);
}

void world::lose_link() {
  link_up_ = false;
  judge_.link_lost();
  session_.receive_end(now_);
  log.state("! end");
}

/// Some of what the server said arrives; false if there is nothing.
bool world::deliver() {
  if (server.says.empty()) return false;
  std::size_t total = 0;
  for (const saying& s : server.says) total += s.octets.size();
  total -= arrived_;
  std::size_t n = setting_.whole_groups ? total : server.says.front().octets.size() - arrived_;
  switch (choose_(about::arrival, 4)) {
    case 1: n = 1; break;
    case 2: n = 1 + choose_(about::setting, static_cast<unsigned>(total)); break;
    case 3: n = total; break;
    default: break;
  }
  std::string octets;
  std::vector<saying> complete;
  while (!server.says.empty() && octets.size() < n) {
    const saying& first = server.says.front();
    const std::string_view rest = std::string_view(first.octets).substr(arrived_);
    // What can be no reply comes whole, so that it does not matter when it is found out.
    const std::size_t part =
        first.code == 0 ? rest.size() : std::min(rest.size(), n - octets.size());
    octets += rest.substr(0, part);
    arrived_ += part;
    if (part != rest.size()) break;
    complete.push_back(std::move(server.says.front()));
    server.says.pop_front();
    arrived_ = 0;
  }
  if (octets.empty()) return true;
  log.server(octets);
  const auto block = copy_of(octets);
  session_.receive(now_, {block.get(), octets.size()});
  for (const saying& s : complete) {
    judge_.octets_received();
    if (s.code == 0) {
      judge_.violation(s.violation);
    } else if (s.code > 0) {
      judge_.reply(now_, s.code, s.text);
    }
  }
  if (arrived_ != 0) judge_.octets_received();
  return true;
}

void world::shake_hands() {
  handshake_ = false;
  const unsigned how = choose_(about::oddity, 3);
  judge_.handshake_done(now_, how != 1, how == 0);
  if (how == 1) {
    session_.tls_failed(now_, make_error_code(errc::tls_failed));
    return log.state("! tls failed");
  }
  session_.tls_established(now_, {how == 0});
  log.state(how == 0 ? "! tls up" : "! tls up unverified");
  server.tls_is_up();
}

// -- time ---------------------------------------------------------------------------------------

void world::pass(std::chrono::milliseconds by) {
  blocked_ = false;
  const auto due = session_.deadline();
  now_ += by;
  judge_.passed(now_, due);
  session_.advance(now_);
  log.pass(by);
}

/// Nothing more comes: the time runs out.
void world::let_time_run_out() {
  const auto due = session_.deadline();
  if (!due) {
    if (asked_ || blocked_ || !in_flight_.empty()) return;
    require(given_ == mails_.size() && goodbye_ == false, "something is left to be done");
    return say_goodbye();
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - now_);
  require(left > 0ms, "a deadline lies ahead (TIME-02)");
  pass(left - 1ms);
  pump();
  require(judge_.over() || session_.deadline() == due, "it stays where it is until it is reached");
  pass(1ms);
}

// -- one thing after the other ------------------------------------------------------------------

void world::step() {
  pump();
  if (told_closed_) {
    if (!in_flight_.empty()) acknowledge(choose_(about::setting, in_flight_size() + 1));
    blocked_ = false;
    pump();
    return;
  }
  if (!in_flight_.empty() && (session_.closed() || choose_(about::write, 2) == 0)) {
    const unsigned part = choose_(about::write, 2);
    acknowledge(part == 0 ? in_flight_.size() : choose_(about::setting, in_flight_size() + 1));
    return;
  }
  meddle();
  pump();
  if (told_closed_) return;
  if (choose_(about::time, 3) == 1) {
    const auto due = session_.deadline();
    const auto left = due ? std::chrono::floor<std::chrono::milliseconds>(*due - now_) : 1h;
    pass(choose_(about::time, 4) == 1 ? left : left / 2);
    pump();
    if (told_closed_) return;
  }
  if (asked_ && (choose_(about::caller, 3) == 0)) return lend();
  if (handshake_) return shake_hands();
  if (server.odd && choose_(about::oddity, 4) == 1) {
    static constexpr int codes[] = {250, 421, 354, 550, 450};
    server.say_unasked(codes[choose_(about::look, std::size(codes))]);
  }
  const bool unblocked = std::exchange(blocked_, false);
  if (deliver()) return;
  if (server.end == server::ending::cut && link_up_) return lose_link();
  if (unblocked) return;
  if (asked_) return lend();
  if (setting_.leave == setting::farewell::late_quit && given_ == mails_.size() &&
      std::all_of(mails_.begin(), mails_.end(), [](const mail& one) { return one.done; })) {
    say_goodbye();
    pump();
    if (deliver() || told_closed_ || !in_flight_.empty() || blocked_) return;
  }
  if (handshake_) return;
  if (given_ != mails_.size() && (ready_ || failed_) && !session_.closed()) return send(given_);
  let_time_run_out();
}

void world::pump() {
  for (bool more = true; more;) {
    more = write();
    more = take_events() || more;
  }
  log.rest();
  rest();
}

/// What must hold when everything that could be done was done.
void world::rest() {
  require(session_.closed() == judge_.over(), "the session is over when it must be, not before");
  if (!in_flight_.empty()) return;  // then events may be held back
  for (std::size_t i = 0; i < given_; ++i) {
    if (!mails_[i].done) require(!judge_.must_be_done(i), "a mail that is decided is done");
  }
  require(told_closed_ == judge_.over(), "closed is told when all is over");
  if (judge_.over() || blocked_) return;
  const auto due = session_.deadline();
  const auto expected = judge_.deadline();
  require(due.has_value() == expected.has_value(),
          "a deadline while something is awaited (TIME-07)");
  if (due) {
    require(*due >= expected->first && *due <= expected->second, "the deadline (TIME-01)");
  }
  const bool waits = judge_.owes_a_reply() || judge_.awaits_handshake() || asked_;
  const bool has_work = std::any_of(mails_.begin(), mails_.begin() + std::ptrdiff_t(given_),
                                    [](const mail& one) { return !one.done; });
  require(waits || !(has_work || goodbye_), "what was asked for is being done");
}

// -- events -------------------------------------------------------------------------------------

bool world::take_events() {
  bool any = false;
  while (const event* e = session_.next_event()) {
    any = true;
    require(!told_closed_, "closed is the last event");
    for (const std::string_view text : {e->command, e->excerpt, e->detail}) {
      require(text.find("s3cret") == std::string_view::npos &&
                  text.find("czNjcmV0") == std::string_view::npos,
              "no secret in an event (SEC-03)");
    }
    take_event(*e);
  }
  return any;
}

void world::take_event(const event& e) {
  std::size_t index = 0;
  while (index < given_ && mails_[index].id != e.id) ++index;
  const auto command = std::find(command_ids_.begin(), command_ids_.end(), e.id);
  const bool about_command = e.what == event::kind::command_done;
  log.told(e,
           1 + (about_command ? static_cast<std::size_t>(command - command_ids_.begin()) : index));
  switch (e.what) {
    case event::kind::ready:
      require(!std::exchange(ready_, true) && !failed_, "ready is told once");
      judge_.says_ready();
      break;
    case event::kind::session_failed:
      require(!std::exchange(failed_, true) && !ready_, "a failure is told once");
      judge_.says_failed();
      break;
    case event::kind::upgrade_to_tls: handshake_ = true; break;
    case event::kind::mail_done:
      require(index < given_, "mail_done of a mail");
      check_mail(index, e);
      if (asked_ == index) {
        asked_.reset();
        judge_.caller_is_asked(false);
      }
      break;
    case event::kind::ready_for_data:
    case event::kind::chunk_released:
      require(index < given_ && !mails_[index].done, "content is asked of a mail that is not done");
      if (setting_.mails[index].how != setting::mail::kind::streamed) break;
      mails_[index].lent.reset();
      if (mails_[index].all_given) break;
      asked_ = index;
      judge_.caller_is_asked(true);
      break;
    case event::kind::command_done:
      require(commands_.erase(e.id) == 1, "a command is completed once (CORE-05)");
      break;
    case event::kind::closed:
      told_closed_ = true;
      if (!judge_.leaving()) {
        require(bool(e.error) != judge_.clean() || e.category == failure_category::reply,
                "closed: clean if it was");
      }
      if (!judge_.clean() && judge_.cause() != failure_category::none) {
        require(e.category == judge_.cause(), "closed: for the right reason");
      }
      handshake_ = false;
      break;
    case event::kind::reply_parsed:
    case event::kind::line_sent:
    case event::kind::content_sent:
    case event::kind::greeted:
    case event::kind::authenticated:
    case event::kind::sender_accepted:
    case event::kind::sender_rejected:
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected:
    case event::kind::warning: break;
  }
}

void world::check_mail(std::size_t index, const event& e) {
  mail& m = mails_[index];
  require(!std::exchange(m.done, true), "a mail is done once (CORE-05)");
  const std::size_t count = setting_.mails[index].recipients;
  require(e.results.size() == count, "one outcome for each recipient (OUT-01)");
  std::string line;
  for (std::size_t i = 0; i < count; ++i) {
    const recipient_result& r = e.results[i];
    require(r.address == recipient_of(index, i), "outcomes in the order of the envelope (OUT-01)");
    const auto must = judge_.of(index, i);
    require(must.has_value(), "an outcome that is not decided yet");
    const bool other = must->or_not_attempted && r.result == outcome::not_attempted;
    if (r.result != must->result && !other) {
      throw broken("recipient " + std::string(r.address) + " is " +
                   std::string(to_string(r.result)) + " and must be " +
                   std::string(to_string(must->result)));
    }
    require(must->category == failure_category::none || r.category() == must->category,
            "the category of an outcome");
    require(must->code == 0 || r.answer.code() == must->code, "the reply of an outcome");
    require(must->stage == verb::quit || r.stage == must->stage, "the stage of an outcome");
    require((r.advice == hint::another_connection) == must->another_connection,
            "another connection if the server has had enough of this one");
    require(must->why == errc::none || r.why == must->why, "the cause of an outcome");
    require((r.result == outcome::delivered) == (r.why == errc::none), "a reason unless delivered");
    m.outcomes.push_back(r.result);
    line += std::string(to_string(r.result)) + " " + std::string(to_string(r.stage)) + " " +
            std::string(to_string(r.why)) + " " + std::to_string(r.answer.code()) + "; ";
  }
  m.lent.reset();
  m.report = std::move(line);
}

/// What the server took, and what the user was told.
void world::compare_with_server() {
  for (const server::taken& t : server.took) {
    if (t.recipients.empty()) continue;
    require(t.mail < given_, "the server took a mail that was given");
    require(t.content == as_it_must_arrive(setting_.mails[t.mail].content),
            "the server holds what was given (SEC-02)");
  }
  if (server.lied) return;
  for (std::size_t i = 0; i < given_; ++i) {
    for (std::size_t r = 0; r < mails_[i].outcomes.size(); ++r) {
      const auto times = std::count_if(
          server.took.begin(), server.took.end(),
          [&](const server::taken& t) { return t.mail == i && t.recipients.contains(r); });
      const outcome told = mails_[i].outcomes[r];
      require(times <= 1, "no mail is delivered twice");
      require(told != outcome::delivered || times == 1, "delivered: the server took it");
      require(times == 0 || told == outcome::delivered || told == outcome::in_doubt,
              "what the server took is delivered, or in doubt");
    }
  }
}

std::string world::report() const {
  std::string all;
  for (const mail& m : mails_) all += m.report + "\n";
  return all;
}

}  // namespace sansmtp::simulation

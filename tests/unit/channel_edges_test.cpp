// The edges of a channel's link, in virtual time: last words, what is said behind the end, and the
// write that is in flight then (LINK-01 … LINK-05).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/channel.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "sansmtp/script/memory_peer.hpp"
#include "server_model.hpp"

namespace sansmtp {
namespace {

using namespace std::chrono_literals;
using std::string_view;
using kind = event::kind;

/// A link that does what a test says, and what its channel told.
class edge_link {
 public:
  explicit edge_link(session_config config = {}) : channel_(named(std::move(config))) {
    channel_.connected(now);
  }

  channel& operator*() { return channel_; }
  channel* operator->() { return &channel_; }

  /// The octets that `output()` offers now, whose views stay lent if there are any.
  std::string offered() {
    std::string octets;
    for (const bytes slice : channel_.output(now)) octets.append(as_text(slice));
    return octets;
  }
  /// Writes all that there is, and takes events. Returns what was written.
  std::string pump() {
    std::string all;
    for (;;) {
      events();
      const std::string octets = offered();
      if (octets.empty()) break;
      all += octets;
      channel_.sent(now, octets.size());
    }
    events();
    return all;
  }
  void events() {
    while (const event* e = channel_.next_event()) {
      told.push_back(e->what);
      if (e->what != kind::mail_done) continue;
      error = e->error;
      result = e->result;
      code = e->answer.code();
    }
  }
  void say(string_view text) { channel_.receive(now, as_bytes(text)); }
  void ready() {
    say("220 mx.test\r\n");
    pump();
    say("250-mx.test\r\n250 PIPELINING\r\n");
    pump();
  }
  /// A mail, up to the 354 that is about to be acted on.
  void begin_content(std::string content = "x\r\n") {
    envelope env;
    env.sender = path("s@a.test");
    env.recipients.emplace_back("r@b.test");
    channel_.engine().send(env, message::own(std::move(content)));
    pump();
    say("250 ok\r\n250 ok\r\n354 go\r\n");
    events();
  }
  bool has(kind k) const { return std::find(told.begin(), told.end(), k) != told.end(); }

  time_point now{1h};
  std::vector<kind> told;
  std::error_code error;
  outcome result = outcome::pending;
  int code = 0;

 private:
  static session_config named(session_config config) {
    config.local_name = "client.test";
    return config;
  }

  channel channel_;
};

const auto broken_pipe = std::make_error_code(std::errc::broken_pipe);

TEST(channel_edges, the_last_words_explain_a_write_that_failed) {  // LINK-01
  edge_link l;
  l.ready();
  l.begin_content();
  ASSERT_NE(l.offered(), "");
  l->write_failed(l.now, broken_pipe);
  EXPECT_EQ(l.offered(), "") << "nothing is worth writing";
  EXPECT_TRUE(l->wants_read());
  EXPECT_FALSE(l->finished());
  EXPECT_FALSE(l->cancel_write());
  EXPECT_EQ(l->deadline(), l.now + 2s);
  l.say("421 4.3.2 too busy\r\n");
  EXPECT_EQ(l.pump(), "") << "not even QUIT";
  EXPECT_EQ(l.result, outcome::deferred);
  EXPECT_EQ(l.code, 421);
  EXPECT_TRUE(l->finished());
  EXPECT_EQ(l->deadline(), std::nullopt);
}

TEST(channel_edges, a_write_that_failed_is_the_reason_where_nobody_explains_it) {  // LINK-01
  for (const bool closes : {false, true}) {
    edge_link l;
    l.ready();
    l.begin_content();
    const std::size_t all = l.offered().size();
    l->write_failed(l.now, broken_pipe, all - 1);
    if (closes) {
      l->read_end(l.now, std::make_error_code(std::errc::connection_reset));
    } else {
      l.now += 2s - 1ns;
      l->advance(l.now);
      l.pump();
      EXPECT_FALSE(l->closed()) << "it has two seconds";
      l.now += 1ns;
      l->advance(l.now);
    }
    l.pump();
    EXPECT_EQ(l.result, outcome::deferred) << "the terminator has not left";
    EXPECT_EQ(l.error, broken_pipe);
    EXPECT_TRUE(l->finished());
  }
}

TEST(channel_edges, a_terminator_that_left_before_the_write_failed_is_in_doubt) {  // LINK-01
  edge_link l;
  l.ready();
  l.begin_content();
  l->write_failed(l.now, broken_pipe, l.offered().size());
  l.now = *l->deadline();
  l->advance(l.now);
  l.pump();
  EXPECT_EQ(l.result, outcome::in_doubt);
  EXPECT_EQ(l.error, broken_pipe);
}

TEST(channel_edges,
     last_words_take_no_longer_than_the_step_that_they_interrupt) {  // LINK-01, LINK-04
  session_config config;
  config.timeouts.block = 1s;
  edge_link l(config);
  l.ready();
  l.begin_content();
  (void)l.offered();
  l->write_failed(l.now, broken_pipe);
  EXPECT_EQ(l->deadline(), l.now + 1s);
  l.now += 1s;
  l->advance(l.now);
  l.pump();
  EXPECT_EQ(l.error, broken_pipe) << "and it is the write that is told, not the time";
}

TEST(channel_edges, quit_behind_the_end_has_the_time_of_quit) {  // LINK-02, NET-03
  edge_link l;
  l.ready();
  l.say("421 going down\r\n");
  l.events();
  ASSERT_TRUE(l->closed());
  EXPECT_FALSE(l->finished()) << "there is a QUIT";
  ASSERT_TRUE(l->deadline().has_value()) << "and nobody asked for it";
  EXPECT_LE(*l->deadline(), l.now);
  EXPECT_EQ(l.offered(), "QUIT\r\n");
  EXPECT_FALSE(l->cancel_write()) << "it was begun behind the end";
  const time_point end = l.now + 10s;
  EXPECT_EQ(l->deadline(), end);
  l->sent(l.now, 0);  // the socket is full
  l.now = end - 1ns;
  l->advance(l.now);
  EXPECT_FALSE(l->finished());
  EXPECT_EQ(l->deadline(), end) << "a try does not make it longer";
  EXPECT_EQ(l.offered(), "QUIT\r\n");
  l.now = end;
  l->advance(l.now);
  EXPECT_TRUE(l->cancel_write());
  EXPECT_FALSE(l->finished()) << "its views are lent";
  EXPECT_EQ(l->deadline(), std::nullopt);
  l->sent(l.now, 0);
  EXPECT_TRUE(l->finished());
  EXPECT_EQ(l.offered(), "");
}

TEST(channel_edges, a_link_is_finished_once_all_was_said) {  // LINK-02
  edge_link written;
  written.ready();
  written.say("421 going down\r\n");
  EXPECT_EQ(written.pump(), "QUIT\r\n");
  EXPECT_TRUE(written->finished());

  edge_link failed;
  failed.ready();
  failed.say("421 going down\r\n");
  ASSERT_EQ(failed.offered(), "QUIT\r\n");
  failed->write_failed(failed.now, broken_pipe);
  EXPECT_TRUE(failed->finished()) << "it was worth one try";

  edge_link aborted;
  aborted.ready();
  aborted->engine().abort();
  EXPECT_FALSE(aborted->wants_read());
  EXPECT_EQ(aborted.pump(), "");
  EXPECT_TRUE(aborted->finished());

  session_config config;
  config.quit_no_wait = true;
  edge_link hasty(config);
  hasty.ready();
  hasty->engine().quit();
  EXPECT_EQ(hasty.offered(), "QUIT\r\n");
  EXPECT_TRUE(hasty->closed());
  EXPECT_FALSE(hasty->cancel_write()) << "this QUIT is what there is to be said";
}

TEST(channel_edges, without_a_timeout_quit_waits_for_ever) {  // LINK-02
  session_config config;
  config.timeouts.quit = 0ms;
  edge_link l(config);
  l.ready();
  l.say("421 going down\r\n");
  l.events();
  EXPECT_EQ(l.offered(), "QUIT\r\n");
  EXPECT_EQ(l->deadline(), std::nullopt);
}

TEST(channel_edges, a_write_that_is_stuck_at_the_end_is_asked_back) {  // LINK-03
  for (const bool fails : {false, true}) {
    edge_link l;
    l.ready();
    l.begin_content(std::string(1'000'000, 'x') + "\r\n");  // so its terminator is not lent
    ASSERT_NE(l.offered(), "");
    EXPECT_EQ(l->deadline(), l.now + 3min);
    EXPECT_FALSE(l->cancel_write());
    l.now += 3min;
    l->advance(l.now);
    l.events();
    EXPECT_TRUE(l->closed());
    EXPECT_FALSE(l.has(kind::mail_done)) << "its octets may be read";
    EXPECT_TRUE(l->cancel_write());
    EXPECT_FALSE(l->finished());
    EXPECT_EQ(l.offered(), "");
    EXPECT_TRUE(l->cancel_write()) << "until it is told";
    EXPECT_EQ(l->deadline(), std::nullopt)
        << "who waits for the write does not turn round and round";
    if (fails) {
      l->write_failed(l.now, std::make_error_code(std::errc::operation_canceled), 10);
    } else {
      l->sent(l.now, 10);
    }
    EXPECT_FALSE(l->cancel_write());
    EXPECT_EQ(l.pump(), "");
    EXPECT_TRUE(l.has(kind::mail_done));
    EXPECT_TRUE(l.has(kind::closed));
    EXPECT_EQ(l.result, outcome::deferred);
    EXPECT_EQ(l.error, errc::timed_out);
    EXPECT_TRUE(l->finished());
  }
}

TEST(channel_edges, a_write_that_was_asked_back_leaves_room_for_quit) {  // LINK-02, LINK-03
  edge_link l;
  l.ready();
  l->engine().noop();
  const std::string noop = l.offered();
  ASSERT_EQ(noop, "NOOP\r\n");
  l.say("421 going down\r\n");
  EXPECT_TRUE(l->cancel_write());
  l->write_failed(l.now, std::make_error_code(std::errc::operation_canceled), noop.size());
  EXPECT_EQ(l.pump(), "QUIT\r\n");
  EXPECT_TRUE(l->finished());
}

TEST(channel_edges, the_end_of_reading_waits_for_the_write_in_flight) {  // LINK-03, OUT-02
  for (const bool whole : {false, true}) {
    edge_link l;
    l.ready();
    l.begin_content();
    const std::size_t all = l.offered().size();
    l->read_end(l.now);
    EXPECT_FALSE(l->wants_read());
    EXPECT_TRUE(l->cancel_write());
    EXPECT_FALSE(l->closed());
    l.events();
    EXPECT_FALSE(l.has(kind::mail_done));
    l->sent(l.now, whole ? all : all - 1);
    EXPECT_EQ(l.pump(), "");
    EXPECT_EQ(l.result, whole ? outcome::in_doubt : outcome::deferred);
    EXPECT_EQ(l.error, errc::connection_lost);
    EXPECT_TRUE(l->finished());
  }
}

TEST(channel_edges, the_deadline_comes_nearer_and_covers_each_wait) {  // LINK-04, TIME-07
  edge_link l;
  EXPECT_EQ(l->deadline(), l.now + 5min) << "the greeting";
  l.now += 1min;
  l.ready();
  l.begin_content(std::string(100'000, 'x') + "\r\n");
  ASSERT_NE(l.offered(), "");
  EXPECT_EQ(l->deadline(), l.now + 3min) << "nearer than the greeting's, by one minute";
  // From here on nothing happens but that time passes, and the write comes back when it is asked
  // for. Whoever keeps no other timer comes to the end.
  for (int i = 0; !l->finished(); ++i) {
    ASSERT_LT(i, 10);
    l.events();
    if (l->cancel_write()) {
      l->sent(l.now, 0);
    } else if (l.offered().empty() && !l->finished()) {
      ASSERT_TRUE(l->deadline().has_value()) << "nobody would ever wake";
    }
    if (const auto next = l->deadline()) l->advance(l.now = std::max(l.now, *next));
  }
  EXPECT_TRUE(l.has(kind::closed));
}

TEST(channel_edges, a_refusal_within_content_is_told_while_the_write_waits) {  // LINK-05, TXN-27
  edge_link l;
  l.ready();
  l.begin_content(std::string(1'000'000, 'x') + "\r\n");
  const std::string part = l.offered();
  ASSERT_LT(part.size(), 1'000'000u);
  EXPECT_TRUE(l->wants_read()) << "a write in flight is no reason not to read";
  l->sent(l.now, part.size());
  EXPECT_TRUE(l->wants_read()) << "nor is a next one";
  ASSERT_NE(l.offered(), "");
  l.say("552 too much\r\n");
  EXPECT_TRUE(l->cancel_write()) << "the rest must not leave";
  l->sent(l.now, 0);
  l.events();
  EXPECT_TRUE(l.has(kind::mail_done));
  EXPECT_EQ(l.code, 552);
}

// Who gives up does not wait for a farewell that nobody takes, however long it might be waited for.
TEST(channel_edges, abort_ends_what_is_said_behind_the_end) {  // LINK-02
  for (const bool in_flight : {false, true}) {
    session_config config;
    config.local_name = "client.test";
    config.timeouts.quit = 0s;
    channel c(config);
    const time_point now(1h);
    const auto pump = [&] {
      while (c.next_event() != nullptr) continue;
      for (auto out = c.output(now); !out.empty(); out = c.output(now)) c.sent(now, out[0].size());
    };
    c.connected(now);
    c.receive(now, as_bytes(std::string_view("220 mx.test\r\n")));
    pump();
    c.receive(now, as_bytes(std::string_view("250 mx.test\r\n")));
    pump();
    c.receive(now, as_bytes(std::string_view("421 going down\r\n")));
    if (in_flight) {
      ASSERT_FALSE(c.output(now).empty());  // QUIT, which does not leave
    }
    ASSERT_TRUE(c.closed());
    ASSERT_FALSE(c.finished());
    c.abort();
    EXPECT_EQ(c.cancel_write(), in_flight);
    if (in_flight) c.sent(now, 0);
    EXPECT_TRUE(c.output(now).empty());
    EXPECT_TRUE(c.finished());
  }
}

// Inside TLS the same holds of records, and close_notify stands behind QUIT.
TEST(channel_edges, records_are_asked_back_and_close_notify_is_said_in_time) {  // LINK-02, LINK-03
  for (const bool in_flight : {false, true}) {
    session_config config;
    config.local_name = "client.test";
    config.tls = tls_mode::implicit;
    channel c(config, std::make_unique<script::memory_layer>());
    script::memory_peer peer;
    time_point now(1h);
    const auto pump = [&] {
      for (;;) {
        while (c.next_event() != nullptr) continue;
        const auto out = c.output(now);
        if (out.empty()) return;
        (void)peer.feed(out[0]);
        c.sent(now, out[0].size());
      }
    };
    c.connected(now);
    pump();
    c.receive(now, peer.finish("verified"));
    c.receive(now, peer.say("220 mx.test\r\n"));
    pump();
    c.receive(now, peer.say("250 mx.test\r\n"));
    pump();
    if (in_flight) {
      c.engine().noop();
      ASSERT_FALSE(c.output(now).empty());
    }
    c.receive(now, peer.say("421 going down\r\n"));
    EXPECT_TRUE(c.closed());
    EXPECT_FALSE(c.finished());
    EXPECT_EQ(c.cancel_write(), in_flight);
    if (in_flight) {
      c.sent(now, 0);
      EXPECT_TRUE(c.output(now).empty())
          << "a record was made, and what would follow it cannot leave";
      EXPECT_TRUE(c.finished());
      continue;
    }
    ASSERT_FALSE(c.output(now).empty());
    EXPECT_EQ(c.deadline(), now + 10s);
    EXPECT_FALSE(c.cancel_write());
    now += 10s;
    c.advance(now);
    EXPECT_TRUE(c.cancel_write());
    c.sent(now, 0);
    EXPECT_TRUE(c.output(now).empty());
    EXPECT_TRUE(c.finished());
  }
}

/// A loop that follows the one sentence, and a world that does to it what it likes: replies come in
/// pieces, writes take a part or fail, the stream ends, time passes; and from some step on nothing
/// comes and no write ends but one that is asked back.
class whims {
 public:
  explicit whims(unsigned seed) : random_(seed), tls_(below(2) == 0), completions_(below(2) == 0) {
    session_config config;
    config.local_name = "client.test";
    config.pipelining = below(2) == 0 ? pipelining_level::envelope : pipelining_level::messages;
    config.tls = tls_ ? tls_mode::implicit : tls_mode::off;
    config.quit_no_wait = below(4) == 0;
    channel_ = std::make_unique<channel>(config, std::make_unique<script::memory_layer>());
    channel_->connected(now_);
    for (const std::size_t size : {std::size_t{10}, std::size_t{300'000}}) {
      envelope env;
      env.sender = path("s@a.test");
      env.recipients.emplace_back("r@b.test");
      channel_->engine().send(env, message::own(std::string(size, 'x')));
    }
    channel_->engine().quit();
    if (!tls_) arrive(server_.greeting());
  }

  void run() {
    const unsigned last = below(100);
    for (unsigned step = 0; !over(); ++step) {
      frozen_ = step >= last;
      ASSERT_LT(step, 2000u) << "the loop turns round";
      if (!move()) pass();
    }
    EXPECT_EQ(mails_, 2u) << "no event is lost";
    EXPECT_EQ(closed_, 1u);
    EXPECT_EQ(in_flight_.size(), 0u);
    EXPECT_TRUE(channel_->output(now_).empty());
    EXPECT_EQ(channel_->next_event(), nullptr);
  }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  int decide(string_view word) {
    constexpr int bad[] = {421, 450, 552, 550};
    if (below(12) == 0) return bad[below(4)];
    return word == "data" ? 354 : 250;
  }

  /// The server says it.
  void arrive(string_view text) {
    input_ += tls_ ? std::string(as_text(peer_.say(text))) : std::string(text);
  }
  /// The server has it.
  void leave(bytes octets) {
    if (octets.empty()) return;
    const bool greeted = !tls_ || peer_.saw_hello();
    const std::string_view plain = tls_ ? peer_.feed(octets) : as_text(octets);
    if (!greeted && peer_.saw_hello()) {
      input_ += as_text(peer_.finish("verified"));
      arrive(server_.greeting());
    }
    const std::string replies = server_.take(plain);
    if (!replies.empty()) arrive(replies);
  }

  bool over() {
    while (const event* e = channel_->next_event()) {
      EXPECT_EQ(closed_, 0u) << "nothing comes behind it";
      if (e->what == kind::mail_done) ++mails_;
      if (e->what == kind::closed) ++closed_;
    }
    if (channel_->finished()) return true;
    if (!in_flight_.empty()) return false;
    const std::span<const bytes> out = channel_->output(now_);
    for (const bytes slice : out) in_flight_.append(as_text(slice));
    if (!in_flight_.empty() && !completions_) {
      if (frozen_) take_back();  // the socket is full
      if (!frozen_) end_write();
    }
    return false;
  }

  void end_write() {
    const auto size = static_cast<unsigned>(in_flight_.size());
    const std::size_t n = below(3) == 0 ? below(size + 1) : size;
    leave(bytes(in_flight_).first(n));
    in_flight_.clear();
    if (below(30) == 0) {
      channel_->write_failed(now_, broken_pipe, n);
    } else {
      channel_->sent(now_, n);
    }
  }

  void take_back() {
    in_flight_.clear();
    channel_->sent(now_, 0);
  }

  /// Something happens, if anything is about to.
  bool move() {
    if (channel_->cancel_write() && below(2) == 0) {
      if (frozen_) take_back();
      if (!frozen_) end_write();
      return true;
    }
    if (frozen_) return false;
    switch (below(8)) {
      case 0:
        if (in_flight_.empty()) return false;
        end_write();
        return true;
      case 1:
        if (!channel_->wants_read() || below(20) != 0) return false;
        channel_->read_end(now_, below(2) == 0 ? broken_pipe : std::error_code());
        return true;
      default:
        if (!channel_->wants_read() || input_.empty()) return false;
        const std::string part = input_.substr(0, 1 + below(static_cast<unsigned>(input_.size())));
        input_.erase(0, part.size());
        channel_->receive(now_, as_bytes(part));
        return true;
    }
  }

  /// Nothing happened. Who waits for nothing but the time has it.
  void pass() {
    const bool written = in_flight_.empty() || (frozen_ && !channel_->cancel_write());
    const bool idle = written && (frozen_ || input_.empty() || !channel_->wants_read());
    const auto deadline = channel_->deadline();
    ASSERT_TRUE(deadline || !idle || channel_->finished()) << "nobody would ever wake";
    if (!deadline || (!idle && below(40) != 0)) return;
    now_ = std::max(now_, *deadline);
    channel_->advance(now_);
  }

  std::mt19937 random_;
  bool tls_;
  bool completions_;  // or readiness: each write ends at once
  bool frozen_ = false;
  std::unique_ptr<channel> channel_;
  script::memory_peer peer_;
  test::server_model server_{[this](string_view word, string_view) { return decide(word); }};
  time_point now_{1h};
  std::string input_;      // what the server said and nobody read
  std::string in_flight_;  // what the write in flight holds
  unsigned mails_ = 0;
  unsigned closed_ = 0;
};

TEST(channel_edges, who_follows_the_one_sentence_loses_no_event) {  // LINK-03, LINK-04, CORE-05
  for (unsigned seed = 0; seed != 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    whims(seed).run();
  }
}

}  // namespace
}  // namespace sansmtp

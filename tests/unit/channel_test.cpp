// A channel over the in-memory record layer: what a TLS library, a peer and a transport can do.
#include "sansmtp/channel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/script/memory_layer.hpp"
#include "sansmtp/script/memory_peer.hpp"

namespace sansmtp {
namespace {

using namespace std::chrono_literals;
using std::string_view;
using kind = event::kind;

/// A channel, the server's end of its records, and what was told.
class link {
 public:
  explicit link(tls_mode mode, pipelining_level level = pipelining_level::envelope) {
    session_config config;
    config.local_name = "client.test";
    config.tls = mode;
    config.pipelining = level;
    config.timeouts.handshake = 60s;
    channel_ = std::make_unique<channel>(config, std::make_unique<script::memory_layer>());
    channel_->connected(now_);
    tls_ = mode == tls_mode::implicit;
    pump();
  }

  channel& operator*() { return *channel_; }
  channel* operator->() { return channel_.get(); }
  script::memory_peer& peer() { return peer_; }
  time_point now() const { return now_; }

  /// Everything that may be written is written, `step` octets at a time, and events are taken.
  void pump(std::size_t step = std::string::npos) {
    for (;;) {
      const auto out = channel_->output(now_);
      if (out.empty()) break;
      std::string octets;
      for (const bytes slice : out) octets.append(as_text(slice));
      const std::size_t n = std::min(step, octets.size());
      take({octets.data(), n});
      channel_->sent(now_, n);
    }
    events();
  }
  /// The server gets octets of the wire.
  void take(bytes octets) {
    wire_.append(as_text(octets));
    if (tls_) {
      plain_ += peer_.feed(octets);
    } else {
      plain_ += as_text(octets);
    }
  }
  void events() {
    while (const event* e = channel_->next_event()) {
      told_.push_back(e->what);
      if (e->error) error_ = e->error;
      if (!e->excerpt.empty()) excerpt_ = e->excerpt;
      if (e->what == kind::closed) closed_ = *e;
      if (e->what == kind::mail_done) outcomes_.push_back(e->result);
      if (e->what == kind::session_failed) advice_ = e->advice;
    }
  }
  /// The server says something, in a record if TLS is up.
  void say(string_view text) {
    channel_->receive(now_, tls_ ? peer_.say(text) : as_bytes(text));
    pump();
  }
  void raw(bytes octets) {
    channel_->receive(now_, octets);
    pump();
  }
  void starttls() {
    say("220 mx.test\r\n");
    say("250-mx.test\r\n250 STARTTLS\r\n");
    say("220 go\r\n");
    tls_ = true;
    // The ClientHello came behind STARTTLS, in a form of its own.
    const std::size_t hello = wire_.rfind('\x16');
    ASSERT_NE(hello, std::string::npos);
    (void)peer_.feed(as_bytes(string_view(wire_).substr(hello)));
    plain_.clear();
  }
  void shake(string_view verdict = "verified") { raw(peer_.finish(verdict)); }
  void ready() {
    shake();
    say("220 mx.test\r\n");
    say("250-mx.test\r\n250 PIPELINING\r\n");
    (void)said();
  }

  /// What the server could read since the last time.
  std::string said() { return std::exchange(plain_, {}); }
  std::string wire() { return std::exchange(wire_, {}); }
  bool told(kind k) const { return std::find(told_.begin(), told_.end(), k) != told_.end(); }
  std::error_code error() const { return error_; }
  const std::string& excerpt() const { return excerpt_; }
  hint advice() const { return advice_; }
  const std::vector<outcome>& outcomes() const { return outcomes_; }

 private:
  std::unique_ptr<channel> channel_;
  script::memory_peer peer_;
  time_point now_{1h};
  bool tls_ = false;
  std::string plain_, wire_, excerpt_;
  std::vector<kind> told_;
  std::vector<outcome> outcomes_;
  std::error_code error_;
  event closed_;
  hint advice_ = hint::none;
};

envelope one_recipient() {
  envelope env;
  env.sender = path("s@a.test");
  env.recipients.emplace_back("r@b.test");
  return env;
}

TEST(channel,
     implicit_tls_comes_before_the_greeting_and_says_close_behind_quit) {  // TLS-01, NET-03
  link l(tls_mode::implicit);
  EXPECT_TRUE(l.peer().saw_hello());
  EXPECT_EQ(l.said(), "");
  l.shake();
  EXPECT_EQ(l.said(), "");
  EXPECT_TRUE(l->engine().tls_verified());
  ASSERT_NE(l->tls(), nullptr);
  EXPECT_EQ(l->tls()->protocol, "memory");
  l.say("220 mx.test\r\n");
  EXPECT_EQ(l.said(), "EHLO client.test\r\n");
  l.say("250 mx.test\r\n");
  EXPECT_TRUE(l.told(kind::ready));
  l->engine().quit();
  l.pump();
  EXPECT_EQ(l.said(), "QUIT\r\n");
  EXPECT_FALSE(l.peer().saw_close()) << "the reply to QUIT is awaited";
  l.say("221 bye\r\n");
  EXPECT_TRUE(l->closed());
  EXPECT_TRUE(l.peer().saw_close());
  EXPECT_FALSE(l.peer().confused());
  EXPECT_EQ(l.error(), std::error_code());
}

TEST(channel, starttls_says_nothing_until_the_handshake_is_done_and_then_ehlo) {  // TLS-04, TLS-06
  link l(tls_mode::required);
  l.starttls();
  (void)l->engine().send(one_recipient(), message::own("x\r\n"));
  l.pump();
  EXPECT_EQ(l.said(), "");
  l.shake("unverified");
  EXPECT_EQ(l.said(), "EHLO client.test\r\n");
  EXPECT_TRUE(l->engine().tls_active());
  EXPECT_FALSE(l->engine().tls_verified());
}

TEST(channel, a_group_of_commands_is_one_record) {
  link l(tls_mode::implicit);
  l.ready();
  envelope env = one_recipient();
  for (int i = 0; i < 20; ++i) env.recipients.emplace_back("r@b.test");
  const std::size_t before = l.peer().records();
  (void)l->engine().send(env, message::own("x\r\n"));
  l.pump();
  EXPECT_EQ(l.peer().records(), before + 1);
  EXPECT_NE(l.said().find("DATA\r\n"), std::string::npos);
}

TEST(channel, nothing_readable_is_on_the_wire) {
  link l(tls_mode::implicit);
  l.ready();
  (void)l->engine().send(one_recipient(), message::own("x\r\n"));
  l.pump();
  EXPECT_EQ(l.wire().find("MAIL"), std::string::npos);
  EXPECT_NE(l.said().find("MAIL"), std::string::npos);
}

TEST(channel, octets_behind_the_220_end_the_session) {  // TLS-05
  for (const string_view behind : {"250 x\r\n", "250-AUTH LOGIN", "2"}) {
    link l(tls_mode::opportunistic);
    l.say("220 mx.test\r\n");
    l.say("250-mx.test\r\n250 STARTTLS\r\n");
    (void)l.wire();
    l->receive(l.now(), as_bytes("220 go\r\n" + std::string(behind)));
    l.pump();
    EXPECT_EQ(l.wire(), "") << "not even a ClientHello";
    EXPECT_EQ(l.error(), errc::injection);
    EXPECT_TRUE(l->closed());
  }
}

TEST(channel, octets_before_the_client_hello_has_left_end_the_session) {  // TLS-05
  for (const bool one_by_one : {false, true}) {
    link l(tls_mode::required);
    l.say("220 mx.test\r\n");
    l.say("250-mx.test\r\n250 STARTTLS\r\n");
    (void)l.wire();
    const string_view reply = "220 go\r\n";
    for (std::size_t i = 0; i < reply.size();) {
      const std::size_t n = one_by_one ? 1 : reply.size();
      l->receive(l.now(), as_bytes(reply.substr(i, n)));
      i += n;
    }
    l->receive(l.now(), as_bytes("2"));
    l.pump();
    EXPECT_EQ(l.wire(), "");
    EXPECT_EQ(l.error(), errc::injection);
  }
}

TEST(channel, a_refused_handshake_ends_it_with_advice_only_if_tls_was_optional) {  // TLS-08
  for (const tls_mode mode : {tls_mode::opportunistic, tls_mode::required, tls_mode::implicit}) {
    link l(mode);
    if (mode != tls_mode::implicit) l.starttls();
    const bool optional = mode == tls_mode::opportunistic;
    l.raw(l.peer().alert(40));
    EXPECT_TRUE(l->closed());
    EXPECT_EQ(l.said(), "");
    EXPECT_TRUE(l.told(kind::session_failed));
    EXPECT_EQ(l.advice(), optional ? hint::retry_without_tls : hint::none);
  }
}

TEST(channel, a_server_that_answers_the_handshake_in_clear_text_is_named) {  // TLS-08
  for (const tls_mode mode : {tls_mode::opportunistic, tls_mode::required, tls_mode::implicit}) {
    for (const bool all_written : {true, false}) {
      link l(mode);
      if (mode != tls_mode::implicit) {
        l.say("220 mx.test\r\n");
        l.say("250-mx.test\r\n250 STARTTLS\r\n");
        // Of the ClientHello at least one octet is on its way.
        l->receive(l.now(), as_bytes("220 go\r\n"));
        l.pump(all_written ? std::string::npos : 1);
      }
      l.raw(as_bytes("500 what?\r\n"));
      EXPECT_EQ(l.error(), errc::plaintext_peer);
      EXPECT_EQ(l.excerpt(), "500 what?\r\n");
      EXPECT_TRUE(l->closed());
      EXPECT_EQ(l.advice(), mode == tls_mode::opportunistic ? hint::retry_without_tls : hint::none);
    }
  }
}

/// A layer that is established at once and answers each octet that comes with `answer` octets, as
/// TLS answers requests for new keys; or one that has failed before it began.
class answering_layer final : public tls_layer {
 public:
  explicit answering_layer(std::size_t answer, std::error_code error = {})
      : answer_(answer), error_(error) {}

  void feed(bytes ciphertext) override { out_.resize(out_.size() + answer_ * ciphertext.size()); }
  void feed_end() override {}
  progress handshake() override {
    if (!std::exchange(begun_, true)) out_.push_back(22);
    return answers_in_handshake ? progress::wants_octets : progress::established;
  }
  reading read(std::span<char>, std::size_t& size) override {
    size = 0;
    return reading::wants_octets;
  }
  bool write(bytes plaintext) override {
    out_.resize(out_.size() + plaintext.size());
    return true;
  }
  void close() override {}
  std::size_t pending() const noexcept override { return out_.size(); }
  void drain(std::vector<char>& empty) override { out_.swap(empty); }
  const tls_info& info() const noexcept override { return info_; }
  std::error_code error() const noexcept override { return error_; }

  bool answers_in_handshake = false;

 private:
  std::size_t answer_;
  std::error_code error_;
  std::vector<char> out_;
  tls_info info_;
  bool begun_ = false;
};

TEST(channel, answers_of_the_layer_that_nobody_reads_do_not_pile_up) {  // TLS-14
  for (const bool in_handshake : {false, true}) {
    session_config config;
    config.local_name = "client.test";
    config.tls = tls_mode::implicit;
    auto layer = std::make_unique<answering_layer>(25);
    layer->answers_in_handshake = in_handshake;
    const tls_layer& seen = *layer;
    channel c(config, std::move(layer));
    const time_point now(1h);
    c.connected(now);
    // The peer reads nothing but the ClientHello: each write finds the socket full.
    c.sent(now, c.output(now).front().size());
    std::size_t most = 0;
    int requests = 0;
    for (; requests < 1'000'000 && !c.closed(); ++requests) {
      c.receive(now, as_bytes("\x17"));
      if (!c.output(now).empty()) c.sent(now, 0);
      most = std::max(most, seen.pending() + c.memory());
    }
    EXPECT_TRUE(c.closed());
    EXPECT_LT(most, std::size_t{300} << 10);
    EXPECT_GT(requests, (64 << 10) / 25) << "what a slow peer may ask for";
    EXPECT_TRUE(c.output(now).empty());
    std::error_code why;
    while (const event* e = c.next_event()) {
      if (e->what == kind::closed) why = e->error;
    }
    EXPECT_EQ(why, errc::tls_flood);
  }
}

TEST(channel, a_peer_that_reads_may_ask_the_layer_for_as_much_as_it_likes) {  // TLS-14
  session_config config;
  config.local_name = "client.test";
  config.tls = tls_mode::implicit;
  channel c(config, std::make_unique<answering_layer>(25));
  const time_point now(1h);
  c.connected(now);
  for (int i = 0; i < 100'000; ++i) {
    c.receive(now, as_bytes("\x17"));
    const auto out = c.output(now);
    ASSERT_FALSE(out.empty());
    c.sent(now, out.front().size());
  }
  EXPECT_FALSE(c.closed());
}

TEST(channel, a_layer_that_has_failed_before_it_began_refuses_the_link) {  // TLS-13
  for (const tls_mode mode : {tls_mode::opportunistic, tls_mode::required, tls_mode::implicit}) {
    session_config config;
    config.local_name = "client.test";
    config.tls = mode;
    const std::error_code why = std::make_error_code(std::errc::permission_denied);
    for (const bool later : {false, true}) {
      auto layer = std::make_unique<answering_layer>(0, why);
      channel c(config, later ? nullptr : std::move(layer));
      if (later) c.secure_with(std::move(layer));
      const time_point now(1h);
      (void)c.engine().send(one_recipient(), message::own("x\r\n"));
      c.connected(now);
      EXPECT_TRUE(c.closed());
      EXPECT_TRUE(c.output(now).empty()) << "not one octet";
      c.receive(now, as_bytes("220 mx.test\r\n"));
      EXPECT_TRUE(c.output(now).empty());
      bool failed = false;
      while (const event* e = c.next_event()) {
        if (e->what == kind::mail_done) {
          EXPECT_EQ(e->result, outcome::not_attempted);
          EXPECT_EQ(e->results[0].why, errc::tls_failed);
        }
        if (e->what != kind::session_failed) continue;
        failed = true;
        EXPECT_EQ(e->error, why);
        EXPECT_EQ(e->answers, verb::handshake);
        EXPECT_EQ(e->advice, hint::none) << "the fault is on this side: no way to clear text";
      }
      EXPECT_TRUE(failed);
    }
  }
}

TEST(channel, a_tls_server_on_a_plain_port_is_named) {
  session_config config;
  config.local_name = "client.test";
  channel c(config);
  c.connected(time_point(1h));
  c.receive(time_point(1h), as_bytes(string_view("\x15\x03\x03\0\x02\x02\x50", 7)));
  EXPECT_TRUE(c.output(time_point(1h)).empty());
  const event* e = c.next_event();
  ASSERT_NE(e, nullptr);
  EXPECT_EQ(e->what, kind::session_failed);
  EXPECT_EQ(e->advice, hint::server_speaks_tls);
}

TEST(channel, the_end_and_the_deadline_of_a_handshake_are_tls_failures) {  // TLS-08, TIME-01
  link ended(tls_mode::required);
  ended.starttls();
  ended->read_end(ended.now());
  ended.pump();
  EXPECT_EQ(ended.error(), errc::handshake_lost);
  EXPECT_EQ(ended.said(), "");

  link late(tls_mode::required);
  late.starttls();
  ASSERT_TRUE(late->deadline().has_value());
  EXPECT_EQ(*late->deadline() - late.now(), 60s);
  late->advance(*late->deadline());
  late.pump();
  EXPECT_EQ(late.error(), errc::handshake_timed_out);
  EXPECT_EQ(late.said(), "");
}

TEST(channel, a_handshake_that_was_not_written_does_not_outlive_its_deadline) {
  session_config config;
  config.local_name = "client.test";
  config.tls = tls_mode::implicit;
  channel c(config, std::make_unique<script::memory_layer>());
  c.connected(time_point(1h));
  c.advance(*c.deadline());
  EXPECT_TRUE(c.closed());
  EXPECT_TRUE(c.output(time_point(2h)).empty());
}

TEST(channel, what_is_too_weak_is_left_with_quit) {  // TLS-09
  link l(tls_mode::required);
  l.starttls();
  l.shake("weak");
  EXPECT_EQ(l.said(), "QUIT\r\n");
  EXPECT_EQ(l.error(), errc::tls_too_weak);
}

TEST(channel, without_a_layer_there_is_no_handshake) {
  session_config config;
  config.local_name = "client.test";
  config.tls = tls_mode::implicit;
  channel c(config);
  c.connected(time_point(1h));
  EXPECT_TRUE(c.closed());
  EXPECT_TRUE(c.output(time_point(1h)).empty());
}

TEST(channel, an_end_without_close_notify_is_known_and_matters_only_before_a_reply) {  // NET-03
  for (const string_view last : {"250 queued\r\n", "250 que", ""}) {
    link l(tls_mode::implicit);
    l.ready();
    (void)l->engine().send(one_recipient(), message::own("x\r\n"));
    l.pump();
    l.say("250 ok\r\n250 ok\r\n354 go\r\n");
    if (!last.empty()) l.say(last);
    l->read_end(l.now());
    l.pump();
    const bool delivered = last.ends_with('\n');
    ASSERT_EQ(l.outcomes().size(), 1u);
    EXPECT_EQ(l.outcomes()[0], delivered ? outcome::delivered : outcome::in_doubt) << last;
    EXPECT_EQ(l.error(), errc::tls_truncated);
  }
}

TEST(channel, close_notify_is_an_end_like_any_other) {
  link l(tls_mode::implicit);
  l.ready();
  l.raw(l.peer().alert(0));
  EXPECT_TRUE(l->closed());
  EXPECT_EQ(l.error(), errc::connection_lost);
}

TEST(channel, a_broken_record_fails_what_is_open_and_only_an_alert_leaves) {
  link l(tls_mode::implicit);
  l.ready();
  (void)l->engine().send(one_recipient(), message::own("x\r\n"));
  l.pump();
  (void)l.said();
  (void)l.wire();
  l.raw(as_bytes("garbage"));
  EXPECT_TRUE(l->closed());
  EXPECT_EQ(l.error(), errc::tls_failed);
  ASSERT_EQ(l.outcomes().size(), 1u);
  EXPECT_EQ(l.outcomes()[0], outcome::deferred);
  EXPECT_EQ(l.wire().front(), script::memory_record::alert);
  EXPECT_EQ(l.said(), "");
}

// The record with the terminator cannot be read before its last octet (OUT-02).
TEST(channel, in_doubt_begins_with_the_last_octet_of_the_last_record) {
  for (const std::size_t missing : {std::size_t{1}, std::size_t{0}}) {
    link l(tls_mode::implicit);
    l.ready();
    (void)l->engine().send(one_recipient(), message::own("x\r\n"));
    l.pump();
    l->receive(l.now(), l.peer().say("250 ok\r\n250 ok\r\n354 go\r\n"));
    const auto out = l->output(l.now());
    ASSERT_EQ(out.size(), 1u);
    l->sent(l.now(), out[0].size() - missing);
    l->read_end(l.now());
    l.events();
    ASSERT_EQ(l.outcomes().size(), 1u);
    EXPECT_EQ(l.outcomes()[0], missing != 0 ? outcome::deferred : outcome::in_doubt);
  }
}

TEST(channel, a_record_that_is_half_written_is_not_followed_by_anything) {  // DATA-14
  link l(tls_mode::implicit);
  l.ready();
  (void)l->engine().send(one_recipient(), message::own("x\r\n"));
  const auto out = l->output(l.now());
  ASSERT_EQ(out.size(), 1u);
  l->sent(l.now(), 5);
  l->engine().abort();
  EXPECT_TRUE(l->output(l.now()).empty());
  l->sent(l.now(), 0);
  EXPECT_TRUE(l->output(l.now()).empty());
}

TEST(channel, views_stay_while_a_write_is_in_flight_and_are_not_offered_after_the_end) {
  link l(tls_mode::implicit);
  l.ready();
  (void)l->engine().send(one_recipient(), message::own("x\r\n"));
  const auto out = l->output(l.now());
  ASSERT_EQ(out.size(), 1u);
  const std::string copy(as_text(out[0]));
  const bytes view = out[0];
  l->receive(l.now(), l.peer().say("nonsense\r\n"));
  EXPECT_TRUE(l->closed());
  EXPECT_TRUE(l->output(l.now()).empty());
  EXPECT_EQ(as_text(view), copy);
  l->sent(l.now(), view.size());
  EXPECT_TRUE(l->output(l.now()).empty());
}

TEST(channel, the_write_of_starttls_may_be_in_flight_when_its_reply_comes) {
  link l(tls_mode::required);
  l.say("220 mx.test\r\n");
  l->receive(l.now(), as_bytes("250-mx.test\r\n250 STARTTLS\r\n"));
  const auto out = l->output(l.now());
  ASSERT_EQ(out.size(), 1u);
  const bytes view = out[0];
  EXPECT_EQ(as_text(view), "STARTTLS\r\n");
  l->receive(l.now(), as_bytes("220 go\r\n"));
  EXPECT_EQ(l->output(l.now()).front().data(), view.data()) << "the same views until sent()";
  l->sent(l.now(), view.size());
  const auto hello = l->output(l.now());
  ASSERT_EQ(hello.size(), 1u);
  EXPECT_EQ(hello[0].front(), script::memory_record::handshake);
}

TEST(channel, content_arrives_whole_whatever_the_sizes_of_writes) {
  std::string content;
  while (content.size() < 200'000) content += ".a line of the content that is forty octets\r\n";
  content += std::string(70'000, 'x') + "\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, std::string::npos}) {
    link l(tls_mode::implicit);
    l.ready();
    (void)l->engine().send(one_recipient(), message::borrow(as_bytes(content)));
    l.pump(step);
    (void)l.said();
    l->receive(l.now(), l.peer().say("250 ok\r\n250 ok\r\n354 go\r\n"));
    const std::size_t before = l.peer().records();
    l.pump(step);
    std::string want;
    bool begin = true;
    for (const char c : content) {
      if (begin && c == '.') want += '.';
      want += c;
      begin = c == '\n';
    }
    EXPECT_EQ(l.said(), want + ".\r\n");
    // As many records as it takes, and a few more where output() is asked in between.
    const std::size_t least = (want.size() + tls_layer::record_size) / tls_layer::record_size;
    if (step > 1) {
      EXPECT_LE(l.peer().records() - before, least + 8);
    }
    l->receive(l.now(), l.peer().say("250 ok\r\n"));
    l.pump();
    ASSERT_EQ(l.outcomes().size(), 1u);
    EXPECT_EQ(l.outcomes()[0], outcome::delivered);
  }
}

TEST(channel, an_idle_channel_gives_large_buffers_back) {
  const std::string content(300'000, 'x');
  link l(tls_mode::implicit);
  l.ready();
  (void)l->engine().send(one_recipient(), message::borrow(as_bytes(content)));
  l.pump();
  l.say("250 ok\r\n250 ok\r\n354 go\r\n");
  l.say("250 ok\r\n");
  (void)l->engine().noop();
  l.pump();
  l.say("250 ok\r\n");
  EXPECT_TRUE(l->engine().idle());
  EXPECT_LT(l->memory() - l->engine().memory(), 8192u);
}

TEST(channel, a_closing_server_gets_quit_and_close_notify) {  // SESS-24
  link l(tls_mode::implicit);
  l.ready();
  l.say("421 going down\r\n");
  EXPECT_TRUE(l->closed());
  EXPECT_EQ(l.said(), "QUIT\r\n");
  EXPECT_TRUE(l.peer().saw_close());
}

// The commands that a 421 made void are sealed already, and QUIT has no place but behind their
// record.
TEST(channel, a_closing_server_gets_nothing_behind_half_a_record) {  // SESS-24
  link l(tls_mode::implicit);
  l.ready();
  (void)l->engine().send(one_recipient(), message::own("x\r\n"));
  const auto out = l->output(l.now());
  ASSERT_EQ(out.size(), 1u);
  l->sent(l.now(), 5);
  l->receive(l.now(), l.peer().say("421 going down\r\n"));
  EXPECT_TRUE(l->closed());
  EXPECT_TRUE(l->output(l.now()).empty());
  l.events();
  ASSERT_EQ(l.outcomes().size(), 1u);
  EXPECT_EQ(l.outcomes()[0], outcome::not_attempted) << "no whole command has left";
}

// QUIT is sealed into the record of the content that a failure takes back: neither may leave.
TEST(channel, a_terminator_that_was_taken_back_does_not_leave_with_a_sealed_quit) {  // TXN-27
  link l(tls_mode::implicit, pipelining_level::messages);
  l.ready();
  (void)l->engine().send(one_recipient(), message::own("x\r\n"));
  l->engine().quit();
  l.pump();
  l->receive(l.now(), l.peer().say("250 ok\r\n250 ok\r\n354 go\r\n"));
  const auto out = l->output(l.now());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(l->engine().said_quit());
  l->sent(l.now(), 5);
  l->receive(l.now(), l.peer().say("552 too big\r\n"));
  EXPECT_TRUE(l->closed());
  EXPECT_TRUE(l->output(l.now()).empty());
  l.events();
  ASSERT_EQ(l.outcomes().size(), 1u);
  EXPECT_EQ(l.outcomes()[0], outcome::rejected);
}

TEST(channel, quit_without_waiting_arrives_with_close_notify) {  // SESS-20, NET-03
  session_config config;
  config.local_name = "client.test";
  config.tls = tls_mode::implicit;
  config.quit_no_wait = true;
  channel c(config, std::make_unique<script::memory_layer>());
  script::memory_peer peer;
  std::string said;
  const time_point now(1h);
  const auto pump = [&] {
    for (auto out = c.output(now); !out.empty(); out = c.output(now)) {
      said += peer.feed(out[0]);
      c.sent(now, out[0].size());
    }
  };
  c.connected(now);
  pump();
  c.receive(now, peer.finish("verified"));
  c.receive(now, peer.say("220 mx\r\n"));
  pump();
  c.receive(now, peer.say("250 mx\r\n"));
  said.clear();
  c.engine().quit();
  pump();
  EXPECT_TRUE(c.closed());
  EXPECT_EQ(said, "QUIT\r\n");
  EXPECT_TRUE(peer.saw_close());
}

TEST(channel, it_can_be_moved) {
  session_config config;
  config.local_name = "client.test";
  channel a(config);
  a.connected(time_point(1h));
  channel b(std::move(a));
  b.receive(time_point(1h), as_bytes("220 mx\r\n"));
  EXPECT_EQ(as_text(b.output(time_point(1h))[0]), "EHLO client.test\r\n");
}

}  // namespace
TEST(channel, can_be_moved) {
  session_config config;
  config.local_name = "client.test";
  channel first(config);
  channel second(config);
  second.engine().abort();
  first = std::move(second);
  EXPECT_TRUE(first.engine().closed());
}

}  // namespace sansmtp

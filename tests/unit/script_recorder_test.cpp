#include "sansmtp/script/recorder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sansmtp/script/script.hpp"

namespace {

using namespace sansmtp;
using namespace std::chrono_literals;

/// A session with its recorder and a server that says what the test wants.
class recorded_session {
 public:
  explicit recorded_session(session_config config = {})
      : s(traced(config)), r(now, traced(config)) {}

  void hear(std::string_view octets) {
    now += 20ms;
    s.receive(now, as_bytes(octets));
    pump();
  }
  void pump() {
    for (bool more = true; more;) {
      more = false;
      std::size_t size = 0;
      for (const bytes view : s.output(now)) size += view.size();
      if (size != 0) {
        s.sent(now, size);
        more = true;
      }
      while (const event* e = s.next_event()) {
        r.take(now, *e);
        more = true;
      }
    }
  }

  /// The transcript, after it was played in every mode.
  std::string text() {
    std::string all = r.text();
    const auto parsed = script::parse(all, "recorded");
    if (const auto* error = std::get_if<script::parse_error>(&parsed)) {
      ADD_FAILURE() << to_string(*error) << all;
      return all;
    }
    const auto& transcript = std::get<script::transcript>(parsed);
    for (const script::mode how : transcript.modes()) {
      const auto result = script::play(transcript, how);
      EXPECT_TRUE(result.ok()) << to_string(*result.wrong) << all;
    }
    EXPECT_EQ(all.find("otherwise"), std::string::npos) << all;
    return all;
  }

  time_point now{1h};
  session s;
  script::recorder r;

 private:
  static session_config traced(session_config config) {
    config.trace = true;
    if (config.local_name.empty()) config.local_name = "client.test";
    return config;
  }
};

bool has_line(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

envelope some_envelope() {
  envelope env;
  env.sender = path("s@a.test");
  env.recipients.emplace_back("r@b.test");
  return env;
}

TEST(script_recorder, masks_the_password_and_can_be_played) {  // SEC-03
  for (const bool told : {true, false}) {
    session_config config;
    config.allow_auth_cleartext = true;
    recorded_session t(config);
    std::vector<std::unique_ptr<sasl_mechanism>> all;
    all.push_back(make_login("joe", "s3cret"));
    t.s.authenticate(std::move(all));
    if (told) t.r.authenticate(t.now, "login:joe:s3cret");
    t.s.connected(t.now);
    t.hear("220 mx.test\r\n");
    t.hear("250-mx.test\r\n250 AUTH LOGIN\r\n");
    t.hear("334 VXNlcm5hbWU6\r\n");
    t.hear("334 UGFzc3dvcmQ6\r\n");
    t.hear("235 2.7.0 in\r\n");
    const std::string text = t.text();
    EXPECT_EQ(text.find("s3cret"), std::string::npos);
    EXPECT_EQ(text.find(base64_encode("s3cret")), std::string::npos);
    EXPECT_TRUE(has_line(text, "* authenticated \"LOGIN\"")) << text;
    EXPECT_TRUE(has_line(text, "C: " + base64_encode("masked"))) << text;
  }
}

// The name of this host is known by EHLO only, which not every session comes to.
TEST(script_recorder, needs_no_name_where_none_was_said) {
  for (const bool has_name : {true, false}) {
    session_config config;
    config.trace = true;
    const time_point now{1h};
    session s(config);
    script::recorder r(now, config);
    endpoint_info here;
    if (has_name) here.local_address = "192.0.2.1";
    s.connected(now, here);
    if (has_name) s.receive(now, as_bytes("421 4.3.2 not now\r\n"));
    for (;;) {
      std::size_t size = 0;
      for (const bytes view : s.output(now)) size += view.size();
      if (size != 0) s.sent(now, size);
      const event* const e = s.next_event();
      if (e == nullptr && size == 0) break;
      if (e != nullptr) r.take(now, *e);
    }
    s.receive_end(now);
    while (const event* const e = s.next_event()) r.take(now, *e);
    const std::string text = r.text();
    EXPECT_EQ(text.find("otherwise"), std::string::npos) << text;
    EXPECT_EQ(has_line(text, "S: 421 4.3.2 not now"), has_name) << text;
    EXPECT_EQ(text.find("* closed no_local_name") != std::string::npos, !has_name) << text;
  }
}

// LHLO tells the name of this host as EHLO does.
TEST(script_recorder, knows_the_name_that_lmtp_said) {
  session_config config;
  config.protocol = mail_protocol::lmtp;
  config.trace = true;
  const time_point now{1h};
  session s(config);
  script::recorder r(now, config);
  s.connected(now, {.host_name = "host.test", .local_address = {}});
  s.receive(now, as_bytes("220 mx.test\r\n"));
  for (const bytes view : s.output(now)) s.sent(now, view.size());
  while (const event* e = s.next_event()) r.take(now, *e);
  EXPECT_TRUE(has_line(r.text(), "> open local=host.test protocol=lmtp")) << r.text();
}

TEST(script_recorder, writes_streamed_content_and_parameters) {
  recorded_session t;
  t.s.connected(t.now);
  t.hear("220 mx.test\r\n");
  t.hear("250-mx.test\r\n250-SIZE\r\n250 DSN\r\n");
  envelope env = some_envelope();
  env.recipients[0].notification = notify::success | notify::delay;
  env.recipients[0].original = "rfc822;r@b.test";
  env.envelope_id = "a b";
  env.recipients.emplace_back("\"a b\"@b.test");
  for (int i = 9; i <= 12; ++i) env.recipients.emplace_back("l" + std::to_string(i) + "@b.test");
  const message content = message::stream(9);
  t.r.send(t.now, env, content);
  t.s.send(env, content);
  t.pump();
  for (int i = 0; i < 7; ++i) t.hear("250 ok\r\n");
  t.hear("354 go\r\n");
  for (const bool last : {false, true}) {
    const std::string_view chunk = last ? ".x\r\n" : "abc\r\n";
    ASSERT_EQ(t.s.lend(as_bytes(chunk), last), errc::none);
    t.r.lend(t.now, as_bytes(chunk), last);
    t.pump();
  }
  t.hear("250 2.0.0 queued\r\n");
  const std::string text = t.text();
  EXPECT_TRUE(has_line(text, "C: MAIL FROM:<s@a.test> SIZE=9 ENVID=a+20b")) << text;
  EXPECT_TRUE(has_line(text, "C: RCPT TO:<r@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;r@b.test"))
      << text;
  EXPECT_TRUE(has_line(text, "C: RCPT TO:<\"a b\"@b.test>")) << text;
  EXPECT_NE(text.find(" \"\\\"a b\\\"@b.test\" *9-12:l#@b.test [envid"), std::string::npos) << text;
  EXPECT_TRUE(has_line(text, "C: ..x")) << text;
  EXPECT_NE(text.find("* mail_done 1 delivered"), std::string::npos) << text;
}

TEST(script_recorder, keeps_times_and_the_end) {  // TIME-06
  session_config config;
  config.timeouts.mail = 30s;
  recorded_session t(config);
  t.s.connected(t.now);
  t.now += 90s;
  t.hear("220 mx.test\r\n");
  t.hear("250 mx.test\r\n");
  t.r.send(t.now, some_envelope(), message::own("x\r\n"));
  t.s.send(some_envelope(), message::own("x\r\n"));
  t.pump();
  t.now += 30s;
  t.s.advance(t.now);
  t.pump();
  const std::string text = t.text();
  EXPECT_TRUE(has_line(text, "@ +90020ms")) << text;
  EXPECT_TRUE(has_line(text, "> open local=client.test timeout.mail=30000ms")) << text;
  EXPECT_TRUE(has_line(text, "* closed timed_out(mail)")) << text;
}

TEST(script_recorder, writes_what_is_told_of_a_client) {  // EXT-14 EXT-15
  session_config config;
  config.xclient = {{"NAME", "a b.test"}, {"ADDR", "192.0.2.1"}};
  config.xforward = {{"HELO", ""}};
  recorded_session t(config);
  t.s.connected(t.now);
  t.hear("220 mx.test\r\n");
  t.hear("250-mx.test\r\n250 XCLIENT NAME ADDR\r\n");
  t.hear("220 mx.test\r\n");
  t.hear("250-mx.test\r\n250 XFORWARD NAME HELO\r\n");
  t.r.send(t.now, some_envelope(), message::own("x\r\n"));
  t.s.send(some_envelope(), message::own("x\r\n"));
  t.pump();
  t.hear("250 ok\r\n");
  const std::string text = t.text();
  EXPECT_NE(text.find(" xclient=\"NAME=a+20b.test ADDR=192.0.2.1\" xforward=\"HELO=\""),
            std::string::npos)
      << text;
  EXPECT_TRUE(has_line(text, "C: XCLIENT NAME=a+20b.test ADDR=192.0.2.1")) << text;
  EXPECT_TRUE(has_line(text, "C: XFORWARD HELO=[UNAVAILABLE]")) << text;
}

TEST(script_recorder, tells_of_tls) {  // TLS-06
  session_config config;
  config.tls = tls_mode::required;
  recorded_session t(config);
  t.s.connected(t.now);
  t.hear("220 mx.test\r\n");
  t.hear("250-mx.test\r\n250 STARTTLS\r\n");
  t.hear("220 go\r\n");
  tls_info info;
  info.verified = true;
  t.s.tls_established(t.now, info);
  t.r.tls_established(t.now, info);
  t.pump();
  t.hear("250 mx.test\r\n");
  const std::string text = t.text();
  EXPECT_TRUE(has_line(text, "! tls up")) << text;
  EXPECT_NE(text.find("tls=required"), std::string::npos) << text;
}

// -- the server's side ----------------------------------------------------------------------------

script::transcript parsed(const std::string& text) {
  return std::get<script::transcript>(script::parse(text, "t"));
}

const std::string pipelined =
    "> open\nS: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\nS: 250 PIPELINING\n"
    "C: MAIL FROM:<s@a.test>\nC: RCPT TO:<r@b.test>\nC: DATA\nS: 250 ok\nS: 550 no\nS: 354 go\n"
    "C: x\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye\n";

TEST(script_scripted_server, answers_a_client_in_lockstep_from_a_pipelined_transcript) {
  const script::transcript t = parsed(pipelined);
  script::scripted_server server(t);
  const auto say = [&](std::string_view line) {
    server.receive(0ms, line);
    return server.output(0ms);
  };
  EXPECT_EQ(server.output(0ms), "220 mx.test\r\n");
  EXPECT_EQ(say("ehlo me\r\n"), "250-mx.test\r\n250 PIPELINING\r\n");
  EXPECT_EQ(say("mail FROM:<s@a.test>\r\n"), "250 ok\r\n");
  EXPECT_EQ(say("RCPT TO:<r@b.test>\r\n"), "550 no\r\n");
  EXPECT_EQ(say("DATA\r\n"), "354 go\r\n");
  EXPECT_EQ(say("x\r\n."), "");
  EXPECT_EQ(say("\r\n"), "250 queued\r\n");
  EXPECT_EQ(say("QUIT\r\n"), "221 bye\r\n");
  server.receive_end(0ms);
  EXPECT_FALSE(server.wrong());
}

TEST(script_scripted_server, lets_a_client_leave_out_what_runs_ahead) {
  const script::transcript t = parsed(
      "% levels off envelope\n> ready PIPELINING\nC: MAIL FROM:<>\nC+: RCPT TO:<r@b.test>\n"
      "C+: DATA\nS: 550 no\nS: 503 x\nS: 503 y\n> quit\nC: QUIT\nS: 221 bye\n");
  for (const bool runs_ahead : {false, true}) {
    script::scripted_server server(t);
    server.receive(0ms, "EHLO me\r\nMAIL FROM:<>\r\n");
    (void)server.output(0ms);
    if (runs_ahead) server.receive(0ms, "RCPT TO:<r@b.test>\r\nDATA\r\n");
    server.receive(0ms, "QUIT\r\n");
    EXPECT_EQ(server.output(0ms), runs_ahead ? "503 x\r\n503 y\r\n221 bye\r\n" : "221 bye\r\n");
    server.receive_end(0ms);
    EXPECT_FALSE(server.wrong());
  }
}

TEST(script_scripted_server, tells_the_first_line_that_differs) {
  const script::transcript t = parsed(pipelined);
  for (const auto how : {script::likeness::same_command, script::likeness::exact}) {
    script::scripted_server server(t, how);
    server.receive(0ms, "EHLO client.test\r\nMAIL FROM:<S@a.test>\r\n");
    ASSERT_TRUE(server.wrong());
    EXPECT_EQ(server.wrong()->line, 6U);
    EXPECT_TRUE(server.closing());
  }
  script::scripted_server exact(t, script::likeness::exact);
  exact.receive(0ms, "EHLO me.test\r\n");
  EXPECT_TRUE(exact.wrong());
  script::scripted_server early(t);
  early.receive_end(0ms);
  ASSERT_TRUE(early.wrong());
  EXPECT_EQ(early.wrong()->line, 3U);
}

// Twice the lines cost twice the time. If they cost four times as much this would take many times
// as long.
TEST(script_scripted_server, takes_a_reply_of_any_length) {
  std::string text = "> open\n";
  std::string reply;
  for (int i = 0; i < 60'000; ++i) {
    text += "S: 220-a\n";
    reply += "220-a\r\n";
  }
  const script::transcript t = parsed(text + "S: 220 b\nC: QUIT\n");
  const std::clock_t begin = std::clock();
  script::scripted_server server(t);
  EXPECT_EQ(server.output(0ms), reply + "220 b\r\n");
  EXPECT_LT(std::clock() - begin, 2 * CLOCKS_PER_SEC);
}

TEST(script_scripted_server, waits_and_leaves) {
  const script::transcript t = parsed("> open\n@ +10s\nS: 220 mx.test\nC: QUIT\n! reset\n");
  script::scripted_server server(t);
  EXPECT_EQ(server.output(1s), "");
  EXPECT_EQ(server.deadline(), 11s);
  EXPECT_EQ(server.output(11s), "220 mx.test\r\n");
  server.receive(12s, "QUIT\r\n");
  EXPECT_TRUE(server.closing());
  EXPECT_TRUE(server.resetting());
  EXPECT_FALSE(server.wrong());
  EXPECT_FALSE(
      script::scripted_server(parsed("> open tls=implicit\n! tls up\n")).obstacle().empty());
}

}  // namespace

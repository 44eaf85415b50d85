// Does in memory what a row says and ends: what instructions.py and engine_growth.py count.
//
// Usage: engine_probe ROW N
//
//   off|envelope|messages   N mails at this level, one recipient each
//   queue                   N mails at level `envelope`, all queued at once
//   withdraw                N mails that are queued and taken back, the last one first
//   ehlo                    a reply to EHLO with N different keywords, five times
//   parameters              a mail with N parameters, though no line holds as many
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "mail_loop.hpp"

namespace {

using namespace sansmtp;

const std::string content = test::message_of(1024);

bool withdraw(std::size_t n) {
  session s{session_config()};
  const envelope env = test::usual_envelope();
  std::vector<mail_id> ids(n);
  for (mail_id& id : ids) id = s.send(env, message::borrow(as_bytes(content)));
  bool all = true;
  for (std::size_t i = n; i != 0; --i) all &= s.withdraw(ids[i - 1]);
  return all;
}

bool ehlo(std::size_t n) {
  std::string text = "mail.example.test";
  for (std::size_t i = 0; i != n; ++i) text += "\nX" + std::to_string(i);
  capabilities offered;
  for (int i = 0; i != 5; ++i) offered.assign(reply(250, text, false));
  return offered.size() == n;
}

bool parameters(std::size_t n) {
  session_config config;
  config.local_name = "client.example.test";
  config.allow_unadvertised = true;
  session s(config);
  const time_point now{std::chrono::hours(1)};
  s.connected(now);
  s.receive(now, as_bytes("220 mail.example.test\r\n"));
  while (!s.output(now).empty()) s.sent(now, 1000);
  s.receive(now, as_bytes("250 mail.example.test\r\n"));
  envelope env = test::usual_envelope();
  for (std::size_t i = 0; i != n; ++i) env.parameters.push_back({"X" + std::to_string(i), {}});
  s.send(env, message::borrow(as_bytes(content)));
  (void)s.output(now);
  for (const event* e = s.next_event(); e != nullptr; e = s.next_event()) {
    if (e->what == event::kind::mail_done) return e->error == errc::line_too_long;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view row = argc > 1 ? argv[1] : "";
  const std::size_t n = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  bool right = false;
  if (row == "withdraw") {
    right = withdraw(n);
  } else if (row == "ehlo") {
    right = ehlo(n);
  } else if (row == "parameters") {
    right = parameters(n);
  } else if (row == "queue") {
    test::mail_loop loop(pipelining_level::envelope, 1, as_bytes(content));
    loop.queue(n);
    right = loop.run(n);
  } else if (row == "off" || row == "envelope" || row == "messages") {
    right = test::mail_loop(test::level_named(row), 1, as_bytes(content)).run(n);
  } else {
    std::fputs("usage: engine_probe ROW N\n", stderr);
  }
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

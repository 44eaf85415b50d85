// Drives a session by hand: a clock that stands, a wire that is a string, events that stay.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/delivery.hpp"
#include "sansmtp/session.hpp"

namespace sansmtp::test {

/// An event that owns what it says.
struct seen_event {
  event::kind what;
  verb answers;
  operation_id id;
  std::uint32_t recipient;
  outcome result;
  hint advice;
  int code;
  std::string text;
  std::error_code error;
  failure_category category;
  std::string command;
  std::string excerpt;
  std::string detail;
  delivery report;  // of mail_done
};

inline seen_event copy_of(const event& e) {
  seen_event copy{e.what,
                  e.answers,
                  e.id,
                  e.recipient,
                  e.result,
                  e.advice,
                  e.answer.code(),
                  std::string(e.answer.text()),
                  e.error,
                  e.category,
                  std::string(e.command),
                  std::string(e.excerpt),
                  std::string(e.detail),
                  {}};
  copy.report.assign(e);
  return copy;
}

inline session_config config_of(pipelining_level level = pipelining_level::envelope) {
  session_config config;
  config.local_name = "client.test";
  config.pipelining = level;
  return config;
}

/// An envelope from s@a.test to r1@b.test, r2@b.test and so on.
inline envelope envelope_to(std::size_t recipients) {
  envelope env;
  env.sender = path("s@a.test");
  for (std::size_t i = 1; i <= recipients; ++i) {
    env.recipients.emplace_back("r" + std::to_string(i) + "@b.test");
  }
  return env;
}

class session_driver {
 public:
  explicit session_driver(session_config config = config_of()) : s(std::move(config)) {}

  /// Takes all that may be written, and says that it was.
  std::string take() {
    std::string octets;
    for (auto views = s.output(now); !views.empty(); views = s.output(now)) {
      std::size_t n = 0;
      for (const bytes view : views) {
        octets += as_text(view);
        n += view.size();
      }
      s.sent(now, n);
    }
    pull();
    return octets;
  }

  /// Lends what may be written without saying what became of it.
  std::string lent() {
    std::string octets;
    for (const bytes view : s.output(now)) octets += as_text(view);
    pull();
    return octets;
  }

  void sent(std::size_t n) {
    s.sent(now, n);
    pull();
  }

  /// The server says lines, given without the last CRLF.
  void say(std::string_view lines) { feed(std::string(lines) + "\r\n"); }

  void feed(std::string_view octets) {
    s.receive(now, as_bytes(octets));
    pull();
  }

  void end() {
    s.receive_end(now);
    pull();
  }

  void pass(std::chrono::milliseconds time) {
    now += time;
    s.advance(now);
    pull();
  }

  void pull() {
    while (const event* e = s.next_event()) events.push_back(copy_of(*e));
  }

  /// What the server says and the client answers: all output is taken after each.
  std::string talk(std::string_view lines) {
    say(lines);
    return take();
  }

  /// From the start to `ready`.
  void open(std::string_view ehlo = "250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE") {
    s.connected(now);
    talk("220 mx.test ESMTP");
    talk(ehlo);
  }

  [[nodiscard]] std::size_t count(event::kind what) const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(), [what](const seen_event& e) { return e.what == what; }));
  }
  /// The last event of a kind, or nullptr.
  [[nodiscard]] const seen_event* last(event::kind what) const {
    for (auto e = events.rbegin(); e != events.rend(); ++e) {
      if (e->what == what) return &*e;
    }
    return nullptr;
  }
  /// The event that completed a mail or command, or nullptr.
  [[nodiscard]] const seen_event* completion(operation_id id) const {
    for (const seen_event& e : events) {
      if (e.id != id) continue;
      if (e.what == event::kind::mail_done || e.what == event::kind::command_done ||
          e.what == event::kind::authenticated) {
        return &e;
      }
    }
    return nullptr;
  }
  [[nodiscard]] std::vector<outcome> outcomes(mail_id id) const {
    std::vector<outcome> all;
    if (const seen_event* done = completion(id)) {
      for (const recipient_report& r : done->report.recipients) all.push_back(r.result);
    }
    return all;
  }

  time_point now{std::chrono::hours(1000)};
  session s;
  std::vector<seen_event> events;
};

/// One line for each event, without the text of replies: for comparing what happened.
inline std::string summary(const seen_event& e) {
  std::string line(to_string(e.what));
  line += ' ';
  line += to_string(e.answers);
  line += ' ';
  line += to_string(e.result);
  line += ' ';
  line += e.error ? e.error.message() : std::string("-");
  line += ' ';
  line += to_string(e.advice);
  for (const recipient_report& r : e.report.recipients) {
    line += " [";
    line += to_string(r.result);
    line += ' ';
    line += to_string(r.stage);
    line += ' ';
    line += to_string(r.why);
    line += ' ';
    line += to_string(r.advice);
    line += ']';
  }
  return line;
}

}  // namespace sansmtp::test

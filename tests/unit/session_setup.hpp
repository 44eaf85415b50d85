// What tests of a session begin with.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/sasl.hpp"
#include "session_driver.hpp"

namespace sansmtp::test {

inline constexpr std::string_view body = "Subject: x\r\n\r\nHello.\r\n";

inline message borrowed_body() { return message::borrow(as_bytes(body)); }

inline std::vector<std::unique_ptr<sasl_mechanism>> plain_login() {
  std::vector<std::unique_ptr<sasl_mechanism>> all;
  all.push_back(make_plain("user", "secret"));
  return all;
}

/// A mechanism that says what it is told to, and how many of its kind there are.
class talkative final : public sasl_mechanism {
 public:
  talkative(int& living, std::string_view name, std::optional<std::string> first,
            std::optional<std::string> answer = std::nullopt)
      : living_(living), name_(name), first_(std::move(first)), answer_(std::move(answer)) {
    ++living_;
  }
  ~talkative() override { --living_; }
  std::string_view name() const noexcept override { return name_; }
  exposure exposes() const noexcept override { return exposure::nothing; }
  errc check() const noexcept override { return errc::none; }
  std::optional<std::string> initial_response() override { return first_; }
  std::optional<std::string> respond(std::string_view) override { return answer_; }
  bool satisfied() const noexcept override { return true; }

 private:
  int& living_;
  std::string_view name_;
  std::optional<std::string> first_;
  std::optional<std::string> answer_;
};

/// Credentials may go over a link without TLS (AUTH-13).
inline session_config cleartext_config(bool trace = false) {
  session_config config = config_of();
  config.allow_auth_cleartext = true;
  config.trace = trace;
  return config;
}

/// A session whose AUTH PLAIN, with its response, is written.
inline session_driver logging_in(bool trace = false) {
  session_driver d(cleartext_config(trace));
  d.s.authenticate(plain_login());
  d.open("250-mx.test\r\n250 AUTH PLAIN");
  return d;
}

/// A session that is ready.
inline session_driver opened(session_config config = config_of()) {
  session_driver d(std::move(config));
  d.open();
  return d;
}

/// A mail to two recipients in lockstep, after so many good replies; an `x` in `refused_at` makes
/// the one at its place a refusal.
inline session_driver lockstep(std::size_t replies, std::string_view refused_at = {}) {
  session_driver d = opened(config_of(pipelining_level::off));
  d.s.send(envelope_to(2), borrowed_body());
  const std::string_view good[] = {"250 sender", "250 r1", "250 r2", "354 go"};
  d.take();
  for (std::size_t i = 0; i < replies; ++i) {
    d.talk(refused_at.size() > i && refused_at[i] == 'x' ? "550 no" : good[i]);
  }
  return d;
}

/// A session whose plain command is written.
inline session_driver commanding(const std::function<void(session&)>& ask) {
  session_driver d = opened();
  ask(d.s);
  d.take();
  return d;
}

/// A session that has said EHLO.
inline session_driver greeted(session_config config = config_of()) {
  session_driver d(std::move(config));
  d.s.connected(d.now);
  d.talk("220 mx.test");
  return d;
}

}  // namespace sansmtp::test

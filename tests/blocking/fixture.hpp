// What the tests of the blocking transport share.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/blocking/client.hpp"

namespace sansmtp::test {

using blocking::client;
using blocking::client_options;
using std::chrono::milliseconds;

inline constexpr std::string_view small_content = "Subject: x\r\n\r\nHi.\r\n";

/// Options with a name for EHLO, so that nothing depends on the machine.
inline client_options named_options() {
  client_options options;
  options.session.local_name = "client.test";
  return options;
}

inline envelope mail_to(std::vector<std::string> recipients) {
  envelope env;
  env.sender = path("s@a.test");
  for (const std::string& r : recipients) env.recipients.emplace_back(std::string_view(r));
  return env;
}

inline message small_message() { return message::borrow(as_bytes(small_content)); }

/// Sends `count` small mails to r0@b.test, r1@b.test and so on; the reports, in order.
inline std::vector<delivery> send_many(client& c, std::size_t count) {
  std::vector<delivery> reports;
  std::size_t next = 0;
  c.send_all(
      [&](envelope& env, message& content) {
        if (next == count) return false;
        env = mail_to({"r" + std::to_string(next++) + "@b.test"});
        content = small_message();
        return true;
      },
      [&](const delivery& report) { reports.push_back(report); });
  return reports;
}

/// The same to a server that is to be connected to.
inline std::vector<delivery> connect_and_send(client& c, const std::string& server,
                                              std::size_t count) {
  EXPECT_FALSE(c.connect(server));
  return send_many(c, count);
}

/// How long something takes.
template <typename Function>
milliseconds time_of(Function function) {
  const auto begin = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

}  // namespace sansmtp::test

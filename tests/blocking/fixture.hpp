// What the tests of the blocking transport share.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/blocking/client.hpp"

namespace sansmtp::test {

inline constexpr std::string_view small_content = "Subject: x\r\n\r\nHi.\r\n";

/// Options with a name for EHLO, so that nothing depends on the machine.
inline blocking::client_options named_options() {
  blocking::client_options options;
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

/// How long something takes.
template <typename Function>
std::chrono::milliseconds time_of(Function function) {
  const auto begin = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               begin);
}

}  // namespace sansmtp::test

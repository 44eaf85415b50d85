// Sends mails through the engine in memory and ends: what instructions.py counts.
//
// Usage: instructions_probe off|envelope|messages MAILS
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "mail_loop.hpp"

int main(int argc, char** argv) {
  using sansmtp::pipelining_level;
  if (argc != 3) {
    std::fputs("usage: instructions_probe off|envelope|messages MAILS\n", stderr);
    return EXIT_FAILURE;
  }
  const pipelining_level level = std::strcmp(argv[1], "off") == 0 ? pipelining_level::off
                                 : std::strcmp(argv[1], "envelope") == 0
                                     ? pipelining_level::envelope
                                     : pipelining_level::messages;
  const std::string content = sansmtp::test::message_of(1024);
  sansmtp::test::mail_loop loop(level, 1, sansmtp::as_bytes(content));
  const unsigned long mails = std::strtoul(argv[2], nullptr, 10);
  return loop.run(mails) ? EXIT_SUCCESS : EXIT_FAILURE;
}

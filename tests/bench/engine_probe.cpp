// Sends mails through the engine in memory and ends: what instructions.py counts.
//
// Usage: engine_probe off|envelope|messages MAILS
#include <cstdio>
#include <cstdlib>
#include <string>

#include "mail_loop.hpp"

int main(int argc, char** argv) {
  using namespace sansmtp;
  if (argc != 3) {
    std::fputs("usage: engine_probe off|envelope|messages MAILS\n", stderr);
    return EXIT_FAILURE;
  }
  const std::string content = test::message_of(1024);
  test::mail_loop loop(test::level_named(argv[1]), 1, as_bytes(content));
  const unsigned long mails = std::strtoul(argv[2], nullptr, 10);
  return loop.run(mails) ? EXIT_SUCCESS : EXIT_FAILURE;
}

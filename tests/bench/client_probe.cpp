// Sends mails through the blocking client to a server and ends: what instructions.py counts.
//
// Usage: client_probe off|envelope|messages MAILS SERVER
#include <cstdio>
#include <cstdlib>
#include <string>

#include "mail_loop.hpp"
#include "sansmtp/blocking/client.hpp"

int main(int argc, char** argv) {
  using namespace sansmtp;
  if (argc != 4) {
    std::fputs("usage: client_probe off|envelope|messages MAILS SERVER\n", stderr);
    return EXIT_FAILURE;
  }
  blocking::client_options options;
  options.mails_per_connection = 0;  // a mail is counted, not a connection
  options.session = test::usual_session(test::level_named(argv[1]));
  blocking::client client(options);
  if (client.connect(argv[3]) || client.open()) {
    std::fprintf(stderr, "%s\n", client.last_error().error.message().c_str());
    return EXIT_FAILURE;
  }

  const std::string content = test::message_of(1024);
  const unsigned long mails = std::strtoul(argv[2], nullptr, 10);
  unsigned long begun = 0;
  unsigned long delivered = 0;
  client.send_all(
      [&](envelope& env, message& m) {
        if (begun == mails) return false;
        if (begun++ == 0) env = test::usual_envelope();
        m = message::borrow(as_bytes(content));
        return true;
      },
      [&](const delivery& report) {
        if (report.delivered_to_all()) ++delivered;
      });
  client.quit();
  return delivered == mails ? EXIT_SUCCESS : EXIT_FAILURE;
}

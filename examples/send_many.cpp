// The second way: a client that sends many mails in one session, with one round trip for each.
//
//   send_many SERVER FROM TO COUNT
#include <sansmtp/blocking/client.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: send_many SERVER FROM TO COUNT\n", stderr);
    return 64;
  }
  sansmtp::blocking::client_options options;
  options.session.pipelining = sansmtp::pipelining_level::messages;
  sansmtp::blocking::client client(options);
  if (client.connect(argv[1]) || client.open()) {
    std::fprintf(stderr, "send_many: %s\n", to_string(client.last_error()).c_str());
    return 1;
  }

  constexpr std::string_view content = "Subject: Hello again\r\n\r\nAnd again.\r\n";
  long left = std::strtol(argv[4], nullptr, 10);
  long delivered = 0;
  client.send_all(
      [&](sansmtp::envelope& envelope, sansmtp::message& message) {
        if (left-- <= 0 || !client.can_send()) return false;
        envelope.sender = sansmtp::path(argv[2]);
        envelope.recipients.assign(1, sansmtp::recipient(argv[3]));
        message = sansmtp::message::borrow(sansmtp::as_bytes(content));
        return true;
      },
      [&](const sansmtp::delivery& report) { delivered += report.delivered_to_all() ? 1 : 0; });

  static_cast<void>(client.quit());
  std::printf("%ld of %s delivered\n", delivered, argv[4]);
  if (client.last_error()) {
    std::fprintf(stderr, "send_many: %s\n", to_string(client.last_error()).c_str());
    return 1;
  }
  return 0;
}

// The first way: one call that sends one mail.
//
//   send_one SERVER FROM TO...
#include <sansmtp/blocking/send_mail.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: send_one SERVER FROM TO...\n", stderr);
    return 64;
  }
  sansmtp::envelope envelope;
  envelope.sender = sansmtp::path(argv[2]);
  for (int i = 3; i != argc; ++i) envelope.recipients.emplace_back(argv[i]);

  const auto content = sansmtp::message::own("Subject: Hello\r\n\r\nIt works.\r\n");
  const sansmtp::delivery report = sansmtp::blocking::send_mail(argv[1], envelope, content);

  for (const auto& recipient : report.recipients) {
    const std::string why = recipient.code != 0 ? sansmtp::display_text(recipient.text)
                                                : report.error.message();  // no reply, no link
    std::printf("%s: %s %d %s\n", recipient.address.c_str(), to_string(recipient.result).data(),
                recipient.code, why.c_str());
  }
  if (report.recipients.empty()) {
    std::fprintf(stderr, "send_one: %s\n", report.error.message().c_str());
  }
  return report.delivered_to_all() ? 0 : 1;
}

// The third way: session level. Connect, open, see what the server offers, then send.
//
//   open_session SERVER FROM TO
#include <sansmtp/blocking/client.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: open_session SERVER FROM TO\n", stderr);
    return 64;
  }
  sansmtp::blocking::client client;
  const auto complain = [&client] {
    std::fprintf(stderr, "open_session: %s\n", to_string(client.last_error()).c_str());
    return 1;
  };
  if (client.connect(argv[1])) return complain();
  if (client.open()) return complain();

  const sansmtp::capabilities& peer = client.peer();
  for (std::size_t i = 0; i != peer.size(); ++i) {
    std::printf("offers %.*s\n", static_cast<int>(peer[i].keyword.size()), peer[i].keyword.data());
  }
  const bool eight_bit = peer.has(sansmtp::extension::eight_bit_mime);

  sansmtp::envelope envelope;
  envelope.sender = sansmtp::path(argv[2]);
  envelope.recipients.emplace_back(argv[3]);
  const sansmtp::delivery report =
      client.send(envelope, sansmtp::message::own(eight_bit ? "Subject: Hi\r\n\r\nGrüße!\r\n"
                                                            : "Subject: Hi\r\n\r\nGruesse!\r\n"));
  if (!report.delivered_to_all()) return complain();
  std::puts("delivered");
  return client.quit() ? complain() : 0;
}

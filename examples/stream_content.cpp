// The fourth way: transaction level. Each recipient's result first, then the content as a stream.
//
//   stream_content SERVER FROM TO... < MESSAGE
#include <sansmtp/blocking/client.hpp>

#include <array>
#include <cstdio>
#include <utility>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: stream_content SERVER FROM TO... < MESSAGE\n", stderr);
    return 64;
  }
  sansmtp::blocking::client client;
  const auto complain = [&client] {
    std::fprintf(stderr, "stream_content: %s\n", to_string(client.last_error()).c_str());
    return 1;
  };
  if (client.connect(argv[1]) || client.open()) return complain();

  std::vector<sansmtp::recipient> recipients;
  for (int i = 3; i != argc; ++i) recipients.emplace_back(argv[i]);
  sansmtp::blocking::writer writer =
      client.transaction(sansmtp::path(argv[2]), std::move(recipients));
  for (const auto& recipient : writer.recipients()) {
    const bool refused = recipient.result != sansmtp::outcome::pending;
    std::printf("%s: %s\n", recipient.address.c_str(), refused ? "refused" : "accepted");
  }
  if (!writer.wants_content()) return complain();

  std::array<char, 4096> piece;
  std::size_t size = 0;
  while ((size = std::fread(piece.data(), 1, piece.size(), stdin)) != 0) {
    if (writer.write(sansmtp::bytes(piece.data(), size))) break;  // refused in the middle, or lost
  }
  // Half a message is no message: the server must not take it for a whole one.
  const sansmtp::delivery report = std::ferror(stdin) != 0 ? writer.abort() : writer.finish();
  if (report.count(sansmtp::outcome::delivered) == 0) return complain();
  std::printf("delivered to %zu\n", report.count(sansmtp::outcome::delivered));
  return client.quit() ? complain() : 0;
}

// No transport of ours at all: a channel on an event loop of one's own, here one made of poll.
//
//   event_loop HOST PORT FROM TO
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <sansmtp/sansmtp.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

// [loop]
void run(sansmtp::channel& channel, int socket, auto on_event) {
  std::array<char, 4096> input;
  bool unheard = false;  // since something was written; between two writes one listens
  for (;;) {
    while (const sansmtp::event* event = channel.next_event()) on_event(*event);
    if (channel.finished()) return;
    pollfd entry{socket, channel.wants_read() ? short{POLLIN} : short{0}, 0};
    bool more = false;  // perhaps to be told, or to be written
    if (const auto out = channel.output(clock::now()); !out.empty()) {
      std::array<iovec, 64> slices;
      msghdr all{};
      all.msg_iov = slices.data();
      for (const sansmtp::bytes b : out.first(std::min(out.size(), slices.size()))) {
        slices[all.msg_iovlen++] = {const_cast<char*>(b.data()), b.size()};
      }
      const ssize_t n = sendmsg(socket, &all, MSG_DONTWAIT | MSG_NOSIGNAL);
      const int error = n < 0 ? errno : 0;
      const bool failed = n < 0 && error != EAGAIN;
      if (failed) channel.write_failed(clock::now(), {error, std::system_category()});
      if (!failed) channel.sent(clock::now(), n < 0 ? 0 : static_cast<std::size_t>(n));
      more = error != EAGAIN;
      if (more && !std::exchange(unheard, true)) continue;
      if (!more) entry.events |= POLLOUT;
    }
    const sansmtp::event* const told = channel.next_event();  // of a mail that output() refused
    if (told != nullptr) on_event(*told);
    if (told != nullptr || channel.finished()) continue;
    const auto deadline = channel.deadline().value_or(clock::now() + std::chrono::hours(1));
    const auto left = std::max(0ms, std::chrono::ceil<milliseconds>(deadline - clock::now()));
    if (!more) poll(&entry, 1, static_cast<int>(left.count()));
    unheard = false;
    const ssize_t n = recv(socket, input.data(), input.size(), MSG_DONTWAIT);
    if (n > 0) channel.receive(clock::now(), {input.data(), static_cast<std::size_t>(n)});
    if (n == 0) channel.read_end(clock::now());
    if (n < 0 && errno != EAGAIN) channel.read_end(clock::now(), {errno, std::system_category()});
    channel.advance(clock::now());
  }
}
// [loop]

int connect_to(const char* host, const char* port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(host, port, &hints, &list) != 0) return -1;
  int connected = -1;
  for (const addrinfo* a = list; a != nullptr && connected < 0; a = a->ai_next) {
    connected = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (connected >= 0 && connect(connected, a->ai_addr, a->ai_addrlen) != 0) {
      close(connected);
      connected = -1;
    }
  }
  freeaddrinfo(list);
  return connected;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: event_loop HOST PORT FROM TO\n", stderr);
    return 64;
  }
  const int socket = connect_to(argv[1], argv[2]);
  if (socket < 0) {
    std::fputs("event_loop: no connection\n", stderr);
    return 1;
  }

  sansmtp::session_config config;
  config.local_name = "client.example";
  sansmtp::channel channel(config);
  channel.connected(clock::now());

  sansmtp::envelope envelope;
  envelope.sender = sansmtp::path(argv[3]);
  envelope.recipients.emplace_back(argv[4]);
  channel.engine().send(envelope, sansmtp::message::own("Subject: Hello\r\n\r\nIt works.\r\n"));

  bool delivered = false;
  run(channel, socket, [&](const sansmtp::event& event) {
    if (event.what != sansmtp::event::kind::mail_done) return;
    delivered = event.result == sansmtp::outcome::delivered;
    std::puts(delivered ? "delivered" : event.error.message().c_str());
    channel.engine().quit();
  });
  close(socket);
  return delivered ? 0 : 1;
}

// TLS of your own: the session asks for the handshake, you make it, and from then on its octets go
// through your records. Who has a record layer without I/O leaves this to `channel`; who has a
// stream that does its own I/O drives the session directly, like here. Link and TLS are those of
// the script library, in memory, so that the program shows nothing but the seam.
//
//   own_tls
#include <sansmtp/sansmtp.hpp>
#include <sansmtp/script/memory_layer.hpp>
#include <sansmtp/script/memory_peer.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

using sansmtp::event;
using progress = sansmtp::tls_layer::progress;
using reading = sansmtp::tls_layer::reading;

sansmtp::time_point now() { return std::chrono::steady_clock::now(); }

// Your TLS stream: handshake, write and read, here with the server at its other end.
class tls_stream {
 public:
  // Returns whether it succeeded; then `info()` says what is known of the server.
  bool shake_hands() {
    progress p = layer_.handshake();
    while (p == progress::wants_octets) {
      to_server();
      layer_.feed(server_.finish("verified"));
      p = layer_.handshake();
    }
    return p == progress::established;
  }
  // Writes to the server, and returns what it got there.
  std::string write(std::string_view plain) {
    static_cast<void>(layer_.write(sansmtp::as_bytes(plain)));
    return std::string(to_server());
  }
  // Reads what the server says.
  std::string read(std::string_view said) {
    layer_.feed(server_.say(said));
    std::string plain;
    std::array<char, 4096> buffer;
    std::size_t size = 0;
    while (layer_.read(buffer, size) == reading::octets) plain.append(buffer.data(), size);
    return plain;
  }
  [[nodiscard]] const sansmtp::tls_info& info() const { return layer_.info(); }
  [[nodiscard]] std::error_code error() const { return layer_.error(); }

 private:
  std::string_view to_server() {
    std::vector<char> wire;
    layer_.drain(wire);
    return server_.feed(wire);
  }

  sansmtp::script::memory_layer layer_;
  sansmtp::script::memory_peer server_;
};

// The server: what it says to what it hears, a line or the end of the content.
class server {
 public:
  std::string answer(std::string_view heard, bool tls) {
    if (content_) {
      content_ = !heard.ends_with(".\r\n");
      return content_ ? "" : "250 accepted\r\n";
    }
    content_ = heard == "DATA\r\n";
    if (content_) return "354 go on\r\n";
    if (heard == "STARTTLS\r\n") return "220 go ahead\r\n";
    if (heard.starts_with("EHLO") && !tls) return "250-mx.example\r\n250 STARTTLS\r\n";
    return heard == "QUIT\r\n" ? "221 bye\r\n" : "250 ok\r\n";
  }

 private:
  bool content_ = false;
};

}  // namespace

int main() {
  sansmtp::session_config config;
  config.local_name = "me.example";
  config.tls = sansmtp::tls_mode::required;
  sansmtp::session session(config);
  tls_stream tls;
  server peer;

  sansmtp::envelope envelope;
  envelope.sender = sansmtp::path("me@here.example");
  envelope.recipients.emplace_back("you@there.example");
  session.send(envelope, sansmtp::message::own("Subject: Hi\r\n\r\nHello!\r\n"));
  session.quit();

  std::string result;
  session.connected(now());
  session.receive(now(), sansmtp::as_bytes("220 mx.example\r\n"));
  while (!session.closed()) {
    // What the session wants to say: in clear text, or through TLS once that is there.
    for (auto out = session.output(now()); !out.empty(); out = session.output(now())) {
      const std::string text(sansmtp::as_text(out[0]));
      const bool encrypted = session.tls_active();
      std::printf("%s %s", encrypted ? "TLS  " : "clear", text.c_str());
      const std::string said = peer.answer(encrypted ? tls.write(text) : text, encrypted);
      session.sent(now(), text.size());
      const std::string heard = encrypted ? tls.read(said) : said;
      session.receive(now(), sansmtp::as_bytes(heard));
    }
    // What it tells. One event asks for the handshake, and then waits for its result.
    while (const event* e = session.next_event()) {
      if (e->what == event::kind::mail_done) result = to_string(e->result);
      if (e->what != event::kind::upgrade_to_tls) continue;
      if (tls.shake_hands()) {
        session.tls_established(now(), tls.info());
      } else {
        session.tls_failed(now(), tls.error());
      }
    }
  }
  std::printf("%s\n", result.c_str());
  return result == "delivered" ? 0 : 1;
}

// What TLS costs through a channel, beside wolfSSL alone on the same machine in the same run. The
// server's share is in both, so the ratio of the client's own share is worse than what is shown only
// if it is better here.
#include "memory_server.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/channel.hpp"
#include "sansmtp/wolfssl/tls_context.hpp"

namespace {

using namespace sansmtp;
using test::memory_server;
using test::memory_server_context;
using test::must;
using test::pki;

constexpr tls_target target{"mail.test", 25};
/// One suite for all, so that what is compared is compared.
constexpr const char* suite = "TLS13-AES128-GCM-SHA256";
constexpr std::size_t content_size = std::size_t{1} << 20;

wolfssl::tls_options options_of(bool resume) {
  wolfssl::tls_options options;
  options.ca_file = pki("ca.pem");
  options.server_name = "mail.test";
  options.resumable_sessions = resume ? 16 : 0;
  return options;
}

// -- handshakes -----------------------------------------------------------------------------------

/// One handshake, and the first octets of the server, with which TLS 1.3 brings its tickets.
void shake(const wolfssl::tls_context& client, const memory_server_context& server) {
  const std::unique_ptr<tls_layer> layer = client.make_layer(target);
  memory_server peer(server);
  std::vector<char> out;
  tls_layer::progress p = layer->handshake();
  for (;;) {
    layer->drain(out);
    if (out.empty()) break;
    peer.feed(out);
    out.clear();
    const std::string back = peer.drain();
    layer->feed(as_bytes(back));
    if (p == tls_layer::progress::wants_octets) p = layer->handshake();
    char buffer[256];
    std::size_t n = 0;
    while (p == tls_layer::progress::established &&
           layer->read(buffer, n) == tls_layer::reading::octets) {
    }
  }
  if (p != tls_layer::progress::established) std::abort();
}

void bench_handshake(benchmark::State& state, bool resume) {
  const memory_server_context server;
  const wolfssl::tls_context client(options_of(resume));
  shake(client, server);
  for (auto _ : state) shake(client, server);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(bench_handshake, full, false)->Name("handshake/full");
BENCHMARK_CAPTURE(bench_handshake, resumed, true)->Name("handshake/resumed");

// -- content --------------------------------------------------------------------------------------

/// wolfSSL alone over memory: as many octets as a mail has, in records as large as there can be.
void bench_wolfssl_alone(benchmark::State& state) {
  struct memory {
    std::string in, out;
    static int receive(WOLFSSL*, char* into, int size, void* to) {
      std::string& in = static_cast<memory*>(to)->in;
      if (in.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
      const std::size_t n = std::min(in.size(), static_cast<std::size_t>(size));
      std::memcpy(into, in.data(), n);
      in.erase(0, n);
      return static_cast<int>(n);
    }
    static int send(WOLFSSL*, char* octets, int size, void* to) {
      static_cast<memory*>(to)->out.append(octets, static_cast<std::size_t>(size));
      return size;
    }
  };
  const memory_server_context server_context({.ciphers = suite});
  memory_server server(server_context);
  WOLFSSL_CTX* const ctx = wolfSSL_CTX_new(wolfTLS_client_method());
  must(wolfSSL_CTX_load_verify_locations(ctx, pki("ca.pem").c_str(), nullptr));
  must(wolfSSL_CTX_set_cipher_list(ctx, suite));
  WOLFSSL* const ssl = wolfSSL_new(ctx);
  memory wire;
  wolfSSL_SSLSetIORecv(ssl, memory::receive);
  wolfSSL_SSLSetIOSend(ssl, memory::send);
  wolfSSL_SetIOReadCtx(ssl, &wire);
  wolfSSL_SetIOWriteCtx(ssl, &wire);
  while (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS) {
    server.feed(as_bytes(wire.out));
    wire.out.clear();
    wire.in += server.drain();
  }
  const std::string content(content_size, 'x');
  for (auto _ : state) {
    for (std::size_t at = 0; at < content.size(); at += tls_layer::record_size) {
      wolfSSL_write(ssl, content.data() + at, tls_layer::record_size);
      // As little is kept as a channel keeps.
      if (wire.out.size() >= 4 * tls_layer::record_size) wire.out.clear();
    }
    wire.out.clear();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(content_size));
  wolfSSL_free(ssl);
  wolfSSL_CTX_free(ctx);
}
BENCHMARK(bench_wolfssl_alone)->Name("content/wolfssl");

/// The same content as mails of a session through a channel: scanned, stuffed, encrypted.
void bench_channel(benchmark::State& state) {
  const memory_server_context server_context({.ciphers = suite});
  const wolfssl::tls_context context(options_of(false));
  memory_server server(server_context);
  session_config config;
  config.local_name = "client.test";
  config.tls = tls_mode::implicit;
  config.progress = false;
  channel c(config, context.make_layer(target));
  const time_point now(std::chrono::hours(1));
  // The server only looks at what is not content.
  const auto pump = [&](bool heard) {
    for (auto out = c.output(now); !out.empty(); out = c.output(now)) {
      std::size_t size = 0;
      for (const bytes slice : out) {
        if (heard) server.feed(slice);
        size += slice.size();
      }
      c.sent(now, size);
    }
    while (c.next_event() != nullptr) {
    }
  };
  const auto say = [&](std::string_view text, bool heard = true) {
    server.say(text);
    c.receive(now, as_bytes(server.drain()));
    pump(heard);
  };
  c.connected(now);
  pump(true);
  while (!server.done()) {
    c.receive(now, as_bytes(server.drain()));
    pump(true);
  }
  say("220 x\r\n");
  say("250-x\r\n250 PIPELINING\r\n");
  const std::string line = std::string(998, 'x') + "\r\n";
  std::string content;
  while (content.size() + line.size() <= content_size) content += line;
  envelope env;
  env.sender = path("a@b.test");
  env.recipients.emplace_back("c@d.test");
  for (auto _ : state) {
    (void)c.engine().send(env, message::borrow(as_bytes(content)));
    pump(false);  // the server's decryption would only blur what is compared
    say("250 ok\r\n250 ok\r\n354 go\r\n", false);
    say("250 ok\r\n", false);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(content.size()));
}
BENCHMARK(bench_channel)->Name("content/channel");

}  // namespace

BENCHMARK_MAIN();

// What TLS costs through a layer and a channel, for each library that is built, beside OpenSSL
// alone on the same machine in the same run. The server, by OpenSSL, is the same in all of them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer_under_test.hpp"
#include "memory_server.hpp"
#include "sansmtp/channel.hpp"

namespace {

using namespace sansmtp;
using test::memory_server;
using test::memory_server_context;
using test::must;
using test::pki;
using test::tls_library;

constexpr tls_target target{"mail.test", 25};
/// One suite for all, so that what is compared is compared.
constexpr const char* suite = "TLS_AES_128_GCM_SHA256";

tls_options options_of(bool resume) {
  tls_options options;
  options.ca_file = pki("ca.pem");
  options.server_name = "mail.test";
  options.resumable_sessions = resume ? 16 : 0;
  return options;
}

/// A client by OpenSSL alone, that proves as much as a layer does.
class plain_client {
 public:
  plain_client() : ctx_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    must(SSL_CTX_load_verify_file(ctx_.get(), pki("ca.pem").c_str()) == 1);
    SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_PEER, nullptr);
    must(SSL_CTX_set_ciphersuites(ctx_.get(), suite) == 1);
  }
  [[nodiscard]] SSL_CTX* get() const noexcept { return ctx_.get(); }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> ctx_;
};

class plain_link {
 public:
  plain_link(const plain_client& client, SSL_SESSION* session)
      : ssl_(SSL_new(client.get()), SSL_free) {
    SSL_set_bio(get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(get());
    must(SSL_set1_host(get(), "mail.test") == 1);
    SSL_ctrl(get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>("mail.test"));
    if (session != nullptr) must(SSL_set_session(get(), session) == 1);
  }
  [[nodiscard]] SSL* get() const noexcept { return ssl_.get(); }

  void shake(memory_server& peer) {
    for (bool done = false;;) {
      done = done || SSL_do_handshake(get()) == 1;
      char buffer[16 * 1024];
      if (done) SSL_read(get(), buffer, sizeof buffer);  // tickets
      const int out = BIO_read(SSL_get_wbio(get()), buffer, sizeof buffer);
      if (out <= 0) break;
      peer.feed({buffer, static_cast<std::size_t>(out)});
      const std::string back = peer.drain();
      BIO_write(SSL_get_rbio(get()), back.data(), static_cast<int>(back.size()));
    }
    must(SSL_is_init_finished(get()) == 1 && SSL_get_verify_result(get()) == X509_V_OK);
  }

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

// -- handshakes -----------------------------------------------------------------------------------

/// One handshake, and the first octets of the server, with which TLS 1.3 brings its tickets.
void shake(const sansmtp::tls_context& client, const memory_server_context& server) {
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
  must(p == tls_layer::progress::established);
}

void bench_handshake(benchmark::State& state, const tls_library& library, bool resume) {
  const memory_server_context server({.ciphers = suite});
  const sansmtp::tls_context client = library.make_context(options_of(resume));
  shake(client, server);
  for (auto _ : state) shake(client, server);
  state.SetItemsProcessed(state.iterations());
}

void bench_plain_handshake(benchmark::State& state, bool resume) {
  const memory_server_context server({.ciphers = suite});
  const plain_client client;
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(nullptr, SSL_SESSION_free);
  const auto once = [&] {
    memory_server peer(server);
    plain_link link(client, session.get());
    link.shake(peer);
    must(!session || SSL_session_reused(link.get()) == 1);
    if (resume) session.reset(SSL_get1_session(link.get()));
    SSL_set_shutdown(link.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  };
  once();
  for (auto _ : state) once();
  state.SetItemsProcessed(state.iterations());
}

// -- mails ----------------------------------------------------------------------------------------

/// OpenSSL alone over memory: as many octets as a mail has, in records as large as there can be.
void bench_plain_content(benchmark::State& state, std::size_t size) {
  const memory_server_context server_context({.ciphers = suite});
  memory_server server(server_context);
  const plain_client client;
  plain_link link(client, nullptr);
  link.shake(server);
  const std::string content(size, 'x');
  for (auto _ : state) {
    for (std::size_t at = 0; at < content.size(); at += tls_layer::record_size) {
      const std::size_t part = std::min(tls_layer::record_size, content.size() - at);
      must(SSL_write(link.get(), content.data() + at, static_cast<int>(part)) > 0);
      // As little is kept as a channel keeps.
      BIO* const wire = SSL_get_wbio(link.get());
      if (BIO_ctrl_pending(wire) >= 4 * tls_layer::record_size) static_cast<void>(BIO_reset(wire));
    }
    static_cast<void>(BIO_reset(SSL_get_wbio(link.get())));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
  state.SetItemsProcessed(state.iterations());
}

/// As much as mails of a session through a channel: scanned, stuffed, encrypted; and their replies.
void bench_channel(benchmark::State& state, const tls_library& library, std::size_t size) {
  const memory_server_context server_context({.ciphers = suite});
  const sansmtp::tls_context context = library.make_context(options_of(false));
  memory_server server(server_context);
  session_config config;
  config.local_name = "client.test";
  config.tls = tls_mode::implicit;
  config.progress = false;
  config.pipelining = pipelining_level::messages;
  channel c(config, context.make_layer(target));
  const time_point now(std::chrono::hours(1));
  // The server only looks at what is not content.
  const auto pump = [&](bool heard) {
    for (auto out = c.output(now); !out.empty(); out = c.output(now)) {
      std::size_t taken = 0;
      for (const bytes slice : out) {
        if (heard) server.feed(slice);
        taken += slice.size();
      }
      c.sent(now, taken);
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
  const std::string line = std::string(std::min<std::size_t>(size, 1000) - 2, 'x') + "\r\n";
  std::string content;
  while (content.size() + line.size() <= size) content += line;
  envelope env;
  env.sender = path("a@b.test");
  env.recipients.emplace_back("c@d.test");
  for (auto _ : state) {
    (void)c.engine().send(env, message::borrow(as_bytes(content)));
    pump(false);  // the server's decryption would only blur what is compared
    say("250 ok\r\n250 ok\r\n354 go\r\n", false);
    say("250 ok\r\n", false);
  }
  must(!c.closed());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(content.size()));
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t large = std::size_t{10} << 20;
  constexpr std::size_t small = 1024;
  benchmark::RegisterBenchmark("handshake/full/openssl_alone", bench_plain_handshake, false);
  benchmark::RegisterBenchmark("handshake/resumed/openssl_alone", bench_plain_handshake, true);
  benchmark::RegisterBenchmark("content_10_MiB/openssl_alone", bench_plain_content, large);
  benchmark::RegisterBenchmark("content_1_KiB/openssl_alone", bench_plain_content, small);
  for (const tls_library& l : test::libraries()) {
    const std::string name(l.name);
    benchmark::RegisterBenchmark(("handshake/full/" + name).c_str(), bench_handshake, l, false);
    benchmark::RegisterBenchmark(("handshake/resumed/" + name).c_str(), bench_handshake, l, true);
    benchmark::RegisterBenchmark(("content_10_MiB/" + name).c_str(), bench_channel, l, large);
    benchmark::RegisterBenchmark(("content_1_KiB/" + name).c_str(), bench_channel, l, small);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}

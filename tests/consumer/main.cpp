// A program outside of this project: it opens a session without a network and looks at what the
// engine would say, asks for the way to a domain and whether it may sign, and then the blocking
// transport for a server that is not there. Each TLS library that is there begins a handshake, both
// in one program.
#ifdef CONSUMER_WITH_ASIO
#include <sansmtp/asio/async_client.hpp>
#include <sansmtp/asio/async_pool.hpp>

#include <asio/io_context.hpp>
#endif
#ifdef CONSUMER_WITH_CURL
#include <sansmtp/curl/policy_fetcher.hpp>
#endif
#ifdef CONSUMER_WITH_OPENSSL
#include <sansmtp/openssl/tls_context.hpp>
#endif
#ifdef CONSUMER_WITH_UNBOUND
#include <sansmtp/unbound/resolver.hpp>
#endif
#ifdef CONSUMER_WITH_WOLFSSL
#include <sansmtp/wolfssl/tls_context.hpp>
#endif
#include <sansmtp/blocking/client.hpp>
#include <sansmtp/blocking/deliver.hpp>
#include <sansmtp/dkim/key_record.hpp>
#include <sansmtp/routing/route.hpp>
#include <sansmtp/sansmtp.hpp>
#include <sansmtp/tls/tls_context.hpp>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

namespace {

[[maybe_unused]] bool begins_handshake(const sansmtp::tls_context& context) {
  const auto layer = context.make_layer({"mx.example", 25});
  return layer->handshake() == sansmtp::tls_layer::progress::wants_octets && layer->pending() != 0;
}

}  // namespace

int main() {
  sansmtp::session_config config;
  config.local_name = "client.example";
  sansmtp::session session(std::move(config));
  const sansmtp::time_point now{};

  session.connected(now);
  session.receive(now, sansmtp::as_bytes("220 mx.example ESMTP\r\n"));
  std::string said;
  for (const sansmtp::bytes piece : session.output(now)) said += sansmtp::as_text(piece);
  if (said != "EHLO client.example\r\n") {
    std::printf("the engine said: %s\n", said.c_str());
    return 1;
  }

  sansmtp::routing::sts_cache policies;
  const sansmtp::routing::host_memory hosts;
  sansmtp::routing::route route("example.test", {}, policies, hosts);
  const auto question = route.next_question(now);
  if (!question || question->name != "example.test") {
    std::printf("the route asks for no host\n");
    return 1;
  }

  if (sansmtp::dkim::check_names("example.test", "s1") != sansmtp::dkim::refusal::none) {
    std::printf("DKIM refuses a domain\n");
    return 1;
  }

  sansmtp::blocking::client client;
  const std::error_code error = client.connect("unix:/there/is/no/such/socket");
  if (error != std::errc::no_such_file_or_directory) {
    std::printf("the transport said: %s\n", error.message().c_str());
    return 1;
  }

  // A mail that nobody takes: the host is no host.
  sansmtp::envelope mail;
  mail.recipients.emplace_back("you@[0.0.0.0]");
  const auto delivered =
      sansmtp::blocking::deliver(mail, sansmtp::message::own("Subject: x\r\n\r\n"), {});
  if (delivered.report.recipients.front().result != sansmtp::outcome::rejected) {
    std::printf("mail to nobody is not refused\n");
    return 1;
  }
#ifdef CONSUMER_WITH_UNBOUND
  sansmtp::unbound::resolver_options servers;
  servers.forwarders = {"no address"};
  if (sansmtp::unbound::resolver(servers).error() != sansmtp::unbound::resolver_errc::bad_server) {
    std::printf("libunbound takes a server that is none\n");
    return 1;
  }
#endif
#ifdef CONSUMER_WITH_CURL
  sansmtp::curl::policy_fetcher fetcher;
  static_cast<void>(fetcher.get({1, "no host"}));
  const auto fetched = fetcher.next_result();
  if (!fetched || fetched->error != std::errc::invalid_argument) {
    std::printf("libcurl takes a host that is none\n");
    return 1;
  }
#endif

#ifdef CONSUMER_WITH_ASIO
  // The Asio transport, where it was built.
  asio::io_context loop;
  sansmtp::async_client<asio::local::stream_protocol::socket> local(loop);
  std::error_code why;
  local.async_connect("/there/is/no/such/socket", 0, [&why](std::error_code e) { why = e; });
  loop.run();
  if (why.value() != ENOENT) {
    std::printf("the Asio transport said: %s\n", why.message().c_str());
    return 1;
  }
#endif
#ifdef CONSUMER_WITH_OPENSSL
  if (!begins_handshake(sansmtp::openssl::tls_context())) {
    std::printf("OpenSSL begins no handshake\n");
    return 1;
  }
#endif
#ifdef CONSUMER_WITH_WOLFSSL
  if (!begins_handshake(sansmtp::wolfssl::tls_context())) {
    std::printf("wolfSSL begins no handshake\n");
    return 1;
  }
#endif
  return 0;
}

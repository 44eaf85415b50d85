// Delivers a mail to the hosts of its recipient's domain, as the DNS, DANE and MTA-STS say.
//
//   deliver SENDER RECIPIENT [TRUST-ANCHOR] < message
#include <sansmtp/blocking/deliver.hpp>
#include <sansmtp/curl/policy_fetcher.hpp>
#include <sansmtp/openssl/tls_context.hpp>
#include <sansmtp/unbound/resolver.hpp>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <system_error>

namespace {

int give_up(const std::error_code& why) {
  std::fprintf(stderr, "deliver: %s\n", why.message().c_str());
  return 78;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: deliver SENDER RECIPIENT [TRUST-ANCHOR] < message\n", stderr);
    return 64;
  }
  // One of each serves all mails: they remember what was asked, and hosts that are down.
  sansmtp::unbound::resolver_options dns;
  if (argc > 3) dns.trust_anchor_files = {argv[3]};
  sansmtp::unbound::resolver resolver(dns);
  if (resolver.error()) return give_up(resolver.error());
  if (const std::error_code why = resolver.check()) {  // what cannot be proven is deferred
    std::fprintf(stderr, "deliver: %s\n", why.message().c_str());
  }
  sansmtp::curl::policy_fetcher fetcher;
  sansmtp::routing::sts_cache policies;  // `save` keeps it from run to run
  sansmtp::routing::host_memory hosts;
  const sansmtp::openssl::tls_context tls;
  if (tls.error()) return give_up(tls.error());

  sansmtp::blocking::deliver_options options;
  options.client.tls = tls.factory();
  options.resolver = &resolver;
  options.fetcher = &fetcher;
  options.policies = &policies;
  options.hosts = &hosts;

  sansmtp::envelope envelope;
  envelope.sender = sansmtp::path(argv[1]);
  envelope.recipients.emplace_back(argv[2]);
  const std::string content(std::istreambuf_iterator<char>(std::cin), {});
  const auto done = sansmtp::blocking::deliver(
      envelope, sansmtp::message::borrow(sansmtp::as_bytes(content)), options);
  for (const auto& way : done.ways) {
    for (const auto& hop : way.hops) {
      std::printf("%s: %s %d\n", hop.way.host.c_str(), std::string(to_string(hop.way.why)).c_str(),
                  hop.code);
    }
  }
  for (const auto& recipient : done.report.recipients) {
    std::printf("%s: %s %d %s\n", recipient.address.c_str(),
                std::string(to_string(recipient.result)).c_str(), recipient.code,
                recipient.text.c_str());
  }
  return done.report.error ? 1 : 0;
}

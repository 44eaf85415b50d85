// Hands a mail in at a provider: STARTTLS, a server that proves who it is, and a login.
//
//   SUBMIT_PASSWORD=... submit SERVER[:PORT] USER SENDER RECIPIENT [CA-FILE] < message
#include <sansmtp/blocking/client.hpp>
#include <sansmtp/credentials.hpp>
#include <sansmtp/wolfssl/hash_suite.hpp>
#include <sansmtp/wolfssl/tls_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  const char* password = std::getenv("SUBMIT_PASSWORD");
  if (argc < 5 || password == nullptr) {
    std::fputs("usage: SUBMIT_PASSWORD=... submit SERVER USER SENDER RECIPIENT [CA-FILE]\n",
               stderr);
    return 64;
  }
  const auto server = sansmtp::blocking::server_address::parse(argv[1], 587);
  if (!server) return 64;

  // One context serves all connections: it holds the authorities and the sessions to be resumed.
  sansmtp::wolfssl::tls_options tls;
  tls.verify_host = true;  // the certificate must be for the host that is connected to
  if (argc > 5) tls.ca_file = argv[5];
  const sansmtp::wolfssl::tls_context context(tls);
  if (context.error()) {
    std::fprintf(stderr, "submit: %s\n", context.error().message().c_str());
    return 1;
  }

  sansmtp::blocking::client_options options;
  options.session.tls = sansmtp::tls_mode::required;
  options.tls = context.factory();
  sansmtp::wolfssl::hash_suite suite;  // SCRAM and CRAM-MD5 need it; it outlives the client
  sansmtp::blocking::client client(options);

  sansmtp::credentials who;
  who.name = argv[2];
  who.secret = password;
  sansmtp::mechanism_options mechanisms;  // best first: SCRAM, then PLAIN and LOGIN
  mechanisms.suite = &suite;
  if (client.connect(*server) || client.authenticate(make_mechanisms(who, mechanisms)) ||
      client.open()) {
    std::fprintf(stderr, "submit: %s\n", to_string(client.last_error()).c_str());
    return 1;
  }
  std::printf("%s, server %s\n", client.tls()->protocol.c_str(),
              client.tls()->verified ? "verified" : "not verified");

  sansmtp::envelope envelope;
  envelope.sender = sansmtp::path(argv[3]);
  envelope.recipients.emplace_back(argv[4]);
  const std::string content(std::istreambuf_iterator<char>(std::cin), {});
  const auto report = client.send(envelope, sansmtp::message::borrow(sansmtp::as_bytes(content)));
  for (const auto& recipient : report.recipients) {
    std::printf("%s: %s %d %s\n", recipient.address.c_str(),
                std::string(to_string(recipient.result)).c_str(), recipient.code,
                recipient.text.c_str());
  }
  static_cast<void>(client.quit());
  return report.error ? 1 : 0;
}

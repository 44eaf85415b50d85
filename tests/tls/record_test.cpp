// A peer that is proven by what records or pinned keys say of its certificate (RTE-28, RTE-32,
// TLS-13).
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memory_link.hpp"
#include "records.hpp"
#include "sansmtp/base64.hpp"
#include "sansmtp/tls/pinned_key.hpp"

namespace sansmtp::test {
namespace {

using progress = tls_layer::progress;

std::string file(const std::string& name) {
  std::ifstream in(pki(name), std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The pin of a certificate's key, as OpenSSL's command has made it.
std::string pin_of(const std::string& certificate) {
  std::string text = file(certificate + ".pin");
  while (text.ends_with('\n')) text.pop_back();
  return "sha256/" + text;
}

/// A certificate's DER octets, from its PEM.
std::string der_of(const std::string& certificate) {
  const std::string pem = file(certificate + ".pem");
  std::string text;
  const std::size_t begin = pem.find('\n') + 1;
  for (const char c : pem.substr(begin, pem.find("-----END") - begin)) {
    if (c != '\n') text += c;
  }
  return base64_decode(text).value();
}

std::string digest(const char* with, const std::string& octets) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_Digest(octets.data(), octets.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
             EVP_get_digestbyname(with), nullptr);
  return out.substr(0, size);
}

std::string key_of(const std::string& certificate) {
  const std::string der = der_of(certificate);
  return std::string(as_text(tls::key_info(as_bytes(der))));
}

peer_demand one_of(std::vector<tlsa_record> records) {
  peer_demand demand{demand_level::records};
  demand.records = std::move(records);
  return demand;
}

/// Nothing is trusted, and nobody says what the server is called.
std::error_code verdict_on(const std::string& certificate, const peer_demand& demand,
                           bool tls_1_3 = true) {
  server_options shown;
  shown.certificate = certificate;
  shown.tls_1_3 = tls_1_3;
  const memory_server_context server(shown);
  const tls_context client{tls_options{}};
  link l(client, server, {"", 25, &demand});
  if (l.layer->error()) return l.layer->error();
  const bool good = l.shake() == progress::established;
  EXPECT_EQ(good, !l.layer->error());
  EXPECT_EQ(l.layer->info().verified, good);
  EXPECT_EQ(l.layer->write(as_bytes("EHLO x\r\n")), good);
  return l.layer->error();
}

TEST(tls_pins, are_what_openssl_makes_of_the_key) {
  for (const std::string name : {"server", "rsa", "self_signed", "ed25519"}) {
    const std::optional<tlsa_record> pin = tls::pinned_key(pin_of(name));
    ASSERT_TRUE(pin) << name;
    EXPECT_EQ(*pin, (tlsa_record{3, 1, 1, digest("SHA256", key_of(name))})) << name;
    server_options shown;
    shown.certificate = name;
    const memory_server_context server(shown);
    for (const tls_options& options : {tls_options{}, trusting()}) {
      const tls_context client(options);
      link l(client, server);
      l.shake();
      EXPECT_EQ(l.layer->info().peer_key, pin_of(name)) << "shown, so that somebody may pin it";
    }
  }
  for (const char* none : {"", "sha256/", "sha1/qqqqqqqqqqqqqqqqqqqqqqqqqqo=", "sha256/qqqq",
                           "SHA256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                           "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                           "sha256/47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="}) {
    EXPECT_FALSE(tls::pinned_key(none)) << none;
  }
}

// Date, names and authorities do not count; the key does, and nothing else.
TEST(tls_pins, prove_who_has_no_authority) {
  for (const bool tls_1_3 : {false, true}) {
    for (const std::string name : {"server", "rsa", "expired", "self_signed", "ed25519"}) {
      SCOPED_TRACE(name);
      const tlsa_record right = tls::pinned_key(pin_of(name)).value();
      const tlsa_record other =
          tls::pinned_key(pin_of(name == "server" ? "rsa" : "server")).value();
      EXPECT_EQ(verdict_on(name, one_of({right}), tls_1_3), std::error_code());
      EXPECT_EQ(verdict_on(name, one_of({other, right}), tls_1_3), std::error_code());
      EXPECT_EQ(verdict_on(name, one_of({other}), tls_1_3), tls_errc::no_matching_record);
      // A good authority and the right name are no key.
      peer_demand named = one_of({other});
      named.names = {"mail.test"};
      EXPECT_EQ(verdict_on(name, named, tls_1_3), tls_errc::no_matching_record);
    }
  }
}

TEST(tls_records, of_the_servers_own_certificate_in_each_spelling) {
  const std::string der = der_of("expired");
  const std::string key = key_of("expired");
  const std::vector<tlsa_record> right{
      {3, 0, 0, der}, {3, 0, 1, digest("SHA256", der)}, {3, 0, 2, digest("SHA512", der)},
      {3, 1, 0, key}, {3, 1, 1, digest("SHA256", key)}, {3, 1, 2, digest("SHA512", key)}};
  for (const tlsa_record& r : right) {
    EXPECT_EQ(verdict_on("expired", one_of({r})), std::error_code());
    EXPECT_EQ(verdict_on("server", one_of({r})), tls_errc::no_matching_record);
    tlsa_record changed = r;
    changed.data.back() = static_cast<char>(changed.data.back() ^ 1);
    EXPECT_EQ(verdict_on("expired", one_of({changed})), tls_errc::no_matching_record);
    changed = r;
    changed.selector = static_cast<std::uint8_t>(1 - r.selector);
    EXPECT_EQ(verdict_on("expired", one_of({changed})), tls_errc::no_matching_record);
  }
}

// What cannot be judged is refused before one octet leaves (TLS-13). Damaged records are, whatever else there
// is; those of another usage only where there is none to judge by.
TEST(tls_records, that_cannot_be_judged_refuse_the_link) {
  const tlsa_record good = tls::pinned_key(pin_of("server")).value();
  const std::string digest(32, 'x');
  const std::vector<std::pair<tlsa_record, std::error_code>> bad{
      {{3, 1, 1, digest.substr(1)}, tls_errc::bad_record},
      {{3, 1, 2, digest}, tls_errc::bad_record},
      {{3, 1, 0, ""}, tls_errc::bad_record},
      {{3, 2, 1, digest}, tls_errc::bad_record},
      {{3, 1, 3, digest}, tls_errc::bad_record},
      {{2, 1, 1, digest}, std::make_error_code(std::errc::not_supported)},
      {{1, 1, 1, digest}, std::make_error_code(std::errc::not_supported)},
      {{0, 1, 1, digest}, std::make_error_code(std::errc::not_supported)}};
  for (const bool report_only : {false, true}) {
    tls_options options = trusting();
    options.report_only = report_only;
    const tls_context client(options);
    const auto refused = [&client](const peer_demand& demand) {
      const auto layer = client.make_layer({"mail.test", 25, &demand});
      EXPECT_EQ(layer->handshake(), progress::failed);
      EXPECT_EQ(layer->pending(), 0u);
      return layer->error();
    };
    for (const auto& [record, why] : bad) {
      EXPECT_EQ(refused(one_of({record})), why);
      if (why == tls_errc::bad_record) {
        EXPECT_EQ(refused(one_of({good, record})), why);
      }
    }
    EXPECT_EQ(refused(one_of({})), tls_errc::bad_record);
  }
}

TEST(tls_records, of_other_usages_are_passed_over_beside_one_to_judge_by) {
  const std::string right = digest("SHA256", der_of("server"));
  const tlsa_record good{3, 0, 1, right};
  const tlsa_record wrong{3, 0, 1, std::string(32, 'x')};
  for (std::uint8_t usage = 0; usage != 3; ++usage) {
    const tlsa_record other{usage, 0, 1, right};  // true of the certificate, if it were of usage 3
    EXPECT_EQ(verdict_on("server", one_of({other, good})), std::error_code());
    EXPECT_EQ(verdict_on("server", one_of({other, wrong})), tls_errc::no_matching_record);
  }
}

TEST(tls_records, are_part_of_what_a_session_is_resumed_under) {  // TLS-16, RTE-28
  const memory_server_context server;
  const tls_context client(trusting());
  const tlsa_record pin = tls::pinned_key(pin_of("server")).value();
  const tlsa_record same_in_full{3, 0, 0, der_of("server")};
  const std::vector<peer_demand> demands{{demand_level::encrypted},
                                         {demand_level::names, {"mail.test"}},
                                         one_of({pin}),
                                         one_of({same_in_full}),
                                         one_of({pin, same_in_full}),
                                         one_of({pin, tls::pinned_key(pin_of("rsa")).value()}),
                                         one_of({pin, tls::pinned_key(pin_of("expired")).value()})};
  const auto resumed = [&](const peer_demand& d) {
    link l(client, server, {"mail.test", 25, &d});
    EXPECT_EQ(l.shake(), progress::established) << l.layer->error().message();
    l.peer.say("220 x\r\n");
    l.hear(l.peer.drain());
    EXPECT_EQ(l.layer->info().verified, d.level != demand_level::encrypted);
    EXPECT_EQ(l.layer->info().peer_key, pin_of("server"));
    return l.layer->info().resumed;
  };
  for (const peer_demand& d : demands) EXPECT_FALSE(resumed(d));
  for (const peer_demand& d : demands) EXPECT_TRUE(resumed(d));
}

TEST(tls_records, find_no_key_in_what_is_no_certificate) {
  const std::string der = der_of("server");
  EXPECT_FALSE(tls::key_info(as_bytes(der)).empty());
  for (std::size_t size = 0; size != der.size(); ++size) {
    EXPECT_TRUE(tls::key_info(as_bytes(der).first(size)).empty()) << size;
  }
  for (const std::string_view none :
       {std::string_view("\x30\x84\xff\xff\xff\xff\x30", 7),
        std::string_view("\x30\x80\x30\x80", 4), std::string_view("\x30\x89\x01\x01\x01\x01", 6)}) {
    EXPECT_TRUE(tls::key_info(as_bytes(none)).empty());
  }
}

}  // namespace
}  // namespace sansmtp::test

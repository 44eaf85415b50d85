#include <algorithm>
#include <iterator>

#include "client_tls.hpp"
#include "sansmtp/wolfssl/tls_errc.hpp"

namespace sansmtp::cli {
namespace {

using wolfssl::tls_errc;

/// What may be meant by an alert of the server (RFC 8446 section 6): most say less than is known.
std::string_view alert_advice(int number) noexcept {
  struct row {
    int number;
    std::string_view advice;
  };
  constexpr std::string_view versions = "sansmtp speaks TLS 1.2 and 1.3 only, see also --tls-min";
  constexpr std::string_view ours =
      "it does not take the client certificate of --cert, or wants one: --cert and --key";
  constexpr row rows[]{
      // The one alert for all that a server may miss in what it is offered.
      {40,
       "it has no cipher suite with forward secrecy (ECDHE), or it wants a client certificate: "
       "--cert and --key"},
      {42, ours},
      {43, ours},
      {44, ours},
      {45, ours},
      {46, ours},
      {48, ours},
      {49, "it does not let this client in"},
      {70, versions},
      {71, "it wants stronger cipher suites than sansmtp offers"},
      {80, "try again later"},
      {86, versions},
      {112, "it does not know the name that it was asked for, see --server-name"},
      {116, "it wants a client certificate: --cert and --key"}};
  const auto* const found = std::find_if(std::begin(rows), std::end(rows),
                                         [number](const row& r) { return r.number == number; });
  return found == std::end(rows) ? std::string_view{} : found->advice;
}

}  // namespace

std::string_view tls_advice(const std::error_code& error) noexcept {
  constexpr int first_alert = static_cast<int>(tls_errc::alert_base);
  if (error.value() >= first_alert) return alert_advice(error.value() - first_alert);
  // Only the failures that somebody can do something about are told apart.
  switch (static_cast<tls_errc>(error.value() < 0 ? 0 : error.value())) {
    case tls_errc::self_signed:
      return "if you know it to be the right one, trust it with --ca FILE";
    case tls_errc::untrusted_certificate:
      return "if you know its authority, name it with --ca FILE";
    case tls_errc::expired_certificate:
    case tls_errc::expired_authority: return "its owner has to renew it";
    case tls_errc::not_yet_valid_certificate:
    case tls_errc::not_yet_valid_authority: return "is the clock of this host right?";
    case tls_errc::name_mismatch:
      return "if one of its names is the one you mean, give it with --server-name";
    case tls_errc::no_common_ground:
      return "sansmtp speaks TLS 1.2 and 1.3 only, see also --tls-min";
    case tls_errc::no_server_name: return "name it with --server-name";
    case tls_errc::weak_signature:
    case tls_errc::weak_key:
    case tls_errc::wrong_key_usage: return "its owner has to replace it";
    case tls_errc::unsupported_key: return "its owner may use an ECDSA, Ed25519 or plain RSA key";
    case tls_errc::none:
    case tls_errc::no_certificate:
    case tls_errc::weak_certificate:
    case tls_errc::bad_server_name:
    case tls_errc::bad_trust:
    case tls_errc::bad_credentials:
    case tls_errc::unavailable:
    case tls_errc::alert_base: break;
  }
  return {};
}

}  // namespace sansmtp::cli

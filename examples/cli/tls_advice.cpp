#include "tls_advice.hpp"

#include "advice_table.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp::cli {
namespace {

/// What may be meant by an alert of the server (RFC 8446 section 6): most say less than is known.
std::string_view alert_advice(int number) noexcept {
  constexpr std::string_view versions = "sansmtp speaks TLS 1.2 and 1.3 only, see also --tls-min";
  constexpr std::string_view ours =
      "it does not take the client certificate of --cert, or wants one: --cert and --key";
  constexpr advice_row<int> rows[]{
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
  return advice_of(rows, number);
}

}  // namespace

std::string_view tls_advice(const std::error_code& error) noexcept {
  if (error.category() != tls_category()) return {};  // only the library knows what it means
  constexpr int first_alert = static_cast<int>(tls_errc::alert_base);
  if (error.value() >= first_alert) return alert_advice(error.value() - first_alert);
  // Only the failures that somebody can do something about are told apart.
  switch (static_cast<tls_errc>(error.value())) {
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
    case tls_errc::no_matching_record:
      return "if its key has changed and you know the new one to be right, give that with --pin; "
             "'sansmtp probe' shows it";
    case tls_errc::none:
    case tls_errc::bad_record:
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

std::string_view handshake_advice(errc e) noexcept {
  static constexpr advice_row<errc> rows[]{
      {errc::tls_not_offered, "try --tls implicit on another port, such as 465"},
      {errc::tls_refused, "try again later"},
      {errc::plaintext_peer,
       "with --tls implicit try --tls required or another port; else its TLS does not work"},
      {errc::handshake_lost,
       "try again later; if that is so each time, its TLS does not work, or something on the way "
       "cuts it"},
      {errc::handshake_timed_out,
       "is it a port for TLS, and does a firewall let it pass? --timeout handshake=5m gives more "
       "time"},
      {errc::tls_flood, "its TLS does not work, or it means no good"}};
  return advice_of(rows, e);
}

}  // namespace sansmtp::cli

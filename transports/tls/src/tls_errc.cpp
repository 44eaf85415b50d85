#include "sansmtp/tls/tls_errc.hpp"

#include <string>

namespace sansmtp {

namespace {

struct alert_name {
  int number;
  const char* name;
};
constexpr alert_name alerts[] = {
    {10, "unexpected_message"},    {20, "bad_record_mac"},       {22, "record_overflow"},
    {40, "handshake_failure"},     {42, "bad_certificate"},      {43, "unsupported_certificate"},
    {44, "certificate_revoked"},   {45, "certificate_expired"},  {46, "certificate_unknown"},
    {47, "illegal_parameter"},     {48, "unknown_ca"},           {49, "access_denied"},
    {50, "decode_error"},          {51, "decrypt_error"},        {70, "protocol_version"},
    {71, "insufficient_security"}, {80, "internal_error"},       {86, "inappropriate_fallback"},
    {90, "user_canceled"},         {109, "missing_extension"},   {110, "unsupported_extension"},
    {112, "unrecognized_name"},    {116, "certificate_required"}};

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sansmtp.tls"; }

  std::string message(int value) const override {
    constexpr int first_alert = static_cast<int>(tls_errc::alert_base);
    if (value >= first_alert) {
      std::string what = "number " + std::to_string(value - first_alert);
      for (const alert_name& a : alerts) {
        if (a.number == value - first_alert) what = a.name;
      }
      return "The peer ended TLS with the alert " + what + ".";
    }
    switch (static_cast<tls_errc>(value)) {
      case tls_errc::none: return "No error.";
      case tls_errc::untrusted_certificate:
        return "No trusted authority vouches for the server's certificate.";
      case tls_errc::self_signed: return "The server's certificate is self-signed.";
      case tls_errc::expired_certificate: return "The server's certificate has expired.";
      case tls_errc::not_yet_valid_certificate: return "The server's certificate is not valid yet.";
      case tls_errc::name_mismatch:
        return "The server's certificate was not issued for the server name.";
      case tls_errc::no_certificate: return "The server showed no certificate.";
      case tls_errc::weak_certificate: return "The server's certificate is damaged.";
      case tls_errc::no_common_ground:
        return "No TLS version or cipher suite in common with the server.";
      case tls_errc::bad_server_name:
        return "The server name is neither a DNS name nor an address.";
      case tls_errc::bad_trust: return "The file of trusted authorities cannot be read.";
      case tls_errc::bad_credentials:
        return "The client certificate or its key cannot be read, or they do not fit.";
      case tls_errc::unavailable: return "TLS could not be set up.";
      case tls_errc::no_server_name:
        return "The server is to be verified, but no name or address of it was given.";
      case tls_errc::weak_signature:
        return "A certificate of the server is signed with SHA-1, MD5 or DSA, which can be forged.";
      case tls_errc::weak_key:
        return "A certificate of the server has a key of fewer than 2048 bits, which is too weak.";
      case tls_errc::wrong_key_usage:
        return "A certificate of the server was not issued for what it is used for.";
      case tls_errc::expired_authority:
        return "The certificate of an authority between the server and the trusted ones has "
               "expired.";
      case tls_errc::not_yet_valid_authority:
        return "The certificate of an authority between the server and the trusted ones is not "
               "valid "
               "yet.";
      case tls_errc::unsupported_key:
        return "The server's certificate has a kind of key that cannot be verified here, such as "
               "RSASSA-PSS.";
      case tls_errc::no_matching_record:
        return "The server's certificate has another key than those that are pinned or that its "
               "records name.";
      case tls_errc::bad_record:
        return "The server is to be verified by records or pinned keys, but there is none, or one "
               "is damaged.";
      case tls_errc::alert_base: break;
    }
    return "Unknown TLS error.";
  }
};

}  // namespace

const std::error_category& tls_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(tls_errc e) noexcept {
  return {static_cast<int>(e), tls_category()};
}

}  // namespace sansmtp

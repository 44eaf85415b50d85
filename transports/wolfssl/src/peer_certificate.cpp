#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/openssl/x509.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "peer_certificate.hpp"

#include <array>
#include <chrono>
#include <string_view>

namespace sansmtp::wolfssl {

namespace {

std::string octets_of(WOLFSSL_ASN1_STRING* text) {
  const unsigned char* const data = wolfSSL_ASN1_STRING_data(text);
  const int size = wolfSSL_ASN1_STRING_length(text);
  if (data == nullptr || size <= 0) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

/// "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ" (RFC 5280 section 4.1.2.5) in seconds since 1970, or 0.
std::int64_t seconds_of(std::string_view text) {
  const bool long_year = text.size() == 15;
  if ((!long_year && text.size() != 13) || text.back() != 'Z') return 0;
  text.remove_suffix(1);
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return 0;
  const auto pair = [&text] {
    const int value = (text[0] - '0') * 10 + (text[1] - '0');
    text.remove_prefix(2);
    return value;
  };
  int year = pair();
  if (long_year) {
    year = year * 100 + pair();
  } else {
    year += year < 50 ? 2000 : 1900;
  }
  const auto month = static_cast<unsigned>(pair());
  const auto day = static_cast<unsigned>(pair());
  const int hour = pair();
  const int minute = pair();
  const int second = pair();
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return 0;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

/// The hash that the certificate was signed with; MD5 and SHA-1 count as SHA-256, and so does a
/// signature without a hash of its own (RFC 5929 section 4.1).
wc_HashType hash_for(int signature) noexcept {
  switch (signature) {
    case CTC_SHA384wRSA:
    case CTC_SHA384wECDSA:
    case NID_sha384WithRSAEncryption:
    case NID_ecdsa_with_SHA384: return WC_HASH_TYPE_SHA384;
    case CTC_SHA512wRSA:
    case CTC_SHA512wECDSA:
    case NID_sha512WithRSAEncryption:
    case NID_ecdsa_with_SHA512: return WC_HASH_TYPE_SHA512;
    default: return WC_HASH_TYPE_SHA256;
  }
}

}  // namespace

certificate_names names_of(WOLFSSL_X509* certificate) {
  certificate_names names;
  auto* const all = static_cast<WOLFSSL_STACK*>(
      wolfSSL_X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  if (all == nullptr) return names;
  for (int i = 0; i < wolfSSL_sk_GENERAL_NAME_num(all); ++i) {
    const WOLFSSL_GENERAL_NAME* const name = wolfSSL_sk_GENERAL_NAME_value(all, i);
    if (name == nullptr) continue;
    if (name->type == ASN_DNS_TYPE) names.dns.push_back(octets_of(name->d.dNSName));
    if (name->type == ASN_IP_TYPE) names.addresses.push_back(octets_of(name->d.iPAddress));
  }
  wolfSSL_sk_GENERAL_NAME_pop_free(all, wolfSSL_GENERAL_NAME_free);
  return names;
}

std::int64_t expiry_of(WOLFSSL_X509* certificate) {
  // Not by the functions that wolfSSL and C have for it: they look at the time zone of the process.
  const WOLFSSL_ASN1_TIME* const not_after = wolfSSL_X509_get_notAfter(certificate);
  if (not_after == nullptr || not_after->length <= 0) return 0;
  return seconds_of({reinterpret_cast<const char*>(not_after->data),
                     static_cast<std::size_t>(not_after->length)});
}

std::string hash_of(WOLFSSL_X509* certificate) {
  int size = 0;
  const unsigned char* const der = wolfSSL_X509_get_der(certificate, &size);
  if (der == nullptr || size <= 0) return {};
  const wc_HashType kind = hash_for(wolfSSL_X509_get_signature_nid(certificate));
  std::array<unsigned char, WC_MAX_DIGEST_SIZE> hash{};
  const int length = wc_HashGetDigestSize(kind);
  if (length <= 0 || wc_Hash(kind, der, static_cast<word32>(size), hash.data(),
                             static_cast<word32>(length)) != 0) {
    return {};
  }
  return {reinterpret_cast<const char*>(hash.data()), static_cast<std::size_t>(length)};
}

bool is_self_signed(WOLFSSL_X509* certificate) {
  return wolfSSL_X509_NAME_cmp(wolfSSL_X509_get_issuer_name(certificate),
                               wolfSSL_X509_get_subject_name(certificate)) == 0;
}

}  // namespace sansmtp::wolfssl

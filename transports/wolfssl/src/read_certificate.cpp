#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "read_certificate.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace sansmtp::wolfssl {

namespace {

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
wc_HashType hash_for(word32 signature) noexcept {
  switch (signature) {
    case CTC_SHA384wRSA:
    case CTC_SHA384wECDSA: return WC_HASH_TYPE_SHA384;
    case CTC_SHA512wRSA:
    case CTC_SHA512wECDSA: return WC_HASH_TYPE_SHA512;
    default: return WC_HASH_TYPE_SHA256;
  }
}

/// A time as it stands in a certificate: its tag, its length and its text.
std::int64_t time_of(const byte* octets, int size) noexcept {
  if (octets == nullptr || size < 2 || octets[1] != size - 2) return 0;
  return seconds_of(
      {reinterpret_cast<const char*>(octets) + 2, static_cast<std::size_t>(size - 2)});
}

bool is_rsa_signature(word32 signature) noexcept {
  switch (signature) {
    case CTC_MD2wRSA:
    case CTC_MD5wRSA:
    case CTC_SHAwRSA:
    case CTC_SHA224wRSA:
    case CTC_SHA256wRSA:
    case CTC_SHA384wRSA:
    case CTC_SHA512wRSA:
    case CTC_SHA3_224wRSA:
    case CTC_SHA3_256wRSA:
    case CTC_SHA3_384wRSA:
    case CTC_SHA3_512wRSA:
    case CTC_RSASSAPSS: return true;
    default: return false;
  }
}

/// The hash of RSASSA-PSS stands in its parameters, in front and under the tag [0]; without it the
/// hash is SHA-1 (RFC 4055 section 3.1).
bool is_pss_over_sha1(std::string_view parameters) noexcept {
  constexpr std::string_view sha1("\x06\x05\x2b\x0e\x03\x02\x1a", 7);
  constexpr std::size_t near_the_front = 16;
  const std::size_t tag = parameters.find('\xa0');
  return tag == std::string_view::npos || tag > 4 ||
         parameters.substr(tag, near_the_front).find(sha1) != std::string_view::npos;
}

/// Octets of the modulus of an RSA key, or 0.
std::size_t rsa_octets(const byte* key, word32 size) noexcept {
  RsaKey rsa;
  if (wc_InitRsaKey(&rsa, nullptr) != 0) return 0;
  word32 at = 0;
  const bool good = wc_RsaPublicKeyDecode(key, &at, &rsa, size) == 0;
  const int octets = good ? wc_RsaEncryptSize(&rsa) : 0;
  wc_FreeRsaKey(&rsa);
  return octets > 0 ? static_cast<std::size_t>(octets) : 0;
}

/// A certificate that wolfSSL has parsed.
class parsed {
 public:
  explicit parsed(bytes der) : certificate_(std::make_unique<DecodedCert>()) {
    wc_InitDecodedCert(certificate_.get(), reinterpret_cast<const byte*>(der.data()),
                       static_cast<word32>(der.size()), nullptr);
    error = wc_ParseCert(certificate_.get(), CERT_TYPE, NO_VERIFY, nullptr);
  }
  parsed(const parsed&) = delete;
  parsed& operator=(const parsed&) = delete;
  ~parsed() { wc_FreeDecodedCert(certificate_.get()); }

  const DecodedCert* operator->() const noexcept { return certificate_.get(); }

  int error = 0;  // in wolfSSL's numbers

 private:
  std::unique_ptr<DecodedCert> certificate_;
};

tls::certificate_names names_of(const parsed& c) {
  tls::certificate_names names;
  for (const DNS_entry* name = c->altNames; name != nullptr; name = name->next) {
    const std::string octets(name->name, static_cast<std::size_t>(std::max(name->len, 0)));
    if (name->type == ASN_DNS_TYPE) names.dns.push_back(octets);
    if (name->type == ASN_IP_TYPE) names.addresses.push_back(octets);
  }
  return names;
}

std::string octets_of(const byte* hash) {
  return {reinterpret_cast<const char*>(hash), KEYID_SIZE};
}

bool has_weak_signature(const parsed& c) noexcept {
  switch (c->signatureOID) {
    case CTC_MD2wRSA:
    case CTC_MD5wRSA:
    case CTC_SHAwRSA:
    case CTC_SHAwDSA:
    case CTC_SHAwECDSA: return true;
    case CTC_RSASSAPSS:
      return is_pss_over_sha1(
          {reinterpret_cast<const char*>(c->source) + c->sigParamsIndex, c->sigParamsLength});
    default: return false;
  }
}

bool has_weak_key(const parsed& c) noexcept {
  // A signature by RSA is as long as the key that made it, which may be one that is trusted.
  if (is_rsa_signature(c->signatureOID) && c->sigLength < tls::least_rsa_octets) return true;
  return c->keyOID == RSAk && rsa_octets(c->publicKey, c->pubKeySize) < tls::least_rsa_octets;
}

bool has_supported_key(const parsed& c) noexcept {
  switch (c->keyOID) {
    case RSAk:
    case ECDSAk:
    case ED25519k:
    case ED448k: return true;
    default: return false;  // RSASSA-PSS above all
  }
}

}  // namespace

tls::certificate_facts read_certificate(bytes der) {
  const parsed c(der);
  tls::certificate_facts facts;
  if (c.error != 0) {
    facts.unreadable =
        c.error == ASN_UNKNOWN_OID_E ? tls_errc::unsupported_key : tls_errc::weak_certificate;
    return facts;
  }
  facts.names = names_of(c);
  // Not by the functions that wolfSSL and C have for it: they look at the time zone of the process.
  facts.begin = time_of(c->beforeDate, c->beforeDateLen);
  facts.expiry = time_of(c->afterDate, c->afterDateLen);
  facts.subject = octets_of(c->subjectHash);
  facts.issuer = octets_of(c->issuerHash);
  facts.is_authority =
      c->isCA && (!c->extKeyUsageSet || (c->extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0);
  if (c->pathLengthSet) facts.path_length = c->pathLength;
  // Each handshake that is offered has the server sign it; no key is exchanged by encryption.
  facts.is_for_servers =
      (!c->extKeyUsageSet || (c->extKeyUsage & KEYUSE_DIGITAL_SIG) != 0) &&
      (!c->extExtKeyUsageSet || (c->extExtKeyUsage & (EXTKEYUSE_SERVER_AUTH | EXTKEYUSE_ANY)) != 0);
  facts.has_weak_signature = has_weak_signature(c);
  facts.has_weak_key = has_weak_key(c);
  // DSA, of any size, is for signatures no more (FIPS 186-5).
  facts.has_supported_signature = c->signatureOID != CTC_SHA256wDSA;
  facts.has_supported_key = has_supported_key(c);
  return facts;
}

std::string end_point_hash(bytes der) {
  const parsed c(der);
  if (c.error != 0) return {};
  const wc_HashType kind = hash_for(c->signatureOID);
  std::array<unsigned char, WC_MAX_DIGEST_SIZE> hash{};
  const int length = wc_HashGetDigestSize(kind);
  if (length <= 0 ||
      wc_Hash(kind, reinterpret_cast<const byte*>(der.data()), static_cast<word32>(der.size()),
              hash.data(), static_cast<word32>(length)) != 0) {
    return {};
  }
  return {reinterpret_cast<const char*>(hash.data()), static_cast<std::size_t>(length)};
}

}  // namespace sansmtp::wolfssl

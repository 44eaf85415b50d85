#include "read_certificate.hpp"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>

#include "owned.hpp"

namespace sansmtp::openssl {

namespace {

std::string octets_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

tls::certificate_names names_of(const X509* certificate) {
  tls::certificate_names names;
  const owned<GENERAL_NAMES, GENERAL_NAMES_free> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_DNS) names.dns.push_back(octets_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.addresses.push_back(octets_of(name->d.iPAddress));
  }
  return names;
}

/// In seconds since 1970, or 0. (Not by the functions that C has for it: they look at the time zone
/// of the process.)
std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  const std::chrono::year_month_day date{
      std::chrono::year(parts.tm_year + 1900),
      std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
      std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + parts.tm_hour) * 60 + parts.tm_min) * 60 + parts.tm_sec;
}

std::string octets_of(const X509_NAME* name) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return {};
  return {reinterpret_cast<const char*>(der), size};
}

/// How a certificate is signed.
struct signature {
  int hash = NID_undef;  // of the hash; none for EdDSA, whose hash is its own business
  int key = NID_undef;   // of the kind of key
  int strength = 0;      // in bits
  bool known = false;
};

signature signature_of(const X509* certificate) {
  signature s;
  std::uint32_t flags = 0;
  // OpenSSL caches this with the extensions; the cast only takes that for a change.
  auto* const c = const_cast<X509*>(certificate);
  s.known = X509_get_signature_info(c, &s.hash, &s.key, &s.strength, &flags) == 1;
  return s;
}

bool is_rsa(int key) noexcept { return key == EVP_PKEY_RSA || key == EVP_PKEY_RSA_PSS; }

bool has_weak_key(const X509* certificate, const EVP_PKEY* key, const signature& s) {
  // A signature by RSA is as long as the key that made it, which may be one that is trusted.
  const ASN1_BIT_STRING* octets = nullptr;
  X509_get0_signature(&octets, nullptr, certificate);
  constexpr int least = tls::least_rsa_octets;
  if (is_rsa(s.key) && ASN1_STRING_length(octets) < least) return true;
  return is_rsa(EVP_PKEY_get_base_id(key)) && EVP_PKEY_get_size(key) < least;
}

bool is_supported(int key) noexcept {
  return is_rsa(key) || key == EVP_PKEY_EC || key == EVP_PKEY_ED25519 || key == EVP_PKEY_ED448;
}

}  // namespace

tls::certificate_facts read_certificate(X509* certificate) {
  tls::certificate_facts facts;
  // Getting these reads all extensions, and finds those that are damaged.
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  const EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if ((flags & EXFLAG_INVALID) != 0) facts.unreadable = tls_errc::weak_certificate;
  if (key == nullptr) facts.unreadable = tls_errc::unsupported_key;
  if (facts.unreadable != tls_errc::none) return facts;

  facts.names = names_of(certificate);
  facts.begin = seconds_of(X509_get0_notBefore(certificate));
  facts.expiry = seconds_of(X509_get0_notAfter(certificate));
  facts.subject = octets_of(X509_get_subject_name(certificate));
  facts.issuer = octets_of(X509_get_issuer_name(certificate));
  // What is not limited has all bits set.
  const std::uint32_t usage = X509_get_key_usage(certificate);
  const std::uint32_t purpose = X509_get_extended_key_usage(certificate);
  facts.is_authority = (flags & EXFLAG_CA) != 0 && (usage & KU_KEY_CERT_SIGN) != 0;
  if (const long length = X509_get_pathlen(certificate); length >= 0) {
    facts.path_length = static_cast<int>(length);
  }
  // Each handshake that is offered has the server sign it; no key is exchanged by encryption.
  facts.is_for_servers =
      (usage & KU_DIGITAL_SIGNATURE) != 0 && (purpose & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
  const signature s = signature_of(certificate);
  constexpr int least_strength = 80;  // SHA-1 has 63 bits left, MD5 fewer
  facts.has_weak_signature = s.known && s.strength < least_strength;
  facts.has_weak_key = has_weak_key(certificate, key, s);
  // DSA, of any size, is for signatures no more (FIPS 186-5).
  facts.has_supported_signature = s.known && is_supported(s.key);
  facts.has_supported_key = is_supported(EVP_PKEY_get_base_id(key));
  return facts;
}

std::string end_point_hash(const X509* certificate) {
  // MD5 and SHA-1 count as SHA-256, and so does a signature without a hash of its own.
  int hash = signature_of(certificate).hash;
  if (hash == NID_undef || hash == NID_md5 || hash == NID_sha1) hash = NID_sha256;
  const EVP_MD* const function = EVP_get_digestbynid(hash);
  std::array<unsigned char, EVP_MAX_MD_SIZE> octets{};
  unsigned int size = 0;
  if (function == nullptr || X509_digest(certificate, function, octets.data(), &size) != 1) {
    return {};
  }
  return {reinterpret_cast<const char*>(octets.data()), size};
}

}  // namespace sansmtp::openssl

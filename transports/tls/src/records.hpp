// Is a certificate what a TLSA record says (RFC 6698)?
#pragma once

#include <string>
#include <system_error>

#include "sansmtp/buffer.hpp"
#include "sansmtp/peer_demand.hpp"

namespace sansmtp::tls {

/// The hash functions that records use, as a library has them.
enum class record_hash : std::uint8_t { sha256, sha512 };

/// Getter: is it about the server's own certificate (usage 3, DANE-EE)? Only by such a record a layer
/// can judge.
[[nodiscard]] constexpr bool is_of_own_certificate(const tlsa_record& record) noexcept {
  return record.usage == 3;
}

/// Getter: why no layer can judge by this record, or none: `bad_record` for data that cannot be
/// what it is called, `std::errc::not_supported` for one that is of something else.
[[nodiscard]] std::error_code problem_of(const tlsa_record& record);

/// Getter: the octets of the certificate's key with its kind (SubjectPublicKeyInfo, RFC 5280
/// section 4.1), as a view into the DER octets of `certificate`; empty if it is damaged.
[[nodiscard]] bytes key_info(bytes certificate) noexcept;

/// Getter: is `certificate`, in DER, what `record` says? `hash` makes a digest of octets.
template <typename Hash>
[[nodiscard]] bool is_match(const tlsa_record& record, bytes certificate, Hash hash) {
  const bytes part = record.selector == 0 ? certificate : key_info(certificate);
  if (part.empty() || record.data.empty()) return false;
  switch (record.matching) {
    case 0: return as_text(part) == record.data;
    case 1: return hash(record_hash::sha256, part) == record.data;
    case 2: return hash(record_hash::sha512, part) == record.data;
    default: return false;
  }
}

}  // namespace sansmtp::tls

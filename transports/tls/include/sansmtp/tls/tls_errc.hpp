// Why TLS failed.
#pragma once

#include <cstdint>
#include <system_error>

namespace sansmtp {

/// What a user can do something about. An error code of `tls_category` is one of these, or 1000
/// plus the number of an alert of the peer (RFC 8446 section 6); its message is one sentence for a
/// person in each case. All other failures are told in the library's own numbers: they are of
/// `openssl::library_category()` or `wolfssl::library_category()`.
enum class tls_errc : std::uint16_t {
  none = 0,
  untrusted_certificate,  ///< No chain to a trusted authority; a self-signed one has none either.
  self_signed,            ///< The peer's own certificate is self-signed and not trusted.
  expired_certificate,
  not_yet_valid_certificate,
  name_mismatch,     ///< No name of the certificate is the server name (RFC 9525).
  no_certificate,    ///< The peer showed none.
  weak_certificate,  ///< It is damaged, or a part of it is refused.
  no_common_ground,  ///< No protocol version or cipher suite in common.
  bad_server_name,   ///< The server name given is neither a DNS name nor an address.
  bad_trust,         ///< The authorities could not be read.
  bad_credentials,   ///< The client certificate or its key could not be read, or do not fit.
  unavailable,       ///< The library could not be set up.
  no_server_name,    ///< The server is to be verified, but nobody said who it is (TLS-13).
  // Why a certificate, the server's or one between it and its authority, proves nothing (TLS-15).
  weak_signature,           ///< By SHA-1, MD5, MD2, DSA or something unknown.
  weak_key,                 ///< Its RSA key, or the one that signed it, has fewer than 2048 bits.
  wrong_key_usage,          ///< It was issued for something else.
  expired_authority,        ///< One between the server's and its authority has expired.
  not_yet_valid_authority,  ///< The same, before its time.
  unsupported_key,          ///< The server's has a kind of key that cannot be verified with.
  no_matching_record,       ///< It is not what a record or a pinned key says (RFC 7672).
  bad_record,               ///< A record that cannot be, or none where there must be one.
  alert_base = 1000,
};

/// Getter: the `std::error_category` named "sansmtp.tls".
[[nodiscard]] const std::error_category& tls_category() noexcept;

/// Getter: makes `tls_errc` usable wherever a `std::error_code` is.
[[nodiscard]] std::error_code make_error_code(tls_errc e) noexcept;

}  // namespace sansmtp

template <>
struct std::is_error_code_enum<sansmtp::tls_errc> : std::true_type {};

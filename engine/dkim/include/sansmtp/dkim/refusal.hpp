// Why something is not signed.
#pragma once

#include <cstdint>
#include <string_view>

namespace sansmtp::dkim {

/// Why a mail is not signed, a key not taken or a record not made. Nothing was sent (DKIM-03).
enum class refusal : std::uint8_t {
  none = 0,

  // options
  no_key,          ///< There is no key to sign with.
  bad_domain,      ///< Not two labels or more of letters, digits and hyphens, or an address.
  bad_selector,    ///< Not labels of letters, digits and hyphens.
  name_too_long,   ///< Selector and domain together are no name of DNS.
  selector_twice,  ///< Two keys with one selector.
  no_time,         ///< The time of the signature was not given, or is not after 1970.
  bad_lifetime,    ///< The signature would have expired when it is made, or its end is no time.
  bad_field_list,  ///< A name that is none, or of a field that changes on its way.

  // keys
  unreadable_key,   ///< No private key without a passphrase, as PEM.
  unknown_key,      ///< Neither RSA nor Ed25519.
  short_key,        ///< RSA below 2048 bits (RFC 8301 section 3.2).
  long_key,         ///< RSA above 4096 bits, which receivers need not know (RFC 8301 section 3.2).
  key_unavailable,  ///< The crypto at hand cannot do this kind of key.
  crypto_failed,    ///< It can, and failed.

  // messages
  read_once,        ///< Content that is streamed: the signature stands before what it is made of.
  binary_content,   ///< It leaves as it is, and has no lines that could be made alike.
  bad_content,      ///< What no session would send; `signer::problem` says why.
  eight_bit,        ///< Octets above 127, and a host on the way may convert them (RFC 6376 5.3).
  bad_header,       ///< A line of the header is neither a field nor part of one.
  header_too_long,  ///< Above `header_limit`.
  too_many_fields,  ///< More than 300 that are to be signed: receivers refuse the list of them.
  no_from,          ///< (RFC 6376 section 5.4.)
  several_from,     ///< More than one From field: a reader may show another than the signed one.
};

/// Getter: the enumerator's spelling, e.g. "short_key"; a static string.
[[nodiscard]] std::string_view to_string(refusal r) noexcept;

/// Getter: one clause for a person: what is wrong and, where there is one, the way out; a static
/// string, empty for `none`.
[[nodiscard]] std::string_view words_of(refusal r) noexcept;

}  // namespace sansmtp::dkim

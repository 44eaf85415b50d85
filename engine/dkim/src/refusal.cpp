#include "sansmtp/dkim/refusal.hpp"

namespace sansmtp::dkim {
namespace {

struct row {
  std::string_view name;
  std::string_view words;
};

row row_of(refusal r) noexcept {
  switch (r) {
    case refusal::none: return {"none", ""};
    case refusal::no_key: return {"no_key", "there is no key to sign with"};
    case refusal::bad_domain:
      return {"bad_domain",
              "the signing domain must be two labels or more of letters, digits and hyphens, such "
              "as example.org; an internationalised one is given as xn--..."};
    case refusal::bad_selector:
      return {"bad_selector",
              "a selector is made of letters, digits and hyphens, with dots between labels, such "
              "as mail2026"};
    case refusal::name_too_long:
      return {"name_too_long",
              "SELECTOR._domainkey.DOMAIN is longer than the 253 octets that DNS allows; take a "
              "shorter selector"};
    case refusal::selector_twice:
      return {"selector_twice", "two keys have the same selector; each needs one of its own"};
    case refusal::no_time: return {"no_time", "the time of the signature was not given"};
    case refusal::bad_lifetime:
      return {"bad_lifetime",
              "the signature would have expired when it is made, or its end is no time"};
    case refusal::bad_field_list:
      return {"bad_field_list",
              "the list of signed fields holds what is no field name, or a field that hosts on the "
              "way add or change"};
    case refusal::unreadable_key:
      return {"unreadable_key",
              "it holds no private key as PEM without a passphrase; 'sansmtp dkim-key' makes one"};
    case refusal::unknown_key: return {"unknown_key", "the key is neither RSA nor Ed25519"};
    case refusal::short_key:
      return {"short_key",
              "the RSA key has fewer than 2048 bits, and receivers may ignore its signatures; make "
              "a new one"};
    case refusal::long_key:
      return {"long_key",
              "the RSA key has more than 4096 bits, and receivers need not know such; make a "
              "shorter one"};
    case refusal::key_unavailable:
      return {"key_unavailable",
              "the crypto library of this build cannot use such a key; take RSA, or a build with "
              "the other library"};
    case refusal::crypto_failed: return {"crypto_failed", "the crypto library failed"};
    case refusal::read_once:
      return {"read_once",
              "content that can be read but once cannot be signed, since the signature stands "
              "before it; keep it in memory or in a file"};
    case refusal::binary_content:
      return {"binary_content", "binary content is not signed; encode it, for example as base64"};
    case refusal::bad_content: return {"bad_content", "the content cannot be sent"};
    case refusal::eight_bit:
      return {"eight_bit",
              "it holds octets above 127, and a host on the way that converts them breaks the "
              "signature; encode it as quoted-printable or base64"};
    case refusal::bad_header:
      return {"bad_header",
              "a line of its header is neither a field nor part of one; an empty line ends the "
              "header"};
    case refusal::header_too_long:
      return {"header_too_long", "its header is longer than a mebibyte"};
    case refusal::too_many_fields:
      return {"too_many_fields", "more than 300 fields of its header would be signed"};
    case refusal::no_from: return {"no_from", "it has no From field, which must be signed"};
    case refusal::several_from:
      return {"several_from", "it has more than one From field, and a reader may show any of them"};
  }
  return {};
}

}  // namespace

std::string_view to_string(refusal r) noexcept { return row_of(r).name; }
std::string_view words_of(refusal r) noexcept { return row_of(r).words; }

}  // namespace sansmtp::dkim

#include "sansmtp/routing/tls_row.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "tls_category_name.hpp"

namespace sansmtp::routing {

namespace {

using enum tls_result;

constexpr std::array<std::string_view, 3> policies{"no-policy-found", "sts", "tlsa"};

// RFC 8460 section 4.3, in the order of `tls_result`.
constexpr std::array<std::string_view, 12> results{
    "success",
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
};

// In the order of `tls_errc`, which this library cannot see: the layers stand above it. A test
// compares.
constexpr std::array of_code{
    success,                    // none
    certificate_not_trusted,    // untrusted_certificate
    certificate_not_trusted,    // self_signed
    certificate_expired,        // expired_certificate
    certificate_expired,        // not_yet_valid_certificate
    certificate_host_mismatch,  // name_mismatch
    validation_failure,         // no_certificate
    validation_failure,         // weak_certificate
    validation_failure,         // no_common_ground
    validation_failure,         // bad_server_name
    validation_failure,         // bad_trust
    validation_failure,         // bad_credentials
    validation_failure,         // unavailable
    validation_failure,         // no_server_name
    certificate_not_trusted,    // weak_signature
    certificate_not_trusted,    // weak_key
    certificate_not_trusted,    // wrong_key_usage
    certificate_expired,        // expired_authority
    certificate_expired,        // not_yet_valid_authority
    validation_failure,         // unsupported_key
    validation_failure,         // no_matching_record
    tlsa_invalid,               // bad_record
};

}  // namespace

std::string_view to_string(tls_policy p) noexcept {
  const auto i = static_cast<std::size_t>(p);
  return i < policies.size() ? policies[i] : "unknown";
}

std::string_view to_string(tls_result r) noexcept {
  const auto i = static_cast<std::size_t>(r);
  return i < results.size() ? results[i] : "unknown";
}

tls_result tls_result_of(const std::error_code& error) noexcept {
  if (!error) return success;
  const auto i = static_cast<std::size_t>(error.value());
  if (tls_category_name != error.category().name() || i >= of_code.size()) {
    return validation_failure;
  }
  return of_code[i];
}

}  // namespace sansmtp::routing

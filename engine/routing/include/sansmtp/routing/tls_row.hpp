// What became of TLS, one row for each session, as reports of RFC 8460 count it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace sansmtp::routing {

/// Which policy a session was under (RFC 8460 section 4.4).
enum class tls_policy : std::uint8_t { none, sts, tlsa };

/// How the policy came out (RFC 8460 section 4.3); `success` is no failure at all.
enum class tls_result : std::uint8_t {
  success,
  starttls_not_supported,
  certificate_host_mismatch,
  certificate_expired,
  certificate_not_trusted,
  validation_failure,  ///< For any other reason.
  tlsa_invalid,
  dnssec_invalid,
  dane_required,
  sts_policy_fetch_error,
  sts_policy_invalid,
  sts_webpki_invalid,
};

/// Getter: the name as in a report, e.g. "no-policy-found" and "certificate-expired"; static
/// strings.
[[nodiscard]] std::string_view to_string(tls_policy p) noexcept;
[[nodiscard]] std::string_view to_string(tls_result r) noexcept;

/// Getter: what an error of a TLS layer means for a report. It knows the codes of the category
/// named "sansmtp.tls" (`tls_errc`); no error is `success`, any other one `validation_failure`.
[[nodiscard]] tls_result tls_result_of(const std::error_code& error) noexcept;

/// One session, or one policy that could not be had.
struct tls_row {
  tls_policy policy = tls_policy::none;
  std::string domain;  ///< The domain of the recipients, whose policy it is.
  std::string host;    ///< Empty: it is about the policy itself, and no session was made.
  tls_result result = tls_result::success;

  friend bool operator==(const tls_row&, const tls_row&) = default;
};

}  // namespace sansmtp::routing

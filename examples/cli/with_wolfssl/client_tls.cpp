#include "client_tls.hpp"

#include <fmt/format.h>

#include <utility>

#include "failure.hpp"
#include "sansmtp/wolfssl/hash_suite.hpp"
#include "sansmtp/wolfssl/tls_context.hpp"
#include "sansmtp/wolfssl/tls_errc.hpp"

namespace sansmtp::cli {

using wolfssl::tls_errc;

tls_factory make_client_tls(const client_tls_options& options) {
  wolfssl::tls_options wanted;
  wanted.server_name = options.server_name;
  wanted.verify_host = options.verify_host;
  wanted.report_only = options.report_only;
  wanted.ca_file = options.ca_file;
  wanted.certificate_file = options.certificate_file;
  wanted.key_file = options.key_file;
  wanted.minimum = options.minimum;
  const wolfssl::tls_context context(std::move(wanted));
  const std::error_code error = context.error();
  if (!error) return context.factory();
  std::string sentence = error.message();
  if (sentence.ends_with('.')) sentence.pop_back();
  if (error == tls_errc::bad_server_name) {
    throw failure(exit_code::usage,
                  fmt::format("{}: --server-name '{}'", sentence, options.server_name));
  }
  if (error == tls_errc::bad_trust) {
    throw failure(exit_code::no_input, options.ca_file.empty()
                                           ? sentence + "; name one with --ca"
                                           : fmt::format("{}: --ca {}", sentence, options.ca_file));
  }
  if (error == tls_errc::bad_credentials) {
    throw failure(exit_code::no_input, fmt::format("{}: --cert {} --key {}", sentence,
                                                   options.certificate_file, options.key_file));
  }
  throw failure(exit_code::software, sentence);
}

bool is_tls_error(const std::error_code& error) noexcept {
  return error.category() == wolfssl::tls_category();
}

std::unique_ptr<hash_suite> make_hash_suite() { return std::make_unique<wolfssl::hash_suite>(); }

std::string_view tls_advice(const std::error_code& error) noexcept {
  // Only the failures that somebody can do something about are told apart.
  switch (static_cast<tls_errc>(error.value() < 0 ? 0 : error.value())) {
    case tls_errc::self_signed:
      return "if you know it to be the right one, trust it with --ca FILE";
    case tls_errc::untrusted_certificate:
      return "if you know its authority, name it with --ca FILE";
    case tls_errc::expired_certificate: return "its owner has to renew it";
    case tls_errc::not_yet_valid_certificate: return "is the clock of this host right?";
    case tls_errc::name_mismatch:
      return "if one of its names is the one you mean, give it with --server-name";
    case tls_errc::no_common_ground:
      return "sansmtp speaks TLS 1.2 and 1.3 only, see also --tls-min";
    case tls_errc::none:
    case tls_errc::no_certificate:
    case tls_errc::weak_certificate:
    case tls_errc::bad_server_name:
    case tls_errc::bad_trust:
    case tls_errc::bad_credentials:
    case tls_errc::unavailable:
    case tls_errc::alert_base: break;
  }
  constexpr int certificate_required = 116;
  if (error.value() == static_cast<int>(tls_errc::alert_base) + certificate_required) {
    return "it wants a client certificate: --cert and --key";
  }
  return {};
}

}  // namespace sansmtp::cli

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

}  // namespace sansmtp::cli

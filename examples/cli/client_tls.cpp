#include "client_tls.hpp"

#include <fmt/format.h>

#include <optional>

#include "failure.hpp"
#include "sansmtp/tls/tls_errc.hpp"
#include "tls_library.hpp"

namespace sansmtp::cli {

bool has_tls() { return make_hash_suite() != nullptr; }

tls_factory make_client_tls(const tls_options& options) {
  const std::optional<tls_context> made = make_tls_context(options);
  if (!made) {
    throw failure(
        exit_code::configuration,
        "this sansmtp was built without TLS; build it where OpenSSL or wolfSSL is installed");
  }
  const std::error_code error = made->error();
  if (!error) return made->factory();
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
  return error.category() == tls_category() || is_library_error(error);
}

}  // namespace sansmtp::cli

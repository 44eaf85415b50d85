// The layer that the tests are run over: one program, which runs once for each library.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "sansmtp/dkim/crypto.hpp"
#include "sansmtp/hash_suite.hpp"
#include "sansmtp/tls/tls_context.hpp"

namespace sansmtp::test {

/// A library's layer, and where it differs from the others; transports/README.md says why.
struct tls_library {
  std::string_view name;
  sansmtp::tls_context (*make_context)(tls_options options);
  std::unique_ptr<hash_suite> (*make_hash_suite)();
  std::unique_ptr<dkim::crypto> (*make_dkim_crypto)();
  const std::error_category& (*category)();
  /// An error code of its own, for the test of messages.
  int some_error;
  /// Are keys for RSASSA-PSS only known to it?
  bool knows_pss;
  /// Does it ask what a certificate is for also where nothing has to be proven?
  bool always_asks_for_usage;
  /// Does a certificate of the server's among the trusted ones count, if it has not signed itself?
  bool trusts_a_server_certificate;
  /// May the environment say where the system's authorities are (SSL_CERT_FILE, SSL_CERT_DIR)?
  bool reads_environment;
};

/// Getter: all that are built.
[[nodiscard]] std::span<const tls_library> libraries();
/// Getter: the one that SANSMTP_TLS_LIBRARY names; without it, any.
[[nodiscard]] const tls_library& under_test();

/// The context of the library that is under test.
class tls_context final : public sansmtp::tls_context {
 public:
  explicit tls_context(tls_options options = {})
      : sansmtp::tls_context(under_test().make_context(std::move(options))) {}
};

}  // namespace sansmtp::test

// TLS by OpenSSL 3: what the links of one client have in common.
#pragma once

#include "sansmtp/tls/tls_context.hpp"

namespace sansmtp::openssl {

using sansmtp::tls_category;
using sansmtp::tls_errc;
using sansmtp::tls_options;

/// Makes the record layers of links, by OpenSSL 3.0 or later. The configuration of the system
/// (openssl.cnf) says which providers there are; of the protocol, this layer sets all that matters.
class tls_context final : public sansmtp::tls_context {
 public:
  /// Reads authorities and credentials; see `error()`. A key that is encrypted cannot be read:
  /// nobody is asked for its password.
  explicit tls_context(tls_options options = {});
};

/// Getter: the category, named "sansmtp.tls.openssl", of the failures that `tls_errc` has no word
/// for: a value is a packed error code of OpenSSL's, and the message is its own.
[[nodiscard]] const std::error_category& library_category() noexcept;

}  // namespace sansmtp::openssl

// TLS by wolfSSL: what the links of one client have in common.
#pragma once

#include "sansmtp/tls/tls_context.hpp"

namespace sansmtp::wolfssl {

using sansmtp::tls_category;
using sansmtp::tls_errc;
using sansmtp::tls_options;

/// Makes the record layers of links, by wolfSSL.
///
/// A thread that has made a handshake frees what wolfSSL keeps for it when it ends.
class tls_context final : public sansmtp::tls_context {
 public:
  /// Reads authorities and credentials; see `error()`.
  explicit tls_context(tls_options options = {});
};

/// Getter: the category, named "sansmtp.tls.wolfssl", of the failures that `tls_errc` has no word
/// for: a value is an error code of wolfSSL's, and the message is its own.
[[nodiscard]] const std::error_category& library_category() noexcept;

}  // namespace sansmtp::wolfssl

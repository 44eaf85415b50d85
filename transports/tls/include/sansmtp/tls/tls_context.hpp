// TLS, by whichever library: what the links of one client have in common.
#pragma once

#include <cstddef>
#include <memory>
#include <system_error>

#include "sansmtp/tls/tls_errc.hpp"
#include "sansmtp/tls/tls_options.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp {

namespace tls {
class shared_context;
}  // namespace tls

/// Makes the record layers of links: TLS 1.2 and 1.3 with forward secrecy and authenticated
/// encryption only, SNI, resumption. `wolfssl::tls_context` and `openssl::tls_context` are two of
/// them, which differ in nothing but the library that does the work.
///
/// Cheap to copy; copies and the layers they made share trust, credentials and the cache of
/// sessions, which is keyed by host, port and what is demanded, so that a session is never resumed
/// under other conditions than those it was made under (TLS-16). Any number of threads may use one
/// context at a time; a layer belongs to one thread at a time.
class tls_context {
 public:
  /// Getter: why it cannot be used, or none: `bad_trust`, `bad_credentials`, `bad_server_name`,
  /// `unavailable`.
  [[nodiscard]] std::error_code error() const noexcept;

  /// Output: the layer of a new link. One that has failed already, so that the link is refused, if
  /// the context has an error, or with `no_server_name` if a name is to be proven and there is
  /// none, `bad_server_name` if one cannot be a certificate's, `bad_trust` if the system's
  /// authorities cannot be read (TLS-13). A null pointer only if memory ran out.
  [[nodiscard]] std::unique_ptr<tls_layer> make_layer(const tls_target& target) const;

  /// Output: the same as a function, for the options of a transport; it keeps what it needs alive.
  [[nodiscard]] tls_factory factory() const;

  /// Getter: sessions that wait for being resumed.
  [[nodiscard]] std::size_t cached_sessions() const;

 protected:
  explicit tls_context(std::shared_ptr<tls::shared_context> shared) : shared_(std::move(shared)) {}

 private:
  std::shared_ptr<tls::shared_context> shared_;
};

}  // namespace sansmtp

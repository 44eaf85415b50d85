// What TLS is to demand.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "sansmtp/channel_binding.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp {

/// Options of a `tls_context`; a plain value.
struct tls_options {
  // What is demanded of a server, where `tls_target::demand` does not say it: the default of the
  // links of this context.
  /// The reference name: whom the server's certificate must name, a DNS name (A-labels) or a
  /// numeric address. It comes from whoever configured the destination, never from a banner, a
  /// certificate or a DNS answer (TLS-11). Empty, and `verify_host` not set: TLS without a proof of
  /// identity (TLS-10).
  std::string server_name;
  /// The server's identity must be proven; if `server_name` is empty, it is the host that is
  /// connected to (submission), and a link to a host without a name is refused (TLS-13).
  bool verify_host = false;
  /// Go on although the proof fails, and say so in `tls_info`: for looking around.
  bool report_only = false;

  /// Trusted authorities, PEM; empty: the system's.
  std::string ca_file;
  /// The client's certificate with its chain, and its key, PEM; empty: none.
  std::string certificate_file;
  std::string key_file;

  /// The oldest protocol that is spoken: TLS 1.2 or 1.3 (RFC 8314 section 4.1).
  tls_version minimum = tls_version::tls_1_2;
  /// Which channel binding the -PLUS mechanisms of SCRAM may use (SASL-12).
  binding_request binding = binding_request::automatic;

  /// Sessions kept for resumption, over all servers; 0: none.
  std::size_t resumable_sessions = 256;

  /// A judgement of one's own once the handshake is done; false: the session says QUIT and ends
  /// with `errc::tls_too_weak` (TLS-09). Called by whoever pumps the channel, must not throw.
  std::function<bool(const tls_info&)> accept;
};

}  // namespace sansmtp

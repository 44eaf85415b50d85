// What a client of the blocking transport is told beforehand.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "sansmtp/config.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/peer_demand.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp::blocking {

/// Options of a client; a plain value, each with its default.
struct client_options {
  /// The session's own options. Without a `local_name` the host's name is used, or the local
  /// address (SESS-14, SESS-15).
  session_config session;

  /// Makes the record layer of each link, for example `wolfssl::tls_context::factory()`. It is
  /// needed, and called before an octet is exchanged, if `session.tls` is not `off`: otherwise
  /// `connect` returns `errc::bad_configuration`, the layer's own error if it has one at once, and
  /// `errc::tls_failed` if there is none.
  tls_factory tls;
  /// The server's name for `tls`. Empty: the host that `connect` was given; there is none if that
  /// was the path of a Unix socket, or the link was given to `adopt`.
  std::string tls_host;
  /// What the server must prove; none: what `tls` demands by default. If it demands a name and there
  /// is none, the link is refused (TLS-13).
  std::optional<peer_demand> demand;

  /// A numeric local address to bind, "192.0.2.5" or "2001:db8::5"; empty: the system chooses. Of
  /// the server's addresses only those of the same family are tried (NET-02).
  std::string local_address;

  /// How long the connection to each of the server's addresses may take; zero: as long as the
  /// system allows.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(30);

  /// Octets that the kernel is asked to buffer (SO_SNDBUF, SO_RCVBUF); 0: its own choice, which is
  /// the better one nearly always.
  int send_buffer = 0;
  int receive_buffer = 0;

  /// Sees every event before the client acts on it; the event lives during the call only. If it is
  /// set, `session.trace` is on, so that it also sees each line and each reply (ERR-01). It must
  /// neither call the client nor throw.
  std::function<void(const event&)> trace;
};

}  // namespace sansmtp::blocking

// What a client of the Asio transport is told beforehand.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "sansmtp/config.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/peer_demand.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp {

/// Options of an `async_client`; a plain value, each with its default.
struct async_client_options {
  /// The session's own options. Without a `local_name` the host's name is used, or the local
  /// address (SESS-14, SESS-15).
  session_config session;

  /// Makes the TLS layer of each link; needed if `session.tls` is not `tls_mode::off`. It is asked
  /// when the link is up.
  tls_factory tls;
  /// The server's name for `tls`. Empty: the host that was given to `async_connect`; there is none
  /// if that was the path of a Unix socket or an endpoint, or the stream was connected already.
  std::string tls_host;
  /// What the server must prove; none: what `tls` demands by default. If it demands a name and
  /// there is none, the link is refused before an octet leaves (TLS-13).
  std::optional<peer_demand> demand;

  /// A numeric local address to bind, "192.0.2.5" or "2001:db8::5"; empty: the system chooses. Of
  /// the server's addresses only those of the same family are tried (NET-02).
  std::string local_address;

  /// How long `async_connect` may take, name resolution included; zero: for ever.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(30);
  /// How long one of the server's addresses has the field to itself before the next one is tried,
  /// too (RFC 8305 section 5).
  std::chrono::milliseconds attempt_delay = std::chrono::milliseconds(250);

  /// Octets read at a time; at least 1. Replies are short: this holds dozens of them.
  std::size_t read_buffer = 2048;

  /// Events are for `async_next_event`, one by one. Then nothing goes on without it.
  bool events = false;

  /// Sees every event before the client acts on it; the event lives during the call only. If it is
  /// set, `session.trace` is on, so that it also sees each line and each reply (ERR-01). It must
  /// neither call the client nor throw.
  std::function<void(const event&)> trace;
};

}  // namespace sansmtp

// What a client of the blocking transport is told beforehand.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sansmtp/config.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/peer_demand.hpp"
#include "sansmtp/sasl.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp::blocking {

/// What `client_options::stop` asks for.
enum class stop_request : std::uint8_t {
  no,       ///< Go on.
  soon,     ///< Begin nothing new, end what is under way, say QUIT: see `session::quit_now`.
  at_once,  ///< Give up the link as it is: see `session::abort`.
};

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
  /// What the server must prove; none: what `tls` demands by default. If it demands a name and
  /// there is none, the link is refused (TLS-13).
  std::optional<peer_demand> demand;

  /// A numeric local address to bind, "192.0.2.5" or "2001:db8::5"; empty: the system chooses. Of
  /// the server's addresses only those of the same family are tried (NET-02).
  std::string local_address;

  /// How long it may take to connect to one of the server's addresses, all of them together, name
  /// resolution not included; zero: as long as the system allows.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(30);
  /// How long one of the server's addresses has the field to itself before the next one is tried,
  /// too (RFC 8305 section 5). Zero: all are tried at once.
  std::chrono::milliseconds attempt_delay = std::chrono::milliseconds(250);

  /// Makes what each connection authenticates with; none: it does not, unless
  /// `client::authenticate` is called. It must neither call the client nor throw. What it makes is
  /// the client's, and may refer to what lives as long as that, a hash suite for example.
  std::function<std::vector<std::unique_ptr<sasl_mechanism>>()> credentials;

  /// How often in a row `client::send`, `send_all` and `send_mail` send a mail again without
  /// getting any further with it. They do so for those recipients alone that certainly did not get
  /// it, for a reason that lies in the session (`plan_resend` decides): in another transaction
  /// where the server takes no more recipients in one (TXN-10), over another connection where it
  /// takes no more mails in the session, said 421 or ended the link (POOL-01). Where it takes no
  /// more of them a mail has got further, since the session took others before. A mail in doubt is
  /// never sent again. Other connections are made to the server that `client::connect` was given,
  /// one at a time, if the first one did open. None is made for `client::adopt`, nor behind a login
  /// by `client::authenticate` unless `credentials` can repeat it. Zero: all of this is the
  /// caller's business.
  unsigned moves = 2;

  /// After how many mails the next one begins a new connection, behind a QUIT; 0: never. A server's
  /// own limit counts as well if it says so (LIMITS, RFC 9422); else it may refuse what is beyond.
  /// Without effect where `moves` says that no other connection is made.
  std::uint64_t mails_per_connection = 100;

  /// Octets that the kernel is asked to buffer (SO_SNDBUF, SO_RCVBUF); 0: its own choice, which is
  /// the better one nearly always.
  int send_buffer = 0;
  int receive_buffer = 0;

  /// Sees every event before the client acts on it; the event lives during the call only. If it is
  /// set, `session.trace` is on, so that it also sees each line and each reply (ERR-01). It must
  /// neither call the client nor throw.
  std::function<void(const event&)> trace;

  /// Asked before each write and wait, and so also after each signal that interrupted one: a
  /// program that is to end has honest outcomes for all that it began. A wait that a signal does
  /// not interrupt answers nobody, so whoever sets it has signals come without SA_RESTART.
  /// `connect` is refused with `errc::aborted` unless it says `no`. It must neither call the client
  /// nor throw.
  std::function<stop_request()> stop;
};

}  // namespace sansmtp::blocking

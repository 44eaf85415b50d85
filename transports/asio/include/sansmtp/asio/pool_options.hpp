// What a connection pool is told beforehand.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sansmtp/asio/async_client_options.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/peer_demand.hpp"
#include "sansmtp/sasl.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp {

/// Where mails go: one server, as `async_client::async_connect` takes it. In a coroutine make it a
/// variable: g++ 12 destroys a temporary in braces twice if it is an argument in a `co_await`.
struct destination {
  std::string host;         ///< A name, a numeric address, or the path of a Unix socket.
  std::uint16_t port = 25;  ///< 0: `host` is the path of a Unix socket.
  /// What the server must prove; none: what the options of the pool's clients say. Mails to one
  /// server with different demands share no connection (TLS-16).
  std::optional<peer_demand> demand{};

  friend bool operator==(const destination&, const destination&) = default;
};

/// Options of an `async_pool`; a plain value, each with its default.
struct pool_options {
  /// Of each connection. `events` has no effect.
  async_client_options client;
  /// Makes what each new connection authenticates with; none: it does not. It must neither call the
  /// pool nor throw.
  /// Until one login to a destination has succeeded, only one is tried at a time.
  std::function<std::vector<std::unique_ptr<sasl_mechanism>>()> credentials;

  std::size_t connections_per_destination = 4;                   ///< At least 1.
  std::size_t connections = 100;                                 ///< In all; at least 1.
  std::uint64_t mails_per_connection = 100;                      ///< Then QUIT; 0: no limit.
  std::chrono::milliseconds max_age = std::chrono::minutes(10);  ///< Then QUIT; 0: no limit.
  std::chrono::milliseconds idle_timeout =
      std::chrono::seconds(30);  ///< Without a mail, then QUIT.
  /// After a connection to a destination failed, how long no further one is tried while others are
  /// there, and between further tries where `moves` + 1 in a row have failed already. A login that
  /// was refused for good is told so long to whatever is sent there, without another try.
  std::chrono::milliseconds retry_delay = std::chrono::seconds(1);

  /// Mails that may wait, each from `async_send` on until a connection that is ready takes it, and
  /// again when it waits to be sent once more. A further one is refused with `no_buffer_space`, see
  /// `async_pool::async_room`; one that was taken never is. At least 1.
  std::size_t queue = 10'000;
  /// How often a mail may be sent again where that may change nothing: none of the recipients that
  /// were left had an outcome, and the server wants another transaction or session, or the
  /// connection was lost before it carried any mail to its end. Where only sessions refused it
  /// that had taken others, it goes once more, as the first mail of a fresh connection, unless
  /// `moves` is zero.
  /// Sending again for any other reason does not count. Only what certainly was not accepted is
  /// sent again (`plan_resend`). Also, how many further connections in a row may fail before a
  /// destination that never worked is given up, at once if the reason is permanent; one that worked
  /// has ten, or `moves` if that is more.
  unsigned moves = 2;

  /// Sees each report before its handler does, with what is known of the TLS link that the mail
  /// took last; nullptr if there was none, or no TLS. Both live during the call only. It must
  /// neither call the pool nor throw.
  std::function<void(const delivery&, const tls_info*)> observe;
};

/// What a pool is doing.
struct pool_status {
  std::size_t waiting = 0;      ///< Mails without a connection.
  std::size_t sending = 0;      ///< Mails with one.
  std::size_t connections = 0;  ///< All, those included that are being made or closed.
  std::size_t idle = 0;         ///< Of them, open and without a mail.
};

}  // namespace sansmtp

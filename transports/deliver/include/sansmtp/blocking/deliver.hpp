// From an envelope to a verdict, one call: the hosts of each domain are looked up and tried.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"
#include "sansmtp/peer_demand.hpp"
#include "sansmtp/routing/errand.hpp"
#include "sansmtp/routing/host_memory.hpp"
#include "sansmtp/routing/lookup.hpp"
#include "sansmtp/routing/route.hpp"
#include "sansmtp/routing/sts_cache.hpp"
#include "sansmtp/routing/tls_row.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp::blocking {

/// Options of `deliver`; a plain value, each with its default. What it points to is the caller's
/// and must live during the call; several calls may share it, but not over threads.
struct deliver_options {
  /// For each session. The route decides `tls_host`, `demand` and `session.tls`, so what is demanded
  /// of every host belongs into `route`: a `demand` here, a `session.tls` that is stricter than
  /// `route.tls`, `tls_mode::implicit`, and `route.demand` with `route.tls` off contradict that and
  /// are refused with `errc::bad_configuration`. `moves` is of no use. Without `tls` a host gets its
  /// mail in clear text, unless something is demanded of it: then the way to its domain ends, and
  /// who has no outcome is `not_attempted`, with `errc::bad_configuration`. It ends with
  /// `errc::tls_failed` if `tls` makes no layer, or one that has an error at once (authorities that
  /// cannot be read, say): that is no fault of the host, and no reason for clear text.
  client_options client;
  /// For each domain. A `seed` of 0 stands for one of chance, and what the envelope wants of TLS
  /// (`envelope::require_tls`) is asked for as well. `dane` holds only with a resolver that
  /// validates.
  routing::route_options route;
  /// Who looks hosts up. During `deliver` nobody else may have open tickets of it, nor of `fetcher`:
  /// answers that are not to its own are thrown away. None: all questions fail, and only a relay or a literal can be reached.
  routing::resolver* resolver = nullptr;
  /// Who fetches policies of MTA-STS; none: those alone hold that are in `policies`.
  routing::fetcher* fetcher = nullptr;
  /// What is known of policies and of hosts that are down; none: one that lives for this call.
  routing::sts_cache* policies = nullptr;
  routing::host_memory* hosts = nullptr;
  /// How a domain beyond ASCII is looked up: its A-labels, or nothing if it has none. Without it no
  /// such domain is known. It must not throw.
  std::function<std::string(std::string_view domain)> a_labels;
  /// Sees each host before it is tried. It must not throw, nor must the next one.
  std::function<void(const routing::attempt&)> on_attempt;
  /// Gets what is to be counted for reports on TLS (RFC 8460).
  std::function<void(const routing::tls_row&)> on_row;
};

/// The way that a mail took to one domain.
struct way {
  std::string domain;                   ///< Lower case; empty for addresses without one.
  std::vector<std::size_t> recipients;  ///< Indices in the envelope and in the report.
  routing::verdict why;
  /// Each host that had its turn, and what it said, in order (RTE-18).
  std::vector<routing::hop_report> hops;
  /// Of the attempt with number N, at N - 1: why there was no session, as the system, the TLS layer
  /// or the session told it; no error if there was one. The last one may be of an attempt that is no
  /// hop, since the host was not to blame.
  std::vector<std::error_code> errors;
  /// Of the last session that took anything: the address, what the host had to prove, and how TLS
  /// was, if there was any.
  std::string server;
  peer_demand demand;
  std::optional<tls_info> tls;
};

/// What became of a mail.
struct routed_delivery {
  /// One entry for each recipient, in the envelope's order (OUT-01); nobody is `pending`.
  delivery report;
  /// One for each domain, in the order in which they first appear.
  std::vector<way> ways;
};

/// Command: sends one mail to the hosts of its recipients' domains (RFC 5321 section 5.1, with
/// MTA-STS and DANE): looks them up, and tries one after the other in a session of its own, until
/// every recipient has an outcome or there is no host left. Domains have their turn one after the
/// other. Who was delivered to, was refused for good, or may have been delivered to (`in_doubt`) is
/// never offered to another host. A streamed message is refused with `errc::bad_argument`. Octets
/// of a borrowed message are the caller's again when it returns.
///
/// `client_options::stop` ends it: what is under way ends as the client ends it, and no other host
/// is tried; it is asked once a second where only lookups are waited for. Who had not been offered to any host is then `not_attempted`.
[[nodiscard]] routed_delivery deliver(const envelope& env, message content,
                                      const deliver_options& options);

/// Command: finds the way to one domain and sends nothing: asks what a route asks, and acts as if
/// no host could be reached, so that each has its turn. Returns the attempts in order, and in
/// `why`, if it is given, how the route ended. `client_options::stop` ends it early.
[[nodiscard]] std::vector<routing::attempt> find_way(std::string_view domain,
                                                     const deliver_options& options,
                                                     routing::verdict* why = nullptr);

}  // namespace sansmtp::blocking

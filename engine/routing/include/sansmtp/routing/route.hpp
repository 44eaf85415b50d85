// From a domain to the hosts that take its mail, one after the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sansmtp/buffer.hpp"
#include "sansmtp/config.hpp"
#include "sansmtp/peer_demand.hpp"
#include "sansmtp/reply.hpp"
#include "sansmtp/routing/address_rules.hpp"
#include "sansmtp/routing/dns.hpp"
#include "sansmtp/routing/host_memory.hpp"
#include "sansmtp/routing/sts_cache.hpp"
#include "sansmtp/routing/tls_row.hpp"
#include "sansmtp/time_point.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp::routing {

/// A file to be fetched: GET https://HOST/.well-known/mta-sts.txt and nothing else, the certificate
/// verified for that host, no redirect followed (RFC 8461 section 3.3).
struct fetch {
  std::uint32_t id = 0;
  std::string host;
};

/// A host to be tried.
struct attempt {
  unsigned number = 0;  ///< From 1 on.
  std::string host;     ///< A name in A-labels, lower case, or a numeric address.
  /// In the order in which to try them; who connects may race them. Empty only for a relay that was
  /// given by name: look it up.
  std::vector<ip_address> addresses;
  std::uint16_t port = 25;
  tls_mode tls = tls_mode::opportunistic;
  peer_demand demand{demand_level::encrypted};
  /// What to show as the name of the server in TLS (SNI): under DANE the TLSA base domain
  /// (RFC 7672 section 8.1), else the host; empty for a numeric one.
  std::string server_name;
  std::uint16_t preference = 0;
};

/// Getter: all that a connection for this attempt depends on, as text: mails whose texts differ
/// must share neither a connection nor a TLS session (RTE-28).
[[nodiscard]] std::string site_of(const attempt& a);

/// How an attempt ended: what became of the link and of the opening of the session. Once MAIL was
/// answered it is `done`, whatever the answer.
enum class ending : std::uint8_t {
  unreachable,          ///< None of its addresses took a connection.
  no_family,            ///< This machine has no address or no way for one of the families.
  refused_transiently,  ///< 421 or any 4yz before MAIL.
  refused_permanently,  ///< A 5yz before MAIL.
  tls_failed,           ///< The handshake, or what the peer had to prove.
  tls_missing,          ///< TLS is needed, and was not offered or was refused.
  lost,                 ///< The link broke, or an answer was late or could not be understood.
  done,
};
inline constexpr std::size_t ending_count = static_cast<std::size_t>(ending::done) + 1;

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(ending e) noexcept;

/// What is told of an attempt.
struct trial {
  ending how = ending::unreachable;
  /// What TLS was like, or if it failed, in `verdict`, why; null: there was none. Read only during
  /// the call.
  const tls_info* tls = nullptr;
  /// With `no_family`: which one. The addresses of the other one are tried next.
  ip_family family = ip_family::v6;
  /// With `done`: is there a recipient who may be offered to another host (`errand::remaining`)?
  bool somebody_waits = false;
  /// The connection had been there before, so that it counts in no row.
  bool reused = false;
};

/// Why the way over a host, or to a domain, is not the way. What tells more comes first, and
/// decides how a route ends; the table in the README says how. The first ones may be gone at the
/// next try, from `refused_permanently` on they stay.
enum class obstacle : std::uint8_t {
  none,
  unserved,  ///< The host answered MAIL, and somebody still waits.
  refused_transiently,
  tls_failed,
  tls_missing,
  lost,
  unreachable,
  records_failed,       ///< Its TLSA records could not be had (RTE-24).
  not_in_policy,        ///< The MTA-STS policy does not name it (RTE-21).
  out_of_attempts,      ///< There were too many attempts before it.
  no_family,            ///< It has addresses of a family only that this machine cannot reach.
  lookup_failed,        ///< Its addresses could not be had.
  mx_failed,            ///< The question for MX records failed (RTE-02).
  refused_permanently,  ///< The host takes no mail.
  own_host,         ///< It is this machine: it, and those that are no better, would loop (RTE-05).
  unproven_name,    ///< REQUIRETLS, and nothing vouches for its name (RFC 8689 section 4.2.1).
  refused_address,  ///< Mail must not go to any of its addresses (RTE-09).
  no_address,       ///< It has none.
  no_domain,        ///< There is no such domain.
  null_mx,          ///< The domain says that it takes no mail (RFC 7505).
  bad_name,         ///< It is no name of a domain, or the literal of no address.
};
inline constexpr std::size_t obstacle_count = static_cast<std::size_t>(obstacle::bad_name) + 1;

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(obstacle o) noexcept;
/// Getter: a short sentence for a person; a static string.
[[nodiscard]] std::string_view message_of(obstacle o) noexcept;

/// One host of a route, in the order in which they had their turn.
struct hop {
  unsigned number = 0;  ///< Of the attempt; 0: it was not tried.
  std::string host;     ///< The domain itself, if that has no host.
  std::uint16_t preference = 0;
  obstacle why = obstacle::none;  ///< `none`: the mail was served there.
  /// Another attempt at the same host followed, so that this one counts for nothing.
  bool superseded = false;
};

/// What it comes to.
enum class conclusion : std::uint8_t {
  open,      ///< It goes on.
  served,    ///< A host answered, and nobody waits for another one.
  rejected,  ///< There is no way, and there will be none later.
  deferred,  ///< There is no way now.
};

/// Getter: the enumerator's spelling; a static string.
[[nodiscard]] std::string_view to_string(conclusion c) noexcept;

/// The end of a route, and how it came about.
struct verdict {
  conclusion what = conclusion::open;
  enhanced_status code;           ///< With `rejected` and `deferred` (RFC 3463, RFC 7505).
  obstacle why = obstacle::none;  ///< Of all hops the one that tells most.
  std::string text;               ///< For a person, e.g. "mx.a.test: no connection could be made".
  std::vector<hop> hops;
};

/// Which family's addresses come first, where a host has both.
enum class family_order : std::uint8_t { v6_first, v4_first };

/// Options of a route; a plain value, each with its default.
struct route_options {
  std::uint16_t port = 25;
  std::uint64_t seed = 0;  ///< Orders hosts of one preference; take another one for each route.
  /// Hosts that are this machine: its names, and its addresses as others see them.
  std::vector<std::string> own_names;
  std::vector<ip_address> own_addresses;
  /// Send all mail there instead, by a name or a numeric address, and ask no question: no MX, no
  /// MTA-STS, no DANE, and no rule for its address (RTE-10).
  std::string relay;
  /// What may be left out besides: hosts, or addresses of theirs, for which it says false. It must
  /// neither call the route nor throw.
  std::function<bool(std::string_view host, const ip_address&)> admits;
  tls_mode tls = tls_mode::opportunistic;  ///< What a host gets of which nothing more is demanded.
  /// What every host must prove at least; `names` without a name is its own.
  peer_demand demand{demand_level::encrypted};
  /// The mail asks for REQUIRETLS: hosts whose name neither DNSSEC nor a policy vouches for are
  /// left out, and all others must prove theirs (RFC 8689 section 4.2.1).
  bool require_tls = false;
  bool dane = true;                ///< Only with a resolver that validates.
  bool sts = true;                 ///< MTA-STS.
  bool private_addresses = false;  ///< Also send where only this machine or its network can.
  bool clear_text_retry = true;    ///< After a failed handshake, where TLS is opportunistic.
  family_order families = family_order::v6_first;
  unsigned hosts = 10;              ///< So many at most.
  unsigned addresses_per_host = 4;  ///< So many at most.
  unsigned attempts = 10;           ///< So many at most, those over clear text included.
  std::chrono::seconds dns_timeout{30};
  std::chrono::seconds fetch_timeout{60};
};

/// The way of mail to one domain, once over its hosts; mails may share it. A state machine (its
/// tables: `route_table.hpp`, drawn in the README): questions and fetches come out and their
/// answers go in, attempts come out and how they ended goes in, until it is over. The same answers
/// give the same attempts, in whatever order they arrive (RTE-31). Views and pointers are valid
/// until the next input, unless a function says otherwise.
///
/// Ask every question, and answer each once, with `found::failed` if nobody knows. What is answered
/// twice, late or without a question is ignored, so that no resolver can harm it.
class route {
 public:
  /// `domain` as in an address, in A-labels: a name, or a literal with its brackets. The cache and
  /// the memory are the caller's and must live longer than the route; several routes may share
  /// them, but not over threads.
  route(std::string_view domain, route_options options, sts_cache& cache,
        const host_memory& memory);
  ~route();
  route(route&&) noexcept;
  route& operator=(route&&) noexcept;

  // -- output

  /// Output: a question to be asked. Several may be open; each has its time from now on.
  [[nodiscard]] std::optional<question> next_question(time_point now);
  /// Output: a file to be fetched; it has its time from now on.
  [[nodiscard]] std::optional<fetch> next_fetch(time_point now);
  /// Output: the host to be tried; null: answer questions first, or it is over. The same one until
  /// `tried` was told of it.
  [[nodiscard]] const attempt* current() const noexcept;
  /// Output: what is to be counted for a report on TLS (RTE-29).
  [[nodiscard]] std::optional<tls_row> next_row();
  /// Output: when to call `advance` at the latest; nothing: no timer runs.
  [[nodiscard]] std::optional<time_point> deadline() const noexcept;

  // -- input

  /// Input: the answer to a question.
  void answered(time_point now, std::uint32_t id, dns_answer answer);
  /// Input: what came for a fetch: the status of HTTP and the body, read during the call. Hand over
  /// no more of it than `longest_sts_body` and one octet. If it is not text/plain, it failed.
  void fetched(time_point now, std::uint32_t id, int status, bytes body);
  /// Input: a fetch failed.
  void fetch_failed(time_point now, std::uint32_t id, std::error_code why);
  /// Input: how the attempt of this number ended; ignored unless that is the current one.
  void tried(time_point now, unsigned number, const trial& how);
  void tried(time_point now, unsigned number, ending how) { tried(now, number, trial{how}); }
  /// Input: time has passed. What was not answered in time counts as failed (RTE-30).
  void advance(time_point now);

  // -- getter

  /// Getter: is there nothing more to try? Afterwards all input is ignored, but for a policy that
  /// still comes: the cache keeps it.
  [[nodiscard]] bool over() const noexcept;
  /// Getter: how it ended and why; before that, the hops so far.
  [[nodiscard]] const verdict& why() const noexcept;
  /// Getter: `site_of` the current attempt, or nothing.
  [[nodiscard]] std::string site() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sansmtp::routing

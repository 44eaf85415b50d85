// Who answers what a route asks: the seam between its driver and a library for DNS or HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/routing/dns.hpp"
#include "sansmtp/routing/route.hpp"
#include "sansmtp/time_point.hpp"

namespace sansmtp::routing {

/// A descriptor that a loop is to watch, and for what.
struct watched {
  int descriptor = -1;
  bool readable = true;
  bool writable = false;
};

/// What is asked in several places at a time, and answers later. Each command returns a ticket,
/// which is never used twice, so that routes may share it though their own numbers are the same.
/// Every ticket has its answer exactly once, whatever happens. No function waits.
class lookup {
 public:
  using ticket = std::uint64_t;

  lookup() = default;
  lookup(const lookup&) = delete;
  lookup& operator=(const lookup&) = delete;
  virtual ~lookup() = default;

  /// Output: adds the descriptors to be watched; when one is ready there may be an answer. Nothing
  /// is added by who answers at once.
  virtual void watch(std::vector<watched>& into) const { static_cast<void>(into); }
  /// Getter: when to ask for answers at the latest, though no descriptor is ready; nothing: no
  /// timer runs.
  [[nodiscard]] virtual std::optional<time_point> deadline() const { return std::nullopt; }
};

/// Answers questions of the DNS.
class resolver : public lookup {
 public:
  struct answer {
    ticket of = 0;
    dns_answer what;
  };

  /// Command: asks; the number of the question is its route's affair.
  [[nodiscard]] virtual ticket ask(const question& q) = 0;
  /// Output: an answer that is there, each once, in any order.
  [[nodiscard]] virtual std::optional<answer> next_answer() = 0;
  /// Getter: does it verify answers itself, from a trust anchor down (RFC 4035)? Without that
  /// there is no DANE (RFC 7672 section 2.2).
  [[nodiscard]] virtual bool validates() { return false; }
};

/// Fetches policies of MTA-STS.
class fetcher : public lookup {
 public:
  struct result {
    ticket of = 0;
    std::error_code error;  ///< Why it failed; none: what follows was answered.
    int status = 0;         ///< Of HTTP.
    std::string body;       ///< No more than `longest_sts_body` octets, of type text/plain.
  };

  /// Command: fetches, and the certificate must be for the asked host (RFC 8461 section 3.3).
  [[nodiscard]] virtual ticket get(const fetch& f) = 0;
  /// Output: a result that is there, each once, in any order.
  [[nodiscard]] virtual std::optional<result> next_result() = 0;
};

}  // namespace sansmtp::routing

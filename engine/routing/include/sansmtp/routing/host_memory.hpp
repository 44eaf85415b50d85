// Which hosts could not be reached a short time ago.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sansmtp/time_point.hpp"

namespace sansmtp::routing {

/// A memory of hosts that could not be reached; a value, which routes share. A host that is down
/// is tried behind all others, so that not every mail waits for it; it is never left out. Bounded:
/// those are forgotten first that would be over first. A failed handshake is not remembered: it
/// costs one attempt its TLS, and the next one tries TLS again (POOL-02).
class host_memory {
 public:
  /// A host counts as down for `down_for`; `most` is the number of hosts, at least 1.
  explicit host_memory(std::chrono::seconds down_for = std::chrono::minutes(5),
                       std::size_t most = 10'000);

  /// Getter: could it not be reached a short time ago? In any case of letters.
  [[nodiscard]] bool is_down(std::string_view host, std::uint16_t port, time_point now) const;
  [[nodiscard]] std::size_t size() const noexcept { return down_.size(); }

  /// Input: no connection could be made.
  void note_down(std::string_view host, std::uint16_t port, time_point now);
  /// Input: it answered, whatever it said.
  void note_up(std::string_view host, std::uint16_t port);

 private:
  std::map<std::string, time_point, std::less<>> down_;  // host and port: until when
  std::chrono::seconds down_for_;
  std::size_t most_;
};

}  // namespace sansmtp::routing

// What is known of the MTA-STS policies of domains, and for how long.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/routing/sts_policy.hpp"
#include "sansmtp/time_point.hpp"

namespace sansmtp::routing {

/// A cache of policies (RFC 8461 sections 3.3 and 5.1); a value, which the caller keeps longer than
/// a process by `save` and `load`. It protects only who has it: a domain whose policy was seen once
/// cannot be talked out of it before it expires. It holds a bounded number of domains, and drops
/// those first that would be over first. Domains are taken in any case of letters.
class sts_cache {
 public:
  /// After a fetch that failed, the same id is not fetched again so soon (RFC 8461 section 3.3).
  static constexpr std::chrono::minutes retry_delay{5};

  /// What should be done about a domain's policy.
  enum class due : std::uint8_t {
    nothing,
    refresh,  ///< Fetch it, and nobody needs to wait: the one that is here holds.
    fetch,    ///< Fetch it before mail is sent: there is another one than is here, or none here.
  };

  /// `seed` spreads the moments of refreshing; `most` is the number of domains, at least 1.
  explicit sts_cache(std::uint64_t seed = 0, std::size_t most = 10'000);

  /// Getter: the policy that holds for the domain, or null; valid until the next input.
  [[nodiscard]] const sts_policy* find(std::string_view domain, time_point now) const;
  /// Getter: the id of the policy that holds for the domain, or nothing; valid until the next
  /// input.
  [[nodiscard]] std::string_view id_of(std::string_view domain, time_point now) const;
  /// Getter: what is due, when the domain's record in the DNS has this id; nothing: it has none, or
  /// nobody could tell.
  [[nodiscard]] due what_is_due(std::string_view domain, const std::optional<std::string>& id,
                                time_point now) const;
  /// Getter: may the domain's policy of this id be fetched, or did that fail a short time ago?
  [[nodiscard]] bool may_fetch(std::string_view domain, std::string_view id, time_point now) const;
  /// Getter: was the domain's policy fetched so short a time ago (`retry_delay`) that another one
  /// is hardly there?
  [[nodiscard]] bool is_fresh(std::string_view domain, time_point now) const;
  /// Getter: domains whose policy is due to be refreshed, `most` at most, for a task that runs
  /// beside the mails; see `id_of`.
  [[nodiscard]] std::vector<std::string> refresh_due(time_point now, std::size_t most) const;
  /// Getter: how many domains it knows something of.
  [[nodiscard]] std::size_t size() const noexcept { return domains_.size(); }

  /// Input: the domain's policy, as was just fetched for this id. It replaces what was there.
  void store(std::string_view domain, std::string_view id, sts_policy policy, time_point now);
  /// Input: fetching the policy of this id failed. What was there stays until it expires.
  void failed(std::string_view domain, std::string_view id, time_point now);
  /// Input: forgets all of a domain.
  void forget(std::string_view domain);

  /// Getter: all of it as lines of text, the moments by the clock of the wall, which shows `wall`.
  [[nodiscard]] std::string save(time_point now, std::chrono::sys_seconds wall) const;
  /// Input: adds what `save` wrote; what is over is left out, and so is what cannot be read. A
  /// moment of fetching that lies ahead, since the clock was changed, counts as now. Returns how
  /// many lines could not be read.
  std::size_t load(std::string_view text, time_point now, std::chrono::sys_seconds wall);

 private:
  struct entry {
    std::string id;
    std::optional<sts_policy> policy;
    time_point fetched{};
    time_point expires{};
    time_point refresh{};
    std::string failed_id;
    time_point retry{};  ///< Until then `failed_id` is not fetched.

    [[nodiscard]] bool holds(time_point now) const noexcept { return policy && now < expires; }
    [[nodiscard]] time_point gone() const noexcept;
  };

  [[nodiscard]] const entry* known(std::string_view domain) const;
  entry& made(std::string domain);
  bool load_line(std::string_view line, time_point now, std::chrono::sys_seconds wall);

  std::map<std::string, entry, std::less<>> domains_;
  std::uint64_t seed_;
  std::size_t most_;
};

}  // namespace sansmtp::routing

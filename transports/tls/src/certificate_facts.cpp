#include "certificate_facts.hpp"

#include <chrono>
#include <cstddef>

namespace sansmtp::tls {

namespace {

enum class when : std::uint8_t { now, past, future };

when validity_of(const certificate_facts& c) noexcept {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  return c.expiry < now ? when::past : c.begin > now ? when::future : when::now;
}

std::error_code weakness_of(const certificate_facts& c) {
  // What signs itself proves nothing by its signature: it is trusted, or not, as it stands.
  if (!is_self_issued(c) && c.has_weak_signature) return tls_errc::weak_signature;
  if (!c.has_supported_signature) return tls_errc::weak_signature;
  if (c.has_weak_key) return tls_errc::weak_key;
  return {};
}

/// Something on the way up from the server's certificate that keeps it from an authority.
std::error_code obstacle_above(std::span<const certificate_facts> chain) {
  const certificate_facts* at = &chain.front();
  for (std::size_t steps = 0; steps != chain.size(); ++steps) {
    // The first authority that is there in no edition that counts.
    const certificate_facts* issuer = nullptr;
    std::error_code obstacle;
    for (const certificate_facts& c : chain.subspan(1)) {
      if (&c == at || is_self_issued(c) || !is_issued_by(*at, c)) continue;
      issuer = &c;
      obstacle = problem_of_authority(c);
      if (!obstacle) break;
    }
    if (issuer == nullptr || obstacle) return obstacle;
    at = issuer;
  }
  return {};
}

}  // namespace

bool is_issued_by(const certificate_facts& c, const certificate_facts& other) {
  return c.unreadable == tls_errc::none && other.unreadable == tls_errc::none &&
         c.issuer == other.subject;
}

bool is_self_issued(const certificate_facts& c) { return is_issued_by(c, c); }

std::error_code problem_of_authority(const certificate_facts& c) {
  switch (validity_of(c)) {
    case when::past: return tls_errc::expired_authority;
    case when::future: return tls_errc::not_yet_valid_authority;
    case when::now: break;
  }
  if (!c.is_authority) return tls_errc::wrong_key_usage;
  return weakness_of(c);
}

std::error_code problem_of_server(const certificate_facts& c) {
  if (c.unreadable != tls_errc::none) return c.unreadable;
  switch (validity_of(c)) {
    case when::past: return tls_errc::expired_certificate;
    case when::future: return tls_errc::not_yet_valid_certificate;
    case when::now: break;
  }
  if (!c.is_for_servers) return tls_errc::wrong_key_usage;
  if (!c.has_supported_key) return tls_errc::unsupported_key;
  return weakness_of(c);
}

std::error_code verdict_on_chain(std::span<const certificate_facts> chain,
                                 std::error_code distrust) {
  if (chain.empty()) return tls_errc::no_certificate;
  const certificate_facts& server = chain.front();
  const std::error_code problem = problem_of_server(server);
  if (!distrust || server.unreadable != tls_errc::none) return problem;
  if (is_self_issued(server)) return problem ? problem : tls_errc::self_signed;
  if (const std::error_code obstacle = obstacle_above(chain)) return obstacle;
  return problem ? problem : distrust;
}

}  // namespace sansmtp::tls

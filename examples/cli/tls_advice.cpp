#include "tls_advice.hpp"

#include <algorithm>
#include <iterator>

namespace sansmtp::cli {

std::string_view handshake_advice(errc e) noexcept {
  struct row {
    errc condition;
    std::string_view advice;
  };
  static constexpr row rows[]{
      {errc::tls_not_offered, "try --tls implicit on another port, such as 465"},
      {errc::tls_refused, "try again later"},
      {errc::plaintext_peer,
       "with --tls implicit try --tls required or another port; else its TLS does not work"},
      {errc::handshake_lost,
       "try again later; if that is so each time, its TLS does not work, or something on the way "
       "cuts it"},
      {errc::handshake_timed_out,
       "is it a port for TLS, and does a firewall let it pass? --timeout handshake=5m gives more "
       "time"},
      {errc::tls_flood, "its TLS does not work, or it means no good"}};
  const auto* const found = std::find_if(std::begin(rows), std::end(rows),
                                         [e](const row& r) { return r.condition == e; });
  return found == std::end(rows) ? std::string_view{} : found->advice;
}

}  // namespace sansmtp::cli

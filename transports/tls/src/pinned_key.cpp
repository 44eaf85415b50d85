#include "sansmtp/tls/pinned_key.hpp"

#include <string>

#include "sansmtp/base64.hpp"

namespace sansmtp::tls {

std::optional<tlsa_record> pinned_key(std::string_view pin) {
  constexpr std::string_view kind = "sha256/";
  constexpr std::size_t octets = 32;
  if (!pin.starts_with(kind)) return std::nullopt;
  std::optional<std::string> digest = base64_decode(pin.substr(kind.size()));
  if (!digest || digest->size() != octets) return std::nullopt;
  return tlsa_record{3, 1, 1, std::move(*digest)};
}

}  // namespace sansmtp::tls

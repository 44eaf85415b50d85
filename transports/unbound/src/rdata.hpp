// From the octets of records to an answer.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sansmtp/routing/dns.hpp"

namespace sansmtp::unbound {

/// Getter: the name that `wire` spells: labels without compression and nothing behind them (RFC
/// 1035 section 3.1); "." is the root, all others end without a dot. A dot, a backslash or an octet
/// that is no printable ASCII becomes "\DDD", so that no label can look like two. Nothing if it is
/// no name.
[[nodiscard]] std::optional<std::string> name_of(std::string_view wire);

/// Output: puts the records of one kind into `out`, each given by its rdata, which is read during
/// the call and may be anything. False if one of them is none of that kind; `out` is as it was
/// then.
[[nodiscard]] bool read_records(routing::record type, std::span<const std::string_view> rdata,
                                routing::dns_answer& out);

}  // namespace sansmtp::unbound

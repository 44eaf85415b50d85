// The way of a mail to a domain, in words and in JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "sansmtp/blocking/deliver.hpp"

namespace sansmtp::cli {

/// Getter: what a host has to prove in TLS: "records", "names", or "nothing". Static strings.
[[nodiscard]] std::string_view proof_of(const peer_demand& demand) noexcept;

/// Getter: a line for the domain and one for each host, for a table.
[[nodiscard]] std::string to_table(const blocking::way& w);
/// Getter: the same for programs.
[[nodiscard]] nlohmann::ordered_json to_json(const blocking::way& w);

}  // namespace sansmtp::cli

#include "sansmtp/routing/dane.hpp"

#include <algorithm>
#include <cstddef>

namespace sansmtp::routing {

namespace {

constexpr std::uint8_t trust_anchor = 2;  // DANE-TA; 3 is DANE-EE

/// More than anybody has who still changes his keys by hand, and what a link would have to look
/// at.
constexpr std::size_t most_records = 100;

void add_name(std::vector<std::string>& names, std::string_view name) {
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
    names.emplace_back(name);
  }
}

}  // namespace

bool is_usable(const tlsa_record& r) noexcept {
  if (r.usage != trust_anchor && r.usage != 3) return false;
  if (r.selector > 1) return false;
  switch (r.matching) {
    case 0: return !r.data.empty();
    case 1: return r.data.size() == 32;  // SHA-256
    case 2: return r.data.size() == 64;  // SHA-512
    default: return false;
  }
}

std::string tlsa_name(std::uint16_t port, std::string_view base) {
  std::string name = "_" + std::to_string(port) + "._tcp.";
  name += base;
  return name;
}

peer_demand demand_of(const std::vector<tlsa_record>& found, std::string_view base,
                      std::string_view host, std::string_view domain) {
  peer_demand demand{demand_level::encrypted};
  std::copy_if(found.begin(), found.end(), std::back_inserter(demand.records), is_usable);
  if (demand.records.empty()) return demand;
  demand.level = demand_level::records;
  // The order of an answer says nothing, so it must not make two demands of one.
  std::sort(demand.records.begin(), demand.records.end());
  demand.records.erase(std::unique(demand.records.begin(), demand.records.end()),
                       demand.records.end());
  if (demand.records.size() > most_records) demand.records.resize(most_records);
  add_name(demand.names, base);
  if (demand.records.front().usage == trust_anchor) {  // sorted by usage
    add_name(demand.names, host);
    add_name(demand.names, domain);
  }
  return demand;
}

}  // namespace sansmtp::routing

#include "link_terms.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "records.hpp"
#include "sansmtp/base64.hpp"
#include "sansmtp/tls/server_identity.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp::tls {

namespace {

std::string without_final_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

peer_demand demand_of(const tls_target& target, const std::string& host,
                      const tls_options& options) {
  peer_demand demand{demand_level::encrypted};
  if (target.demand != nullptr) {
    demand = *target.demand;
  } else if (!options.server_name.empty()) {
    demand = {demand_level::names, {options.server_name}};
  } else if (options.verify_host) {
    demand = {demand_level::names};
  }
  if (demand.level == demand_level::encrypted) {
    demand.names.clear();
    demand.records.clear();
  } else if (demand.names.empty() && !host.empty()) {
    demand.names.push_back(host);
  }
  for (std::string& name : demand.names) name = without_final_dot(name);
  // One record that is true of the peer is enough, so to leave out what no layer can judge asks for more
  // and never for less. Where nothing else is left, it stays, and the link is refused.
  if (std::any_of(demand.records.begin(), demand.records.end(), is_of_own_certificate)) {
    std::erase_if(demand.records, std::not_fn(is_of_own_certificate));
  }
  return demand;
}

/// Why it can never be met. Who only looks around is told so by the verdict on the link.
std::error_code problem_of_demand(const peer_demand& demand, bool report_only) {
  if (demand.level == demand_level::records) {
    // A layer's word on names would be taken for more, so nobody goes on without one on records.
    if (demand.records.empty()) return tls_errc::bad_record;
    for (const tlsa_record& r : demand.records) {
      if (const std::error_code problem = problem_of(r)) return problem;
    }
    return {};
  }
  if (report_only || demand.level == demand_level::encrypted) return {};
  if (demand.names.empty()) return tls_errc::no_server_name;
  for (const std::string& name : demand.names) {
    if (address_octets(name).empty() && !is_dns_name(name)) return tls_errc::bad_server_name;
  }
  return {};
}

class refusing_layer final : public tls_layer {
 public:
  explicit refusing_layer(std::error_code error) : error_(error) {}

  void feed(bytes) override {}
  void feed_end() override {}
  progress handshake() override { return progress::failed; }
  reading read(std::span<char>, std::size_t& size) override {
    size = 0;
    return reading::failed;
  }
  bool write(bytes) override { return false; }
  void close() override {}
  [[nodiscard]] std::size_t pending() const noexcept override { return 0; }
  void drain(std::vector<char>&) override {}
  [[nodiscard]] const tls_info& info() const noexcept override { return info_; }
  [[nodiscard]] std::error_code error() const noexcept override { return error_; }

 private:
  std::error_code error_;
  tls_info info_;
};

}  // namespace

link_terms terms_for(const tls_target& target, const tls_options& options) {
  const std::string host = without_final_dot(target.host);
  link_terms terms;
  terms.demand = demand_of(target, host, options);
  terms.problem = problem_of_demand(terms.demand, options.report_only);
  const std::vector<std::string>& names = terms.demand.names;
  // SNI shows DNS names only (RFC 6066 section 3).
  const std::string& shown = names.empty() ? host : names.front();
  if (address_octets(shown).empty() && is_dns_name(shown)) terms.shown_name = shown;
  // The parts of the key are separated by what none of them can hold, but for a host that is no
  // name: that comes last.
  terms.key = std::to_string(static_cast<int>(terms.demand.level));
  for (const std::string& name : names) terms.key += '\n' + name;
  for (const tlsa_record& r : terms.demand.records) {
    for (const std::uint8_t part : {r.usage, r.selector, r.matching}) {
      terms.key += '\n' + std::to_string(part);
    }
    terms.key += ' ' + base64_encode(r.data);
  }
  terms.key += '\n' + std::to_string(target.port) + '\n' + host;
  return terms;
}

std::unique_ptr<tls_layer> make_refusing_layer(std::error_code error) {
  return std::make_unique<refusing_layer>(error);
}

}  // namespace sansmtp::tls

#include "route_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "a_labels.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "interruption.hpp"
#include "routing_options.hpp"
#include "sansmtp/reply.hpp"
#include "standard_streams.hpp"
#include "way_report.hpp"

namespace sansmtp::cli {
namespace {

struct arguments {
  std::string domain;
  routing_options routing;
  bool json = false;
};

/// What was found.
struct way_found {
  std::vector<routing::attempt> hosts;
  routing::verdict why;
  std::string policy;   // the mode of MTA-STS; empty: none
  std::string missing;  // why a policy that is announced could not be had; empty: it could
  std::string warning;  // of the DNS
};

/// Those that are left out, and why; in `hosts` are all others.
std::vector<routing::hop> left_out(const way_found& found) {
  std::vector<routing::hop> hops;
  for (const routing::hop& h : found.why.hops) {
    if (h.number == 0) hops.push_back(h);
  }
  return hops;
}

/// Who says what a host has to prove. (No other demand is made here.)
std::string_view source_of(const routing::attempt& a) {
  if (a.demand.level == demand_level::records) return "DANE";
  if (a.demand.level == demand_level::names) return "MTA-STS";
  return a.tls == tls_mode::required ? "TLS by DANE" : "nobody";
}

std::string addresses_of(const routing::attempt& a) {
  std::vector<std::string> texts;
  for (const auto& address : a.addresses) texts.push_back(address.text());
  return fmt::format("{}", fmt::join(texts, " "));
}

std::string to_text(const way_found& found) {
  std::string text;
  std::size_t width = 0;
  for (const routing::attempt& a : found.hosts) width = std::max(width, a.host.size());
  for (const routing::hop& h : found.why.hops) width = std::max(width, h.host.size());
  for (const routing::attempt& a : found.hosts) {
    text += fmt::format("{:5}  {:{}}  {:11}  {}\n", a.preference, display_text(a.host), width,
                        source_of(a), addresses_of(a));
  }
  for (const routing::hop& h : left_out(found)) {
    text += fmt::format("{:5}  {:{}}  not used: {}\n", h.preference, display_text(h.host), width,
                        message_of(h.why));
  }
  if (!found.missing.empty()) text += found.missing + '\n';
  if (!found.policy.empty()) text += fmt::format("MTA-STS: {}\n", found.policy);
  return text;
}

std::string to_json(const arguments& given, const way_found& found) {
  using nlohmann::ordered_json;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
  };
  ordered_json hosts = ordered_json::array();
  for (const routing::attempt& a : found.hosts) {
    ordered_json addresses = ordered_json::array();
    for (const auto& address : a.addresses) addresses.push_back(address.text());
    hosts.push_back({{"host", a.host},
                     {"preference", a.preference},
                     {"port", a.port},
                     {"addresses", std::move(addresses)},
                     {"demand", proof_of(a.demand)},
                     {"demanded_by", source_of(a)},
                     {"names", a.demand.names},
                     {"records", a.demand.records.size()},
                     {"server_name", text_or_null(a.server_name)}});
  }
  ordered_json unused = ordered_json::array();
  for (const routing::hop& h : left_out(found)) {
    unused.push_back(
        {{"host", h.host}, {"preference", h.preference}, {"obstacle", to_string(h.why)}});
  }
  const ordered_json line{{"domain", given.domain},
                          {"hosts", std::move(hosts)},
                          {"not_used", std::move(unused)},
                          {"sts", text_or_null(found.policy)},
                          {"sts_problem", text_or_null(found.missing)},
                          {"dns_warning", text_or_null(found.warning)}};
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

exit_code run(const arguments& given) {
  interruption::watch();
  routing_tools tools(given.routing);
  way_found found;
  found.warning = tools.dns_warning();
  for (const std::string& w : tools.warnings()) complain("sansmtp route: " + w);
  tools.on_missing_policy = [&](const std::string& sentence) { found.missing = sentence; };
  blocking::deliver_options options = tools.options();
  options.route.seed = 1;  // the same answers are shown in the same order
  options.client.stop = [] {
    return interruption::wanted() ? blocking::stop_request::soon : blocking::stop_request::no;
  };
  found.hosts = blocking::find_way(given.domain, options, &found.why);
  const routing::sts_policy* const policy = tools.policies().find(
      to_a_labels(given.domain).value_or(given.domain), std::chrono::steady_clock::now());
  if (policy != nullptr) found.policy = to_string(policy->mode);
  tools.save();
  print(given.json ? to_json(given, found) : to_text(found));
  if (interruption::wanted()) {
    throw failure(exit_code::temporary, "interrupted");
  }
  if (!found.hosts.empty()) return exit_code::ok;
  const bool for_good = found.why.what == routing::conclusion::rejected;
  complain(fmt::format("sansmtp route: {}", found.why.text));
  return for_good ? exit_code::no_host : exit_code::temporary;
}

}  // namespace

void add_route_command(CLI::App& app, int& exit_code) {
  CLI::App* const command = app.add_subcommand(
      "route", "Look up which hosts take mail for a domain, and what they must prove");
  const auto given = std::make_shared<arguments>();
  command->add_option("DOMAIN", given->domain, "What stands behind the '@' of an address")
      ->required()
      ->type_name("");
  given->routing.add_to(*command);
  command->add_flag("--json", given->json, "One line of JSON, not a table");
  command->footer(
      "One line a host, in the order in which 'sansmtp send' tries them (equal ones by chance):\n"
      "its preference, its name, who says what it must prove in TLS (DANE, MTA-STS, or nobody),\n"
      "and its addresses; then those that are not used, and why. No host is connected to.\n\n"
      "Example:\n"
      "  sansmtp route example.org\n\n" +
      exit_code_help());
  command->callback([given, &exit_code] { exit_code = static_cast<int>(run(*given)); });
}

}  // namespace sansmtp::cli

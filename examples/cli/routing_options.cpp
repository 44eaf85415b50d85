#include "routing_options.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "a_labels.hpp"
#include "input.hpp"
#include "output_file.hpp"
#include "sansmtp/blocking/server_address.hpp"
#include "sansmtp/reply.hpp"

namespace sansmtp::cli {
namespace {

std::chrono::sys_seconds wall_clock() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::uint64_t chance() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

/// "192.0.2.1:53" or "[2001:db8::1]:53" as libunbound takes it.
std::string dns_server(const std::string& text) {
  const auto server = blocking::server_address::parse(text, 53);
  if (!server || server->is_unix() || !routing::ip_address::parse(server->host)) {
    throw CLI::ValidationError("--dns",
                               fmt::format("'{}' is no IP address, with :PORT or without", text));
  }
  return fmt::format("{}@{}", server->host, server->port);
}

}  // namespace

void routing_options::add_to(CLI::App& command) {
  const auto add = [this](CLI::Option* option) {
    options_.push_back(option);
    return option;
  };
  add(command.add_option_function<std::vector<std::string>>(
          "--dns",
          [this](const std::vector<std::string>& servers) {
            for (const std::string& s : servers) dns.servers.push_back(dns_server(s));
          },
          "Ask this DNS server, and not the system's (repeatable)"))
      ->type_name("IP[:PORT]")
      ->allow_extra_args(false);
  add(command.add_option("--dns-anchor", dns.anchor,
                         "Trust the root's key in this file; by default "
                         "/usr/share/dns/root.key"))
      ->type_name("FILE");
  add(command.add_option("--sts-cache", sts_file,
                         "Keep policies of MTA-STS in this file from run to run"))
      ->type_name("FILE");
  add(command.add_option("--sts-ca", sts_ca_file,
                         "Trust the authorities in this file, PEM, for the hosts that policies of "
                         "MTA-STS are fetched from, and not the system's"))
      ->type_name("FILE");
  add(command.add_option("--tls-report", report_file,
                         "Write what became of TLS to this file, a line of JSON for each session "
                         "or policy, in the words of RFC 8460"))
      ->type_name("FILE");
  add(command.add_option("--mx-port", port, "The port of the hosts; by default 25"))
      ->type_name("PORT")
      ->check(CLI::Range(1, 65535));
  add(command.add_flag("--no-dane", no_dane, "Look for no TLSA records"));
  add(command.add_flag("--no-sts", no_sts, "Look for no policies of MTA-STS"));
  add(command.add_flag("--private-addresses", private_addresses,
                       "Go also to hosts at addresses of this machine or of its own network"));
}

std::string routing_options::given() const {
  for (const CLI::Option* option : options_) {
    if (option->count() != 0) return option->get_name();
  }
  return {};
}

routing_tools::routing_tools(const routing_options& given)
    : given_(given),
      resolver_(make_resolver(given.dns)),
      policies_(chance()),
      dns_warning_(find_dns_warning()) {
  if (given.no_sts) return;
  // A file that cannot be read would cost all policies, and nobody would know why.
  if (!given.sts_ca_file.empty()) static_cast<void>(read_input(given.sts_ca_file));
  fetcher_ = make_fetcher(given.sts_ca_file);
  if (given.sts_file.empty() || !std::filesystem::exists(given.sts_file)) return;
  bad_lines_ =
      policies_.load(read_input(given.sts_file), std::chrono::steady_clock::now(), wall_clock());
}

blocking::deliver_options routing_tools::options() {
  blocking::deliver_options o;
  o.route.port = given_.port;
  o.route.dane = !given_.no_dane;
  o.route.sts = !given_.no_sts && (fetcher_ || !given_.sts_file.empty());
  o.route.private_addresses = given_.private_addresses;
  o.resolver = resolver_.get();
  o.fetcher = fetcher_.get();
  o.policies = &policies_;
  o.hosts = &hosts_;
  o.a_labels = [](std::string_view domain) {
    return to_a_labels(std::string(domain)).value_or(std::string());
  };
  o.on_row = [this](const routing::tls_row& row) { take(row); };
  return o;
}

void routing_tools::take(const routing::tls_row& row) {
  // Only what is told of a policy itself names no host.
  if (row.policy == routing::tls_policy::sts && row.host.empty() && on_missing_policy) {
    on_missing_policy(fmt::format("{}: its policy of MTA-STS could not be had ({})",
                                  display_text(row.domain), to_string(row.result)));
  }
  if (given_.report_file.empty()) return;
  const nlohmann::ordered_json line{{"policy-type", to_string(row.policy)},
                                    {"policy-domain", row.domain},
                                    {"mx-host", row.host},
                                    {"result-type", to_string(row.result)}};
  rows_ += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string routing_tools::find_dns_warning() const {
  const std::error_code why = warning_of(*resolver_);
  if (!why) return {};
  std::string sentence = why.message();
  if (sentence.ends_with('.')) sentence.pop_back();
  if (resolver_->validates()) {
    return sentence + ", and mail is deferred: name a server that passes DNSSEC on with --dns";
  }
  if (given_.no_dane) return {};
  return sentence + "; no host is proven by DANE (--no-dane if that is as it should be)";
}

std::vector<std::string> routing_tools::warnings() const {
  std::vector<std::string> all;
  if (!dns_warning_.empty()) all.push_back(dns_warning_);
  if (!given_.no_sts && !fetcher_) {
    all.emplace_back(
        "this sansmtp was built without libcurl, so that no policy of MTA-STS is fetched (--no-sts "
        "if that is as it should be)");
  }
  if (bad_lines_ != 0) {
    all.push_back(fmt::format("{}: lines that no cache has, which count for nothing: {}",
                              given_.sts_file, bad_lines_));
  }
  return all;
}

void routing_tools::save() const {
  if (!given_.sts_file.empty() && !given_.no_sts) {
    replace_output(given_.sts_file, policies_.save(std::chrono::steady_clock::now(), wall_clock()));
  }
  if (!given_.report_file.empty()) write_output(given_.report_file, rows_);
}

}  // namespace sansmtp::cli

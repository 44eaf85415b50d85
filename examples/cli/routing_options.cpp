#include "routing_options.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "a_labels.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "input.hpp"
#include "output_file.hpp"
#include "sansmtp/blocking/server_address.hpp"

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

routing_tools::routing_tools(const routing_options& given, const std::string& ca_file)
    : given_(given), resolver_(make_resolver(given.dns)), policies_(chance()) {
  if (given.no_sts) return;
  fetcher_ = make_fetcher(ca_file);
  if (given.sts_file.empty() || !std::filesystem::exists(given.sts_file)) return;
  const std::size_t bad =
      policies_.load(read_input(given.sts_file), std::chrono::steady_clock::now(), wall_clock());
  if (bad != 0) {
    throw failure(exit_code::data_error,
                  fmt::format("{}: lines that no cache has: {}", given.sts_file, bad));
  }
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
  if (!given_.report_file.empty()) {
    o.on_row = [this](const routing::tls_row& row) {
      const nlohmann::ordered_json line{{"policy-type", to_string(row.policy)},
                                        {"policy-domain", row.domain},
                                        {"mx-host", row.host},
                                        {"result-type", to_string(row.result)}};
      rows_ += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
    };
  }
  return o;
}

std::string routing_tools::warning() const {
  if (given_.no_dane) return {};
  const std::error_code why = warning_of(*resolver_);
  if (!why) return {};
  std::string sentence = why.message();
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence + "; no host is proven by DANE (--no-dane if that is as it should be)";
}

void routing_tools::save() const {
  if (!given_.sts_file.empty() && !given_.no_sts) {
    // Whoever reads it meanwhile has the old one or the new one.
    const std::string beside = given_.sts_file + ".new";
    write_output(beside, policies_.save(std::chrono::steady_clock::now(), wall_clock()));
    std::error_code error;
    std::filesystem::rename(beside, given_.sts_file, error);
    if (error) {
      throw failure(exit_code::io_error,
                    fmt::format("cannot write {}: {}", given_.sts_file, error.message()));
    }
  }
  if (!given_.report_file.empty()) write_output(given_.report_file, rows_);
}

}  // namespace sansmtp::cli

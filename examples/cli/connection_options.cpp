#include "connection_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "duration.hpp"
#include "sansmtp/path.hpp"
#include "sansmtp/tls/pinned_key.hpp"

namespace sansmtp::cli {
namespace {

using stage = std::pair<std::string_view, timeouts::duration timeouts::*>;

constexpr std::array<stage, 14> stages{{
    {"greeting", &timeouts::greeting},
    {"hello", &timeouts::hello},
    {"starttls", &timeouts::starttls},
    {"handshake", &timeouts::handshake},
    {"auth", &timeouts::auth},
    {"mail", &timeouts::mail},
    {"rcpt", &timeouts::rcpt},
    {"data", &timeouts::data},
    {"block", &timeouts::block},
    {"progress", &timeouts::progress},
    {"chunk", &timeouts::chunk},
    {"content", &timeouts::content},
    {"reset", &timeouts::reset},
    {"quit", &timeouts::quit},
}};

std::string stage_names() {
  std::string names;
  for (const stage& s : stages) names += (names.empty() ? "" : ", ") + std::string(s.first);
  return names;
}

std::chrono::milliseconds duration_of(const std::string& option, std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) {
    throw CLI::ValidationError(option,
                               fmt::format("'{}' is no duration like 250ms, 30s, 5m or 1h", text));
  }
  return *duration;
}

}  // namespace

void connection_options::add_to(CLI::App& command, server_from from) {
  session_config& config = client.session;
  const bool by_domain = from == server_from::option_or_domain;
  command
      .add_option_function<std::string>(
          "--server",
          [this](const std::string& text) {
            if (!blocking::server_address::parse(text)) {
              throw CLI::ValidationError("--server",
                                         fmt::format("'{}' is no host, host:port, [IPv6]:port or "
                                                     "unix:/path",
                                                     text));
            }
            server_text_ = text;
          },
          std::string("The mail server: host, host:port, [IPv6]:port or unix:/path; by default "
                      "port 25, that of the profile, or 465 with --tls implicit") +
              (by_domain ? ". Without it each mail goes to the hosts of its recipients' domains"
                         : ""))
      ->type_name("HOST[:PORT]")
      ->required(!by_domain);
  command
      .add_option_function<std::string>(
          "--bind",
          [this](const std::string& address) {
            if (address_literal(address).empty()) {
              throw CLI::ValidationError("--bind", fmt::format("'{}' is no IP address", address));
            }
            client.local_address = address;
          },
          "Connect from this local IP address")
      ->type_name("IP");
  command
      .add_option_function<std::string>(
          "--ehlo",
          [&config](const std::string& name) {
            if (!is_domain(name) && !is_address_literal(name)) {
              throw CLI::ValidationError("--ehlo",
                                         fmt::format("'{}' is no domain or address literal", name));
            }
            config.local_name = name;
          },
          "Introduce this host so; by default its own name, else its address")
      ->type_name("NAME");
  command
      .add_option_function<std::vector<std::string>>(
          "--timeout",
          [&config](const std::vector<std::string>& settings) {
            for (const std::string& setting : settings) {
              const std::size_t at = setting.find('=');
              const auto* s = std::find_if(stages.begin(), stages.end(), [&](const stage& known) {
                return at != std::string::npos && known.first == setting.substr(0, at);
              });
              if (s == stages.end()) {
                throw CLI::ValidationError(
                    "--timeout", fmt::format("'{}' is not STAGE=DURATION; the stages are {}",
                                             setting, stage_names()));
              }
              config.timeouts.*(s->second) = duration_of("--timeout", setting.substr(at + 1));
            }
          },
          fmt::format("Wait so long at this stage, for example data=30s (repeatable); the stages "
                      "are {}; 0 is for ever. The defaults are those of RFC 5321",
                      stage_names()))
      ->type_name("STAGE=DURATION")
      ->allow_extra_args(false);
  command
      .add_option_function<std::string>(
          "--connect-timeout",
          [this](const std::string& text) {
            client.connect_timeout = duration_of("--connect-timeout", text);
          },
          "Wait so long for the connection, to one of the server's addresses; by default 30s")
      ->type_name("DURATION");
  CLI::Option* const lmtp = command.add_flag_callback(
      "--lmtp", [&config] { config.protocol = mail_protocol::lmtp; },
      "Speak LMTP, to what stores mail: a verdict for each recipient; --server needs a port other "
      "than 25, or is a Unix socket");
  command
      .add_option("--ignore", config.ignored_keywords,
                  "Act as if the server did not offer this extension (repeatable)")
      ->type_name("KEYWORD")
      ->allow_extra_args(false);

  CLI::Option* const profile =
      command
          .add_option("--profile", profile_,
                      "How mail is handed in at a provider: submission (port 587, --tls required) "
                      "or submissions (port 465, --tls implicit); both verify that the server is "
                      "the host of --server")
          ->type_name("NAME")
          ->check(CLI::IsMember({"submission", "submissions"}));
  mode_ = add_choice<tls_mode>(
      command, "--tls", config.tls,
      {{"off", tls_mode::off},
       {"opportunistic", tls_mode::opportunistic},
       {"required", tls_mode::required},
       {"implicit", tls_mode::implicit}},
      std::string("off (the default); opportunistic") +
          (by_domain ? " (the default without --server)" : "") +
          ": STARTTLS if the server offers it, without TLS if that fails; required: STARTTLS or "
          "nothing; implicit: TLS from the first octet. Who the server is, is proven with "
          "--server-name, --ca, --pin or --profile only" +
          (by_domain ? ", and without --server as its domain says" : ""));
  mode_->type_name("MODE")->excludes(profile);
  CLI::Option* const name =
      command
          .add_option("--server-name", tls.server_name,
                      "Go on only if the server's certificate is for this name or address; a Unix "
                      "socket has no other name")
          ->type_name("NAME");
  CLI::Option* const authorities =
      command
          .add_option(
              "--ca", tls.ca_file,
              std::string("Trust the authorities in this file, PEM, and not the system's; without "
                          "--server-name the certificate must be for the host of "
                          "--server") +
                  (by_domain ? ", and without --server for each host, unless DANE proves it" : ""))
          ->type_name("FILE");
  command
      .add_option_function<std::vector<std::string>>(
          "--pin",
          [this](const std::vector<std::string>& pins) {
            for (const std::string& pin : pins) {
              std::optional<tlsa_record> record = sansmtp::tls::pinned_key(pin);
              if (!record) {
                throw CLI::ValidationError(
                    "--pin",
                    fmt::format("'{}' is not sha256/ and the base64 of 32 octets, as 'sansmtp "
                                "probe' shows a server's key",
                                pin));
              }
              pins_.push_back(std::move(*record));
            }
          },
          "Go on only with a server that has this key, whoever vouches for it and whatever its "
          "name is (repeatable: one of these keys)")
      ->type_name("sha256/BASE64")
      ->allow_extra_args(false)
      ->excludes(name)
      ->excludes(authorities);
  CLI::Option* const certificate =
      command
          .add_option("--cert", tls.certificate_file,
                      "The client's own certificate with its chain, PEM")
          ->type_name("FILE");
  CLI::Option* const key =
      command.add_option("--key", tls.key_file, "Its key, PEM")->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  add_choice<tls_version>(command, "--tls-min", tls.minimum,
                          {{"1.2", tls_version::tls_1_2}, {"1.3", tls_version::tls_1_3}},
                          "The oldest TLS version to speak: 1.2 (the default) or 1.3")
      ->type_name("VERSION");
  for_named_server_ = {profile, lmtp, name, command.get_option("--pin")};
  login.add_to(command);
  command.add_flag("--insecure-auth-unverified-tls", config.allow_auth_unverified_tls,
                   "Show the password or token also to a server that has not proven who it is");
  command.add_flag("--insecure-auth-cleartext", config.allow_auth_cleartext,
                   "Log in also without TLS, so that everybody on the way can read the password");
  command.add_flag("--trace", trace,
                   "Show the dialogue on standard error: secrets masked, content as octet counts");
}

// Each host has its own name and demand; all else is as ever.
void connection_options::complete_for_domains() {
  for (const CLI::Option* option : for_named_server_) {
    if (option->count() != 0) {
      throw CLI::ValidationError(option->get_name(), "it is about one server: give --server, too");
    }
  }
  if (login.wanted()) {
    throw CLI::ValidationError("--user", "a login is for one server: give --server, too");
  }
  tls_mode& mode = client.session.tls;
  if (mode == tls_mode::implicit) {
    throw CLI::ValidationError("--tls", "hosts of domains speak STARTTLS: give --server, too");
  }
  const bool is_by_default = mode_->count() == 0;
  if (is_by_default) mode = tls_mode::opportunistic;
  check_tls_options();
  // In a build without TLS a host gets clear text, unless it must prove something.
  const bool is_missed = is_by_default && !asks_tls() && !has_tls();
  if (mode != tls_mode::off && !is_missed) client.tls = make_client_tls(tls);
}

bool connection_options::asks_tls() const {
  return !tls.server_name.empty() || !tls.ca_file.empty() || !pins_.empty() ||
         !tls.certificate_file.empty() || tls.minimum != tls_version::tls_1_2;
}

void connection_options::check_tls_options() const {
  if (client.session.tls == tls_mode::off && asks_tls()) {
    throw CLI::ValidationError("--tls", "the options of TLS need --tls or --profile");
  }
}

void connection_options::complete() {
  if (!has_server()) return complete_for_domains();
  tls_mode& mode = client.session.tls;
  std::uint16_t port = blocking::smtp_port;
  if (profile_ == "submission") {
    mode = tls_mode::required;
    port = 587;
  } else if (profile_ == "submissions") {
    mode = tls_mode::implicit;
  }
  if (mode == tls_mode::implicit) port = 465;
  const bool lmtp = client.session.protocol == mail_protocol::lmtp;
  const auto asked = blocking::server_address::parse(server_text_, lmtp ? 0 : port);
  if (!asked || !client.session.permits_port(asked->port)) {
    throw CLI::ValidationError("--server",
                               "LMTP has no port of its own, and port 25 is for SMTP: give the "
                               "port of the store, or unix:/path");
  }
  server = *asked;

  check_tls_options();
  tls.verify_host = tls.verify_host || !profile_.empty() || !tls.ca_file.empty();
  if (!pins_.empty()) {
    // A key is proof enough: neither names nor authorities are asked.
    client.demand = peer_demand{demand_level::records, {}, pins_};
    tls.verify_host = false;
  }
  if (mode != tls_mode::off && server.is_unix() && tls.verify_host && !tls.report_only &&
      tls.server_name.empty()) {
    throw CLI::ValidationError("--server-name",
                               "the server is to be verified, but a Unix socket has no name: say "
                               "with --server-name whose certificate it must show");
  }
  client.session.allow_challenge_cleartext = client.session.allow_auth_cleartext;
  login.complete(server);
  if (mode != tls_mode::off) client.tls = make_client_tls(tls);
}

}  // namespace sansmtp::cli

#include "connection_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "duration.hpp"
#include "sansmtp/path.hpp"

namespace sansmtp::cli {
namespace {

using stage = std::pair<std::string_view, timeouts::duration timeouts::*>;

constexpr std::array<stage, 9> stages{{
    {"greeting", &timeouts::greeting},
    {"hello", &timeouts::hello},
    {"mail", &timeouts::mail},
    {"rcpt", &timeouts::rcpt},
    {"data", &timeouts::data},
    {"block", &timeouts::block},
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

void connection_options::add_to(CLI::App& command) {
  session_config& config = client.session;
  command
      .add_option_function<std::string>(
          "--server",
          [this](const std::string& text) {
            const auto parsed = blocking::server_address::parse(text);
            if (!parsed) {
              throw CLI::ValidationError("--server",
                                         fmt::format("'{}' is no host, host:port, [IPv6]:port or "
                                                     "unix:/path",
                                                     text));
            }
            server = *parsed;
          },
          "The mail server: host, host:port, [IPv6]:port or unix:/path; port 25 by default")
      ->type_name("HOST[:PORT]")
      ->required();
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
          "Wait so long for the connection, for each address of the server; by default 30s")
      ->type_name("DURATION");
  command
      .add_option("--ignore", config.ignored_keywords,
                  "Act as if the server did not offer this extension (repeatable)")
      ->type_name("KEYWORD")
      ->allow_extra_args(false);
  command.add_flag("--trace", trace,
                   "Show the dialogue on standard error: secrets masked, content as octet counts");
}

}  // namespace sansmtp::cli

#include "probe_command.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect.hpp"
#include "connection_options.hpp"
#include "dialogue.hpp"
#include "explanation.hpp"
#include "failure.hpp"
#include "sansmtp/blocking/client.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

using milliseconds = std::chrono::duration<double, std::milli>;

/// How long one step took.
struct step {
  std::string_view name;
  milliseconds took;
};

/// What was learnt before the end, or before it went wrong.
struct findings {
  std::string address;
  std::string greeting;  // display form
  std::vector<std::pair<std::string, std::string>>
      capabilities;       // keyword, parameters; display form
  bool heard = false;     // the reply to EHLO or HELO
  bool extended = false;  // EHLO, not HELO
  bool tls_offered = false;
  std::optional<tls_info> tls;  // of the link
  std::string login;            // the mechanism, if there was a login
  std::vector<step> steps;
  std::string error;
  exit_code code = exit_code::ok;
};

/// Measures the time from one step to the next.
class stopwatch {
 public:
  explicit stopwatch(std::vector<step>& steps) : steps_(steps) {}

  void split(std::string_view name) {
    const auto now = std::chrono::steady_clock::now();
    steps_.push_back({name, now - last_});
    last_ = now;
  }

 private:
  std::vector<step>& steps_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

findings probe(const connection_options& given) {
  findings found;
  stopwatch watch(found.steps);
  blocking::client_options options = given.client;
  options.trace = [&](const event& e) {
    if (given.trace) print_error(dialogue_of(e));
    if (e.what == event::kind::authenticated) found.login = e.detail;
    if (e.what != event::kind::reply_parsed) return;
    if (e.answers == verb::greeting) {
      found.greeting = e.answer.display();
      watch.split("greeting");
    }
    const bool hello = e.answers == verb::ehlo || e.answers == verb::lhlo;
    found.extended = hello || (found.extended && e.answers != verb::helo);
  };
  options.moves = 0;  // no mail would make another link
  connection link(given, std::move(options));
  blocking::client& client = link.client();

  const auto fail = [&](const failure& why) {
    found.error = why.what();
    found.code = why.code();
  };
  if (const std::error_code error = link.connect([&] { watch.split("connect"); })) {
    fail(connect_failure(given, error));
    return found;
  }
  found.address = client.server();
  const std::error_code error = client.open();
  // What was said until then is also shown if the login, or anything else behind it, failed.
  found.heard = !error || link.notes().greeted();
  if (const tls_info* tls = client.tls()) found.tls = *tls;
  const capabilities& offered = link.notes().offered();
  for (std::size_t i = 0; i < offered.size(); ++i) {
    found.capabilities.emplace_back(display_text(offered[i].keyword),
                                    display_text(offered[i].parameters));
  }
  // After STARTTLS was used, no server offers it again.
  found.tls_offered = offered.has(extension::starttls) || found.tls;
  if (error) {
    fail(link.explain(error));
    return found;
  }
  watch.split("ehlo");
  if (const std::error_code bad_end = client.quit()) {
    fail(link.explain(bad_end));
    return found;
  }
  watch.split("quit");
  return found;
}

// The day and time that a certificate ends at, in UTC.
std::string date_of(std::int64_t seconds) {
  if (seconds == 0) return "unknown";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

// What the certificate proves, in a sentence.
std::string verdict_of(const tls_info& info) {
  if (info.verified) return "verified";
  if (!info.verdict) return "not verified, since no name was asked for";
  return "not verified: " + explain(info.verdict);
}

nlohmann::ordered_json tls_to_json(const std::optional<tls_info>& info) {
  if (!info) return nullptr;
  return {{"protocol", info->protocol},   {"cipher", info->cipher}, {"names", info->peer_names},
          {"expires", info->peer_expiry}, {"key", info->peer_key},  {"verified", info->verified},
          {"verdict", verdict_of(*info)}};
}

std::string to_json(const connection_options& given, const findings& found) {
  using nlohmann::ordered_json;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
  };
  ordered_json capabilities = ordered_json::object();
  for (const auto& [keyword, parameters] : found.capabilities) capabilities[keyword] = parameters;
  ordered_json times = ordered_json::object();
  for (const step& s : found.steps) times[std::string(s.name)] = s.took.count();
  const ordered_json line{{"server", to_string(given.server)},
                          {"address", text_or_null(found.address)},
                          {"greeting", text_or_null(found.greeting)},
                          {"esmtp", found.extended},
                          {"capabilities", std::move(capabilities)},
                          {"tls_offered", found.tls_offered},
                          {"milliseconds", std::move(times)},
                          {"error", text_or_null(found.error)},
                          {"tls", tls_to_json(found.tls)},
                          {"login", text_or_null(found.login)}};
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string_view protocol_of(const connection_options& given, const findings& found) {
  if (given.client.session.protocol == mail_protocol::lmtp) return "LMTP";
  return found.extended ? "ESMTP" : "SMTP (HELO only)";
}

std::string to_text(const connection_options& given, const findings& found) {
  std::string text;
  const auto out = std::back_inserter(text);
  if (!found.address.empty()) fmt::format_to(out, "address   {}\n", found.address);
  if (!found.greeting.empty()) fmt::format_to(out, "greeting  {}\n", found.greeting);
  if (found.heard) {
    fmt::format_to(out, "protocol  {}\n", protocol_of(given, found));
    fmt::format_to(out, "TLS       {}\n",
                   found.tls ? fmt::format("{}, {}", found.tls->protocol, found.tls->cipher)
                   : found.tls_offered ? std::string("offered")
                                       : std::string("not offered"));
  }
  if (found.tls) {
    std::string_view label = "names";
    for (const std::string& name : found.tls->peer_names) {
      fmt::format_to(out, "{:8}  {}\n", std::exchange(label, ""), display_text(name));
    }
    fmt::format_to(out, "expires   {}\n", date_of(found.tls->peer_expiry));
    if (!found.tls->peer_key.empty()) {
      fmt::format_to(out, "key       {}\n", found.tls->peer_key);
    }
    fmt::format_to(out, "server    {}\n", verdict_of(*found.tls));
  }
  if (!found.login.empty()) fmt::format_to(out, "login     accepted ({})\n", found.login);
  std::string_view label = "offers";
  for (const auto& [keyword, parameters] : found.capabilities) {
    fmt::format_to(out, "{:8}  {}{}{}\n", std::exchange(label, ""), keyword,
                   parameters.empty() ? "" : " ", parameters);
  }
  label = "time";
  for (const step& s : found.steps) {
    fmt::format_to(out, "{:8}  {:8}  {:9.3f} ms\n", std::exchange(label, ""), s.name,
                   s.took.count());
  }
  return text;
}

}  // namespace

void add_probe_command(CLI::App& app, int& exit_code) {
  struct arguments {
    connection_options connection;
    bool json = false;
  };
  CLI::App* const command = app.add_subcommand(
      "probe", "Ask a mail server what it offers and how fast it answers, and send nothing");
  const auto given = std::make_shared<arguments>();
  given->connection.add_to(*command);
  command->add_flag("--json", given->json, "One line of JSON, not a table");
  command->footer(
      "Examples:\n"
      "  sansmtp probe --server localhost:2525\n"
      "  sansmtp probe --server mail.example.org:587 --tls required\n\n"
      "With TLS it shows protocol, cipher, the names and the end of the server's "
      "certificate, and whether that\nproves the host of --server (or --server-name); "
      "it goes on if it does not. With --user it tries the login.\n\n" +
      exit_code_help());
  command->callback([given, &exit_code] {
    // It is the verdict that is asked for, so it is told and not acted on.
    given->connection.tls.verify_host = true;
    given->connection.tls.report_only = true;
    given->connection.complete();
    const findings found = probe(given->connection);
    if (!found.error.empty()) complain("sansmtp probe: " + found.error);
    exit_code = static_cast<int>(found.code);
    print(given->json ? to_json(given->connection, found) : to_text(given->connection, found));
  });
}

}  // namespace sansmtp::cli

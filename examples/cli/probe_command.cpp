#include "probe_command.hpp"

#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect.hpp"
#include "connection_options.hpp"
#include "dialogue.hpp"
#include "failure.hpp"
#include "mail_report.hpp"
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
  bool extended = false;  // EHLO, not HELO
  bool tls_offered = false;
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
    if (e.what != event::kind::reply_parsed) return;
    if (e.answers == verb::greeting) {
      found.greeting = e.answer.display();
      watch.split("greeting");
    }
    found.extended = e.answers == verb::ehlo || (found.extended && e.answers != verb::helo);
  };
  blocking::client client(std::move(options));

  const auto fail = [&](const std::error_code& error) {
    const blocking::failure& last = client.last_error();
    found.error = explain(error);
    if (last.code != 0) found.error = fmt::format("{} ({} {})", found.error, last.code, last.text);
    found.code = exit_code_of(error);
  };
  if (const std::error_code error = client.connect(given.server)) {
    const failure why = connect_failure(given, error);
    found.error = why.what();
    found.code = why.code();
    return found;
  }
  found.address = client.server();
  watch.split("connect");
  if (const std::error_code error = client.open()) {
    fail(error);
    return found;
  }
  watch.split("ehlo");
  const capabilities& offered = client.peer();
  for (std::size_t i = 0; i < offered.size(); ++i) {
    found.capabilities.emplace_back(display_text(offered[i].keyword),
                                    display_text(offered[i].parameters));
  }
  found.tls_offered = offered.has(extension::starttls);
  if (const std::error_code error = client.quit()) {
    fail(error);
    return found;
  }
  watch.split("quit");
  return found;
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
  const ordered_json line{
      {"server", to_string(given.server)},        {"address", text_or_null(found.address)},
      {"greeting", text_or_null(found.greeting)}, {"esmtp", found.extended},
      {"capabilities", std::move(capabilities)},  {"tls_offered", found.tls_offered},
      {"milliseconds", std::move(times)},         {"error", text_or_null(found.error)}};
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string to_text(const findings& found) {
  std::string text;
  const auto out = std::back_inserter(text);
  if (!found.address.empty()) fmt::format_to(out, "address   {}\n", found.address);
  if (!found.greeting.empty()) fmt::format_to(out, "greeting  {}\n", found.greeting);
  if (found.error.empty()) {
    fmt::format_to(out, "protocol  {}\n", found.extended ? "ESMTP" : "SMTP (HELO only)");
    fmt::format_to(out, "TLS       {}\n", found.tls_offered ? "offered" : "not offered");
  }
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
  command->footer("Example:\n  sansmtp probe --server localhost:2525\n\n" + exit_code_help());
  command->callback([given, &exit_code] {
    const findings found = probe(given->connection);
    if (!found.error.empty()) complain("sansmtp probe: " + found.error);
    exit_code = static_cast<int>(found.code);
    print(given->json ? to_json(given->connection, found) : to_text(found));
  });
}

}  // namespace sansmtp::cli

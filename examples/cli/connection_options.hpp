// The options that all subcommands share which talk to a server.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "client_tls.hpp"
#include "login_options.hpp"
#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/blocking/server_address.hpp"
#include "sansmtp/peer_demand.hpp"

namespace sansmtp::cli {

/// Where to connect to and how to behave there.
struct connection_options {
  blocking::server_address server;
  blocking::client_options client;
  tls_options tls;
  login_options login;
  bool trace = false;

  /// Who says which server it is.
  enum class server_from {
    option,            ///< --server, always.
    option_or_domain,  ///< --server, or else each recipient's domain does.
  };

  /// Command: adds the options to `command`, which fills in this object when it parses; it must
  /// live until then.
  void add_to(CLI::App& command, server_from from = server_from::option);
  /// Getter: was a server named? If not, the domains say where mail goes.
  [[nodiscard]] bool has_server() const noexcept { return !server_text_.empty(); }

  /// Command: to be called once all is parsed: what follows from several options, files and
  /// secrets. Throws `CLI::ParseError` or `failure`.
  void complete();

 private:
  void complete_for_domains();
  [[nodiscard]] bool asks_tls() const;  // Is there an option that makes no sense without TLS?
  void check_tls_options() const;

  std::string server_text_;
  CLI::Option* mode_ = nullptr;                 // --tls
  std::vector<CLI::Option*> for_named_server_;  // what makes no sense without
  std::string profile_;
  std::vector<tlsa_record> pins_;
};

/// Command: adds an option that takes one of a few words, each of which stands for a value of
/// `target`.
template <typename T>
CLI::Option* add_choice(CLI::App& command, const std::string& option, T& target,
                        std::vector<std::pair<std::string, T>> choices, const std::string& help) {
  const auto take = [&target, option, choices = std::move(choices)](const std::string& word) {
    std::string known;
    for (const auto& [name, value] : choices) {
      if (name == word) {
        target = value;
        return;
      }
      known += (known.empty() ? "" : ", ") + name;
    }
    throw CLI::ValidationError(option, "'" + word + "' is none of " + known);
  };
  return command.add_option_function<std::string>(option, take, help);
}

}  // namespace sansmtp::cli

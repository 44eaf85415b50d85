#include "login_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "failure.hpp"

namespace sansmtp::cli {
namespace {

struct mechanism {
  std::string_view name;
  credentials::kind takes;
};

constexpr std::array<mechanism, 10> known{{
    {"SCRAM-SHA-256-PLUS", credentials::kind::password},
    {"SCRAM-SHA-1-PLUS", credentials::kind::password},
    {"SCRAM-SHA-256", credentials::kind::password},
    {"SCRAM-SHA-1", credentials::kind::password},
    {"PLAIN", credentials::kind::password},
    {"LOGIN", credentials::kind::password},
    {"CRAM-MD5", credentials::kind::password},
    {"OAUTHBEARER", credentials::kind::token},
    {"XOAUTH2", credentials::kind::token},
    {"EXTERNAL", credentials::kind::external},
}};

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const mechanism& m : known) names.emplace_back(m.name);
  return names;
}

credentials::kind kind_of(std::string_view name) {
  const auto* found =
      std::find_if(known.begin(), known.end(), [&](const auto& m) { return m.name == name; });
  return found->takes;  // the command line lets no others in
}

}  // namespace

void login_options::add_to(CLI::App& command) {
  command.add_option("--user", who_.name, "Log in with this name")->type_name("NAME");
  password_.add_to(command, "--password", "the password");
  token_.add_to(command, "--token", "the OAuth token");
  std::vector<std::string> words = known_names();
  words.emplace_back("AUTO");
  command
      .add_option_function<std::vector<std::string>>(
          "--auth",
          [this](const std::vector<std::string>& given) {
            asked_ = true;
            names_ = given;
            std::erase(names_, "AUTO");
          },
          "Log in with the first of these mechanisms that the server offers, for example "
          "SCRAM-SHA-256,PLAIN; auto, the default with --user, takes the best. EXTERNAL needs no "
          "--user but --cert")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false)
      // What it takes is written in upper case from here on.
      ->transform(CLI::IsMember(words, CLI::ignore_case));
}

void login_options::complete(const blocking::server_address& server) {
  if (!wanted()) {
    if (password_.given() || token_.given()) throw CLI::RequiredError("--user");
    return;
  }
  who_.what = names_.empty()
                  ? (token_.given() ? credentials::kind::token : credentials::kind::password)
                  : kind_of(names_.front());
  for (const std::string& name : names_) {
    if (kind_of(name) != who_.what) {
      throw CLI::ValidationError(
          "--auth", names_.front() + " and " + name + " do not take the same credentials");
    }
  }
  if (who_.what == credentials::kind::external) {
    who_.authorization_id = who_.name;
    return;
  }
  if (who_.name.empty()) throw CLI::RequiredError("--user");
  const bool token = who_.what == credentials::kind::token;
  who_.secret = (token ? token_ : password_).read();
  who_.host = server.is_unix() ? std::string() : server.host;
  who_.port = server.port;
}

std::vector<std::unique_ptr<sasl_mechanism>> login_options::make(hash_suite* suite) const {
  if (!wanted()) return {};
  mechanism_options options;
  options.suite = suite;
  options.names.assign(names_.begin(), names_.end());
  return make_mechanisms(who_, options);
}

}  // namespace sansmtp::cli

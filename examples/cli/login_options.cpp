#include "login_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "failure.hpp"
#include "saslprep.hpp"

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

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The engine would refuse these as well, but it does not know whose they are.
void check_octets(const std::string& text, const std::string& what, bool ascii_only) {
  if (make_plain("name", text, {}, true)->check() != errc::none) {
    throw failure(exit_code::data_error,
                  fmt::format("{} holds a control character or is not in UTF-8", what));
  }
  if (ascii_only && !is_ascii(text)) {
    throw failure(exit_code::data_error,
                  fmt::format("{} holds a character beyond ASCII, as none does", what));
  }
}

// A name or password with which PLAIN, SCRAM, LOGIN and CRAM-MD5 log in (SASL-02).
void prepare(std::string& text, const std::string& what, bool already_prepared) {
  check_octets(text, what, false);
  if (already_prepared || is_ascii(text)) return;
  std::string prepared = saslprep(text, what);
  wipe(text);
  text = std::move(prepared);
  if (text.empty()) {
    throw failure(exit_code::data_error,
                  fmt::format("{} is empty once SASLprep has left out what nobody sees", what));
  }
}

}  // namespace

void login_options::add_to(CLI::App& command) {
  command.add_option("--user", who_.name, "Log in with this name")->type_name("NAME");
  password_.add_to(command, "--password", "the password");
  token_.add_to(command, "--token", "the OAuth token");
  command.add_flag("--sasl-prepared", sasl_prepared_,
                   "Log in with name and password as they are: what is not ASCII went through "
                   "SASLprep (RFC 4013) already");
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
  const std::string name = "the name of --user";
  if (who_.what == credentials::kind::external) {
    // The server prepares it (RFC 4422 section 3.4.1).
    if (!who_.name.empty()) check_octets(who_.name, name, false);
    who_.authorization_id = who_.name;
    return;
  }
  if (who_.name.empty()) throw CLI::RequiredError("--user");
  if (who_.what == credentials::kind::token) {
    check_octets(who_.name, name, false);
    who_.secret = token_.read();
    check_octets(who_.secret, token_.what(), true);
  } else {
    // Before a person is asked for the password.
    prepare(who_.name, name, sasl_prepared_);
    who_.secret = password_.read();
    prepare(who_.secret, password_.what(), sasl_prepared_);
    who_.already_prepared = true;
  }
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

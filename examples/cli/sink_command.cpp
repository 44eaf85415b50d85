#include "sink_command.hpp"

#include <sys/resource.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "connection_options.hpp"
#include "failure.hpp"
#include "secret_source.hpp"
#include "sink.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {

namespace {

constexpr std::array<std::pair<std::string_view, sink::stage>, 18> sink_stages{{
    {"connect", sink::stage::connect},
    {"greeting", sink::stage::greeting},
    {"starttls", sink::stage::starttls},
    {"handshake", sink::stage::handshake},
    {"ehlo", sink::stage::ehlo},
    {"helo", sink::stage::helo},
    {"xclient", sink::stage::xclient},
    {"xforward", sink::stage::xforward},
    {"auth", sink::stage::auth},
    {"mail", sink::stage::mail},
    {"rcpt", sink::stage::rcpt},
    {"data", sink::stage::data},
    {"content-start", sink::stage::content_start},
    {"chunk", sink::stage::chunk},
    {"content", sink::stage::content},
    {"final", sink::stage::final},
    {"rset", sink::stage::rset},
    {"quit", sink::stage::quit},
}};

sink::stage parse_stage(const std::string& option, std::string_view name) {
  for (const auto& [known, stage] : sink_stages) {
    if (known == name) return stage;
  }
  throw CLI::ValidationError(option, fmt::format("there is no stage '{}'", name));
}

bool is_reply(std::string_view text) {
  return text.size() >= 3 &&
         std::all_of(text.begin(), text.begin() + 3, [](char c) { return c >= '0' && c <= '9'; }) &&
         (text.size() == 3 || text[3] == ' ' || text[3] == '-');
}

/// The reply as it goes on the wire: a backslash and an `n` part the lines of one.
std::string parse_reply(const std::string& option, std::string_view text) {
  if (!is_reply(text)) {
    throw CLI::ValidationError(option, fmt::format("'{}' is not a reply", text));
  }
  std::string reply(text);
  for (std::size_t at = 0; (at = reply.find("\\n", at)) != std::string::npos;) {
    reply.replace(at, 2, "\r\n");
  }
  return reply;
}

/// `ADDRESS[=REPLY]`. A local part may hold `=` as well; the one that a reply follows counts.
sink::rule parse_rule(const std::string& option, const std::string& text) {
  std::size_t at = text.find('=');
  while (at != std::string::npos && !is_reply(std::string_view(text).substr(at + 1))) {
    at = text.find('=', at + 1);
  }
  const std::string address = text.substr(0, at);
  // No domain holds `=`, so this is a reply that went wrong.
  if (address.empty() || address.find('=', address.rfind('@')) != std::string::npos) {
    throw CLI::ValidationError(option, fmt::format("'{}' is not ADDRESS[=REPLY]", text));
  }
  return {address, at == std::string::npos
                       ? ""
                       : parse_reply(option, std::string_view(text).substr(at + 1))};
}

/// What the command line says.
struct sink_arguments {
  sink::options options;
  bool discard = false;
  std::string port_file;
  std::string count_file;
  std::string certificate_out;
  secret_source password;
  std::int64_t delay = 0;
  std::int64_t max_seconds = 0;
};

/// Writes `text` to `name` in one step, so that who waits for the file never sees half of it.
void write_file(const std::string& name, const std::string& text) {
  const std::string draft = name + ".tmp";
  std::FILE* const file = std::fopen(draft.c_str(), "w");
  bool written = file != nullptr && std::fputs(text.c_str(), file) >= 0;
  // The file is closed whether or not it could be written.
  if (file != nullptr && std::fclose(file) != 0) written = false;
  if (!written || std::rename(draft.c_str(), name.c_str()) != 0) {
    throw failure(exit_code::io_error,
                  fmt::format("cannot write {}: {}", name, std::generic_category().message(errno)));
  }
}

void report(const sink& server, const sink_arguments& given) {
  const sink::counters totals = server.totals();
  const std::string line = fmt::format(
      "{{\"connections\":{},\"messages\":{},\"recipients\":{},\"octets\":{},\"bare_cr\":{},"
      "\"bare_lf\":{},\"handshakes\":{},\"logins\":{}}}\n",
      totals.connections, totals.messages, totals.recipients, totals.octets, totals.bare_cr,
      totals.bare_lf, totals.handshakes, totals.logins);
  if (!given.count_file.empty()) return write_file(given.count_file, line);
  print(line);
}

std::atomic<sink*> running{nullptr};

void stop_running(int /*signal*/) {
  if (sink* const server = running.load()) server->stop();
}

void serve(const sink_arguments& given) {
  // Each connection is a descriptor.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }

  // A file that may not grow any more is like a full disk: the mail is refused, and the sink lives.
  std::signal(SIGXFSZ, SIG_IGN);

  sink server(given.options);
  running = &server;
  if (!given.certificate_out.empty()) write_file(given.certificate_out, server.certificate());
  std::signal(SIGTERM, stop_running);
  std::signal(SIGINT, stop_running);
  if (!given.port_file.empty()) {
    write_file(given.port_file, server.port() != 0 ? fmt::format("{}\n", server.port())
                                                   : fmt::format("{}\n", server.address()));
  }
  print_error(fmt::format("sansmtp sink: listening on {}\n", server.address()));
  server.run();
  // From here on a signal ends the process at once.
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  running = nullptr;
  report(server, given);
}

}  // namespace

void add_sink_command(CLI::App& app, int& code) {
  // CLI11 would take -1 for the largest number.
  const auto not_negative = [](const std::string& text) {
    return std::string(text.starts_with('-') ? "it cannot be negative" : "");
  };
  CLI::App* const command = app.add_subcommand(
      "sink",
      "Receive mail as a small SMTP server, for tests and demonstrations, and deliver none");
  const auto given = std::make_shared<sink_arguments>();
  sink::options& options = given->options;
  options.listen = "127.0.0.1:2525";

  command->add_option("--listen", options.listen, "Where to listen; port 0 takes any that is free")
      ->type_name("HOST:PORT|unix:PATH")
      ->capture_default_str();
  command->add_option("--port-file", given->port_file, "Write the port here once listening")
      ->type_name("FILE");

  CLI::Option* const store =
      command
          ->add_option("--store", options.store,
                       "Keep each message as NNNNNN.eml and its envelope as NNNNNN.json")
          ->type_name("DIR");
  command->add_flag("--discard", given->discard, "Count messages and keep none (the default)")
      ->excludes(store);

  command->add_flag("--lmtp", options.lmtp, "Speak LMTP: LHLO, and a verdict for each recipient");
  command
      ->add_option("--offer", options.offered,
                   fmt::format("Offer this as well (repeatable), with what follows the keyword: {}",
                               fmt::join(sink::extensions_on_request(), ", ")))
      ->type_name("'KEYWORD [WORDS]'")
      ->allow_extra_args(false);

  std::vector<std::string> extensions;
  for (const std::string_view name : sink::extensions()) extensions.emplace_back(name);
  for (const std::string_view name : sink::extensions_on_request()) extensions.emplace_back(name);
  extensions.insert(extensions.end(), {"STARTTLS", "AUTH"});
  command->add_option("--hide", options.hidden, "Do without this extension (repeatable)")
      ->type_name("KEYWORD")
      ->allow_extra_args(false)
      ->check(CLI::IsMember(extensions, CLI::ignore_case));

  add_choice<sink::tls_use>(*command, "--tls", options.tls,
                            {{"off", sink::tls_use::never},
                             {"starttls", sink::tls_use::starttls},
                             {"implicit", sink::tls_use::implicit}},
                            "When to speak TLS: off (the default), starttls or implicit")
      ->type_name("WHEN");
  CLI::Option* const certificate =
      command
          ->add_option("--tls-cert", options.certificate_file,
                       "The certificate with its chain, PEM; by default one is made for localhost, "
                       "127.0.0.1 and ::1")
          ->type_name("FILE");
  CLI::Option* const key =
      command->add_option("--tls-key", options.key_file, "Its key, PEM")->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  command
      ->add_option("--tls-cert-out", given->certificate_out,
                   "Write the certificate that was made here, for --ca of a client")
      ->type_name("FILE")
      ->excludes(certificate);

  std::vector<std::string> mechanisms;
  for (const std::string_view name : sink::mechanisms()) mechanisms.emplace_back(name);
  CLI::Option* const user =
      command
          ->add_option("--user", options.user,
                       "Offer AUTH, with --tls starttls only through TLS, and let this user in")
          ->type_name("NAME");
  given->password.add_to(*command, "--password", "the user's password");
  command
      ->add_option(
          "--auth", options.mechanisms,
          fmt::format("Offer this mechanism only (repeatable): {}", fmt::join(mechanisms, ", ")))
      ->type_name("MECHANISM")
      ->allow_extra_args(false)
      ->needs(user)
      ->check(CLI::IsMember(mechanisms, CLI::ignore_case));
  command->add_flag("--require-auth", options.require_login, "Refuse MAIL before a login")
      ->needs(user);

  const auto add_rules = [&](const std::string& name, std::vector<sink::rule>& rules,
                             const std::string& help) {
    command
        ->add_option_function<std::vector<std::string>>(
            name,
            [name, given, &rules](const std::vector<std::string>& texts) {
              for (const std::string& text : texts) rules.push_back(parse_rule(name, text));
            },
            help)
        ->type_name("ADDRESS[=REPLY]")
        ->allow_extra_args(false);
  };
  add_rules("--reject", options.refused_recipients,
            "Refuse this recipient (repeatable); ADDRESS may be *@DOMAIN or *; the usual REPLY is "
            "'550 5.1.1 no such user'");
  add_rules("--reject-sender", options.refused_senders, "Refuse this sender (repeatable)");
  add_rules("--reject-content", options.refused_contents,
            "Refuse the content to this recipient (repeatable), where each has a verdict of its "
            "own: with --lmtp, or with PRDR offered and asked for");

  command
      ->add_option_function<std::vector<std::string>>(
          "--reply",
          [given](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const std::size_t at = text.find('=');
              const sink::stage stage = parse_stage("--reply", text.substr(0, at));
              if (at == std::string::npos || stage == sink::stage::connect ||
                  stage == sink::stage::handshake || stage == sink::stage::content_start) {
                throw CLI::ValidationError("--reply", fmt::format("no reply in '{}'", text));
              }
              given->options.replies.push_back(
                  {stage, parse_reply("--reply", std::string_view(text).substr(at + 1))});
            }
          },
          "Always answer so at this stage (repeatable): greeting, starttls, ehlo, helo, xclient, "
          "xforward, auth (the verdict), mail, rcpt, data, chunk (but the last one), content, "
          "final (the last one of PRDR), rset, quit; \\n parts the lines of a reply")
      ->type_name("STAGE=REPLY")
      ->allow_extra_args(false);
  command
      ->add_option_function<std::string>(
          "--close-after",
          [given](const std::string& name) {
            given->options.close_after = parse_stage("--close-after", name);
          },
          "Close the connection after this stage: those of --reply, connect, handshake (its first "
          "octets have come), content-start (within the content); without a reply at these three, "
          "content and quit")
      ->type_name("STAGE");
  command
      ->add_option_function<std::string>(
          "--stall",
          [given](const std::string& name) { given->options.stall = parse_stage("--stall", name); },
          "Never answer at this stage, nor read on")
      ->type_name("STAGE");
  command->add_option("--delay", given->delay, "Hold each reply back for so long")
      ->type_name("MS")
      ->check(CLI::Range(0, 3'600'000));
  command->add_option("--max-size", options.max_size, "The largest message in octets")
      ->check(not_negative)
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--max-recipients", options.max_recipients, "The most recipients of a message")
      ->check(not_negative)
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--max-messages", options.max_messages, "End after so many messages")
      ->check(not_negative)
      ->type_name("N");
  command->add_option("--max-seconds", given->max_seconds, "End after so long")
      ->type_name("N")
      ->check(CLI::Range(0, 31'536'000));
  command
      ->add_option("--count-file", given->count_file,
                   "Write the summary here, not to standard output, in the end")
      ->type_name("FILE");
  command->footer(
      "SIGTERM and SIGINT end it. In the end it prints one line of JSON: connections, messages,\n"
      "recipients and octets accepted, bare CR and bare LF seen in DATA, TLS handshakes and "
      "logins.\n"
      "Exit codes: 0 ended as told; 64 wrong usage; 66 a certificate, key or password cannot be\n"
      "read; 68 unknown host; 69 cannot listen, as when the address is in use; 74 a file cannot "
      "be\n"
      "written or standard output is closed; 78 TLS in a build without it.");

  command->callback([given, &code] {
    given->options.delay = std::chrono::milliseconds(given->delay);
    given->options.max_time = std::chrono::seconds(given->max_seconds);
    if (given->options.tls == sink::tls_use::never &&
        !(given->certificate_out.empty() && given->options.certificate_file.empty())) {
      throw CLI::ValidationError("--tls", "a certificate is for --tls starttls or implicit");
    }
    if (!given->options.user.empty()) given->options.password = given->password.read();
    if (!given->options.store.empty()) given->options.messages = sink::keep::in_store;
    serve(*given);
    code = static_cast<int>(exit_code::ok);
  });
}

}  // namespace sansmtp::cli

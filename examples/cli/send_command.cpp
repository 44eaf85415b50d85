#include "send_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "connection_options.hpp"
#include "exit_code.hpp"
#include "send_parallel.hpp"
#include "send_run.hpp"

namespace sansmtp::cli {
namespace {

void check(const send_options& given) {
  given.outbox.addresses.check();
  if (!given.outbox.from_header && !given.outbox.sender) {
    throw CLI::RequiredError("--from (or --from-header)");
  }
  if (!given.outbox.from_header && given.outbox.recipients.empty()) {
    throw CLI::RequiredError("--to (or --from-header)");
  }
  given.outbox.wishes.check(given.outbox.recipients.size(), given.outbox.from_header);
  given.dkim.check();
  const std::string by_domain = given.routing.given();
  if (given.connection.has_server()) {
    if (!by_domain.empty()) {
      throw CLI::ValidationError(by_domain,
                                 "it is about hosts that are looked up, so not with "
                                 "--server");
    }
  } else if (given.record || given.parallel > 1) {
    throw CLI::ValidationError(given.record ? "--record" : "--parallel",
                               "it is about one server: give --server, too");
  }
  if (given.record && given.parallel > 1) {
    throw CLI::ValidationError("--record", "a record is of one session, so not with --parallel");
  }
  if (std::count(given.outbox.files.begin(), given.outbox.files.end(), "-") > 1) {
    throw CLI::ValidationError("FILE", "standard input, '-', can be read only once");
  }
}

/// Adds an option for attributes of XCLIENT or XFORWARD. What cannot be said is an error of usage.
void add_client_option(CLI::App& command, const std::string& option,
                       std::vector<client_attribute> session_config::*list, session_config& config,
                       const std::string& help) {
  const auto keep = [&config, option, list](const std::vector<std::string>& settings) {
    for (const std::string& setting : settings) {
      const std::size_t equals = std::min(setting.find('='), setting.size());
      const std::string value = setting.substr(std::min(equals + 1, setting.size()));
      (config.*list).push_back({setting.substr(0, equals), value});
      session_config alone;
      alone.*list = config.*list;
      if (equals == setting.size() || alone.check() != errc::none) {
        throw CLI::ValidationError(
            option,
            fmt::format("'{}' is no NAME=value that can be said, or one too many", setting));
      }
    }
  };
  command.add_option_function<std::vector<std::string>>(option, keep, help)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

}  // namespace

void add_send_command(CLI::App& app, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("send", "Send messages and tell what became of each recipient");
  const auto given = std::make_shared<send_options>();
  session_config& config = given->connection.client.session;

  command
      ->add_option(
          "FILE", given->outbox.files,
          "Messages, each of them one mail to all recipients, sent over one connection at a "
          "time. What was certainly not accepted when it ends, or needs another one, goes "
          "over the next. '-', the default, is standard input")
      ->type_name("");
  given->connection.add_to(*command, connection_options::server_from::option_or_domain);
  given->routing.add_to(*command);
  command
      ->add_option("--from", given->outbox.sender, "The envelope's sender; '' or '<>' for a bounce")
      ->type_name("ADDRESS");
  command->add_option("--to", given->outbox.recipients, "A recipient (repeatable)")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  command->add_flag("-t,--from-header", given->outbox.from_header,
                    "Take the envelope from the header of each message: the sender, unless --from "
                    "is given, from Sender, From or Return-Path; the recipients, besides those of "
                    "--to, from To, Cc and Bcc; of a message that was sent again, from its latest "
                    "Resent- fields. Bcc fields are not sent, nor a 'From ' line or byte order "
                    "mark before the header");
  given->outbox.addresses.add_to(*command);
  add_choice<pipelining_level>(
      *command, "--pipelining", config.pipelining,
      {{"off", pipelining_level::off},
       {"envelope", pipelining_level::envelope},
       {"messages", pipelining_level::messages},
       {"stream", pipelining_level::stream}},
      "How far commands run ahead of their replies: off, envelope (the default), messages, or "
      "stream: whole mails by BDAT, for servers that are known to read it as RFC 3030 says")
      ->type_name("LEVEL");
  command->add_flag("--chunking", config.prefer_chunking,
                    "Send content by BDAT, and not by DATA, where the server offers CHUNKING");
  command->add_flag(
      "--prdr", config.per_recipient_replies,
      "Ask for a reply of each recipient to the content where the server offers PRDR");
  add_client_option(*command, "--xclient", &session_config::xclient, config,
                    "Say that the client is another one: NAME, ADDR, PORT, PROTO, HELO, LOGIN, "
                    "DESTADDR or DESTPORT, such as ADDR=192.0.2.1 or ADDR=IPV6:2001:db8::1; "
                    "nothing behind '=' is 'not known'. Nothing is sent to a server that does not "
                    "take it (repeatable)");
  add_client_option(*command, "--xforward", &session_config::xforward, config,
                    "Say whom the mails came from, for the server's log: NAME, ADDR, PORT, PROTO, "
                    "HELO, IDENT or SOURCE, where the server takes it (repeatable)");
  command
      ->add_option("--record", given->record,
                   "Write the session down as a transcript that 'sansmtp replay' plays; secrets "
                   "are masked, messages are not. Only that one session is made")
      ->type_name("FILE");
  if (has_parallel()) {
    command->add_option("--parallel", given->parallel, "Send over up to N connections at a time")
        ->type_name("N")
        ->check(CLI::Range(1, 1000));
  }
  command
      ->add_option("--mails-per-connection", given->mails_per_connection,
                   "After so many mails go on over a new connection, as many servers want it; by "
                   "default 100; 0 is no limit")
      ->type_name("N");
  command->add_flag("--json", given->json, "One line of JSON a mail, not a table");
  given->outbox.wishes.add_to(*command);
  add_choice<line_end_policy>(
      *command, "--line-ends", config.line_ends,
      {{"normalize", line_end_policy::normalize}, {"strict", line_end_policy::strict}},
      "LF or CR alone: normalize to CRLF (the default), or strict: refuse the message")
      ->type_name("POLICY");
  command->add_flag("--require-all", config.require_all_recipients,
                    "Send to nobody if any recipient is refused");
  command->add_flag("--skip-bad", given->outbox.skip_bad,
                    "Send to the others if an address is no address");
  command->add_flag("--allow-empty", config.allow_empty_content, "Send also a message of 0 octets");
  command->add_flag("--allow-8bit", config.allow_unadvertised_8bit,
                    "Send octets above 127 also to a server without 8BITMIME");
  command->add_flag("--reject-long-lines", config.reject_long_lines,
                    "Refuse a message with lines over 998 octets, rather than warn of it");
  command->add_flag("--utf8-header", given->outbox.utf8_header,
                    "The header holds UTF-8: send it only to a server with SMTPUTF8");
  given->dkim.add_to(*command);
  command->footer(
      "The report goes to standard output, one table or JSON line a mail, as soon as it is known;\n"
      "what went wrong as a whole is one line on standard error. SIGINT, SIGTERM or SIGHUP begin\n"
      "nothing new and leave 3 seconds for what is under way, a second one none; each recipient "
      "is\n"
      "reported all the same, and what was not begun is named.\n\n"
      "Without --server each mail goes to the hosts of its recipients' domains, as the DNS, DANE "
      "and\n"
      "MTA-STS say: one after the other, until every recipient has an outcome; 'sansmtp route' "
      "shows\n"
      "them. The report names each host that had its turn, and what it said.\n\nExamples:\n"
      "  sansmtp send --server mx.example.net --from me@example.org --to you@example.net "
      "letter.eml\n"
      "  printf 'Subject: hi\\n\\nHello!\\n' | sansmtp send --server localhost:2525 \\\n"
      "      --from a@x.example --to b@y.example --to c@y.example\n"
      "  sansmtp send --from me@example.org --to you@example.net letter.eml\n"
      "  sansmtp send --server localhost:2525 -t --pipelining messages --json outbox/*.eml\n"
      "  sansmtp send --profile submission --server mail.example.org --user me@example.org \\\n"
      "      --password-file ~/.mail-password -t letter.eml\n\n" +
      exit_code_help());

  command->callback([given, &exit_code] {
    check(*given);
    given->connection.complete();
    given->outbox.doubt_long_lines = !given->connection.client.session.reject_long_lines;
    if (given->outbox.files.empty()) given->outbox.files.emplace_back("-");
    if (given->dkim.wanted()) {
      given->outbox.signer = std::make_shared<const mail_signer>(
          given->dkim, given->connection.client.session.line_ends);
    }
    // Who names that many recipients wants them all; the server says if they are too many.
    given->connection.client.session.limits.recipients = 1'000'000;
    exit_code = static_cast<int>(send_all(*given));
  });
}

}  // namespace sansmtp::cli

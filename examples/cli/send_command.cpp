#include "send_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect.hpp"
#include "connection_options.hpp"
#include "dialogue.hpp"
#include "failure.hpp"
#include "header_envelope.hpp"
#include "input.hpp"
#include "mail_report.hpp"
#include "output_file.hpp"
#include "progress.hpp"
#include "sansmtp/blocking/client.hpp"
#include "sansmtp/script/recorder.hpp"
#include "send_parallel.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

using clock = std::chrono::steady_clock;

/// What the command line says.
struct arguments {
  connection_options connection;
  std::optional<std::string> sender;
  std::vector<std::string> recipients;
  bool from_header = false;
  bool skip_bad = false;
  bool utf8_header = false;
  bool json = false;
  std::optional<std::string> record;
  unsigned parallel = 1;
  std::vector<std::string> files;
};

/// One run of the command: reads a message when the session has room for it, and reports each one,
/// in the order of the command line.
class send_run {
 public:
  explicit send_run(arguments given) : given_(std::move(given)) {}

  exit_code run() {
    // Nothing is asked of the server before there is something to send.
    if (!prepare_next()) return finish();
    if (given_.parallel > 1) return run_parallel();

    blocking::client_options options = given_.connection.client;
    if (given_.connection.trace) {
      options.trace = [](const event& e) { print_error(dialogue_of(e)); };
    } else if (error_is_terminal()) {
      options.trace = [this](const event& e) { progress_.take(e); };
    }
    if (given_.record) {
      options.trace = [this, show = std::move(options.trace)](const event& e) {
        recorder_->take(clock::now(), e);
        if (show) show(e);
      };
    }
    link_.emplace(given_.connection, std::move(options));
    const auto begin_record = [this] {
      if (given_.record) start_record(link_->client().engine().config());
    };
    if (const std::error_code error = link_->connect(begin_record)) {
      const failure why = connect_failure(given_.connection, error);
      do {
        report_unconnected(mails_.back(), why);
      } while (prepare_next());
      return finish();
    }

    link_->client().send_all([this](envelope& env, message& content) { return next(env, content); },
                             [this](const delivery& result) { done(result); });
    if (recorder_) recorder_->command(clock::now(), "quit");
    // All mails have their final reply by now, so how the session ends changes nothing.
    static_cast<void>(link_->client().quit());
    if (recorder_) keep_record();
    return finish();
  }

  // Over several connections, that is: in no order, but reported in that of the command line.
  exit_code run_parallel() {
    connection_options connection = given_.connection;
    if (connection.trace) {
      connection.client.trace = [](const event& e) { print_error(dialogue_of(e)); };
    }
    mail_source source;
    source.next = [this](envelope& env, message& content) -> void* {
      return next(env, content) ? &mails_.back() : nullptr;
    };
    source.done = [&](void* which, const parallel_report& told) {
      mail& m = *static_cast<mail*>(which);
      if (told.unconnected) {
        report_unconnected(m, connect_failure(connection, told.unconnected));
      } else {
        m.report = mail_report::of(m.number, m.name, told.result, m.addresses);
        m.report->tls = told.tls;
      }
      publish();
    };
    send_parallel(connection, given_.parallel, source);
    return finish();
  }

 private:
  /// A mail between its reading and its report.
  struct mail {
    std::size_t number = 0;
    std::string name;
    std::vector<std::string> addresses;
    envelope env;
    std::string content;  // lent to the session until there is a report
    std::optional<mail_report> report;
  };

  static void report_unconnected(mail& m, const failure& why) {
    m.report = mail_report::not_attempted(m.number, m.name, m.addresses, verb::greeting, why.code(),
                                          why.what());
  }

  void start_record(const session_config& config) {
    recorder_.emplace(clock::now(), config);
    recorder_->comment("A session of sansmtp send with " + to_string(given_.connection.server) +
                       ", recorded; secrets are masked.");
  }

  // A record that cannot be written changes nothing of what became of the mails.
  void keep_record() {
    try {
      write_output(*given_.record, recorder_->text());
    } catch (const failure& why) {
      complain(fmt::format("sansmtp send: {}", why.what()));
      code_ = worse(code_, why.code());
    }
  }

  // For `client::send_all`. The first mail is there already.
  bool next(envelope& env, message& content) {
    if (started_ && (output_failure_ || !prepare_next())) return false;
    started_ = true;
    mail& m = mails_.back();
    progress_.expect(m.name, m.content.size());
    env = m.env;
    content = message::borrow(as_bytes(m.content)).utf8_headers(given_.utf8_header);
    if (recorder_) recorder_->send(clock::now(), env, content);
    return true;
  }

  void done(const delivery& result) {
    // Reports come in the order of the mails; those without a session have theirs already.
    const auto m = std::find_if(mails_.begin(), mails_.end(),
                                [](const mail& candidate) { return !candidate.report; });
    m->report = mail_report::of(m->number, m->name, result, m->addresses);
    if (const tls_info* tls = link_->client().tls()) {
      m->report->tls = {tls->protocol, tls->verified};
    }
    if (link_->explains(result.error)) m->report->error = link_->explain(result.error).what();
    publish();
  }

  // Reads on to the next message that can be sent; it is the last of `mails_` then. Returns false
  // if there is none. Those that cannot be sent get their report.
  bool prepare_next() {
    while (read_ < given_.files.size()) {
      mail& m = mails_.emplace_back();
      const std::string& file = given_.files[read_];
      m.number = ++read_;
      m.name = input_name(file);
      m.addresses = given_.recipients;
      try {
        prepare(m, file);
        return true;
      } catch (const failure& why) {
        m.report = mail_report::not_attempted(m.number, m.name, m.addresses, verb::mail, why.code(),
                                              why.what());
      }
    }
    return false;
  }

  void prepare(mail& m, const std::string& file) const {
    // A bad address is known without the message.
    if (!given_.from_header) address(m, given_.sender.value_or(""));
    m.content = read_input(file);
    if (!given_.from_header) return;
    try {
      take_header(m);
    } catch (const failure& why) {
      throw failure(why.code(), fmt::format("{}: {}", m.name, why.what()));
    }
  }

  void take_header(mail& m) const {
    header_envelope header = header_envelope::parse(m.content);
    for (std::string& address : header.recipients) m.addresses.push_back(std::move(address));
    if (m.addresses.empty()) {
      throw failure(exit_code::data_error, "the header has no recipients; name them with --to");
    }
    if (!given_.sender && !header.sender) {
      throw failure(exit_code::data_error, "the header has no sender; name one with --from");
    }
    address(m, given_.sender ? *given_.sender : *header.sender);
    if (header.without_bcc) m.content = std::move(*header.without_bcc);
  }

  // Fills in the envelope. An address that the session would refuse is told here by its name.
  void address(mail& m, std::string_view sender) const {
    m.env.sender = path(sender == "<>" ? std::string_view{} : sender);
    if (m.env.sender.error() != errc::none) refuse_address("sender", m.env.sender);
    m.env.skip_bad_recipients = given_.skip_bad;
    for (const std::string& text : m.addresses) {
      path p(text);
      if (!given_.skip_bad && (p.is_null() || p.error() != errc::none)) {
        refuse_address("recipient", p);
      }
      m.env.recipients.emplace_back(std::move(p));
    }
  }

  [[noreturn]] static void refuse_address(std::string_view role, const path& p) {
    const errc why = p.is_null() ? errc::bad_address : p.error();
    throw failure(exit_code::data_error, fmt::format("bad {} address '{}': {}", role, p.text(),
                                                     make_error_code(why).message()));
  }

  // Prints the reports that are complete, in the order of the mails.
  void publish() {
    for (; !mails_.empty() && mails_.front().report; mails_.pop_front()) {
      const mail_report& report = *mails_.front().report;
      code_ = worse(code_, report.code);
      // One reason that ends many mails is told once.
      if (!report.error.empty() && report.error != last_error_) {
        complain("sansmtp send: " + report.error);
        last_error_ = report.error;
      }
      if (output_failure_) continue;
      try {
        print(given_.json ? report.to_json() : report.to_table());
      } catch (const failure& why) {
        // What is under way is finished, but nobody would know what becomes of further mails.
        output_failure_ = why;
      }
    }
  }

  exit_code finish() {
    publish();
    if (output_failure_) {
      complain(fmt::format("sansmtp send: {}; messages not yet begun were not sent",
                           output_failure_->what()));
      code_ = worse(code_, output_failure_->code());
    }
    return code_;
  }

  arguments given_;
  std::deque<mail> mails_;
  std::size_t read_ = 0;  // files
  std::optional<connection> link_;
  bool started_ = false;
  progress progress_;
  std::optional<script::recorder> recorder_;
  exit_code code_ = exit_code::ok;
  std::string last_error_;
  std::optional<failure> output_failure_;
};

void check(const arguments& given) {
  if (!given.from_header && !given.sender) {
    throw CLI::RequiredError("--from (or --from-header)");
  }
  if (!given.from_header && given.recipients.empty()) {
    throw CLI::RequiredError("--to (or --from-header)");
  }
  if (given.record && given.parallel > 1) {
    throw CLI::ValidationError("--record", "a record is of one session, so not with --parallel");
  }
  if (std::count(given.files.begin(), given.files.end(), "-") > 1) {
    throw CLI::ValidationError("FILE", "standard input, '-', can be read only once");
  }
}

}  // namespace

void add_send_command(CLI::App& app, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("send", "Send messages and tell what became of each recipient");
  const auto given = std::make_shared<arguments>();
  session_config& config = given->connection.client.session;

  command
      ->add_option("FILE", given->files,
                   "Messages, each of them one mail to all recipients; all go out in one session. "
                   "'-', the default, is standard input")
      ->type_name("");
  given->connection.add_to(*command);
  command->add_option("--from", given->sender, "The envelope's sender; '' or '<>' for a bounce")
      ->type_name("ADDRESS");
  command->add_option("--to", given->recipients, "A recipient (repeatable)")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  command->add_flag("-t,--from-header", given->from_header,
                    "Take the envelope from the header of each message: the sender, unless --from "
                    "is given, from Sender, From or Return-Path; the recipients, besides those of "
                    "--to, from To, Cc and Bcc. Bcc fields are not sent");
  add_choice<pipelining_level>(
      *command, "--pipelining", config.pipelining,
      {{"off", pipelining_level::off},
       {"envelope", pipelining_level::envelope},
       {"messages", pipelining_level::messages}},
      "How far commands run ahead of their replies: off, envelope (the default) or messages")
      ->type_name("LEVEL");
  command
      ->add_option("--record", given->record,
                   "Write the session down as a transcript that 'sansmtp replay' plays; secrets "
                   "are masked, messages are not")
      ->type_name("FILE");
  if (has_parallel()) {
    command
        ->add_option("--parallel", given->parallel,
                     "Send over up to N connections at a time; what was certainly not accepted "
                     "when one ends is sent over another")
        ->type_name("N")
        ->check(CLI::Range(1, 1000));
  }
  command->add_flag("--json", given->json, "One line of JSON a mail, not a table");
  add_choice<line_end_policy>(
      *command, "--line-ends", config.line_ends,
      {{"normalize", line_end_policy::normalize}, {"strict", line_end_policy::strict}},
      "LF or CR alone: normalize to CRLF (the default), or strict: refuse the message")
      ->type_name("POLICY");
  command->add_flag("--require-all", config.require_all_recipients,
                    "Send to nobody if any recipient is refused");
  command->add_flag("--skip-bad", given->skip_bad,
                    "Send to the others if an address is no address");
  command->add_flag("--allow-empty", config.allow_empty_content, "Send also a message of 0 octets");
  command->add_flag("--allow-8bit", config.allow_unadvertised_8bit,
                    "Send octets above 127 also to a server without 8BITMIME");
  command->add_flag("--reject-long-lines", config.reject_long_lines,
                    "Refuse a message with lines over 1000 octets");
  command->add_flag("--utf8-header", given->utf8_header,
                    "The header holds UTF-8: send it only to a server with SMTPUTF8");
  command->footer(
      "The report goes to standard output, one table or JSON line a mail; what went wrong as a "
      "whole\nis one line on standard error.\n\nExamples:\n"
      "  sansmtp send --server mx.example.net --from me@example.org --to you@example.net "
      "letter.eml\n"
      "  printf 'Subject: hi\\n\\nHello!\\n' | sansmtp send --server localhost:2525 \\\n"
      "      --from a@x.example --to b@y.example --to c@y.example\n"
      "  sansmtp send --server localhost:2525 -t --pipelining messages --json outbox/*.eml\n"
      "  sansmtp send --profile submission --server mail.example.org --user me@example.org \\\n"
      "      --password-file ~/.mail-password -t letter.eml\n\n" +
      exit_code_help());

  command->callback([given, &exit_code] {
    check(*given);
    given->connection.complete();
    if (given->files.empty()) given->files.emplace_back("-");
    // Who names that many recipients wants them all; the server says if they are too many.
    given->connection.client.session.limits.recipients = 1'000'000;
    exit_code = static_cast<int>(send_run(*given).run());
  });
}

}  // namespace sansmtp::cli

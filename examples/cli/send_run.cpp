#include "send_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "client_tls.hpp"
#include "connect.hpp"
#include "dialogue.hpp"
#include "explanation.hpp"
#include "failure.hpp"
#include "input.hpp"
#include "interruption.hpp"
#include "mail_report.hpp"
#include "output_file.hpp"
#include "progress.hpp"
#include "report_printer.hpp"
#include "sansmtp/blocking/client.hpp"
#include "sansmtp/script/recorder.hpp"
#include "send_parallel.hpp"
#include "session_notes.hpp"
#include "standard_streams.hpp"
#include "way_report.hpp"

namespace sansmtp::cli {
namespace {

using clock = std::chrono::steady_clock;

using mail_ptr = std::unique_ptr<outgoing_mail>;

blocking::stop_request what_signals_ask_for() {
  if (interruption::overdue()) return blocking::stop_request::at_once;
  return interruption::wanted() ? blocking::stop_request::soon : blocking::stop_request::no;
}

/// What both ways to send have in common: where mails come from and reports go.
class send_run {
 public:
  explicit send_run(const send_options& given)
      : given_(given), outbox_(given.outbox), reports_(given.json) {}

  exit_code run() {
    // Nothing is asked of the server before there is something to send.
    if (mail_ptr first = next_sendable()) {
      if (!given_.connection.has_server()) {
        send_to_domains(std::move(first));
      } else if (given_.parallel > 1) {
        send_over_many(std::move(first));
      } else {
        send_over_one(std::move(first));
      }
    }
    name_the_rest();
    return reports_.code();
  }

 private:
  // Is nothing new to be begun?
  [[nodiscard]] bool stopped() const { return interruption::wanted() || reports_.output_failed(); }

  // Reads on to the next message that can be sent; those that cannot are reported.
  mail_ptr next_sendable() {
    while (!stopped()) {
      mail_ptr m = outbox_.read_next();
      if (!m || !m->obstacle) return m;
      refuse(*m);
    }
    return nullptr;
  }

  void refuse(const outgoing_mail& m) {
    reports_.tell(mail_report::not_attempted(m, verb::mail, *m.obstacle));
  }

  void report(const outgoing_mail& m, const delivery& result, const session_notes& notes,
              std::optional<mail_report::tls_link> tls) {
    const mishap what = mishap::of(result);
    failure why = explain(what, given_.connection, notes);
    // What is wrong with one mail needs its name; what ended the session is about all of them.
    if (what.stage == verb::mail && what.code == 0 &&
        category_of(condition_of(what.error)) == failure_category::local) {
      why = {why.code(), fmt::format("{}: {}", input_name(m.file), why.what())};
    }
    mail_report told = mail_report::of(m, result, why);
    told.tls = std::move(tls);
    reports_.tell(told);
  }

  // Whatever ended the run early, nobody has to guess what it did not come to.
  void name_the_rest() {
    if (reports_.output_failed()) {
      const std::size_t rest = outbox_.left();
      const mail_ptr m = outbox_.name_next();
      reports_.tell_what_is_missing(
          m ? fmt::format("messages not yet begun were not sent: {}, from {} on", rest,
                          input_name(m->file))
            : std::string());
      return;
    }
    const failure why(exit_code::temporary, "interrupted; messages not yet begun were not sent");
    while (const mail_ptr m = outbox_.name_next()) {
      reports_.tell(mail_report::not_attempted(*m, verb::mail, why));
    }
  }

  // -- one connection at a time -------------------------------------------------------------------

  void send_over_one(mail_ptr first) {
    blocking::client_options options = given_.connection.client;
    options.stop = what_signals_ask_for;
    options.mails_per_connection = given_.mails_per_connection;
    if (given_.record) options.moves = 0;  // a record is of one session
    progress shown;
    std::optional<script::recorder> recorder;
    std::optional<session_config> recorded;
    bool over = false;  // the session that was recorded
    const auto begin_record = [&] {
      over = false;
      recorder.emplace(clock::now(), *recorded);
      recorder->comment("A session of sansmtp send with " + to_string(given_.connection.server) +
                        ", recorded; secrets are masked.");
    };
    if (given_.connection.trace) {
      options.trace = [](const event& e) { print_error(dialogue_of(e)); };
    } else if (error_is_terminal()) {
      options.trace = [&](const event& e) { shown.take(e); };
    }
    if (given_.record) {
      options.trace = [&, show = std::move(options.trace)](const event& e) {
        if (over) begin_record();  // another address of a server that did not greet
        recorder->take(clock::now(), e);
        over = e.what == event::kind::closed;
        if (show) show(e);
      };
    }
    connection link(given_.connection, std::move(options));
    const auto on_link = [&] {
      if (!given_.record) return;
      recorded = link.client().engine().config();
      begin_record();
    };
    if (const std::error_code error = link.connect(on_link)) {
      const failure why = connect_failure(given_.connection, error);
      for (mail_ptr m = std::move(first); m; m = next_sendable()) {
        reports_.tell(mail_report::not_attempted(*m, verb::greeting, why));
      }
      return;
    }
    // Mails are recorded in the session that they are given to. If there is none they say why.
    if (recorder) static_cast<void>(link.client().open());

    std::deque<mail_ptr> under_way;  // in order
    mail_ptr refused;
    // The client has room for another mail.
    const auto next = [&](envelope& env, message& content) {
      mail_ptr m = std::move(first);
      if (!m && !stopped()) m = outbox_.read_next();
      if (!m) return false;
      if (m->obstacle) {
        // Its report waits until those before it are told, and nothing is read meanwhile.
        refused = std::move(m);
        return false;
      }
      shown.expect(input_name(m->file), m->content.size());
      env = m->env;
      content = m->borrowed();
      if (recorder && link.client().connected()) recorder->send(clock::now(), env, content);
      under_way.push_back(std::move(m));
      return true;
    };
    const auto done = [&](const delivery& result) {
      const mail_ptr m = std::move(under_way.front());
      under_way.pop_front();
      std::optional<mail_report::tls_link> tls;
      if (const auto info = link.notes().take_tls(result.id)) {
        tls = {info->protocol, info->verified};
      }
      report(*m, result, link.notes(), std::move(tls));
    };
    do {
      link.client().send_all(next, done);
      if (refused) refuse(*std::exchange(refused, nullptr));
      first = next_sendable();
    } while (first);

    if (recorder) recorder->command(clock::now(), "quit");
    // All mails have their final reply by now, so how the session ends changes nothing.
    static_cast<void>(link.client().quit());
    if (recorder) keep_record(recorder->text());
  }

  // A record that cannot be written changes nothing of what became of the mails.
  void keep_record(const std::string& text) {
    try {
      write_output(*given_.record, text);
    } catch (const failure& why) {
      reports_.complain_of(why.what(), why.code());
    }
  }

  // -- to the hosts of the recipients' domains ----------------------------------------------------

  void send_to_domains(mail_ptr first) {
    routing_tools tools(given_.routing);
    for (const std::string& w : tools.warnings()) complain("sansmtp send: " + w);
    blocking::deliver_options options = tools.options();
    options.client = given_.connection.client;
    options.client.stop = what_signals_ask_for;
    options.route.tls = given_.connection.client.session.tls;
    // Who names authorities wants them to be asked.
    if (!given_.connection.tls.ca_file.empty()) options.route.demand = {demand_level::names};
    if (given_.connection.trace) {
      options.client.trace = [](const event& e) { print_error(dialogue_of(e)); };
      options.on_attempt = [](const routing::attempt& a) {
        print_error(
            fmt::format("-- {} (must prove: {})\n", display_text(a.host), proof_of(a.demand)));
      };
      tools.on_missing_policy = [](const std::string& sentence) {
        print_error("-- " + sentence + '\n');
      };
    }
    // What was learned is kept, whatever ends the run.
    const auto save = [&] {
      try {
        tools.save();
      } catch (const failure& why) {
        reports_.complain_of(why.what(), why.code());
      }
    };
    try {
      deliver_all(std::move(first), options);
    } catch (...) {
      save();
      throw;
    }
    save();
  }

  void deliver_all(mail_ptr first, const blocking::deliver_options& options) {
    for (mail_ptr m = std::move(first); m; m = next_sendable()) {
      const blocking::routed_delivery d = blocking::deliver(m->env, m->borrowed(), options);
      mail_report told = mail_report::of(*m, d.report, reason_of(d));
      told.ways = d.ways;
      reports_.tell(told);
    }
  }

  // Why a mail did not get to all: what stood in the way of the recipient whose outcome is the
  // exit code's, or what the last host said.
  static failure reason_of(const blocking::routed_delivery& d) {
    const mishap what = mishap::of(d.report);
    const failure said = {exit_code_of(what.error, what.code), cli::explain(what.error)};
    if (what.error == errc::bad_configuration && !has_tls()) {
      return {exit_code::configuration,
              "the host must prove who it is, and this sansmtp was built without TLS"};
    }
    const std::size_t worst = worst_of(d.report);
    for (const blocking::way& w : d.ways) {
      if (w.why.what == routing::conclusion::served || w.why.text.empty() ||
          std::find(w.recipients.begin(), w.recipients.end(), worst) == w.recipients.end()) {
        continue;
      }
      // It begins with the host, which may be the domain.
      const bool is_named = w.why.text.starts_with(w.domain + ':');
      return {said.code(), is_named ? w.why.text : fmt::format("{}: {}", w.domain, w.why.text)};
    }
    return said;
  }

  // -- many connections at a time -----------------------------------------------------------------

  void send_over_many(mail_ptr first) {
    connection_options to = given_.connection;
    if (to.trace) to.client.trace = [](const event& e) { print_error(dialogue_of(e)); };
    session_notes notes;
    notes.attach(given_.connection, to.client, session_notes::links::several);
    mail_source source;
    source.next = [&] { return first ? std::move(first) : next_sendable(); };
    source.done = [&](const outgoing_mail& m, const parallel_report& told) {
      if (told.unconnected) {
        reports_.tell(
            mail_report::not_attempted(m, verb::greeting, connect_failure(to, told.unconnected)));
      } else {
        report(m, told.result, notes, told.tls);
      }
    };
    send_parallel(to, {given_.parallel, given_.mails_per_connection}, source);
  }

  const send_options& given_;
  outbox outbox_;
  report_printer reports_;
};

}  // namespace

exit_code send_all(const send_options& given) {
  interruption::watch();
  return send_run(given).run();
}

}  // namespace sansmtp::cli

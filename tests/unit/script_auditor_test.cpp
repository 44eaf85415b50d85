// The judge must see what is wrong: it is told of sessions that did what none may do.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sansmtp/script/auditor.hpp"

namespace {

using namespace sansmtp;
using script::auditor;

/// What became of a recipient, and by which reply.
recipient_result result_of(outcome became, errc why, int code = 0, verb stage = verb::mail) {
  recipient_result r;
  r.address = "r@b.test";
  r.result = became;
  r.why = why;
  r.stage = stage;
  if (code != 0) r.answer = reply(code, "no");
  return r;
}

constexpr std::string_view content = "a\r\nb.\r\n..c\r\n.\r\n";

/// A session at its beginning lends its configuration; what is told of it is the test's.
class judged {
 public:
  explicit judged(session_config config = {}) : judged(config, config) {}
  /// The session has one configuration, and the judge is told of another.
  judged(session_config config, const session_config& told) : session_(std::move(config)) {
    audit.open(told);
  }

  /// The session itself, for what is asked of it.
  session& of() { return session_; }
  /// The session hears what a server offers, so that the judge knows, and is told of no octet.
  void offer(std::string_view ehlo) {
    session_.connected(now);
    for (const std::string_view reply : {std::string_view("220 mx.test\r\n"), ehlo}) {
      session_.receive(now, as_bytes(reply));
      std::size_t n = 0;
      for (const bytes view : session_.output(now)) n += view.size();
      session_.sent(now, n);
    }
  }
  void rest(bool asked = true) { audit.rest(session_, now, asked); }

  void hear(std::string_view octets) { audit.received(octets); }
  void say(std::string_view octets) { audit.written(session_, octets); }

  /// A mail of this number from <s@a.test> to <r1@b.test> and <r2@b.test>.
  void give(mail_id id, message mail = message::own("a\nb.\n.c")) {
    envelope env;
    env.sender = path("s@a.test");
    env.recipients.emplace_back("r1@b.test");
    env.recipients.emplace_back("r2@b.test");
    give(id, env, std::move(mail));
  }
  void give(mail_id id, const envelope& env, message mail = message::own("a\nb.\n.c")) {
    audit.mail(session_, id, env, mail);
  }

  /// The lines of its envelope, one by one, and what a server says to them.
  void say_paths(std::string_view second = "250 ok\r\n") {
    say("MAIL FROM:<s@a.test>\r\n");
    hear("250 ok\r\n");
    say("RCPT TO:<r1@b.test>\r\n");
    hear("250 ok\r\n");
    say("RCPT TO:<r2@b.test>\r\n");
    hear(second);
  }
  /// The same behind the greeting, and DATA.
  void say_envelope(std::string_view second = "250 ok\r\n") {
    hear("220 mx.test\r\n");
    say_paths(second);
    say("DATA\r\n");
    hear("354 go\r\n");
  }

  void tell(event::kind what, mail_id id = 0) {
    event e;
    e.what = what;
    e.id = id;
    audit.event_taken(e);
  }
  /// Both recipients were accepted.
  void accept(mail_id id) {
    event e;
    e.what = event::kind::recipient_accepted;
    e.id = id;
    for (e.recipient = 0; e.recipient < 2; ++e.recipient) audit.event_taken(e);
  }
  /// The first mail by LMTP, up to its terminator; both recipients were accepted.
  void say_content_by_lmtp() {
    give(1);
    hear("220 mx.test\r\n");
    say("LHLO me\r\n");
    hear("250 mx.test\r\n");
    say_paths();
    accept(1);
    say("DATA\r\n");
    hear("354 go\r\n");
    say(content);
  }
  void cut(bool write_in_flight = false) { audit.fault(session_, write_in_flight); }
  /// MAIL, or the RCPT of this number, was answered so.
  void tell_refusal(event::kind what, mail_id id, int code, outcome became, errc why = errc::none,
                    std::uint32_t recipient = 0) {
    event e;
    e.what = what;
    e.id = id;
    e.recipient = recipient;
    e.result = became;
    e.answer = reply(code, "no");
    e.error = why == errc::none ? std::error_code() : make_error_code(why);
    e.category = category_of(why);
    audit.event_taken(e);
  }
  /// mail_done with these outcomes; who is deferred was refused, all else is the link's.
  void tell_done(mail_id id, const std::vector<outcome>& outcomes) {
    std::vector<recipient_result> results;
    for (const outcome became : outcomes) {
      const errc why = became == outcome::delivered  ? errc::none
                       : became == outcome::deferred ? errc::refused_transiently
                                                     : errc::connection_lost;
      results.push_back(result_of(became, why));
    }
    tell_done(id, results);
  }
  void tell_done(mail_id id, const std::vector<recipient_result>& results) {
    event e;
    e.what = event::kind::mail_done;
    e.id = id;
    e.result = results.empty() ? outcome::pending : results.front().result;
    e.answers = results.empty() ? verb::mail : results.front().stage;
    e.results = results;
    audit.event_taken(e);
  }

  /// Is this what is wrong?
  void expect(std::string_view rule) const {
    EXPECT_NE(audit.problem().find(rule), std::string::npos)
        << "problem: " << audit.problem() << "\nrule: " << rule;
  }

  auditor audit;
  time_point now{std::chrono::hours(1)};

 private:
  session session_;
};

TEST(script_auditor, finds_nothing_wrong_with_a_mail_as_it_should_be) {
  judged t;
  t.give(1);
  t.say_envelope();
  t.tell(event::kind::sender_accepted, 1);
  t.tell(event::kind::recipient_accepted, 1);
  t.tell(event::kind::ready_for_data, 1);
  t.say(content);
  t.hear("250 ok\r\n");
  t.tell_done(1, {outcome::delivered, outcome::delivered});
  EXPECT_EQ(t.audit.problem(), "");
  EXPECT_EQ(t.audit.commands().size(), 5U);
  EXPECT_EQ(t.audit.commands().back().text, ".");
  EXPECT_EQ(t.audit.replies(), 6U);
}

TEST(script_auditor, sees_who_is_delivered_without_reason) {  // OUT-03
  {
    judged t;  // refused, and delivered with the others
    t.give(1);
    t.say_envelope("550 no\r\n");
    t.say(content);
    t.hear("250 ok\r\n");
    t.tell_done(1, {outcome::delivered, outcome::delivered});
    t.expect("never accepted");
  }
  {
    judged t;  // before the verdict
    t.give(1);
    t.say_envelope();
    t.say(content);
    t.tell_done(1, {outcome::delivered, outcome::delivered});
    t.expect("the content was not accepted");
  }
  {
    judged t;  // by a reply that came before the terminator
    t.give(1);
    t.say_envelope();
    t.say(content.substr(0, 5));
    t.hear("250 early\r\n");
    t.say(content.substr(5));
    t.tell_done(1, {outcome::delivered, outcome::delivered});
    t.expect("before the terminator");
  }
  {
    judged t;  // without a terminator
    t.give(1);
    t.say_envelope();
    t.say("a\r\n");
    t.tell_done(1, {outcome::in_doubt, outcome::in_doubt});
    t.expect("terminator was not written");
  }
  {
    judged t;  // in doubt though the server refused
    t.give(1);
    t.say_envelope();
    t.say(content);
    t.hear("554 no\r\n");
    t.tell_done(1, {outcome::in_doubt, outcome::in_doubt});
    t.expect("the content was refused");
  }
  {
    judged t;  // a reply whose lines disagree is no verdict
    t.give(1);
    t.say_envelope();
    t.say(content);
    t.hear("250-a\r\n550 b\r\n");
    t.tell_done(1, {outcome::delivered, outcome::delivered});
    t.expect("the content was not accepted");
  }
}

TEST(script_auditor, sees_content_that_is_not_what_was_given) {  // SEC-02
  for (const std::string_view other : {"a\r\nb.\r\n.c\r\n.\r\n", "a\r\nb.\r\n..c\r\nd\r\n.\r\n",
                                       "a\r\nb.\r\n.\r\n", "a\r\nb.\r\n..c\n.\r\n"}) {
    judged t;
    t.give(1);
    t.say_envelope();
    t.say(other);
    t.hear("250 ok\r\n");
    t.tell_done(1, {outcome::delivered, outcome::delivered});
    EXPECT_NE(t.audit.problem(), "") << other;
  }
  judged t;  // a stream that ended before all was lent
  t.give(1, message::stream());
  t.say_envelope();
  t.tell(event::kind::ready_for_data, 1);
  t.audit.lent(as_bytes(std::string_view("a\r\n")), false);
  t.say("a\r\n.\r\n");
  t.hear("250 ok\r\n");
  t.tell_done(1, {outcome::delivered, outcome::delivered});
  t.expect("before all was lent");
}

TEST(script_auditor, sees_lines_that_may_not_be_written) {
  {
    judged t;
    t.say("EHLO me\r\n");
    t.expect("before the greeting");
  }
  {
    judged t;  // without PIPELINING
    t.hear("220 mx\r\n");
    t.say("EHLO me\r\nNOOP\r\n");
    t.expect("one command at a time");
  }
  {
    judged t;
    t.hear("220 mx\r\n");
    t.say("RCPT TO:<a\nb>\r\n");
    t.expect("CRLF");
  }
  {
    judged t;
    t.hear("220 mx\r\n");
    t.say("QUIT\r\nNOOP\r\n");
    t.expect("nothing follows QUIT");
  }
  {
    judged t;
    t.hear("220 mx\r\n");
    t.say("DATA\r\nab\r\n");
    t.expect("DATA before its reply");
  }
  {
    session_config config;
    config.tls = tls_mode::required;
    judged t(config);
    t.hear("220 mx\r\n");
    t.say("MAIL FROM:<>\r\n");
    t.expect("tls=required");
  }
  {
    judged t;
    t.audit.watch_for("s3cret");
    t.hear("220 mx\r\n");
    t.say("AUTH PLAIN " + base64_encode("s3cret") + "\r\n");
    t.expect("AUTH-13");
  }
  {
    judged t;
    t.tell(event::kind::closed);
    t.say("NOOP\r\n");
    t.expect("other than QUIT");
  }
  {
    judged t;  // nobody of the envelope
    t.give(1);
    t.hear("220 mx\r\n");
    t.say("MAIL FROM:<s@a.test>\r\n");
    t.hear("250 ok\r\n");
    t.say("RCPT TO:<x@b.test>\r\n");
    t.tell_done(1, {outcome::deferred, outcome::deferred});
    t.expect("RCPT names nobody");
  }
}

TEST(script_auditor, sees_where_a_client_is_told_of_out_of_place) {  // EXT-14 EXT-15
  session_config usual;
  usual.local_name = "client.test";
  session_config asks = usual;
  asks.xclient = {{"NAME", "a.test"}};
  const struct {
    const char* what;
    bool asks;
    std::vector<std::string> lines;  // each is answered before the next one
    const char* rule;                // empty: there is nothing wrong
    int answer = 250;
  } rows[] = {
      {"as it should be",
       true,
       {"XCLIENT NAME=a ADDR=b", "EHLO me", "XFORWARD NAME=a", "MAIL FROM:<>"},
       ""},
      {"refused, and QUIT", true, {"XCLIENT NAME=a", "QUIT"}, "", 550},
      {"between two mails", false, {"MAIL FROM:<>", "RSET", "XFORWARD NAME=a", "MAIL FROM:<>"}, ""},
      {"behind a refused MAIL", false, {"MAIL FROM:<>", "XFORWARD NAME=a"}, "", 550},
      {"no EHLO", true, {"XCLIENT NAME=a", "MAIL FROM:<>"}, "EHLO follows XCLIENT"},
      {"no XCLIENT", true, {"MAIL FROM:<>"}, "before the XCLIENT"},
      {"refused XCLIENT", true, {"XCLIENT NAME=a", "MAIL FROM:<>"}, "before the XCLIENT", 550},
      {"twice", true, {"XCLIENT NAME=a", "EHLO me", "XCLIENT NAME=a"}, "said once"},
      {"not offered", true, {"XCLIENT HELO=a"}, "offered in the last EHLO"},
      {"not offered either", true, {"XCLIENT NAME=a HELO=a"}, "offered in the last EHLO"},
      {"not offered at all", false, {"XFORWARD ADDR=a"}, "offered in the last EHLO"},
      {"too long", false, {"XFORWARD NAME=" + std::string(497, 'a')}, "at most 512 octets"},
      {"512 octets", false, {"XFORWARD NAME=" + std::string(496, 'a')}, ""},
      {"inside a transaction", false, {"MAIL FROM:<>", "XFORWARD NAME=a"}, "outside transactions"},
      {"behind an older RSET",
       false,
       {"RSET", "MAIL FROM:<>", "XFORWARD NAME=a"},
       "outside transactions"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    judged t(usual, row.asks ? asks : usual);
    t.offer("250-mx.test\r\n250-XCLIENT NAME ADDR\r\n250 XFORWARD NAME\r\n");
    t.hear("220 mx.test\r\n");
    for (const std::string& line : row.lines) {
      t.say(line + "\r\n");
      t.hear(std::to_string(row.answer) + " x\r\n");
    }
    if (std::string_view(row.rule).empty()) {
      EXPECT_EQ(t.audit.problem(), "");
    } else {
      t.expect(row.rule);
    }
  }
  judged late(usual, asks);
  late.offer("250-mx.test\r\n250-PIPELINING\r\n250 XCLIENT NAME ADDR\r\n");
  late.hear("220 mx.test\r\n");
  late.tell(event::kind::ready);
  late.say("XCLIENT NAME=a\r\n");
  late.expect("part of the opening");
  judged grouped(usual);
  grouped.offer("250-mx.test\r\n250-PIPELINING\r\n250 XCLIENT NAME ADDR\r\n");
  grouped.hear("220 mx.test\r\n");
  grouped.say("RSET\r\nXCLIENT NAME=a\r\n");
  grouped.expect("nothing outstanding");
}

TEST(script_auditor, sees_who_is_delivered_though_a_chunk_was_refused) {  // BDAT-09
  judged t;
  t.give(1);
  t.hear("220 mx.test\r\n");
  t.say_paths();
  t.say("BDAT 7\r\na\r\nb.\r\n");
  t.hear("452 full\r\n");
  t.say("BDAT 4 LAST\r\n.c\r\n");
  t.hear("250 ok\r\n");
  t.tell_done(1, {outcome::delivered, outcome::delivered});
  t.expect("a chunk was refused");
}

TEST(script_auditor, reads_chunks) {  // BDAT-02
  judged t;
  t.give(1);
  t.hear("220 mx.test\r\n");
  t.say_paths();
  t.say("BDAT 7\r\na\r\nb.\r\n");
  EXPECT_FALSE(t.audit.inside_content());
  t.hear("250 7\r\n");
  t.say("BDAT 4 LAST\r\n.c\r");
  EXPECT_TRUE(t.audit.inside_content());
  t.say("\n");
  EXPECT_EQ(t.audit.commands().size(), 5U);
  t.hear("250 ok\r\n");
  t.tell_done(1, {outcome::delivered, outcome::delivered});
  EXPECT_EQ(t.audit.problem(), "");
}

TEST(script_auditor, knows_whom_each_reply_of_lmtp_is_about) {  // LMTP-04
  for (const bool lie : {false, true}) {
    judged t;
    t.give(1);
    t.hear("220 mx.test\r\n");
    t.say("LHLO me\r\n");
    t.hear("250 mx.test\r\n");
    t.say_paths();
    t.say("DATA\r\n");
    t.hear("354 go\r\n");
    t.say(content);
    t.hear("250 stored\r\n452 full\r\n");
    t.say("QUIT\r\n");
    t.tell_done(1, {outcome::delivered, lie ? outcome::delivered : outcome::deferred});
    if (lie) t.expect("the content was not accepted");
    if (!lie) {
      EXPECT_EQ(t.audit.problem(), "");
    }
  }
}

TEST(script_auditor, takes_a_reply_of_lmtp_before_a_cut_as_decided) {  // LMTP-04, OUT-02
  for (const outcome second : {outcome::in_doubt, outcome::deferred}) {
    judged t;
    t.say_content_by_lmtp();
    t.hear("250 stored\r\n");
    t.cut();
    t.tell_done(1, {outcome::delivered, second});
    if (second == outcome::in_doubt) {
      EXPECT_EQ(t.audit.problem(), "");
    } else {
      t.expect("no final reply came");
    }
  }
}

// Twice the recipients cost twice the time. If they cost four times as much this would take many
// times as long.
TEST(script_auditor, judges_any_number_of_recipients) {
  judged t;
  const std::size_t many = 60'000;
  envelope env;
  env.sender = path("s@a.test");
  std::string rcpts;
  std::string verdicts;
  for (std::size_t i = 0; i < many; ++i) {
    const std::string to = "r" + std::to_string(i) + "@b.test";
    env.recipients.emplace_back(to);
    rcpts += "RCPT TO:<" + to + ">\r\n";
    verdicts += "250 ok\r\n";
  }
  t.give(1, env);
  t.hear("220 mx.test\r\n");
  t.say("LHLO me\r\n");
  t.hear("250 mx.test\r\n");
  t.say("MAIL FROM:<s@a.test>\r\n");
  t.hear("250 ok\r\n");
  // One by one.
  for (std::size_t at = 0; at < rcpts.size();) {
    const std::size_t end = rcpts.find('\n', at) + 1;
    t.say(std::string_view(rcpts).substr(at, end - at));
    t.hear("250 ok\r\n");
    at = end;
  }
  t.say("DATA\r\n");
  t.hear("354 go\r\n");
  t.say(content);
  t.hear(verdicts);
  const std::clock_t begin = std::clock();
  t.tell_done(1, std::vector<outcome>(many, outcome::delivered));
  EXPECT_LT(std::clock() - begin, 2 * CLOCKS_PER_SEC);
  EXPECT_EQ(t.audit.problem(), "");
}

// -- outcomes -------------------------------------------------------------------------------------

TEST(script_auditor, sees_outcomes_that_are_none) {  // OUT-01
  {
    judged t;
    t.give(1);
    t.say_envelope();
    t.tell_done(1, {outcome::pending, outcome::pending});
    t.expect("each needs an outcome (OUT-01)");
  }
  {
    judged t;
    t.give(1);
    t.say_envelope();
    t.say(content);
    t.hear("250 ok\r\n");
    t.tell_done(1, {result_of(outcome::delivered, errc::connection_lost),
                    result_of(outcome::delivered, errc::none)});
    t.expect("it has an error");
  }
  {
    judged t;  // content for nobody, though somebody was accepted
    t.give(1);
    t.say_envelope();
    t.say(".\r\n");
    t.hear("250 ok\r\n");
    t.tell_done(1, {outcome::delivered, outcome::delivered});
    t.expect("PIPE-08");
  }
}

TEST(script_auditor, sees_who_is_delivered_before_the_terminator_left) {  // OUT-03
  for (const std::size_t missing : {1U, 0U}) {
    judged t;
    t.give(1);
    t.say_envelope();
    t.audit.handed_out(t.of(), content);
    t.audit.sent(content.size() - missing);
    t.hear("250 ok\r\n");
    t.tell_done(1, {outcome::delivered, outcome::delivered});
    t.expect(missing != 0 ? "the terminator has not left" : "");
    EXPECT_EQ(t.audit.problem().empty(), missing == 0);
  }
}

TEST(script_auditor, knows_that_a_refused_sender_outranks_all) {  // PIPE-12 PIPE-17
  struct row {
    const char* what;
    pipelining_level level;
    int said;
    recipient_result told;
    bool right;
  };
  using enum outcome;
  const errc never = errc::refused_permanently;
  const errc later = errc::refused_transiently;
  const pipelining_level lines = pipelining_level::envelope;
  const pipelining_level mails = pipelining_level::messages;
  for (const row& x : {
           row{"as it is", lines, 550, result_of(rejected, never, 550), true},
           row{"as it is", lines, 450, result_of(deferred, later, 450), true},
           row{"another outcome", lines, 550, result_of(deferred, never, 550), false},
           row{"another outcome", lines, 450, result_of(rejected, later, 450), false},
           row{"another reply", lines, 550, result_of(rejected, never, 551), false},
           row{"another reply", lines, 450, result_of(deferred, later), false},
           row{"it rode", mails, 550, result_of(deferred, errc::unexpected_reply), true},
           row{"it rode", mails, 550, result_of(rejected, never, 551), false},
           row{"it ran ahead", mails, 503, result_of(deferred, errc::ran_ahead, 503), true},
           row{"it ran ahead", mails, 503, result_of(rejected, errc::ran_ahead, 503), false},
       }) {
    session_config config;
    config.pipelining = x.level;
    judged t(config);
    t.give(1);
    t.hear("220 mx.test\r\n");
    t.say("MAIL FROM:<s@a.test>\r\n");
    t.hear(std::to_string(x.said) + " no\r\n");
    t.tell_refusal(event::kind::sender_rejected, 1, x.said, x.told.result,
                   x.told.why == errc::ran_ahead ? x.told.why : errc::none);
    t.tell_done(1, {x.told, x.told});
    if (x.right) {
      EXPECT_EQ(t.audit.problem(), "") << x.what << ' ' << x.said;
    } else {
      t.expect("the sender was refused, which outranks all (PIPE-12)");
    }
  }
}

TEST(script_auditor, knows_who_was_refused_and_by_which_reply) {  // OUT-03
  struct row {
    const char* rule;  // empty: nothing is wrong
    int said;
    bool event;
    recipient_result told;
  };
  using enum outcome;
  const errc never = errc::refused_permanently;
  const errc later = errc::refused_transiently;
  const char* const other = "it was refused with another reply (OUT-03)";
  const char* const for_good = "its RCPT was refused for good (OUT-03)";
  for (const row& x : {
           row{"", 550, true, result_of(rejected, never, 550)},
           row{other, 550, true, result_of(rejected, never, 551)},
           row{other, 550, true, result_of(deferred, later, 550)},
           row{other, 550, true, result_of(rejected, errc::connection_lost)},
           row{"", 550, false, result_of(rejected, never, 550)},
           row{for_good, 550, false, result_of(deferred, later, 550)},
           row{for_good, 550, false, result_of(not_attempted, never, 550)},
           row{"", 552, false, result_of(deferred, later, 552)},
           row{"its reply is no 5yz", 450, false, result_of(rejected, never, 450)},
       }) {
    judged t;
    t.give(1);
    t.hear("220 mx.test\r\n");
    t.say_paths(std::to_string(x.said) + " no\r\n");
    if (x.event) {
      t.tell_refusal(event::kind::recipient_rejected, 1, x.said, rejected, errc::none, 1);
    }
    t.tell_done(1, {result_of(deferred, later), x.told});
    t.expect(x.rule);
    EXPECT_EQ(t.audit.problem().empty(), *x.rule == '\0') << x.rule << t.audit.problem();
  }
}

TEST(script_auditor, knows_what_a_refused_rset_means) {  // TXN-18 OUT-04
  struct row {
    const char* rule;
    std::string_view answer;
    outcome told;
  };
  const char* const defers = "a refused RSET defers whom it asked for";
  for (const row& x :
       {row{"", "500 what\r\n", outcome::deferred}, row{"", "500 what\r\n", outcome::not_attempted},
        row{defers, "500 what\r\n", outcome::rejected},
        row{"no RSET was refused", "250 ok\r\n", outcome::deferred}}) {
    judged t;
    t.give(1);
    t.hear("220 mx.test\r\n");
    t.say("RSET\r\n");
    t.hear(x.answer);
    t.say_paths();
    const recipient_result told = result_of(x.told, errc::reset_refused, 500);
    t.tell_done(1, {told, told});
    t.expect(x.rule);
    EXPECT_EQ(t.audit.problem().empty(), *x.rule == '\0') << x.rule << t.audit.problem();
  }
  judged t;  // of a mail that nobody began
  t.give(1);
  t.hear("220 mx.test\r\n");
  t.say("RSET\r\n");
  t.hear("500 what\r\n");
  const recipient_result told = result_of(outcome::deferred, errc::reset_refused, 500);
  t.tell_done(1, {told, told});
  t.expect(defers);
}

TEST(script_auditor, sees_who_failed_though_the_content_has_left) {  // OUT-02
  struct row {
    recipient_result told;
    bool right;
  };
  using enum outcome;
  for (const row& x : {row{result_of(deferred, errc::connection_lost), false},
                       row{result_of(rejected, errc::timed_out), false},
                       row{result_of(in_doubt, errc::connection_lost), true},
                       row{result_of(deferred, errc::refused_transiently, 452), true},
                       row{result_of(deferred, errc::service_closing, 421), true}}) {
    judged t;
    t.give(1);
    t.say_envelope();
    t.say(content);
    t.tell_done(1, {x.told, x.told});
    t.expect(x.right ? "" : "nobody refused the content, which has left");
    EXPECT_EQ(t.audit.problem().empty(), x.right) << to_string(x.told.why);
  }
}

// -- a fault --------------------------------------------------------------------------------------

TEST(script_auditor, knows_what_a_cut_leaves) {  // OUT-02 OUT-03 OUT-04
  constexpr errc lost = errc::connection_lost;
  const auto told = [](outcome first, outcome second) {
    return std::vector{result_of(first, lost), result_of(second, lost)};
  };
  using enum outcome;
  // One RCPT was written, and the other was not.
  struct row {
    const char* rule;
    std::vector<recipient_result> told;
    bool in_flight;
  };
  const char* const written = "its RCPT was written (OUT-03)";
  const char* const unwritten = "its RCPT was not written (OUT-04)";
  for (const row& x :
       {row{"", told(deferred, not_attempted), false},
        row{written, told(not_attempted, not_attempted), false},
        row{unwritten, told(deferred, deferred), false}, row{"", told(deferred, deferred), true}}) {
    judged t;
    t.give(1);
    t.hear("220 mx.test\r\n");
    t.say("MAIL FROM:<s@a.test>\r\n");
    t.hear("250 ok\r\n");
    t.say("RCPT TO:<r1@b.test>\r\n");
    t.cut(x.in_flight);
    t.tell_done(1, x.told);
    t.expect(x.rule);
    EXPECT_EQ(t.audit.problem().empty(), *x.rule == '\0') << x.rule << t.audit.problem();
  }
  // Both were accepted, and the terminator was handed out, or has left as well.
  for (const bool left : {false, true}) {
    for (const bool in_flight : {false, true}) {
      for (const outcome became : {deferred, in_doubt}) {
        judged t;
        t.give(1);
        t.say_envelope();
        t.accept(1);
        t.audit.handed_out(t.of(), content);
        if (left) t.audit.sent(content.size());
        t.cut(in_flight);
        t.tell_done(1, told(became, became));
        const bool right = (became == in_doubt) == left || (in_flight && became == in_doubt);
        EXPECT_EQ(t.audit.problem().empty(), right)
            << left << in_flight << to_string(became) << t.audit.problem();
      }
    }
  }
}

TEST(script_auditor, lets_a_refused_chunk_decide_before_a_cut) {  // BDAT-08
  for (const bool refused : {true, false}) {
    judged t;
    t.give(1);
    t.hear("220 mx.test\r\n");
    t.say_paths();
    t.accept(1);
    t.say("BDAT 7\r\na\r\nb.\r\n");
    t.hear("552 full\r\n");
    t.cut();
    const recipient_result told =
        result_of(outcome::rejected, refused ? errc::refused_permanently : errc::timed_out,
                  refused ? 552 : 0, verb::bdat);
    t.tell_done(1, {told, told});
    t.expect(refused ? "" : "it was accepted, and no final reply came");
    EXPECT_EQ(t.audit.problem().empty(), refused);
  }
}

TEST(script_auditor, sees_a_verdict_of_lmtp_that_a_cut_makes_void) {  // LMTP-04
  for (const auto& [reply, right] :
       {std::pair("250 ok\r\n", outcome::delivered), std::pair("452 full\r\n", outcome::deferred),
        std::pair("552 no\r\n", outcome::rejected)}) {
    for (const outcome became : {outcome::delivered, outcome::deferred, outcome::rejected}) {
      judged t;
      t.say_content_by_lmtp();
      t.hear(reply);
      t.cut();
      const errc why = became == outcome::delivered  ? errc::none
                       : became == outcome::rejected ? errc::refused_permanently
                                                     : errc::refused_transiently;
      t.tell_done(1, {result_of(became, why), result_of(outcome::in_doubt, errc::timed_out)});
      EXPECT_EQ(t.audit.problem().empty(), became == right) << reply << t.audit.problem();
      if (became != right && became != outcome::delivered) {
        t.expect("its own reply came before the cut (LMTP-04)");
      }
    }
  }
}

TEST(script_auditor, knows_what_has_left_before_a_cut_at_level_stream) {  // BDAT-14 OUT-02
  for (const outcome became : {outcome::in_doubt, outcome::deferred}) {
    session_config config;
    config.local_name = "me.test";
    config.pipelining = pipelining_level::stream;
    judged t(config);
    t.offer("250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    t.hear("220 mx.test\r\n");
    t.give(1);
    t.say(
        "MAIL FROM:<s@a.test>\r\nRCPT TO:<r1@b.test>\r\nRCPT TO:<r2@b.test>\r\n"
        "BDAT 11 LAST\r\na\r\nb.\r\n.c\r\n");
    t.cut();
    const recipient_result told = result_of(became, errc::connection_lost);
    t.tell_done(1, {told, told});
    t.expect(became == outcome::in_doubt ? "" : "its content has left without an answer (OUT-02)");
    EXPECT_EQ(t.audit.problem().empty(), became == outcome::in_doubt) << t.audit.problem();
  }
}

TEST(script_auditor, sees_what_is_open_after_a_fault) {  // CORE-05
  struct row {
    const char* rule;
    bool over;        // the session is
    bool told;        // and said so
    bool mail_done;   // the mail is
    bool other_done;  // the command is
  };
  const char* const open = "the session is not closed after the fault";
  for (const row& x : {row{"", true, true, true, true}, row{open, false, false, true, true},
                       row{open, true, false, true, true}, row{open, false, true, true, true},
                       row{"a mail was never done (CORE-05)", true, true, false, true},
                       row{"a command was never completed (CORE-05)", true, true, true, false}}) {
    judged t;
    t.give(1);
    t.audit.command(t.of(), 2, false);
    t.cut();
    if (x.mail_done) t.tell_done(1, {outcome::not_attempted, outcome::not_attempted});
    if (x.other_done) t.tell(event::kind::command_done, 2);
    if (x.over) t.of().abort();
    if (x.told) t.tell(event::kind::closed);
    t.audit.after_fault(t.of());
    t.expect(x.rule);
    EXPECT_EQ(t.audit.problem().empty(), *x.rule == '\0') << x.rule << t.audit.problem();
  }
  judged t;
  t.cut();
  t.say("QUIT\r\n");
  t.expect("octets were written after the fault");
}

// -- at rest --------------------------------------------------------------------------------------

TEST(script_auditor, sees_what_is_open_when_the_session_is_over) {  // CORE-05 SESS-26
  for (const bool over : {false, true}) {
    for (const bool told : {false, true}) {
      judged t;
      if (over) t.of().abort();
      if (told) t.tell(event::kind::closed);
      t.rest();
      t.expect(over == told ? "" : "closed() and the closed event disagree");
      EXPECT_EQ(t.audit.problem().empty(), over == told) << t.audit.problem();
    }
  }
  {
    judged t;
    t.give(1);
    t.tell(event::kind::closed);
    t.rest();
    t.expect("a mail was never done (CORE-05)");
  }
  // An AUTH that is a part of the opening is the session's own.
  for (const bool is_auth : {false, true}) {
    for (const bool ready : {false, true}) {
      judged t;
      if (ready) t.tell(event::kind::ready);
      t.audit.command(t.of(), 1, is_auth);
      t.of().abort();
      t.tell(event::kind::closed);
      t.rest();
      const bool right = is_auth && !ready;
      t.expect(right ? "" : "a command was never completed (CORE-05)");
      EXPECT_EQ(t.audit.problem().empty(), right) << t.audit.problem();
    }
  }
  judged t;
  t.audit.command(t.of(), 1, false);
  t.tell(event::kind::command_done, 1);
  EXPECT_EQ(t.audit.problem(), "");
  t.tell(event::kind::command_done, 1);
  t.expect("a command was completed twice");
}

TEST(script_auditor, sees_a_timer_that_does_not_run) {  // TIME-01 TIME-05
  session_config waits_for_ever;
  waits_for_ever.local_name = "me.test";
  waits_for_ever.timeouts.hello = timeouts::duration::zero();
  {
    judged t(waits_for_ever, session_config{});
    t.offer("");    // nothing to EHLO
    t.rest(false);  // nobody asked for what is to be written
    EXPECT_EQ(t.audit.problem(), "");
    t.rest();
    t.expect("no timer runs though a reply is awaited (TIME-01)");
  }
  {
    judged t(waits_for_ever);  // as it is wanted
    t.offer("");               // nothing to EHLO
    t.rest();
    EXPECT_EQ(t.audit.problem(), "");
  }
  judged t(waits_for_ever, session_config{});  // while content is the caller's to lend
  t.offer("");                                 // nothing to EHLO
  t.give(1, message::stream());
  t.tell(event::kind::ready_for_data, 1);
  t.rest();
  EXPECT_EQ(t.audit.problem(), "");
  t.audit.lent(as_bytes(std::string_view("x")), false);
  t.rest();
  t.expect("no timer runs though a reply is awaited (TIME-01)");
}

TEST(script_auditor, sees_a_deadline_that_has_passed) {  // TIME-02
  session_config config;
  config.local_name = "me.test";
  judged t(config);
  t.of().connected(t.now);
  ASSERT_TRUE(t.of().deadline().has_value());
  t.now = *t.of().deadline() - time_point::duration(1);
  t.rest();
  EXPECT_EQ(t.audit.problem(), "");
  t.now += time_point::duration(1);
  t.rest(false);
  EXPECT_EQ(t.audit.problem(), "");
  t.rest();
  t.expect("the deadline is not in the future (TIME-02)");
}

TEST(script_auditor, sees_memory_that_grows) {  // CORE-09
  envelope env;
  env.sender = path("s@a.test");
  for (int i = 0; i < 100; ++i) env.recipients.emplace_back(std::to_string(i) + "@b.test");
  for (const bool told : {true, false}) {
    judged t;
    for (int i = 0; i < 200; ++i) {
      const mail_id id = t.of().send(env, message::own("x"));
      if (told) t.give(id, env, message::own("x"));
    }
    t.rest(false);
    t.expect(told ? "" : "(CORE-09)");
    EXPECT_EQ(t.audit.problem().empty(), told) << t.audit.problem();
  }
}

TEST(script_auditor, sees_events_that_do_not_belong_together) {
  {
    judged t;
    t.give(1);
    t.tell_done(1, {outcome::not_attempted, outcome::not_attempted});
    t.tell_done(1, {outcome::not_attempted, outcome::not_attempted});
    t.expect("behind mail_done");
  }
  {
    judged t;
    t.give(1);
    t.tell_done(1, {outcome::not_attempted});
    t.expect("one result for each recipient");
  }
  {
    judged t;
    t.tell(event::kind::ready_for_data, 7);
    t.expect("names no mail");
  }
  {
    judged t;
    t.tell(event::kind::closed);
    t.tell(event::kind::ready);
    t.expect("after closed");
  }
  {
    judged t;
    t.give(1);
    t.say_envelope();
    t.tell(event::kind::recipient_accepted, 1);
    t.tell_done(1, {outcome::not_attempted, outcome::not_attempted});
    t.expect("its RCPT was answered");
  }
}

TEST(script_auditor, judges_no_mails_that_it_is_not_told_of) {
  auditor audit;
  const session s{session_config{}};
  audit.open(s.config(), false);
  event e;
  e.what = event::kind::mail_done;
  e.id = 3;
  audit.event_taken(e);
  EXPECT_EQ(audit.problem(), "");
  audit.received("220 mx\r\n");
  audit.written(s, "NOOP\r\nNOOP\r\n");
  EXPECT_NE(audit.problem(), "");
}

}  // namespace

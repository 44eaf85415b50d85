// The player must catch what is wrong, at the right line: it is what all transcripts lean on.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

#include "sansmtp/script/script.hpp"

namespace script_play_test {
namespace {

namespace script = sansmtp::script;

script::transcript parsed(std::string_view text) {
  auto result = script::parse(text, "test.smtp");
  if (const auto* error = std::get_if<script::parse_error>(&result)) {
    ADD_FAILURE() << to_string(*error);
    return parsed("> open\n");
  }
  return std::get<script::transcript>(result);
}

script::play_result played(std::string_view text, script::mode how = script::mode::whole) {
  return script::play(parsed(text), how);
}

/// What `played` says is wrong; "" if nothing.
std::string wrong_in(std::string_view text, script::mode how = script::mode::whole) {
  const auto result = played(text, how);
  return result.ok() ? std::string() : to_string(*result.wrong);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Lines 1 to 6.
constexpr std::string_view opened =
    "> open\n"
    "S: 220 mx.test\n"
    "C: EHLO client.test\n"
    "S: 250-mx.test\n"
    "S: 250 PIPELINING\n"
    "* ready PIPELINING\n";

// Lines 7 to 10.
constexpr std::string_view envelope =
    "> send 1 s@a.test -> r1@b.test r2@b.test : \"a\\r\\n\"\n"
    "C: MAIL FROM:<s@a.test>\n"
    "C: RCPT TO:<r1@b.test>\n"
    "C: RCPT TO:<r2@b.test>\n"
    "C: DATA\n";

std::string text_of(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) all += part;
  return all;
}

TEST(script_play, accepts_what_the_engine_does_in_every_mode) {
  const std::string text = text_of({opened, envelope,
                                    "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 354 go\n"
                                    "* recipient_rejected 1[1] 550 5.1.1\n* ready_for_data 1\n"
                                    "C: a\nC: .\nS: 250 ok\n"
                                    "* mail_done 1 delivered rejected\n"});
  for (const script::mode how : parsed(text).modes()) {
    EXPECT_EQ(wrong_in(text, how), "") << to_string(how);
  }
  EXPECT_EQ(parsed(text).modes().size(), 5U);
}

TEST(script_play, catches_wrong_octets_and_marks_the_first) {
  const auto wrong = wrong_in(
      "> open\n"
      "S: 220 mx.test\n"
      "# a comment\n"
      "C: EHLO client.tesT\n");
  EXPECT_TRUE(contains(wrong, "test.smtp:4: the engine writes something else")) << wrong;
  EXPECT_TRUE(contains(wrong,
                       "  script  EHLO client.tesT\\r\\n\n"
                       "  engine  EHLO client.test\\r\\n\n"
                       "                         ^\n"))
      << wrong;
}

TEST(script_play, names_the_line_of_a_run_in_which_the_difference_lies) {
  const auto wrong = wrong_in(text_of({opened,
                                       "> send 1 s@a.test -> r1@b.test : \"a\\r\\n\"\n"
                                       "C: MAIL FROM:<s@a.test>\n"
                                       "C: RCPT TO:<r2@b.test>\n"
                                       "C: DATA\n"}));
  EXPECT_TRUE(contains(wrong, "test.smtp:9:")) << wrong;
  EXPECT_TRUE(contains(wrong, "    both  MAIL FROM:<s@a.test>\\r\\n\n")) << wrong;
}

TEST(script_play, catches_grouping_too_early) {
  const auto wrong = wrong_in(text_of({opened,
                                       "> send 1 s@a.test -> r1@b.test : \"a\\r\\n\"\n"
                                       "C: MAIL FROM:<s@a.test>\n"
                                       "S: 250 ok\n"}));
  EXPECT_TRUE(contains(wrong, "test.smtp:8: the engine writes more now")) << wrong;
}

TEST(script_play, catches_grouping_too_late) {
  const auto wrong = wrong_in(
      "> open\n"
      "S: 220 mx.test\n"
      "C: EHLO client.test\n"
      "C: MAIL FROM:<s@a.test>\n");
  EXPECT_TRUE(contains(wrong, "test.smtp:4: the engine does not write this now")) << wrong;
}

TEST(script_play, catches_output_where_the_script_has_none) {
  EXPECT_TRUE(contains(wrong_in("> open\nS: 220 mx.test\n\n> quit\n"),
                       "test.smtp:4: the engine wrote something before this statement"));
  EXPECT_TRUE(contains(wrong_in("> open\nS: 220 mx.test\nC: -\n"),
                       "test.smtp:3: the engine must write nothing now"));
}

TEST(script_play, catches_a_missing_event) {
  const auto wrong = wrong_in(text_of({opened, "> noop\nC: NOOP\n* command_done c1 250\n"}));
  EXPECT_TRUE(contains(wrong, "test.smtp:9: this event does not come")) << wrong;
  EXPECT_TRUE(contains(wrong, "* command_done c1 250")) << wrong;
}

TEST(script_play, catches_an_event_that_the_script_does_not_have) {
  const auto wrong = wrong_in(text_of({opened, "> noop\nC: NOOP\nS: 250 ok\n> quit\nC: QUIT\n"}));
  EXPECT_TRUE(contains(wrong, "test.smtp:10: an event came before this statement")) << wrong;
  EXPECT_TRUE(contains(wrong, "  engine  * command_done c1 250")) << wrong;
}

TEST(script_play, catches_an_event_pending_at_the_end) {
  const auto wrong = wrong_in(text_of({opened, "! end\n"}));
  EXPECT_TRUE(contains(wrong, "test.smtp:7: an event came")) << wrong;
  EXPECT_TRUE(contains(wrong, "* closed connection_lost")) << wrong;
}

TEST(script_play, catches_each_part_of_an_event) {
  const std::string before = text_of({opened, envelope, "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\n"});
  EXPECT_EQ(wrong_in(before + "* recipient_rejected 1[1] 550 5.1.1\n"), "");
  for (const char* event : {"recipient_rejected 1[0]", "recipient_rejected 1[1] 551",
                            "recipient_rejected 1[1] 550 5.1.2", "sender_rejected 1",
                            "recipient_rejected 1[1] hint=other_host"}) {
    const auto wrong = wrong_in(before + "* " + event + '\n');
    EXPECT_TRUE(contains(wrong, "test.smtp:15: another event comes")) << event << '\n' << wrong;
  }
}

TEST(script_play, catches_each_part_of_an_outcome) {
  const std::string before =
      text_of({opened, envelope,
               "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 354 go\n* recipient_rejected 1[1]\n"
               "* ready_for_data 1\nC: a\nC: .\nS: 451 4.3.0 later\n"});
  for (const char* right : {"deferred rejected", "deferred:451 rejected:550:5.1.1",
                            "deferred:refused_transiently(content):451:4.3.0 "
                            "rejected:refused_permanently(rcpt):550:5.1.1",
                            "deferred:reply rejected:reply(rcpt)"}) {
    EXPECT_EQ(wrong_in(before + "* mail_done 1 " + right + '\n'), "") << right;
  }
  for (const char* wrong :
       {"deferred", "rejected", "rejected deferred", "deferred rejected rejected",
        "deferred:452 rejected", "deferred rejected:550:5.1.2", "deferred:timeout rejected",
        "deferred:reply(data) rejected", "deferred:hint=other_host rejected",
        "deferred rejected timeout", "refused"}) {
    EXPECT_NE(wrong_in(before + "* mail_done 1 " + wrong + '\n'), "") << wrong;
  }
}

TEST(script_play, lets_events_of_progress_be_left_out_but_not_be_wrong) {
  const std::string before = text_of({opened, envelope, "S: 250 ok\nS: 250 ok\n"});
  EXPECT_EQ(wrong_in(before), "");
  EXPECT_EQ(wrong_in(before + "* recipient_accepted 1[0] 250\n"), "");
  EXPECT_NE(wrong_in(before + "* recipient_accepted 1[1]\n"), "");
  EXPECT_NE(wrong_in(before + "* recipient_accepted 1[0]\n* sender_accepted 1\n"), "");
}

TEST(script_play, catches_what_happens_at_another_time) {
  const std::string_view late = "> open\n@ +4m59s\n* session_failed timeout(greeting)\n";
  EXPECT_TRUE(contains(wrong_in(late), "test.smtp:3: this event does not come"));
  const std::string_view early =
      "> open\n@ +5m\n@ +1s\n* session_failed timeout(greeting)\n* closed timeout\n";
  EXPECT_TRUE(contains(wrong_in(early), "test.smtp:3: an event came before this statement"));
  EXPECT_EQ(wrong_in("> open\n@ +5m\n* session_failed timeout(greeting)\n* closed timeout\n"), "");
}

TEST(script_play, checks_getters) {
  EXPECT_EQ(wrong_in("> open\n= deadline 5m greeting\n= not idle\n= phase opening\n"), "");
  EXPECT_TRUE(contains(wrong_in("> open\n= deadline 4m\n"), "300000ms greeting"));
  EXPECT_TRUE(contains(wrong_in("> open\n= deadline 5m ehlo\n"), "test.smtp:2: this is not so"));
  EXPECT_NE(wrong_in("> open\n= deadline none\n"), "");
  EXPECT_NE(wrong_in("> open\n= idle\n"), "");
  EXPECT_NE(wrong_in("> open\n= phase ready\n"), "");
  EXPECT_NE(wrong_in("> open\n= in_flight 7\n"), "");
  EXPECT_NE(wrong_in("> open\n= closed\n"), "");
  const std::string ready(opened);
  EXPECT_EQ(
      wrong_in(ready + "= idle\n= offers pipelining\n= not offers SIZE\n= server_name mx.test\n"),
      "");
  EXPECT_NE(wrong_in(ready + "= offers SIZE\n"), "");
  EXPECT_NE(wrong_in(ready + "= not offers PIPELINING\n"), "");
  EXPECT_NE(wrong_in(ready + "= size_limit 1\n"), "");
  EXPECT_NE(wrong_in(ready + "= mechanisms PLAIN\n"), "");
  EXPECT_NE(wrong_in(ready + "= server_name mx\n"), "");
}

TEST(script_play, catches_a_refused_chunk) {
  EXPECT_TRUE(contains(wrong_in("> open\n> lend \"a\"\n"), "test.smtp:1: the chunk was refused"));
  EXPECT_EQ(wrong_in("> open\n> lend \"a\"\n= lend_error bad_state\n"), "");
}

TEST(script_play, takes_only_so_much_as_sent_says) {
  const std::string before = text_of({opened, envelope, "! sent 21\n"});
  EXPECT_EQ(parsed(before).modes().size(), 1U);
  EXPECT_EQ(wrong_in(before + "C| \\nRCPT TO:<r1@b.test>\\r\\nRCPT TO:<r2@b.test>\\r\\nDATA\\r\\n"),
            "");
  EXPECT_NE(wrong_in(before + "C| RCPT TO:<r1@b.test>\\r\\nRCPT TO:<r2@b.test>\\r\\nDATA\\r\\n"),
            "");
  EXPECT_NE(wrong_in(text_of({opened, envelope, "! sent 1000\n"})), "");
}

TEST(script_play, tells_the_time_of_each_line) {
  const auto result = played(
      "> open\nS: 220 mx.test\nC: EHLO client.test\n@ +90s\n! end\n"
      "* session_failed connection_lost\n* closed connection_lost\n");
  ASSERT_TRUE(result.ok()) << to_string(*result.wrong);
  const std::string said = to_string(result.said);
  EXPECT_TRUE(contains(said, "   0.000  S: 220 mx.test\n   0.000  C: EHLO client.test\n")) << said;
  EXPECT_TRUE(contains(said, "  90.000  ! end\n")) << said;
  EXPECT_TRUE(contains(said, "  90.000  * closed connection_lost")) << said;
}

TEST(script_play, says_the_opening_like_lines_of_their_own) {
  const std::string text = "> ready PIPELINING\n> quit\nC: QUIT\nS: 221 bye\n* closed clean\n";
  const auto result = played(text);
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(contains(to_string(result.said),
                       "  > open\n   0.000  S: 220 mx.test ESMTP\n   0.000  C: EHLO client.test\n"))
      << to_string(result.said);
  for (const script::mode how : parsed(text).modes()) EXPECT_EQ(wrong_in(text, how), "");
  // The keywords must be offered, and what does not hold is shown as it would be written out.
  const auto wrong = wrong_in("> open tls=implicit\n> ready \"8BITMIME=x\" _X\n");
  EXPECT_TRUE(contains(wrong, "test.smtp:2: another event comes")) << wrong;
  EXPECT_TRUE(contains(wrong, "  script  * ready 8BITMIME _X\n")) << wrong;
}

// Two mails of which the first is refused at RCPT: `C+` is what runs ahead of that.
constexpr std::string_view at_each_level =
    "% levels off envelope messages\n"
    "> ready PIPELINING\n"
    "> send 1 s@a.test -> r1@b.test : \"a\\r\\n\"\n"
    "C: MAIL FROM:<s@a.test>\n"
    "C: RCPT TO:<r1@b.test>\n"
    "C+: DATA\n"
    "S: 250 ok\n"
    "S: 550 no\n"
    "S: 503 none\n"
    "* recipient_rejected 1[0] 550\n"
    "* mail_done 1 rejected:refused_permanently(rcpt):550\n"
    "= not closed\n"
    "> send 2 s@a.test -> *4:r#@b.test : \"b\\r\\n\"\n"
    "C: RSET\n"
    "C: MAIL FROM:<s@a.test>\n"
    "C*4: RCPT TO:<r#@b.test>\n"
    "C: DATA\n"
    "S: 250 ok\n"
    "S*5: 250 #\n"
    "S: 354 go\n"
    "* ready_for_data 2\n"
    "C: b\n"
    "C: .\n"
    "S: 250 ok\n"
    "* mail_done 2 delivered\n"
    "= idle\n";

TEST(script_play, plays_one_dialogue_at_each_level) {
  const script::transcript t = parsed(at_each_level);
  EXPECT_EQ(t.levels().size(), 3U);
  for (const script::mode how : t.modes()) EXPECT_EQ(wrong_in(at_each_level, how), "");
  EXPECT_EQ(script::bless(t), at_each_level);
}

TEST(script_play, catches_what_is_otherwise_at_one_level) {
  const auto changed = [](std::string_view from, std::string_view to) {
    std::string text(at_each_level);
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  // Without the plus DATA would have to be written in lockstep, too.
  const std::string ahead = wrong_in(changed("C+: DATA", "C: DATA"));
  EXPECT_TRUE(contains(ahead, "test.smtp:6: the engine does not write this now [at level off]"))
      << ahead;
  // A plus where nothing runs ahead: DATA must not be left out at the level off.
  const std::string left_out = wrong_in(changed("C: DATA", "C+: DATA"));
  EXPECT_TRUE(contains(left_out, "[at level off]")) << left_out;
  const std::string outcome = wrong_in(changed("mail_done 2 delivered", "mail_done 2 deferred"));
  EXPECT_TRUE(contains(outcome, "test.smtp:25: another event comes [at level off]")) << outcome;
  const std::string order = wrong_in(changed("-> *4:", "-> x@b.test *4:"));
  EXPECT_TRUE(contains(order, "test.smtp:16: the engine writes something else")) << order;
  const std::string none =
      wrong_in(changed("* mail_done 1 rejected:refused_permanently(rcpt):550\n", ""));
  EXPECT_TRUE(contains(none, "an event came before this statement")) << none;
  const std::string pipelined =
      wrong_in(changed("C+: DATA", "C+: NOOP"));  // which is left out at the level off
  EXPECT_TRUE(contains(pipelined, "[at level envelope]")) << pipelined;
}

TEST(script_play, escapes_what_a_terminal_could_take_as_its_own) {
  const auto result = played("> open\nS| 220 mx\\x1B[2J\\r\\n\nC: EHLO client.test\n");
  EXPECT_TRUE(contains(to_string(result.said), "S| 220 mx\\x1B[2J\\r\\n"));
}

TEST(script_bless, writes_down_what_the_engine_does_and_keeps_the_rest) {
  const std::string blessed =
      script::bless(parsed("# why\n"
                           "> open\n"
                           "S: 220 mx.test\n"
                           "C: HELO me\n"
                           "C: NOOP\n"
                           "\n"
                           "# what for\n"
                           "S: 250 mx.test\n"
                           "> quit\n"
                           "S: 221 bye\n"
                           "* closed connection_lost\n"
                           "= closed\n"));
  EXPECT_EQ(blessed,
            "# why\n"
            "> open\n"
            "S: 220 mx.test\n"
            "C: EHLO client.test\n"
            "\n"
            "# what for\n"
            "S: 250 mx.test\n"
            "* ready -\n"
            "> quit\n"
            "C: QUIT\n"
            "S: 221 bye\n"
            "* closed clean\n"
            "= closed\n");
  EXPECT_EQ(wrong_in(blessed), "");
}

TEST(script_bless, writes_an_opening_out_once_a_part_of_it_changes) {
  const std::string one_line = "> open trace\n# why\n> ready PIPELINING\n";
  EXPECT_EQ(script::bless(parsed(one_line + "* line_sent \"EHLO you\"\n")),
            "> open trace\n# why\n"
            "S: 220 mx.test ESMTP\nC: EHLO client.test\nS: 250-mx.test\nS: 250 PIPELINING\n"
            "* ready PIPELINING\n");
  EXPECT_EQ(script::bless(parsed("> ready\nC: NOOP\n> quit\n")),
            "> ready\nC: -\n> quit\nC: QUIT\n");
}

TEST(script_bless, writes_lines_that_count_up_as_one) {
  const std::string blessed = script::bless(
      parsed("> ready PIPELINING\n> send 1 s@a.test -> *8-12:r#@b.test : \"Hi\\r\\n\"\n"
             "C: MAIL FROM:<s@a.test>\nC*8-11: RCPT TO:<r#@b.test>\nC: DATA\n"));
  EXPECT_EQ(blessed,
            "> ready PIPELINING\n> send 1 s@a.test -> *8-12:r#@b.test : \"Hi\\r\\n\"\n"
            "C: MAIL FROM:<s@a.test>\nC*8-12: RCPT TO:<r#@b.test>\nC: DATA\n");
  EXPECT_EQ(wrong_in(blessed), "");
}

TEST(script_bless, changes_nothing_that_holds) {
  const std::string text = text_of({opened, "# end\n! end\n* closed\n"});
  EXPECT_EQ(script::bless(parsed(text)), text);
}

TEST(script_bless, writes_what_repeats_itself_with_a_factor) {
  const std::string blessed = script::bless(
      parsed(text_of({opened,
                      "> send 1 s@a.test -> r1@b.test : \"a\"*500 \"\\r\\n\" \"b\\r\\n\"*9\n"
                      "C: MAIL FROM:<s@a.test>\nC: RCPT TO:<r1@b.test>\nC: DATA\n"
                      "S: 250 ok\nS: 250 ok\nS: 354 go\n"})));
  EXPECT_TRUE(
      contains(blessed, "C| \"a\"*500 \"\\r\\n\"\nC| \"b\\r\\n\"*9\nC: .\n* ready_for_data 1\n"))
      << blessed;
  EXPECT_EQ(wrong_in(blessed), "");
}

}  // namespace
}  // namespace script_play_test

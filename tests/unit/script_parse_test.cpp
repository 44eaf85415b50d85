// Texts that are transcripts, and texts that are not.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

#include "sansmtp/script/script.hpp"

namespace {

namespace script = sansmtp::script;

/// "" if `text` is a transcript, else "line:column: what".
std::string error_in(std::string_view text) {
  const auto result = script::parse(text, "t");
  const auto* error = std::get_if<script::parse_error>(&result);
  return error == nullptr ? std::string() : to_string(*error).substr(2);
}

std::string place_in(std::string_view text) {
  const std::string error = error_in(text);
  return error.substr(0, error.find(": "));
}

std::string server_octets(std::string_view text) {
  const auto result = script::parse(text, "t");
  const auto* t = std::get_if<script::transcript>(&result);
  return t == nullptr ? error_in(text) : t->server_octets();
}

TEST(script_parse, takes_every_statement_of_the_grammar) {
  EXPECT_EQ(
      error_in(
          R"(# a comment
% no-faults
% no-split

> open local=me.test host=h.test address=192.0.2.5 connect=manual tls=required )"
          R"(pipelining=messages line_ends=strict accept_bare_lf trace quit_no_wait )"
          R"(require_all_recipients pipeline_rset allow_empty_content reject_long_lines )"
          R"(allow_unadvertised allow_unadvertised_8bit auth_optional no_initial_response )"
          R"(ehlo_after_auth allow_auth_unverified_tls allow_auth_cleartext )"
          R"(allow_challenge_cleartext ignore=CHUNKING,SIZE )"
          R"(xclient="NAME=a+2Bb ADDR=" xforward="SOURCE=LOCAL" )"
          R"(helo_fallback=501,504 timeout.greeting=30s timeout.quit=1m30s timeout.block=250ms )"
          R"(limit.line=512 limit.lines=2 limit.octets=1 limit.auth_line=2 limit.recipients=3 )"
          R"(limit.outstanding=4 limit.group_octets=5 limit.warnings=6 )"
          R"(auth=plain:u:p:z+login:u:p+external+cram-md5:u:p+scram-sha-1:u:p+)"
          R"(scram-sha-1-plus:u:p:z+scram-sha-256:u:p+scram-sha-256-plus:u:p+xoauth2:u:t+)"
          R"(oauthbearer:u:t:h.test:25+password:u:p:z+password-hidden:u:p+password-mutual:u:p+)"
          R"(password-bound:u:p+token:u:t
! connected host=mx.example local=192.0.2.5
S: 220 mx
S| 250 a\x00b\r\n
S|"ab"*3 "c"
C: EHLO me.test
C: -
C| a\tb\\
> send 1 s@a.test -> r1@b.test r2@b.test(NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@y )"
          R"(raw:FOO=1) "\"a b\"@c.test" x@[192.0.2.1] [ret=FULL envid=x auth=<> requiretls )"
          R"(by=120;R priority=-3 holdfor=60 raw:FOO=1 skip_bad utf8 allow_underscore )"
          R"(allow_long] : "content" "more"*2
> send 2 <> -> a@b.test : own "x"
> send 3 "" -> a@b.test : stream size=10 8bit
> send 4 "" -> : ""
> lend "chunk"
> lend "chunk" last
= lend_error bad_state
> cancel 1
> auth plain:user:password
> hello
> noop
> noop some text
> reset
> verify "a\r"
> expand list
> help
> raw "XFOO bar"
> quit
> quit_now
> abort
* greeted 220
* upgrade_to_tls
* authenticated PLAIN
* ready PIPELINING SIZE
* ready -
* session_failed refused_transiently(greeting) 450
* sender_accepted 1 250 2.1.0
* sender_rejected 1 550
* recipient_accepted 1[0] 250
* recipient_rejected 1[1] 550 5.1.1
* ready_for_data 1
* chunk_released 1
* mail_done 1 delivered rejected:refused_permanently(rcpt):550:5.1.1:hint=other_host
* mail_done 1 in_doubt timeout(content)
* mail_done 1 delivered*3 deferred
* mail_done 2 refused too_many_recipients
* command_done c1 250 "ok"
* command_done c2 session_closed
* warning bare_lf_in_reply
* warning a word for a person
* closed
* closed clean
* closed content_too_big
* closed connection_lost(content)
* reply_parsed mail 250
* line_sent "EHLO me.test"
* content_sent 12
@ +10m
@ +1h30m
@ +250ms
! end
! reset
! tls up
! tls up unverified
! tls up binding=tls-exporter:"octets\x00"
! tls up unverified binding=x:y
! tls failed
! tls rejected
! sent 3
! write stuck
! write failed
! write failed 3
= finished
= not finished
= wants_read
= not wants_read
= cancel_write
= not cancel_write
= deadline 300s content
= deadline none
= idle
= not idle
= closed
= not closed
= phase ready
= in_flight 3
= server_name mx.test
= server_name
= banner ESMTP x
= offers PIPELINING
= not offers SIZE
= size_limit 1000
= mechanisms PLAIN LOGIN
= parameters XFOO a b
)"),
      "");
}

TEST(script_parse, reads_octets_as_they_are_meant) {
  EXPECT_EQ(server_octets("> open\nS: 250 a\\r \n"), "250 a\\r \r\n");
  EXPECT_EQ(server_octets("> open\nS:\n"), "\r\n");
  EXPECT_EQ(server_octets("> open\nS|  250 ok\\r\\n\n"), " 250 ok\r\n");
  EXPECT_EQ(server_octets("> open\nS| 250\\x20\n"), "250 ");
  EXPECT_EQ(server_octets("> open\nS| \\\"a\\\"\n"), "\"a\"");
  EXPECT_EQ(server_octets("> open\nS|\"ab\"*3 \"\\0\"\n"), std::string("ababab\0", 7));
  EXPECT_EQ(server_octets("> open\r\nS: 250 ok\r\n"), "250 ok\r\n");
  EXPECT_EQ(server_octets("> open\nS: 220 last line"), "220 last line\r\n");
}

TEST(script_parse, takes_an_opening_in_one_line) {
  const std::string greeting = "220 mx.test ESMTP\r\n";
  EXPECT_EQ(server_octets("> ready\n"), greeting + "250 mx.test\r\n");
  EXPECT_EQ(server_octets("> ready PIPELINING \"SIZE 10\" DSN\n"),
            greeting + "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 10\r\n250 DSN\r\n");
  EXPECT_EQ(server_octets("> open trace\n# why\n> ready \"XA b\" \"XC\"\n"),
            greeting + "250-mx.test\r\n250-XA b\r\n250 XC\r\n");
  EXPECT_EQ(place_in("> ready\n> open\n"), "2:3");
  EXPECT_EQ(place_in("> ready\n> ready\n"), "2:3");
  EXPECT_EQ(place_in("> open\nS: 220 mx\n> ready\n"), "3:3");
  EXPECT_EQ(place_in("> ready \"A\\r\\nB\"\n"), "1:9");
  EXPECT_EQ(place_in("> ready \"\"\n"), "1:9");
  EXPECT_EQ(place_in("> ready SIZE \" x\"\n"), "1:14");
  for (const char* options : {"connect=manual", "auth=plain:u:p", "tls=required",
                              "tls=opportunistic", "local=", "local=\"a\\r\""}) {
    EXPECT_EQ(place_in("> open " + std::string(options) + "\n> ready\n"), "2:3") << options;
  }
}

TEST(script_parse, takes_lines_and_recipients_that_count_up) {
  EXPECT_EQ(server_octets("> open\nS*3: 250 r# of #\n"),
            "250 r1 of 1\r\n250 r2 of 2\r\n250 r3 of 3\r\n");
  EXPECT_EQ(server_octets("> open\nS*9-11: 250 #\n"), "250 9\r\n250 10\r\n250 11\r\n");
  EXPECT_EQ(server_octets("> open\nS*2| #\\n\n"), "1\n2\n");
  EXPECT_EQ(server_octets("> open\nS*1: #\n"), "1\r\n");
  EXPECT_EQ(place_in("> open\nS*3 250\n"), "2:3");
  EXPECT_EQ(place_in("> open\nS*: 250\n"), "2:3");
  EXPECT_EQ(place_in("> open\nS*0: 250\n"), "2:3");
  EXPECT_EQ(place_in("> open\nS*5-4: 250\n"), "2:3");
  EXPECT_EQ(place_in("> open\nC*x: 250\n"), "2:3");
  EXPECT_EQ(place_in("> open\nC*1-: 250\n"), "2:3");
  EXPECT_EQ(place_in("> open\nC*1000000: 0123456789\n"), "2:12");
  EXPECT_EQ(
      error_in("> open\n> send 1 <> -> *3:r#@b.test(NOTIFY=NEVER) *5-8:\"x#@c.test\" : \"\"\n"),
      "");
  EXPECT_EQ(place_in("> open\n> send 1 <> -> *3r#@b.test : \"\"\n"), "2:17");
  EXPECT_EQ(place_in("> open\n> send 1 <> -> *900000:r#@b.test : \"\"\n"), "2:24");
}

TEST(script_parse, takes_levels_and_what_depends_on_them) {
  const auto result = script::parse("% levels messages off\n> ready\n", "t");
  const auto* t = std::get_if<script::transcript>(&result);
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->levels(), (std::vector<sansmtp::pipelining_level>{
                             sansmtp::pipelining_level::messages, sansmtp::pipelining_level::off}));
  EXPECT_EQ(place_in("% levels\n> ready\n"), "1:9");
  EXPECT_EQ(place_in("% levels off maybe\n> ready\n"), "1:14");
  EXPECT_EQ(place_in("% levels off off\n> ready\n"), "1:14");
  EXPECT_EQ(place_in("% levels off\n> open pipelining=off\n"), "2:19");
  EXPECT_EQ(place_in("% levels off\n> ready\n! sent 3\n"), "3:8");
  EXPECT_EQ(place_in("% levels off\n> ready\n! write stuck\n"), "3:9");
  EXPECT_EQ(place_in("> ready\n! write lost\n"), "2:9");
  EXPECT_EQ(place_in("% levels off\n> ready\n= idle\nC: X\n"), "4:1");
  EXPECT_EQ(error_in("% levels off\n> ready\nC+: X\n= idle\n> quit\n"), "");
  EXPECT_EQ(place_in("> ready\nC+: X\n"), "2:1");
  EXPECT_EQ(place_in("% levels off\n> ready\nS+: 250\n"), "3:1");
}

TEST(script_parse, names_the_place_of_an_error) {
  EXPECT_EQ(place_in(""), "1:1");
  EXPECT_EQ(place_in("# nothing\n"), "1:1");
  EXPECT_EQ(place_in("S: 220\n"), "1:1");
  EXPECT_EQ(place_in("> open\n> open\n"), "2:3");
  EXPECT_EQ(place_in("> open tls=maybe\n"), "1:12");
  for (const char* auth :
       {"plain", "plain:u", "login:u:p:z", "scram-sha-1:u", "scram-sha-512:u:p", "external:a:b",
        "xoauth2:u:t:h", "oauthbearer:u:t:h:65536", "oauthbearer:u:t:h:x", "token:u:t:h:1:2",
        "password-strong:u:p", "PLAIN:u:p", "plain:u:p+"}) {
    EXPECT_EQ(place_in("> open auth=" + std::string(auth) + "\n"), "1:13") << auth;
  }
  EXPECT_EQ(place_in("> open tls=implicit\n! tls up frobnicated\n"), "2:10");
  EXPECT_EQ(place_in("> open tls=implicit\n! tls up binding=x\n"), "2:18");
  EXPECT_EQ(place_in("> open\n\n> frobnicate\n"), "3:3");
  EXPECT_EQ(place_in("> open\nS| abc\\q\n"), "2:7");
  EXPECT_EQ(place_in("> open\nS| \\x1\n"), "2:4");
  EXPECT_EQ(place_in("> open\n> lend \"abc\n"), "2:8");
  EXPECT_EQ(place_in("> open\n* mail_done 1 delivered\n"), "2:13");
  EXPECT_EQ(place_in("> open\n* command_done c1\n"), "2:17");
  EXPECT_EQ(place_in("> open\n* frobnicated\n"), "2:3");
  EXPECT_EQ(place_in("> open\n* closed sometimes\n"), "2:10");
  EXPECT_EQ(place_in("> open\n> quit now\n"), "2:8");
  EXPECT_EQ(place_in("> open\n@ 10m\n"), "2:1");
  EXPECT_EQ(place_in("> open\n@ +10x\n"), "2:4");
  EXPECT_EQ(place_in("> open\n= frob\n"), "2:3");
  EXPECT_EQ(place_in("> open\nX: y\n"), "2:1");
  EXPECT_EQ(place_in("> open\n> send 1 a@b.test c@d.test : \"\"\n"), "2:19");
  EXPECT_EQ(place_in("> open\n> send 1 a@b.test -> c@d.test\n"), "2:22");
  EXPECT_EQ(place_in("> open\n> send 1 <> -> : \"\"\n> send 1 <> -> : \"\"\n"), "3:1");
  EXPECT_EQ(place_in("> open\n> cancel 1\n"), "2:10");
  EXPECT_EQ(place_in("> open\n! connected\n"), "2:3");
  EXPECT_EQ(place_in("> open\n% whole\n"), "2:3");
}

TEST(script_parse, bounds_what_repetitions_expand_to) {
  EXPECT_EQ(error_in("> open\n> lend \"\"*99999999999999\n"), "");
  EXPECT_EQ(place_in("> open\n> lend \"a\"*99999999\n"), "2:8");
  EXPECT_EQ(place_in("> open\n> lend \"a\"*18446744073709551615\n"), "2:8");
  EXPECT_EQ(place_in("> open\n> lend \"a\"*18446744073709551616\n"), "2:12");
  EXPECT_EQ(place_in("> open\n> lend \"a\"*3000000\n> lend \"a\"*3000000\n"), "3:8");
  EXPECT_EQ(place_in("> open\n> send 1 <> -> : \"\"\n* mail_done 1 delivered*100001\n"), "3:15");
  EXPECT_EQ(place_in("> open\n@ +99999999999d\n"), "2:4");
  std::string centuries = "> open\n";
  for (int i = 0; i < 11; ++i) centuries += "@ +3650d\n";
  EXPECT_EQ(place_in(centuries), "12:4");
  EXPECT_EQ(place_in(std::string(script::max_transcript_octets + 1, '\n')), "1:1");
  EXPECT_NE(place_in(std::string(script::max_transcript_octets, '\n')), "");
}

TEST(script_parse, survives_every_truncation_and_every_changed_octet) {
  const std::string good =
      "> open auth=plain:u:p limit.line=512\nS: 220 mx\nC| \"a\"*3\n"
      "> send 1 a@b.test -> c@d.test(ORCPT=\"x\") [priority=3] : \"x\\x41\"*2\n"
      "* mail_done 1 delivered*2:550:5.1.1:hint=none reply(rcpt)\n= deadline 1m content\n";
  const std::string_view odd("\0\n\r\t \"\\*:()[]=+-<>,;x9\xFF", 24);
  for (std::size_t i = 0; i < good.size(); ++i) {
    (void)script::parse(std::string_view(good).substr(0, i), "t");
    for (const char octet : odd) {
      std::string bad = good;
      bad[i] = octet;
      const auto result = script::parse(bad, "t");
      // What can still be read must be playable, whatever it says.
      if (const auto* t = std::get_if<script::transcript>(&result)) (void)script::play(*t);
    }
  }
}

}  // namespace

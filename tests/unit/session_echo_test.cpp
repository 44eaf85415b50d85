// Servers that repeat in their replies what was sent in an exchange of AUTH: it is never shown, in
// whatever field of whatever event (SEC-03, SEC-06).
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "published_suite.hpp"
#include "sansmtp/scram.hpp"
#include "session_setup.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;
using kind = event::kind;

published_suite suite;
const std::string server_first =
    base64_encode("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");

struct login_row {
  std::string_view name;
  std::string secret;
  std::function<std::unique_ptr<sasl_mechanism>()> make;
  std::vector<std::string> challenges;  // with which the exchange goes on, line by line
};

const std::vector<login_row>& rows() {
  static const std::string password = "tanstaaftanstaaf";
  static const std::string token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
  static const std::vector<login_row> all = {
      {"PLAIN", password, [] { return make_plain("timothy", password); }, {}},
      {"LOGIN",
       password,
       [] { return make_login("timothy", password); },
       {"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}},
      {"CRAM-MD5",
       password,
       [] { return make_cram_md5("timothy", password, suite); },
       {"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"}},
      {"SCRAM-SHA-1",
       "pencil",
       [] { return make_scram(hash_algorithm::sha1, scram_binding::off, "user", "pencil", suite); },
       {server_first}},
      {"XOAUTH2",
       token,
       [] { return make_xoauth2("timothy", token); },
       {"eyJzdGF0dXMiOiI0MDAifQ=="}},
      {"OAUTHBEARER",
       token,
       [] { return make_oauthbearer("timothy", token); },
       {"eyJzdGF0dXMiOiI0MDAifQ=="}},
  };
  return all;
}

/// A session in the middle of the login, behind so many challenges, and the lines that were sent.
struct login_world {
  login_world(const login_row& row, std::size_t challenges) : d(cleartext_config(true)) {
    d.open("250-mx.test\r\n250-PIPELINING\r\n250 AUTH " + std::string(row.name));
    std::vector<std::unique_ptr<sasl_mechanism>> one;
    one.push_back(row.make());
    d.s.authenticate(std::move(one));
    sent.push_back(d.take());
    for (std::size_t i = 0; i != challenges; ++i)
      sent.push_back(d.talk("334 " + row.challenges[i]));
    for (std::string& line : sent) line.resize(line.size() - 2);
    last = sent.back();
  }

  /// Getter: what must not be shown: the responses, and the secret in clear and in base64.
  [[nodiscard]] std::vector<std::string> hidden(const login_row& row) const {
    std::vector<std::string> all{row.secret, base64_encode(row.secret)};
    for (const std::string& line : sent) {
      const std::string word = line.substr(line.rfind(' ') + 1);
      if (word != row.name && !word.empty()) all.push_back(word);
    }
    return all;
  }

  session_driver d;
  std::vector<std::string> sent;
  std::string last;
};

std::string capitals(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

/// Fails if one of `hidden`, or eight octets in a row of one, is in an event.
void expect_hidden(const session_driver& d, const std::vector<std::string>& hidden) {
  for (const seen_event& e : d.events) {
    std::vector<std::string> fields{e.text, e.command, e.excerpt, e.detail};
    for (const recipient_report& r : e.report.recipients) fields.push_back(r.text);
    for (const std::string& field : fields) {
      const std::string shown = capitals(field);
      for (const std::string& secret : hidden) {
        constexpr std::size_t part = 8;
        for (std::size_t at = 0; at == 0 || at + part <= secret.size(); ++at) {
          EXPECT_EQ(shown.find(capitals(secret.substr(at, part))), std::string::npos)
              << secret << " in " << field << ", " << summary(e);
        }
      }
    }
  }
}

TEST(session_echo, no_refusal_of_a_login_shows_what_was_sent) {  // SEC-06
  using echo = std::function<std::string(const std::string&)>;
  const std::vector<std::pair<std::string, echo>> ways = {
      {"whole line", [](const auto& s) { return "500 5.5.1 Unrecognized: \"" + s + "\""; }},
      {"capitals", [](const auto& s) { return "501 what is " + capitals(s); }},
      {"first octets", [](const auto& s) { return "500 bad '" + s.substr(0, 24) + "...'"; }},
      {"last octets", [](const auto& s) { return "454 bad ..." + s.substr(s.size() / 2); }},
      {"lines", [](const auto& s) { return "535-no\r\n535-" + s + "\r\n535 5.7.8 " + s; }},
      {"wrapped",
       [](const auto& s) {
         return "535-" + s.substr(0, s.size() / 2) + "\r\n535 " + s.substr(s.size() / 2);
       }},
      {"try another", [](const auto& s) { return "504 not " + s; }},
      {"closing", [](const auto& s) { return "421 cannot bear " + s; }},
      {"success", [](const auto& s) { return "235 thank you for " + s; }},
  };
  for (const login_row& row : rows()) {
    for (std::size_t n = 0; n <= row.challenges.size(); ++n) {
      for (const auto& [name, way] : ways) {
        SCOPED_TRACE(std::string(row.name) + " line " + std::to_string(n) + ", " + name);
        login_world w(row, n);
        const std::size_t before = w.d.events.size();
        w.d.talk(way(w.last));
        expect_hidden(w.d, w.hidden(row));
        // The code and the rest of what was said stay.
        ASSERT_GT(w.d.events.size(), before);
        EXPECT_NE(w.d.last(kind::reply_parsed)->code, 0);
        if (name == "whole line" && w.last.find(' ') != std::string::npos &&
            w.hidden(row).size() > 2) {
          EXPECT_NE(w.d.last(kind::reply_parsed)->text.find("5.5.1 Unrecognized: \"AUTH"),
                    std::string::npos);
        }
      }
    }
  }
}

TEST(session_echo, no_refusal_of_a_login_shows_the_secret) {  // SEC-06
  for (const login_row& row : rows()) {
    for (std::size_t n = 0; n <= row.challenges.size(); ++n) {
      for (const std::string& form : {row.secret, base64_encode(row.secret)}) {
        SCOPED_TRACE(std::string(row.name) + " line " + std::to_string(n) + ", " + form);
        login_world w(row, n);
        w.d.talk("535-5.7.8 the password is not\r\n535 5.7.8 <" + form + "> for timothy");
        expect_hidden(w.d, w.hidden(row));
        EXPECT_EQ(w.d.last(kind::reply_parsed)->text,
                  "5.7.8 the password is not\n5.7.8 **** for timothy");
      }
    }
  }
}

TEST(session_echo, a_failure_that_repeats_it_in_its_detail_and_in_its_reply_keeps_both) {  // SEC-06
  // Each of the two is longer than what a small string holds by itself.
  const std::string words = " and there is more to say of that, as always";
  for (const login_row& row : rows()) {
    if (row.name != "XOAUTH2" && row.name != "OAUTHBEARER") continue;
    SCOPED_TRACE(row.name);
    login_world w(row, 0);
    const std::string part = w.last.substr(w.last.rfind(' ') + 1).substr(0, 40);
    w.d.talk("334 " + base64_encode("{\"status\": \"" + part + " no\"" + words + words + "}"));
    w.d.talk("535 5.7.8 you said " + part + words);
    const seen_event* failed = w.d.last(kind::command_done);
    ASSERT_NE(failed, nullptr);
    EXPECT_EQ(failed->text, "5.7.8 you said ****" + words);
    EXPECT_NE(failed->detail.find("**** no"), std::string::npos) << failed->detail;
    expect_hidden(w.d, w.hidden(row));
  }
}

TEST(session_echo, nothing_later_in_the_session_shows_it) {  // SEC-06
  for (const login_row& row : rows()) {
    for (std::size_t n = 0; n <= row.challenges.size(); ++n) {
      SCOPED_TRACE(std::string(row.name) + " line " + std::to_string(n));
      const std::string hold = login_world(row, n).last;
      // What is shorter might be part of any word, say of a queue's identifier.
      std::vector<std::string> hidden = login_world(row, n).hidden(row);
      std::erase_if(hidden, [](const std::string& word) { return word.size() < 8; });
      if (row.secret.size() < 8) hidden.push_back(row.secret);
      const auto check = [&](const std::function<void(session_driver&)>& play) {
        login_world w(row, n);
        w.d.talk("535 no");
        play(w.d);
        expect_hidden(w.d, hidden);
      };
      check([&](session_driver& d) {
        d.s.noop();
        d.take();
        d.talk("250 you said " + hold);
      });
      check([&](session_driver& d) {
        d.s.send(envelope_to(2), borrowed_body());
        d.take();
        d.talk("250 " + hold + "\r\n550 " + hold + "\r\n250 ok\r\n354 go " + hold);
        d.talk("250 queued as " + hold);
      });
      check([&](session_driver& d) {
        d.s.send(envelope_to(1), borrowed_body());
        d.take();
        d.talk("450 " + row.secret + "\r\n503 no\r\n503 no");
      });
      check([&](session_driver& d) { d.talk("421 closing, " + hold); });
      check([&](session_driver& d) {
        d.s.noop();
        d.take();
        d.feed(hold + "\r\n");  // no reply at all
      });
      check([&](session_driver& d) {
        d.s.noop();
        d.take();
        d.feed("250 half a line: " + row.secret);
        d.end();
      });
      check([&](session_driver& d) {
        d.s.quit();
        d.take();
        d.talk("221 bye " + base64_encode(row.secret));
      });
      check([&](session_driver& d) {
        d.s.hello();
        d.take();
        d.talk("250-mx.test\r\n250 X-" + row.secret);
      });
    }
  }
}

}  // namespace

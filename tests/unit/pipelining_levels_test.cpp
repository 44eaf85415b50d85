#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "octet_strings.hpp"
#include "server_model.hpp"
#include "session_driver.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::test;

constexpr pipelining_level levels[] = {pipelining_level::off, pipelining_level::envelope,
                                       pipelining_level::messages};

// What the server decides: for each sender and recipient by name, so that the order of asking and
// the number of questions change nothing.
struct decisions {
  std::uint32_t seed = 0;
  unsigned kindness = 3;  // of so many, one is refused

  int operator()(std::string_view word, std::string_view argument) const {
    std::uint32_t hash = 2166136261U ^ seed;  // FNV-1a
    for (const std::string_view text : {word, argument}) {
      for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    }
    hash ^= hash >> 15;
    if (word == "rset") return 250;
    if (hash % kindness != 0)
      return word == "data" ? 354 : word == "rcpt" && hash % 2 != 0 ? 251 : 250;
    constexpr int refusals[] = {450, 550, 554, 451, 530, 521};
    return refusals[(hash >> 8) % std::size(refusals)];
  }
};

struct ending {
  std::vector<std::string> mails;  // a line for each, in the order in which they were given
  std::string accepted;            // by the server
  std::uint32_t commands = 0;
  std::size_t turns = 0;  // round trips
  bool clean = false;

  // How many commands and round trips it took is what the levels differ in.
  [[nodiscard]] bool same_as(const ending& other) const {
    return mails == other.mails && accepted == other.accepted && clean == other.clean;
  }
};

struct scenario {
  decisions decide;
  bool content_for_nobody = false;
  bool offers_pipelining = true;
  bool require_all_recipients = false;
  std::vector<std::size_t> recipients;  // of each mail
};

ending run(const scenario& s, pipelining_level level, std::uint32_t cuts) {
  session_config config = config_of(level);
  config.require_all_recipients = s.require_all_recipients;
  session_driver client(std::move(config));
  server_model server(s.decide, s.offers_pipelining);
  server.content_for_nobody = s.content_for_nobody;
  std::mt19937 random(cuts);

  std::vector<mail_id> ids;
  const std::string content = "Subject: x\r\n\r\n.dot\r\n";
  for (std::size_t mail = 0; mail < s.recipients.size(); ++mail) {
    envelope env;
    const std::string name = std::to_string(mail);
    env.sender = path("s" + name + "@a.test");
    for (std::size_t i = 0; i < s.recipients[mail]; ++i) {
      env.recipients.emplace_back("r" + name + "." + std::to_string(i) + "@b.test");
    }
    ids.push_back(client.s.send(env, message::borrow(as_bytes(content))));
  }
  client.s.connected(client.now);
  client.s.quit();
  client.feed(server_model::greeting());

  ending result;
  while (result.turns < 1000) {
    const std::string written = client.take();
    if (written.empty()) break;
    ++result.turns;
    const std::string replies = server.take(written);
    for (const std::string_view piece : random_pieces(random, replies, 40)) client.feed(piece);
  }
  for (const mail_id id : ids) {
    const seen_event* const done = client.completion(id);
    std::string line;
    if (done != nullptr) {
      for (const recipient_report& r : done->report.recipients) {
        line += r.address + " " + std::string(to_string(r.result)) + " " +
                std::string(to_string(r.stage)) + " " + std::string(to_string(r.why)) + " " +
                std::string(to_string(r.advice)) + " " + std::to_string(r.code) + "; ";
      }
    }
    result.mails.push_back(line);
  }
  result.accepted = server.accepted;
  result.commands = server.commands;
  const seen_event* const closed = client.last(event::kind::closed);
  result.clean = closed != nullptr && !closed->error;
  return result;
}

void PrintTo(const ending& e, std::ostream* out) {
  for (const std::string& mail : e.mails) *out << "\n  " << mail;
  *out << "\n  accepted by the server: " << e.accepted << (e.clean ? "clean" : "not clean");
}

scenario random_scenario(std::uint32_t seed) {
  std::mt19937 random(seed);
  scenario s;
  s.decide.seed = seed;
  s.decide.kindness = static_cast<unsigned>(2 + pick(random, 4));
  s.content_for_nobody = pick(random, 2) == 0;
  s.offers_pipelining = pick(random, 8) != 0;
  for (std::size_t n = 1 + pick(random, 5); n != 0; --n)
    s.recipients.push_back(1 + pick(random, 4));
  return s;
}

TEST(pipelining_levels, give_the_same_outcomes) {
  // PIPE-20 OUT-01 PIPE-07 PIPE-08 PIPE-09 PIPE-10 PIPE-13 TXN-16
  for (std::uint32_t seed = 1; seed <= 3000; ++seed) {
    const scenario s = random_scenario(seed);
    const ending first = run(s, pipelining_level::off, seed);
    ASSERT_TRUE(first.clean) << "seed " << seed;
    for (const std::string& mail : first.mails) {
      ASSERT_EQ(mail.find("pending"), std::string::npos) << "seed " << seed << " " << mail;
      ASSERT_EQ(mail.find("in_doubt"), std::string::npos) << "seed " << seed << " " << mail;
      ASSERT_NE(mail, "") << "seed " << seed;
    }
    for (const pipelining_level level : {pipelining_level::envelope, pipelining_level::messages}) {
      const ending other = run(s, level, seed + 1);
      ASSERT_TRUE(first.same_as(other))
          << "seed " << seed << " level " << static_cast<int>(level)
          << ::testing::PrintToString(first) << ::testing::PrintToString(other);
    }
  }
}

// In lockstep nobody is asked any more once a recipient is refused, so only what was delivered
// agrees.
TEST(pipelining_levels, deliver_the_same_to_all_or_none) {  // TXN-08 PIPE-20
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    scenario s = random_scenario(seed);
    s.require_all_recipients = true;
    const std::string accepted = run(s, pipelining_level::off, seed).accepted;
    for (const pipelining_level level : levels) {
      const ending seen = run(s, level, seed);
      ASSERT_TRUE(seen.clean) << "seed " << seed;
      ASSERT_EQ(seen.accepted, accepted) << "seed " << seed;
      for (const std::string& mail : seen.mails) {
        ASSERT_TRUE(mail.find(" delivered ") == std::string::npos ||
                    (mail.find(" rejected ") == std::string::npos &&
                     mail.find(" deferred ") == std::string::npos))
            << "seed " << seed << " " << mail;
      }
    }
  }
}

TEST(pipelining_levels, differ_in_round_trips) {  // PIPE-02 PIPE-17 PIPE-20
  scenario s;
  s.decide.kindness = 1U << 31;
  s.recipients = std::vector<std::size_t>(10, 3);
  std::vector<std::size_t> turns;
  for (const pipelining_level level : levels) turns.push_back(run(s, level, 1).turns);
  EXPECT_EQ(turns[0], 1U + 10 * (1 + 3 + 1 + 1) + 1);  // MAIL, RCPTs, DATA, content, and QUIT
  EXPECT_EQ(turns[1], 1U + 10 * 2 + 1);
  EXPECT_EQ(turns[2], 1U + 1 + 10);  // each content brings the next envelope, the last one QUIT
  s.offers_pipelining = false;       // PIPE-01
  for (const pipelining_level level : levels) EXPECT_EQ(run(s, level, 1).turns, turns[0]);
}

// Where the server leaves in the middle, what was handed out differs, so `deferred` and
// `not_attempted` are one: neither was delivered, both may be retried (OUT-03, OUT-04).
TEST(pipelining_levels, agree_on_what_is_settled_when_the_server_leaves) {
  // PIPE-15 PIPE-20 SESS-22
  const auto may_be_retried = [](std::string mail) {
    std::string settled;
    for (std::size_t at = 0; at < mail.size();) {
      const std::size_t end = mail.find("; ", at) + 2;
      const std::string one = mail.substr(at, end - at);
      const bool open = one.find(" deferred ") != std::string::npos ||
                        one.find(" not_attempted ") != std::string::npos;
      settled += open ? one.substr(0, one.find(' ')) + " open; " : one;
      at = end;
    }
    return settled;
  };
  for (std::uint32_t seed = 1; seed <= 1000; ++seed) {
    scenario s = random_scenario(seed);
    std::vector<std::vector<std::string>> seen;
    std::vector<std::string> accepted;
    for (const pipelining_level level : levels) {
      session_driver client(config_of(level));
      // Everything of the last mail, from some point on, is answered with 421.
      const std::string last = std::to_string(s.recipients.size() - 1);
      const char* const words[] = {"mail", "rcpt", "data", "content"};
      const std::string_view at = words[seed % 4];
      const decisions usual = s.decide;
      server_model server([&](std::string_view word, std::string_view argument) {
        return word == at && argument.substr(1, last.size()) == last ? 421 : usual(word, argument);
      });
      std::vector<mail_id> ids;
      for (std::size_t mail = 0; mail < s.recipients.size(); ++mail) {
        envelope env;
        env.sender = path("s" + std::to_string(mail) + "@a.test");
        for (std::size_t i = 0; i < s.recipients[mail]; ++i) {
          env.recipients.emplace_back("r" + std::to_string(mail) + "." + std::to_string(i) +
                                      "@b.test");
        }
        ids.push_back(client.s.send(env, message::own("x\r\n")));
      }
      client.s.connected(client.now);
      client.feed(server_model::greeting());
      for (int turn = 0; turn < 1000; ++turn) {
        const std::string written = client.take();
        if (written.empty()) break;
        client.feed(server.take(written));
      }
      seen.emplace_back();
      for (const mail_id id : ids) {
        const seen_event* const done = client.completion(id);
        ASSERT_NE(done, nullptr) << "seed " << seed;
        std::string line;
        for (const recipient_report& r : done->report.recipients) {
          line += r.address + " " + std::string(to_string(r.result)) + " " +
                  std::to_string(r.code) + "; ";
        }
        seen.back().push_back(may_be_retried(line));
      }
      accepted.push_back(server.accepted);
    }
    ASSERT_EQ(seen[0], seen[1]) << "seed " << seed;
    ASSERT_EQ(seen[0], seen[2]) << "seed " << seed;
    ASSERT_EQ(accepted[0], accepted[1]) << "seed " << seed;
    ASSERT_EQ(accepted[0], accepted[2]) << "seed " << seed;
  }
}

}  // namespace

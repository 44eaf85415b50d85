// Every SASL mechanism against a server that challenges it with anything: it answers or gives up,
// it comes to an end, what it says can be read back, and no event shows the secret (SASL-01 to
// SASL-15, AUTH-03 to AUTH-10, SEC-03, attacks B9).
//
// Input: decisions, the credentials and the challenges between them.
#include <sansmtp/sansmtp.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decisions.hpp"
#include "exact_block.hpp"
#include "published_suite.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;
using std::string_view;

constexpr string_view secret = "s3cret-pa55word";

/// What a mechanism is made of.
struct credentials {
  std::string name;
  std::string password;
  std::string identity;
  bool prepared = false;
};

/// One mechanism: how it is made, and how many challenges it answers at most.
struct mechanism {
  string_view name;
  std::unique_ptr<sasl_mechanism> (*make)(const credentials&);
  int most_answers;
  exposure exposes;
};

published_suite suite;

template <hash_algorithm Hash, scram_binding Binding>
std::unique_ptr<sasl_mechanism> scram(const credentials& c) {
  scram_options options;
  options.authorization_id = c.identity;
  options.already_prepared = c.prepared;
  return make_scram(Hash, Binding, c.name, c.password, suite, options);
}

constexpr mechanism mechanisms[] = {
    {"PLAIN",
     [](const credentials& c) { return make_plain(c.name, c.password, c.identity, c.prepared); }, 0,
     exposure::secret},
    {"LOGIN", [](const credentials& c) { return make_login(c.name, c.password, c.prepared); }, 2,
     exposure::secret},
    {"EXTERNAL", [](const credentials& c) { return make_external(c.identity); }, 0,
     exposure::nothing},
    {"CRAM-MD5",
     [](const credentials& c) { return make_cram_md5(c.name, c.password, suite, c.prepared); }, 1,
     exposure::guessable},
    {"XOAUTH2", [](const credentials& c) { return make_xoauth2(c.name, c.password); }, 1,
     exposure::secret},
    {"OAUTHBEARER",
     [](const credentials& c) { return make_oauthbearer(c.name, c.password, c.identity, 587); }, 1,
     exposure::secret},
    {"SCRAM-SHA-1", scram<hash_algorithm::sha1, scram_binding::off>, 2, exposure::guessable},
    {"SCRAM-SHA-1-PLUS", scram<hash_algorithm::sha1, scram_binding::plus>, 2, exposure::guessable},
    {"SCRAM-SHA-256", scram<hash_algorithm::sha256, scram_binding::off>, 2, exposure::guessable},
    {"SCRAM-SHA-256-PLUS", scram<hash_algorithm::sha256, scram_binding::plus>, 2,
     exposure::guessable},
};

bool is_scram(const mechanism& m) { return m.name.starts_with("SCRAM-"); }

bool has_control(string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

/// Is it plain ASCII without controls, which every mechanism takes?
bool is_plain(string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7E) return false;
  }
  return true;
}

// -- the mechanism alone --------------------------------------------------------------------------

void check_initial(string_view name, const credentials& c, const std::optional<std::string>& said) {
  if (name == "PLAIN") {
    std::string all = c.identity;
    all += '\0';
    all += c.name;
    all += '\0';
    all += c.password;
    require(said == all, "PLAIN says who and with what (SASL-01)");
  }
  if (name == "LOGIN") require(!said, "with LOGIN the server speaks first (AUTH-05)");
  if (name == "EXTERNAL") require(said == c.identity, "EXTERNAL says for whom (SASL-05)");
}

void alone(const mechanism& m, decisions& d) {
  credentials c;
  c.prepared = d.below(2) != 0;
  c.name = d.text(40);
  c.password = d.text(40);
  c.identity = d.text(40);
  const auto it = m.make(c);
  require(it->name() == m.name, "it knows its name");
  require(it->exposes() == m.exposes, "it knows what it shows (AUTH-13)");

  const bool uses_identity = m.name != "LOGIN" && m.name != "CRAM-MD5" && m.name != "XOAUTH2";
  const bool needs_secret = m.name != "EXTERNAL";
  const bool may_be_nobody = m.name == "OAUTHBEARER";
  const bool empty = needs_secret && ((c.name.empty() && !may_be_nobody) || c.password.empty());
  const bool control = (needs_secret && (has_control(c.name) || has_control(c.password))) ||
                       (uses_identity && has_control(c.identity));
  const bool plain = is_plain(c.name) && is_plain(c.password) && is_plain(c.identity);
  if (it->check() != errc::none) {
    require(it->check() == errc::bad_argument, "the reason");
    require(empty || control || !plain, "plain credentials can be used");
    return;
  }
  require(!empty && !control, "empty fields and controls are refused (SASL-01, SASL-02)");
  const sasl_link link{true, true, true, {"tls-exporter", std::string(32, 'b')}};
  const errc bound = it->bind(link);
  const bool leaves_unused = is_scram(m) && !m.name.ends_with("-PLUS");
  require(bound == (leaves_unused ? errc::auth_not_offered : errc::none),
          "a binding is used where it can be (SASL-11)");
  if (bound != errc::none) require(it->bind({}) == errc::none, "there is none to be left unused");
  const auto first = it->initial_response();
  check_initial(m.name, c, first);
  int answers = 0;
  for (int i = 0; i < 8; ++i) {
    const exact_block challenge(d.text(200));
    const auto answer = it->respond(as_text(challenge.view()));
    if (!answer) break;
    ++answers;
    if (m.name == "LOGIN") {
      require(answer == (i == 0 ? c.name : c.password), "name, then password (SASL-03)");
    }
  }
  if (is_scram(m)) require(!it->satisfied(), "nobody guesses a proof (AUTH-10)");
  require(answers <= m.most_answers, "it gives up in the end (SASL-03)");
}

// -- in a session ---------------------------------------------------------------------------------

constexpr time_point now{std::chrono::hours(1)};

bool shows_secret(string_view text) {
  static const std::string encoded[] = {
      base64_encode(secret), base64_encode(std::string("\0user\0", 6) + "s3cret-pa55word")};
  if (text.find(secret) != string_view::npos) return true;
  for (const std::string& form : encoded) {
    if (text.find(form) != string_view::npos) return true;
  }
  return false;
}

std::string written(session& s) {
  std::string octets;
  for (;;) {
    std::size_t size = 0;
    for (const bytes view : s.output(now)) {
      octets.append(view.data(), view.size());
      size += view.size();
    }
    if (size == 0) return octets;
    s.sent(now, size);
  }
}

void in_session(const mechanism& m, decisions& d) {
  session_config config;
  config.local_name = "client.test";
  config.trace = true;
  config.no_initial_response = d.below(2) != 0;
  config.allow_auth_cleartext = d.below(4) != 0;
  const bool allowed = config.allow_auth_cleartext || m.exposes == exposure::nothing;
  session s(std::move(config));
  credentials c{"user", std::string(secret), {}, false};
  std::vector<std::unique_ptr<sasl_mechanism>> all;
  all.push_back(m.make(c));
  s.authenticate(std::move(all));
  s.connected(now);

  bool authenticated = false;
  bool said_yes = false;
  const auto look = [&] {
    while (const event* e = s.next_event()) {
      authenticated |= e->what == event::kind::authenticated;
      for (const string_view text : {e->command, e->excerpt, e->detail}) {
        require(!shows_secret(text), "no event shows the secret (SEC-03)");
      }
    }
  };
  s.receive(now, as_bytes("220 mx.test\r\n"));
  (void)written(s);
  s.receive(now, as_bytes("250-mx.test\r\n250 AUTH " + std::string(m.name) + "\r\n"));
  look();
  for (int i = 0; i < 12 && !s.closed(); ++i) {
    const std::string line = written(s);
    require(allowed || !shows_secret(line), "no secret in the clear (AUTH-13)");
    require(line.size() <= 12288, "a line is within its limit (AUTH-09)");
    require(line.find("\r\n") == (line.empty() ? std::string::npos : line.size() - 2), "one line");
    if (line.empty()) break;
    std::string reply;
    switch (d.below(8)) {
      default: reply = "334 " + base64_encode(d.text(200)); break;
      case 1: reply = "334 " + std::string(d.text(60)); break;
      case 2: reply = "334"; break;
      case 3: reply = "334-YQ==\r\n334 YQ=="; break;
      case 4:
        reply = "235 2.7.0 in";
        said_yes = true;
        break;
      case 5: reply = "535 5.7.8 no"; break;
      case 6: reply = "454 later"; break;
      case 7: reply = "504 unknown"; break;
    }
    // A server that says the secret itself may be quoted, also what it says in a challenge.
    const auto challenge = base64_decode(string_view(reply).substr(std::min(reply.size(), 4UL)));
    if (shows_secret(reply) || (challenge && shows_secret(*challenge))) break;
    const exact_block octets(reply + "\r\n");
    s.receive(now, octets.view());
    look();
  }
  require(!authenticated || said_yes, "only a 235 authenticates (AUTH-10)");
  require(!authenticated || !is_scram(m), "nor does that without a proof (AUTH-10)");
  look();
  s.abort();
  look();
  require(s.closed(), "it ends");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decisions d(data, size);
  const mechanism& m = mechanisms[d.below(std::size(mechanisms))];
  if (d.below(2) == 0) {
    alone(m, d);
  } else {
    in_session(m, d);
  }
  return 0;
}

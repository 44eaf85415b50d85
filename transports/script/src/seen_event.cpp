#include "seen_event.hpp"

#include <algorithm>

#include "names.hpp"
#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

std::string quoted(std::string_view text) { return '"' + escape(text) + '"'; }

/// Getter: is `name` this condition or its category? Where one name is both, as "aborted" is, the
/// condition is meant, unless the error is a foreign one.
bool is_error(const std::string& name, errc condition, failure_category category) {
  if (condition != errc::none && from_name<errc>(name)) return name == to_string(condition);
  return name == to_string(category);
}

bool matches(const expected_error& expected, errc condition, failure_category category,
             verb stage) {
  return is_error(expected.name, condition, category) &&
         (!expected.stage || *expected.stage == stage);
}

bool matches(const expected_result& expected, const seen_result& seen) {
  return expected.result == seen.result &&
         (!expected.why || matches(*expected.why, seen.why, category_of(seen.why), seen.stage)) &&
         (!expected.code || *expected.code == seen.code) &&
         (!expected.enhanced || *expected.enhanced == seen.enhanced) &&
         (!expected.advice || *expected.advice == seen.advice);
}

/// Getter: do the error and the code at the end of a `mail_done` line hold: of the mail as a whole,
/// or of each of its recipients?
bool whole_matches(const expected_event& expected, const seen_event& seen) {
  const bool of_mail =
      (!expected.error || matches(*expected.error, seen.condition, seen.category, seen.answers)) &&
      (!expected.code || *expected.code == seen.code);
  return of_mail ||
         (!seen.results.empty() &&
          std::all_of(seen.results.begin(), seen.results.end(), [&](const seen_result& r) {
            return (!expected.error ||
                    matches(*expected.error, r.why, category_of(r.why), r.stage)) &&
                   (!expected.code || *expected.code == r.code);
          }));
}

bool done_matches(const expected_event& expected, const seen_event& seen) {
  if (!whole_matches(expected, seen) || (expected.refused && !seen.results.empty())) return false;
  if (expected.results.empty()) return true;
  if (seen.results.empty()) return false;
  if (expected.results.size() == 1) {
    return std::all_of(seen.results.begin(), seen.results.end(),
                       [&](const seen_result& r) { return matches(expected.results.front(), r); });
  }
  return std::equal(expected.results.begin(), expected.results.end(), seen.results.begin(),
                    seen.results.end(),
                    [](const expected_result& e, const seen_result& r) { return matches(e, r); });
}

bool offers(const std::vector<std::string>& offered, const std::string& keyword) {
  return std::any_of(offered.begin(), offered.end(), [&](const std::string& o) {
    return std::equal(o.begin(), o.end(), keyword.begin(), keyword.end(), [](char a, char b) {
      return a == (b >= 'a' && b <= 'z' ? static_cast<char>(b - 'a' + 'A') : b);
    });
  });
}

std::string error_text(errc condition, failure_category category, verb stage) {
  // A foreign error has no name here; its category tells enough.
  return std::string(condition != errc::none ? to_string(condition) : to_string(category)) + '(' +
         std::string(to_string(stage)) + ')';
}

std::string result_text(const seen_result& r) {
  std::string out(to_string(r.result));
  if (r.why != errc::none) out += ':' + error_text(r.why, failure_category::none, r.stage);
  if (r.code != 0) out += ':' + std::to_string(r.code);
  if (r.enhanced) out += ':' + to_string(r.enhanced);
  if (r.advice != hint::none) out += ":hint=" + std::string(to_string(r.advice));
  return out;
}

void append_results(std::string& out, const std::vector<seen_result>& results) {
  std::vector<std::string> texts;
  texts.reserve(results.size());
  for (const seen_result& r : results) texts.push_back(result_text(r));
  const bool shared =
      std::all_of(texts.begin(), texts.end(), [&](const auto& t) { return t == texts.front(); });
  if (shared) texts.resize(1);
  for (std::size_t i = 0; i < texts.size();) {
    std::size_t same = 1;
    while (i + same < texts.size() && texts[i + same] == texts[i]) ++same;
    out += ' ' + texts[i] + (same > 1 ? '*' + std::to_string(same) : "");
    i += same;
  }
}

}  // namespace

seen_event see(const event& e, std::uint32_t number, const capabilities& peer) {
  seen_event s;
  s.what = e.what;
  s.answers = e.answers;
  s.number = number;
  s.recipient = e.recipient;
  s.result = e.result;
  s.advice = e.advice;
  s.code = e.answer.code();
  s.enhanced = e.answer.enhanced();
  s.text = e.answer.text();
  s.condition = condition_of(e.error);
  s.category = e.category;
  s.failed = static_cast<bool>(e.error);
  s.command = e.command;
  s.detail = e.detail;
  s.octets = e.octets;
  for (const recipient_result& r : e.results) {
    const enhanced_status enhanced = r.answer.enhanced();
    s.results.push_back(
        {r.result, r.stage, r.why, r.advice, r.answer.code(), enhanced ? enhanced : r.suggested});
  }
  if (e.what == event::kind::ready) {
    for (std::size_t i = 0; i < peer.size(); ++i) s.keywords.emplace_back(peer[i].keyword);
  }
  return s;
}

bool is_trace(event::kind k) noexcept {
  return k == event::kind::reply_parsed || k == event::kind::line_sent ||
         k == event::kind::content_sent;
}

bool is_optional(event::kind k) noexcept {
  return is_trace(k) || k == event::kind::greeted || k == event::kind::sender_accepted ||
         k == event::kind::recipient_accepted || k == event::kind::chunk_released;
}

bool matches(const expected_event& expected, const seen_event& seen) {
  if (expected.what != seen.what) return false;
  if (expected.number && *expected.number != seen.number) return false;
  if (expected.recipient && *expected.recipient != seen.recipient) return false;
  if (expected.what == event::kind::mail_done) return done_matches(expected, seen);
  if (expected.clean && seen.failed) return false;
  if (expected.error && !matches(*expected.error, seen.condition, seen.category, seen.answers)) {
    return false;
  }
  if (expected.code && *expected.code != seen.code) return false;
  if (expected.enhanced && *expected.enhanced != seen.enhanced) return false;
  if (expected.advice && *expected.advice != seen.advice) return false;
  if (expected.detail && *expected.detail != seen.detail) return false;
  if (expected.answers && *expected.answers != seen.answers) return false;
  if (expected.octets && *expected.octets != seen.octets) return false;
  if (expected.nothing_offered && !seen.keywords.empty()) return false;
  for (const std::string& keyword : expected.keywords) {
    if (!offers(seen.keywords, keyword)) return false;
  }
  if (!expected.text) return true;
  switch (seen.what) {
    case event::kind::authenticated: return *expected.text == seen.detail;
    case event::kind::line_sent: return *expected.text == seen.command;
    case event::kind::warning:
      return *expected.text == seen.detail ||
             (seen.failed && is_error(*expected.text, seen.condition, seen.category));
    case event::kind::reply_parsed:
    case event::kind::greeted:
    case event::kind::upgrade_to_tls:
    case event::kind::ready:
    case event::kind::session_failed:
    case event::kind::sender_accepted:
    case event::kind::sender_rejected:
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected:
    case event::kind::ready_for_data:
    case event::kind::chunk_released:
    case event::kind::mail_done:
    case event::kind::command_done:
    case event::kind::content_sent:
    case event::kind::closed: break;
  }
  return *expected.text == seen.text;
}

std::string to_statement(const seen_event& seen) {
  std::string out = "* " + std::string(to_string(seen.what));
  const auto add = [&](const std::string& word) { out += ' ' + word; };
  const auto add_number = [&](const char* prefix) {
    add(prefix + (seen.number == 0 ? "?" : std::to_string(seen.number)));
  };
  const auto add_reply = [&] {
    if (seen.code != 0) add(std::to_string(seen.code));
    if (seen.enhanced) add(to_string(seen.enhanced));
    if (seen.advice != hint::none) add("hint=" + std::string(to_string(seen.advice)));
    if (seen.category == failure_category::auth && !seen.detail.empty()) {
      add("detail=" + quoted(seen.detail));
    }
  };
  const auto add_error = [&] {
    if (seen.failed) add(error_text(seen.condition, seen.category, seen.answers));
  };
  switch (seen.what) {
    case event::kind::greeted: add_reply(); break;
    case event::kind::session_failed:
      add_error();
      add_reply();
      break;
    case event::kind::closed:
      add_error();
      if (!seen.failed) add("clean");
      add_reply();
      break;
    case event::kind::ready:
      for (const std::string& keyword : seen.keywords) add(keyword);
      if (seen.keywords.empty()) add("-");
      break;
    case event::kind::authenticated: add(quoted(seen.detail)); break;
    case event::kind::sender_accepted:
    case event::kind::sender_rejected:
      add_number("");
      add_reply();
      break;
    case event::kind::recipient_accepted:
    case event::kind::recipient_rejected:
      add_number("");
      out += '[' + std::to_string(seen.recipient) + ']';
      add_reply();
      break;
    case event::kind::ready_for_data:
    case event::kind::chunk_released: add_number(""); break;
    case event::kind::mail_done:
      add_number("");
      if (seen.results.empty()) {
        add("refused");
        add_error();
      } else {
        append_results(out, seen.results);
      }
      break;
    case event::kind::command_done:
      add_number("c");
      add_error();
      add_reply();
      if (seen.code != 0) add(quoted(seen.text));
      break;
    case event::kind::warning:
      if (seen.failed) {
        add(std::string(to_string(seen.condition)));
      } else {
        add(quoted(seen.detail));
      }
      break;
    case event::kind::reply_parsed:
      add(std::string(to_string(seen.answers)));
      add_reply();
      break;
    case event::kind::line_sent: add(quoted(seen.command)); break;
    case event::kind::content_sent: add(std::to_string(seen.octets)); break;
    case event::kind::upgrade_to_tls: break;
  }
  return out;
}

}  // namespace sansmtp::script

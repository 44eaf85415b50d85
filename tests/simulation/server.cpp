#include "server.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace sansmtp::simulation {
namespace {

std::size_t number_at(std::string_view line, std::size_t at) {
  return at > line.size() ? 0 : std::strtoul(std::string(line.substr(at, 9)).c_str(), nullptr, 10);
}

/// Octets that can be no reply; each arrives as a whole.
struct nonsense {
  std::string_view octets;
  failure_category violation;
};
constexpr nonsense no_replies[] = {
    {"hello\r\n", failure_category::protocol},
    {"\r\n", failure_category::protocol},
    {"2500 ok\r\n", failure_category::protocol},
    {"250:ok\r\n", failure_category::protocol},
    {"150 ok\r\n", failure_category::protocol},
    {"650 ok\r\n", failure_category::protocol},
    {"250-a\r\n550 b\r\n", failure_category::protocol},
    {"550-a\r\n250 b\r\n", failure_category::protocol},
    {"250 ok\n", failure_category::protocol},
    {"250 a\rb\r\n", failure_category::protocol},
    {std::string_view("250 a\0b\r\n", 9), failure_category::protocol},
};

}  // namespace

void server::greet() {
  if (greeted_ || silent_till_tls_) return;
  greeted_ = true;
  answer("greeting", 220);
}

void server::tls_is_up() {
  mail_ = named_ = nobody;
  silent_till_tls_ = false;
  greet();
}

void server::say_unasked(int code) {
  if (end != ending::none) return;
  lied = true;
  says.push_back({std::to_string(code) + " unasked\r\n", code, "unasked", failure_category::none});
}

void server::take(std::string_view octets) {
  waiting_ += octets;
  while (end == ending::none) {
    const std::size_t at = waiting_.find("\r\n");
    if (at == std::string::npos) return;
    const std::string line = waiting_.substr(0, at);
    waiting_.erase(0, at + 2);
    const bool ahead = std::exchange(ahead_, ahead_ - std::min(ahead_, at + 2)) != 0;
    if (in_content_) {
      content_line(line);
    } else if (ahead) {
      say(503, "");
    } else {
      command(line);
    }
  }
}

void server::content_line(std::string_view line) {
  if (line != ".") {
    content_ += line.starts_with('.') ? line.substr(1) : line;
    content_ += "\r\n";
    return;
  }
  in_content_ = false;
  if (verdict_first) ahead_ = waiting_.size();
  if (lmtp_) return take_for_each(std::exchange(content_, {}));
  // A mail that was not accepted has no recipients, whatever was said to them.
  const bool somebody = mail_ != nobody && !recipients_.empty();
  const taken message{named_, somebody ? recipients_ : std::set<std::size_t>(),
                      std::exchange(content_, {})};
  mail_ = nobody;
  recipients_.clear();
  // It takes the message when it decides to, even if nobody hears of it.
  took.push_back(message);
  const int code =
      somebody || decide == nullptr ? answer("content", 250, message.mail) : answer("", 554);
  if (code != 0 && code / 100 != 2) took.pop_back();
}

/// By LMTP each recipient that was accepted has a reply of its own (RFC 2033 section 4.2).
void server::take_for_each(std::string content) {
  const std::size_t mail = std::exchange(mail_, nobody);
  for (const std::size_t recipient : std::exchange(recipients_, {})) {
    took.push_back({named_, {recipient}, content});
    const int code = answer("content", 250, mail, recipient);
    if (code != 0 && code / 100 != 2) took.pop_back();
    if (end != ending::none || code == 421) return;  // who leaves has nothing to say to the others
  }
}

void server::command(std::string_view line) {
  if (std::exchange(login_, false)) {
    answer("auth", line == "*" ? 501 : 235);
  } else if (line.starts_with("EHLO ") || line.starts_with("LHLO ")) {
    lmtp_ = line.front() == 'L';
    mail_ = nobody;
    answer("ehlo", 250);
  } else if (line.starts_with("MAIL FROM:<s")) {
    named_ = number_at(line, 12);
    mail_ = nobody;
    recipients_.clear();
    if (answer("mail", 250, named_) / 100 == 2) mail_ = named_;
  } else if (line.starts_with("RCPT TO:<r")) {
    const std::size_t recipient = number_at(line, line.find('.') + 1);
    const bool based = decide == nullptr || mail_ != nobody;
    const int code = based ? answer("rcpt", 250, named_, recipient) : answer("", 503);
    if (code / 100 == 2) recipients_.insert(recipient);
  } else if (line == "DATA") {
    const bool somebody = !recipients_.empty();
    const int code = somebody || decide == nullptr
                         ? answer("data", somebody || content_for_nobody ? 354 : 503, named_)
                         : answer("", content_for_nobody ? 354 : 503);
    in_content_ = code / 100 == 3;
  } else if (line == "RSET") {
    mail_ = nobody;
    recipients_.clear();
    answer("rset", 250);
  } else if (line == "STARTTLS") {
    answer("starttls", 220);
  } else if (line.starts_with("AUTH LOGIN")) {
    login_ = answer("auth", 334) / 100 == 3;
  } else if (line.starts_with("AUTH ")) {
    login_ = answer("auth", 235) / 100 == 3;
  } else if (line == "QUIT") {
    answer("quit", 221);
  } else {
    answer("other", 250);
  }
}

int server::answer(std::string_view word, int usual, std::size_t mail, std::size_t recipient) {
  const bool chooses = !(thrifty && fatal_);
  unsigned choice = 0;
  if (decide != nullptr) {
    if (!word.empty()) choice = decide(table, word, mail, recipient);
  } else if (chooses) {
    choice = choose_(about::reply, classes);
  }
  const std::array<int, classes> codes{usual, 450, 550, 421, usual / 100 == 3 ? 250 : 354};
  const int code = codes[choice];
  fatal_ = fatal_ || choice > 2;

  if (odd && choose_(about::oddity, 2) != 0) {
    if (choose_(about::look, 3) == 0) {
      const nonsense& n = no_replies[choose_(about::look, std::size(no_replies))];
      says.push_back({std::string(n.octets), 0, {}, n.violation});
      return 0;
    }
    say(code, word);  // and once more
    lied = true;
  }
  if (choice == 0 && chooses) {
    // Before or inside a reply its class does not matter: it is no reply yet (REP-17).
    constexpr std::string_view reply = "250 k\r\n";
    // In the reply to QUIT nothing is at stake any more: one place stands for all.
    const unsigned places = word == "quit" ? 1 : static_cast<unsigned>(reply.size());
    const unsigned stop = choose_(about::stop, 1 + 2 * places);
    if (stop != 0) {
      end = stop <= places ? ending::silence : ending::cut;
      std::string part = std::to_string(code) + std::string(reply.substr(3));
      part.resize((stop - 1) % places);
      if (!part.empty()) says.push_back({std::move(part), -1, {}, failure_category::none});
      return 0;
    }
  }
  say(code, word);
  return code;
}

void server::say(int code, std::string_view word) {
  static constexpr std::string_view texts[] = {
      "k", "2.0.0 fine", "5.1.1 no", "5.5.3 many", "4.2.0 wait", "", "5.2.2 is full", "250 inside"};
  if (word == "greeting") {
    static constexpr std::string_view more[] = {"mx.test ESMTP", "mx.test ESMTP", ""};
    const std::string text(more[choose_(about::look, 3)]);
    says.push_back(
        {std::to_string(code) + " " + text + "\r\n", code, text, failure_category::none});
    return;
  }
  std::string text(texts[choose_(about::look, std::size(texts))]);
  static constexpr int twos[] = {250, 251, 299};
  static constexpr int fours[] = {450, 452, 499};
  static constexpr int fives[] = {550, 552, 530, 571, 500, 502, 503};
  if (code == 250 && word == "rcpt") code = twos[choose_(about::look, 3)];
  if (code == 450) code = fours[choose_(about::look, 3)];
  if (code == 550) code = fives[choose_(about::look, std::size(fives))];
  const std::string number = std::to_string(code);
  if (word == "ehlo" && code / 100 == 2) {
    text = "mx.test\n";
    if (offers_pipelining) text += "PIPELINING\n";
    text += keywords + "HELP";
  } else if (choose_(about::look, 4) == 1) {
    text.insert(0, "two lines\n");
  }
  if (code == 334) text.clear();
  std::string octets;
  std::string_view rest = text;
  for (std::size_t at; (at = rest.find('\n')) != std::string_view::npos;) {
    octets += number + "-";
    octets += rest.substr(0, at);
    octets += "\r\n";
    rest.remove_prefix(at + 1);
  }
  octets += number + " ";
  octets += rest;
  octets += "\r\n";
  says.push_back({std::move(octets), code, std::move(text), failure_category::none});
}

}  // namespace sansmtp::simulation

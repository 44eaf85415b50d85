#include "sansmtp/reply.hpp"

#include <algorithm>
#include <optional>

#include "ascii.hpp"
#include "mailbox.hpp"
#include "utf8.hpp"

namespace sansmtp {
namespace {

using std::string_view;

// Takes the first line off the text; nothing if there is none left.
std::optional<string_view> next_line(std::optional<string_view>& rest) noexcept {
  if (!rest) return std::nullopt;
  const std::size_t end = rest->find('\n');
  const string_view line = rest->substr(0, end);
  if (end == string_view::npos) {
    rest.reset();
  } else {
    rest->remove_prefix(end + 1);
  }
  return line;
}

// Eats a number of one to three digits, without leading zeros (RFC 3463 section 2).
[[gnu::always_inline]] inline std::optional<std::uint16_t> eat_number(string_view& text) noexcept {
  unsigned value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && ascii::is_digit(text[digits])) {
    if (digits == 3 || (digits == 1 && value == 0)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[digits] - '0');
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<std::uint16_t>(value);
}

// `parse_enhanced_status`, inline for the one line that most replies have.
[[gnu::always_inline]] inline enhanced_status read_status(string_view text) noexcept {
  if (text.size() < 5 || text[1] != '.') return {};
  const char first = text.front();
  if (first != '2' && first != '4' && first != '5') return {};
  // Nearly always its parts have a digit each; most replies to mails have such a code.
  if (text[3] == '.' && ascii::is_digit(text[2]) && ascii::is_digit(text[4]) &&
      (text.size() == 5 || text[5] == ' ')) {
    return {static_cast<std::uint8_t>(first - '0'), static_cast<std::uint16_t>(text[2] - '0'),
            static_cast<std::uint16_t>(text[4] - '0')};
  }
  text.remove_prefix(2);

  const auto subject = eat_number(text);
  if (!subject || text.empty() || text.front() != '.') return {};
  text.remove_prefix(1);
  const auto detail = eat_number(text);
  if (!detail || !(text.empty() || text.front() == ' ')) return {};
  return {static_cast<std::uint8_t>(first - '0'), *subject, *detail};
}

// Marks that make text look other than it is: direction, line ends, and what is not seen at all.
bool misleads(char32_t c) noexcept {
  return utf8::is_c1(c) || utf8::is_separator(c) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C || c == 0xFEFF;
}

}  // namespace

[[gnu::cold]] std::string to_string(const enhanced_status& code) {
  std::string text;
  if (code) {
    text += std::to_string(code.status_class);
    text += '.';
    text += std::to_string(code.subject);
    text += '.';
    text += std::to_string(code.detail);
  }
  return text;
}

enhanced_status parse_enhanced_status(string_view text) noexcept { return read_status(text); }

std::size_t reply::line_count() const noexcept {
  if (!*this) return 0;
  return static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')) + 1;
}

string_view reply::line(std::size_t i) const noexcept {
  std::optional<string_view> rest = text_;
  std::optional<string_view> found = next_line(rest);
  for (; found && i > 0; --i) found = next_line(rest);
  return found.value_or(string_view());
}

enhanced_status reply::enhanced() const noexcept {
  const int first = first_digit();
  if (!with_status_ || first == 3) return {};
  const auto fitting = [first](enhanced_status found) {
    return found.status_class == first ? found : enhanced_status{};
  };
  const auto status_of = [&](string_view line) { return fitting(parse_enhanced_status(line)); };
  if (text_.find('\n') == string_view::npos) return fitting(read_status(text_));
  if (const auto last = status_of(text_.substr(text_.rfind('\n') + 1))) return last;
  std::optional<string_view> rest = text_;
  while (const auto line = next_line(rest)) {
    if (const auto found = status_of(*line)) return found;
  }
  return {};
}

[[gnu::cold]] std::string reply::display() const { return display_text(text_); }

[[gnu::cold]] std::string display_text(string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const utf8::character c = utf8::decode(text);
    if (text.front() == '\n') {
      safe += " / ";
    } else if (c.size == 0 || ascii::is_control(text.front()) || misleads(c.value)) {
      safe += '?';
    } else {
      safe += text.substr(0, c.size);
    }
    text.remove_prefix(c.size == 0 ? 1 : c.size);
  }
  return safe;
}

[[gnu::cold]] string_view forward_path(const reply& r) noexcept {
  if (r.code() != 251 && r.code() != 551) return {};
  const string_view text = r.text();
  std::size_t start = string_view::npos;  // of the path, behind its bracket
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inside = start != string_view::npos;
    if (inside && text[i] == '"') {
      quoted = !quoted;
    } else if (quoted && text[i] == '\\') {
      ++i;  // Whatever follows has no meaning of its own.
    } else if (!quoted && text[i] == '<') {
      start = i + 1;
    } else if (inside && !quoted && text[i] == '>') {
      const string_view found = text.substr(start, i - start);
      if (!found.empty() && check_mailbox(found, {}).error == errc::none) return found;
      start = string_view::npos;
    }
  }
  return {};
}

}  // namespace sansmtp

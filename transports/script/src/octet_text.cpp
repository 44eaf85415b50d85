#include "octet_text.hpp"

#include <algorithm>

#include "numbered.hpp"

namespace sansmtp::script {
namespace {

// From here on a repetition is easier to read than what it stands for.
constexpr std::size_t many_octets = 32;
constexpr std::size_t many_lines = 4;

void append_escaped(std::string& out, char c) {
  static constexpr char digits[] = "0123456789ABCDEF";
  switch (c) {
    case '\r': out += "\\r"; return;
    case '\n': out += "\\n"; return;
    case '\t': out += "\\t"; return;
    case '\0': out += "\\0"; return;
    case '\\': out += "\\\\"; return;
    case '"': out += "\\\""; return;
    default: break;
  }
  const auto octet = static_cast<unsigned char>(c);
  if (octet >= 0x20 && octet < 0x7F) {
    out += c;
  } else {
    out += "\\x";
    out += digits[octet >> 4];
    out += digits[octet & 15];
  }
}

/// Getter: how many octets at the start are the same.
std::size_t same_octets(std::string_view octets) {
  return std::min(octets.find_first_not_of(octets.front()), octets.size());
}

/// Getter: is this plain text that a line can hold as it is?
bool is_plain(std::string_view text) {
  return text.empty() ||
         (text != "-" && text.back() != ' ' &&
          std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; }));
}

/// Getter: the line as one string or more, long runs of an octet as a factor.
std::string to_strings(std::string_view line) {
  std::string out;
  std::size_t literal = 0;
  const auto flush = [&](std::size_t end) {
    if (end > literal)
      out += (out.empty() ? "\"" : " \"") + escape(line.substr(literal, end - literal)) + '"';
  };
  for (std::size_t i = 0; i < line.size();) {
    const std::size_t same = same_octets(line.substr(i));
    if (same >= many_octets) {
      flush(i);
      out +=
          (out.empty() ? "\"" : " \"") + escape(line.substr(i, 1)) + "\"*" + std::to_string(same);
      literal = i + same;
    }
    i += same;
  }
  flush(line.size());
  return out;
}

/// Getter: is this plain text, CRLF at its end?
bool is_whole_line(std::string_view line) {
  return line.ends_with("\r\n") && is_plain(line.substr(0, line.size() - 2));
}

bool repeats_itself(std::string_view line) {
  for (std::size_t i = 0; i < line.size();) {
    const std::size_t same = same_octets(line.substr(i));
    if (same >= many_octets) return true;
    i += same;
  }
  return false;
}

}  // namespace

std::string escape(std::string_view octets) {
  std::string out;
  out.reserve(octets.size());
  for (const char c : octets) append_escaped(out, c);
  return out;
}

std::string printable(std::string_view line) {
  std::string out;
  for (const char c : line) {
    if (c >= 0x20 && c < 0x7F) {
      out += c;
    } else {
      append_escaped(out, c);
    }
  }
  return out;
}

std::vector<std::string_view> to_lines(std::string_view octets) {
  std::vector<std::string_view> lines;
  while (!octets.empty()) {
    const std::size_t end = std::min(octets.find('\n'), octets.size() - 1) + 1;
    lines.push_back(octets.substr(0, end));
    octets.remove_prefix(end);
  }
  return lines;
}

std::vector<std::string> to_statements(char who, std::string_view octets) {
  std::vector<std::string> out;
  const auto lines = to_lines(octets);
  run_finder runs(lines);
  for (std::size_t i = 0; i < lines.size();) {
    const std::string_view line = lines[i];
    const auto run = runs.at(i);
    if (run && is_whole_line(run->pattern)) {
      const std::string count = '*' + to_string(run->numbers) + ": ";
      out.push_back(who + count + run->pattern.substr(0, run->pattern.size() - 2));
      i += static_cast<std::size_t>(run->numbers.count());
      continue;
    }
    std::size_t same = 1;
    while (i + same < lines.size() && lines[i + same] == line) ++same;
    if (same < many_lines) same = 1;
    i += same;

    const bool ends = line.size() >= 2 && line.substr(line.size() - 2) == "\r\n";
    const std::string_view text = line.substr(0, line.size() - (ends ? 2 : 0));
    if (same > 1) {
      out.push_back(std::string(1, who) + "| \"" + escape(line) + "\"*" + std::to_string(same));
    } else if (repeats_itself(line)) {
      out.push_back(std::string(1, who) + "| " + to_strings(line));
    } else if (ends && is_plain(text)) {
      out.push_back(std::string(1, who) + ':' + (text.empty() ? "" : " ") + std::string(text));
    } else {
      out.push_back(std::string(1, who) + "| " + escape(line));
      // A blank at the end of a line would not survive an editor.
      if (out.back().back() == ' ') out.back().replace(out.back().size() - 1, 1, "\\x20");
    }
  }
  return out;
}

}  // namespace sansmtp::script

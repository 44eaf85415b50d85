#include "sansmtp/script/ladder.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

using std::string;
using std::string_view;
using std::chrono::milliseconds;

// All lengths are pixels. Text is monospaced: its width is known without a font.
constexpr double letter = 7.25;
constexpr double row = 19;
constexpr double top = 92;
constexpr double notes_x = 78;  // what the user asks and the engine tells
constexpr double notes_width = 400;
constexpr double client_x = notes_x + notes_width + 22;
constexpr double server_x = client_x + 520;
constexpr double width = server_x + 60;
constexpr double slope = 7;  // an arrow takes its time

// A wait of a second is so long; one of a minute or more is cut short.
constexpr double per_second = 6;
constexpr milliseconds least_shown{200};
constexpr milliseconds to_scale = std::chrono::seconds(15);
constexpr double cut_short = per_second * 15 + 8;

// Of a run of more lines from one side only the ends are shown.
constexpr std::size_t longest_run = 14;
constexpr std::size_t shown_first = 8;
constexpr std::size_t shown_last = 3;
constexpr std::size_t most_note_rows = 3;

constexpr string_view style =
    "text{font:12px 'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace;fill:#1b2733;"
    "white-space:pre}"
    ".h{font-weight:bold;font-size:15px}.t{fill:#7a8793;font-size:11px}.u{fill:#0b5394}"
    ".e{fill:#38761d}.b{fill:#b3261e}.w{fill:#7a8793;font-style:italic}"
    ".l{stroke:#9aa7b3;stroke-width:2}.c{stroke:#0b5394;fill:#0b5394;stroke-width:1.3}"
    ".s{stroke:#7a4b00;fill:#7a4b00;stroke-width:1.3}.r{stroke:#d7dde3;stroke-width:1}"
    ".x{stroke:#b3261e;stroke-width:2.5;fill:none}.z{stroke:#9aa7b3;stroke-width:2;fill:#fff}";

string number(double value) {
  const auto tenths = static_cast<long>(std::lround(value * 10));
  string out = std::to_string(tenths / 10);
  if (tenths % 10 != 0) out += '.' + std::to_string(tenths % 10);
  return out;
}

/// Getter: the text for XML, not longer than fits.
string shown(string_view text, double room) {
  const auto most = static_cast<std::size_t>(room / letter);
  string line = printable(text);
  const bool shortened = line.size() > most;
  string behind;
  if (shortened) {
    // How often a string is repeated is worth more than its last letters.
    const std::size_t repeated = line.rfind("\"*");
    if (repeated != string::npos && line.size() - repeated < 12) behind = line.substr(repeated);
    line.resize(most - 1 - behind.size());
  }
  string out;
  for (const char c : line) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      default: out += c;
    }
  }
  return shortened ? out + "\xE2\x80\xA6" + behind : out;  // an ellipsis
}

string time_text(milliseconds at) {
  const auto ms = at.count();
  string fraction = std::to_string(ms % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(ms / 1000) + '.' + fraction;
}

/// Getter: "10 min", "1 h 30 min", "2.5 s".
string wait_text(milliseconds wait) {
  const auto s = wait.count() / 1000;
  if (wait.count() < 1000) return std::to_string(wait.count()) + " ms";
  const auto part = [](long long n, const char* unit) {
    return n == 0 ? string() : ' ' + std::to_string(n) + ' ' + unit;
  };
  if (s < 60) {
    const auto tenths = wait.count() % 1000 / 100;
    return std::to_string(s) + (tenths == 0 ? "" : '.' + std::to_string(tenths)) + " s";
  }
  return (part(s / 86400, "d") + part(s / 3600 % 24, "h") + part(s / 60 % 60, "min") +
          part(s % 60, "s"))
      .substr(1);
}

class ladder {
 public:
  string draw(const dialogue& d, string_view title);

 private:
  void wait(milliseconds at);
  void arrows(const dialogue_entry& entry);
  void arrow(bool from_server, string_view text);
  void note(string_view text);
  void mark_end();
  void time();

  void text(double x, double y, string_view kind, const string& content, const char* more = "") {
    body_ += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" class=\"" + string(kind) + '"' +
             more + '>' + content + "</text>\n";
  }
  void line(double x1, double y1, double x2, double y2, string_view kind) {
    body_ += "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) +
             "\" y2=\"" + number(y2) + "\" class=\"" + string(kind) + "\"/>\n";
  }

  string body_;
  double y_ = top;
  double life_from_ = top - 18;
  milliseconds at_{0};
  bool time_shown_ = false;
};

/// The time of the row, once for all that happen at the same time.
void ladder::time() {
  if (std::exchange(time_shown_, true)) return;
  text(notes_x - 16, y_ + 4, "t", time_text(at_), " text-anchor=\"end\"");
}

void ladder::wait(milliseconds at) {
  const milliseconds passed = at - at_;
  if (passed.count() <= 0) return;
  at_ = at;
  time_shown_ = false;
  if (passed < least_shown) return;
  const double long_enough = 22;
  const bool cut = passed > to_scale;
  const double height =
      cut ? cut_short
          : std::max(long_enough, per_second * static_cast<double>(passed.count()) / 1000);
  const double middle = y_ + height / 2 - row / 2;
  for (const double x : {client_x, server_x}) {
    if (!cut) continue;
    // A break in the lifeline: two strokes on white.
    body_ += "<path d=\"M" + number(x - 8) + ' ' + number(middle + 4) +
             "l16 -8v8l-16 8z\" fill=\"#fff\"/>\n";
    line(x - 8, middle + 4, x + 8, middle - 4, "l");
    line(x - 8, middle + 12, x + 8, middle + 4, "l");
  }
  text((client_x + server_x) / 2, middle + 8, "w",
       (cut ? "\xE2\x8B\xAE  " : "") + wait_text(passed), " text-anchor=\"middle\"");
  y_ += height;
}

void ladder::arrow(bool from_server, string_view label) {
  time();
  const double from = from_server ? server_x : client_x;
  const double to = from_server ? client_x : server_x;
  const double tip = from_server ? 1.0 : -1.0;
  const string_view kind = from_server ? "s" : "c";
  line(from, y_, to + tip * 2, y_ + slope, kind);
  body_ += "<path d=\"M" + number(to + tip) + ' ' + number(y_ + slope) + 'l' + number(tip * 9) +
           " -4v8z\" class=\"" + string(kind) + "\"/>\n";
  // The text lies on the arrow; what is behind it is covered, so that it can be read.
  const string content = shown(label, server_x - client_x - 60);
  std::size_t letters = 0;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '&') i = content.find(';', i);
    if ((static_cast<unsigned char>(content[i]) & 0xC0) != 0x80) ++letters;
  }
  const double long_text = static_cast<double>(letters) * letter;
  const double x = from_server ? server_x - 22 - long_text : client_x + 22;
  body_ += "<rect x=\"" + number(x - 4) + "\" y=\"" + number(y_ - 5) + "\" width=\"" +
           number(long_text + 8) + "\" height=\"15\" fill=\"#fff\"/>\n";
  text(x, y_ + 7, "a", content);
  y_ += row;
}

void ladder::arrows(const dialogue_entry& entry) {
  const bool from_server = entry.who == dialogue_entry::speaker::server;
  const auto lines = to_statements(from_server ? 'S' : 'C', entry.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines.size() > longest_run && i == shown_first) {
      const std::size_t left_out = lines.size() - shown_first - shown_last;
      text((client_x + server_x) / 2, y_ + 7, "w", std::to_string(left_out) + " more lines",
           " text-anchor=\"middle\"");
      y_ += row;
      i += left_out;
    }
    const string_view statement = lines[i];
    // "S: text" without its mark; raw lines keep it.
    arrow(from_server,
          statement.substr(statement[1] == ':' ? std::min<std::size_t>(3, statement.size()) : 0));
  }
}

/// What the user asked, what happened to the link, and what the engine told.
void ladder::note(string_view label) {
  if (label.starts_with("@")) return;  // the wait that follows shows it
  time();
  const bool event = label.starts_with("*");
  const bool bad =
      label.find("timed_out") != string_view::npos || label.starts_with("!") ||
      label.find("failed") != string_view::npos || label.find("rejected") != string_view::npos ||
      label.find("deferred") != string_view::npos || label.find("in_doubt") != string_view::npos ||
      (label.starts_with("* closed") && label.find("clean") == string_view::npos);
  const bool good_link = label.starts_with("! tls up") || label.starts_with("! connected");
  const string_view kind = bad && !good_link ? "b" : event ? "e" : "u";
  line(notes_x + notes_width + 6, y_, client_x - 3, y_, "r");
  const bool end = label.starts_with("! end") || label.starts_with("! reset") ||
                   (label.starts_with("* closed") && label.find("timed_out") != string_view::npos);
  if (end) mark_end();
  // What is too long goes on in further rows, broken at a blank.
  const auto most = static_cast<std::size_t>(notes_width / letter);
  for (std::size_t rows = 0; rows < most_note_rows && !label.empty(); ++rows) {
    std::size_t size = label.size();
    if (size > most && rows + 1 < most_note_rows) {
      const std::size_t blank = label.rfind(' ', most);
      size = blank == string_view::npos || blank < most / 2 ? most : blank;
    }
    text(notes_x + notes_width, y_ + 4, kind, shown(label.substr(0, size), notes_width),
         " text-anchor=\"end\"");
    label.remove_prefix(std::min(size + 1, label.size()));
    y_ += row;
  }
}

/// A cross on both lifelines and a line between them.
void ladder::mark_end() {
  body_ += "<path d=\"M" + number(client_x) + ' ' + number(y_) + 'H' + number(server_x) +
           "\" class=\"x\" stroke-dasharray=\"3 5\"/>\n";
  for (const double x : {client_x, server_x}) {
    body_ += "<path d=\"M" + number(x - 6) + ' ' + number(y_ - 6) +
             "l12 12m0 -12l-12 12\" class=\"x\"/>\n";
  }
}

string ladder::draw(const dialogue& d, string_view title) {
  for (const dialogue_entry& entry : d) {
    wait(entry.at);
    switch (entry.who) {
      case dialogue_entry::speaker::server:
      case dialogue_entry::speaker::client: arrows(entry); break;
      case dialogue_entry::speaker::user:
      case dialogue_entry::speaker::engine: note(entry.text); break;
    }
  }
  const double height = y_ + 24;
  string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) +
               "\" height=\"" + number(height) + "\" viewBox=\"0 0 " + number(width) + ' ' +
               number(height) + "\">\n<title>" + shown(title, 10'000) + "</title>\n<style>" +
               string(style) + "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  std::swap(out, body_);
  const string content = std::move(out);
  text(20, 30, "h", shown(title, width - 40));
  text(notes_x - 16, 64, "t", "s", " text-anchor=\"end\"");
  text(notes_x + notes_width - 20, 64, "t", "asked and told", " text-anchor=\"end\"");
  text(client_x, 64, "h", "client", " text-anchor=\"middle\"");
  text(server_x, 64, "h", "server", " text-anchor=\"middle\"");
  line(client_x, life_from_, client_x, height - 12, "l");
  line(server_x, life_from_, server_x, height - 12, "l");
  return body_ + content + "</svg>\n";
}

}  // namespace

string to_svg(const dialogue& d, string_view title) { return ladder().draw(d, title); }

}  // namespace sansmtp::script

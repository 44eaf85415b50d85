#include "header_envelope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "failure.hpp"
#include "sansmtp/reply.hpp"

namespace sansmtp::cli {
namespace {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// Why the header does not tell the envelope.
struct not_understood {
  std::string why;
};

[[noreturn]] void refuse(std::string why) { throw not_understood{std::move(why)}; }

// The way out must not be one that shows a Bcc field to everybody.
[[noreturn]] void advise(const not_understood& what, bool has_bcc) {
  throw failure(
      exit_code::data_error,
      what.why + "; name the envelope with --from and --to instead" +
          (has_bcc ? ", and take the Bcc field out, which is sent to all without -t" : ""));
}

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = lower(c);
  return lowered;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// The size of the line that begins at `at`, with its end: CRLF, LF or CR; `text` is the line alone.
std::size_t read_line(std::string_view message, std::size_t at, std::string_view& text) noexcept {
  const std::size_t end = std::min(message.find_first_of("\r\n", at), message.size());
  text = message.substr(at, end - at);
  if (end == message.size()) return end - at;
  return end - at + (message.substr(end, 2) == "\r\n" ? 2 : 1);
}

// One field with its folded lines; both views are into the message.
struct field {
  std::string_view name;
  std::string_view body;
  std::size_t begin = 0;
  std::size_t end = 0;  // behind the last line's end
};

// Walks through the fields of a header, which ends with an empty line or with the message.
class field_reader {
 public:
  // `prelude` is what stands before the header.
  field_reader(std::string_view message, std::string_view prelude)
      : message_(message),
        at_(prelude.size()),
        line_(prelude.find_first_of("\r\n") == std::string_view::npos ? 0 : 1) {}

  std::optional<field> next() {
    if (at_ >= message_.size() || message_[at_] == '\r' || message_[at_] == '\n') {
      return std::nullopt;
    }
    field f;
    f.begin = at_;
    std::size_t end = 0;  // of the last line, without its line end
    do {
      std::string_view line;
      const std::size_t begin = at_;
      at_ += read_line(message_, begin, line);
      end = begin + line.size();
      ++line_;
    } while (at_ < message_.size() && (message_[at_] == ' ' || message_[at_] == '\t'));
    f.end = at_;

    const std::string_view text = message_.substr(f.begin, end - f.begin);
    const std::size_t colon = text.find(':');
    f.name = text.substr(0, colon);
    while (!f.name.empty() && (f.name.back() == ' ' || f.name.back() == '\t')) {
      f.name.remove_suffix(1);
    }
    if (colon == std::string_view::npos || f.name.empty() ||
        !std::all_of(f.name.begin(), f.name.end(), [](char c) { return c > ' ' && c < '\x7f'; })) {
      // Reading on would be a guess, and a Bcc field behind this line would be sent to everybody.
      refuse(fmt::format("line {} of the message is no header field: {:.40}", line_,
                         display_text(text)));
    }
    f.body = text.substr(colon + 1);
    return f;
  }

 private:
  std::string_view message_;
  std::size_t at_;
  std::size_t line_;
};

// A recursive descent through an address list; comments and blanks vanish between the tokens.
class address_parser {
 public:
  explicit address_parser(std::string_view list) : list_(list) {}

  std::vector<std::string> parse() {
    bool in_group = false;
    advance();
    while (kind_ != token::end) {
      if (is(',') || (in_group && is(';'))) {
        if (is(';')) in_group = false;
        advance();
      } else if (std::string address = read_words(); is(':') && !in_group) {
        in_group = true;
        advance();
      } else {
        if (is('<')) {
          address = read_angle();
        } else if (adjacent_) {
          fail("blanks in an address");
        } else if (address.empty()) {
          fail(fmt::format("unexpected {}", text_));
        }
        addresses_.push_back(std::move(address));
        if (kind_ != token::end && !is(',') && !(in_group && is(';'))) {
          fail("a comma is missing between two addresses");
        }
      }
    }
    if (in_group) fail("a group does not end");
    return std::move(addresses_);
  }

 private:
  enum class token { word, special, end };

  [[noreturn]] void fail(std::string_view why) const {
    refuse(fmt::format("not an address list ({}): {:.200}", why, display_text(list_)));
  }

  [[nodiscard]] bool is(char special) const noexcept {
    return kind_ == token::special && text_.front() == special;
  }

  // Words, dots and at-signs up to what ends them, blanks left out. `adjacent_` says whether two
  // words stood side by side, as in a name but never in an address.
  std::string read_words() {
    std::string joined;
    bool after_word = false;
    adjacent_ = false;
    while (kind_ == token::word || is('.') || is('@')) {
      adjacent_ = adjacent_ || (after_word && kind_ == token::word);
      after_word = kind_ == token::word;
      joined += text_;
      advance();
    }
    return joined;
  }

  std::string read_angle() {
    advance();
    // An obsolete route, "@a,@b:" (RFC 5322 section 4.4), has no meaning any more.
    if (is('@')) {
      while (kind_ != token::end && !is(':') && !is('>')) advance();
      if (is(':')) advance();
    }
    std::string address = read_words();
    if (!is('>')) fail("'<' without '>'");
    if (adjacent_) fail("blanks in an address");
    advance();
    return address;
  }

  void advance() {
    skip_comments();
    const std::size_t begin = at_;
    kind_ = token::word;
    if (at_ == list_.size()) {
      kind_ = token::end;
    } else if (list_[at_] == '"') {
      skip_quoted('"');
    } else if (list_[at_] == '[') {
      skip_quoted(']');
    } else if (is_special(list_[at_])) {
      kind_ = token::special;
      ++at_;
    } else {
      while (at_ < list_.size() && !is_special(list_[at_]) && !is_blank(list_[at_])) ++at_;
    }
    text_ = list_.substr(begin, at_ - begin);
  }

  static bool is_special(char c) noexcept {
    return std::string_view("()<>[]:;@\\,.\"").find(c) != std::string_view::npos;
  }

  void skip_quoted(char closing) {
    for (++at_; at_ < list_.size() && list_[at_] != closing; ++at_) {
      if (list_[at_] == '\\' && at_ + 1 < list_.size()) ++at_;
    }
    if (at_ == list_.size()) fail(fmt::format("{} is missing", closing));
    ++at_;
  }

  void skip_comments() {
    std::size_t depth = 0;
    for (; at_ < list_.size(); ++at_) {
      if (list_[at_] == '(') {
        ++depth;
      } else if (depth > 0 && list_[at_] == ')') {
        --depth;
      } else if (depth > 0 && list_[at_] == '\\' && at_ + 1 < list_.size()) {
        ++at_;
      } else if (depth == 0 && !is_blank(list_[at_])) {
        return;
      }
    }
    if (depth > 0) fail("a comment does not end");
  }

  std::string_view list_;
  std::size_t at_ = 0;
  std::string_view text_;
  token kind_ = token::end;
  bool adjacent_ = false;
  std::vector<std::string> addresses_;
};

std::vector<std::string> parse_address_list(std::string_view list) {
  return address_parser(list).parse();
}

// Folded lines become one: the line ends go, the blanks behind them stay (RFC 5322 section 2.2.3).
std::string unfold(std::string_view body) {
  std::string unfolded(body);
  unfolded.erase(std::remove_if(unfolded.begin(), unfolded.end(),
                                [](char c) { return c == '\r' || c == '\n'; }),
                 unfolded.end());
  return unfolded;
}

constexpr std::string_view resent_prefix = "Resent-";

bool is_resent(const field& f) noexcept {
  return equal_ignoring_case(f.name.substr(0, resent_prefix.size()), resent_prefix);
}

// The Resent- fields of the most recent sending. `runs` are those that stand side by side, from the
// top. Some programs put a block together with other fields in between; so a run belongs to it as
// long as it has no field that the block has already.
std::vector<field> most_recent_block(const std::vector<std::vector<field>>& runs) {
  std::vector<field> block;
  std::set<std::string> names;
  for (const std::vector<field>& run : runs) {
    if (std::any_of(run.begin(), run.end(),
                    [&](const field& f) { return names.contains(lower(f.name)); })) {
      break;
    }
    for (const field& f : run) {
      if (!names.insert(lower(f.name)).second) return block;
      block.push_back(f);
    }
  }
  return block;
}

}  // namespace

std::string_view before_header(std::string_view message) noexcept {
  std::size_t size = 0;
  if (message.starts_with(byte_order_mark)) size += byte_order_mark.size();
  constexpr std::string_view from = "From ";
  const std::string_view rest = message.substr(size);
  // A field may have blanks before its colon (RFC 5322 section 4.5); a mailbox has an address
  // there.
  const std::size_t word = rest.find_first_not_of(" \t", from.size());
  if (rest.starts_with(from) && !(word < rest.size() && rest[word] == ':')) {
    std::string_view line;
    size += read_line(message, size, line);
  }
  return message.substr(0, size);
}

bool has_bcc_field(std::string_view message) noexcept {
  std::string_view line;
  for (std::size_t at = before_header(message).size(); at < message.size();) {
    at += read_line(message, at, line);
    if (line.empty()) return false;
    std::string_view name = line.substr(0, line.find(':'));
    if (name.size() == line.size()) continue;
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    if (equal_ignoring_case(name, "Bcc") || equal_ignoring_case(name, "Resent-Bcc")) return true;
  }
  return false;
}

header_envelope header_envelope::parse(std::string_view message) {
  try {
    return read(message);
  } catch (const not_understood& what) {
    advise(what, has_bcc_field(message));
  }
}

header_envelope header_envelope::read(std::string_view message) {
  header_envelope result;
  std::size_t kept = 0;  // the message up to here is in `cleaned`, if there is one
  const auto leave_out = [&](std::size_t begin, std::size_t end) {
    if (!result.cleaned) result.cleaned.emplace();
    *result.cleaned += message.substr(kept, begin - kept);
    kept = end;
    // A CR and an LF that come together would be one line end, and the empty line be gone.
    if (result.cleaned->ends_with('\r') && message.substr(end).starts_with('\n')) {
      *result.cleaned += '\n';
    }
  };
  const std::string_view prelude = before_header(message);
  if (!prelude.empty()) leave_out(0, prelude.size());

  std::vector<field> fields;
  std::vector<std::vector<field>> runs;
  bool in_run = false;
  field_reader reader(message, prelude);
  while (const std::optional<field> f = reader.next()) {
    const bool resent = is_resent(*f);
    if (equal_ignoring_case(f->name, "Bcc") || equal_ignoring_case(f->name, "Resent-Bcc")) {
      result.has_bcc_ = true;
      leave_out(f->begin, f->end);
    }
    if (!resent) {
      fields.push_back(*f);
    } else {
      if (!in_run) runs.emplace_back();
      runs.back().push_back(*f);
    }
    in_run = resent;
  }
  if (result.cleaned) *result.cleaned += message.substr(kept);

  result.resent = !runs.empty();
  if (result.resent) {
    fields = most_recent_block(runs);
    for (field& f : fields) f.name.remove_prefix(resent_prefix.size());
  }
  std::set<std::string> seen;
  std::optional<field> sender;
  std::size_t rank_of_sender = 3;
  for (const field& f : fields) {
    const auto is = [&](std::string_view name) { return equal_ignoring_case(f.name, name); };
    if (is("To") || is("Cc") || is("Bcc")) {
      for (std::string& address : parse_address_list(unfold(f.body))) {
        if (seen.insert(address).second) result.recipients.push_back(std::move(address));
      }
    }
    const std::size_t rank = is("Sender") ? 0 : is("From") ? 1 : is("Return-Path") ? 2 : 3;
    if (rank < 3 && rank <= rank_of_sender) {
      rank_of_sender = rank;
      sender = f;
    }
  }
  if (sender) {
    result.sender_field_ =
        (result.resent ? std::string(resent_prefix) : std::string()) + std::string(sender->name);
    result.sender_addresses_ = unfold(sender->body);
  }
  return result;
}

std::string header_envelope::sender() const {
  if (sender_field_.empty()) {
    throw failure(exit_code::data_error,
                  fmt::format("{} no sender; name one with --from",
                              resent ? "the Resent- fields name" : "the header has"));
  }
  try {
    std::vector<std::string> addresses = parse_address_list(sender_addresses_);
    if (addresses.size() == 1) return std::move(addresses.front());
    refuse(fmt::format("the {} field does not name one mailbox", display_text(sender_field_)));
  } catch (const not_understood& what) {
    advise(what, has_bcc_);
  }
}

}  // namespace sansmtp::cli

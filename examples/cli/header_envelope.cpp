#include "header_envelope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "failure.hpp"
#include "sansmtp/reply.hpp"

namespace sansmtp::cli {
namespace {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

[[noreturn]] void refuse(const std::string& what) {
  throw failure(exit_code::data_error, what + "; name the envelope with --from and --to instead");
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
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
  explicit field_reader(std::string_view message) : message_(message) {}

  std::optional<field> next() {
    if (at_ >= message_.size() || message_[at_] == '\r' || message_[at_] == '\n') {
      return std::nullopt;
    }
    field f;
    f.begin = at_;
    std::size_t end = 0;  // of the last line, without its line end
    do {
      end = std::min(message_.find_first_of("\r\n", at_), message_.size());
      at_ = end;
      if (at_ < message_.size() && message_[at_++] == '\r' && at_ < message_.size() &&
          message_[at_] == '\n') {
        ++at_;
      }
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
  std::size_t at_ = 0;
  std::size_t line_ = 0;
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

// Folded lines become one: the line ends go, the blanks behind them stay (RFC 5322 section 2.2.3).
std::vector<std::string> addresses_of(const field& f) {
  std::string unfolded(f.body);
  unfolded.erase(std::remove_if(unfolded.begin(), unfolded.end(),
                                [](char c) { return c == '\r' || c == '\n'; }),
                 unfolded.end());
  return parse_address_list(unfolded);
}

}  // namespace

std::vector<std::string> parse_address_list(std::string_view list) {
  return address_parser(list).parse();
}

header_envelope header_envelope::parse(std::string_view message) {
  header_envelope result;
  std::optional<field> sender;
  std::optional<field> from;
  std::optional<field> return_path;
  std::size_t kept = 0;  // the message up to here is in `without_bcc`, if there is one

  field_reader reader(message);
  while (const std::optional<field> f = reader.next()) {
    const auto is = [&](std::string_view name) { return equal_ignoring_case(f->name, name); };
    if (is("Sender")) sender = f;
    if (is("From")) from = f;
    if (is("Return-Path")) return_path = f;
    if (is("To") || is("Cc") || is("Bcc")) {
      for (std::string& address : addresses_of(*f)) {
        if (std::find(result.recipients.begin(), result.recipients.end(), address) ==
            result.recipients.end()) {
          result.recipients.push_back(std::move(address));
        }
      }
    }
    if (is("Bcc")) {
      if (!result.without_bcc) result.without_bcc.emplace();
      *result.without_bcc += message.substr(kept, f->begin - kept);
      kept = f->end;
    }
    if (equal_ignoring_case(f->name.substr(0, 7), "Resent-")) {
      refuse(fmt::format("the header has a {} field, so it is unclear to whom it goes",
                         display_text(f->name)));
    }
  }
  if (result.without_bcc) *result.without_bcc += message.substr(kept);

  for (const std::optional<field>* source : {&sender, &from, &return_path}) {
    if (!*source) continue;
    std::vector<std::string> addresses = addresses_of(**source);
    if (addresses.size() != 1) {
      refuse(fmt::format("the {} field does not name one mailbox", display_text((*source)->name)));
    }
    result.sender = std::move(addresses.front());
    break;
  }
  return result;
}

}  // namespace sansmtp::cli

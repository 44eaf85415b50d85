// The reply parser against a slow and obvious one: the same replies, the same error, for any
// borders of the pieces (CORE-02); memory is bounded (CORE-09), what is complete keeps the grammar
// of RFC 5321 section 4.2, and what is malformed stays so (REP-11).
//
// Input: an octet of limits, an octet for the size of the pieces, then what the server says.
#include <sansmtp/reply_parser.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exact_block.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

/// What was read, in a form that is quick to compare.
struct reading {
  std::string replies;  // for each: its code, its text, NUL, which no text holds
  std::string excerpt;  // of what is no reply, or not yet one
  errc error = errc::none;
  bool bare_lf = false;

  void clear() {
    replies.clear();
    excerpt.clear();
    error = errc::none;
    bare_lf = false;
  }
  void add(int code, std::string_view text) {
    char digits[8];
    replies.append(digits, std::to_chars(digits, digits + sizeof digits, code).ptr);
    replies += text;
    replies += '\0';
  }
  friend bool operator==(const reading&, const reading&) = default;
};

bool is_limit(errc e) { return e == errc::reply_line_too_long || e == errc::reply_too_long; }

// -- the obvious parser ---------------------------------------------------------------------------

/// Looks at one octet after the other with all of the line so far at hand, and says what RFC 5321
/// section 4.2 and the requirements say of it, in their order.
class obvious_parser {
 public:
  obvious_parser(const reply_limits& limits, reading& out) : limits_(limits), out_(out) {
    line_.clear();
    text_.clear();
  }

  void read(std::string_view octets) {
    for (const char c : octets) {
      const errc wrong = next(c);
      if (wrong == errc::none) continue;
      out_.error = wrong;
      break;
    }
    out_.excerpt = line_.substr(line_.size() - std::min<std::size_t>(line_.size(), 256));
  }

 private:
  errc next(char c) {
    if (line_.empty() && lines_ == limits_.lines) return errc::reply_too_long;
    const errc wrong = grammar(c);
    if (wrong != errc::none) {
      line_ += c;
      return wrong;
    }
    if (line_.size() + 1 > limits_.line) return errc::reply_line_too_long;
    if (octets_ + 1 > limits_.octets) return errc::reply_too_long;
    line_ += c;
    ++octets_;
    if (line_.size() == 3) {
      const int code = std::stoi(line_);
      if (code < 200 || code > 599) return errc::bad_reply_code;         // REP-10
      if (lines_ != 0 && code != code_) return errc::mixed_reply_codes;  // REP-09
      code_ = code;
    }
    if (c == '\n') end_line();
    return errc::none;
  }

  /// May `c` come behind the line so far?
  [[nodiscard]] errc grammar(char c) const {
    if (c == '\0') return errc::nul_in_reply;  // REP-14
    if (line_.size() < 3) {
      return c >= '0' && c <= '9' ? errc::none : errc::malformed_reply;
    }
    if (line_.size() == 3) {
      if (c == ' ' || c == '-' || c == '\r') return errc::none;
      if (c == '\n') return limits_.accept_bare_lf ? errc::none : errc::bare_lf_in_reply;
      return errc::malformed_reply;
    }
    if (line_.back() == '\r' && c != '\n') {  // REP-13
      return limits_.accept_bare_lf && line_.size() > 4 ? errc::none : errc::bare_cr_in_reply;
    }
    const bool bare = c == '\n' && line_.back() != '\r';
    return bare && !limits_.accept_bare_lf ? errc::bare_lf_in_reply : errc::none;  // REP-12
  }

  void end_line() {
    std::string_view line = line_;
    const bool crlf = line.ends_with("\r\n");
    // A CRLF ends a line; if it follows the code, there is no text to lose a CR of.
    out_.bare_lf |= !crlf && line.size() > 3;
    line.remove_suffix(crlf ? 2 : 1);
    const bool more = line.size() > 3 && line[3] == '-';
    if (lines_++ != 0) text_ += '\n';
    if (line.size() > 4) text_ += line.substr(4);
    line_.clear();
    if (more) return;
    out_.add(code_, text_);
    text_.clear();
    lines_ = 0;
    octets_ = 0;
  }

  const reply_limits& limits_;
  reading& out_;
  // Kept between inputs only for their memory.
  static inline std::string line_;
  static inline std::string text_;
  int code_ = 0;
  std::size_t lines_ = 0;
  std::size_t octets_ = 0;
};

// -- the real one ---------------------------------------------------------------------------------

void look_at(const reply& answer, const reply_limits& limits) {
  require(answer.code() >= 200 && answer.code() <= 599, "codes are 200 to 599");
  require(answer.line_count() <= limits.lines, "no more lines than allowed");
  require(answer.text().size() <= limits.octets, "no more octets than allowed");
  const int status = answer.enhanced().status_class;
  require(status == 0 || status == answer.first_digit(), "the classes agree (EXT-09)");
  for (const char c : answer.display()) require(c >= ' ' || c < 0, "no control is displayed");
  const std::string_view hint = forward_path(answer);
  require(
      hint.empty() || (hint.data() >= answer.text().data() &&
                       hint.data() + hint.size() <= answer.text().data() + answer.text().size()),
      "a path is a view into the text");
}

/// Parses all octets in pieces of `step` octets. With `exact` each piece is a block of its own.
void read(std::string_view octets, const reply_limits& limits, std::size_t step, bool exact,
          reading& r) {
  reply_parser parser(limits);
  r.clear();
  auto last = reply_parser::status::need_more;
  while (!octets.empty() && r.error == errc::none) {
    const std::string_view piece = octets.substr(0, step);
    octets.remove_prefix(piece.size());
    const exact_block block(exact ? piece : std::string_view());
    bytes in = exact ? block.view() : as_bytes(piece);
    while (!in.empty()) {
      const std::size_t before = in.size();
      last = parser.parse(in);
      if (last != reply_parser::status::complete) break;
      require(in.size() < before, "a reply is made of octets");
      require(parser.idle(), "between replies");
      const reply answer = parser.result();
      if (exact || step > 64) look_at(answer, limits);
      r.add(answer.code(), answer.text());
    }
    if (last != reply_parser::status::need_more && last != reply_parser::status::complete) {
      r.error = parser.error();
      require(r.error != errc::none, "an error has a name");
      require((last == reply_parser::status::too_long) == is_limit(r.error), "limits are told");
      bytes more = as_bytes("250 ok\r\n");
      require(parser.parse(more) == last, "malformed stays malformed");
    }
    require(parser.memory() <= 2 * (std::size_t{limits.octets} + 4096), "memory is bounded");
  }
  if (!parser.idle()) r.excerpt = parser.excerpt();
  r.bare_lf = parser.saw_bare_lf();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // Small limits, since a fuzzer works best with short inputs.
  reply_limits limits;
  limits.accept_bare_lf = (data[0] & 1) != 0;
  if ((data[0] & 2) != 0) limits.line = 24;
  if ((data[0] & 4) != 0) limits.octets = 40;
  if ((data[0] & 8) != 0) limits.lines = 1U + (data[0] >> 4);
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);

  static reading expected;
  static reading seen;
  expected.clear();
  obvious_parser(limits, expected).read(octets);
  // The excerpt of a line that is too long ends somewhere near the limit.
  const auto check = [](const char* rule) {
    if (is_limit(seen.error)) seen.excerpt = expected.excerpt;
    require(seen == expected, rule);
  };
  read(octets, limits, size, false, seen);  // they end where their block does
  require(seen.excerpt.size() <= 256, "excerpts are short");
  check("in one piece");
  read(octets, limits, 1 + data[1] % 16, (data[1] & 128) != 0, seen);
  check("in pieces");
  return 0;
}

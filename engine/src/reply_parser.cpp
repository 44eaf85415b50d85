// A machine for the head of a line (three digits and a separator), a vector scan for its text. The
// text goes straight into the reply; there is no carry buffer, so the borders of the pieces in
// which octets come cannot matter (CORE-02).
#include "sansmtp/reply_parser.hpp"

#include <algorithm>

#include "octet_block.hpp"
#include "reply_parser_inline.hpp"

namespace sansmtp {

namespace {

constexpr std::size_t excerpt_octets = 256;
/// A reply that needed more than this gives its memory back, so that one long reply does not make
/// an idle session large.
constexpr std::size_t kept_capacity = 2048;
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

void reply_parser::reset() noexcept {
  if (text_.capacity() > kept_capacity) std::string().swap(text_);
  text_.clear();
  in_place_ = {};
  line_octets_ = octets_ = lines_ = 0;
  line_code_ = 0;
  digits_ = 0;
  saw_bare_lf_ = false;
  state_ = state::done;
  error_ = errc::none;
  has_offending_ = false;
  after_cr_ = false;
}

reply_parser::status reply_parser::fail(errc why) noexcept {
  state_ = state::failed;
  error_ = why;
  const bool limit = why == errc::reply_line_too_long || why == errc::reply_too_long;
  return limit ? status::too_long : status::malformed;
}

reply_parser::status reply_parser::fail_at(char octet) noexcept {
  offending_ = octet;
  has_offending_ = true;
  if (octet == '\0') return fail(errc::nul_in_reply);
  if (state_ == state::cr) return fail(errc::bare_cr_in_reply);
  // An LF where a reply could begin is a malformed reply, not a line end in the wrong style.
  if (octet == '\n' && state_ != state::code) return fail(errc::bare_lf_in_reply);
  return fail(errc::malformed_reply);
}

std::size_t reply_parser::room() const noexcept {
  return std::min<std::size_t>(limits_.line - std::min(limits_.line, line_octets_),
                               limits_.octets - std::min(limits_.octets, octets_));
}

bool reply_parser::count(std::size_t octets) noexcept {
  if (octets > room()) {
    const bool line = limits_.line - std::min(limits_.line, line_octets_) == room();
    error_ = line ? errc::reply_line_too_long : errc::reply_too_long;
    return false;
  }
  line_octets_ += static_cast<std::uint32_t>(octets);
  octets_ += static_cast<std::uint32_t>(octets);
  return true;
}

void reply_parser::end_line() noexcept {
  ++lines_;
  after_cr_ = false;
  digits_ = 0;
  line_octets_ = 0;
  line_code_ = 0;
  state_ = separator_ == '-'                  ? state::code
           : text_.capacity() > kept_capacity ? state::done_large
                                              : state::done;
}

reply_parser::status reply_parser::parse(bytes& in) {
  reply found;
  if (!whole_reply(in, found)) return run(in);
  in_place_ = found.text();
  code_ = static_cast<std::uint16_t>(found.code());
  return status::complete;
}

reply_parser::status reply_parser::run(bytes& in) {
  const char* p = in.data();
  const char* const end = p + in.size();
  const status result = run(p, end);
  in = bytes(p, static_cast<std::size_t>(end - p));
  return result;
}

reply_parser::status reply_parser::run(const char*& p, const char* const end) {
  if (state_ == state::failed) return fail(error_);
  if (idle()) {
    const bool warned = saw_bare_lf_;
    reset();
    saw_bare_lf_ = warned;
    if (p != end) state_ = state::code;
  }

  while (p != end) {
    switch (state_) {
      case state::code: {
        if (digits_ == 0 && lines_ == limits_.lines) return fail(errc::reply_too_long);
        const char c = *p;
        if (!is_digit(c)) return fail_at(c);
        if (!count(1)) return fail(error_);
        ++p;
        line_code_ = static_cast<std::uint16_t>(line_code_ * 10 + (c - '0'));
        if (++digits_ < 3) break;
        if (line_code_ < 200 || line_code_ > 599) return fail(errc::bad_reply_code);  // REP-10
        if (lines_ == 0) {
          code_ = line_code_;
        } else {
          if (line_code_ != code_) return fail(errc::mixed_reply_codes);  // REP-09
          text_.push_back('\n');
        }
        line_start_ = static_cast<std::uint32_t>(text_.size());
        state_ = state::separator;
        break;
      }

      case state::separator: {
        const char c = *p;
        if (c != ' ' && c != '-' && c != '\r' && !(c == '\n' && limits_.accept_bare_lf)) {
          return fail_at(c);
        }
        separator_ = c;
        if (c == '\n') {
          state_ = state::text;  // an empty text, ended by the LF that is still there
          break;
        }
        if (!count(1)) return fail(error_);
        ++p;
        after_cr_ = c == '\r';
        state_ = after_cr_ ? state::cr : state::text;
        break;
      }

      case state::text: {
        const char* const stop = detail::find_line_octet(p, end);
        const auto n = static_cast<std::size_t>(stop - p);
        text_.append(p, std::min(n, room()));
        if (!count(n)) return fail(error_);
        p = stop;
        if (p == end) break;
        if (*p == '\r') {
          if (!count(1)) return fail(error_);
          ++p;
          state_ = state::cr;
          after_cr_ = true;
          break;
        }
        if (*p != '\n' || !limits_.accept_bare_lf) return fail_at(*p);
        if (!count(1)) return fail(error_);
        saw_bare_lf_ = true;
        ++p;
        end_line();
        break;
      }

      case state::cr: {
        if (*p == '\n') {
          if (!count(1)) return fail(error_);
          ++p;
          end_line();
          break;
        }
        // A CR that ends no line is text, if the caller asked for leniency (REP-13); right behind
        // the code it could only be a separator, and it is none.
        if (!limits_.accept_bare_lf || separator_ == '\r') return fail_at(*p);
        text_.push_back('\r');
        after_cr_ = false;
        state_ = state::text;
        break;
      }

      case state::done:
      case state::done_large:
      case state::failed: break;
    }
    if (idle()) return status::complete;
  }
  return status::need_more;
}

[[gnu::cold]] std::string reply_parser::excerpt() const {
  // Put together again from what was kept, so that parsing needs no second copy of the line.
  std::string line;
  for (int i = 0, divisor = digits_ == 3 ? 100 : digits_ == 2 ? 10 : 1; i < digits_; ++i) {
    line.push_back(static_cast<char>('0' + line_code_ / divisor % 10));
    divisor /= 10;
  }
  if (digits_ == 3 && state_ != state::separator && line_octets_ > 3) {
    line.push_back(separator_);
    line.append(text_, line_start_);
  }
  if (after_cr_ && separator_ != '\r') line.push_back('\r');
  if (has_offending_) line.push_back(offending_);
  if (line.size() > excerpt_octets) line.erase(0, line.size() - excerpt_octets);
  return line;
}

}  // namespace sansmtp

// One walk over content serves both the look beforehand (scan_content) and the slices for the wire
// (dot_stuffer): only what is done with the pieces differs.
#include "sansmtp/dot_stuffer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "octet_block.hpp"

namespace sansmtp {

namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::string_view terminator = ".\r\n";

/// Are the two octets CR and LF? One comparison of both.
bool is_crlf(const char* p) noexcept { return std::memcmp(p, crlf.data(), crlf.size()) == 0; }

}  // namespace

namespace detail {

/// The lines of a piece: where the one at hand began, and the longest so far.
class line_meter {
 public:
  /// `before` octets of the line at hand were in earlier pieces.
  line_meter(const char* begin, std::uint64_t before, std::uint64_t longest) noexcept
      : origin_(address(begin) - before), longest_(longest) {}

  /// A line ends; `end` is just behind its last octet in this piece, of which `extra` more octets
  /// will be on the wire, and `next` begins the next line.
  void end_line(const char* end, std::uint64_t extra, const char* next) noexcept {
    const std::uint64_t length = so_far(end) + extra;
    if (length > longest_) longest_ = length;
    origin_ = address(next);
  }

  [[nodiscard]] std::uint64_t so_far(const char* at) const noexcept {
    return address(at) - origin_;
  }
  [[nodiscard]] std::uint64_t longest() const noexcept { return longest_; }

 private:
  static std::uint64_t address(const char* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
  }

  std::uint64_t origin_;  // where the line would have begun had all of it been in this piece
  std::uint64_t longest_;
};

/// Skips octets that need no care: from `p`, whose predecessor belongs to the same piece, to the
/// first octet that is a NUL, an LF without CR before it, anything but LF behind a CR, or a dot
/// that begins a line; or to `end`.
const char* skip_ordinary(const char* p, const char* const end, line_meter& lines,
                          bool& eight_bit) noexcept {
  // What begins here may belong to a line end in front of it.
  if (p[-1] == '\r') {
    if (p == end || *p != '\n') return p;
    lines.end_line(p + 1, 0, p + 1);
    ++p;
  }
  if (p == end || (p[-1] == '\n' && *p == '.')) return p;

  line_meter meter = lines;  // a copy that can live in registers
  const auto leave = [&](const char* at) {
    lines = meter;
    return at;
  };
  // What becomes of a low octet: where to stop because of it, or null.
  const auto look_at = [&](const char* here) -> const char* {
    if (*here == '\r') {
      if (here + 1 == end || here[1] != '\n') return here + 1;
      meter.end_line(here + 2, 0, here + 2);
      return here + 2 != end && here[2] == '.' ? here + 2 : nullptr;
    }
    return *here == '\0' || (*here == '\n' && here[-1] != '\r') ? here : nullptr;
  };

  // All but the last two octets have a line end and a dot's place behind them: no check of the end.
  const char* const body = end - p > 2 ? end - 2 : p;
  // Whoever stops at each line must not pay for a long map each time: it grows on the way.
  std::array<std::uint64_t, 16> map;  // not initialised: this is the hot path
  for (std::size_t most = 4; p != body; most = map.size()) {
    const auto left = static_cast<std::size_t>(body - p);
    std::size_t words = std::min(left / mapped_octets, most);
    const char* from = p;
    std::array<char, mapped_octets> rest;
    if (words == 0) {
      words = 1;
      rest.fill(' ');
      std::memcpy(rest.data(), p, left);
      from = rest.data();
    }
    eight_bit |= map_low(from, words, map.data());

    const char* group = p;
    for (std::size_t i = 0; i < words; ++i, group += mapped_octets) {
      for (std::uint64_t low = map[i]; low != 0; low &= low - 1) {
        const char* const here = group + std::countr_zero(low);
        // Nearly always: a line ends as it should, and the next begins with no dot.
        if (is_crlf(here) && here[2] != '.') {
          meter.end_line(here + 2, 0, here + 2);
          low &= low - 1;  // the CR; its LF may be in the next word, where it does no harm
        } else if (const char* const stop = look_at(here); stop != nullptr) {
          return leave(stop);
        }
      }
    }
    p = left < mapped_octets ? body : group;
  }
  for (; p != end; ++p) {
    if (static_cast<unsigned char>(*p) > 127) eight_bit = true;
    if (const char* const stop = look_at(p); stop != nullptr) return leave(stop);
  }
  return leave(end);
}

/// Walks over [p, end) and hands pieces to `sink`: `sink.piece(begin, end)` for octets that go out
/// as they are, `sink.line_end()` for a CRLF that the content lacks, `sink.dot()` after the piece
/// that ends with a dot to be doubled. Stops early, between pieces, if `sink.full()`. `p` is moved
/// behind the octets that were eaten.
template <class Sink>
errc walk(const char*& p, const char* const end, content_state& s, line_end_policy policy,
          Sink& sink) {
  if (p == end) return errc::none;
  const char* begin = p;  // of the piece at hand
  line_meter lines{p, s.line, s.longest_line};
  const auto flush = [&](const char* until) {
    if (until == begin) return;
    s.size += static_cast<std::uint64_t>(until - begin);
    sink.piece(begin, until);
    begin = until;
  };
  const auto leave = [&](const char* at, errc why) {
    s.line = lines.so_far(at);
    s.longest_line = lines.longest();
    p = at;
    return why;
  };
  // A line end that the content spells otherwise; `text_end` is where the line's own octets end.
  const auto replace_line_end = [&](const char* text_end, const char* next) {
    flush(text_end);
    s.size += crlf.size();
    sink.line_end();
    lines.end_line(text_end, crlf.size(), next);
    begin = next;
    s.line_start = true;
  };

  if (s.after_cr) {
    // The CR was kept back, since its piece may be gone by now: what goes out is our own CRLF.
    s.after_cr = false;
    const bool pair = *p == '\n';
    if (!pair && policy == line_end_policy::strict) return leave(p, errc::bare_cr_in_content);
    const char* const next = pair ? p + 1 : p;
    replace_line_end(p, next);
    p = next;
  }

  while (p != end) {
    if (sink.full()) {
      flush(p);
      return leave(p, errc::none);
    }
    // The first octet of a piece or of a line has no predecessor to look at: one step by hand.
    const char c = *p;
    if (c == '\0') {
      flush(p);
      return leave(p, errc::nul_in_content);
    }
    if (c == '\n') {
      if (policy == line_end_policy::strict) {
        flush(p);
        return leave(p, errc::bare_lf_in_content);
      }
      replace_line_end(p, p + 1);
      ++p;
      continue;
    }
    if (c == '.' && s.line_start) {
      flush(p + 1);
      sink.dot();
      begin = p;  // the dot once more
      --s.size;
    }
    if (static_cast<unsigned char>(c) > 127) s.eight_bit = true;
    s.line_start = false;
    ++p;

    const char* const stop = skip_ordinary(p, end, lines, s.eight_bit);
    p = stop;
    if (stop == end) break;
    if (stop[-1] == '\r') {  // and no LF behind it
      if (policy == line_end_policy::strict) {
        flush(stop - 1);
        return leave(stop, errc::bare_cr_in_content);
      }
      replace_line_end(stop - 1, stop);
    } else {
      s.line_start = stop[-1] == '\n';
    }
  }

  if (begin == end && p == end && s.line_start) return leave(end, errc::none);
  s.after_cr = end[-1] == '\r';
  s.line_start = end[-1] == '\n';
  const char* const until = s.after_cr ? end - 1 : end;
  flush(until);
  const errc result = leave(until, errc::none);
  p = end;
  return result;
}

/// What the content still needs before the terminator.
template <class Sink>
errc finish(content_state& s, line_end_policy policy, Sink& sink) {
  if (s.after_cr && policy == line_end_policy::strict) return errc::bare_cr_in_content;
  if (s.after_cr || !s.line_start) {
    s.size += crlf.size();
    s.longest_line = std::max(s.longest_line, s.line + crlf.size());
    sink.line_end();
    s.after_cr = false;
    s.line_start = true;
    s.line = 0;
  }
  return errc::none;
}

struct counting_sink {
  bool plain = true;
  void piece(const char*, const char*) noexcept {}
  void line_end() noexcept { plain = false; }
  void dot() noexcept { plain = false; }
  static bool full() noexcept { return false; }
};

struct slicing_sink {
  std::vector<bytes>& out;
  std::size_t limit;
  void piece(const char* begin, const char* end) {
    out.emplace_back(begin, static_cast<std::size_t>(end - begin));
  }
  void line_end() { out.push_back(as_bytes(crlf)); }
  static void dot() noexcept {}
  // A step adds at most a piece and a line end, and the last piece comes on top.
  [[nodiscard]] bool full() const noexcept { return out.size() + 3 > limit; }
};

}  // namespace detail

content_facts scan_content(bytes content, line_end_policy policy) noexcept {
  detail::content_state state;
  detail::counting_sink sink;
  const char* p = content.data();
  content_facts facts;
  facts.problem = detail::walk(p, p + content.size(), state, policy, sink);
  if (facts.problem == errc::none) facts.problem = detail::finish(state, policy, sink);
  facts.size = state.size;
  facts.longest_line = state.longest_line;
  facts.eight_bit = state.eight_bit;
  facts.plain = sink.plain && facts.problem == errc::none;
  return facts;
}

errc dot_stuffer::stuff(bytes& in, std::vector<bytes>& out, std::size_t max_slices) {
  detail::slicing_sink sink{out, out.size() + max_slices};
  const char* p = in.data();
  const char* const end = p + in.size();
  const errc result = detail::walk(p, end, state_, policy_, sink);
  in = bytes(p, static_cast<std::size_t>(end - p));
  return result;
}

errc dot_stuffer::finish(std::vector<bytes>& out) {
  detail::slicing_sink sink{out, out.size() + 2};
  const errc result = detail::finish(state_, policy_, sink);
  if (result == errc::none) out.push_back(as_bytes(terminator));
  return result;
}

}  // namespace sansmtp

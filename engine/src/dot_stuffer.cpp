// One walk over content serves both the look beforehand (scan_content) and the slices for the wire
// (dot_stuffer): only what is done with the pieces differs.
#include "sansmtp/dot_stuffer.hpp"

#include <algorithm>
#include <string_view>

#include "line_scan.hpp"

namespace sansmtp {

namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::string_view terminator = ".\r\n";

}  // namespace

namespace detail {

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

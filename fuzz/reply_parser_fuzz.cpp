// The reply parser: the borders of pieces change nothing (CORE-02), memory is bounded (CORE-09),
// what is complete keeps the grammar of RFC 5321 section 4.2, and what is malformed stays so
// (REP-11).
#include <sansmtp/reply_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sansmtp;

void require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", rule);
  std::abort();
}

struct found {
  int code = 0;
  std::string text;
  friend bool operator==(const found&, const found&) = default;
};

struct reading {
  std::vector<found> replies;
  errc error = errc::none;
  std::string excerpt;
  bool bare_lf = false;
  friend bool operator==(const reading&, const reading&) = default;
};

/// Parses all octets in pieces of `step` octets; 0: at once.
reading read(std::string_view octets, const reply_limits& limits, std::size_t step) {
  reply_parser parser(limits);
  reading r;
  auto last = reply_parser::status::need_more;
  while (!octets.empty() && r.error == errc::none) {
    const std::size_t size = step == 0 ? octets.size() : std::min(step, octets.size());
    // Memory of exactly this size, so that a look beyond it is seen.
    const std::unique_ptr<char[]> piece(new char[size]);
    std::copy_n(octets.data(), size, piece.get());
    octets.remove_prefix(size);
    bytes in(piece.get(), size);
    while (!in.empty()) {
      const std::size_t before = in.size();
      last = parser.parse(in);
      if (last != reply_parser::status::complete) break;
      require(in.size() < before, "a reply is made of octets");
      const reply answer = parser.result();
      require(answer.code() >= 200 && answer.code() <= 599, "codes are 200 to 599");
      require(answer.line_count() <= limits.lines, "no more lines than allowed");
      require(answer.text().size() <= limits.octets, "no more octets than allowed");
      require(answer.text().find('\0') == std::string_view::npos, "no NUL");
      const int status = answer.enhanced().status_class;
      require(status == 0 || status == answer.first_digit(), "the classes agree (EXT-09)");
      for (const char c : answer.display()) require(c >= ' ' || c < 0, "no control is displayed");
      const std::string_view hint = forward_path(answer);
      require(hint.empty() || answer.text().find(hint) != std::string_view::npos, "a view");
      r.replies.push_back({answer.code(), std::string(answer.text())});
    }
    if (last != reply_parser::status::need_more && last != reply_parser::status::complete) {
      r.error = parser.error();
      require(r.error != errc::none, "an error has a name");
      bytes more = as_bytes("250 ok\r\n");
      require(parser.parse(more) == last, "malformed stays malformed");
    }
    require(parser.memory() <= 2 * (std::size_t{limits.octets} + 4096), "memory is bounded");
  }
  if (!parser.idle()) r.excerpt = parser.excerpt();
  require(r.excerpt.size() <= 256, "excerpts are short");
  r.bare_lf = parser.saw_bare_lf();
  require(limits.accept_bare_lf || !r.bare_lf, "LF only if it is allowed");
  return r;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  reply_limits limits;
  limits.accept_bare_lf = (data[0] & 1) != 0;
  if ((data[0] & 2) != 0) limits.line = 512;
  if ((data[0] & 4) != 0) limits.octets = 512;
  if ((data[0] & 8) != 0) limits.lines = 1 + (data[0] >> 4);
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  const reading whole = read(octets, limits, 0);
  require(read(octets, limits, 1) == whole, "octet by octet");
  require(read(octets, limits, 1 + data[1] % 67) == whole, "in pieces");
  return 0;
}

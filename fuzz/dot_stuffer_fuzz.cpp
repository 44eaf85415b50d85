// Dot-stuffing against a slow and obvious one, for any borders of the pieces and under both
// policies; and round trips through the receivers of attacks B5: a strict one gives the content
// back, and a lenient one finds no earlier end (SEC-02, DATA-01 to DATA-07, DATA-11).
//
// Input: an octet of policy, one for the size of the pieces, one for the slices asked for at a
// time, then the content.
#include <sansmtp/dot_stuffer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exact_block.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

/// What must come of content.
struct stuffed {
  std::string lines;  // with CRLF line ends, not stuffed: what a receiver must get
  std::uint64_t longest = 0;
  bool eight_bit = false;
  bool plain = true;
  errc problem = errc::none;
};

/// Reads the content line by line, a line end being what the policy says.
stuffed obvious(std::string_view content, line_end_policy policy) {
  const bool strict = policy == line_end_policy::strict;
  stuffed result;
  std::string line;
  const auto end_line = [&] {
    line += "\r\n";
    result.plain &= line.front() != '.';
    result.longest = std::max<std::uint64_t>(result.longest, line.size());
    result.lines += line;
    line.clear();
  };
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    if (c == '\r' && i + 1 < content.size() && content[i + 1] == '\n') {
      end_line();
      ++i;
    } else if (c == '\r' || c == '\n') {
      if (strict) {
        result.problem = c == '\r' ? errc::bare_cr_in_content : errc::bare_lf_in_content;
        break;
      }
      result.plain = false;
      end_line();
    } else if (c == '\0') {
      result.problem = errc::nul_in_content;
      break;
    } else {
      result.eight_bit |= static_cast<unsigned char>(c) > 127;
      line += c;
    }
  }
  if (result.problem != errc::none) {
    result.lines += line;
    result.plain = false;
  } else if (!line.empty()) {
    result.plain = false;
    end_line();
  }
  return result;
}

std::string with_dots(std::string_view lines) {
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == '.' && (i == 0 || lines[i - 1] == '\n')) out += '.';
    out += lines[i];
  }
  return out;
}

/// A receiver by the RFC: lines end with CRLF, a line of one dot is the end. Nothing may follow it.
std::string strict_receiver(std::string_view wire) {
  std::string content;
  for (;;) {
    const std::size_t end = wire.find("\r\n");
    require(end != std::string_view::npos, "the wire ends with a line end");
    const std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    if (line == ".") break;
    content += line.substr(!line.empty() && line.front() == '.' ? 1 : 0);
    content += "\r\n";
  }
  require(wire.empty(), "nothing follows the terminator");
  return content;
}

/// Where a receiver sees the end that takes CR, LF, CRLF and CR CR LF for the end of a line.
std::size_t lenient_end(std::string_view wire) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = wire.find_first_of("\r\n", begin);
    if (end == std::string_view::npos) return wire.size();
    std::size_t next = end;
    while (next < wire.size() && wire[next] == '\r') ++next;
    if (next < wire.size() && wire[next] == '\n') ++next;
    if (next == end) ++next;
    if (wire.substr(begin, end - begin) == ".") return next;
    begin = next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto policy = (data[0] & 1) != 0 ? line_end_policy::strict : line_end_policy::normalize;
  const std::size_t step = data[1] == 0 ? size : data[1];
  const std::size_t slices = 4 + data[2] % 61;
  const std::string_view content(reinterpret_cast<const char*>(data) + 3, size - 3);

  const stuffed expected = obvious(content, policy);
  const bool good = expected.problem == errc::none;

  const exact_block whole(content);
  const content_facts facts = scan_content(whole.view(), policy);
  require(facts.problem == expected.problem, "the scan sees the same problem");
  if (good) {
    require(facts.size == expected.lines.size(), "the scan counts the octets");
    require(facts.longest_line == expected.longest, "the scan sees the longest line");
    require(facts.eight_bit == expected.eight_bit, "the scan sees octets above 127");
    require(facts.plain == expected.plain, "the scan sees whether anything is to be done");
  }
  require(!facts.plain || good, "plain content has no problem");

  dot_stuffer stuffer(policy);
  std::string wire;
  std::vector<bytes> out;
  errc problem = errc::none;
  const auto gather = [&] {
    for (const bytes slice : out) wire.append(slice.data(), slice.size());
    out.clear();
  };
  for (std::size_t at = 0; at < content.size() && problem == errc::none; at += step) {
    const exact_block piece(content.substr(at, step));
    bytes in = piece.view();
    while (!in.empty() && problem == errc::none) {
      const std::size_t before = in.size();
      problem = stuffer.stuff(in, out, slices);
      require(out.size() <= slices, "no more slices than asked for");
      require(problem != errc::none || in.size() < before, "each call gets on");
      gather();
    }
  }
  if (problem == errc::none) {
    problem = stuffer.finish(out);
    require(out.size() <= 2, "the end needs at most two slices");
    gather();
  }
  require(problem == expected.problem, "the stuffer sees the same problem");
  if (!good) {
    // What went out before the error is found is the beginning of good content, and has no end.
    require(with_dots(expected.lines + "\r\n").starts_with(wire), "valid until the error");
    require(lenient_end(wire) == wire.size() && !("\r\n" + wire).ends_with("\r\n.\r\n"),
            "no end after an error");
    return 0;
  }
  require(wire == with_dots(expected.lines) + ".\r\n", "the wire is as it must be");
  require(strict_receiver(wire) == expected.lines, "a strict receiver gets the content");
  require(lenient_end(wire) == wire.size(), "a lenient receiver finds no earlier end");
  require(stuffer.size() == expected.lines.size(), "the stuffer counts the octets");
  require(stuffer.longest_line() == expected.longest, "the stuffer sees the longest line");
  require(stuffer.eight_bit() == expected.eight_bit, "the stuffer sees octets above 127");
  return 0;
}

// The EHLO reply against a slow and obvious reading of it: which lines are capabilities, with which
// parameters, which count twice and which are skipped (SESS-07, SESS-17, EXT-01 to EXT-05, AUTH-02,
// attacks B11 and B12).
//
// Input: an octet that chooses keywords to be ignored, then the text of the reply, its lines
// separated by LF.
#include <sansmtp/capabilities.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exact_block.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_keyword(const std::string& word) {
  if (word.empty() || !is_letter_or_digit(word.front())) return false;
  for (const char c : word) {
    if (!is_letter_or_digit(c) && c != '-') return false;
  }
  return true;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c != ' ') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

/// What the lines offer.
struct offer {
  std::vector<std::pair<std::string, std::string>> entries;
  std::vector<std::string> mechanisms;
  std::size_t skipped = 0;
  std::size_t duplicates = 0;
  std::uint64_t size_limit = 0;
};

std::uint64_t limit_of(const std::string& value) {
  if (value.empty() || value.size() > 20) return 0;
  std::uint64_t number = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return 0;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number > (UINT64_MAX - digit) / 10) return 0;
    number = number * 10 + digit;
  }
  return number;
}

bool is_mechanism(const std::string& word) {
  if (word.empty() || word.size() > 20) return false;
  for (const char c : word) {
    if (!is_letter_or_digit(c) && c != '-' && c != '_') return false;
  }
  return true;
}

offer read(const std::string& text, const std::set<std::string>& ignored) {
  offer result;
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  std::set<std::string> seen;
  std::set<std::string> mechanisms;
  for (std::size_t i = 1; i < lines.size(); ++i) {  // the first line is no capability
    const auto words = words_of(lines[i]);
    std::string keyword = words.empty() ? std::string() : words.front();
    std::string parameters;
    if (!words.empty()) {
      parameters = lines[i].substr(lines[i].find(words.front()) + words.front().size());
    }
    if (upper(keyword.substr(0, 5)) == "AUTH=") {
      parameters = keyword.substr(5) + parameters;
      keyword = keyword.substr(0, 4);
    }
    parameters = trimmed(parameters);
    if (!is_keyword(keyword)) {
      ++result.skipped;
      continue;
    }
    keyword = upper(keyword);
    if (ignored.count(keyword) != 0) continue;
    const bool first = seen.insert(keyword).second;
    if (keyword == "AUTH") {
      for (const std::string& word : words_of(parameters)) {
        if (is_mechanism(word) && mechanisms.insert(upper(word)).second) {
          result.mechanisms.push_back(upper(word));
        }
      }
    } else if (!first) {
      ++result.duplicates;
    }
    if (!first) continue;
    if (keyword == "SIZE") result.size_limit = limit_of(parameters);
    result.entries.emplace_back(keyword, parameters);
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::vector<std::string> ignored;
  if ((data[0] & 1) != 0) ignored.emplace_back("pipelining");
  if ((data[0] & 2) != 0) ignored.emplace_back("AUTH");
  if ((data[0] & 4) != 0) ignored.emplace_back("Size");
  if ((data[0] & 8) != 0) ignored.emplace_back("X-A");
  const int code = (data[0] & 0xC0) == 0xC0 ? 550 : 250;

  const exact_block block({reinterpret_cast<const char*>(data) + 1, size - 1});
  const std::string_view text = as_text(block.view());
  capabilities peer;
  peer.assign(reply(250, "mx.test\nOLD 1\nSIZE 7\nAUTH X"));
  peer.assign(reply(code, text, false), ignored);

  std::set<std::string> names;
  for (const std::string& name : ignored) names.insert(upper(name));
  const offer expected = code == 250 ? read(std::string(text), names) : offer();

  require(peer.size() == expected.entries.size(), "as many capabilities");
  for (std::size_t i = 0; i < peer.size(); ++i) {
    const auto& [keyword, parameters] = expected.entries[i];
    require(peer[i].keyword == keyword, "the same keywords");
    require(peer[i].parameters == parameters, "the same parameters");
    require(peer.has(keyword), "what is offered is found");
    require(peer.parameters(keyword) == parameters, "what is offered is found");
    require(names.count(keyword) == 0, "what is ignored is not there");
  }
  for (unsigned i = 0; i <= static_cast<unsigned>(extension::xforward); ++i) {
    const auto e = static_cast<extension>(i);
    require(peer.has(e) == peer.has(keyword_of(e)), "the flags are those of the keywords");
  }
  require(peer.skipped() == expected.skipped, "as many lines skipped");
  require(peer.duplicates() == expected.duplicates, "as many duplicates");
  require(peer.size_limit() == expected.size_limit, "the same limit");
  std::string mechanisms;
  for (const std::string& name : expected.mechanisms) {
    // Only so many octets of them are kept.
    if (mechanisms.size() + name.size() >= 1024) break;
    mechanisms += (mechanisms.empty() ? "" : " ") + name;
    require(peer.offers_mechanism(name), "a mechanism is offered");
  }
  require(peer.mechanisms() == mechanisms, "the same mechanisms");
  return 0;
}

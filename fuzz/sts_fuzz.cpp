// MTA-STS: the record, the policy and the saved cache. What is accepted means what an obvious reading
// says, and survives being written down (RTE-19 ... RTE-22).
//
// Input: a text that is read as each of them.
#include <sansmtp/routing/sts_cache.hpp>
#include <sansmtp/routing/sts_policy.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exact_block.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;
using namespace sansmtp::routing;
using namespace std::chrono_literals;

std::vector<std::string> pieces_of(std::string_view text, char separator) {
  std::vector<std::string> pieces(1);
  for (const char c : text) {
    if (c == separator) {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  return pieces;
}

std::string trimmed(std::string text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  while (!text.empty() && blank(text.front())) text.erase(0, 1);
  return text;
}

bool is_word(std::string_view text, std::size_t most, std::string_view also) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [&](char c) {
    return (std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0) ||
           also.find(c) != std::string_view::npos;
  });
}

/// RFC 8461 section 3.1, field by field.
std::optional<std::string> obvious_id(std::string_view text) {
  std::vector<std::string> fields = pieces_of(text, ';');
  if (fields.front() != "v=STSv1" || fields.size() < 2) return std::nullopt;
  fields.erase(fields.begin());
  if (trimmed(fields.back()).empty()) fields.pop_back();
  std::optional<std::string> id;
  for (const std::string& field : fields) {
    const std::string f = trimmed(field);
    const std::size_t equals = f.find('=');
    if (equals == std::string::npos) return std::nullopt;
    const std::string key = f.substr(0, equals);
    const std::string value = f.substr(equals + 1);
    if (!is_word(key, 32, "_-.") || !is_word(key.substr(0, 1), 1, "")) return std::nullopt;
    if (key == "id") {
      if (!is_word(value, 32, "")) return std::nullopt;
      if (!id) id = value;
    } else if (value.empty() || std::any_of(value.begin(), value.end(), [](char c) {
                 return c <= ' ' || c == 0x7F || c == ';' || c == '=';
               })) {
      return std::nullopt;
    }
  }
  return id;
}

/// Is the host named, label by label?
bool obvious_match(const sts_policy& policy, std::string host) {
  std::transform(host.begin(), host.end(), host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (!host.empty() && host.back() == '.') host.pop_back();
  return std::any_of(policy.mx.begin(), policy.mx.end(), [&](const std::string& pattern) {
    std::vector<std::string> wanted = pieces_of(pattern, '.');
    const std::vector<std::string> labels = pieces_of(host, '.');
    if (wanted.size() != labels.size()) return false;
    if (wanted[0] == "*" && !labels[0].empty()) wanted[0] = labels[0];
    return wanted == labels;
  });
}

std::string written(const sts_policy& p) {
  std::string text = "version: STSv1\nmode: " + std::string(to_string(p.mode)) +
                     "\nmax_age: " + std::to_string(p.max_age.count()) + "\n";
  for (const std::string& pattern : p.mx) text += "mx: " + pattern + "\n";
  return text;
}

void check_policy(std::string_view text) {
  const std::optional<sts_policy> p = parse_sts_policy(text);
  if (!p) return;
  require(p->max_age >= 0s && p->max_age <= longest_sts_age, "an age is bounded");
  require(p->mode == sts_mode::none || !p->mx.empty(), "a policy that asks something names hosts");
  const std::optional<sts_policy> again = parse_sts_policy(written(*p));
  require(again == p, "a policy reads the same when it is written down");
  std::vector<std::string> sorted = p->mx;
  std::sort(sorted.begin(), sorted.end());
  require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "no pattern twice");
  for (const std::string& pattern : p->mx) {
    const std::string bare = pattern.starts_with("*.") ? pattern.substr(2) : pattern;
    for (const std::string& host :
         {bare, "a." + bare, "a.b." + bare, "." + bare, pattern, bare + "."}) {
      require(matches(*p, host) == obvious_match(*p, host), "a host is named as labels say");
    }
  }
  for (const std::string_view host : {"", ".", "a", "a.b", "A.test."}) {
    require(matches(*p, host) == obvious_match(*p, std::string(host)), "or it is not");
  }
}

void check_cache(std::string_view text) {
  const time_point now{1'000'000'000s};
  const std::chrono::sys_seconds wall{1'700'000'000s};
  sts_cache cache(1, 8);
  const std::size_t lines =
      static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  require(cache.load(text, now, wall) <= lines, "no more bad lines than lines");
  require(cache.size() <= 8, "a cache is bounded");
  const std::string saved = cache.save(now, wall);
  sts_cache again(2, 8);
  require(again.load(saved, now, wall) == 0, "what was saved can be read");
  require(again.save(now, wall) == saved, "and is the same");
  for (const std::string& domain : again.refresh_due(now + 1h, 100)) {
    require(again.find(domain, now + 1h) != nullptr, "only what holds is refreshed");
  }
  require(again.save(now + longest_sts_age + 1s, wall) == "sansmtp-sts-cache 1\n",
          "nothing holds for longer than it may");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const exact_block block({reinterpret_cast<const char*>(data), size});
  const std::string_view text = as_text(block.view());
  require(parse_sts_record(text) == obvious_id(text), "a record has the id that it shows");
  check_policy(text);
  check_cache(text);
  check_cache("sansmtp-sts-cache 1\n" + std::string(text));
  return 0;
}

#include "sink/extensions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "failure.hpp"
#include "sink/text.hpp"

namespace sansmtp::cli::serving {
namespace {

/// An extension by its keyword. Those on request change what a client does, or need words of their
/// own.
struct extension_row {
  std::string_view keyword;
  bool on_request = false;
};

constexpr std::array<extension_row, 16> extension_rows{{
    {"PIPELINING"},
    {"SIZE"},
    {"8BITMIME"},
    {"SMTPUTF8"},
    {"CHUNKING"},
    {"ENHANCEDSTATUSCODES"},
    {"DSN"},
    {"BINARYMIME", true},
    {"PRDR", true},
    {"LIMITS", true},
    {"XCLIENT", true},
    {"XFORWARD", true},
    {"DELIVERBY", true},
    {"MT-PRIORITY", true},
    {"FUTURERELEASE", true},
    {"REQUIRETLS", true},
}};

bool is_empty(std::string_view text) { return text.empty(); }

/// RFC 3461 section 4.1.
bool is_notify(std::string_view text) {
  if (same(text, "NEVER")) return true;
  do {
    const std::string_view word = take(text, ',');
    if (!same(word, "SUCCESS") && !same(word, "FAILURE") && !same(word, "DELAY")) return false;
  } while (!text.empty());
  return true;
}

/// RFC 3461 section 4.2: address type, `;`, xtext; with SMTPUTF8 (RFC 6533) the address may be
/// UTF-8.
bool is_original_recipient(std::string_view text) {
  const std::string_view type = take(text, ';');
  return !type.empty() && (is_xtext(text) || !is_ascii(text));
}

/// RFC 2852 section 4: seconds with up to nine digits, `;`, R or N, and perhaps T.
bool is_deliver_by(std::string_view text) {
  std::string_view seconds = take(text, ';');
  if (seconds.starts_with('-') || seconds.starts_with('+')) seconds.remove_prefix(1);
  if (seconds.size() > 9 || !parse_number(seconds)) return false;
  return same(text, "R") || same(text, "N") || same(text, "RT") || same(text, "NT");
}

/// RFC 6710 section 4.1: -9 to 9.
bool is_priority(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return text.size() == 1 && text[0] >= '0' && text[0] <= '9';
}

/// A parameter of MAIL or RCPT: which extension brings it and what it may be.
struct parameter_row {
  std::string_view keyword;
  std::string_view extension;
  bool of_sender;
  bool (*valid)(std::string_view value);
};

constexpr auto is_number = [](std::string_view v) { return parse_number(v).has_value(); };

constexpr std::array<parameter_row, 15> parameter_rows{{
    {"SIZE", "SIZE", true, is_number},
    {"BODY", "8BITMIME", true,
     [](std::string_view v) { return same(v, "7BIT") || same(v, "8BITMIME"); }},
    {"BODY", "BINARYMIME", true, [](std::string_view v) { return same(v, "BINARYMIME"); }},
    {"SMTPUTF8", "SMTPUTF8", true, is_empty},
    // RFC 4954 section 5; "<>" is xtext as well.
    {"AUTH", "AUTH", true, is_xtext},
    {"RET", "DSN", true, [](std::string_view v) { return same(v, "FULL") || same(v, "HDRS"); }},
    {"ENVID", "DSN", true, is_xtext},
    {"PRDR", "PRDR", true, is_empty},
    {"BY", "DELIVERBY", true, is_deliver_by},
    {"MT-PRIORITY", "MT-PRIORITY", true, is_priority},
    {"HOLDFOR", "FUTURERELEASE", true, is_number},
    {"HOLDUNTIL", "FUTURERELEASE", true, [](std::string_view v) { return !v.empty(); }},
    {"REQUIRETLS", "REQUIRETLS", true, is_empty},
    {"NOTIFY", "DSN", false, is_notify},
    {"ORCPT", "DSN", false, is_original_recipient},
}};

/// A limit of RFC 9422 section 3: 1 to 999999, without a leading zero.
std::optional<std::uint64_t> parse_limit(std::string_view text) {
  if (text.size() > 6 || text.starts_with('0')) return std::nullopt;
  return parse_number(text);
}

limits parse_limits(std::string_view words) {
  limits result;
  while (!words.empty()) {
    std::string_view value = take(words, ' ');
    const std::string_view name = take(value, '=');
    const std::optional<std::uint64_t> most = parse_limit(value);
    if (same(name, "MAILMAX")) result.mails = most;
    if (same(name, "RCPTMAX")) result.recipients = most;
    if (same(name, "RCPTDOMAINMAX")) result.domains = most;
  }
  return result;
}

std::string_view keyword_of(std::string_view line) { return take(line, ' '); }

std::string_view words_of(std::string_view line) {
  take(line, ' ');
  return line;
}

std::vector<std::string_view> keywords(bool on_request) {
  std::vector<std::string_view> all;
  for (const extension_row& row : extension_rows) {
    if (row.on_request == on_request) all.push_back(row.keyword);
  }
  return all;
}

}  // namespace

std::vector<std::string_view> usual_extensions() { return keywords(false); }
std::vector<std::string_view> extensions_on_request() { return keywords(true); }

offer::offer(const sink::options& options) : options_(options) {
  for (const std::string& line : options.offered) {
    const std::string_view keyword = keyword_of(line);
    if (std::none_of(extension_rows.begin(), extension_rows.end(), [&](const extension_row& row) {
          return row.on_request && same(row.keyword, keyword);
        })) {
      throw failure(exit_code::usage, fmt::format("the sink cannot offer '{}'", line));
    }
  }
  if (const std::string* const line = wanted("LIMITS")) bounds_ = parse_limits(words_of(*line));
}

const std::string* offer::wanted(std::string_view keyword) const {
  const auto found =
      std::find_if(options_.offered.begin(), options_.offered.end(),
                   [&](const std::string& line) { return same(keyword_of(line), keyword); });
  return found == options_.offered.end() ? nullptr : &*found;
}

bool offer::has(std::string_view keyword) const {
  const auto row = std::find_if(extension_rows.begin(), extension_rows.end(),
                                [&](const extension_row& r) { return r.keyword == keyword; });
  if (row != extension_rows.end() && row->on_request && wanted(keyword) == nullptr) return false;
  return std::none_of(options_.hidden.begin(), options_.hidden.end(),
                      [&](const std::string& name) { return same(name, keyword); });
}

bool offer::has_word(std::string_view keyword, std::string_view word) const {
  const std::string* const line = wanted(keyword);
  if (line == nullptr) return false;
  std::string_view words = words_of(*line);
  if (words.empty()) return true;
  while (!words.empty()) {
    if (same(take(words, ' '), word)) return true;
  }
  return false;
}

std::vector<std::string> offer::lines(bool secure) const {
  std::vector<std::string> lines;
  for (const extension_row& row : extension_rows) {
    if (!has(row.keyword) || (row.keyword == "REQUIRETLS" && !secure)) continue;
    if (row.keyword == "SIZE") {
      lines.push_back(fmt::format("SIZE {}", options_.max_size));
    } else if (const std::string* const line = wanted(row.keyword)) {
      lines.push_back(*line);
    } else {
      lines.emplace_back(row.keyword);
    }
  }
  return lines;
}

std::string_view check_parameters(std::string_view parameters, const parameter_check& check,
                                  wishes& found) {
  constexpr std::string_view syntax = "501 5.5.4 bad parameter";
  std::array<bool, parameter_rows.size()> seen{};
  if (parameters.empty()) return {};
  if (parameters.ends_with(' ') || !take(parameters, ' ').empty()) return syntax;
  while (!parameters.empty()) {
    std::string_view value = take(parameters, ' ');
    const std::string_view whole = value;
    const std::string_view keyword = take(value, '=');
    if (keyword.empty()) return syntax;
    bool known = false;
    bool valid = false;
    bool again = false;
    for (std::size_t i = 0; i != parameter_rows.size(); ++i) {
      const parameter_row& row = parameter_rows[i];
      if (row.of_sender != check.of_sender || !same(row.keyword, keyword)) continue;
      if (!check.understands(row.extension)) continue;
      known = true;
      again = again || seen[i];
      seen[i] = true;
      valid = valid || row.valid(value);
    }
    if (!known) return "555 5.5.4 unknown parameter";
    if (again || whole.ends_with('=') || !valid) return syntax;
    found.utf8 = found.utf8 || same(keyword, "SMTPUTF8");
    found.prdr = found.prdr || same(keyword, "PRDR");
    found.binary = found.binary || (same(keyword, "BODY") && same(value, "BINARYMIME"));
    if (same(keyword, "SIZE") && *parse_number(value) > check.max_size) {
      return "552 5.3.4 message too big";
    }
  }
  return {};
}

}  // namespace sansmtp::cli::serving

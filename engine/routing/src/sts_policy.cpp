#include "sansmtp/routing/sts_policy.hpp"

#include <algorithm>
#include <utility>

#include "ascii.hpp"
#include "domain_name.hpp"
#include "sts_id.hpp"

namespace sansmtp::routing {

namespace {

constexpr std::string_view version = "STSv1";

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

std::string_view without_blanks_before(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view without_blanks_behind(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// The name of a field, in a record and in a policy alike.
bool is_field_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 32 && ascii::is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return ascii::is_alnum(c) || c == '_' || c == '-' || c == '.'; });
}

/// The value of a field of a record that is for others; no semicolon is in it, since it ends there.
bool is_record_value(std::string_view value) noexcept {
  return !value.empty() && std::all_of(value.begin(), value.end(),
                                       [](char c) { return c > ' ' && c < 0x7F && c != '='; });
}

/// The value of a field of a policy that is for others: UTF-8 or not, that is theirs to say.
bool is_policy_value(std::string_view value) noexcept {
  return !value.empty() && std::none_of(value.begin(), value.end(), ascii::is_control);
}

std::optional<sts_mode> mode_of(std::string_view text) noexcept {
  for (const sts_mode m : {sts_mode::none, sts_mode::testing, sts_mode::enforce}) {
    if (to_string(m) == text) return m;
  }
  return std::nullopt;
}

/// One to ten digits; more than the longest age is that.
std::optional<std::chrono::seconds> age_of(std::string_view text) noexcept {
  if (text.empty() || text.size() > 10 || !std::all_of(text.begin(), text.end(), ascii::is_digit)) {
    return std::nullopt;
  }
  std::chrono::seconds::rep age = 0;
  for (const char c : text) age = age * 10 + (c - '0');
  return std::min(std::chrono::seconds(age), longest_sts_age);
}

bool is_pattern(std::string_view text) noexcept {
  if (text.starts_with("*.")) text.remove_prefix(2);
  return is_host_name(text);
}

/// A policy while it is read: what was there once is not read again, but for `mx`.
struct reader {
  sts_policy policy;
  bool has_version = false;
  bool has_mode = false;
  bool has_age = false;

  /// Takes one field; false if it makes the policy none.
  bool take(std::string_view key, std::string_view value) {
    if (key == "version") return std::exchange(has_version, true) || value == version;
    if (key == "mx") return take_pattern(value);
    if (key == "mode") {
      if (std::exchange(has_mode, true)) return true;
      const std::optional<sts_mode> mode = mode_of(value);
      if (mode) policy.mode = *mode;
      return mode.has_value();
    }
    if (key == "max_age") {
      if (std::exchange(has_age, true)) return true;
      const std::optional<std::chrono::seconds> age = age_of(value);
      if (age) policy.max_age = *age;
      return age.has_value();
    }
    return is_policy_value(value);
  }

  bool take_pattern(std::string_view value) {
    if (!is_pattern(value)) return false;
    policy.mx.push_back(normal_name(value));
    return true;
  }

  [[nodiscard]] bool is_complete() const noexcept {
    return has_version && has_mode && has_age &&
           (policy.mode == sts_mode::none || !policy.mx.empty());
  }
};

/// Drops what stands twice, without changing the order of the rest.
void drop_repeated(std::vector<std::string>& names) {
  std::vector<std::string_view> seen(names.begin(), names.end());
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  if (seen.size() == names.size()) return;
  std::vector<bool> taken(seen.size());
  std::vector<std::string> once;
  for (const std::string& name : names) {
    const auto at = std::lower_bound(seen.begin(), seen.end(), name) - seen.begin();
    if (taken[static_cast<std::size_t>(at)]) continue;
    taken[static_cast<std::size_t>(at)] = true;
    once.push_back(name);
  }
  names = std::move(once);
}

}  // namespace

std::string_view to_string(sts_mode m) noexcept {
  switch (m) {
    case sts_mode::none: return "none";
    case sts_mode::testing: return "testing";
    case sts_mode::enforce: return "enforce";
  }
  return "unknown";
}

std::optional<sts_policy> parse_sts_policy(std::string_view body) {
  if (body.size() > longest_sts_body) return std::nullopt;
  reader r;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = without_blanks_behind(line);
    if (line.empty()) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_field_name(line.substr(0, colon)) ||
        !r.take(line.substr(0, colon), without_blanks_before(line.substr(colon + 1)))) {
      return std::nullopt;
    }
  }
  if (!r.is_complete()) return std::nullopt;
  drop_repeated(r.policy.mx);
  return std::move(r.policy);
}

std::optional<std::string> parse_sts_record(std::string_view text) {
  constexpr std::string_view begin = "v=STSv1;";
  if (!text.starts_with(begin)) return std::nullopt;
  text.remove_prefix(begin.size());
  std::optional<std::string> id;
  for (;;) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view field =
        without_blanks_behind(without_blanks_before(text.substr(0, end)));
    // The last field may be followed by a semicolon, and no field is empty.
    if (field.empty()) {
      if (end == text.size() && id) return id;
      return std::nullopt;
    }
    const std::size_t equals = std::min(field.find('='), field.size());
    const std::string_view key = field.substr(0, equals);
    if (equals == field.size() || !is_field_name(key)) return std::nullopt;
    const std::string_view value = field.substr(equals + 1);
    if (key == "id" ? !is_sts_id(value) : !is_record_value(value)) return std::nullopt;
    if (key == "id" && !id) id.emplace(value);
    if (end == text.size()) return id;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::string> sts_id_of(std::span<const std::string> texts) {
  const std::string* only = nullptr;
  for (const std::string& text : texts) {
    if (!text.starts_with("v=STSv1;")) continue;
    if (only != nullptr) return std::nullopt;
    only = &text;
  }
  return only == nullptr ? std::nullopt : parse_sts_record(*only);
}

bool matches(const sts_policy& policy, std::string_view host) noexcept {
  host = without_final_dot(host);
  const std::string_view parent = host.substr(std::min(host.find('.'), host.size()));
  return std::any_of(policy.mx.begin(), policy.mx.end(), [&](std::string_view pattern) {
    // "*.example.test" has the end ".example.test", and the host one label before the same.
    if (pattern.starts_with("*.")) {
      return parent.size() < host.size() && ascii::iequals(pattern.substr(1), parent);
    }
    return ascii::iequals(pattern, host);
  });
}

}  // namespace sansmtp::routing

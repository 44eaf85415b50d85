#include "opening.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sansmtp::script {
namespace {

bool is_printable(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool same_word(std::string_view a, std::string_view b) noexcept {
  const auto upper = [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return upper(x) == upper(y); });
}

}  // namespace

std::string why_not_ready(const open_session& options) {
  const session_config& config = options.config;
  if (options.manual) return "'> ready' needs a link: with connect=manual write the opening out";
  if (!options.auth.empty()) return "'> ready' does not log in: with auth= write the opening out";
  if (config.tls != tls_mode::off && config.tls != tls_mode::implicit) {
    return "'> ready' knows no STARTTLS: with this tls= write the opening out";
  }
  if (config.local_name.empty() || !is_printable(config.local_name)) {
    return "'> ready' needs a plain name in local=";
  }
  return {};
}

bool is_offer(const std::string& text) noexcept {
  return !text.empty() && text.front() != ' ' && text.back() != ' ' && is_printable(text);
}

std::vector<statement> opening_of(const open_session& options,
                                  const std::vector<std::string>& offers, std::uint32_t line) {
  std::vector<statement> all;
  const auto add = [&](auto body, std::string spelt) {
    all.push_back({std::move(body), line, std::move(spelt)});
  };
  if (options.config.tls == tls_mode::implicit) {
    expected_event upgrade;
    upgrade.what = event::kind::upgrade_to_tls;
    add(std::move(upgrade), "* upgrade_to_tls");
    link_changes up;
    up.how = link_changes::what::tls_up;
    add(std::move(up), "! tls up");
  }
  const auto server = [&](const std::string& text) {
    add(server_says{text + "\r\n"}, "S: " + text);
  };
  server("220 mx.test ESMTP");
  const std::string hello = "EHLO " + options.config.local_name;
  add(client_writes{hello + "\r\n"}, "C: " + hello);

  server(offers.empty() ? "250 mx.test" : "250-mx.test");
  for (const std::string& offer : offers) {
    server((&offer == &offers.back() ? "250 " : "250-") + offer);
  }
  expected_event ready;
  ready.what = event::kind::ready;
  std::string spelt = "* ready";
  for (const std::string& offer : offers) {
    const std::string keyword = offer.substr(0, offer.find_first_of(" ="));
    const auto& ignored = options.config.ignored_keywords;
    if (std::any_of(ignored.begin(), ignored.end(),
                    [&](const std::string& word) { return same_word(word, keyword); })) {
      continue;
    }
    ready.keywords.push_back(keyword);
    spelt += ' ' + keyword;
  }
  ready.nothing_offered = ready.keywords.empty();
  add(std::move(ready), ready.nothing_offered ? spelt + " -" : spelt);
  return all;
}

}  // namespace sansmtp::script

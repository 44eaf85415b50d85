#include "way_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "explanation.hpp"
#include "sansmtp/error.hpp"
#include "sansmtp/reply.hpp"

namespace sansmtp::cli {
namespace {

/// Why there was no session; no error: there was one.
std::error_code error_of(const blocking::way& w, const routing::hop_report& h) {
  return h.way.number == 0 || h.way.number > w.errors.size() ? std::error_code()
                                                             : w.errors[h.way.number - 1];
}

/// What a host said, or why it was not asked.
std::string words_of(const blocking::way& w, const routing::hop_report& h) {
  std::string text;
  if (h.code != 0) {
    text = fmt::format("{} {}", h.code, display_text(h.text));
  } else if (const std::error_code error = error_of(w, h)) {
    text = cli::explain(error);
  }
  if (h.way.why == routing::obstacle::none) return text;
  const std::string_view why = message_of(h.way.why);
  return text.empty() ? std::string(why) : fmt::format("{}: {}", why, text);
}

std::string_view verdict_on(const blocking::way& w) {
  if (!w.tls->verified) return "server not verified";
  return w.demand.level == demand_level::records ? "server verified by DANE" : "server verified";
}

}  // namespace

std::string_view proof_of(const peer_demand& demand) noexcept {
  switch (demand.level) {
    case demand_level::records: return "records";
    case demand_level::names: return "names";
    case demand_level::encrypted: break;
  }
  return "nothing";
}

std::string to_table(const blocking::way& w) {
  const auto tried =
      std::count_if(w.hops.begin(), w.hops.end(), [](const auto& h) { return h.way.number != 0; });
  std::string table =
      fmt::format("  {}: {} host{} tried", display_text(w.domain), tried, tried == 1 ? "" : "s");
  if (w.tls) table += fmt::format(", over {}, {}", w.tls->protocol, verdict_on(w));
  table += '\n';
  std::size_t width = 0;
  for (const routing::hop_report& h : w.hops) width = std::max(width, h.way.host.size());
  for (const routing::hop_report& h : w.hops) {
    table += fmt::format("    {:{}}  {}\n", display_text(h.way.host), width, words_of(w, h));
  }
  return table;
}

nlohmann::ordered_json to_json(const blocking::way& w) {
  using nlohmann::ordered_json;
  const auto text_or_null = [](std::string text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(std::move(text));
  };
  ordered_json hops = ordered_json::array();
  for (const routing::hop_report& h : w.hops) {
    const std::error_code error = error_of(w, h);
    hops.push_back(
        {{"host", h.way.host},
         {"preference", h.way.preference},
         {"attempt", h.way.number == 0 ? ordered_json(nullptr) : ordered_json(h.way.number)},
         {"obstacle", to_string(h.way.why)},
         {"delivered", h.delivered},
         {"code", h.code == 0 ? ordered_json(nullptr) : ordered_json(h.code)},
         {"text", text_or_null(display_text(h.text))},
         {"error", text_or_null(error ? cli::explain(error) : std::string())}});
  }
  ordered_json link = nullptr;
  if (w.tls) {
    link = {{"protocol", w.tls->protocol},
            {"verified", w.tls->verified},
            {"demand", proof_of(w.demand)}};
  }
  return {{"domain", w.domain},
          {"conclusion", to_string(w.why.what)},
          {"why", text_or_null(w.why.text)},
          {"server", text_or_null(w.server)},
          {"tls", std::move(link)},
          {"hops", std::move(hops)}};
}

}  // namespace sansmtp::cli

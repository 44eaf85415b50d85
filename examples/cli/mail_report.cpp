#include "mail_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "explanation.hpp"
#include "input.hpp"
#include "way_report.hpp"

namespace sansmtp::cli {
namespace {

std::string text_of(const recipient_report& r) {
  if (r.code != 0 || !r.text.empty()) return display_text(r.text);
  return r.why == errc::none ? std::string{} : make_error_code(r.why).message();
}

}  // namespace

mail_report mail_report::of(const outgoing_mail& mail, const delivery& result, const failure& why) {
  if (result.recipients.empty()) return not_attempted(mail, verb::mail, why);
  mail_report report;
  report.number = mail.number;
  report.file = mail.file;
  report.recipients = result.recipients;
  if (result.error) report.error = why.what();
  for (recipient_report& r : report.recipients) {
    if (const auto fault = mail.faults.find(r.address); fault != mail.faults.end()) {
      r.text = fault->second;
    }
    report.code = worse(report.code, exit_code_of(r));
  }
  return report;
}

mail_report mail_report::not_attempted(const outgoing_mail& mail, verb stage, const failure& why) {
  mail_report report;
  report.number = mail.number;
  report.file = mail.file;
  report.error = why.what();
  report.code = why.code();
  report.recipients.reserve(mail.addresses.size());
  for (const std::string& address : mail.addresses) {
    recipient_report& r = report.recipients.emplace_back();
    r.address = address;
    r.result = outcome::not_attempted;
    r.stage = stage;
  }
  return report;
}

std::string mail_report::to_json() const {
  using nlohmann::ordered_json;
  const auto text_or_null = [](std::string text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(std::move(text));
  };
  ordered_json entries = ordered_json::array();
  for (const recipient_report& r : recipients) {
    entries.push_back({{"address", r.address},
                       {"outcome", to_string(r.result)},
                       {"stage", to_string(r.stage)},
                       {"code", r.code == 0 ? ordered_json(nullptr) : ordered_json(r.code)},
                       {"enhanced", text_or_null(to_string(r.enhanced))},
                       {"text", text_or_null(text_of(r))}});
  }
  ordered_json link = nullptr;
  if (tls) link = {{"protocol", tls->protocol}, {"verified", tls->verified}};
  ordered_json line{{"mail", number},
                    {"file", file},
                    {"recipients", std::move(entries)},
                    {"error", text_or_null(error)},
                    {"tls", std::move(link)}};
  for (const blocking::way& w : ways) line["ways"].push_back(cli::to_json(w));
  // An address comes from the command line as it is and may hold any octets.
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string mail_report::to_table() const {
  const auto delivered =
      std::count_if(recipients.begin(), recipients.end(),
                    [](const recipient_report& r) { return r.result == outcome::delivered; });
  std::string table = fmt::format("{}: delivered to {} of {} recipients",
                                  display_text(input_name(file)), delivered, recipients.size());
  if (tls) {
    table += fmt::format(" over {}, server {}verified", tls->protocol, tls->verified ? "" : "not ");
  }
  table += '\n';

  std::size_t width = 0;
  for (const recipient_report& r : recipients) {
    width = std::max(width, fmt::formatted_size("{}", display_text(r.address)));
  }
  for (const recipient_report& r : recipients) {
    std::string line =
        fmt::format("  {:{}}  {:13}  {:8}  {}", display_text(r.address), width, to_string(r.result),
                    to_string(r.stage), r.code == 0 ? std::string(3, ' ') : fmt::to_string(r.code));
    // Most servers begin the text with the enhanced code, which is then there already.
    const std::string status = to_string(r.enhanced);
    const std::string text = text_of(r);
    if (!status.empty() && text.substr(0, status.size()) != status) line += ' ' + status;
    line += ' ' + text;
    line.erase(line.find_last_not_of(' ') + 1);
    table += line + '\n';
  }
  for (const blocking::way& w : ways) table += cli::to_table(w);
  return table;
}

}  // namespace sansmtp::cli

#include "mail_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "client_tls.hpp"

namespace sansmtp::cli {
namespace {

exit_code verdict_of(const recipient_report& r) noexcept {
  switch (r.result) {
    case outcome::delivered: return exit_code::ok;
    case outcome::in_doubt: return exit_code::in_doubt;
    case outcome::rejected: return exit_code_of(make_error_code(r.why), r.code);
    case outcome::deferred:
    case outcome::not_attempted:
    case outcome::pending: break;
  }
  const exit_code why = exit_code_of(make_error_code(r.why), r.code);
  return why == exit_code::ok ? exit_code::temporary : why;
}

// What to do where the sentence alone does not say it; empty where it does.
std::string_view advice_for(errc e) noexcept {
  struct row {
    errc condition;
    std::string_view advice;
  };
  static constexpr row rows[]{
      {errc::service_closing, "try again later"},
      {errc::connection_lost, "try again later"},
      {errc::timed_out, "try again later, or give more time with --timeout"},
      {errc::recipient_limit, "send to the others in another run"},
      {errc::bare_lf_in_content, "use --line-ends normalize"},
      {errc::bare_cr_in_content, "use --line-ends normalize"},
      {errc::nul_in_content, "encode the content, for example as base64"},
      {errc::content_line_too_long, "encode the content, or leave out --reject-long-lines"},
      {errc::eight_bit_not_offered, "encode the content as 7-bit, or insist with --allow-8bit"},
      {errc::utf8_not_offered, "use an ASCII address"},
      {errc::empty_content, "insist with --allow-empty"},
      {errc::no_local_name, "say who you are with --ehlo"},
      {errc::parameter_not_offered, "leave the option out"},
      {errc::tls_not_offered, "try --tls implicit on another port, such as 465"},
      {errc::tls_refused, "try again later"},
      {errc::plaintext_peer, "try --tls required, or another port"},
      {errc::auth_not_offered, "see what 'sansmtp probe' says of AUTH with the same --tls"},
      {errc::auth_needs_tls, "use --profile, or --tls with --server-name"},
      {errc::auth_refused, "check --user and the password or token"},
      {errc::server_not_proven, "whoever answers there does not know the password"},
  };
  const auto* found = std::find_if(std::begin(rows), std::end(rows),
                                   [e](const row& r) { return r.condition == e; });
  return found == std::end(rows) ? std::string_view{} : found->advice;
}

std::string text_of(const recipient_report& r) {
  if (r.code != 0) return display_text(r.text);
  return r.why == errc::none ? std::string{} : make_error_code(r.why).message();
}

}  // namespace

std::string explain(const std::error_code& error) {
  const std::string_view advice =
      is_tls_error(error) ? tls_advice(error) : advice_for(condition_of(error));
  std::string sentence = error.message();
  if (!advice.empty()) {
    if (!sentence.empty() && sentence.back() == '.') sentence.pop_back();
    sentence += fmt::format("; {}", advice);
  }
  return sentence;
}

exit_code exit_code_of(const std::error_code& error, int reply_code) noexcept {
  if (is_tls_error(error)) return exit_code::unavailable;
  const errc e = condition_of(error);
  switch (category_of(e)) {
    case failure_category::none: return error ? exit_code::temporary : exit_code::ok;
    case failure_category::protocol:
    case failure_category::limit: return exit_code::protocol;
    case failure_category::tls: return exit_code::unavailable;
    case failure_category::auth:
      return reply_code / 100 == 4 ? exit_code::temporary : exit_code::no_permission;
    case failure_category::reply:
      return e == errc::refused_permanently ? exit_code::unavailable : exit_code::temporary;
    case failure_category::closing:
    case failure_category::connection_lost:
    case failure_category::timeout:
    case failure_category::aborted: return exit_code::temporary;
    case failure_category::local: break;
  }
  // What a server lacks another one may have; all else is the fault of who asks.
  constexpr std::array lacking{errc::content_too_big,         errc::eight_bit_not_offered,
                               errc::utf8_not_offered,        errc::parameter_not_offered,
                               errc::require_tls_not_offered, errc::envelope_refused};
  if (std::find(lacking.begin(), lacking.end(), e) != lacking.end()) return exit_code::unavailable;
  if (e == errc::no_local_name) return exit_code::configuration;
  if (e == errc::bad_configuration) return exit_code::usage;
  if (e == errc::bad_state || e == errc::session_closed) return exit_code::temporary;
  return exit_code::data_error;
}

mail_report mail_report::of(std::size_t number, std::string name, const delivery& result,
                            const std::vector<std::string>& addresses) {
  std::string error;
  if (result.error) {
    // What is wrong with one mail needs its name; what ended the session is about all of them.
    const bool local = category_of(condition_of(result.error)) == failure_category::local;
    error = local ? fmt::format("{}: {}", name, explain(result.error)) : explain(result.error);
  }
  if (result.recipients.empty()) {
    return not_attempted(number, std::move(name), addresses, verb::mail, exit_code_of(result.error),
                         std::move(error));
  }
  mail_report report;
  report.number = number;
  report.name = std::move(name);
  report.recipients = result.recipients;
  report.error = std::move(error);
  for (const recipient_report& r : report.recipients) {
    report.code = worse(report.code, verdict_of(r));
  }
  return report;
}

mail_report mail_report::not_attempted(std::size_t number, std::string name,
                                       const std::vector<std::string>& addresses, verb stage,
                                       exit_code code, std::string error) {
  mail_report report;
  report.number = number;
  report.name = std::move(name);
  report.error = std::move(error);
  report.code = code;
  for (const std::string& address : addresses) {
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
  const ordered_json line{{"mail", number},
                          {"recipients", std::move(entries)},
                          {"error", text_or_null(error)},
                          {"tls", std::move(link)}};
  // An address comes from the command line as it is and may hold any octets.
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string mail_report::to_table() const {
  const auto delivered =
      std::count_if(recipients.begin(), recipients.end(),
                    [](const recipient_report& r) { return r.result == outcome::delivered; });
  std::string table = fmt::format("{}: delivered to {} of {} recipients", display_text(name),
                                  delivered, recipients.size());
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
  return table;
}

}  // namespace sansmtp::cli

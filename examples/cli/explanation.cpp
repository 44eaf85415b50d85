#include "explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <string_view>
#include <utility>

#include "advice_table.hpp"
#include "client_tls.hpp"
#include "sansmtp/reply.hpp"
#include "tls_advice.hpp"

namespace sansmtp::cli {
namespace {

// What to do where the sentence alone does not say it; empty where it does.
std::string_view advice_for(errc e) noexcept {
  static constexpr advice_row<errc> rows[]{
      {errc::service_closing, "try again later"},
      {errc::connection_lost, "try again later"},
      {errc::timed_out, "try again later, or give more time with --timeout"},
      {errc::recipient_limit, "send to the others in another run"},
      {errc::ran_ahead, "try --pipelining envelope"},
      {errc::reset_refused, "try again later"},
      {errc::session_aborted, "try again later"},
      {errc::session_exhausted, "send the rest in another run"},
      {errc::bare_lf_in_content, "use --line-ends normalize"},
      {errc::bare_cr_in_content, "use --line-ends normalize"},
      {errc::nul_in_content, "encode the content, for example as base64"},
      {errc::content_line_too_long, "encode the content, or leave out --reject-long-lines"},
      {errc::binary_not_offered, "encode the content, or send it to a server with BINARYMIME"},
      {errc::eight_bit_not_offered, "encode the content as 7-bit, or insist with --allow-8bit"},
      {errc::utf8_not_offered, "use an ASCII address, its domain as A-labels (xn--...)"},
      {errc::empty_content, "insist with --allow-empty"},
      {errc::bad_configuration, "check the options"},
      {errc::no_local_name, "say who you are with --ehlo"},
      {errc::xclient_not_offered, "leave --xclient out, or have the server take it from this host"},
      {errc::parameter_not_offered, "leave the option out"},
      {errc::parameter_out_of_range, "see what 'sansmtp probe' says of the server's bounds"},
      {errc::auth_not_offered, "see what 'sansmtp probe' says of AUTH with the same --tls"},
      {errc::auth_needs_tls, "use --profile, or --tls with --server-name"},
      {errc::auth_refused, "check --user and the password or token"},
      {errc::server_not_proven, "whoever answers there does not know the password"},
  };
  const std::string_view advice = advice_of(rows, e);
  return advice.empty() ? handshake_advice(e) : advice;
}

std::string without_full_stop(std::string sentence) {
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

// Does a reply speak of one of these words, in upper case?
bool names(const std::string& text, std::initializer_list<std::string_view> words) {
  const std::string said = upper(text);
  return std::any_of(words.begin(), words.end(), [&said](std::string_view word) {
    return said.find(word) != std::string::npos;
  });
}

// Whoever accepts a login that was broken off, since the server had not proven itself, proves
// nothing either (SASL-10).
errc condition_at(errc e, verb stage) noexcept {
  return e == errc::unexpected_reply && stage == verb::auth_cancel ? errc::server_not_proven : e;
}

// Does it end a link, whatever was said before?
bool ends_link(const std::error_code& error) noexcept {
  const failure_category category = category_of(condition_of(error));
  return (category == failure_category::none && !is_tls_error(error)) ||
         category == failure_category::connection_lost || category == failure_category::closing;
}

// The protocol that the first octets of a peer belong to, which is not SMTP; empty if it is none of
// those that are met by mistake.
std::string_view protocol_of(std::string_view octets) noexcept {
  struct row {
    std::string_view beginning;
    std::string_view protocol;
  };
  static constexpr row rows[]{{"HTTP/", "HTTP"}, {"<!DOCTYPE", "HTTP"}, {"<html", "HTTP"},
                              {"* OK", "IMAP"},  {"* PREAUTH", "IMAP"}, {"* BYE", "IMAP"},
                              {"+OK", "POP3"},   {"-ERR", "POP3"},      {"SSH-", "SSH"},
                              {"RFB ", "VNC"},   {"@RSYNCD", "rsync"},  {"\x15", "TLS"},
                              {"\x16", "TLS"}};
  for (const row& r : rows) {
    if (octets.starts_with(r.beginning)) return r.protocol;
  }
  return {};
}

// Did the server say what is no reply?
bool is_nonsense(errc e) noexcept {
  return category_of(e) == failure_category::protocol || category_of(e) == failure_category::limit;
}

bool is_command(verb stage) noexcept {
  return stage == verb::mail || stage == verb::rcpt || stage == verb::data || stage == verb::rset;
}

// What gives a hint beyond the error: the reply, the stage, what is offered.
class adviser {
 public:
  adviser(const mishap& what, const connection_options& options, const session_notes& notes)
      : what_(what), options_(options), notes_(notes), condition_(condition_of(what.error)) {}

  // The advice, or nothing if that of the error itself is as good.
  [[nodiscard]] std::string advice() const {
    if (what_.in_doubt) return "somebody may have it: look before a retry";
    if (what_.code == 530) return for_login_or_tls();
    if (what_.code == 538 || (what_.code == 534 && names(what_.text, {"ENCRYPT", "TLS"}))) {
      return for_tls();
    }
    if (what_.code / 100 == 5 && !options_.login.wanted() &&
        (what_.stage == verb::mail || what_.stage == verb::rcpt) &&
        names(what_.text, {"RELAY", "AUTHENTICAT"})) {
      return for_login();
    }
    if (condition_ == errc::auth_refused && what_.code / 100 == 4) return "try again later";
    if (condition_ == errc::auth_not_offered) return for_mechanisms();
    if (condition_ == errc::timed_out) return for_time_out();
    if (is_nonsense(condition_)) return for_nonsense();
    return {};
  }

 private:
  [[nodiscard]] bool in_clear() const {
    return options_.client.session.tls == tls_mode::off ||
           options_.client.session.tls == tls_mode::opportunistic;
  }

  [[nodiscard]] std::string for_tls() const {
    return "use --profile submission, or --tls required";
  }

  [[nodiscard]] std::string for_login() const {
    std::string advice = "log in with --user";
    if (in_clear()) advice += ", best with --profile submission or --tls required";
    return advice;
  }

  // RFC 4954 section 6 and RFC 3207 section 4 have the same code for both.
  [[nodiscard]] std::string for_login_or_tls() const {
    if (in_clear() && names(what_.text, {"TLS", "SSL", "ENCRYPT"})) return for_tls();
    if (!options_.login.wanted()) return for_login();
    return in_clear() ? for_tls() : std::string();
  }

  [[nodiscard]] std::string for_mechanisms() const {
    const std::string_view mechanisms = notes_.offered().mechanisms();
    if (!mechanisms.empty()) {
      return fmt::format("it offers {}, see also --auth", display_text(mechanisms));
    }
    if (in_clear() && notes_.offered().has(extension::starttls)) {
      return "it offers none in clear text: " + for_tls();
    }
    return notes_.greeted() ? "it offers none; is it the port for submission, 587?" : "";
  }

  [[nodiscard]] std::string for_time_out() const {
    const tls_mode tls = options_.client.session.tls;
    if (what_.stage == verb::greeting) {
      if (tls == tls_mode::implicit) return {};
      return "if it waits for TLS, --tls implicit helps, else try again later, or give more time "
             "with "
             "--timeout";
    }
    if (is_command(what_.stage) && options_.client.session.pipelining != pipelining_level::off &&
        notes_.offered().has(extension::pipelining)) {
      return fmt::format(
          "if it loses commands that come together, --pipelining off helps; --timeout {}=DURATION "
          "gives more time",
          to_string(what_.stage));
    }
    return {};
  }

  [[nodiscard]] std::string for_nonsense() const {
    const std::string& octets = notes_.excerpt_of(what_.error);
    const std::string_view protocol = protocol_of(octets);
    if (protocol.empty() || what_.stage != verb::greeting) return {};
    if (protocol == "TLS") {
      return options_.client.session.tls == tls_mode::implicit
                 ? ""
                 : "it speaks TLS: try --tls implicit";
    }
    return fmt::format("it speaks {}: is the port of --server the right one?", protocol);
  }

  const mishap& what_;
  const connection_options& options_;
  const session_notes& notes_;
  errc condition_;
};

// The first line of what came instead of a reply, short and safe for a terminal.
std::string first_line(std::string_view octets) {
  constexpr std::size_t enough = 60;
  octets = octets.substr(0, std::min(octets.find_first_of("\r\n"), enough));
  return display_text(octets);
}

bool is_opening(verb stage) noexcept { return stage <= verb::auth_cancel; }

}  // namespace

std::size_t worst_of(const delivery& report) {
  const auto worst =
      std::min_element(report.recipients.begin(), report.recipients.end(),
                       [](const recipient_report& a, const recipient_report& b) {
                         const exit_code of_a = exit_code_of(a);
                         return of_a != exit_code_of(b) && worse(of_a, exit_code_of(b)) == of_a;
                       });
  return static_cast<std::size_t>(std::distance(report.recipients.begin(), worst));
}

mishap mishap::of(const delivery& report) {
  mishap m;
  m.error = report.error;
  m.stage = verb::mail;
  if (!report.error || report.recipients.empty()) return m;
  const recipient_report& worst = report.recipients[worst_of(report)];
  m.stage = worst.stage;
  if (condition_of(m.error) != errc::none) m.error = condition_at(condition_of(m.error), m.stage);
  m.code = worst.code;
  m.text = worst.text;
  m.in_doubt = worst.result == outcome::in_doubt;
  const bool all_refused = std::all_of(
      report.recipients.begin(), report.recipients.end(),
      [](const auto& r) { return category_of(r.why) == failure_category::reply && r.code != 0; });
  if (all_refused && ends_link(report.error)) m.error = worst.why;
  return m;
}

mishap mishap::of(const std::error_code& error, const blocking::failure& last) {
  mishap m;
  m.error = error;
  m.stage = last.stage;
  if (condition_of(error) != errc::none) m.error = condition_at(condition_of(error), m.stage);
  m.code = last.code;
  m.text = last.text;
  return m;
}

std::string explain(const std::error_code& error) {
  const std::string_view advice =
      is_tls_error(error) ? tls_advice(error) : advice_for(condition_of(error));
  // Nobody but a signal gives up here.
  std::string sentence =
      error == errc::aborted ? "interrupted" : without_full_stop(error.message());
  if (!advice.empty()) sentence += fmt::format("; {}", advice);
  return sentence;
}

failure explain(const mishap& what, const connection_options& options, const session_notes& notes) {
  const errc condition = condition_of(what.error);
  const std::string advice = adviser(what, options, notes).advice();
  std::string sentence =
      advice.empty() ? explain(what.error) : without_full_stop(what.error.message());
  if (condition == errc::timed_out && !what.in_doubt) {
    sentence =
        fmt::format("The server did not answer in time, at the stage {}", to_string(what.stage));
    if (advice.empty()) sentence += fmt::format("; {}", advice_for(condition));
  }
  if (!notes.refused_names().empty() &&
      (is_tls_error(what.error) || category_of(condition) == failure_category::tls)) {
    sentence +=
        fmt::format(" (its certificate is for {})",
                    display_text(fmt::format("{}", fmt::join(notes.refused_names(), ", "))));
  }
  if (what.code != 0 && (is_opening(what.stage) || what.stage == verb::mail)) {
    sentence += fmt::format(" ({} {})", what.code, display_text(what.text));
  }
  const std::string& octets = notes.excerpt_of(what.error);
  if (!octets.empty() && (is_nonsense(condition) || condition == errc::plaintext_peer)) {
    sentence += fmt::format(" (it said '{}')", first_line(octets));
  }
  if (!advice.empty()) sentence += fmt::format("; {}", advice);
  return {exit_code_of(what.error, what.code), sentence};
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
  constexpr std::array lacking{errc::content_too_big,        errc::eight_bit_not_offered,
                               errc::utf8_not_offered,       errc::parameter_not_offered,
                               errc::parameter_out_of_range, errc::require_tls_not_offered,
                               errc::envelope_refused,       errc::xclient_not_offered};
  if (std::find(lacking.begin(), lacking.end(), e) != lacking.end()) return exit_code::unavailable;
  if (e == errc::no_local_name) return exit_code::configuration;
  if (e == errc::no_route) return exit_code::no_host;
  if (e == errc::bad_configuration) return exit_code::usage;
  if (e == errc::bad_state || e == errc::session_closed || e == errc::session_exhausted)
    return exit_code::temporary;
  return exit_code::data_error;
}

exit_code exit_code_of(const recipient_report& r) noexcept {
  switch (r.result) {
    case outcome::delivered: return exit_code::ok;
    case outcome::in_doubt: return exit_code::in_doubt;
    case outcome::rejected: return exit_code_of(make_error_code(r.why), r.code);
    case outcome::deferred:
    case outcome::not_attempted:
    case outcome::pending: break;
  }
  const exit_code why = exit_code_of(make_error_code(condition_at(r.why, r.stage)), r.code);
  return why == exit_code::ok ? exit_code::temporary : why;
}

}  // namespace sansmtp::cli

#include "envelope_options.hpp"

#include <chrono>
#include <optional>
#include <string_view>

#include "duration.hpp"
#include "sansmtp/parameters.hpp"

namespace sansmtp::cli {
namespace {

/// The word of --orcpt that stands for each recipient's own address.
constexpr std::string_view same = "same";

/// Whole seconds of a length of time; empty if there are none or it is none.
std::string seconds_of(std::string_view text) {
  const std::optional<std::chrono::milliseconds> length = parse_duration(text);
  if (!length || length->count() == 0 || length->count() % 1000 != 0) return {};
  return std::to_string(length->count() / 1000);
}

/// "2h" or "2h:return" as BY writes it (RFC 2852); empty if it is something else.
std::string deliver_by(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view mode = colon == std::string_view::npos ? "notify" : text.substr(colon + 1);
  const std::string seconds = seconds_of(text.substr(0, colon));
  if (seconds.empty() || (mode != "notify" && mode != "return")) return {};
  return seconds + (mode == "return" ? ";R" : ";N");
}

}  // namespace

void envelope_options::add(CLI::App& command, const std::string& option, const std::string& keyword,
                           const std::string& type, const std::string& help,
                           const std::string& what) {
  const bool of_recipient = keyword == "NOTIFY" || keyword == "ORCPT";
  std::vector<wish>& wishes = of_recipient ? of_recipient_ : of_mail_;
  const auto keep = [&wishes, option, keyword, what](const std::string& value) {
    wishes.push_back({option, keyword, value, what});
  };
  command.add_option_function<std::string>(option, keep, help)->type_name(type);
}

void envelope_options::add_to(CLI::App& command) {
  add(command, "--notify", "NOTIFY", "WHEN",
      "When the sender wants a notification: never, or some of success,failure,delay (DSN)",
      "never, or some of success,failure,delay with commas between");
  add(command, "--ret", "RET", "WHAT", "What a notification returns: full or hdrs (DSN)",
      "full or hdrs");
  add(command, "--envid", "ENVID", "ID", "What a notification calls the mail (DSN)",
      "printable ASCII, at most 100 octets");
  add(command, "--orcpt", "ORCPT", "ADDRESS",
      "Whom the mail was for at first, with or without its type (rfc822;a@x.example); 'same': each "
      "recipient itself (DSN)",
      "'same' or an address, perhaps with its type as in rfc822;a@x.example");
  command.add_flag("--dsn-required", dsn_required_,
                   "Send nothing to a server without DSN, rather than leave these options out");
  add(command, "--deliver-by", "BY", "TIME[:return]",
      "How long delivery may take, such as 2h: then the sender is notified, or with :return the "
      "mail comes back (DELIVERBY)",
      "a time such as 90s or 2h, perhaps with ':return' or ':notify'");
  add(command, "--priority", "MT-PRIORITY", "N", "From -9 to 9; 0 is usual (MT-PRIORITY)",
      "a number from -9 to 9");
  add(command, "--hold-for", "HOLDFOR", "TIME",
      "How long the server is to keep the mail back, such as 8h (FUTURERELEASE)",
      "a time such as 90s or 2h");
  add(command, "--hold-until", "HOLDUNTIL", "TIME",
      "Until when, such as 2030-01-31T08:00:00Z (FUTURERELEASE)",
      "a time in UTC such as 2030-01-31T08:00:00Z");
  command.add_flag_callback(
      "--require-tls",
      [this] {
        of_mail_.push_back({"--require-tls", "REQUIRETLS", {}, {}});
      },
      "Refuse every hop that is not protected by verified TLS (REQUIRETLS)");
}

/// The value of the parameter that an option means; empty if it has none.
std::string envelope_options::value_of(const wish& given) {
  if (given.keyword == "BY") return deliver_by(given.value);
  if (given.keyword == "HOLDFOR") return seconds_of(given.value);
  return given.value;
}

void envelope_options::check(std::size_t recipients, bool from_header) const {
  envelope together;
  for (const wish& w : of_mail_) {
    envelope alone;
    const std::string value = value_of(w);
    const bool empty = value.empty() && w.keyword != "REQUIRETLS";
    if (empty || !set_parameter(alone, w.keyword, value) || check_parameters(alone) != errc::none) {
      throw CLI::ValidationError(w.option, "'" + w.value + "' is not " + w.what);
    }
    static_cast<void>(set_parameter(together, w.keyword, value));
  }
  if (check_parameters(together) != errc::none) {
    throw CLI::ValidationError("--hold-until", "it excludes --hold-for");
  }
  for (const wish& w : of_recipient_) {
    envelope alone;
    recipient& to = alone.recipients.emplace_back();
    if (w.keyword == "ORCPT" && w.value == same) continue;
    if (w.value.empty() || !set_parameter(to, w.keyword, w.value) ||
        check_parameters(alone) != errc::none) {
      throw CLI::ValidationError(w.option, "'" + w.value + "' is not " + w.what);
    }
    if (w.keyword == "ORCPT" && (from_header || recipients > 1)) {
      throw CLI::ValidationError(w.option,
                                 "an address is that of one recipient; 'same' is for all");
    }
  }
}

void envelope_options::apply(envelope& env) const {
  for (const wish& w : of_mail_) {
    static_cast<void>(set_parameter(env, w.keyword, value_of(w)));
  }
  for (const wish& w : of_recipient_) {
    for (recipient& to : env.recipients) {
      const bool own = w.keyword == "ORCPT" && w.value == same;
      if (own && to.address.error() != errc::none) continue;
      static_cast<void>(set_parameter(to, w.keyword, own ? to.address.text() : w.value));
    }
  }
  env.dsn_required = dsn_required_;
}

}  // namespace sansmtp::cli

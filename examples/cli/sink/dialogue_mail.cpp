// The half of a dialogue that is about one mail: envelope, content, verdicts.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "sink/dialogue.hpp"
#include "sink/text.hpp"

namespace sansmtp::cli::serving {
namespace {

using stage = sink::stage;

constexpr std::string_view accepted = "250 2.0.0 accepted";
constexpr std::string_view refused_by_rule = "550 5.7.1 content refused";
constexpr std::string_view too_big = "552 5.3.4 message too big";

std::string_view domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

bool matches(const sink::rule& rule, std::string_view address) {
  if (rule.address == "*") return true;
  if (!rule.address.starts_with("*@")) return same(rule.address, address);
  return address.find('@') != std::string_view::npos &&
         same(domain_of(address), std::string_view(rule.address).substr(2));
}

/// The first rule that fits, or nullptr.
const sink::rule* rule_for(const std::vector<sink::rule>& rules, std::string_view address) {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const sink::rule& r) { return matches(r, address); });
  return found == rules.end() ? nullptr : &*found;
}

sink::path make_path(std::string_view address, std::string_view parameters) {
  sink::path result{std::string(address), {}};
  while (!parameters.empty()) {
    const std::string_view parameter = take(parameters, ' ');
    if (!parameter.empty()) result.parameters.emplace_back(parameter);
  }
  return result;
}

/// The address behind `prefix`, if it is as it should be; `rest` is what follows it.
std::optional<std::string_view> address_behind(std::string_view prefix, std::string_view argument,
                                               std::string_view& rest) {
  rest = argument.substr(std::min(prefix.size(), argument.size()));
  if (!same(argument.substr(0, prefix.size()), prefix)) return std::nullopt;
  return take_path(rest);
}

}  // namespace

// -- the envelope ---------------------------------------------------------------------------------

/// The reply to wrong parameters, empty if they are right. `parameters` is what follows the path.
std::string_view dialogue::check(std::string_view parameters, bool of_sender, wishes& found) {
  if (parameters.empty()) return {};
  const std::function<bool(std::string_view)> understands = [this](std::string_view extension) {
    return extended_ && (extension == "AUTH" ? offers_login() : all_.offered.has(extension));
  };
  return check_parameters(parameters, {of_sender, all_.options.max_size, understands}, found);
}

void dialogue::mail(std::string_view argument) {
  std::string_view rest;
  const std::optional<std::string_view> address = address_behind("FROM:", argument, rest);
  const std::optional<std::uint64_t> most = all_.offered.bounds().mails;
  wishes asked;
  std::string_view usual;
  std::string_view by_rule;
  ++mails_;
  if (!greeted_) {
    usual = "503 5.5.1 say EHLO first";
  } else if (all_.options.require_login && user_.empty()) {
    usual = "530 5.7.0 log in first";
  } else if (mail_ != transaction::none) {
    usual = "503 5.5.1 a mail is open already";
  } else if (!address) {
    usual = "501 5.5.4 MAIL FROM:<address> expected";
  } else if (usual = check(rest, true, asked); !usual.empty()) {
    // The parameters say what is wrong.
  } else if (!asked.utf8 && !is_ascii(*address)) {
    usual = "553 5.6.7 this sender needs SMTPUTF8";
  } else if (most && mails_ > *most) {
    usual = "452 4.5.3 no more mails in this session";
  } else if (const sink::rule* const r = rule_for(all_.options.refused_senders, *address)) {
    usual = "550 5.7.1 sender refused";
    by_rule = r->reply;
  } else {
    usual = "250 2.1.0 sender ok";
  }
  if (answer(stage::mail, usual, by_rule) != '2') return;
  sink::attributes origin = std::exchange(xforward_, {});
  reset_transaction();
  mail_ = transaction::envelope;
  asked_ = asked;
  if (keeps()) {
    message_.helo = helo_;
    message_.user = user_;
    message_.tls = secure_;
    message_.xclient = xclient_;
    message_.xforward = std::move(origin);
    message_.sender = make_path(address.value_or(argument), rest);
  }
}

bool dialogue::is_one_domain_too_many(std::string_view address) {
  const std::optional<std::uint64_t> most = all_.offered.bounds().domains;
  if (!most) return false;
  std::string domain(domain_of(address));
  std::transform(domain.begin(), domain.end(), domain.begin(), lower);
  if (domains_.size() >= *most && domains_.count(domain) == 0) return true;
  domains_.insert(std::move(domain));
  return false;
}

void dialogue::recipient(std::string_view argument) {
  std::string_view rest;
  const std::optional<std::string_view> address = address_behind("TO:", argument, rest);
  const std::optional<std::uint64_t> most = all_.offered.bounds().recipients;
  wishes asked = asked_;
  std::string_view usual;
  std::string_view by_rule;
  ++rcpts_;
  if (mail_ != transaction::envelope) {
    usual = "503 5.5.1 say MAIL first";
  } else if (!address || address->empty()) {
    usual = "501 5.5.4 RCPT TO:<address> expected";
  } else if (usual = check(rest, false, asked); !usual.empty()) {
    // The parameters say what is wrong.
  } else if (!asked.utf8 && !is_ascii(*address)) {
    usual = "553 5.6.7 this recipient needs SMTPUTF8";
  } else if (late_.size() >= all_.options.max_recipients || (most && rcpts_ > *most)) {
    usual = "452 4.5.3 too many recipients";
  } else if (is_one_domain_too_many(*address)) {
    usual = "452 4.5.3 too many domains in this session";
  } else if (const sink::rule* const r = rule_for(all_.options.refused_recipients, *address)) {
    usual = "550 5.1.1 no such user";
    by_rule = r->reply;
  } else {
    usual = "250 2.1.5 recipient ok";
  }
  if (answer(stage::rcpt, usual, by_rule) != '2' || mail_ != transaction::envelope) return;
  const std::string_view whom = address.value_or(argument);
  late_.push_back(rule_for(all_.options.refused_contents, whom));
  if (keeps()) message_.recipients.push_back(make_path(whom, rest));
}

// -- content --------------------------------------------------------------------------------------

void dialogue::data(std::string_view wrong) {
  std::string_view usual = wrong;
  if (mail_ != transaction::envelope) {
    usual = "503 5.5.1 say MAIL first";
  } else if (late_.empty()) {
    usual = "503 5.5.1 no valid recipients";
  } else if (asked_.binary) {
    usual = "503 5.5.1 binary content comes by BDAT";
  } else if (usual.empty()) {
    usual = "354 end with CRLF.CRLF";
  }
  if (answer(stage::data, usual) != '3') return;
  next_ = phase::data;
  scanner_ = {};
}

std::size_t dialogue::take_data(std::string_view input) {
  if (interrupts(stage::content_start)) return input.size();
  const std::size_t used =
      scanner_.scan(input, [&](std::string_view octets) { append_content(octets); });
  all_.totals.bare_cr += std::exchange(scanner_.bare_cr, 0);
  all_.totals.bare_lf += std::exchange(scanner_.bare_lf, 0);
  if (scanner_.done()) {
    next_ = phase::commands;
    end_content();
  }
  return used;
}

void dialogue::chunk(std::string_view argument) {
  const std::optional<std::uint64_t> size = parse_number(take(argument, ' '));
  if (!size || (!argument.empty() && !same(argument, "LAST"))) {
    return say("501 5.5.4 BDAT size [LAST] expected");
  }
  // The octets are on their way also if they are not wanted (RFC 3030 section 2).
  next_ = phase::chunk;
  chunk_left_ = *size;
  chunk_last_ = !argument.empty();
  chunk_valid_ = extended_ && !late_.empty() &&
                 (mail_ == transaction::envelope || mail_ == transaction::chunks);
  if (chunk_valid_) {
    mail_ = transaction::chunks;
  } else if (mail_ != transaction::none) {
    mail_ = transaction::broken;
  }
  if (chunk_left_ == 0) end_chunk();
}

std::size_t dialogue::take_chunk(std::string_view input) {
  if (chunk_valid_ && interrupts(stage::content_start)) return input.size();
  const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), chunk_left_));
  if (chunk_valid_) append_content(input.substr(0, used));
  chunk_left_ -= used;
  if (chunk_left_ == 0) end_chunk();
  return used;
}

void dialogue::end_chunk() {
  next_ = phase::commands;
  if (!chunk_valid_) return say("503 5.5.1 say MAIL and RCPT first, or RSET");
  if (chunk_last_) return end_content();
  const std::string_view usual =
      size_ > all_.options.max_size ? too_big : "250 2.0.0 chunk received";
  if (answer(stage::chunk, usual) != '2') mail_ = transaction::broken;
}

void dialogue::append_content(std::string_view octets) {
  size_ += octets.size();
  if (!keeps()) return;
  if (size_ <= all_.options.max_size) {
    message_.content.append(octets);
  } else {
    // It can only be refused in the end, so it need not be held until then.
    std::string().swap(message_.content);
  }
}

// -- verdicts -------------------------------------------------------------------------------------

void dialogue::end_content() {
  const bool by_prdr = !all_.options.lmtp && asked_.prdr;
  std::string_view refusal;
  if (size_ > all_.options.max_size) {
    refusal = too_big;
  } else if (late_.empty()) {
    refusal = "554 5.5.1 no valid recipients";
  } else {
    // Where the reply gets lost on purpose, the message is accepted all the same: that is the case
    // which leaves the client in doubt.
    const auto is_to_be = [this](stage at) {
      const std::string_view fixed = fixed_at(at);
      return fixed.empty() || fixed.starts_with('2');
    };
    const bool wanted = is_to_be(stage::content) && (!by_prdr || is_to_be(stage::final));
    if (wanted && !keep_message(all_.options.lmtp || by_prdr)) {
      refusal = "452 4.3.1 cannot store the message";
    }
  }
  if (all_.options.lmtp) {
    answer_each(refusal);
  } else if (by_prdr && refusal.empty() && fixed_at(stage::content).empty()) {
    answer_by_prdr();
  } else {
    answer(stage::content, refusal.empty() ? accepted : refusal);
  }
  reset_transaction();
}

/// A reply for each recipient, in their order, until one of them ends the session.
void dialogue::answer_each(std::string_view for_all) {
  for (const sink::rule* const rule : late_) {
    std::string_view usual = for_all;
    std::string_view by_rule;
    if (usual.empty()) {
      usual = rule == nullptr ? accepted : refused_by_rule;
      if (rule != nullptr) by_rule = rule->reply;
    }
    answer(stage::content, usual, by_rule);
    if (state_ != life::open) return;
  }
}

/// The three parts of draft-hall-prdr: 353, the recipients' own replies, the reply for all.
void dialogue::answer_by_prdr() {
  const bool anybody = std::find(late_.begin(), late_.end(), nullptr) != late_.end();
  say("353 2.0.0 content taken, now for each recipient");
  answer_each({});
  if (state_ != life::open) return;
  answer(stage::final, anybody ? accepted : refused_by_rule);
}

/// Takes the message for those that no rule refuses; `one_by_one`: the reply can tell.
bool dialogue::keep_message(bool one_by_one) {
  std::size_t takers = late_.size();
  if (one_by_one) {
    takers = static_cast<std::size_t>(std::count(late_.begin(), late_.end(), nullptr));
    if (takers == 0) return true;
    auto& all = message_.recipients;
    for (std::size_t i = all.size(); i != 0; --i) {
      if (late_[i - 1] == nullptr) continue;
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(i - 1));
    }
  }
  message_.chunked = mail_ == transaction::chunks;
  if (keeps() && !all_.keep(std::move(message_))) return false;
  ++all_.totals.messages;
  all_.totals.recipients += takers;
  all_.totals.octets += size_;
  return true;
}

void dialogue::reset_transaction() {
  mail_ = transaction::none;
  asked_ = {};
  rcpts_ = 0;
  late_.clear();
  size_ = 0;
  xforward_.clear();  // it is said of one mail
  if (keeps()) message_ = {};
}

}  // namespace sansmtp::cli::serving

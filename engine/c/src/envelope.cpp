#include "envelope.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "ascii.hpp"
#include "parameters.hpp"
#include "sized.hpp"

namespace sansmtp::c {
namespace {

constexpr std::uint32_t envelope_flags = SANSMTP_SKIP_BAD_RECIPIENTS | SANSMTP_DSN_REQUIRED |
                                         SANSMTP_ALLOW_UNDERSCORE | SANSMTP_ALLOW_LONG_PATHS;
constexpr std::uint32_t content_flags = SANSMTP_CONTENT_EIGHT_BIT | SANSMTP_CONTENT_BINARY |
                                        SANSMTP_CONTENT_UTF8_HEADERS | SANSMTP_CONTENT_SIZED;
/// No more recipients are kept for the next mail.
constexpr std::size_t kept_recipients = 256;

/// Has the caller a field for it? Then its value is not sent as it is.
template <class Rows>
bool is_known(const Rows& rows, std::string_view keyword) noexcept {
  return std::any_of(rows.begin(), rows.end(), [keyword](const auto& row) {
    return row.given != nullptr && ascii::iequals(row.keyword, keyword);
  });
}

bool set(envelope& env, std::string_view keyword, std::string_view value, path_rules rules) {
  return set_parameter(env, keyword, value, rules);
}
bool set(recipient& to, std::string_view keyword, std::string_view value, path_rules) {
  return set_parameter(to, keyword, value);
}

template <class Of, class Rows>
errc read_parameters(const sansmtp_bytes* given, std::size_t count, const Rows& rows,
                     path_rules rules, Of& of) {
  if (!is_array(given, count)) return errc::bad_argument;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_text(given[i])) return errc::bad_argument;
    const std::string_view whole = text(given[i]);
    const std::string_view keyword = whole.substr(0, whole.find('='));
    const std::string_view value = whole.substr(std::min(keyword.size() + 1, whole.size()));
    if (set(of, keyword, value, rules)) continue;
    if (is_known(rows, keyword)) return errc::bad_parameter;
    of.parameters.push_back({std::string(keyword), std::string(value)});
  }
  return errc::none;
}

}  // namespace

errc envelope_room::fill(const sansmtp_envelope* given) {
  sansmtp_envelope room;
  const sansmtp_envelope* const e = read(given, room);
  if (e == nullptr || (e->flags & ~envelope_flags) != 0 || e->reserved != 0 ||
      !is_text(e->sender) || !is_array(e->recipients, e->recipient_count)) {
    return errc::bad_argument;
  }
  path_rules rules;
  rules.allow_underscore = (e->flags & SANSMTP_ALLOW_UNDERSCORE) != 0;
  rules.allow_long = (e->flags & SANSMTP_ALLOW_LONG_PATHS) != 0;
  const bool others =
      rules.allow_underscore != rules_.allow_underscore || rules.allow_long != rules_.allow_long;
  if (!plain_ || others || env_.recipients.capacity() > kept_recipients) env_ = envelope();
  rules_ = rules;
  plain_ = true;

  if (const std::string_view sender = text(e->sender); env_.sender.text() != sender) {
    env_.sender = path(sender, rules);
  }
  env_.skip_bad_recipients = (e->flags & SANSMTP_SKIP_BAD_RECIPIENTS) != 0;
  env_.dsn_required = (e->flags & SANSMTP_DSN_REQUIRED) != 0;
  if (e->parameter_count != 0) {
    plain_ = false;
    const errc bad =
        read_parameters(e->parameters, e->parameter_count, detail::mail_parameters, rules, env_);
    if (bad != errc::none) return bad;
  }
  env_.recipients.resize(e->recipient_count);
  for (std::size_t i = 0; i < e->recipient_count; ++i) {
    sansmtp_recipient one;
    const sansmtp_recipient* const to = read_at(e->recipients, i, one);
    const errc bad = to == nullptr ? errc::bad_argument : fill_recipient(*to, env_.recipients[i]);
    if (bad != errc::none) return bad;
  }
  return errc::none;
}

errc envelope_room::fill_recipient(const sansmtp_recipient& given, recipient& to) {
  if (!is_text(given.address)) return errc::bad_argument;
  if (const std::string_view address = text(given.address); to.address.text() != address) {
    to.address = path(address, rules_);
  }
  if (given.parameter_count == 0) return errc::none;
  plain_ = false;
  return read_parameters(given.parameters, given.parameter_count, detail::rcpt_parameters, rules_,
                         to);
}

errc read_content(const sansmtp_content* given, message& content) {
  sansmtp_content room;
  const sansmtp_content* const c = read(given, room);
  if (c == nullptr || (c->flags & ~content_flags) != 0 || !is_text(c->octets)) {
    return errc::bad_argument;
  }
  const bool sized = (c->flags & SANSMTP_CONTENT_SIZED) != 0;
  const bool streamed = c->kind == SANSMTP_CONTENT_STREAMED;
  if ((streamed ? c->octets.size != 0 : sized) || (!sized && c->stream_size != 0)) {
    return errc::bad_argument;
  }
  switch (c->kind) {
    case SANSMTP_CONTENT_BORROWED: content = message::borrow(as_bytes(text(c->octets))); break;
    case SANSMTP_CONTENT_COPIED: content = message::own(std::string(text(c->octets))); break;
    case SANSMTP_CONTENT_STREAMED:
      content = sized ? message::stream(c->stream_size) : message::stream();
      break;
    default: return errc::bad_argument;
  }
  if (c->flags != 0) {
    content = std::move(content)
                  .eight_bit((c->flags & SANSMTP_CONTENT_EIGHT_BIT) != 0)
                  .binary((c->flags & SANSMTP_CONTENT_BINARY) != 0)
                  .utf8_headers((c->flags & SANSMTP_CONTENT_UTF8_HEADERS) != 0);
  }
  return errc::none;
}

}  // namespace sansmtp::c

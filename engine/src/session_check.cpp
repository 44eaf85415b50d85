// Whether a mail may be sent: its envelope and content are checked before MAIL, streamed content as
// it comes, and the lines of its envelope are formatted once and for all.
#include <string_view>
#include <utility>

#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::crlf;
using detail::rcpt_step;

constexpr enhanced_status status_bad_recipient{5, 1, 3};
constexpr enhanced_status status_bad_sender{5, 1, 7};
constexpr enhanced_status status_too_big{5, 3, 4};
constexpr enhanced_status status_eight_bit{5, 6, 3};
constexpr enhanced_status status_binary{5, 6, 1};
constexpr enhanced_status status_utf8{5, 6, 7};
constexpr enhanced_status status_require_tls{5, 7, 30};
constexpr enhanced_status status_content{5, 6, 0};
constexpr enhanced_status status_needs_tls{5, 7, 10};

/// Binary content is not looked at (BDAT-11).
content_facts opaque_facts(bytes content) noexcept {
  content_facts facts;
  facts.size = content.size();
  facts.canonical = true;
  return facts;
}

}  // namespace

// -- the envelope ---------------------------------------------------------------------------------

/// Checks a mail before its MAIL. Returns true if it is over because of what was found; otherwise
/// its lines are formatted, once and for all.
bool session::impl::refuse_locally(mail_state& m) {
  const auto usage = [&](errc why) {
    m.rcpts.clear();  // a usage error gives no outcome (OUT-05)
    m.pending = 0;
    m.why = why;
    settle(m);
    return true;
  };
  if (m.rcpts.empty()) return usage(errc::no_recipients);
  if (m.rcpts.size() > config_.limits.recipients) return usage(errc::too_many_recipients);

  detail::line_facts facts;
  const errc whole = check_mail(m, facts);
  if (whole != errc::none) {
    settle(m);
    return true;
  }
  // Each recipient: bad ones are refused alone if the caller said so, else all are (TXN-28).
  std::size_t bad = 0;
  for (detail::rcpt_state& r : m.rcpts) {
    const std::string_view address = m.address_of(r);
    verdict v{verb::rcpt, r.bad, hint::none, {}, status_bad_recipient};
    if (v.why == errc::none && address.empty()) v.why = errc::bad_address;
    if (v.why == errc::none && r.utf8 && !peer_.has(extension::smtputf8)) {
      v = {verb::rcpt, errc::utf8_not_offered, hint::other_host, {}, status_utf8};
    }
    if (v.why == errc::none) {
      // Only parameters and over-long paths can make the line too long, or wrong.
      if (!m.parameters && address.size() <= 254) continue;
      if (const errc wrong = format_rcpt(m, r); wrong != errc::none) return usage(wrong);
      continue;
    }
    ++bad;
    r.step = rcpt_step::refused;
    m.decide(r, outcome::rejected, v);
  }
  if (bad != 0 && (bad == m.rcpts.size() || !m.skip_bad_recipients)) {
    conclude(m, outcome::not_attempted, {verb::rcpt, errc::envelope_refused, hint::none, {}, {}});
    settle(m);
    return true;
  }
  if (peer_.has(extension::limits)) {
    if (const errc wrong = keep_to_limits(m); wrong != errc::none) return usage(wrong);
    if (m.pending == 0) {
      settle(m);
      return true;
    }
  }
  if (const errc wrong = format_mail(m, facts); wrong != errc::none) return usage(wrong);
  return false;
}

/// What stands in the way of the mail as a whole; then its recipients have their outcome.
[[gnu::always_inline]] inline errc session::impl::check_mail(mail_state& m,
                                                             detail::line_facts& facts) {
  const auto reject = [&](errc why, enhanced_status suggested, hint advice = hint::none) {
    const verdict v{verb::mail, why, advice, {}, suggested};
    for (detail::rcpt_state& r : m.rcpts) m.decide(r, outcome::rejected, v);
    return why;
  };

  if (m.bad_sender != errc::none) return reject(m.bad_sender, status_bad_sender);
  if (m.parameters && m.env.require_tls && !tls_verified_) {
    const enhanced_status status = tls_ ? status_require_tls : status_needs_tls;
    return reject(errc::require_tls_not_offered, status, hint::other_host);
  }

  const bool binary = m.content.is_binary();
  if (binary || config_.prefer_chunking || streaming()) [[unlikely]] {
    m.chunked = peer_.has(extension::chunking);
    if (binary && !m.chunked) {
      return reject(errc::binary_not_offered, status_binary, hint::other_host);  // BDAT-11
    }
  }
  if (m.content.is_streamed()) {
    m.facts = {};
    // A header in UTF-8 is content beyond ASCII (UTF8-05).
    m.facts.eight_bit = m.content.is_eight_bit() || m.content.has_utf8_headers();
    m.facts.size = m.content.declared_size().value_or(0);
  } else {
    if (binary) [[unlikely]] {
      m.facts = opaque_facts(m.content.content());
    } else {
      m.facts = detail::look_at(m.content.content(), config_.line_ends, detail::line_limit, dots_);
    }
    if (m.facts.problem != errc::none) return reject(m.facts.problem, status_content);
    if (m.facts.size == 0 && !config_.allow_empty_content) {
      return reject(errc::empty_content, status_content);  // DATA-04
    }
    if (m.facts.longest_line > detail::line_limit) {
      if (config_.reject_long_lines) return reject(errc::content_line_too_long, status_content);
      warn(errc::content_line_too_long, "a line of the content is longer than 1000 octets");
    }
  }
  // What a row says is wanted and lacking; what is the caller's is looked at only if there is some.
  facts = facts_of(m);
  const detail::parameter_row<envelope>* lacking = detail::rejecting_own_parameter(facts);
  if (lacking == nullptr && m.parameters) lacking = detail::rejecting_parameter(m.env, facts);
  if (lacking != nullptr) {
    return reject(lacking->if_lacking.why, lacking->if_lacking.suggested, hint::other_host);
  }
  if (peer_.size_limit() != 0 && facts.size > peer_.size_limit()) {
    return reject(errc::content_too_big, status_too_big, hint::other_host);  // EXT-07
  }
  return errc::none;
}

/// What the parameters of a mail depend on besides its envelope.
[[gnu::always_inline]] inline detail::line_facts session::impl::facts_of(
    const mail_state& m) const noexcept {
  const detail::body_kind body = m.content.is_binary() ? detail::body_kind::binary
                                 : m.facts.eight_bit   ? detail::body_kind::eight_bit
                                                       : detail::body_kind::seven_bit;
  return {&peer_,
          m.facts.size,
          !m.content.is_streamed() || m.content.declared_size().has_value(),
          body,
          config_.allow_unadvertised_8bit,
          m.utf8_sender || m.content.has_utf8_headers(),
          false,
          m.parameters && m.env.dsn_required};
}

/// Has each recipient answer to the content, where that may be (PRDR-01). Those who are refused
/// here ask for nothing. Where all or nobody is wanted, a reply that parts them is not.
[[gnu::cold]] void session::impl::ask_for_verdicts(mail_state& m,
                                                   detail::line_facts& facts) const noexcept {
  facts.verdicts = !config_.require_all_recipients && !lmtp() && !m.chunked && m.pending > 1;
  if (facts.verdicts && peer_.has(extension::prdr)) m.verdicts = detail::prdr::asked;
}

/// Completes the MAIL line with its parameters (CMD-15).
[[gnu::always_inline]] inline errc session::impl::format_mail(mail_state& m,
                                                              detail::line_facts facts) {
  facts.utf8 |= m.utf8_recipient;
  if (config_.per_recipient_replies) [[unlikely]]
    ask_for_verdicts(m, facts);
  m.open_line(m.mail_line);
  const std::size_t path_end = m.text.size();
  detail::write_own_parameters(m.env, facts, m.text);
  if (m.parameters) {
    const errc wrong = warn_of(
        detail::write_parameters(m.env, facts, config_.allow_unadvertised, m.text, path_end));
    if (wrong != errc::none) return wrong;
  }
  m.close_line(m.mail_line);
  if (m.mail_line.size + crlf.size() <= detail::command_line_limit) return errc::none;
  return detail::is_mail_line_too_long(m.mail_line.size, peer_) ? errc::line_too_long : errc::none;
}

/// Completes a RCPT line with its parameters (CMD-15).
errc session::impl::format_rcpt(mail_state& m, detail::rcpt_state& to) {
  if (m.parameters) {
    detail::line_facts facts = facts_of(m);
    facts.utf8 |= m.utf8_recipient;
    m.open_line(to.line);
    const recipient& of = m.env.recipients[static_cast<std::size_t>(&to - m.rcpts.data())];
    const errc wrong = warn_of(
        detail::write_parameters(of, facts, config_.allow_unadvertised, m.text, m.text.size()));
    if (wrong != errc::none) return wrong;
    m.close_line(to.line);
  }
  return detail::is_rcpt_line_too_long(to.line.size, peer_) ? errc::line_too_long : errc::none;
}

/// Warns of the parameters that were left out. Returns why the line must not be sent.
errc session::impl::warn_of(const detail::written& parameters) {
  if (!parameters.warning.empty()) warn(errc::parameter_not_offered, parameters.warning);
  return parameters.wrong;
}

// -- content --------------------------------------------------------------------------------------

/// Tells what is wrong with the streamed content read so far, which nobody could look at before
/// MAIL; `ended` if that is all of it.
errc session::impl::check_streamed(mail_state& m, const detail::content_source& read, bool ended) {
  const std::uint64_t size = read.size();
  if (peer_.size_limit() != 0 && size > peer_.size_limit()) {
    return errc::content_too_big;  // DATA-12
  }
  if (read.eight_bit() && !m.facts.eight_bit && !config_.allow_unadvertised_8bit) {
    return errc::eight_bit_not_offered;
  }
  if (read.longest_line() > detail::line_limit && !m.warned_long) {
    m.warned_long = true;
    if (config_.reject_long_lines) return errc::content_line_too_long;
    warn(errc::content_line_too_long, "a line of the content is longer than 1000 octets");
  }
  if (!ended) return errc::none;
  if (size == 0 && !config_.allow_empty_content) return errc::empty_content;
  if (m.content.declared_size().value_or(size) != size) {
    warn(errc::none, "the content's size is not the one that was declared");
  }
  return errc::none;
}

/// Content that must not be sent, found after 354: the only way out is to close (DATA-08, DATA-14).
void session::impl::stop_content(mail_state& m, errc why) {
  reject_content(m, verb::content, why);
  fail({why, verb::content, {}, {}, hint::none, {}});
}

/// All whom the server had accepted are rejected for what is wrong with the content.
void session::impl::reject_content(mail_state& m, verb at, errc why) {
  const bool elsewhere = why == errc::eight_bit_not_offered || why == errc::content_too_big;
  const enhanced_status status = why == errc::content_too_big         ? status_too_big
                                 : why == errc::eight_bit_not_offered ? status_eight_bit
                                                                      : status_content;
  const verdict v{at, why, elsewhere ? hint::other_host : hint::none, {}, status};
  decide_accepted(m, outcome::rejected, v);
}

}  // namespace sansmtp

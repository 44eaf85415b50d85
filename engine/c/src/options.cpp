#include "options.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include "sized.hpp"

namespace sansmtp::c {
namespace {

struct flag {
  std::uint32_t bit;
  bool session_config::*member;
};

constexpr flag flags[] = {
    {SANSMTP_TRACE, &session_config::trace},
    {SANSMTP_QUIT_NO_WAIT, &session_config::quit_no_wait},
    {SANSMTP_REQUIRE_ALL_RECIPIENTS, &session_config::require_all_recipients},
    {SANSMTP_PIPELINE_RSET, &session_config::pipeline_rset},
    {SANSMTP_ALLOW_EMPTY_CONTENT, &session_config::allow_empty_content},
    {SANSMTP_PREFER_CHUNKING, &session_config::prefer_chunking},
    {SANSMTP_PER_RECIPIENT_REPLIES, &session_config::per_recipient_replies},
    {SANSMTP_REJECT_LONG_LINES, &session_config::reject_long_lines},
    {SANSMTP_ALLOW_UNADVERTISED, &session_config::allow_unadvertised},
    {SANSMTP_ALLOW_UNADVERTISED_8BIT, &session_config::allow_unadvertised_8bit},
    {SANSMTP_AUTH_OPTIONAL, &session_config::auth_optional},
    {SANSMTP_NO_INITIAL_RESPONSE, &session_config::no_initial_response},
    {SANSMTP_EHLO_AFTER_AUTH, &session_config::ehlo_after_auth},
    {SANSMTP_ALLOW_AUTH_UNVERIFIED_TLS, &session_config::allow_auth_unverified_tls},
    {SANSMTP_ALLOW_AUTH_CLEARTEXT, &session_config::allow_auth_cleartext},
    {SANSMTP_ALLOW_CHALLENGE_CLEARTEXT, &session_config::allow_challenge_cleartext},
};
constexpr std::uint32_t other_flags =
    SANSMTP_NO_PROGRESS | SANSMTP_STRICT_LINE_ENDS | SANSMTP_ACCEPT_BARE_LF | SANSMTP_NO_WARNINGS;

struct timeout {
  std::int64_t sansmtp_timeouts::*given;
  timeouts::duration timeouts::*member;
};

constexpr timeout timeout_rows[] = {
    {&sansmtp_timeouts::greeting, &timeouts::greeting},
    {&sansmtp_timeouts::hello, &timeouts::hello},
    {&sansmtp_timeouts::starttls, &timeouts::starttls},
    {&sansmtp_timeouts::handshake, &timeouts::handshake},
    {&sansmtp_timeouts::auth, &timeouts::auth},
    {&sansmtp_timeouts::mail, &timeouts::mail},
    {&sansmtp_timeouts::rcpt, &timeouts::rcpt},
    {&sansmtp_timeouts::data, &timeouts::data},
    {&sansmtp_timeouts::block, &timeouts::block},
    {&sansmtp_timeouts::progress, &timeouts::progress},
    {&sansmtp_timeouts::chunk, &timeouts::chunk},
    {&sansmtp_timeouts::content, &timeouts::content},
    {&sansmtp_timeouts::reset, &timeouts::reset},
    {&sansmtp_timeouts::command, &timeouts::command},
    {&sansmtp_timeouts::quit, &timeouts::quit},
};

struct limit {
  std::uint32_t sansmtp_limits::*given;
  std::uint32_t limits::*member;
};

constexpr limit limit_rows[] = {
    {&sansmtp_limits::auth_line, &limits::auth_line},
    {&sansmtp_limits::recipients, &limits::recipients},
    {&sansmtp_limits::outstanding, &limits::outstanding},
    {&sansmtp_limits::group_octets, &limits::group_octets},
    {&sansmtp_limits::warnings, &limits::warnings},
    {&sansmtp_limits::progress_octets, &limits::progress_octets},
    {&sansmtp_limits::chunk_octets, &limits::chunk_octets},
    {&sansmtp_limits::chunks, &limits::chunks},
    {&sansmtp_limits::body_octets, &limits::body_octets},
    {&sansmtp_limits::stream_mails, &limits::stream_mails},
    {&sansmtp_limits::stream_outstanding, &limits::stream_outstanding},
};

void set(std::uint32_t given, std::uint32_t& member) noexcept {
  if (given != 0) member = given;
}

bool read_timeouts(const sansmtp_timeouts* given, timeouts& to) {
  if (given == nullptr) return true;
  sansmtp_timeouts room;
  const sansmtp_timeouts* const t = read(given, room);
  if (t == nullptr) return false;
  for (const timeout& row : timeout_rows) {
    const std::int64_t ns = t->*row.given;
    if (ns < SANSMTP_FOREVER) return false;
    if (ns == 0) continue;
    to.*row.member = ns == SANSMTP_FOREVER
                         ? timeouts::duration::zero()
                         : std::chrono::ceil<timeouts::duration>(std::chrono::nanoseconds(ns));
  }
  return true;
}

bool read_limits(const sansmtp_limits* given, limits& to) {
  if (given == nullptr) return true;
  sansmtp_limits room;
  const sansmtp_limits* const l = read(given, room);
  if (l == nullptr) return false;
  set(l->reply_line, to.reply.line);
  set(l->reply_lines, to.reply.lines);
  set(l->reply_octets, to.reply.octets);
  for (const limit& row : limit_rows) set(l->*row.given, to.*row.member);
  return true;
}

/// What is not chosen is the default, 0; what is none is a number that no enumerator has.
template <class Enum>
bool read_choice(std::int32_t given, Enum last, Enum& to) noexcept {
  if (given < 0 || given > static_cast<std::int32_t>(last)) return false;
  to = static_cast<Enum>(given);
  return true;
}

// These have the same numbers in C, where they are for ever.
static_assert(static_cast<int>(tls_mode::off) == SANSMTP_TLS_OFF &&
              static_cast<int>(tls_mode::opportunistic) == SANSMTP_TLS_OPPORTUNISTIC &&
              static_cast<int>(tls_mode::required) == SANSMTP_TLS_REQUIRED &&
              static_cast<int>(tls_mode::implicit) == SANSMTP_TLS_IMPLICIT);
static_assert(static_cast<int>(mail_protocol::smtp) == SANSMTP_PROTOCOL_SMTP &&
              static_cast<int>(mail_protocol::lmtp) == SANSMTP_PROTOCOL_LMTP);
static_assert(static_cast<int>(pipelining_level::off) + 1 == SANSMTP_PIPELINING_OFF &&
              static_cast<int>(pipelining_level::envelope) + 1 == SANSMTP_PIPELINING_ENVELOPE &&
              static_cast<int>(pipelining_level::messages) + 1 == SANSMTP_PIPELINING_MESSAGES &&
              static_cast<int>(pipelining_level::stream) + 1 == SANSMTP_PIPELINING_STREAM);

}  // namespace

errc read_options(const sansmtp_options* given, session_config& config) {
  if (given == nullptr) return errc::none;
  sansmtp_options room;
  const sansmtp_options* const o = read(given, room);
  if (o == nullptr) return errc::bad_argument;
  std::uint32_t known = other_flags;
  for (const flag& f : flags) {
    known |= f.bit;
    config.*f.member = (o->flags & f.bit) != 0;
  }
  config.progress = (o->flags & SANSMTP_NO_PROGRESS) == 0;
  if ((o->flags & SANSMTP_STRICT_LINE_ENDS) != 0) config.line_ends = line_end_policy::strict;
  config.limits.reply.accept_bare_lf = (o->flags & SANSMTP_ACCEPT_BARE_LF) != 0;
  if ((o->flags & ~known) != 0 || !is_text(o->local_name) ||
      !is_array(o->ignored_keywords, o->ignored_keyword_count) ||
      !is_array(o->helo_fallback_codes, o->helo_fallback_code_count) ||
      !read_choice(o->protocol, mail_protocol::lmtp, config.protocol) ||
      !read_choice(o->tls, tls_mode::implicit, config.tls) ||
      !read_timeouts(o->timeouts, config.timeouts) || !read_limits(o->limits, config.limits)) {
    return errc::bad_argument;
  }
  if (o->pipelining < SANSMTP_PIPELINING_DEFAULT) return errc::bad_argument;
  if (o->pipelining != SANSMTP_PIPELINING_DEFAULT &&
      !read_choice(o->pipelining - 1, pipelining_level::stream, config.pipelining)) {
    return errc::bad_argument;
  }
  if ((o->flags & SANSMTP_NO_WARNINGS) != 0) config.limits.warnings = 0;
  config.local_name = text(o->local_name);
  for (std::size_t i = 0; i < o->ignored_keyword_count; ++i) {
    if (!is_text(o->ignored_keywords[i])) return errc::bad_argument;
    config.ignored_keywords.emplace_back(text(o->ignored_keywords[i]));
  }
  config.helo_fallback_codes.assign(o->helo_fallback_codes,
                                    o->helo_fallback_codes + o->helo_fallback_code_count);
  return config.check();
}

}  // namespace sansmtp::c

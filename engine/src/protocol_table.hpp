// All that is particular about a verb stands here, in one row: its name, how it is spelt on the
// wire and how its line is made, which timeout waits for its reply, where it may stand among other
// commands (traits), and what a reply of each class does. Beside the rows stand the codes that mean
// something else than their class (`named_codes`) and those that advise the caller (`code_hints`).
// Sender, receiver, names, timeouts and the user's commands look things up here; none of them
// compares verbs. engine/README.md shows these tables, and a test compares them with the code.
//
// What is not in the tables, and where it is:
// - the order of the steps that open a session: `opening_plan`;
// - whether content closes its group, which depends on the level and on PRDR: `write_content`,
//   `begin_chunk`;
// - how many replies content has: `owe_content`, `owe_chunk` (LMTP-04), `owe_verdicts` (PRDR-02);
// - which further 5yz to EHLO permit HELO, which is configured: `may_try_helo`;
// - when 452 and 552 to RCPT mean that a transaction has enough recipients: `refuse_recipient`;
// - when 503 to MAIL means its place: only where it ran ahead of a verdict (PIPE-17):
// `refuse_mail`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sansmtp/config.hpp"
#include "sansmtp/outcome.hpp"
#include "sansmtp/verb.hpp"

namespace sansmtp::detail {

/// Where a command may stand, and how its reply is waited for and read.
enum class trait : std::uint32_t {
  alone = 1U << 0,        ///< It starts only when no reply is outstanding (RFC 2920 section 3.1).
  last = 1U << 1,         ///< Nothing follows it until its reply is there (RFC 2920 section 3.1).
  side = 1U << 2,         ///< It may stand between the RCPTs of a mail (CMD-18).
  idle = 1U << 3,         ///< The user may ask for it only while no mail is in progress (SESS-18).
  ahead = 1U << 4,        ///< It may follow content whose verdict is outstanding (PIPE-17).
  body = 1U << 5,         ///< The peer takes what is written now for content (SESS-24).
  early = 1U << 6,        ///< It may be answered before all of it has left (TXN-27).
  by_progress = 1U << 7,  ///< Each write restarts its timer until all of it has left (TIME-05).
  needs_text = 1U << 8,   ///< The command is nothing without an argument.
  exchange = 1U << 9,     ///< It belongs to an AUTH exchange: its replies are never shown (SEC-03).
  secret = 1U << 10,      ///< Its line may hold a secret; only its beginning is shown (SEC-03).
  plain_text = 1U << 11,  ///< Its reply holds no enhanced status code (EXT-09).
  first = 1U << 12,       ///< Its reply is the first thing that a server says.
  by_transport = 1U << 13,  ///< The transport answers it, and no reply does.
  utf8_text = 1U << 15,     ///< Its argument may be beyond ASCII (UTF8-05).
  final = 1U << 14,         ///< Any end of the connection is an answer to it (SESS-19).
  counted = 1U << 16,       ///< Its octets are counted beforehand, so all of them leave (RFC 3030).
};

/// A set of traits.
struct traits {
  std::uint32_t bits = 0;

  constexpr traits() noexcept = default;
  constexpr traits(trait one) noexcept : bits(static_cast<std::uint32_t>(one)) {}
  [[nodiscard]] constexpr bool has(trait one) const noexcept {
    return (bits & static_cast<std::uint32_t>(one)) != 0;
  }
};
constexpr traits operator|(traits some, trait one) noexcept {
  some.bits |= static_cast<std::uint32_t>(one);
  return some;
}
constexpr traits operator|(trait a, trait b) noexcept { return traits(a) | b; }

/// How the line of a command is made.
enum class line_form : std::uint8_t {
  none,       ///< There is none: somebody else acts, or content is written.
  word,       ///< The word alone.
  hello,      ///< The word and the client's name.
  client,     ///< A line of XCLIENT or XFORWARD, as it was prepared.
  login,      ///< What the exchange has prepared.
  sender,     ///< MAIL with the reverse-path and parameters.
  recipient,  ///< RCPT with a forward-path and parameters.
  data,       ///< The word alone; it asks for the content of the mail that is being sent.
  dot,        ///< The terminator of content that has no line.
  chunk,      ///< BDAT, the number of octets and, of the last chunk, LAST; the octets follow.
  reset,      ///< The word alone, asked for by the session or by the user.
  text,       ///< The line that the user gave, behind the word if there is one.
  farewell,   ///< The word alone; the session is leaving from now on.
};

/// What a reply does to the session.
enum class reaction : std::uint8_t {
  open,                   ///< The server is there: say EHLO.
  take_capabilities,      ///< Read the extensions, go on opening.
  go_without_extensions,  ///< HELO was accepted.
  start_handshake,
  start_over,  ///< To the server the client is another one now: forget what it said (EXT-14).
  accept_login,
  answer_challenge,
  accept_sender,
  accept_recipient,
  start_content,
  deliver,
  take_chunk,
  take_last_chunk,    ///< As `deliver`, unless the mail was refused before.
  announce_verdicts,  ///< Each recipient has a reply of its own, and then all have one (PRDR-02).
  note_verdict,       ///< What a recipient's own reply says; the one for all decides.
  note_reset,
  complete,         ///< A plain command is done, whatever the class.
  ignore,           ///< Read, and changes nothing.
  end_session,      ///< Any reply to QUIT.
  close_session,    ///< The server closes the connection (SESS-22).
  close_at_sender,  ///< The same, and MAIL is refused by it.
  refuse_session,   ///< A greeting that is none; its text may say whose it is.
  fail_opening,
  try_helo,      ///< The server may know no extensions: HELO is tried, if that is enough (SESS-08).
  refuse_hello,  ///< The same if the configuration says so; else the opening fails.
  refuse_tls,
  refuse_forward,  ///< The mails go without (EXT-15).
  refuse_login,
  refuse_mechanism,  ///< The mechanism is at fault, not the credentials: try the next (AUTH-11).
  note_cancelled,
  refuse_sender,
  refuse_place,  ///< Where MAIL ran ahead of a verdict its place is at fault (PIPE-17).
  refuse_recipient,
  refuse_surplus,  ///< The transaction has enough recipients, if it has any (TXN-09).
  refuse_storage,  ///< The same, unless the enhanced status code says something else.
  refuse_data,
  refuse_content,
  refuse_chunk,
  refuse_last_chunk,
  refuse_reset,
  violation,  ///< No such class at this stage (REP-20).
};

/// All that is particular about a verb. Its size is a power of two, so that a look-up is a shift.
struct alignas(64) row {
  verb what;
  std::string_view name;  ///< What `to_string` says.
  std::string_view wire;  ///< The word that its line begins with; of content the terminator.
  line_form line;
  timeouts::duration timeouts::*timeout;  ///< Bounds the wait for its reply.
  traits is;
  std::array<reaction, 4> on;  ///< 2yz, 3yz, 4yz and 5yz: no other reply gets past the parser.
};
static_assert(sizeof(row) == 64);

// Content begins after 354, hence with nothing outstanding; at level `messages` the next envelope
// may follow its terminator, so it is not `last` (the sender closes the group at the other levels).
// So may whatever follows a last chunk at level `stream`.
inline constexpr std::array<row, verb_count> rows = [] {
  using enum trait;
  using enum reaction;
  using form = line_form;
  using t = timeouts;
  // clang-format off
  return std::array<row, verb_count>{{
      {verb::greeting, "greeting", "", form::none, &t::greeting, alone | last | plain_text | first,
       {open, violation, refuse_session, refuse_session}},
      {verb::ehlo, "ehlo", "EHLO", form::hello, &t::hello, alone | last | idle | plain_text,
       {take_capabilities, violation, fail_opening, refuse_hello}},
      {verb::helo, "helo", "HELO", form::hello, &t::hello, alone | last,
       {go_without_extensions, violation, fail_opening, fail_opening}},
      {verb::lhlo, "lhlo", "LHLO", form::hello, &t::hello, alone | last | idle | plain_text,
       {take_capabilities, violation, fail_opening, fail_opening}},
      {verb::starttls, "starttls", "STARTTLS", form::word, &t::starttls, alone | last,
       {start_handshake, violation, refuse_tls, refuse_tls}},
      {verb::handshake, "handshake", "", form::none, &t::handshake, alone | last | by_transport,
       {violation, violation, violation, violation}},
      {verb::xclient, "xclient", "XCLIENT", form::client, &t::greeting, alone | last,
       {start_over, violation, fail_opening, fail_opening}},
      {verb::xforward, "xforward", "XFORWARD", form::client, &t::command, {},
       {ignore, violation, refuse_forward, refuse_forward}},
      {verb::auth, "auth", "AUTH", form::login, &t::auth, alone | last | idle | exchange | secret,
       {accept_login, violation, refuse_login, refuse_login}},
      {verb::auth_cancel, "auth_cancel", "*", form::login, &t::auth, alone | last | exchange,
       {violation, violation, note_cancelled, note_cancelled}},
      {verb::mail, "mail", "MAIL", form::sender, &t::mail, ahead,
       {accept_sender, violation, refuse_sender, refuse_sender}},
      {verb::rcpt, "rcpt", "RCPT", form::recipient, &t::rcpt, {},
       {accept_recipient, violation, refuse_recipient, refuse_recipient}},
      {verb::data, "data", "DATA", form::data, &t::data, last,
       {violation, start_content, refuse_data, refuse_data}},
      {verb::content, "content", ".", form::none, &t::content, alone | body | early | by_progress,
       {deliver, violation, refuse_content, refuse_content}},
      {verb::lone_dot, "lone_dot", ".", form::dot, &t::content, alone | last | body,
       {ignore, violation, ignore, ignore}},
      {verb::bdat, "bdat", "BDAT", form::chunk, &t::chunk, body | by_progress | counted,
       {take_chunk, violation, refuse_chunk, refuse_chunk}},
      {verb::bdat_last, "bdat_last", "BDAT", form::chunk, &t::content, body | by_progress | counted,
       {take_last_chunk, violation, refuse_last_chunk, refuse_last_chunk}},
      {verb::verdict, "verdict", "", form::none, &t::content, alone | last,
       {note_verdict, violation, note_verdict, note_verdict}},
      {verb::rset, "rset", "RSET", form::reset, &t::reset, {},
       {note_reset, violation, refuse_reset, refuse_reset}},
      {verb::noop, "noop", "NOOP", form::text, &t::command, alone | last | side,
       {complete, violation, complete, complete}},
      {verb::help, "help", "HELP", form::text, &t::command, alone | last | side,
       {complete, violation, complete, complete}},
      {verb::vrfy, "vrfy", "VRFY", form::text, &t::command,
       alone | last | side | needs_text | utf8_text,
       {complete, violation, complete, complete}},
      {verb::expn, "expn", "EXPN", form::text, &t::command,
       alone | last | side | needs_text | utf8_text,
       {complete, violation, complete, complete}},
      {verb::raw, "raw", "", form::text, &t::command, alone | last | idle | needs_text,
       {complete, violation, complete, complete}},
      {verb::quit, "quit", "QUIT", form::farewell, &t::quit, last | ahead | final,
       {end_session, end_session, end_session, end_session}},
  }};
  // clang-format on
}();

/// A code that means something else than its class as the reply to one verb.
struct named_code {
  verb what;
  std::uint16_t code;
  reaction does;
};

/// In the order of the verbs; none of them is 2yz.
inline constexpr std::array<named_code, 12> named_codes = {{
    {verb::ehlo, 500, reaction::try_helo},
    {verb::ehlo, 502, reaction::try_helo},
    {verb::auth, 334, reaction::answer_challenge},  // REP-05: another 3yz is no challenge
    {verb::auth, 504, reaction::refuse_mechanism},
    {verb::auth, 534, reaction::refuse_mechanism},
    {verb::auth, 538, reaction::refuse_mechanism},
    {verb::mail, 421, reaction::close_at_sender},
    {verb::mail, 503, reaction::refuse_place},
    {verb::rcpt, 452, reaction::refuse_surplus},
    {verb::rcpt, 552, reaction::refuse_storage},
    {verb::content, 353, reaction::announce_verdicts},
    {verb::quit, 421, reaction::end_session},
}};

/// What an unsolicited reply is said to be about.
inline constexpr verb any_verb = verb::noop;

/// Means the same whatever it answers, but where `named_codes` says otherwise (SESS-22).
inline constexpr std::uint16_t closing_code = 421;

/// What a code advises its caller to do, whatever else it does (TXN-24, AUTH-11).
struct code_hint {
  verb what;
  bool any;  ///< Whatever it answers.
  std::uint16_t code;
  hint advice;
};
inline constexpr std::array<code_hint, 2> code_hints = {{
    {verb::mail, true, 530, hint::auth_or_tls_required},
    {verb::auth, false, 432, hint::password_transition},
}};

[[nodiscard]] constexpr const row& row_of(verb v) noexcept {
  return rows[static_cast<std::size_t>(v)];
}

/// What every command and every reply asks for, side by side.
struct hot_columns {
  traits is;
  line_form line = line_form::none;
};
inline constexpr std::array<hot_columns, verb_count> hot_columns_of = [] {
  std::array<hot_columns, verb_count> all;
  for (const row& r : rows) all[static_cast<std::size_t>(r.what)] = {r.is, r.line};
  return all;
}();
[[nodiscard]] constexpr bool is(verb v, trait one) noexcept {
  return hot_columns_of[static_cast<std::size_t>(v)].is.has(one);
}
[[nodiscard]] constexpr line_form line_of(verb v) noexcept {
  return hot_columns_of[static_cast<std::size_t>(v)].line;
}

/// Where the named codes of each verb begin, and behind it where they end.
inline constexpr std::array<std::uint8_t, verb_count + 1> named_begin = [] {
  std::array<std::uint8_t, verb_count + 1> begin{};
  for (std::size_t v = 0; v < verb_count; ++v) {
    std::uint8_t end = begin[v];
    while (end < named_codes.size() && static_cast<std::size_t>(named_codes[end].what) == v) ++end;
    begin[v + 1] = end;
  }
  return begin;
}();

/// What a reply of 3yz, 4yz or 5yz does.
[[nodiscard]] constexpr reaction reaction_to_refusal(verb v, int code) noexcept {
  const auto at = static_cast<std::size_t>(v);
  for (std::size_t i = named_begin[at]; i != named_begin[at + 1]; ++i) {
    if (named_codes[i].code == code) return named_codes[i].does;
  }
  if (code == closing_code) return reaction::close_session;
  return rows[at].on[static_cast<std::size_t>(code / 100) - 2];
}
/// No row holds anything but enumerators: a switch over them needs no check for other values.
[[noreturn]] inline void not_in_the_table() noexcept {
#if defined(__GNUC__)
  __builtin_unreachable();
#else
  for (;;) {
  }
#endif
}
/// What a reply does; its code is one that the parser lets through.
[[nodiscard]] constexpr reaction reaction_of(verb v, int code) noexcept {
  return code < 300 ? row_of(v).on[0] : reaction_to_refusal(v, code);
}
[[nodiscard]] constexpr hint hint_of(verb v, int code) noexcept {
  if (code < 400) return hint::none;
  for (const code_hint& h : code_hints) {
    if (h.code == code && (h.any || h.what == v)) return h.advice;
  }
  return hint::none;
}

// Each row stands in its verb's place, and all named codes are found.
static_assert([] {
  for (std::size_t i = 0; i < verb_count; ++i) {
    if (static_cast<std::size_t>(rows[i].what) != i) return false;
  }
  for (const named_code& n : named_codes) {
    if (n.code < 300 || n.code > 599) return false;
  }
  for (const code_hint& h : code_hints) {
    if (h.code < 400) return false;
  }
  return named_begin[verb_count] == named_codes.size();
}());

}  // namespace sansmtp::detail

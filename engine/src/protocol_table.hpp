// All transitions of the protocol live here, as three constexpr tables: what may follow what on the
// way out (`rules`), what a reply of each class means on the way in (`reactions`), and which codes
// mean something else than their class (`named_codes`). The sender and the receiver look things up;
// neither decides anything of this kind by itself. engine/README.md shows the tables, and a test
// compares them with these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sansmtp/verb.hpp"

namespace sansmtp::detail {

/// RFC 2920 section 3.1: may a command stand anywhere in a group?
struct rule {
  verb what;
  bool alone;  ///< Starts only when no reply is outstanding.
  bool last;   ///< Nothing follows it until its reply is there.
};

// Content begins after 354, hence with nothing outstanding; at level `messages` the next envelope
// may follow its terminator, so it is not `last` (the sender closes the group at the other levels).
inline constexpr std::array<rule, verb_count> rules = {{
    {verb::greeting, true, true},    {verb::ehlo, true, true},      // PIPE-18
    {verb::helo, true, true},        {verb::starttls, true, true},  // PIPE-05
    {verb::handshake, true, true},   {verb::auth, true, true},      // PIPE-06
    {verb::auth_cancel, true, true}, {verb::mail, false, false},
    {verb::rcpt, false, false},      {verb::data, false, true},  // PIPE-04
    {verb::content, true, false},                                // PIPE-17
    {verb::lone_dot, true, true},    {verb::rset, false, false},
    {verb::noop, true, true},  // CMD-18: only with no reply outstanding
    {verb::help, true, true},        {verb::vrfy, true, true},
    {verb::expn, true, true},        {verb::raw, true, true},
    {verb::quit, false, true},
}};

/// What a reply does to the session.
enum class reaction : std::uint8_t {
  open,                   ///< The server is there: say EHLO.
  take_capabilities,      ///< Read the extensions, go on opening.
  go_without_extensions,  ///< HELO was accepted.
  start_handshake,
  accept_login,
  answer_challenge,
  accept_sender,
  accept_recipient,
  start_content,
  deliver,
  note_reset,
  complete,     ///< A plain command is done, whatever the class.
  ignore,       ///< Read, and changes nothing.
  end_session,  ///< Any reply to QUIT.
  fail_opening,
  refuse_hello,  ///< Perhaps HELO (SESS-08), else the session fails.
  refuse_tls,
  refuse_login,
  refuse_mechanism,  ///< The mechanism is at fault, not the credentials: try the next (AUTH-11).
  note_cancelled,
  refuse_sender,
  refuse_place,  ///< Where MAIL ran ahead of a verdict its place is at fault (PIPE-17).
  refuse_recipient,
  refuse_data,
  refuse_content,
  refuse_reset,
  violation,  ///< No such class at this stage (REP-20).
};

struct reaction_row {
  verb what;
  std::array<reaction, 4> on;  ///< 2yz, 3yz, 4yz and 5yz: no other reply gets past the parser.
};

inline constexpr std::array<reaction_row, verb_count> reactions = [] {
  using enum reaction;
  return std::array<reaction_row, verb_count>{{
      {verb::greeting, {open, violation, fail_opening, fail_opening}},
      {verb::ehlo, {take_capabilities, violation, fail_opening, refuse_hello}},
      {verb::helo, {go_without_extensions, violation, fail_opening, fail_opening}},
      {verb::starttls, {start_handshake, violation, refuse_tls, refuse_tls}},
      {verb::handshake, {violation, violation, violation, violation}},
      {verb::auth, {accept_login, answer_challenge, refuse_login, refuse_login}},
      {verb::auth_cancel, {violation, violation, note_cancelled, note_cancelled}},
      {verb::mail, {accept_sender, violation, refuse_sender, refuse_sender}},
      {verb::rcpt, {accept_recipient, violation, refuse_recipient, refuse_recipient}},
      {verb::data, {violation, start_content, refuse_data, refuse_data}},
      {verb::content, {deliver, violation, refuse_content, refuse_content}},
      {verb::lone_dot, {ignore, violation, ignore, ignore}},
      {verb::rset, {note_reset, violation, refuse_reset, refuse_reset}},
      {verb::noop, {complete, violation, complete, complete}},
      {verb::help, {complete, violation, complete, complete}},
      {verb::vrfy, {complete, violation, complete, complete}},
      {verb::expn, {complete, violation, complete, complete}},
      {verb::raw, {complete, violation, complete, complete}},
      {verb::quit, {end_session, end_session, end_session, end_session}},
  }};
}();

/// A 5yz code that means something else than its class as the reply to one verb.
struct named_code {
  verb what;
  std::uint16_t code;
  reaction does;
};

inline constexpr std::array<named_code, 4> named_codes = {{
    {verb::auth, 504, reaction::refuse_mechanism},
    {verb::auth, 534, reaction::refuse_mechanism},
    {verb::auth, 538, reaction::refuse_mechanism},
    {verb::mail, 503, reaction::refuse_place},
}};

[[nodiscard]] constexpr const rule& rule_of(verb v) noexcept {
  return rules[static_cast<std::size_t>(v)];
}
[[nodiscard]] constexpr reaction reaction_of(verb v, int code) noexcept {
  const int first_digit = code / 100;
  if (first_digit == 5) {
    for (const named_code& n : named_codes) {
      if (n.what == v && n.code == code) return n.does;
    }
  }
  return reactions[static_cast<std::size_t>(v)].on[static_cast<std::size_t>(first_digit) - 2];
}

// Each row stands in its verb's place, and only 5yz codes are looked up by name.
static_assert([] {
  for (std::size_t i = 0; i < verb_count; ++i) {
    if (static_cast<std::size_t>(rules[i].what) != i) return false;
    if (static_cast<std::size_t>(reactions[i].what) != i) return false;
  }
  for (const named_code& n : named_codes) {
    if (n.code / 100 != 5) return false;
  }
  return true;
}());

}  // namespace sansmtp::detail

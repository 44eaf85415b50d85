// The parameters of MAIL and RCPT as rows: which keyword, of which extension, wanted when, with
// which value, and what becomes of it where the server does not offer it. The session, the
// functions of `sansmtp/parameters.hpp` and by them the script and the command look things up here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sansmtp/capabilities.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/error.hpp"
#include "sansmtp/reply.hpp"
#include "text_buffer.hpp"

namespace sansmtp::detail {

/// Octets of a command line with its CRLF (RFC 5321 section 4.5.3.1.4).
inline constexpr std::size_t command_line_limit = 512;

/// What BODY says of the content.
enum class body_kind : std::uint8_t {
  seven_bit,  ///< Nothing.
  eight_bit,  ///< It has octets above 127.
  binary,     ///< It goes out as it is (BDAT-11).
};

/// What the parameters of a line depend on besides the envelope.
struct line_facts {
  const capabilities* peer = nullptr;
  std::uint64_t size = 0;                 ///< Of the content,
  bool size_known = false;                ///< if it is known before MAIL.
  body_kind body = body_kind::seven_bit;  ///< What the content is.
  bool bare_eight_bit = false;            ///< Those may go out without an offer (DATA-10).
  bool utf8 = false;                      ///< An address or the header is beyond ASCII.
  bool verdicts = false;                  ///< Each recipient shall answer to the content (PRDR-01).
  bool dsn_required = false;              ///< No parameter of DSN may be left out (DSN-01).
};

/// What becomes of a mail that wants a parameter of an extension that is not offered.
struct lacking {
  enum class way : std::uint8_t {
    leave_out,  ///< It goes without the parameter.
    warn,       ///< Likewise, and a warning says so.
    refuse,     ///< It is not sent, and has no outcome: the caller asked for what cannot be.
    reject,     ///< Its recipients are rejected, with the hint that another host may take it.
  };

  way what = way::leave_out;
  errc why = errc::none;      ///< Of `refuse` and `reject`.
  enhanced_status suggested;  ///< Of `reject`.
  std::string_view warning;   ///< Of `warn`: one text for what is left out together.

  static constexpr lacking leave_out() noexcept { return {}; }
  static constexpr lacking warn(std::string_view text) noexcept {
    return {way::warn, errc::none, {}, text};
  }
  static constexpr lacking refuse() noexcept {
    return {way::refuse, errc::parameter_not_offered, {}, {}};
  }
  static constexpr lacking reject(errc why, enhanced_status suggested) noexcept {
    return {way::reject, why, suggested, {}};
  }
};

/// One parameter; `Of` is where its value comes from: `envelope` for MAIL, `recipient` for RCPT.
template <class Of>
struct parameter_row {
  std::string_view keyword;
  extension needs;
  /// Octets that the extension grants the line for it (CMD-11).
  std::uint16_t growth;
  lacking if_lacking;
  /// Is it wanted? One of the two, the other is null: the engine's own, or the caller's.
  bool (*due)(const line_facts& facts) noexcept;
  bool (*given)(const Of& of) noexcept;
  /// Appends the value to the line, or says why it must not be sent; null: there is no value.
  errc (*write)(const Of& of, const line_facts& facts, text_buffer& line);
  /// The value as a person writes it, and the field from such a value; null: the engine decides.
  std::string (*show)(const Of& of);
  bool (*set)(Of& of, std::string_view value, path_rules rules);

  [[nodiscard]] constexpr bool wanted(const Of& of, const line_facts& facts) const noexcept {
    return due != nullptr ? due(facts) : given(of);
  }
};

// -- MAIL -----------------------------------------------------------------------------------------

errc write_ret(const envelope& env, const line_facts& facts, text_buffer& line);
errc write_envid(const envelope& env, const line_facts& facts, text_buffer& line);
errc write_auth(const envelope& env, const line_facts& facts, text_buffer& line);
errc write_by(const envelope& env, const line_facts& facts, text_buffer& line);
errc write_priority(const envelope& env, const line_facts& facts, text_buffer& line);
errc write_hold_for(const envelope& env, const line_facts& facts, text_buffer& line);
errc write_hold_until(const envelope& env, const line_facts& facts, text_buffer& line);

std::string show_ret(const envelope& env);
std::string show_auth(const envelope& env);
std::string show_priority(const envelope& env);
bool set_ret(envelope& env, std::string_view value, path_rules rules);
bool set_auth(envelope& env, std::string_view value, path_rules rules);
bool set_require_tls(envelope& env, std::string_view value, path_rules rules);
bool set_priority(envelope& env, std::string_view value, path_rules rules);

/// A field that is text: shown and set as it is.
template <std::string envelope::*Field>
std::string show_text(const envelope& env) {
  return env.*Field;
}
template <std::string envelope::*Field>
bool set_text(envelope& env, std::string_view value, path_rules) {
  env.*Field = value;
  return true;
}

/// The parameters of MAIL, in the order of the line (CMD-15). The first `own_parameters` of them
/// are the engine's own and on the way of every mail, so what they call is inline.
inline constexpr std::size_t own_parameters = 5;
inline constexpr std::array<parameter_row<envelope>, 13> mail_parameters = [] {
  using facts = const line_facts&;
  using of = const envelope&;
  constexpr lacking warned = lacking::warn("DSN is not offered: RET and ENVID are left out");
  return std::array<parameter_row<envelope>, 13>{{
      // Octets as sent, stuffed dots and terminator not counted; unknown means no parameter
      // (EXT-06).
      {"SIZE", extension::size, 26, lacking::leave_out(),
       [](facts f) noexcept { return f.size_known; }, nullptr,
       [](of, facts f, text_buffer& line) {
         line.append_number(f.size);
         return errc::none;
       },
       nullptr, nullptr},
      {"BODY", extension::eight_bit_mime, 17,
       lacking::reject(errc::eight_bit_not_offered, {5, 6, 3}),  // EXT-08
       [](facts f) noexcept {
         return f.body == body_kind::eight_bit &&
                (!f.bare_eight_bit || f.peer->has(extension::eight_bit_mime));
       },
       nullptr,
       [](of, facts, text_buffer& line) {
         line += "8BITMIME";
         return errc::none;
       },
       nullptr, nullptr},
      {"BODY", extension::binary_mime, 16,
       lacking::reject(errc::binary_not_offered, {5, 6, 1}),  // BDAT-11
       [](facts f) noexcept { return f.body == body_kind::binary; }, nullptr,
       [](of, facts, text_buffer& line) {
         line += "BINARYMIME";
         return errc::none;
       },
       nullptr, nullptr},
      {"SMTPUTF8", extension::smtputf8, 10, lacking::reject(errc::utf8_not_offered, {5, 6, 7}),
       [](facts f) noexcept { return f.utf8; }, nullptr, nullptr, nullptr, nullptr},
      {"PRDR", extension::prdr, 5, lacking::leave_out(),
       [](facts f) noexcept { return f.verdicts; }, nullptr, nullptr, nullptr, nullptr},

      {"RET", extension::dsn, 9, warned, nullptr,
       [](of e) noexcept { return e.return_content != dsn_return::unset; }, write_ret, show_ret,
       set_ret},
      {"ENVID", extension::dsn, 107, warned, nullptr,
       [](of e) noexcept { return !e.envelope_id.empty(); }, write_envid,
       show_text<&envelope::envelope_id>, set_text<&envelope::envelope_id>},
      {"AUTH", extension::auth, 500, lacking::leave_out(), nullptr,  // AUTH-15
       [](of e) noexcept { return e.authenticated_sender.has_value(); }, write_auth, show_auth,
       set_auth},
      {"REQUIRETLS", extension::require_tls, 11,
       lacking::reject(errc::require_tls_not_offered, {5, 7, 30}), nullptr,
       [](of e) noexcept { return e.require_tls; }, nullptr, [](of) { return std::string(); },
       set_require_tls},
      {"BY", extension::deliver_by, 17, lacking::refuse(), nullptr,
       [](of e) noexcept { return !e.deliver_by.empty(); }, write_by,
       show_text<&envelope::deliver_by>, set_text<&envelope::deliver_by>},
      {"MT-PRIORITY", extension::mt_priority, 15, lacking::refuse(), nullptr,
       [](of e) noexcept { return e.priority.has_value(); }, write_priority, show_priority,
       set_priority},
      // Only one of the two stands in a line, and the longer one counts.
      {"HOLDFOR", extension::future_release, 0, lacking::refuse(), nullptr,
       [](of e) noexcept { return !e.hold_for.empty(); }, write_hold_for,
       show_text<&envelope::hold_for>, set_text<&envelope::hold_for>},
      {"HOLDUNTIL", extension::future_release, 34, lacking::refuse(), nullptr,
       [](of e) noexcept { return !e.hold_until.empty(); }, write_hold_until,
       show_text<&envelope::hold_until>, set_text<&envelope::hold_until>},
  }};
}();

// -- RCPT -----------------------------------------------------------------------------------------

errc write_notify(const recipient& to, const line_facts& facts, text_buffer& line);
errc write_orcpt(const recipient& to, const line_facts& facts, text_buffer& line);
std::string show_notify(const recipient& to);
std::string show_orcpt(const recipient& to);
bool set_notify(recipient& to, std::string_view value, path_rules rules);
bool set_orcpt(recipient& to, std::string_view value, path_rules rules);

/// The parameters of RCPT, in the order of the line (CMD-15).
inline constexpr std::array<parameter_row<recipient>, 2> rcpt_parameters = [] {
  using of = const recipient&;
  constexpr lacking warned = lacking::warn("DSN is not offered: NOTIFY and ORCPT are left out");
  return std::array<parameter_row<recipient>, 2>{{
      {"NOTIFY", extension::dsn, 29, warned, nullptr,
       [](of to) noexcept { return to.notification != notify::unset; }, write_notify, show_notify,
       set_notify},
      {"ORCPT", extension::dsn, 507, warned, nullptr,
       [](of to) noexcept { return !to.original.empty(); }, write_orcpt, show_orcpt, set_orcpt},
  }};
}();

// -- what looks at the rows -----------------------------------------------------------------------

/// Is a parameter given that the caller has a field for, or a raw one? The rows are looked at by
/// their places and not in a loop, so that the compiler leaves nothing of the calls.
template <std::size_t First, const auto& Rows, class Of>
[[nodiscard]] inline bool any_given(const Of& of) noexcept {
  return [&of]<std::size_t... I>(std::index_sequence<I...>) noexcept {
    return (Rows[First + I].given(of) || ...);
  }
  (std::make_index_sequence<Rows.size() - First>()) || !of.parameters.empty();
}

/// Has an envelope anything but addresses? Most have not, and then those are all that is copied.
[[nodiscard]] inline bool has_parameters(const envelope& env) noexcept {
  if (any_given<own_parameters, mail_parameters>(env)) return true;
  for (const recipient& to : env.recipients) {
    if (any_given<0, rcpt_parameters>(to)) return true;
  }
  return false;
}

/// Begins a parameter of a line: " KEYWORD" or " KEYWORD=".
template <class Of>
[[gnu::always_inline]] inline void begin_parameter(const parameter_row<Of>& row,
                                                   text_buffer& line) {
  if (row.write != nullptr) {
    line.append(" ", row.keyword, '=');
  } else {
    line.append(" ");
    line.append(row.keyword);
  }
}

/// The engine's own row for which a mail is rejected, as it is wanted and not offered; null: none.
/// It looks at the rows from `I` on.
template <std::size_t I = 0>
[[nodiscard, gnu::always_inline]] inline const parameter_row<envelope>* rejecting_own_parameter(
    const line_facts& facts) noexcept {
  if constexpr (I == own_parameters) {
    return nullptr;
  } else {
    constexpr const parameter_row<envelope>& row = mail_parameters[I];
    if constexpr (row.if_lacking.what == lacking::way::reject) {
      if (row.due(facts) && !facts.peer->has(row.needs)) return &row;
    }
    return rejecting_own_parameter<I + 1>(facts);
  }
}

/// Appends the engine's own parameters that are wanted and offered, from row `I` on.
template <std::size_t I = 0>
[[gnu::always_inline]] inline void write_own_parameters(const envelope& env,
                                                        const line_facts& facts,
                                                        text_buffer& line) {
  if constexpr (I != own_parameters) {
    constexpr const parameter_row<envelope>& row = mail_parameters[I];
    if (row.due(facts) && facts.peer->has(row.needs)) {
      begin_parameter(row, line);
      if (row.write != nullptr) (void)row.write(env, facts, line);
    }
    write_own_parameters<I + 1>(env, facts, line);
  }
}

/// What an attempt to write the caller's parameters came to.
struct written {
  errc wrong = errc::none;   ///< Why the line must not be sent.
  std::string_view warning;  ///< What was left out; empty: nothing.
};

/// Appends the caller's parameters of MAIL, or of one RCPT, to a line whose path ends before
/// `begin`: those of the rows, then the raw ones, which need `unadvertised` if they are not offered
/// (CMD-14).
written write_parameters(const envelope& env, const line_facts& facts, bool unadvertised,
                         text_buffer& line, std::size_t begin);
written write_parameters(const recipient& to, const line_facts& facts, bool unadvertised,
                         text_buffer& line, std::size_t begin);

/// Is a line of so many octets, its CRLF not counted, too long (CMD-11)?
[[nodiscard]] bool is_mail_line_too_long(std::size_t octets, const capabilities& peer) noexcept;
[[nodiscard]] bool is_rcpt_line_too_long(std::size_t octets, const capabilities& peer) noexcept;

/// The row of the caller's parameters of MAIL for which a mail is rejected: wanted, not offered.
[[nodiscard]] const parameter_row<envelope>* rejecting_parameter(const envelope& env,
                                                                 const line_facts& facts) noexcept;

}  // namespace sansmtp::detail

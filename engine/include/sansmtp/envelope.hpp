// Who sends and who gets it, with the parameters of MAIL and RCPT.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/path.hpp"

namespace sansmtp {

/// A parameter of MAIL or RCPT as the caller spells it: KEYWORD or KEYWORD=value. Checked against
/// the grammar when the mail's turn comes (CMD-13) and sent only with `allow_unadvertised` if its
/// keyword is not in the last EHLO reply (CMD-14).
struct parameter {
  std::string keyword;
  std::string value;  ///< Empty means: KEYWORD alone.
};

/// When a delivery status notification is wanted (RFC 3461 section 4.1).
enum class notify : std::uint8_t {
  unset = 0,  ///< No NOTIFY parameter.
  success = 1,
  failure = 2,
  delay = 4,
  never = 8,  ///< Only alone.
};
[[nodiscard]] constexpr notify operator|(notify a, notify b) noexcept {
  return static_cast<notify>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr bool has(notify set, notify one) noexcept {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(one)) != 0;
}

/// How much a notification returns (RFC 3461 section 4.3).
enum class dsn_return : std::uint8_t { unset, full, headers };

/// A recipient: a forward-path and its own parameters.
struct recipient {
  path address;
  notify notification = notify::unset;  ///< NOTIFY; needs DSN.
  /// ORCPT as "rfc822;a@b" or as a mailbox alone, before it is encoded; empty: none. Needs DSN. The
  /// type of a mailbox alone is rfc822, or utf-8 (RFC 6533) if it has octets beyond ASCII.
  std::string original;
  std::vector<parameter> parameters;  ///< Raw ones, last in the line.

  recipient() = default;
  /// A recipient without parameters.
  recipient(path p) : address(std::move(p)) {}  // NOLINT(google-explicit-constructor)
  /// The same from text; see `path` for what becomes of a bad address.
  explicit recipient(std::string_view mailbox) : address(mailbox) {}
};

/// An envelope. The session copies it into storage that it recycles, so the caller's copy may
/// change as soon as `send` returns. The order of parameters on the wire is fixed (CMD-15).
struct envelope {
  path sender;                        ///< Default: the null reverse-path.
  std::vector<recipient> recipients;  ///< In this order RCPTs go out and results come back.

  dsn_return return_content = dsn_return::unset;  ///< RET; needs DSN.
  std::string envelope_id;                        ///< ENVID before xtext, printable; needs DSN.
  /// AUTH= (AUTH-15): nothing: no parameter; the null path: "AUTH=<>"; else a mailbox.
  std::optional<path> authenticated_sender;
  bool require_tls = false;             ///< REQUIRETLS; refused if the link cannot give it.
  std::string deliver_by;               ///< BY, e.g. "120;R"; needs DELIVERBY, and its minimum.
  std::optional<std::int8_t> priority;  ///< MT-PRIORITY, -9 to 9.
  std::string hold_for;    ///< HOLDFOR, 1 to 9 digits; needs FUTURERELEASE, and its maximum.
  std::string hold_until;  ///< HOLDUNTIL; not together with HOLDFOR.
  std::vector<parameter> parameters;  ///< Raw ones, last in the line.
  /// RET, ENVID, NOTIFY and ORCPT must reach a server: without DSN the mail is not sent, instead of
  /// being sent without them (DSN-01).
  bool dsn_required = false;
  /// Go on without the recipients that are refused locally instead of refusing all (TXN-28).
  bool skip_bad_recipients = false;
};

/// Getter: the same mail as successive envelopes of at most `most` recipients each (at least 1), in
/// order, for servers and sessions that bound the recipients of one transaction (TXN-26, RFC 5321
/// section 4.5.3.1.8). An envelope without recipients comes back as it is.
[[nodiscard]] inline std::vector<envelope> split(const envelope& env, std::size_t most) {
  std::vector<envelope> parts;
  std::size_t done = 0;
  do {
    const std::size_t n = std::min(std::max<std::size_t>(most, 1), env.recipients.size() - done);
    const auto begin = env.recipients.begin() + static_cast<std::ptrdiff_t>(done);
    envelope part = env;
    part.recipients.assign(begin, begin + static_cast<std::ptrdiff_t>(n));
    parts.push_back(std::move(part));
    done += n;
  } while (done < env.recipients.size());
  return parts;
}

}  // namespace sansmtp

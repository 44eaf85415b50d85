// One report for one mail, owned by whoever asked.
#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/event.hpp"

namespace sansmtp {

struct envelope;

/// What became of one recipient, owned.
struct recipient_report {
  std::string address;
  outcome result = outcome::pending;
  verb stage = verb::mail;
  errc why = errc::none;
  hint advice = hint::none;
  int code = 0;              ///< Of the deciding reply; 0 if there was none.
  enhanced_status enhanced;  ///< From the reply, else the suggested one.
  /// Of the reply, raw, lines joined by LF; no more than `kept_reply_octets`.
  std::string text;

  [[nodiscard]] failure_category category() const noexcept { return category_of(why); }
};

/// The report of a mail: one entry for each recipient, in the envelope's order (OUT-01). Reusing
/// one object for mail after mail costs no allocation once it is warm.
struct delivery {
  mail_id id = 0;
  std::vector<recipient_report> recipients;
  /// Why it failed as a whole: nothing if it was delivered to anybody.
  std::error_code error;

  /// Input: an entry for each recipient of `env`, copied, all of which say the same: the report of
  /// a mail that no server is asked about. `id` and `error` stay as they are.
  void list(const envelope& env, outcome result, verb stage, errc why);
  /// Input: begins the report of a mail that was given to a session: each recipient is pending, or
  /// rejected if its address cannot be sent, which the session tells of only at the end (TXN-28).
  void begin(mail_id mail, const envelope& env);
  /// Input: takes what an event says of the mail, copied: `mail_done` all of it, and for entries
  /// that are there `recipient_accepted` and `recipient_rejected` what the server answered so far.
  /// Any other kind is ignored.
  void assign(const event& e);

  /// Getter: was it delivered to all, and were there any?
  [[nodiscard]] bool delivered_to_all() const noexcept;
  /// Getter: how many recipients have this outcome?
  [[nodiscard]] std::size_t count(outcome o) const noexcept;
};

/// Getter: what an event that tells of a failure means for a recipient: of the mail that it is
/// about, else of a mail that the session did not begin. Copied, and without the address. A foreign
/// code counts as `tls_failed` or `aborted` if it is of that category, else as `connection_lost`.
[[nodiscard]] recipient_report failure_of(const event& e);

}  // namespace sansmtp

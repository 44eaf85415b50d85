// One mail to one domain, over the hosts that a route tries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/delivery.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/routing/route.hpp"

namespace sansmtp::routing {

/// The recipients of one domain.
struct domain_share {
  std::string domain;                ///< Lower case; empty for addresses without a domain.
  envelope mail;                     ///< As the whole one, with these recipients alone.
  std::vector<std::size_t> indices;  ///< Of its recipients in the whole one.
};

/// Getter: the mail by domains, in the order in which these first appear. Addresses that cannot be
/// sent are the share of no domain; without `skip_bad_recipients` all others share their lot
/// (TXN-28). A domain beyond ASCII stays as it is: `route` wants its A-labels.
[[nodiscard]] std::vector<domain_share> split_by_domain(const envelope& mail);

/// Getter: how the attempt ended that this report of a mail came from: `done` once MAIL was
/// answered, or if it was the mail itself that could not be sent. Who made no connection knows
/// better and tells `unreachable` or `no_family`.
[[nodiscard]] ending ending_of(const delivery& report) noexcept;

/// One host that had its turn, and what it said.
struct hop_report {
  hop way;
  std::size_t delivered = 0;  ///< Recipients.
  errc why = errc::none;      ///< Of the recipient whose outcome tells most.
  int code = 0;               ///< Of the reply that decided it; 0: there was none.
  enhanced_status enhanced{};
  std::string text{};  ///< Of the reply, raw.
};

/// A mail on its way to a domain: it knows who is still to be offered to a host, and makes one
/// report of those of all hosts. A state machine without time. The driver offers `remaining` to the
/// current attempt of a route, tells `reported`, repeats that while it `stays`, tells the route how
/// the attempt ended, and at the end tells `ended`.
///
/// ```
/// const attempt& a = *r.current();
/// do { report = send(a, *e.remaining()); e.reported(a, report); } while (e.stays());
/// r.tried(now, a.number, {.how = ending_of(report), .somebody_waits = e.remaining() != nullptr});
/// ```
class errand {
 public:
  /// Copies the envelope: one share of `split_by_domain`. No more recipients than a server takes at
  /// once cost the least.
  explicit errand(envelope mail);

  /// Output: what to offer to the host whose turn it is, or null: nobody is left. Valid until the
  /// next input. Nobody is in it who was delivered to, rejected for good, or is in doubt (RTE-16).
  [[nodiscard]] const envelope* remaining() const noexcept {
    return offered_.empty() ? nullptr : &remaining_;
  }
  /// Output: is `remaining` for the host that was just told of, in another transaction, since it
  /// takes no more recipients in one (RTE-17)?
  [[nodiscard]] bool stays() const noexcept { return stays_; }

  /// Input: the report of a session about `remaining`, its entries in that order. Also of an
  /// attempt that came to no session: list all with the reason (`delivery::list`).
  void reported(const attempt& a, const delivery& report);
  /// Input: the route is over, or nobody wants to go on: whoever has no outcome gets one.
  void ended(const verdict& why);

  /// Getter: the report, one entry for each recipient of the envelope in its order (OUT-01);
  /// `pending` are those that still may be delivered to. Valid until the next input.
  [[nodiscard]] const delivery& result() const noexcept { return result_; }
  /// Getter: each host that was told of, in order (RTE-18); after `ended` also those that the route
  /// passed over. Valid until the next input.
  [[nodiscard]] std::span<const hop_report> hops() const noexcept { return hops_; }

 private:
  /// What a recipient was told so far that does not decide.
  struct standing {
    recipient_report may_pass;  ///< What may be gone later, the most telling of it.
    recipient_report lasts;     ///< What stays so at this host.
    int rank_may_pass = 0;      ///< 0: there is none.
    int rank_lasts = 0;
    bool deferred = false;  ///< By a host that answered MAIL.
  };

  bool take(std::size_t recipient, const recipient_report& told, bool mail_answered);
  void offer(std::vector<std::size_t> recipients);
  void note_hop(const attempt& a, const delivery& report);
  void conclude(std::size_t recipient, const verdict& why, bool others_may_pass);
  bool merge_hops(const verdict& why);
  void set_error();

  envelope mail_;
  envelope remaining_;
  std::vector<std::size_t> offered_;  ///< Of `mail_`, those in `remaining_`.
  std::vector<standing> standings_;
  std::vector<hop_report> hops_;
  delivery result_;
  bool stays_ = false;
};

}  // namespace sansmtp::routing

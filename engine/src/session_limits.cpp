// What a server bounds by the extension LIMITS (RFC 9422): mails of a session, recipients of a
// mail, domains of a session. What has no room is not attempted, and says how it may be sent again.
#include <string_view>

#include "session_impl.hpp"

namespace sansmtp {

namespace {

using detail::rcpt_step;

/// What stands behind the last "@"; empty if there is none.
std::string_view domain_of(std::string_view address) noexcept {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

}  // namespace

/// Ends the session politely, as it may begin no more mails: those that wait are not attempted and
/// want another connection. Returns what is to be written next.
verb session::impl::leave_exhausted() {
  if (!window_.empty()) return nothing;  // the verdicts on the mails before come first
  leave({errc::session_exhausted, verb::mail, {}, {}, hint::another_connection, {}});
  ending_.because = {};  // nothing went wrong
  return next_verb_unready();
}

/// Takes out the recipients of a mail that the server's bounds leave no room for (EXT-10). Returns
/// why the mail can never be sent to this server, if it is for all or nobody and too large.
errc session::impl::keep_to_limits(mail_state& m) {
  const server_limits& most = peer_.limits();
  const verdict crowded{verb::rcpt, errc::recipient_limit, hint::too_many_recipients, {}, {}};
  const verdict exhausted{verb::rcpt, errc::session_exhausted, hint::another_connection, {}, {}};
  domain_set added;  // domains that the session has not said yet
  const auto has_domain = [&](std::string_view domain) {
    if (most.domains == 0 || domain.empty()) return true;
    if (domains_.contains(domain) || added.contains(domain)) return true;
    if (domains_.size() + added.size() >= most.domains) return false;
    added.emplace(domain);
    return true;
  };
  std::size_t room = most.recipients != 0 ? most.recipients : m.rcpts.size();
  for (detail::rcpt_state& to : m.rcpts) {
    if (to.result != outcome::pending) continue;  // refused locally, it asks for no room
    const bool has_room = room != 0;
    if (has_room && has_domain(domain_of(m.address_of(to)))) {
      --room;
      continue;
    }
    if (config_.require_all_recipients) {
      // A session that has nothing behind it has all the room that there will ever be.
      if (!has_room || domains_.empty()) return errc::too_many_recipients;
      conclude(m, outcome::not_attempted, exhausted);
      break;
    }
    to.step = rcpt_step::refused;
    m.decide(to, outcome::not_attempted, has_room ? exhausted : crowded);
  }
  return errc::none;
}

/// Counts the domains of a mail whose MAIL is written now. One that is taken back before takes no
/// room.
void session::impl::count_domains(const mail_state& m) {
  if (peer_.limits().domains == 0) return;
  for (const detail::rcpt_state& to : m.rcpts) {
    const std::string_view domain = domain_of(m.address_of(to));
    if (to.result == outcome::pending && !domain.empty()) domains_.emplace(domain);
  }
}

}  // namespace sansmtp

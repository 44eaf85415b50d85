#include "sansmtp/routing/errand.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "domain_name.hpp"
#include "route_table.hpp"
#include "sansmtp/resend.hpp"

namespace sansmtp::routing {

namespace {

/// The domain of a mailbox: what stands behind the last "@", since no domain holds one.
std::string domain_of(const path& address) {
  const std::string& text = address.text();
  const std::size_t sign = text.rfind('@');
  if (address.error() != errc::none || sign == std::string::npos) return {};
  return normal_name(std::string_view(text).substr(sign + 1));
}

bool has_bad_address(const envelope& mail) {
  return std::any_of(mail.recipients.begin(), mail.recipients.end(),
                     [](const recipient& to) { return to.address.error() != errc::none; });
}

/// All of an envelope but its recipients.
envelope without_recipients(const envelope& mail) {
  envelope result = mail;
  result.recipients.clear();
  return result;
}

/// How much an outcome tells: a reply more than none, and one to the mail more than one to the
/// opening (RTE-18).
int rank_of(const recipient_report& told) noexcept {
  if (told.code == 0) return told.result == outcome::not_attempted ? 1 : 2;
  return told.stage < verb::mail ? 3 : 4;
}

/// Is it the last word on this recipient, whatever other hosts might say (RTE-16)?
bool is_final(const recipient_report& told) noexcept {
  switch (told.result) {
    case outcome::delivered:
    case outcome::in_doubt: return true;
    case outcome::rejected: return told.advice != hint::other_host;
    case outcome::pending:
    case outcome::deferred:
    case outcome::not_attempted:
      // The caller gave it up, or it is for all or nobody and somebody was refused (POOL-01).
      return told.why == errc::aborted || told.why == errc::recipient_refused;
  }
  return true;
}

ending ending_of(const recipient_report& told) noexcept {
  switch (told.category()) {
    case failure_category::tls:
      return told.why == errc::tls_not_offered || told.why == errc::tls_refused
                 ? ending::tls_missing
                 : ending::tls_failed;
    case failure_category::reply:
    case failure_category::auth:
      return told.code / 100 == 5 ? ending::refused_permanently : ending::refused_transiently;
    case failure_category::closing: return ending::refused_transiently;
    // An obstacle in the mail itself is the same as an answer; one in the session is none.
    case failure_category::local:
      return is_permanent(told.why, told.code) ? ending::done : ending::lost;
    case failure_category::connection_lost:
    case failure_category::timeout:
      return told.why == errc::handshake_lost || told.why == errc::handshake_timed_out
                 ? ending::tls_failed
                 : ending::lost;
    case failure_category::none:
    case failure_category::protocol:
    case failure_category::limit:
    case failure_category::aborted: return ending::lost;
  }
  return ending::lost;
}

}  // namespace

std::vector<domain_share> split_by_domain(const envelope& mail) {
  const bool none_may_go = !mail.skip_bad_recipients && has_bad_address(mail);
  const envelope bare = without_recipients(mail);
  std::vector<domain_share> shares;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < mail.recipients.size(); ++i) {
    std::string domain = none_may_go ? std::string() : domain_of(mail.recipients[i].address);
    const auto [at, is_new] = known.emplace(std::move(domain), shares.size());
    if (is_new) shares.push_back({at->first, bare, {}});
    domain_share& share = shares[at->second];
    share.mail.recipients.push_back(mail.recipients[i]);
    share.indices.push_back(i);
  }
  return shares;
}

ending ending_of(const delivery& report) noexcept {
  for (const recipient_report& told : report.recipients) {
    if (told.result == outcome::delivered || told.result == outcome::in_doubt ||
        told.stage > verb::mail || (told.stage == verb::mail && told.code != 0)) {
      return ending::done;
    }
  }
  return report.recipients.empty() ? ending::lost : ending_of(report.recipients.front());
}

errand::errand(envelope mail) : mail_(std::move(mail)), standings_(mail_.recipients.size()) {
  result_.begin(0, mail_);
  const bool none_may_go = !mail_.skip_bad_recipients && has_bad_address(mail_);
  remaining_ = without_recipients(mail_);
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < mail_.recipients.size(); ++i) {
    recipient_report& entry = result_.recipients[i];
    if (entry.result != outcome::pending) continue;
    if (none_may_go) {
      entry.result = outcome::not_attempted;
      entry.why = errc::envelope_refused;
    } else {
      all.push_back(i);
    }
  }
  offer(std::move(all));
}

void errand::offer(std::vector<std::size_t> recipients) {
  offered_ = std::move(recipients);
  remaining_.recipients.clear();
  for (const std::size_t i : offered_) remaining_.recipients.push_back(mail_.recipients[i]);
  if (offered_.empty()) set_error();
}

/// Takes what a recipient was told; true if it wants another transaction with the same host.
bool errand::take(std::size_t recipient, const recipient_report& told, bool mail_answered) {
  if (is_final(told)) {
    recipient_report& entry = result_.recipients[recipient];
    std::string address = std::move(entry.address);
    entry = told;
    entry.address = std::move(address);
    return false;
  }
  standing& s = standings_[recipient];
  const int rank = rank_of(told);
  const bool lasts = told.result == outcome::rejected || is_permanent(told.why, told.code);
  s.deferred |= mail_answered && !lasts;
  recipient_report& entry = lasts ? s.lasts : s.may_pass;
  int& best = lasts ? s.rank_lasts : s.rank_may_pass;
  if (rank >= best) {
    entry = told;
    best = rank;
  }
  return resend_of(told) == resend::transaction;
}

void errand::reported(const attempt& a, const delivery& report) {
  if (offered_.empty()) return;
  note_hop(a, report);
  const bool mail_answered = ending_of(report) == ending::done;
  const std::size_t n = std::min(offered_.size(), report.recipients.size());
  std::vector<std::size_t> again;
  for (std::size_t i = 0; i < n; ++i) {
    if (take(offered_[i], report.recipients[i], mail_answered)) again.push_back(offered_[i]);
  }
  // Fewer than before: it comes to an end, whatever the host says.
  stays_ = !again.empty() && again.size() < offered_.size();
  if (stays_) return offer(std::move(again));
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < result_.recipients.size(); ++i) {
    if (result_.recipients[i].result == outcome::pending) left.push_back(i);
  }
  offer(std::move(left));
}

void errand::note_hop(const attempt& a, const delivery& report) {
  if (hops_.empty() || hops_.back().way.number != a.number) {
    hops_.push_back({{a.number, a.host, a.preference, row_of(ending_of(report)).counts_as}});
  }
  hop_report& hop = hops_.back();
  const auto rank = [](const recipient_report& r) {
    return r.result == outcome::delivered ? 0 : rank_of(r);
  };
  const recipient_report* most = nullptr;
  for (const recipient_report& r : report.recipients) {
    if (r.result == outcome::delivered) ++hop.delivered;
    if (most == nullptr || rank(r) > rank(*most)) most = &r;
  }
  if (most == nullptr) return;
  hop.why = most->why;
  hop.code = most->code;
  hop.enhanced = most->enhanced;
  hop.text = most->text;
}

void errand::ended(const verdict& why) {
  const bool others_may_pass = merge_hops(why);
  for (std::size_t i = 0; i < result_.recipients.size(); ++i) {
    if (result_.recipients[i].result == outcome::pending) conclude(i, why, others_may_pass);
  }
  stays_ = false;
  offer({});
}

/// Puts what the hosts said to the hops of the route, which knows all of them. Returns whether
/// there is a host that may take the mail later and did not look at it now.
bool errand::merge_hops(const verdict& why) {
  std::vector<hop_report> all;
  auto told = hops_.begin();
  bool others_may_pass = why.what == conclusion::open;
  for (const hop& way : why.hops) {
    // Numbers rise in both; a hop without an attempt was told of by nobody.
    while (way.number != 0 && told != hops_.end() && told->way.number < way.number) {
      all.push_back(std::move(*told++));
    }
    if (way.number != 0 && told != hops_.end() && told->way.number == way.number) {
      all.push_back(std::move(*told++));
      all.back().way = way;
      if (way.why == obstacle::unserved) continue;  // each recipient knows for itself
    } else {
      all.push_back({way});
    }
    others_may_pass |= !way.superseded && row_of(way.why).code.status_class == 4;
  }
  std::move(told, hops_.end(), std::back_inserter(all));
  hops_ = std::move(all);
  return others_may_pass;
}

void errand::conclude(std::size_t recipient, const verdict& why, bool others_may_pass) {
  recipient_report& entry = result_.recipients[recipient];
  standing& s = standings_[recipient];
  const bool is_rejected =
      why.what == conclusion::rejected || (s.rank_lasts != 0 && !s.deferred && !others_may_pass);
  std::string address = std::move(entry.address);
  if (is_rejected && s.rank_lasts != 0) {
    entry = std::move(s.lasts);
  } else if (!is_rejected && s.rank_may_pass != 0) {
    entry = std::move(s.may_pass);
  } else {
    entry = {};
    entry.stage = verb::greeting;
    entry.why = is_rejected ? errc::no_route : errc::route_failed;
  }
  entry.address = std::move(address);
  entry.result = is_rejected ? outcome::rejected : outcome::deferred;
  const int wanted = is_rejected ? 5 : 4;
  if (entry.enhanced.status_class != wanted) entry.enhanced = {};
  if (!entry.enhanced && why.code.status_class == wanted) entry.enhanced = why.code;
}

/// Why it failed as a whole: nothing if anybody got it.
void errand::set_error() {
  result_.error.clear();
  if (result_.recipients.empty()) {
    result_.error = errc::no_recipients;
    return;
  }
  if (result_.count(outcome::delivered) != 0) return;
  result_.error = result_.recipients.front().why;
}

}  // namespace sansmtp::routing

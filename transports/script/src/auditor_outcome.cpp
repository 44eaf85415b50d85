// What became of a mail, compared with what was written of it and what the server answered.
#include <algorithm>

#include "auditor_impl.hpp"
#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

/// Getter: is this told because of a reply that ended the session? None behind that was read; which
/// one it was cannot be seen from here.
bool ended_by_reply(const recipient_result& r) {
  const failure_category c = r.category();
  return c == failure_category::protocol || c == failure_category::limit ||
         c == failure_category::closing;
}

/// Getter: is `wire` this content, with CRLF line ends and a line end at its end (DATA-03,
/// DATA-06)?
bool is_content(std::string_view wire, std::string_view given) {
  const auto take = [&](std::string_view part) {
    const bool same = wire.starts_with(part);
    wire.remove_prefix(same ? part.size() : 0);
    return same;
  };
  if (given.empty()) return wire.empty();
  // The next CR and the next LF are looked for one by one: that is a call for each line, and not
  // for each octet.
  std::size_t cr = given.find('\r');
  std::size_t lf = given.find('\n');
  for (std::size_t at = 0; at < given.size();) {
    const std::size_t end = std::min({cr, lf, given.size()});
    if (!take(given.substr(at, end - at)) || !take("\r\n")) return false;
    if (end == given.size()) break;
    at = end + (end == cr && lf == cr + 1 ? 2 : 1);
    if (cr < at) cr = given.find('\r', at);
    if (lf < at) lf = given.find('\n', at);
  }
  return wire.empty();
}

/// Getter: does a command go on with this path: is it followed by its end or by parameters?
bool names(std::string_view text, std::string_view path) {
  return text.starts_with(path) && (text.size() == path.size() || text[path.size()] == ' ');
}

/// Getter: may a reply of this code decide about content?
bool is_verdict(int code) {
  const int digit = code / 100;
  return digit == 2 || digit == 4 || digit == 5;
}

}  // namespace

void auditor::impl::wrong(const recipient_result& r, const char* why) {
  fail("a recipient is " + std::string(to_string(r.result)) + ", but " + why + ": " +
       escape(r.address.substr(0, 256)));
}

void auditor::impl::bind(mail_book& mail) {
  if (mail.transaction != npos) return;
  while (bound_ < transactions_.size() && transactions_[bound_].bound) ++bound_;
  for (std::size_t i = bound_; i < transactions_.size(); ++i) {
    transaction& t = transactions_[i];
    const std::string_view sender = std::string_view(t.lines).substr(0, t.sender_size);
    if (t.bound || !names(sender, mail.sender)) continue;
    t.bound = true;
    mail.transaction = i;
    break;
  }
}

void auditor::impl::check_done(const event& e, mail_book& mail) {
  const bool started =
      std::any_of(e.results.begin(), e.results.end(), [](const recipient_result& r) {
        return r.result != outcome::not_attempted && r.category() != failure_category::local;
      });
  if (started) bind(mail);
  transaction* const t = mail.transaction == npos ? nullptr : &transactions_[mail.transaction];
  if (t != nullptr) {
    count_announced(*t);
    note_verdicts(*t);
    std::size_t next = 0;
    for (const rcpt_book& rcpt : t->rcpts) {
      while (next < mail.recipients.size() &&
             !names(rcpt.path(t->lines), mail.recipients[next].path)) {
        ++next;
      }
      if (next == mail.recipients.size()) {
        fail("RCPT names nobody of the envelope, or in another order: " +
             escape(rcpt.path(t->lines)));
        break;
      }
      mail.recipients[next++].rcpt = static_cast<std::size_t>(&rcpt - t->rcpts.data());
    }
    check_content(mail, *t);
  }
  for (std::size_t i = 0; i < e.results.size(); ++i) check_result(mail, t, i, e.results[i]);
}

void auditor::impl::check_content(const mail_book& mail, const transaction& t) {
  if (t.terminator == 0) return;
  if (t.content.empty() && !(mail.ended && mail.content.empty())) {
    const bool nobody = std::none_of(t.rcpts.begin(), t.rcpts.end(),
                                     [&](const rcpt_book& rcpt) { return is_accepted(rcpt); });
    return must(nobody, "a lone dot only where nobody was accepted (PIPE-08)");
  }
  must(mail.ended, "no terminator before all was lent");
  const bool same =
      mail.binary ? t.content == mail.content : is_content(t.content, mail.content);  // BDAT-11
  must(same, "the content arrives as it was given (SEC-02)");
}

void auditor::impl::check_result(const mail_book& mail, const transaction* t, std::size_t index,
                                 const recipient_result& r) {
  using answer = recipient_book::answer;
  const recipient_book& to = mail.recipients[index];
  if (r.result == outcome::pending) wrong(r, "each needs an outcome (OUT-01)");
  if (r.result == outcome::not_attempted && to.said != answer::none) {
    wrong(r, "its RCPT was answered (OUT-04)");
  }
  if (r.result == outcome::delivered && r.why != errc::none) wrong(r, "it has an error");
  if (r.category() == failure_category::local)
    return;  // refused before anything was written for it
  check_success(mail, t, to, r);
  if (mail.sender_code) {
    // A server that takes the content all the same: nobody knows what it has (BDAT-14).
    const bool accepted = t != nullptr && to.rcpt != npos && is_accepted(t->rcpts[to.rcpt]);
    const bool taken = accepted && t->terminator != 0 && verdict_digit(*t, to.rcpt) == 2;
    if (taken && (r.result == outcome::in_doubt || !ended_by_reply(r))) {
      if (r.result != outcome::in_doubt) wrong(r, "its content was taken from a refused sender");
      return;
    }
    // A server that did not see the end of the content before it may refuse a MAIL that rides with
    // the dot; then the session ends, and the mail may be sent again (PIPE-17).
    const bool riding = config_.pipelining >= pipelining_level::messages;
    const bool contradictory = riding && r.result == outcome::deferred;
    const bool for_good = *mail.sender_code / 100 == 5 && !mail.ran_ahead;
    const outcome right = for_good ? outcome::rejected : outcome::deferred;
    if ((r.result != right || r.answer.code() != *mail.sender_code) && !contradictory) {
      wrong(r, "the sender was refused, which outranks all (PIPE-12)");
    }
    return;
  }
  if (to.said == answer::rejected) {
    if (r.result != to.result || r.answer.code() != to.code) {
      wrong(r, "it was refused with another reply (OUT-03)");
    }
    return;
  }
  check_refusal(mail, t, to, r);
  if (mail.cut) check_cut(mail, t, to, r);
}

void auditor::impl::note_verdicts(transaction& t) const {
  if (t.terminator == 0) return;  // nobody asks for them
  const std::size_t last = t.announced       ? t.for_all
                           : t.rcpts.empty() ? t.verdicts_begin
                                             : t.rcpts.back().verdict;
  t.verdicts_end = t.verdicts_begin;
  while (t.verdicts_end < last && is_verdict(code_of(t.verdicts_end))) ++t.verdicts_end;
}

int auditor::impl::verdict_digit(const transaction& t, std::size_t rcpt) const {
  // A reply that has no place among verdicts ends the session: none behind it counts.
  const auto digit_of = [&](std::size_t reply) {
    return reply > t.verdicts_end ? 0 : code_of(reply) / 100;
  };
  const int own = digit_of(t.rcpts[rcpt].verdict);
  if (!t.announced) return own;
  // What a recipient's own reply says counts only with a reply for all that says yes (PRDR-03).
  const int for_all = digit_of(t.for_all);
  return for_all == 2 ? own : for_all;
}

bool auditor::impl::is_behind_refused_reset(std::size_t reply) const {
  return std::any_of(resets_.begin(), resets_.end(),
                     [&](std::size_t reset) { return reset < reply && code_of(reset) / 100 > 3; });
}

/// Nobody is delivered or in doubt without an accepted RCPT and a terminator (OUT-02, OUT-03).
void auditor::impl::check_success(const mail_book&, const transaction* t, const recipient_book& to,
                                  const recipient_result& r) {
  if (r.result != outcome::delivered && r.result != outcome::in_doubt) return;
  const bool terminated = t != nullptr && t->terminator != 0;
  const bool accepted = t != nullptr && to.rcpt != npos && is_accepted(t->rcpts[to.rcpt]);
  if (!terminated) return wrong(r, "the terminator was not written (OUT-03)");
  // At level `stream` the content may have left before its RCPT was answered. What is answered
  // behind a refused RSET, or behind a reply that ends the session, is too late: nothing is learnt
  // from it any more (BDAT-14). It is asked for only where it matters, since it costs a walk.
  const auto is_late = [&] {
    return ended_by_reply(r) ||
           (to.rcpt != npos && is_behind_refused_reset(t->rcpts[to.rcpt].reply));
  };
  const bool unanswered = to.rcpt != npos && code_of(t->rcpts[to.rcpt].reply) == 0;
  const bool streams = config_.pipelining == pipelining_level::stream;
  const bool in_doubt = r.result == outcome::in_doubt;
  if (!accepted && !(streams && in_doubt && (unanswered || is_late()))) {
    return wrong(r, "it was never accepted");
  }
  const int verdict = verdict_digit(*t, to.rcpt);
  if (in_doubt) {
    if ((verdict == 4 || verdict == 5) && !is_late()) wrong(r, "the content was refused");
    return;
  }
  if (verdict != 2) return wrong(r, "the content was not accepted");
  const bool refused = std::any_of(t->chunks.begin(), t->chunks.end(),
                                   [&](std::size_t chunk) { return code_of(chunk) / 100 > 3; });
  if (refused) wrong(r, "a chunk was refused (BDAT-09)");
  if (t->terminator > sent_) wrong(r, "the terminator has not left");
  if (replies_[t->rcpts[to.rcpt].verdict].handed < t->terminator) {
    wrong(r, "the reply came before the terminator was written");
  }
}

void auditor::impl::check_refusal(const mail_book&, const transaction* t, const recipient_book& to,
                                  const recipient_result& r) {
  const bool asked = t != nullptr && to.rcpt != npos;
  const int rcpt_code = asked ? code_of(t->rcpts[to.rcpt].reply) : 0;
  // A refusal of the server is the last word, whatever becomes of the link (attacks B15); but a
  // refused RSET has ended the session before it (TXN-18, OUT-04).
  if (r.why == errc::reset_refused) {
    if (!is_behind_refused_reset(npos)) wrong(r, "no RSET was refused");
    if (r.result == outcome::in_doubt) return;  // its content has left (BDAT-14)
    const outcome right = asked ? outcome::deferred : outcome::not_attempted;
    if (r.result != right && r.result != outcome::not_attempted) {
      wrong(r, "a refused RSET defers whom it asked for, and nobody else");
    }
    return;
  }
  if (rcpt_code / 100 == 5 && rcpt_code != 552 && r.category() == failure_category::reply &&
      r.result != outcome::rejected) {
    wrong(r, "its RCPT was refused for good (OUT-03)");
  }
  if (r.result != outcome::rejected && r.result != outcome::deferred) return;
  const bool left = t != nullptr && t->terminator != 0 && t->terminator <= sent_;
  if (left && rcpt_code / 100 == 2) {
    const failure_category c = r.category();
    const bool refused = c == failure_category::reply || c == failure_category::closing;
    if (!refused) wrong(r, "nobody refused the content, which has left");
  }
  if (r.result == outcome::rejected && r.answer && r.answer.first_digit() != 5) {
    wrong(r, "its reply is no 5yz");
  }
}

void auditor::impl::check_cut(const mail_book&, const transaction* t, const recipient_book& to,
                              const recipient_result& r) {
  // A chunk was refused before the link was cut (BDAT-08).
  if (r.stage == verb::bdat && r.category() == failure_category::reply) return;
  if (to.said == recipient_book::answer::accepted) {
    // By LMTP the cut may come behind the verdict on this one.
    const bool alone = t != nullptr && t->each && to.rcpt != npos && t->terminator != 0;
    const int verdict = alone ? verdict_digit(*t, to.rcpt) : 0;
    if (verdict != 0) {
      const outcome decided = verdict == 2   ? outcome::delivered
                              : verdict == 5 ? outcome::rejected
                                             : outcome::deferred;
      if (r.result != decided) wrong(r, "its own reply came before the cut (LMTP-04)");
      return;
    }
    const bool handed = t != nullptr && t->terminator != 0;
    const outcome right = handed && t->terminator <= sent_ ? outcome::in_doubt : outcome::deferred;
    // The terminator may be among the octets in flight, and the session must assume that they left.
    if (r.result != right && !(handed && in_flight_ && r.result == outcome::in_doubt)) {
      wrong(r, "it was accepted, and no final reply came (OUT-02, OUT-03)");
    }
  } else if (!in_flight_) {
    const bool left = t != nullptr && to.rcpt != npos && t->rcpts[to.rcpt].end <= sent_;
    const bool all_left = t != nullptr && t->terminator != 0 && t->terminator <= sent_;
    if (all_left && config_.pipelining == pipelining_level::stream) {  // BDAT-14
      if (r.result != outcome::in_doubt)
        wrong(r, "its content has left without an answer (OUT-02)");
      return;
    }
    if (r.result != (left ? outcome::deferred : outcome::not_attempted)) {
      wrong(r, left ? "its RCPT was written (OUT-03)" : "its RCPT was not written (OUT-04)");
    }
  }
}

}  // namespace sansmtp::script

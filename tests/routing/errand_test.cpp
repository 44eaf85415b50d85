#include "sansmtp/routing/errand.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "world.hpp"

namespace sansmtp::routing::test {
namespace {

envelope mail_to(const std::vector<std::string>& recipients) {
  envelope mail;
  mail.sender = path("s@a.test");
  for (const std::string& to : recipients) mail.recipients.emplace_back(std::string_view(to));
  return mail;
}

lines addresses(const envelope* mail) {
  lines result;
  if (mail == nullptr) return result;
  for (const recipient& to : mail->recipients) result.push_back(to.address.text());
  return result;
}

recipient_report said(outcome result, int code, verb stage = verb::rcpt, errc why = errc::none,
                      hint advice = hint::none, std::string text = "") {
  recipient_report r;
  r.result = result;
  r.stage = stage;
  r.code = code;
  r.why = why != errc::none              ? why
          : result == outcome::delivered ? errc::none
          : code / 100 == 5              ? errc::refused_permanently
          : code != 0                    ? errc::refused_transiently
                                         : errc::connection_lost;
  r.advice = advice;
  r.text = std::move(text);
  return r;
}
const auto delivered = [] { return said(outcome::delivered, 250, verb::content); };
const auto refused = [](int code) {
  return said(code / 100 == 5 ? outcome::rejected : outcome::deferred, code);
};
const auto greeted = [](int code) { return said(outcome::not_attempted, code, verb::greeting); };
const auto no_link = [] { return said(outcome::not_attempted, 0, verb::greeting); };
const auto lacking = [] {
  recipient_report r =
      said(outcome::rejected, 0, verb::mail, errc::utf8_not_offered, hint::other_host);
  r.enhanced = {5, 6, 7};
  return r;
};

delivery report_of(std::vector<recipient_report> recipients) {
  delivery d;
  d.recipients = std::move(recipients);
  return d;
}

attempt attempt_at(unsigned number, const std::string& host) {
  attempt a;
  a.number = number;
  a.host = host;
  return a;
}

/// A route over two hosts, a.test and b.test, that an errand follows.
struct journey {
  world w;
  errand e;

  explicit journey(const envelope& mail) : e(mail) {
    w.zone[{record::mx, "d.test"}] = mx({{10, "a.test"}, {20, "b.test"}});
    w.host("a.test", {"192.0.2.1"});
    w.host("b.test", {"192.0.2.2"});
    w.start("d.test");
  }
  /// What the current host says; tells the route, unless the errand stays.
  void told(const std::vector<recipient_report>& recipients) {
    told(recipients, ending_of(report_of(recipients)));
  }
  void told(const std::vector<recipient_report>& recipients, ending how) {
    e.reported(*w.r->current(), report_of(recipients));
    if (e.stays()) return;
    w.tried(how, e.remaining() != nullptr);
  }
  void end() { e.ended(w.r->why()); }
  [[nodiscard]] std::string outcomes() const {
    std::string text;
    for (const recipient_report& r : e.result().recipients) {
      if (!text.empty()) text += ", ";
      text += to_string(r.result);
      if (r.code != 0) text += " " + std::to_string(r.code);
      if (r.enhanced) text += " " + to_string(r.enhanced);
    }
    return text;
  }
};

TEST(split_by_domain, makes_a_share_of_each_domain) {  // RTE-18
  envelope mail = mail_to({"1@B.test", "2@a.test", "3@b.TEST", "\"x@y\"@a.test", "postmaster",
                           "4@[192.0.2.1]", "5@a.test"});
  mail.envelope_id = "id";
  mail.require_tls = true;
  mail.return_content = dsn_return::headers;
  mail.authenticated_sender = path("x@a.test");
  mail.deliver_by = "120;R";
  mail.priority = std::int8_t{3};
  mail.hold_for = "60";
  mail.hold_until = "x";
  mail.parameters = {{"X", "y"}};
  mail.recipients[2].notification = notify::failure;
  const std::vector<domain_share> shares = split_by_domain(mail);
  ASSERT_EQ(shares.size(), 4u);
  EXPECT_EQ(shares[0].domain, "b.test");
  EXPECT_EQ(addresses(&shares[0].mail), (lines{"1@B.test", "3@b.TEST"}));
  EXPECT_EQ(shares[0].indices, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(shares[0].mail.recipients[1].notification, notify::failure);
  EXPECT_EQ(shares[1].domain, "a.test");
  EXPECT_EQ(addresses(&shares[1].mail), (lines{"2@a.test", "\"x@y\"@a.test", "5@a.test"}));
  EXPECT_EQ(shares[2].domain, "");
  EXPECT_EQ(shares[3].domain, "[192.0.2.1]");
  for (const domain_share& s : shares) {
    EXPECT_EQ(s.mail.sender, mail.sender);
    EXPECT_EQ(s.mail.envelope_id, "id");
    EXPECT_TRUE(s.mail.require_tls);
    EXPECT_EQ(s.mail.return_content, dsn_return::headers);
    EXPECT_EQ(s.mail.authenticated_sender, path("x@a.test"));
    EXPECT_EQ(s.mail.deliver_by, "120;R");
    EXPECT_EQ(s.mail.priority, 3);
    EXPECT_EQ(s.mail.hold_for, "60");
    EXPECT_EQ(s.mail.hold_until, "x");
    EXPECT_EQ(s.mail.parameters.size(), 1u);
  }
  EXPECT_TRUE(split_by_domain(envelope()).empty());
}

TEST(split_by_domain, keeps_what_a_bad_address_means) {  // RTE-16
  envelope mail = mail_to({"1@a.test", "bad", "2@b.test"});
  std::vector<domain_share> shares = split_by_domain(mail);
  ASSERT_EQ(shares.size(), 1u);  // nobody is to be sent to
  EXPECT_EQ(shares[0].domain, "");
  EXPECT_EQ(shares[0].indices.size(), 3u);
  const errand e(shares[0].mail);
  EXPECT_EQ(e.remaining(), nullptr);
  EXPECT_EQ(e.result().recipients[0].result, outcome::not_attempted);
  EXPECT_EQ(e.result().recipients[0].why, errc::envelope_refused);
  EXPECT_EQ(e.result().recipients[1].result, outcome::rejected);
  EXPECT_EQ(e.result().recipients[1].why, errc::bad_address);
  mail.skip_bad_recipients = true;
  shares = split_by_domain(mail);
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_TRUE(shares[0].mail.skip_bad_recipients);
  EXPECT_EQ(shares[1].domain, "");
}

TEST(errand, offers_nobody_twice_who_is_done_with) {  // RTE-16
  journey j(mail_to({"1@d.test", "2@d.test", "3@d.test", "4@d.test"}));
  EXPECT_EQ(addresses(j.e.remaining()).size(), 4u);
  EXPECT_EQ(j.e.remaining()->sender.text(), "s@a.test");
  j.told({delivered(), refused(450), said(outcome::in_doubt, 0, verb::content), refused(550)});
  EXPECT_EQ(addresses(j.e.remaining()), lines{"2@d.test"});
  EXPECT_EQ(j.w.r->current()->host, "b.test");
  EXPECT_EQ(j.e.result().recipients[1].result, outcome::pending);
  j.told({delivered()});
  EXPECT_EQ(j.e.remaining(), nullptr);
  EXPECT_EQ(j.w.end(), "served");
  j.end();
  EXPECT_EQ(j.outcomes(), "delivered 250, delivered 250, in_doubt, rejected 550");
  EXPECT_EQ(j.e.result().error, std::error_code());
  EXPECT_EQ(j.e.result().recipients[0].address, "1@d.test");
}

// Any reports at all: who is done with is never offered again, and in the end each has one outcome.
TEST(errand, keeps_its_promises_whatever_is_reported) {  // RTE-16 RTE-18 OUT-01
  std::minstd_rand chance(7);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(chance()) % n; };
  for (int round = 0; round < 3000; ++round) {
    lines all;
    for (unsigned i = 0; i <= below(6); ++i) all.push_back(std::to_string(i) + "@d.test");
    errand e(mail_to(all));
    std::vector<outcome> last(all.size(), outcome::pending);
    unsigned transactions = 0;
    for (unsigned host = 1; host <= 3 && e.remaining() != nullptr; ++host) {
      do {
        ++transactions;
        const lines offered = addresses(e.remaining());
        delivery d;
        for (const std::string& to : offered) {
          const std::size_t i = static_cast<std::size_t>(to[0] - '0');
          ASSERT_EQ(last[i], outcome::pending) << to;
          switch (below(7)) {
            case 0:
              d.recipients.push_back(delivered());
              last[i] = outcome::delivered;
              break;
            case 1:
              d.recipients.push_back(refused(550));
              last[i] = outcome::rejected;
              break;
            case 2:
              d.recipients.push_back(said(outcome::in_doubt, 0, verb::content));
              last[i] = outcome::in_doubt;
              break;
            case 3: d.recipients.push_back(refused(450)); break;
            case 4: d.recipients.push_back(no_link()); break;
            case 5: d.recipients.push_back(lacking()); break;
            default:
              d.recipients.push_back(said(outcome::not_attempted, 452, verb::rcpt,
                                          errc::recipient_limit, hint::too_many_recipients));
          }
        }
        e.reported(attempt_at(host, "h" + std::to_string(host)), d);
        const lines next = addresses(e.remaining());
        if (e.stays()) {
          ASSERT_LT(next.size(), offered.size());
        }
      } while (e.stays());
    }
    ASSERT_LE(transactions, 3 * 7u);
    verdict v;
    v.what = conclusion::deferred;
    v.code = {4, 4, 1};
    e.ended(v);
    ASSERT_EQ(e.remaining(), nullptr);
    ASSERT_EQ(e.result().recipients.size(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const recipient_report& r = e.result().recipients[i];
      ASSERT_EQ(r.address, all[i]);
      if (last[i] != outcome::pending) {
        ASSERT_EQ(r.result, last[i]);
      } else {
        ASSERT_TRUE(r.result == outcome::deferred || r.result == outcome::rejected);
        ASSERT_NE(r.why, errc::none);
      }
    }
    e.ended({});
    e.reported(attempt_at(9, "x"), report_of({refused(450)}));
    ASSERT_EQ(e.remaining(), nullptr);
  }
}

TEST(errand, stays_where_a_transaction_is_full) {  // RTE-17
  journey j(mail_to({"1@d.test", "2@d.test", "3@d.test", "4@d.test"}));
  const auto too_many = [] {
    return said(outcome::not_attempted, 452, verb::rcpt, errc::recipient_limit,
                hint::too_many_recipients);
  };
  j.told({delivered(), refused(450), too_many(), too_many()});
  EXPECT_TRUE(j.e.stays());
  EXPECT_EQ(addresses(j.e.remaining()), (lines{"3@d.test", "4@d.test"}));
  EXPECT_EQ(j.w.r->current()->host, "a.test");
  j.told({delivered(), too_many()});
  EXPECT_TRUE(j.e.stays());
  j.told({too_many()});  // no room even for one: another host may have some
  EXPECT_FALSE(j.e.stays());
  EXPECT_EQ(j.w.r->current()->host, "b.test");
  EXPECT_EQ(addresses(j.e.remaining()), (lines{"2@d.test", "4@d.test"}));
  j.told({delivered(), too_many()});
  EXPECT_TRUE(j.e.stays());
  j.told({delivered()});
  j.end();
  EXPECT_EQ(j.outcomes(), "delivered 250, delivered 250, delivered 250, delivered 250");
  ASSERT_EQ(j.e.hops().size(), 2u);  // one for each host, not for each transaction
  EXPECT_EQ(j.e.hops()[0].delivered, 2u);
  EXPECT_EQ(j.e.hops()[1].delivered, 2u);
}

TEST(errand, moves_on_where_a_host_lacks_something) {  // RTE-17 OUT-05
  journey j(mail_to({"1@d.test", "2@d.test"}));
  j.told({lacking(), lacking()});
  EXPECT_EQ(j.w.r->current()->host, "b.test");
  j.told({delivered(), lacking()});
  EXPECT_TRUE(j.w.r->over());
  j.end();  // rejected at the last
  EXPECT_EQ(j.outcomes(), "delivered 250, rejected 5.6.7");
  EXPECT_EQ(j.e.result().recipients[1].why, errc::utf8_not_offered);

  journey later(mail_to({"1@d.test"}));  // the other host may have it, when it can be reached
  later.told({lacking()});
  later.told({no_link()}, ending::unreachable);
  later.end();
  EXPECT_EQ(later.outcomes(), "deferred 4.3.0");
  journey greylisted(mail_to({"1@d.test"}));
  greylisted.told({refused(450)});
  greylisted.told({lacking()});
  greylisted.end();
  EXPECT_EQ(greylisted.outcomes(), "deferred 450 4.3.0");
}

TEST(errand, tells_what_tells_most) {  // RTE-18
  for (const bool other_way_round : {false, true}) {
    journey j(mail_to({"1@d.test"}));
    if (other_way_round) j.told({no_link()}, ending::unreachable);
    j.told({said(outcome::deferred, 450, verb::rcpt, errc::none, hint::none, "4.2.0 come again")});
    if (!other_way_round) j.told({no_link()}, ending::unreachable);
    j.end();
    EXPECT_EQ(j.outcomes(), "deferred 450 4.3.0");
    EXPECT_EQ(j.e.result().recipients[0].text, "4.2.0 come again");
    EXPECT_EQ(j.e.result().error, errc::refused_transiently);
    ASSERT_EQ(j.e.hops().size(), 2u);
    EXPECT_EQ(j.e.hops()[other_way_round ? 1 : 0].code, 450);
    EXPECT_EQ(j.e.hops()[other_way_round ? 1 : 0].text, "4.2.0 come again");
    EXPECT_EQ(j.e.hops()[other_way_round ? 1 : 0].way.why, obstacle::unserved);
    EXPECT_EQ(j.e.hops()[other_way_round ? 0 : 1].way.why, obstacle::unreachable);
    EXPECT_EQ(j.e.hops()[other_way_round ? 0 : 1].why, errc::connection_lost);
  }
  journey opening(mail_to({"1@d.test"}));  // an answer to the mail more than one to the opening
  opening.told({refused(451)});
  opening.told({greeted(421)});
  opening.end();
  EXPECT_EQ(opening.outcomes(), "deferred 451 4.3.0");
  journey later(mail_to({"1@d.test"}));  // and of two the later one
  later.told({refused(451)});
  later.told({refused(452)});
  later.end();
  EXPECT_EQ(later.outcomes(), "deferred 452 4.3.0");
}

TEST(errand, gives_a_code_that_fits_its_outcome) {  // RTE-18
  journey j(mail_to({"1@d.test"}));
  recipient_report full = said(outcome::not_attempted, 552, verb::rcpt, errc::recipient_limit,
                               hint::too_many_recipients);
  full.enhanced = {5, 5, 3};
  j.told({full});
  j.told({full});
  j.end();
  EXPECT_EQ(j.outcomes(), "deferred 552 4.3.0");
  journey own(mail_to({"1@d.test"}));  // and its own one where that fits
  recipient_report later = refused(450);
  later.enhanced = {4, 2, 1};
  own.told({later});
  own.told({no_link()}, ending::unreachable);
  own.end();
  EXPECT_EQ(own.outcomes(), "deferred 450 4.2.1");
}

TEST(errand, ends_as_its_route_does) {  // RTE-14 RTE-18
  journey hard(mail_to({"1@d.test"}));
  hard.told({greeted(554)});
  hard.told({greeted(521)});
  hard.end();
  EXPECT_EQ(hard.outcomes(), "rejected 521 5.3.2");
  EXPECT_TRUE(is_permanent(hard.e.result().recipients[0].why, 521));

  journey soft(mail_to({"1@d.test"}));
  soft.told({greeted(554)});
  soft.told({no_link()}, ending::unreachable);
  soft.end();
  EXPECT_EQ(soft.outcomes(), "deferred 4.4.1");
  EXPECT_EQ(soft.e.hops()[0].code, 554);

  // A failed handshake that clear text followed counts for nothing.
  journey tls(mail_to({"1@d.test"}));
  tls.told({said(outcome::not_attempted, 0, verb::handshake, errc::tls_failed)});
  tls.told({greeted(554)});
  tls.told({greeted(554)});
  tls.end();
  EXPECT_EQ(tls.outcomes(), "rejected 554 5.3.2");
  ASSERT_EQ(tls.e.hops().size(), 3u);
  EXPECT_TRUE(tls.e.hops()[0].way.superseded);
  EXPECT_EQ(tls.e.hops()[0].why, errc::tls_failed);

  journey lacking_behind_tls(mail_to({"1@d.test"}));
  lacking_behind_tls.told({said(outcome::not_attempted, 0, verb::handshake, errc::tls_failed)});
  lacking_behind_tls.told({lacking()});
  lacking_behind_tls.told({lacking()});
  lacking_behind_tls.end();
  EXPECT_EQ(lacking_behind_tls.outcomes(), "rejected 5.6.7");

  for (const auto& [answer, expected] : {std::pair(none(found::no_name), "rejected 5.1.2"),
                                         std::pair(mx({{0, "."}}), "rejected 5.1.10"),
                                         std::pair(none(found::failed), "deferred 4.4.3")}) {
    world w;
    w.zone[{record::mx, "d.test"}] = answer;
    w.start("d.test");
    errand e(mail_to({"1@d.test", "2@d.test"}));
    e.ended(w.r->why());
    for (const recipient_report& r : e.result().recipients) {
      EXPECT_EQ(std::string(to_string(r.result)) + " " + to_string(r.enhanced), expected);
      EXPECT_EQ(is_permanent(r.why, r.code), r.result == outcome::rejected);
      EXPECT_EQ(r.stage, verb::greeting);
    }
    EXPECT_EQ(e.result().error, e.result().recipients[0].why);
    EXPECT_EQ(e.hops().size(), 1u);
  }
}

TEST(errand, tells_of_hosts_that_were_passed_over) {  // RTE-18
  journey j(mail_to({"1@d.test"}));
  j.w.zone[{record::mx, "d.test"}] =
      mx({{5, "none.test"}, {10, "a.test"}, {15, "none2.test"}, {20, "b.test"}});
  j.w.start("d.test");
  j.told({refused(450)});
  EXPECT_EQ(j.e.hops().size(), 1u);
  j.told({refused(451)});
  j.end();
  std::string hops;
  for (const hop_report& h : j.e.hops()) {
    hops += h.way.host + " " + std::to_string(h.way.number) + " " + std::to_string(h.code) + ", ";
  }
  EXPECT_EQ(hops, "none.test 0 0, a.test 1 450, none2.test 0 0, b.test 2 451, ");
}

TEST(errand, may_join_a_route_on_its_way) {  // RTE-18
  journey j(mail_to({"1@d.test"}));
  j.w.tried(ending::unreachable);  // another mail's news
  j.told({lacking()});
  j.end();
  EXPECT_EQ(j.outcomes(), "deferred 4.3.0");  // a.test might have taken it
  EXPECT_EQ(j.e.hops().size(), 2u);

  // Told of something that the route does not know of yet, it is kept.
  journey early(mail_to({"1@d.test"}));
  early.e.reported(*early.w.r->current(), report_of({lacking()}));
  early.end();
  EXPECT_EQ(early.outcomes(), "deferred");
  EXPECT_EQ(early.e.hops().size(), 1u);
}

TEST(errand, keeps_its_hops_whatever_the_route_tells) {  // RTE-18
  errand e(mail_to({"1@d.test"}));
  for (const unsigned number : {1U, 2U, 5U}) {
    e.reported(attempt_at(number, "h" + std::to_string(number)), report_of({refused(450)}));
  }
  verdict v;
  v.what = conclusion::deferred;
  v.hops = {{2, "h2", 0, obstacle::unserved, false}, {3, "h3", 0, obstacle::lost, false}};
  e.ended(v);
  std::string numbers;
  for (const hop_report& h : e.hops()) numbers += std::to_string(h.way.number) + " ";
  EXPECT_EQ(numbers, "1 2 3 5 ");
}

TEST(errand, goes_on_without_bad_addresses_if_that_is_wanted) {  // RTE-16 TXN-28
  for (const bool skips : {true, false}) {
    envelope mail = mail_to({"1@d.test", "no mailbox", "3@d.test"});
    mail.skip_bad_recipients = skips;
    journey j(mail);
    EXPECT_EQ(addresses(j.e.remaining()), skips ? (lines{"1@d.test", "3@d.test"}) : lines{});
    const std::vector<recipient_report>& all = j.e.result().recipients;
    EXPECT_EQ(all[1].result, outcome::rejected);
    EXPECT_EQ(all[1].why, errc::bad_address);
    if (skips) {
      j.told({delivered(), refused(550)});
      EXPECT_EQ(j.w.end(), "served");
      EXPECT_EQ(j.outcomes(), "delivered 250, rejected, rejected 550");
    } else {
      EXPECT_EQ(all[0].result, outcome::not_attempted);
      EXPECT_EQ(all[0].why, errc::envelope_refused);
      EXPECT_EQ(j.e.result().error, errc::envelope_refused);
    }
  }
}

TEST(errand, learns_at_the_end_what_another_mail_met) {  // RTE-18
  journey j(mail_to({"1@d.test"}));
  j.told({lacking()});
  j.w.tried(ending::unreachable);  // told by another mail alone
  j.end();
  EXPECT_EQ(j.outcomes(), "deferred 4.3.0");  // b.test might have taken it
  ASSERT_EQ(j.e.hops().size(), 2u);
  EXPECT_EQ(j.e.hops()[0].why, errc::utf8_not_offered);
  EXPECT_EQ(j.e.hops()[1].way.host, "b.test");
  EXPECT_EQ(j.e.hops()[1].way.why, obstacle::unreachable);
  EXPECT_EQ(j.e.hops()[1].why, errc::none);
}

TEST(errand, leaves_alone_what_the_caller_gave_up) {  // RTE-16 POOL-01
  for (const errc why : {errc::aborted, errc::recipient_refused}) {
    errand e(mail_to({"1@d.test"}));
    e.reported(attempt_at(1, "a"), report_of({said(outcome::not_attempted, 0, verb::rcpt, why)}));
    EXPECT_EQ(e.remaining(), nullptr);
    EXPECT_EQ(e.result().recipients[0].why, why);
    EXPECT_EQ(e.result().error, why);
  }
}

TEST(errand, bears_reports_of_any_length) {  // RTE-18
  errand e(mail_to({"1@d.test", "2@d.test"}));
  e.reported(attempt_at(1, "a"), report_of({}));
  EXPECT_EQ(addresses(e.remaining()).size(), 2u);
  e.reported(attempt_at(2, "b"), report_of({delivered()}));
  EXPECT_EQ(addresses(e.remaining()), lines{"2@d.test"});
  e.reported(attempt_at(3, "c"), report_of({delivered(), delivered(), delivered()}));
  EXPECT_EQ(e.remaining(), nullptr);
  errand nobody{envelope()};
  EXPECT_EQ(nobody.remaining(), nullptr);
  EXPECT_EQ(nobody.result().error, errc::no_recipients);
}

TEST(ending_of, reads_a_report) {  // RTE-13
  struct row {
    recipient_report told;
    ending how;
  };
  using enum ending;
  const auto fails = [](errc why, int code = 0, verb stage = verb::greeting) {
    return said(outcome::not_attempted, code, stage, why);
  };
  for (const row& x : {
           row{delivered(), done},
           row{refused(450), done},
           row{refused(550), done},
           row{said(outcome::in_doubt, 0, verb::content), done},
           row{said(outcome::deferred, 451, verb::mail), done},
           row{fails(errc::connection_lost, 0, verb::mail), lost},
           row{fails(errc::connection_lost, 0, verb::rcpt), done},
           row{lacking(), done},
           row{fails(errc::content_too_big, 0, verb::mail), done},
           row{greeted(554), refused_permanently},
           row{greeted(450), refused_transiently},
           row{fails(errc::service_closing, 421), refused_transiently},
           row{fails(errc::auth_refused, 535, verb::auth), refused_permanently},
           row{fails(errc::auth_refused, 454, verb::auth), refused_transiently},
           row{fails(errc::auth_not_offered, 0, verb::auth), refused_transiently},
           row{fails(errc::tls_not_offered, 0, verb::ehlo), tls_missing},
           row{fails(errc::tls_refused, 454, verb::starttls), tls_missing},
           row{fails(errc::tls_failed, 0, verb::handshake), tls_failed},
           row{fails(errc::plaintext_peer, 0, verb::handshake), tls_failed},
           row{fails(errc::tls_too_weak, 0, verb::handshake), tls_failed},
           row{fails(errc::handshake_lost, 0, verb::handshake), tls_failed},
           row{fails(errc::handshake_timed_out, 0, verb::handshake), tls_failed},
           row{fails(errc::connection_lost), lost},
           row{fails(errc::timed_out), lost},
           row{fails(errc::malformed_reply), lost},
           row{fails(errc::reply_too_long), lost},
           row{fails(errc::session_aborted), lost},
           row{fails(errc::session_closed), lost},
       }) {
    EXPECT_EQ(to_string(ending_of(report_of({x.told}))), to_string(x.how)) << to_string(x.told.why);
  }
  EXPECT_EQ(ending_of(delivery()), lost);
  EXPECT_EQ(ending_of(report_of({no_link(), delivered()})), done);
}

}  // namespace
}  // namespace sansmtp::routing::test

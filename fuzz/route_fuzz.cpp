// A route among answers that nobody would give: it ends, goes nowhere it must not, keeps within its
// bounds, and does the same again (group 22 of the catalogue).
//
// Input: decisions: what each answer holds, when it comes, how each attempt ends.
#include <sansmtp/routing/errand.hpp>
#include <sansmtp/routing/route.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "decisions.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;
using namespace sansmtp::routing;
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 12> names{
    "a.test",   "b.test", "mx.d.test", "d.test", "SELF.test.", "192.0.2.1",
    "10.0.0.1", ".",      "",          "not ok", "x..y",       "_x.d.test"};
constexpr std::array<std::string_view, 8> numbers{"192.0.2.1",       "192.0.2.2",   "127.0.0.1",
                                                  "192.0.2.99",      "2001:db8::1", "::1",
                                                  "::ffff:10.0.0.1", "ff02::1"};
constexpr std::array<std::string_view, 6> texts{
    "v=STSv1; id=1;", "v=STSv1; id=2", "v=STSv1; id=%", "v=spf1 -all", "", "v=STSv1;"};
constexpr std::array<std::string_view, 6> files{
    "version: STSv1\nmode: enforce\nmx: *.d.test\nmx: a.test\nmax_age: 86400\n",
    "version: STSv1\nmode: testing\nmx: b.test\nmax_age: 60\n",
    "version: STSv1\nmode: none\nmax_age: 0\n",
    "version: STSv1\nmode: enforce\nmx: nobody.test\nmax_age: 31557600\n",
    "version: STSv2\n",
    ""};

ip_address number_of(decisions& d) { return *ip_address::parse(numbers[d.below(numbers.size())]); }

std::string name_of(decisions& d) {
  if (d.one_in(16)) return std::string(d.text(64));
  return std::string(names[d.below(names.size())]);
}

/// An answer that has all that any question might ask for.
dns_answer answer_of(decisions& d) {
  dns_answer a;
  const unsigned what = d.below(8);
  a.what = what < 5 ? static_cast<found>(what) : found::ok;
  const unsigned with = d.octet();
  a.secure = (with & 1) != 0;
  if ((with & 2) != 0) a.canonical = name_of(d);
  const unsigned many = d.one_in(32) ? 400 : 1;
  for (unsigned i = d.below(4); i != 0; --i) {
    for (unsigned k = 0; k < many; ++k) {
      std::string name = name_of(d);
      if (k != 0) name = std::to_string(k) + "." + name;
      a.exchanges.push_back({static_cast<std::uint16_t>(d.below(4)), std::move(name)});
    }
  }
  for (unsigned i = d.below(4) * many; i != 0; --i) a.addresses.push_back(number_of(d));
  for (unsigned i = d.below(3); i != 0; --i) {
    a.tlsas.push_back({static_cast<std::uint8_t>(d.below(5)), static_cast<std::uint8_t>(d.below(3)),
                       static_cast<std::uint8_t>(d.below(4)),
                       std::string(d.one_in(2) ? 32U : d.octet(), 'x')});
  }
  for (unsigned i = d.below(3); i != 0; --i) a.texts.emplace_back(texts[d.below(texts.size())]);
  return a;
}

route_options options_of(decisions& d) {
  route_options o;
  const unsigned bits = d.octet();
  o.seed = d.octet();
  o.own_names = {"self.test"};
  o.own_addresses = {*ip_address::parse("192.0.2.99")};
  o.dane = (bits & 1) != 0;
  o.sts = (bits & 2) != 0;
  o.private_addresses = (bits & 4) != 0;
  o.clear_text_retry = (bits & 8) == 0;
  o.require_tls = (bits & 16) != 0;
  o.families = (bits & 32) != 0 ? family_order::v4_first : family_order::v6_first;
  if ((bits & 64) != 0) {
    o.hosts = d.below(4);
    o.addresses_per_host = d.below(4);
    o.attempts = d.below(4);
  }
  if ((bits & 128) != 0) o.tls = static_cast<tls_mode>(d.below(4));
  return o;
}

/// One journey, with all that was seen of it.
class journey {
 public:
  explicit journey(decisions d) : d_(d), options_(options_of(d_)), cache_(1, 4) {
    errand_.emplace(mail());
    route_.emplace(d_.one_in(8) ? name_of(d_) : "d.test", options_, cache_, memory_);
  }

  std::string play() {
    for (unsigned step = 0; !route_->over(); ++step) {
      require(step < 20'000, "a route ends");
      collect();
      if (d_.one_in(8)) pass_time();
      if (d_.one_in(16)) nonsense();
      if (const attempt* a = route_->current()) {
        check(*a);
        try_it(*a);
      } else {
        answer();
      }
    }
    check_end();
    return told_;
  }

 private:
  static envelope mail() {
    envelope e;
    for (const char* to : {"1@d.test", "2@d.test", "3@d.test"}) {
      e.recipients.emplace_back(std::string_view(to));
    }
    return e;
  }

  void collect() {
    while (auto q = route_->next_question(now_)) {
      require(ids_.insert(q->id).second, "an id is used once");
      require(!q->name.empty() && q->name.size() <= 253,
              "a question has a name that can be asked for");
      require(q->name.find_first_of(" \r\n\t") == std::string::npos, "and no blanks in it");
      told_ += "Q " + q->name + "\n";
      questions_.push_back(*q);
      asked_[q->id] = now_;
    }
    // The route waits no longer for what was not answered in time, though an answer may still come.
    const auto waited_for = [this](const question& q) {
      return now_ - asked_.at(q.id) < options_.dns_timeout;
    };
    require(std::count_if(questions_.begin(), questions_.end(), waited_for) <= 2,
            "few questions are open at a time");
    while (auto f = route_->next_fetch(now_)) {
      require(ids_.insert(f->id).second, "an id is used once");
      require(f->host.starts_with("mta-sts."), "only policies are fetched");
      told_ += "F " + f->host + "\n";
      fetches_.push_back(*f);
    }
    const auto deadline = route_->deadline();
    require(route_->current() != nullptr || route_->over() || deadline.has_value(),
            "who waits has a deadline");
  }

  void pass_time() {
    now_ += std::chrono::seconds(d_.below(40));
    if (!d_.one_in(2)) return;
    route_->advance(now_);
    const auto deadline = route_->deadline();
    require(!deadline || *deadline > now_, "behind advance no deadline has passed");
  }

  /// What nobody asked for, and what was answered before.
  void nonsense() {
    const std::uint32_t id = d_.below(40);
    const bool is_open =
        std::any_of(questions_.begin(), questions_.end(),
                    [&](const question& q) { return q.id == id; }) ||
        std::any_of(fetches_.begin(), fetches_.end(), [&](const fetch& f) { return f.id == id; });
    if (is_open) return;
    const bool was_over = route_->over();
    const unsigned number = route_->current() == nullptr ? 0 : route_->current()->number;
    route_->answered(now_, id, answer_of(d_));
    route_->fetched(now_, id, 200, as_bytes(files[0]));
    route_->fetch_failed(now_, id, {});
    route_->tried(now_, number + 1 + d_.below(4), ending::done);
    // Time may have passed in it, and so a deadline.
    if (!was_over && number != 0) {
      require(route_->current() != nullptr && route_->current()->number == number,
              "what nobody asked for changes nothing");
    }
  }

  void answer() {
    if (d_.empty()) now_ += 100s;
    if (!questions_.empty() && !d_.one_in(4)) {
      const auto at = questions_.begin() + d_.below(static_cast<unsigned>(questions_.size()));
      const std::uint32_t id = at->id;
      questions_.erase(at);
      if (!d_.empty()) return route_->answered(now_, id, answer_of(d_));
    } else if (!fetches_.empty()) {
      const std::uint32_t id = fetches_.back().id;
      fetches_.pop_back();
      if (d_.one_in(3))
        return route_->fetch_failed(now_, id, std::make_error_code(std::errc::timed_out));
      return route_->fetched(now_, id, d_.one_in(8) ? 404 : 200,
                             as_bytes(files[d_.below(files.size())]));
    }
    // Somebody never answers.
    if (d_.empty()) {
      questions_.clear();
      fetches_.clear();
      route_->advance(now_);
    }
  }

  void check(const attempt& a) {
    require(a.number == last_number_ + 1, "attempts are counted");
    require(!a.host.empty() && !a.addresses.empty(), "an attempt has a host and an address");
    require(a.addresses.size() <= std::max(options_.addresses_per_host, 1U), "few addresses");
    for (const ip_address& address : a.addresses) {
      require(is_admissible(address, options_.private_addresses), "no forbidden address");
      require(address != options_.own_addresses[0], "no loop");
    }
    const std::set<ip_address> once(a.addresses.begin(), a.addresses.end());
    require(once.size() == a.addresses.size(), "no address twice");
    require(a.host != "self.test", "no loop by name");
    if (a.demand.level == demand_level::names) require(!a.demand.names.empty(), "names are named");
    if (a.demand.level == demand_level::records) {
      require(!a.demand.records.empty() && options_.dane, "records are there");
    }
    if (options_.tls != tls_mode::off) {
      const bool in_clear = a.tls == tls_mode::off;
      require(!in_clear || (may_go_clear_ && a.host == last_host_ && options_.clear_text_retry),
              "clear text only behind a failed handshake at the same host");
      require(!in_clear || !options_.require_tls, "and never with REQUIRETLS");
      require(a.tls != tls_mode::opportunistic || a.demand.level == demand_level::encrypted,
              "who demands something does not leave it to chance");
    }
    hosts_.insert(a.host);
    require(hosts_.size() <= std::max(options_.hosts, 1U), "few hosts");
    require(last_number_ < std::max(options_.attempts, 1U) + 2, "few attempts");
  }

  void try_it(const attempt& a) {
    told_ += site_of(a) + "\n";
    last_number_ = a.number;
    last_host_ = a.host;
    trial t;
    t.how = d_.empty() ? ending::unreachable : static_cast<ending>(d_.below(ending_count));
    may_go_clear_ = t.how == ending::tls_failed && a.tls == tls_mode::opportunistic;
    t.family = d_.one_in(2) ? ip_family::v4 : ip_family::v6;
    const tls_info tls;
    if (d_.one_in(2)) t.tls = &tls;
    if (errand_->remaining() != nullptr) {
      delivery report;
      for (std::size_t i = 0; i < errand_->remaining()->recipients.size(); ++i) {
        recipient_report r;
        r.result = static_cast<outcome>(1 + d_.below(5));
        r.why = static_cast<errc>(d_.below(static_cast<unsigned>(errc::aborted) + 1));
        r.code = d_.one_in(2) ? 400 + static_cast<int>(d_.below(200)) : 0;
        r.advice = d_.one_in(2) ? hint::other_host : hint::none;
        report.recipients.push_back(r);
      }
      errand_->reported(a, report);
    }
    t.somebody_waits = errand_->remaining() != nullptr;
    route_->tried(now_, a.number, t);
  }

  void check_end() {
    const verdict& v = route_->why();
    require(v.what != conclusion::open, "an end is a conclusion");
    require((v.what == conclusion::rejected) == (v.code.status_class == 5), "5 is rejected");
    require((v.what == conclusion::deferred) == (v.code.status_class == 4), "4 is deferred");
    require(!v.hops.empty() && !v.text.empty(), "and says why");
    require(v.hops.size() < 400, "in a bounded report");
    require(route_->current() == nullptr && !route_->deadline(), "behind the end is nothing");
    require(!route_->next_question(now_) && !route_->next_fetch(now_), "nothing at all");
    told_ += v.text + to_string(v.code) + "\n";
    while (auto row = route_->next_row())
      told_ += row->host + std::string(to_string(row->result)) + "\n";
    for (const fetch& f : fetches_) {
      if (d_.one_in(2)) route_->fetched(now_, f.id, 200, as_bytes(files[0]));
    }
    errand_->ended(v);
    require(errand_->remaining() == nullptr, "an errand ends with its route");
    require(errand_->result().recipients.size() == 3, "one outcome for each recipient");
    for (const recipient_report& r : errand_->result().recipients) {
      require(r.result != outcome::pending, "that is decided");
      told_ += r.address + std::string(to_string(r.result)) + "\n";
    }
  }

  decisions d_;
  route_options options_;
  sts_cache cache_;
  host_memory memory_;
  std::optional<route> route_;
  std::optional<errand> errand_;
  time_point now_{1'000'000s};
  std::string told_;
  std::vector<question> questions_;
  std::map<std::uint32_t, time_point> asked_;
  std::vector<fetch> fetches_;
  std::set<std::uint32_t> ids_;
  std::set<std::string> hosts_;
  unsigned last_number_ = 0;
  std::string last_host_;
  bool may_go_clear_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const decisions d(data, size);
  const std::string once = journey(d).play();
  require(journey(d).play() == once, "the same answers give the same way");
  return 0;
}

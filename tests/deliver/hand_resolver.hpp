// A DNS that a test writes down.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/routing/dane.hpp"
#include "sansmtp/routing/lookup.hpp"

namespace sansmtp::test {

/// Answers at once; what was not written down has no records, or no name.
class hand_resolver final : public routing::resolver {
 public:
  /// The same for all answers: do they say that they are verified?
  bool secure = false;
  /// And does the resolver verify them itself?
  bool validating = true;

  void mx(const std::string& domain, std::uint16_t preference, const std::string& host) {
    at(routing::record::mx, domain).exchanges.push_back({preference, host});
  }
  void address(const std::string& host, std::string_view address) {
    const auto parsed = routing::ip_address::parse(address).value();
    const bool v4 = parsed.family() == routing::ip_family::v4;
    at(v4 ? routing::record::a : routing::record::aaaa, host).addresses.push_back(parsed);
  }
  /// The host's IPv4 addresses are those of `base`, whose alias it is.
  void alias(const std::string& host, const std::string& base) {
    at(routing::record::a, host).canonical = base;
    at(routing::record::aaaa, host) = {routing::found::no_data, false, {}, base, {}, {}, {}, {}};
  }
  void tlsa(const std::string& host, std::uint16_t port, tlsa_record r) {
    at(routing::record::tlsa, routing::tlsa_name(port, host)).tlsas.push_back(std::move(r));
  }
  void txt(const std::string& name, const std::string& text) {
    at(routing::record::txt, name).texts.push_back(text);
  }
  void fail(routing::record type, const std::string& name, routing::found how) {
    at(type, name).what = how;
  }

  /// What was asked, in order: "MX good.test".
  std::vector<std::string> asked;

  [[nodiscard]] ticket ask(const routing::question& q) override {
    asked.push_back(std::string(to_string(q.type)) + ' ' + q.name);
    routing::dns_answer found;
    const auto known = zone_.find({q.type, q.name});
    if (known != zone_.end()) {
      found = known->second;
    } else {
      found.what = names_.count(q.name) != 0 ? routing::found::no_data : routing::found::no_name;
    }
    found.secure = secure;
    answers_.push_back({++last_, std::move(found)});
    return last_;
  }
  [[nodiscard]] std::optional<answer> next_answer() override {
    if (answers_.empty()) return std::nullopt;
    answer first = std::move(answers_.front());
    answers_.pop_front();
    return first;
  }
  [[nodiscard]] bool validates() override { return validating; }

 private:
  routing::dns_answer& at(routing::record type, const std::string& name) {
    ++names_[name];
    routing::dns_answer& a = zone_[{type, name}];
    a.what = routing::found::ok;
    return a;
  }

  std::map<std::pair<routing::record, std::string>, routing::dns_answer> zone_;
  std::map<std::string, int> names_;
  std::deque<answer> answers_;
  ticket last_ = 0;
};

/// Has one policy for every host, or none.
class hand_fetcher final : public routing::fetcher {
 public:
  std::string policy;
  std::error_code error;
  std::vector<std::string> asked;

  [[nodiscard]] ticket get(const routing::fetch& f) override {
    asked.push_back(f.host);
    results_.push_back({++last_, error, 200, policy});
    return last_;
  }
  [[nodiscard]] std::optional<result> next_result() override {
    if (results_.empty()) return std::nullopt;
    result first = std::move(results_.front());
    results_.pop_front();
    return first;
  }

 private:
  std::deque<result> results_;
  ticket last_ = 0;
};

}  // namespace sansmtp::test

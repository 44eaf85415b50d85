// An example to copy: how you fuzz *your* event handler. `outbox` stands for your code: it queues
// mails, sends them, keeps those that may be tried again and drops those that are settled. The
// harness plays server, link and clock against it.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "session_harness.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

/// The code under test: a mail is waiting, on its way, or settled.
class outbox {
 public:
  void add(std::string to) { ++waiting_[std::move(to)]; }

  /// Sends what waits, one mail for each recipient.
  void flush(session& s) {
    for (const auto& [to, count] : waiting_) {
      for (int i = 0; i < count; ++i) {
        envelope env;
        env.sender = path("me@client.test");
        env.recipients.emplace_back(to);
        on_their_way_[s.send(env, message::own("Subject: x\r\n\r\nhello\r\n"))] = to;
      }
    }
    waiting_.clear();
  }

  void handle(const event& e) {
    if (e.what != event::kind::mail_done) return;
    const auto mail = on_their_way_.find(e.id);
    if (e.result == outcome::delivered) {
      ++delivered_;
    } else if (e.result == outcome::deferred || e.result == outcome::not_attempted) {
      add(mail->second);  // another try, in another session
    } else {
      ++given_up_;  // also `in_doubt`: twice is worse than a question to a person
    }
    on_their_way_.erase(mail);
  }

  [[nodiscard]] std::size_t settled() const { return delivered_ + given_up_; }
  [[nodiscard]] bool empty_handed() const { return on_their_way_.empty(); }
  [[nodiscard]] std::size_t waiting() const {
    std::size_t all = 0;
    for (const auto& [to, count] : waiting_) all += static_cast<std::size_t>(count);
    return all;
  }

 private:
  std::map<std::string, int> waiting_;
  std::map<mail_id, std::string> on_their_way_;
  std::size_t delivered_ = 0;
  std::size_t given_up_ = 0;
};

/// Its place in the harness: what the input decides, and what must hold in the end.
class outbox_user final : public session_user {
 public:
  session_config config(decisions& d) override {
    session_config c;
    c.pipelining = static_cast<pipelining_level>(d.below(3));
    return c;
  }
  void act(session& s, decisions& d) override {
    if (added_ == 50) return;
    ++added_;
    outbox_.add("r" + std::to_string(d.below(4)) + "@there.test");
    if (d.below(2) == 0) outbox_.flush(s);
  }
  void take(session&, const event& e) override { outbox_.handle(e); }
  void check() override {
    require(outbox_.empty_handed(), "nothing is on its way when the session is over");
    require(outbox_.settled() + outbox_.waiting() == added_, "no mail is lost, none is doubled");
  }

 private:
  outbox outbox_;
  std::size_t added_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  play_session<outbox_user>(data, size);
  return 0;
}

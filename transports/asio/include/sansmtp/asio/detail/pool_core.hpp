// What a connection pool does, whatever its handlers are.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_set>

#include "sansmtp/asio/detail/intrusive_list.hpp"
#include "sansmtp/asio/detail/operation.hpp"
#include "sansmtp/asio/net.hpp"
#include "sansmtp/asio/pool_options.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"

namespace sansmtp::detail {

/// The state that a pool, its connections and their handlers share. Operations end by `flush`,
/// from nobody's frame: nothing ends inside of what begins it.
///
/// What has to be found is found in a list: nothing here takes longer if there are more
/// destinations, connections or mails.
class pool_core : public std::enable_shared_from_this<pool_core> {
 public:
  pool_core(net::any_io_executor executor, pool_options options);
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;
  ~pool_core();

  void send(operation& op, const destination& to, const envelope& env, message content);
  void wait(operation& op);  // drain, open: for room, quit: to close
  void cancel(operation& op, cancellation how);
  void abort(std::error_code why);
  /// The loop is being destroyed: no handler will be called any more.
  void loop_gone() noexcept;
  [[nodiscard]] pool_status status() const noexcept;
  [[nodiscard]] const net::any_io_executor& executor() const noexcept { return executor_; }

 private:
  struct job;
  struct site;
  struct connection;
  struct refusal;
  using clock = std::chrono::steady_clock;

  /// Where a connection stands, from its begin to its end.
  enum class stage : std::uint8_t { opening, open, leaving };
  using connection_list = intrusive_list<connection, struct by_stage>;
  using idle_list = intrusive_list<connection, struct by_idleness>;
  using room_list = intrusive_list<connection, struct by_room>;
  using site_list = intrusive_list<site, struct by_need>;

  /// Finds a site by its destination.
  struct site_order {
    using is_transparent = void;
    static const destination& key(const destination& d) noexcept { return d; }
    static const destination& key(const std::unique_ptr<site>& s) noexcept;
    std::size_t operator()(const auto& one) const noexcept { return hash(key(one)); }
    bool operator()(const auto& a, const auto& b) const noexcept { return key(a) == key(b); }
    static std::size_t hash(const destination& d) noexcept;
  };

  void serve(site& s);
  void serve_last(site& s);
  void line_up(site& s);
  void deal();
  void connect(site& s);
  void enter(connection& c, stage where);
  void leave_stage(connection& c);
  void place(connection& c);
  void give(connection& c, job& j);
  void queue(site& s, job& j, bool again);
  void retire(connection& c);
  void opened(connection& c, std::error_code error);
  void failed(connection& c, std::error_code error);
  void closed(connection& c);
  void job_done(job& j);
  void give_up(site& s, const refusal& why, const tls_info* tls);
  [[nodiscard]] job& make_job(operation& op, const envelope& env, message content);
  void finish(job& j, std::error_code error, const tls_info* tls);
  void refuse(job& j, std::error_code error, errc why);
  void forget_if_unused(site& s);
  void discard_all() noexcept;
  void settle();
  void flush();
  void arm_timer();
  void time_passed();
  [[nodiscard]] bool takes_mails(const connection& c) const;
  [[nodiscard]] bool has_had_its_turn(const connection& c) const;
  [[nodiscard]] bool wants_connection(const site& s) const;
  [[nodiscard]] connection_list& at(stage where) noexcept {
    return connections_[static_cast<std::size_t>(where)];
  }
  [[nodiscard]] const connection_list& at(stage where) const noexcept {
    return connections_[static_cast<std::size_t>(where)];
  }
  [[nodiscard]] std::size_t all_connections() const noexcept {
    return at(stage::opening).size() + at(stage::open).size() + at(stage::leaving).size();
  }

  net::any_io_executor executor_;
  pool_options options_;
  std::shared_ptr<const async_client_options> client_options_;
  std::shared_ptr<const async_client_options> clear_options_;  // if TLS is optional
  std::size_t ahead_;                                          // mails that a session has at a time
  net::steady_timer timer_;
  std::optional<clock::time_point> timer_at_;

  std::unordered_set<std::unique_ptr<site>, site_order, site_order> sites_;
  std::array<connection_list, 3> connections_;  // by stage, in the order in which they came there
  idle_list idle_;      // open, and without a mail: whoever is idle for longest comes first
  site_list starving_;  // have mails and no connection
  site_list hungry_;    // have mails and too few connections
  site_list delayed_;   // wait for their `retry_at`
  std::size_t jobs_ = 0;
  std::uint64_t last_job_ = 0;
  std::size_t waiting_ = 0;

  operation_list spare_;  // jobs of mails that had their outcome, for others
  operation_list drains_;
  operation_list rooms_;
  operation_list closes_;
  operation_list done_;
  bool closing_ = false;     // no more mails are taken
  bool aborted_ = false;     // and those there are end now
  bool room_given_ = false;  // and its handler has not been called
  bool posted_ = false;
  bool gone_ = false;
};

}  // namespace sansmtp::detail

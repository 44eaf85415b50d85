// What a connection pool does, whatever its handlers are.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "sansmtp/asio/detail/operation.hpp"
#include "sansmtp/asio/net.hpp"
#include "sansmtp/asio/pool_options.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"

namespace sansmtp::detail {

/// The state that a pool, its connections and their handlers share. Operations end by `flush`,
/// which is posted: nothing ends inside of what begins it.
class pool_core : public std::enable_shared_from_this<pool_core> {
 public:
  pool_core(net::any_io_executor executor, pool_options options);
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;
  ~pool_core();

  void send(operation& op, const destination& to, envelope env, message content);
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
  using connection_ptr = std::shared_ptr<connection>;
  using clock = std::chrono::steady_clock;

  void serve(site& s);
  void serve_all();
  bool may_connect(site& s);
  void connect(site& s);
  void give(connection& c, job& j);
  void job_done(const connection_ptr& c, std::uint64_t number, std::error_code error,
                delivery report);
  void opened(const connection_ptr& c, std::error_code error);
  void closed(const connection_ptr& c);
  void quit(connection& c);
  static bool move(job& j, const delivery& report);
  void finish(job& j, std::error_code error, const tls_info* tls = nullptr);
  void fail_waiting(site& s, const recipient_report& why, std::error_code error);
  void forget_if_unused(site& s);
  void discard_all() noexcept;
  void settle();
  void flush();
  void look_around(const connection& c);
  void arm_timer();
  void time_passed();
  [[nodiscard]] bool has_room(const connection& c) const;
  [[nodiscard]] std::size_t starving(const site* except, std::size_t mails) const;
  [[nodiscard]] connection* owed(const site& s) const;
  [[nodiscard]] std::optional<clock::time_point> end_of_idling(const connection& c) const;

  net::any_io_executor executor_;
  pool_options options_;
  std::shared_ptr<const async_client_options> client_options_;
  std::shared_ptr<const async_client_options> clear_options_;  // if TLS is optional
  std::size_t ahead_;                                          // mails that a session has at a time
  net::steady_timer timer_;
  std::optional<clock::time_point> timer_at_;

  std::map<std::pair<std::string, std::uint16_t>, std::unique_ptr<site>> sites_;
  std::uint64_t next_site_ = 0;  // whose turn it is, if not all can have a connection
  std::map<std::uint64_t, std::unique_ptr<job>> jobs_;
  std::uint64_t last_job_ = 0;
  std::size_t waiting_ = 0;
  std::size_t connections_ = 0;

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

// The sink's sockets and its time.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sink.hpp"
#include "sink/descriptor.hpp"
#include "sink/dialogue.hpp"
#include "sink/listener.hpp"
#include "sink/message_store.hpp"

namespace sansmtp::cli::serving {

/// Serves all connections in one thread, with epoll; what `sink` says of its methods holds here.
class loop {
 public:
  explicit loop(sink::options wanted);
  ~loop();
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  void run();
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() noexcept;
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] const listener& where() const noexcept { return listener_; }
  [[nodiscard]] const std::string& certificate() const noexcept { return certificate_; }
  [[nodiscard]] sink::counters totals() const {
    const std::lock_guard lock(mutex_);
    return all_.totals;
  }
  [[nodiscard]] std::vector<sink::message> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  using clock = std::chrono::steady_clock;

  struct connection {
    connection(descriptor socket, surroundings& all) : fd(std::move(socket)), talk(all) {}

    descriptor fd;
    std::list<connection>::iterator self;
    std::uint32_t interest = 0;  ///< The epoll events asked for.
    bool dead = false;           ///< It waits for the end of the round.
    dialogue talk;
    std::size_t sent = 0;       ///< Octets of its output that are gone.
    std::size_t released = 0;   ///< Octets of it that may go.
    std::size_t scheduled = 0;  ///< Octets of it that may go or will at a known time.
  };

  struct held_reply {
    clock::time_point due;
    connection* to;
    std::size_t octets;
  };

  [[nodiscard]] int wait_time(clock::time_point now) const;
  void release_due(clock::time_point now);
  void accept_all();
  void set_accepting(bool wanted);
  void handle(connection& c, std::uint32_t events);
  void receive(connection& c);
  void send_replies(connection& c);
  void set_interest(connection& c);
  void bury(connection& c);
  void remove_buried();
  bool keep(sink::message message);

  surroundings all_;
  std::string certificate_;
  std::optional<message_store> store_;
  listener listener_;
  descriptor epoll_;
  descriptor wake_;
  std::vector<char> buffer_;
  bool accepting_ = false;
  std::list<connection> connections_;
  std::vector<connection*> buried_;
  std::deque<held_reply> held_;
  std::optional<clock::time_point> deadline_;
  std::thread thread_;

  mutable std::mutex mutex_;  ///< Guards what other threads read: the totals, and
  std::vector<sink::message> messages_;
};

}  // namespace sansmtp::cli::serving

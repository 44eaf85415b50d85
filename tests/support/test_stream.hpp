// A stream of Asio's kind in memory, whose every read and write a test decides.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansmtp/asio/net.hpp"
#include "sansmtp/session.hpp"

namespace sansmtp::test {

/// The clock of a test: it goes when the test says so.
struct test_clock {
  using time_point = sansmtp::time_point;
  using duration = time_point::duration;
  using rep = duration::rep;
  using period = duration::period;
  static constexpr bool is_steady = true;

  static inline time_point at{std::chrono::hours(1)};
  static time_point now() noexcept { return at; }
};

/// What both ends of a `test_stream` know. The stream itself is moved into the client; the test
/// keeps this.
class test_link : public std::enable_shared_from_this<test_link> {
 public:
  static constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();
  using completion = std::function<void(net_error, std::size_t)>;

  explicit test_link(net::any_io_executor executor) : executor_(std::move(executor)) {}

  // -- how it behaves -----------------------------------------------------------------------------

  std::size_t read_size = everything;      ///< Octets that one read gives at most.
  std::size_t write_size = everything;     ///< Octets that one write takes at most.
  bool hold_writes = false;                ///< Writes stay in flight until `release_write`.
  std::size_t fail_read_at = everything;   ///< The read of this number fails, counted from 0 ...
  std::size_t fail_write_at = everything;  ///< ... the write of this number, or all behind it.
  net_error fault = net::error::connection_reset;
  /// Called for what was written; what it returns is what the peer says.
  std::function<std::string(std::string_view)> peer;

  // -- what the peer does -------------------------------------------------------------------------

  void say(std::string_view octets) {
    input_ += octets;
    serve_read();
  }
  void end() { break_read(net::error::eof); }
  void break_read(net_error why) {
    read_end_ = why;
    has_end_ = true;
    serve_read();
  }
  /// Ends the write that is in flight with `n` of its octets taken.
  void release_write(std::size_t n) {
    if (!write_) return;
    take(n);
    complete(std::exchange(write_, nullptr), {}, n);
  }

  // -- what was seen ------------------------------------------------------------------------------

  std::string written;  ///< All octets that writes took.
  std::size_t reads = 0;
  std::size_t writes = 0;
  std::size_t most_reads = 0;  ///< Outstanding at one time.
  std::size_t most_writes = 0;
  bool closed = false;
  int quick_acknowledgements = 0;  ///< How often TCP was asked for one.
  [[nodiscard]] bool reading() const { return read_ != nullptr; }
  [[nodiscard]] bool writing() const { return write_ != nullptr; }
  [[nodiscard]] const std::string& offered() const { return offered_; }
  [[nodiscard]] bool input_left() const { return !input_.empty(); }

  // -- for the stream -----------------------------------------------------------------------------

  void start_read(net::mutable_buffer space, completion done) {
    most_reads = std::max<std::size_t>(most_reads, read_ ? 2 : 1);
    ++reads;
    space_ = space;
    read_ = std::move(done);
    if (reads - 1 == fail_read_at) return complete(std::exchange(read_, nullptr), fault, 0);
    serve_read();
  }

  void start_write(std::string octets, completion done) {
    most_writes = std::max<std::size_t>(most_writes, write_ ? 2 : 1);
    ++writes;
    offered_ = std::move(octets);
    if (closed) return complete(std::move(done), net::error::bad_descriptor, 0);
    if (writes > fail_write_at) return complete(std::move(done), fault, 0);
    write_ = std::move(done);
    if (!hold_writes) release_write(std::min(offered_.size(), write_size));
  }

  void close() {
    closed = true;
    cancel();
  }

  void cancel() {
    if (read_) complete(std::exchange(read_, nullptr), net::error::operation_aborted, 0);
    if (write_) complete(std::exchange(write_, nullptr), net::error::operation_aborted, 0);
  }

 private:
  void serve_read() {
    if (!read_ || (input_.empty() && !has_end_)) return;
    if (input_.empty()) return complete(std::exchange(read_, nullptr), read_end_, 0);
    const std::size_t n = std::min({input_.size(), read_size, space_.size()});
    std::copy_n(input_.data(), n, static_cast<char*>(space_.data()));
    input_.erase(0, n);
    complete(std::exchange(read_, nullptr), {}, n);
  }

  void take(std::size_t n) {
    const std::string_view octets = std::string_view(offered_).substr(0, n);
    written += octets;
    if (peer) {
      const std::string answer = peer(octets);
      if (!answer.empty()) say(answer);
    }
  }

  void complete(completion done, net_error error, std::size_t n) {
    net::post(executor_, [done = std::move(done), error, n] { done(error, n); });
  }

  net::any_io_executor executor_;
  std::string input_;
  net_error read_end_;
  bool has_end_ = false;
  net::mutable_buffer space_;
  completion read_;
  completion write_;
  std::string offered_;
};

/// The stream.
class test_stream {
 public:
  using executor_type = net::any_io_executor;

  test_stream(net::any_io_executor executor, std::shared_ptr<test_link> link)
      : executor_(std::move(executor)), link_(std::move(link)) {}
  explicit test_stream(net::any_io_executor executor)
      : test_stream(executor, std::make_shared<test_link>(executor)) {}
  test_stream(test_stream&&) = default;
  test_stream& operator=(test_stream&&) = default;
  ~test_stream() {
    if (link_) link_->close();
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] const std::shared_ptr<test_link>& link() const noexcept { return link_; }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error, std::size_t)>(
        [link = link_](auto&& handler, net::mutable_buffer space) {
          link->start_read(space, keep(std::move(handler)));
        },
        token, net::mutable_buffer(*net::buffer_sequence_begin(buffers)));
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    std::string octets;
    for (auto at = net::buffer_sequence_begin(buffers); at != net::buffer_sequence_end(buffers);
         ++at) {
      const net::const_buffer piece(*at);
      octets.append(static_cast<const char*>(piece.data()), piece.size());
    }
    return net::async_initiate<Token, void(net_error, std::size_t)>(
        [link = link_](auto&& handler, std::string all) {
          link->start_write(std::move(all), keep(std::move(handler)));
        },
        token, std::move(octets));
  }

  void close(net_error& error) {
    error = {};
    link_->close();
  }
  void cancel(net_error& error) {
    error = {};
    link_->cancel();
  }
  template <typename Option>
  void set_option(const Option& option, net_error& error) {
    const net::ip::tcp protocol = net::ip::tcp::v4();
    error = {};
    if (option.level(protocol) == IPPROTO_TCP && option.name(protocol) == TCP_QUICKACK &&
        option.size(protocol) == sizeof(int) &&
        *static_cast<const int*>(option.data(protocol)) == 1) {
      ++link_->quick_acknowledgements;
    }
  }

 private:
  // std::function wants what can be copied.
  template <typename Handler>
  static test_link::completion keep(Handler&& handler) {
    return [h = std::make_shared<std::decay_t<Handler>>(std::move(handler))](
               net_error e, std::size_t n) { std::move (*h)(e, n); };
  }

  net::any_io_executor executor_;
  std::shared_ptr<test_link> link_;
};

/// A timer on `test_clock`.
class test_timer {
 public:
  using clock_type = test_clock;

  explicit test_timer(net::any_io_executor executor)
      : executor_(std::move(executor)), state_(std::make_shared<state>()) {
    all().push_back(state_);
  }
  test_timer(const test_timer&) = delete;
  test_timer& operator=(const test_timer&) = delete;
  ~test_timer() { cancel(); }

  void expires_at(time_point at) {
    cancel();
    state_->at = at;
  }

  template <typename Token>
  void async_wait(Token&& done) {
    state_->waits = state_->done ? 2 : 1;
    most_waits = std::max(most_waits, state_->waits);
    state_->done = [h = std::make_shared<std::decay_t<Token>>(std::forward<Token>(done)),
                    executor = executor_](net_error e) {
      net::post(executor, [h, e] { (*h)(e); });
    };
  }

  void cancel() {
    if (state_->done) std::exchange(state_->done, nullptr)(net::error::operation_aborted);
  }

  /// Sets the clock and ends the waits whose time has come.
  static void advance_to(time_point now) {
    test_clock::at = now;
    std::erase_if(all(), [](const std::weak_ptr<state>& s) { return s.expired(); });
    for (const std::weak_ptr<state>& weak : std::vector(all())) {
      const auto s = weak.lock();
      if (s && s->done && s->at <= now) std::exchange(s->done, nullptr)(net_error());
    }
  }
  /// When the next wait ends.
  static std::optional<time_point> next() {
    std::optional<time_point> first;
    for (const std::weak_ptr<state>& weak : all()) {
      const auto s = weak.lock();
      if (s && s->done && (!first || s->at < *first)) first = s->at;
    }
    return first;
  }

  static inline int most_waits = 0;  ///< Outstanding at one time.

 private:
  struct state {
    time_point at{};
    std::function<void(net_error)> done;
    int waits = 0;
  };
  static std::vector<std::weak_ptr<state>>& all() {
    static std::vector<std::weak_ptr<state>> timers;
    return timers;
  }

  net::any_io_executor executor_;
  std::shared_ptr<state> state_;
};

}  // namespace sansmtp::test

// What a client does, whatever its stream and its handlers are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sansmtp/asio/async_client_options.hpp"
#include "sansmtp/asio/detail/operation.hpp"
#include "sansmtp/channel.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"

namespace sansmtp::detail {

/// The state that a client, its operations and the handlers of its stream share: a channel, who
/// waits for what, and the order in which octets, time and events are taken. It knows no Asio: a
/// `stream_link` derives from it and does the I/O that it asks for, at most one read, one write and
/// one timer at a time. Nobody's handler is called but at the end of `run`, when all is in order,
/// so a handler may call the client, or destroy it.
class client_core : public std::enable_shared_from_this<client_core> {
 public:
  explicit client_core(std::shared_ptr<const async_client_options> options);
  client_core(const client_core&) = delete;
  client_core& operator=(const client_core&) = delete;
  virtual ~client_core() { discard_all(); }

  // What the user asks. An operation that is given belongs to the core; none ends inside.

  void start(operation& op);
  void send(operation& op, const envelope& env, message content);
  void begin_stream(operation& op, const envelope& env, message content);
  void write_stream(operation& op, bytes chunk);
  void finish_stream(operation& op);
  void release_stream(std::uint64_t handle);
  void cancel(operation& op, cancellation how);
  void abort(std::error_code why);
  /// The client is gone: everything ends at once.
  void abandon();
  /// Something was asked of the engine.
  void wake();

  [[nodiscard]] session& engine() noexcept { return channel_.engine(); }
  [[nodiscard]] const channel& pumped() const noexcept { return channel_; }
  [[nodiscard]] const async_client_options& options() const noexcept { return *options_; }
  [[nodiscard]] bool linked() const noexcept { return linked_; }
  [[nodiscard]] std::error_code end() const noexcept { return end_; }
  /// Why the session could not be opened, as a mail would be told; nullptr if it could, or is not
  /// decided.
  [[nodiscard]] const recipient_report* opening_failure() const noexcept {
    return opening_failure_.get();
  }
  [[nodiscard]] std::span<const recipient_report> recipients(std::uint64_t handle) const noexcept;
  [[nodiscard]] bool wants_content(std::uint64_t handle) const noexcept;
  /// Octets held, the object itself and those of Asio apart.
  [[nodiscard]] virtual std::size_t memory() const noexcept;

  // What the link tells.

  /// Returns false if a connection cannot be begun now; else a fresh channel is there if the last
  /// one is used up.
  [[nodiscard]] bool begin_connect();
  void connect_failed(std::error_code why);
  void connected(std::string_view host, std::uint16_t port, std::string_view local_address);
  void read_done(std::error_code error, bool at_end, std::size_t n);
  void write_done(std::error_code error, std::size_t n);
  void timer_done();
  /// Takes all there is to take, and calls handlers.
  void run();
  /// The loop is being destroyed: no handler will be called any more.
  void loop_gone() noexcept;

 protected:
  [[nodiscard]] std::span<const bytes> lent() const noexcept { return lent_; }
  [[nodiscard]] std::span<char> read_space();
  [[nodiscard]] bool busy() const noexcept { return reading_ || writing_; }
  void end_operation(operation& op, std::error_code error);

 private:
  /// A mail whose content the user writes.
  struct stream_mail {
    std::uint64_t handle = 0;
    mail_id id = 0;         // none once it is done: the next link's mails have the same ones
    bool wanted = false;    // the server waits for a chunk
    bool done = false;      // the report is final
    bool released = false;  // nobody has a handle any more
    operation* waiting = nullptr;
    delivery report;
  };

  [[nodiscard]] virtual time_point time() const = 0;
  virtual void start_read() = 0;
  virtual void start_write() = 0;
  /// Writes what can be written without waiting. Returns how much that was; 0 after an error, which
  /// `start_write` will meet again.
  virtual std::size_t try_write(std::span<const bytes> out) = 0;
  /// Tells the peer at once that its octets have come, if the stream can.
  virtual void acknowledge() = 0;
  virtual void start_timer(time_point at) = 0;
  /// Ends the read and the write early. Returns false if only closing the stream can do that.
  virtual bool cancel_transfers() = 0;
  virtual void cancel_timer() = 0;
  virtual void cancel_connect() = 0;
  virtual void shut_down_stream() = 0;
  virtual void close_stream() = 0;
  /// Calls `run` soon, from nobody's frame.
  virtual void post_run() = 0;

  void discard_all() noexcept;
  void take_time();
  void go_on();
  void pump();
  void wait_for_more();
  [[nodiscard]] bool owes_the_rest() noexcept;
  bool call_handlers();
  bool take_events();
  void handle(const event& e);
  void finish_mail(const event& e);
  void continue_stream(const event& e);
  void settle();
  void settle_stream(stream_mail& s);
  bool write_now(std::span<const bytes> out);
  void begin_write(std::span<const bytes> out);
  void take_back_write();
  void unlink();
  void close_if_idle();
  void arm_timer();
  [[nodiscard]] bool over() const noexcept { return told_end_ && !linked_; }
  [[nodiscard]] std::error_code failure() const noexcept;
  [[nodiscard]] stream_mail* find_stream(std::uint64_t handle) const noexcept;
  [[nodiscard]] stream_mail* stream_of(mail_id mail) const noexcept;

  // What each mail needs stands together: with thousands of sessions each has left the cache when
  // its next reply comes.
  std::shared_ptr<const async_client_options> options_;
  time_point now_{};
  std::optional<time_point> half_heard_;  // when octets came last; none if some left since then
  bool events_;                           // are they for `async_next_event`?
  bool linked_ = false;
  bool to_close_ = false;  // the stream, once nothing uses it
  bool connecting_ = false;
  bool ready_ = false;
  bool told_end_ = false;  // was `closed` taken?
  bool reading_ = false;
  bool writing_ = false;
  bool taken_back_ = false;  // was its end asked for?
  bool quick_ack_ = false;   // does this server wait for our acknowledgements?
  bool gone_ = false;
  bool running_ = false;
  bool again_ = false;   // `run` has more to do
  bool posted_ = false;  // `run` will be called

  operation_list mails_;      // in the order of their ids
  operation_list withdrawn_;  // mails that were taken back, in that order
  operation_list done_;       // to be finished by `run`
  operation_list waiting_;    // connect, open, drain, quit
  operation* event_wanted_ = nullptr;
  std::unique_ptr<char[]> read_space_;
  std::optional<time_point> timer_at_;  // what the timer waits for; it may be too early
  std::vector<std::unique_ptr<stream_mail>> streams_;
  channel channel_;

  std::optional<channel> retired_;  // of a link that has ended, but not its last write
  std::error_code end_;             // why there is no link
  std::unique_ptr<recipient_report> opening_failure_;
  std::vector<bytes> lent_;  // what is being written
  std::uint64_t last_handle_ = 0;
};

}  // namespace sansmtp::detail

// A mail whose content is written piece by piece.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "sansmtp/asio/detail/client_core.hpp"
#include "sansmtp/asio/detail/handler_operation.hpp"
#include "sansmtp/asio/net.hpp"
#include "sansmtp/delivery.hpp"

namespace sansmtp {

/// A mail whose envelope was sent and whose content is written now (TXN-23); `async_client::
/// async_transaction` makes it. It is a stream to write to, so `async_write` of Asio works on it.
/// One operation at a time. The mail is given up if it is destroyed before `async_finish`; it may
/// outlive the client, whose end ends the mail.
class async_transaction {
 public:
  using executor_type = net::any_io_executor;

  async_transaction() = default;
  /// For `async_client`.
  async_transaction(std::shared_ptr<detail::client_core> core, executor_type executor, mail_id id)
      : core_(std::move(core)), executor_(std::move(executor)), id_(id) {}
  async_transaction(async_transaction&& other) noexcept = default;
  async_transaction& operator=(async_transaction&& other) noexcept {
    if (this != &other) release();
    core_ = std::move(other.core_);
    executor_ = std::move(other.executor_);
    id_ = other.id_;
    return *this;
  }
  async_transaction(const async_transaction&) = delete;
  async_transaction& operator=(const async_transaction&) = delete;
  ~async_transaction() { release(); }

  /// Getter: the client's executor.
  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  /// Getter: what the server said to each recipient, so far; valid until the next operation of the
  /// client.
  [[nodiscard]] std::span<const recipient_report> recipients() const noexcept {
    return core_ ? core_->recipients(id_) : std::span<const recipient_report>();
  }
  /// Getter: does the server wait for content? If not, `async_finish` tells why.
  [[nodiscard]] bool wants_content() const noexcept { return core_ && core_->wants_content(id_); }

  /// Command: writes some of the content, CRLF line ends and without dot-stuffing;
  /// `void(error, std::size_t)` tells how much when those octets are the caller's again. An error
  /// means that the mail has ended: see `async_finish`. Terminal cancellation ends the session,
  /// partial cancellation gives up the mail.
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    bytes chunk;
    for (auto at = net::buffer_sequence_begin(buffers);
         at != net::buffer_sequence_end(buffers) && chunk.empty(); ++at) {
      const net::const_buffer buffer(*at);
      chunk = {static_cast<const char*>(buffer.data()), buffer.size()};
    }
    return start<detail::size_result, void(net_error, std::size_t)>(
        token, [chunk](detail::client_core& core, detail::operation& op) {
          core.write_stream(op, chunk);
        });
  }

  /// Command: ends the content; `void(error, delivery)` has the report once the server has decided.
  /// The error is the report's. Terminal cancellation ends the session.
  template <typename Token>
  auto async_finish(Token&& token) {
    return start<detail::report_result, void(net_error, delivery)>(
        token, [](detail::client_core& core, detail::operation& op) { core.finish_stream(op); });
  }

 private:
  template <typename Results, typename Signature, typename Token, typename Start>
  auto start(Token& token, Start begin) {
    return net::async_initiate<Token, Signature>(
        [core = core_, executor = executor_, id = id_, begin](auto&& handler) {
          using handler_type = std::decay_t<decltype(handler)>;
          auto& op = detail::handler_operation<Results, handler_type, executor_type>::make(
              std::forward<decltype(handler)>(handler), executor, *core);
          op.mail = id;
          begin(*core, op);
        },
        token);
  }

  void release() noexcept {
    if (core_) std::exchange(core_, nullptr)->release_stream(id_);
  }

  std::shared_ptr<detail::client_core> core_;
  executor_type executor_;
  mail_id id_ = 0;
};

}  // namespace sansmtp

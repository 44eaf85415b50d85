// A pool of connections for who sends much.
#pragma once

#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "sansmtp/asio/detail/handler_operation.hpp"
#include "sansmtp/asio/detail/pool_core.hpp"
#include "sansmtp/asio/net.hpp"
#include "sansmtp/asio/pool_options.hpp"
#include "sansmtp/delivery.hpp"

namespace sansmtp {

/// Sends mails to many servers by connections that it makes, uses again and ends by the rules of
/// `pool_options`. Each mail has one outcome, whatever happens to connections: one that ends while
/// it is idle is no error, and what certainly was not accepted when it ends is sent again over
/// another, as `plan_resend` says; what is in doubt never is. A mail belongs to a connection only
/// when that is ready; until then it waits for whichever comes first. Destinations take turns for
/// connections if there are too few, and what all of it costs does not grow with their number.
///
/// Where TLS is opportunistic and a handshake fails, one connection in clear text follows, for as
/// many mails as handshakes in a row have failed (TLS-08); the next one tries TLS again. An address
/// of a name that refuses at its greeting is passed over for the others; that five did so, or all
/// of them, counts as one failure to connect. If no connection to a destination can be made, all
/// mails that wait for it end with the reason.
///
/// One thread at a time uses it: give it a strand if many run the loop. As in `async_client` all
/// tokens are welcome, and nothing completes inside of the function that begins it. Destroying it
/// ends all sessions at once with honest outcomes.
class async_pool {
 public:
  using executor_type = net::any_io_executor;

  /// A pool with default options. (No default argument: g++ 12 destroys one twice if the executor
  /// is a `co_await`.)
  explicit async_pool(executor_type executor)
      : core_(std::make_shared<detail::pool_core>(std::move(executor), pool_options())) {}
  async_pool(executor_type executor, pool_options options)
      : core_(std::make_shared<detail::pool_core>(std::move(executor), std::move(options))) {}
  async_pool(async_pool&&) noexcept = default;
  async_pool& operator=(async_pool&& other) noexcept {
    if (this != &other && core_) core_->abort(make_error_code(errc::aborted));
    core_ = std::move(other.core_);
    return *this;
  }
  async_pool(const async_pool&) = delete;
  async_pool& operator=(const async_pool&) = delete;
  ~async_pool() {
    if (core_) core_->abort(make_error_code(errc::aborted));
  }

  /// Command: sends a mail; `void(error, delivery)` as `async_client::async_send`. Borrowed octets
  /// must live until then. Cancellation takes back a mail that has not begun; after that it acts
  /// as there.
  template <typename Token>
  auto async_send(const destination& to, const envelope& env, message content, Token&& token) {
    return net::async_initiate<Token, void(net_error, delivery)>(
        [core = core_](auto&& handler, const destination& d, const envelope& e, message m) {
          core->send(make<detail::report_result>(std::forward<decltype(handler)>(handler), core), d,
                     e, std::move(m));
        },
        token, detail::mail_argument<Token, destination>(to),
        detail::mail_argument<Token, envelope>(env), std::move(content));
  }

  /// Command: waits until another mail may be queued; `void(error)`.
  template <typename Token>
  auto async_room(Token&& token) {
    return wait(detail::operation::kind::open, token);
  }
  /// Command: waits until every mail has its outcome; `void(error)`. Connections stay.
  template <typename Token>
  auto async_drain(Token&& token) {
    return wait(detail::operation::kind::drain, token);
  }
  /// Command: takes no more mails, waits for those there are and ends all connections by QUIT;
  /// `void(error)`.
  template <typename Token>
  auto async_close(Token&& token) {
    return wait(detail::operation::kind::quit, token);
  }
  /// Command: the end of all mails and connections, at once.
  void abort(std::error_code why = make_error_code(errc::aborted)) { core_->abort(why); }

  [[nodiscard]] executor_type get_executor() const noexcept { return core_->executor(); }
  /// Getter: what it is doing.
  [[nodiscard]] pool_status status() const noexcept { return core_->status(); }

 private:
  template <typename Results, typename Handler>
  [[nodiscard]] static detail::operation& make(Handler&& handler,
                                               const std::shared_ptr<detail::pool_core>& core) {
    return detail::handler_operation<Results, std::decay_t<Handler>, executor_type>::make(
        std::forward<decltype(handler)>(handler), core->executor(), *core);
  }

  template <typename Token>
  auto wait(detail::operation::kind what, Token& token) {
    return net::async_initiate<Token, void(net_error)>(
        [core = core_, what](auto&& handler) {
          detail::operation& op =
              make<detail::error_result>(std::forward<decltype(handler)>(handler), core);
          op.what = what;
          core->wait(op);
        },
        token);
  }

  std::shared_ptr<detail::pool_core> core_;
};

}  // namespace sansmtp

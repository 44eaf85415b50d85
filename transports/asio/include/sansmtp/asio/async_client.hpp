// An SMTP client on Asio.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "sansmtp/asio/async_client_options.hpp"
#include "sansmtp/asio/async_transaction.hpp"
#include "sansmtp/asio/detail/handler_operation.hpp"
#include "sansmtp/asio/detail/stream_link.hpp"
#include "sansmtp/asio/net.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"
#include "sansmtp/session.hpp"

namespace sansmtp {

/// A session and the stream under it, for an Asio loop. Each `async_` function takes any completion
/// token; the handler's executor, allocator and cancellation slot are kept; nothing completes
/// inside of the function that begins it, and each handler is called exactly once (or destroyed
/// uncalled, if the loop is). Mails may be queued at any time, also before there is a connection
/// and from handlers; what is queued goes out in one session, in order, and with
/// `pipelining_level::messages` each envelope rides with the content before it.
///
/// The client is used by one thread at a time: run the loop by one thread, or give the stream a
/// strand as its executor. Destroying it ends the session at once; whatever was pending is told its
/// honest outcome. After a failure `async_connect` begins anew.
///
/// The octets of a borrowed message must live until the handler of their mail is called, or, if the
/// loop is destroyed before that, until then.
///
/// `AsyncStream` is Asio's AsyncReadStream and AsyncWriteStream, with `close(error)` on itself or
/// on its `lowest_layer()`, and, if a full socket shall not delay the end, `cancel(error)`. `Timer`
/// is a waitable timer whose clock has the time points of `std::chrono::steady_clock`.
template <typename AsyncStream = net::ip::tcp::socket, typename Timer = net::steady_timer>
class async_client {
  using link = detail::stream_link<AsyncStream, Timer>;

 public:
  using next_layer_type = AsyncStream;
  using executor_type = typename AsyncStream::executor_type;

  /// A client without a connection, on an executor or an execution context.
  template <typename ExecutorOrContext>
  requires std::constructible_from<AsyncStream, ExecutorOrContext&> &&
      (!std::same_as<std::remove_cvref_t<ExecutorOrContext>, AsyncStream>)&&(
          !std::same_as<std::remove_cvref_t<ExecutorOrContext>, async_client>)
          async_client(ExecutorOrContext&& where, async_client_options options)
      : async_client(std::forward<ExecutorOrContext>(where),
                     std::make_shared<const async_client_options>(std::move(options))) {}
  /// The same with default options. (No default argument: g++ 12 destroys one twice if the executor
  /// is a `co_await`.)
  template <typename ExecutorOrContext>
  requires std::constructible_from<AsyncStream, ExecutorOrContext&> &&
      (!std::same_as<std::remove_cvref_t<ExecutorOrContext>, AsyncStream>)&&(
          !std::same_as<std::remove_cvref_t<ExecutorOrContext>,
                        async_client>)explicit async_client(ExecutorOrContext&& where)
      : async_client(std::forward<ExecutorOrContext>(where),
                     std::make_shared<const async_client_options>()) {}
  /// The same with options that many clients share.
  template <typename ExecutorOrContext>
  requires std::constructible_from<AsyncStream, ExecutorOrContext&> async_client(
      ExecutorOrContext&& where, std::shared_ptr<const async_client_options> options)
      : link_(std::make_shared<link>(AsyncStream(where), std::move(options))) {}

  /// A client on a stream that is connected already; the greeting is awaited from now on.
  explicit async_client(AsyncStream connected, async_client_options options = {})
      : link_(std::make_shared<link>(
            std::move(connected),
            std::make_shared<const async_client_options>(std::move(options)))) {
    link_->adopt();
  }

  async_client(async_client&&) noexcept = default;
  async_client& operator=(async_client&& other) noexcept {
    if (this != &other && link_) link_->abandon();
    link_ = std::move(other.link_);
    return *this;
  }
  async_client(const async_client&) = delete;
  async_client& operator=(const async_client&) = delete;
  /// Ends the session without a word; `async_quit` is the polite way.
  ~async_client() {
    if (link_) link_->abandon();
  }

  // -- the link -----------------------------------------------------------------------------------

  /// Command: resolves `host` and connects to the first of its addresses that answers, racing them
  /// after RFC 8305, within the connect timeout; `void(error)`. `port` 0 means that `host` is the
  /// path of a Unix socket. Errors are those of Asio (`asio::error::connection_refused`), such as
  /// `timed_out`, and `address_family_not_supported` if the server has no address of the family to
  /// be bound (NET-02); `errc::bad_state` if there is a link already. Mails queued before end
  /// if it fails. Any cancellation ends the attempt.
  ///
  /// If the name has several addresses, one whose server refuses in its greeting (4yz, 5yz), closes
  /// or does not greet within the greeting timeout is told QUIT, and the next one is tried, up to
  /// five (RFC 5321 section 5.1): then the link is there once a server has begun to greet. If none
  /// does, the session gets the last server that refused, and tells why. With `tls_mode::implicit`
  /// the greeting lies behind the handshake, which belongs to the session: there the first address
  /// that takes the connection is the one.
  template <typename Token>
  requires requires { typename link::lowest_layer::protocol_type; }
  auto async_connect(std::string host, std::uint16_t port, Token&& token) {
    detail::connect_request request;
    request.host = std::move(host);
    request.port = port;
    request.greeted = link_->options().session.tls != tls_mode::implicit;
    return connect(std::move(request), token);
  }
  /// Command: the same for one endpoint of any protocol that the stream can have.
  template <typename Endpoint, typename Token>
  requires requires(Endpoint e) { e.protocol(); }
  auto async_connect(const Endpoint& endpoint, Token&& token) {
    detail::connect_request request;
    request.endpoints.emplace_back(endpoint);
    return connect(std::move(request), token);
  }

  /// Command: waits until the session is ready for mails: greeting, EHLO, TLS and AUTH are done;
  /// `void(error)`. Optional: all that happens without it, too. Terminal cancellation ends the
  /// session.
  template <typename Token>
  auto async_open(Token&& token) {
    return start<detail::error_result, void(net_error)>(detail::operation::kind::open, token);
  }

  /// Command: QUIT behind all that was queued before; `void(error)` when the link is closed. No
  /// error for a clean end.
  template <typename Token>
  auto async_quit(Token&& token) {
    return start<detail::error_result, void(net_error)>(detail::operation::kind::quit, token);
  }

  /// Command: waits until the link is closed, by whomever, or there was none; `void(error)`. No
  /// error if it ended in order. Cancellation ends only the waiting.
  template <typename Token>
  auto async_wait_closed(Token&& token) {
    return start<detail::error_result, void(net_error)>(detail::operation::kind::end, token);
  }

  /// Command: the end, at once and without an octet; what is pending gets its honest outcome.
  void abort(std::error_code why = make_error_code(errc::aborted)) { link_->abort(why); }

  /// Command: authenticates with the first mechanism that is offered and allowed, as part of the
  /// opening if it is called before the session is ready; see `session::authenticate`.
  operation_id authenticate(std::vector<std::unique_ptr<sasl_mechanism>> mechanisms) {
    return command([&](session& s) { return s.authenticate(std::move(mechanisms)); });
  }

  // -- mails --------------------------------------------------------------------------------------

  /// Command: queues a mail; `void(error, delivery)`. The report has one entry for each recipient,
  /// whatever happens, and its error is the handler's: none if it was delivered to anybody. Any
  /// cancellation takes back a mail that has not begun: it is `not_attempted`. After that, partial
  /// cancellation gives it up as `session::cancel` does, and terminal cancellation ends the
  /// session. A streamed message needs `async_transaction` and is refused with `bad_argument`.
  template <typename Token>
  auto async_send(const envelope& env, message content, Token&& token) {
    return net::async_initiate<Token, void(net_error, delivery)>(
        [l = link_](auto&& handler, const envelope& e, message m) {
          l->send(make<detail::report_result>(std::forward<decltype(handler)>(handler), l), e,
                  std::move(m));
        },
        token, detail::mail_argument<Token, envelope>(env), std::move(content));
  }

  /// Command: MAIL, RCPT for each recipient and DATA; `void(error, async_transaction)` when the
  /// server waits for content or the mail has ended. `content` must be `message::stream()`, with
  /// its size if it is known.
  template <typename Token>
  auto async_transaction(const envelope& env, message content, Token&& token) {
    return net::async_initiate<Token, void(net_error, sansmtp::async_transaction)>(
        [l = link_](auto&& handler, const envelope& e, message m) {
          l->begin_stream(make(std::forward<decltype(handler)>(handler), l, transaction_result{l}),
                          e, std::move(m));
        },
        token, envelope(env), std::move(content));
  }
  template <typename Token>
  auto async_transaction(const envelope& env, Token&& token) {
    return async_transaction(env, message::stream(), std::forward<Token>(token));
  }

  /// Command: waits until all mails that were queued have their outcome; `void(error)`. The session
  /// stays open. No error if it ended in order meanwhile.
  template <typename Token>
  auto async_drain(Token&& token) {
    return start<detail::error_result, void(net_error)>(detail::operation::kind::drain, token);
  }

  // -- everything else ----------------------------------------------------------------------------

  /// Command: any command of the engine; `ask(session&)` is called at once, its value is returned,
  /// and what it asked for is sent. `async_next_event` tells what became of it.
  template <typename Ask>
  auto command(Ask&& ask) {
    struct waker {
      link& l;
      ~waker() { l.wake(); }
    } const on_exit{*link_};
    return std::forward<Ask>(ask)(link_->engine());
  }

  /// Command: the next event of the engine, with `async_client_options::events`;
  /// `void(error, event)`. Its views are valid until the next call. At the end
  /// `errc::session_closed`. Without this call nothing goes on then, mails included.
  template <typename Token>
  auto async_next_event(Token&& token) {
    return start<detail::event_result, void(net_error, event)>(detail::operation::kind::event,
                                                               token);
  }

  // -- getter -------------------------------------------------------------------------------------

  [[nodiscard]] executor_type get_executor() noexcept { return link_->get_executor(); }
  /// Getter: the stream, for its options. What it carries is the client's business.
  [[nodiscard]] next_layer_type& next_layer() noexcept { return link_->stream(); }
  /// Getter: is there a link, as far as is known?
  [[nodiscard]] bool connected() const noexcept { return link_->linked(); }
  /// Getter: the session, for all that it knows.
  [[nodiscard]] const session& engine() const noexcept { return link_->engine(); }
  /// Getter: what is known of the TLS link, or nullptr.
  [[nodiscard]] const tls_info* tls() const noexcept { return link_->pumped().tls(); }
  /// Getter: why there is no link; none while there is one.
  [[nodiscard]] std::error_code end() const noexcept { return link_->end(); }
  /// Getter: octets of memory held, those of Asio, of the handlers and of message content apart.
  [[nodiscard]] std::size_t memory() const noexcept { return sizeof(link) + link_->memory(); }

 private:
  struct transaction_result {
    [[nodiscard]] std::tuple<net_error, sansmtp::async_transaction> of(detail::operation& op) {
      net::any_io_executor executor = link_->get_executor();
      return {to_net_error(op.error),
              sansmtp::async_transaction(std::move(link_), std::move(executor), op.mail)};
    }
    std::shared_ptr<link> link_;
  };

  template <typename Results, typename Handler>
  [[nodiscard]] static detail::operation& make(Handler&& handler, const std::shared_ptr<link>& l,
                                               Results results = {}) {
    return detail::handler_operation<Results, std::decay_t<Handler>, executor_type>::make(
        std::forward<decltype(handler)>(handler), l->get_executor(),
        static_cast<detail::client_core&>(*l), std::move(results));
  }
  template <typename Handler>
  [[nodiscard]] static detail::operation& make(Handler&& handler, const std::shared_ptr<link>& l,
                                               transaction_result results) {
    return make<transaction_result>(std::forward<decltype(handler)>(handler), l,
                                    std::move(results));
  }

  template <typename Results, typename Signature, typename Token>
  auto start(detail::operation::kind what, Token& token) {
    return net::async_initiate<Token, Signature>(
        [l = link_, what](auto&& handler) {
          detail::operation& op = make<Results>(std::forward<decltype(handler)>(handler), l);
          op.what = what;
          l->start(op);
        },
        token);
  }

  template <typename Token>
  auto connect(detail::connect_request request, Token& token) {
    return net::async_initiate<Token, void(net_error)>(
        [l = link_](auto&& handler, detail::connect_request r) {
          l->connect(make<detail::error_result>(std::forward<decltype(handler)>(handler), l),
                     std::move(r));
        },
        token, std::move(request));
  }

  std::shared_ptr<link> link_;
};

}  // namespace sansmtp

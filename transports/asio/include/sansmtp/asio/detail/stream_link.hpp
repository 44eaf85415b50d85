// The I/O of a client on a stream of Asio's kind.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "sansmtp/asio/detail/client_core.hpp"
#include "sansmtp/asio/detail/connector.hpp"
#include "sansmtp/asio/detail/keeper.hpp"
#include "sansmtp/asio/net.hpp"

namespace sansmtp::detail {

/// A view of a gather list as Asio wants to see it.
class gather_list {
 public:
  using value_type = net::const_buffer;
  class const_iterator {
   public:
    using value_type = net::const_buffer;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::bidirectional_iterator_tag;
    using reference = net::const_buffer;
    using pointer = void;

    const_iterator() = default;
    explicit const_iterator(const bytes* at) : at_(at) {}
    net::const_buffer operator*() const { return {at_->data(), at_->size()}; }
    const_iterator& operator++() { return ++at_, *this; }
    const_iterator operator++(int) { return const_iterator(at_++); }
    const_iterator& operator--() { return --at_, *this; }
    const_iterator operator--(int) { return const_iterator(at_--); }
    bool operator==(const const_iterator&) const = default;

   private:
    const bytes* at_ = nullptr;
  };

  explicit gather_list(std::span<const bytes> views) : views_(views) {}
  [[nodiscard]] const_iterator begin() const { return const_iterator(views_.data()); }
  [[nodiscard]] const_iterator end() const { return const_iterator(views_.data() + views_.size()); }

 private:
  std::span<const bytes> views_;
};

/// The layer that has the socket, if the stream is a stack of layers.
template <typename Stream>
auto& lowest_layer_of(Stream& stream) {
  if constexpr (requires { stream.lowest_layer(); }) {
    return stream.lowest_layer();
  } else {
    return stream;
  }
}

/// An option of a socket, as Asio wants to see it: TCP is to acknowledge at once.
struct quick_acknowledgement {
  const int on = 1;

  [[nodiscard]] int level(const auto& /*protocol*/) const { return IPPROTO_TCP; }
  [[nodiscard]] int name(const auto& /*protocol*/) const { return TCP_QUICKACK; }
  [[nodiscard]] const void* data(const auto& /*protocol*/) const { return &on; }
  [[nodiscard]] std::size_t size(const auto& /*protocol*/) const { return sizeof on; }
};

/// A client's state with its stream and its timer.
template <typename Stream, typename Timer>
class stream_link final : public client_core {
 public:
  using executor_type = typename Stream::executor_type;
  using lowest_layer = std::remove_reference_t<decltype(lowest_layer_of(std::declval<Stream&>()))>;

  stream_link(Stream stream, std::shared_ptr<const async_client_options> options)
      : client_core(std::move(options)),
        stream_(std::move(stream)),
        timer_(stream_.get_executor()) {}

  [[nodiscard]] Stream& stream() noexcept { return stream_; }
  [[nodiscard]] executor_type get_executor() { return stream_.get_executor(); }
  /// Whom `connect` reached.
  [[nodiscard]] const connect_request::endpoint& peer() const noexcept { return peer_; }
  /// Did the name have other addresses, which were not tried to the end?
  [[nodiscard]] bool has_other_addresses() const noexcept { return others_; }

  /// The stream is connected already.
  void adopt() {
    if (!begin_connect()) return;
    connected({}, 0, local_address());
    wake();
  }

  void connect(operation& op, connect_request request) {
    op.what = operation::kind::connect;
    if (!begin_connect()) {
      end_operation(op, errc::bad_state);
      wake();
      return;
    }
    start(op);
    peer_ = {};
    others_ = false;
    if (!permits(request)) {
      net::post(stream_.get_executor(), [kept = keeper(self())]() mutable {
        kept.take()->connect_failed(errc::bad_configuration);
      });
      return;
    }
    request.local_address = options().local_address;
    request.timeout = options().connect_timeout;
    request.attempt_delay = options().attempt_delay;
    request.greeting_timeout = options().session.timeouts.greeting;
    request.quit_timeout = options().session.timeouts.quit;
    std::string host = request.host;
    const std::uint16_t port = request.port;
    connector_ = connector::start(stream_.get_executor(), std::move(request),
                                  [kept = std::make_shared<keeper<stream_link>>(self()),
                                   host = std::move(host), port](connect_result result) {
                                    const auto self = kept->take();
                                    self->connector_.reset();
                                    self->take_socket(std::move(result), host, port);
                                  });
  }

 private:
  [[nodiscard]] std::shared_ptr<stream_link> self() {
    return std::static_pointer_cast<stream_link>(this->shared_from_this());
  }

  // May what listens there be spoken to (LMTP-02)?
  [[nodiscard]] bool permits(const connect_request& request) const {
    const session_config& session = options().session;
    return session.permits_port(request.port) &&
           std::all_of(request.endpoints.begin(), request.endpoints.end(),
                       [&](const auto& e) { return session.permits_port(port_of(e)); });
  }

  void take_socket(connect_result result, const std::string& host, std::uint16_t port) {
    if (result.error) return connect_failed(result.error);
    if (busy()) {  // with the end of the last link's operations
      net::post(stream_.get_executor(),
                [kept = keeper(self()), r = std::move(result), host, port]() mutable {
                  kept.take()->take_socket(std::move(r), host, port);
                });
      return;
    }
    net_error error;
    [[maybe_unused]] const int family = result.socket.family();
    if constexpr (std::is_same_v<typename lowest_layer::protocol_type, net::ip::tcp>) {
      const auto protocol = family == AF_INET6 ? net::ip::tcp::v6() : net::ip::tcp::v4();
      lowest_layer_of(stream_).assign(protocol, result.socket.handle(), error);
    } else if constexpr (std::is_same_v<typename lowest_layer::protocol_type,
                                        net::generic::stream_protocol>) {
      lowest_layer_of(stream_).assign({family, 0}, result.socket.handle(), error);
    } else {
      lowest_layer_of(stream_).assign({}, result.socket.handle(), error);
    }
    if (error) return connect_failed(error);
    result.socket.release();
    peer_ = result.peer;
    others_ = result.others;
    connected(host, port, local_address());
    run();
  }

  [[nodiscard]] std::string local_address() {
    if constexpr (requires(lowest_layer & l) {
                    { l.native_handle() } -> std::same_as<int>;
                  }) {
      return local_address_of(lowest_layer_of(stream_).native_handle());
    } else {
      return {};
    }
  }

  [[nodiscard]] time_point time() const override { return Timer::clock_type::now(); }

  void start_read() override {
    const std::span<char> space = read_space();
    stream_.async_read_some(net::mutable_buffer(space.data(), space.size()),
                            [kept = keeper(self())](const net_error& error, std::size_t n) mutable {
                              kept.take()->read_done(error, error == net::error::eof, n);
                            });
  }

  void start_write() override {
    stream_.async_write_some(gather_list(lent()), [kept = keeper(self())](const net_error& error,
                                                                          std::size_t n) mutable {
      kept.take()->write_done(error, n);
    });
  }

  std::size_t try_write(std::span<const bytes> out) override {
    // Sockets can; what is only an AsyncStream has no other way to write than an operation.
    if constexpr (requires(Stream & s, net_error & e) {
                    s.non_blocking(true, e);
                    s.write_some(gather_list(out), e);
                  }) {
      net_error error;
      if (!stream_.non_blocking()) stream_.non_blocking(true, error);
      if (error) return 0;
      const std::size_t n = stream_.write_some(gather_list(out), error);
      return error ? 0 : n;
    } else {
      return 0;
    }
  }

  void acknowledge() override {
    if constexpr (requires(lowest_layer & l, net_error & e) {
                    l.set_option(quick_acknowledgement(), e);
                  }) {
      net_error ignored;  // a Unix socket has no such option, and no need of it
      lowest_layer_of(stream_).set_option(quick_acknowledgement(), ignored);
    }
  }

  void start_timer(time_point at) override {
    timer_.expires_at(at);
    timer_.async_wait(
        [kept = keeper(self())](const net_error&) mutable { kept.take()->timer_done(); });
  }

  bool cancel_transfers() override {
    if constexpr (requires(lowest_layer & l, net_error & e) { l.cancel(e); }) {
      net_error error;
      lowest_layer_of(stream_).cancel(error);
      return !error;
    } else {
      return false;
    }
  }

  void cancel_timer() override { timer_.cancel(); }

  void cancel_connect() override {
    if (const auto c = connector_.lock()) c->cancel();
  }

  void shut_down_stream() override {
    if constexpr (requires(lowest_layer & l, net_error & e) {
                    l.shutdown(lowest_layer::shutdown_send, e);
                  }) {
      net_error ignored;
      lowest_layer_of(stream_).shutdown(lowest_layer::shutdown_send, ignored);
    }
  }

  void close_stream() override {
    net_error ignored;
    lowest_layer_of(stream_).close(ignored);
  }

  void post_run() override {
    net::post(stream_.get_executor(), [kept = keeper(self())]() mutable { kept.take()->run(); });
  }

  Stream stream_;
  Timer timer_;
  std::weak_ptr<connector> connector_;  // kept by what it waits for
  connect_request::endpoint peer_;
  bool others_ = false;
};

/// The usual one is compiled in the library.
extern template class stream_link<net::ip::tcp::socket, net::steady_timer>;
extern template class stream_link<net::generic::stream_protocol::socket, net::steady_timer>;

}  // namespace sansmtp::detail

#include "sansmtp/asio/detail/stream_link.hpp"

namespace sansmtp::detail {

template class stream_link<net::ip::tcp::socket, net::steady_timer>;
template class stream_link<net::generic::stream_protocol::socket, net::steady_timer>;

}  // namespace sansmtp::detail

// Which Asio it is, and what the adapter needs of it: Boost's here. The build puts either this
// header or the one for the standalone Asio on the include path, so that no macro decides.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/system/error_code.hpp>

#include <system_error>

namespace sansmtp {

/// The Asio that the adapter was built for.
namespace net = ::boost::asio;

/// The error code that handlers get; it converts to and from `std::error_code`.
using net_error = ::boost::system::error_code;

/// Getter: an error as handlers get it. What the system said becomes a code of Boost's own category
/// again, for it does not compare equal to the standard's.
[[nodiscard]] inline net_error to_net_error(const std::error_code& error) noexcept {
  if (error.category() == std::system_category()) {
    return {error.value(), ::boost::system::system_category()};
  }
  return error;
}

}  // namespace sansmtp

// Which Asio it is, and what the adapter needs of it: the standalone one here. The build puts
// either this header or the one for Boost on the include path, so that no macro decides.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/recycling_allocator.hpp>
#include <asio/steady_timer.hpp>
#include <asio/system_executor.hpp>

#include <system_error>

namespace sansmtp {

/// The Asio that the adapter was built for.
namespace net = ::asio;

/// The error code that handlers get.
using net_error = ::asio::error_code;

/// Getter: an error as handlers get it.
[[nodiscard]] inline net_error to_net_error(const std::error_code& error) noexcept { return error; }

}  // namespace sansmtp

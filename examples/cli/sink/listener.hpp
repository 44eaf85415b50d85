// Where the sink listens.
#pragma once

#include <cstdint>
#include <string>

#include "sink/descriptor.hpp"

namespace sansmtp::cli::serving {

/// A socket that listens.
struct listener {
  descriptor fd;
  std::string address;     ///< For people: `127.0.0.1:2525`, `[::1]:2525` or `unix:/path`.
  std::uint16_t port = 0;  ///< 0 for a Unix socket.
  std::string unix_path;   ///< To be removed in the end; else empty.
};

/// Listens at `HOST:PORT`, `[V6]:PORT` or `unix:/path`. Throws `failure`: `usage`, `no_host`,
/// `unavailable`.
[[nodiscard]] listener open_listener(const std::string& where);

}  // namespace sansmtp::cli::serving

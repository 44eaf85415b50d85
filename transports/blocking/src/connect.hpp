// From an address to a connected socket.
#pragma once

#include <string>
#include <system_error>

#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/blocking/descriptor.hpp"
#include "sansmtp/blocking/server_address.hpp"

namespace sansmtp::blocking {

/// Tries each of the server's addresses in turn; the errors are those of `client::connect`. `tried`
/// is the last address tried, or the server as given if none was. The socket does not block yet.
std::error_code connect_to(const server_address& server, const client_options& options,
                           descriptor& connected, std::string& tried);

/// Getter: the error that a system call left in errno.
[[nodiscard]] std::error_code system_error(int error);

/// Getters: the other end and this end of a socket, "192.0.2.1:25"; this end without the port. The
/// latter is empty for a Unix socket.
[[nodiscard]] std::string peer_address(int socket);
[[nodiscard]] std::string local_address(int socket);

}  // namespace sansmtp::blocking

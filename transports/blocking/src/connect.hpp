// From an address to a connected socket.
#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/blocking/descriptor.hpp"
#include "sansmtp/blocking/server_address.hpp"

namespace sansmtp::blocking {

/// Finds the server's addresses: numeric ones, or the path of a Unix socket as it is. Those of both
/// families come by turns (RFC 8305 section 4), and where a local address is to be bound only those
/// of its family. The errors are those of `client::connect`.
std::error_code find_addresses(const server_address& server, const client_options& options,
                               std::vector<server_address>& found);

/// The same for addresses that are known: `given` are numeric, and keep their order.
std::error_code take_addresses(const std::vector<server_address>& given,
                               const client_options& options, std::vector<server_address>& found);

/// Connects to the first of `addresses` that accepts: they are tried in order, each with a head
/// start of `options.attempt_delay` (RFC 8305 section 5), all of them within the connect timeout.
/// Those that failed and the one that accepted are taken out of `addresses`. `tried` becomes the
/// one that accepted, or was tried last. The socket does not block yet.
std::error_code connect_to(std::vector<server_address>& addresses, const client_options& options,
                           descriptor& connected, std::string& tried);

/// Getter: does `client_options::stop` ask for an end?
[[nodiscard]] bool is_to_stop(const client_options& options);

/// Getter: the error that a system call left in errno.
[[nodiscard]] std::error_code system_error(int error);

/// Getters: the other end and this end of a socket, "192.0.2.1:25"; this end without the port. The
/// latter is empty for a Unix socket.
[[nodiscard]] std::string peer_address(int socket);
[[nodiscard]] std::string local_address(int socket);

}  // namespace sansmtp::blocking

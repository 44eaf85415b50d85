// Where a server is, as people write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sansmtp::blocking {

/// The port of SMTP between servers (RFC 5321 section 4.5.4.2).
inline constexpr std::uint16_t smtp_port = 25;

/// A server's address, not yet resolved. Owns its text.
struct server_address {
  /// A host name, a numeric address without brackets, or the path of a Unix socket.
  std::string host;
  /// 1 to 65535; 0 means that `host` is the path of a Unix socket, which has none.
  std::uint16_t port = smtp_port;

  /// Getter: is it a Unix socket?
  [[nodiscard]] bool is_unix() const noexcept { return port == 0; }

  /// Getter: reads `host`, `host:port`, `192.0.2.1:port`, `[2001:db8::1]`, `[2001:db8::1]:port`,
  /// `2001:db8::1` or `unix:/path`; without a port it is `default_port` (NET-01). Nothing if the
  /// text is none of these; a host name is not resolved here.
  [[nodiscard]] static std::optional<server_address> parse(std::string_view text,
                                                           std::uint16_t default_port = smtp_port);

  friend bool operator==(const server_address&, const server_address&) = default;
};

/// Getter: the text that `parse` reads back: with its port, and with brackets if they are needed.
[[nodiscard]] std::string to_string(const server_address& server);

}  // namespace sansmtp::blocking

#include "sansmtp/blocking/server_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace sansmtp::blocking {
namespace {

constexpr std::string_view unix_scheme = "unix:";

bool is_ipv6(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));  // the zone is the system's business
  in6_addr ignored{};
  return inet_pton(AF_INET6, address.c_str(), &ignored) == 1;
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '/' || c == '[' || c == ']';
  });
}

// 1 to 65535, or 0 for anything else.
std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : std::uint16_t{0};
}

}  // namespace

std::optional<server_address> server_address::parse(std::string_view text,
                                                    std::uint16_t default_port) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (text.starts_with(unix_scheme)) {
    text.remove_prefix(unix_scheme.size());
    if (text.empty()) return std::nullopt;
    return server_address{std::string(text), 0};
  }

  std::string_view host = text;
  std::string_view rest;  // empty, or a colon and the port
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!is_ipv6(host)) return std::nullopt;
  } else if (!is_ipv6(text)) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (!is_host(host)) return std::nullopt;

  std::uint16_t port = default_port;
  if (!rest.empty()) port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::uint16_t{0};
  if (port == 0) return std::nullopt;
  return server_address{std::string(host), port};
}

std::string to_string(const server_address& server) {
  if (server.is_unix()) return std::string(unix_scheme) + server.host;
  const bool brackets = server.host.find(':') != std::string::npos;
  return (brackets ? '[' + server.host + ']' : server.host) + ':' + std::to_string(server.port);
}

}  // namespace sansmtp::blocking

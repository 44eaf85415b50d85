// What ties an authentication to the TLS link it runs over (RFC 5056), and which kind is used when.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sansmtp {

/// Octets that only the two ends of one TLS link know alike. The transport fills it after the
/// handshake; SCRAM's -PLUS variants prove it to the server, so that nobody in the middle can pass
/// an authentication on (SASL-11).
struct channel_binding {
  /// The registered name, e.g. "tls-exporter": a static string, as `binding_type_for` returns it.
  /// Empty: this link cannot be bound.
  std::string_view type;
  /// tls-exporter: 32 octets exported with the label "EXPORTER-Channel-Binding" and a context of
  /// length zero (RFC 9266). tls-unique: the first Finished message (RFC 5929 section 3).
  /// tls-server-end-point: the hash of the server's certificate (RFC 5929 section 4).
  std::string octets;

  /// Getter: can the link be bound?
  [[nodiscard]] explicit operator bool() const noexcept { return !type.empty() && !octets.empty(); }
};

/// The protocol version that a handshake agreed upon.
enum class tls_version : std::uint8_t { older, tls_1_2, tls_1_3 };

/// Which kind of binding the caller wants; `automatic` follows the version.
enum class binding_request : std::uint8_t { automatic, tls_exporter, tls_server_end_point };

/// Getter: the name of the binding for a link, or an empty text if it cannot be bound (SASL-12).
/// `extended_master_secret` is RFC 7627's, without which the values of TLS 1.2 are not unique to
/// one link; TLS 1.3 has its protection always and never has tls-unique (RFC 9266 section 3).
[[nodiscard]] std::string_view binding_type_for(tls_version version, bool extended_master_secret,
                                                binding_request wanted) noexcept;

}  // namespace sansmtp

// The envelope as a message's own header tells it (RFC 5322 sections 2.2 and 3.4).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::cli {

/// What the header says about sender and recipients.
struct header_envelope {
  /// Sender, else From, else Return-Path: a bare address; empty for the `<>` of Return-Path.
  std::optional<std::string> sender;
  /// To, Cc and Bcc as bare addresses in the order of the header, each once.
  std::vector<std::string> recipients;
  /// The message without its Bcc fields; nothing if it has none and may be sent as it is.
  std::optional<std::string> without_bcc;

  /// Getter: reads the header of `message`, only during the call. Lines may end in CRLF, LF or CR,
  /// since the engine makes CRLF of each of them. Folded fields, comments, quoted strings, groups
  /// and source routes are understood. Throws `failure` with `exit_code::data_error` for what
  /// cannot be understood, rather than leaving out an address or sending a Bcc field along: a line
  /// that is no field, an address that breaks the grammar, and Resent- fields, which make it
  /// unclear to whom the message goes.
  [[nodiscard]] static header_envelope parse(std::string_view message);
};

/// Getter: the bare addresses of an address list (RFC 5322 section 3.4), unfolded; `<>` is an empty
/// one. Throws `failure` as above.
[[nodiscard]] std::vector<std::string> parse_address_list(std::string_view list);

}  // namespace sansmtp::cli

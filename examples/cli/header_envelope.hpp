// The envelope as a message's own header tells it (RFC 5322 sections 2.2, 3.4 and 3.6.6).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::cli {

/// What the header says about sender and recipients.
///
/// If somebody has sent the message again, its most recent block of Resent- fields says it, and the
/// fields of the first sending do not (RFC 5322 section 3.6.6). That block is the topmost; it ends
/// where Resent- fields begin to repeat, since each is in a block once.
class header_envelope {
 public:
  /// Getter: reads the header of `message`, only during the call. Lines may end in CRLF, LF or CR,
  /// since the engine makes CRLF of each of them. Folded fields, comments, quoted strings, groups
  /// and source routes are understood; a byte order mark and the "From " line of a mailbox file
  /// before the header are left out. Throws `failure` with `exit_code::data_error` for what cannot
  /// be understood, rather than leaving out an address or sending a Bcc field along: a line that is
  /// no field, and an address that breaks the grammar. Costs n log n for n addresses.
  [[nodiscard]] static header_envelope parse(std::string_view message);

  /// Getter: Sender, else From, else Return-Path, as a bare address; empty for the `<>` of
  /// Return-Path. Of Resent- fields, Resent-Sender, else Resent-From. Only this looks into the
  /// field: it throws `failure` as above if that does not name one mailbox, or if there is none.
  [[nodiscard]] std::string sender() const;

  /// To, Cc and Bcc as bare addresses in the order of the header, each once.
  std::vector<std::string> recipients;
  /// Whether Resent- fields said it.
  bool resent = false;
  /// The message without its Bcc fields and what stood before its header; nothing if it may be sent
  /// as it is.
  std::optional<std::string> cleaned;

 private:
  [[nodiscard]] static header_envelope read(std::string_view message);

  std::string sender_field_;      // its name; empty without one
  std::string sender_addresses_;  // its body, unfolded
  bool has_bcc_ = false;
};

/// Getter: what stands before the header of `message` and belongs to no message: a byte order mark,
/// and the line "From ..." with its line end that mailbox files have (RFC 4155). A view into it,
/// usually empty.
[[nodiscard]] std::string_view before_header(std::string_view message) noexcept;

/// Getter: does the header of `message` have a field Bcc or Resent-Bcc? Looks up to the first empty
/// line, whatever the lines before it are.
[[nodiscard]] bool has_bcc_field(std::string_view message) noexcept;

}  // namespace sansmtp::cli

// Addresses, checked once and for all: injection stops here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sansmtp/error.hpp"

namespace sansmtp {

/// What beyond the RFC a caller lets pass in a path.
struct path_rules {
  bool allow_underscore = false;  ///< `_` in domain labels (CMD-09).
  bool allow_long = false;        ///< Local-part over 64, domain over 255, path over 256 (CMD-10).
};

/// A reverse-path or forward-path (RFC 5321 section 4.1.2) without its angle brackets. It is
/// checked when it is made and immutable afterwards. A bad address is a value too, one that
/// remembers why: a session refuses it for that recipient before an octet is written, so that a
/// report still has one line for each recipient given. Owns its text.
class path {
 public:
  /// The null reverse-path, `<>` (CMD-02). As a recipient it is refused.
  path() noexcept = default;

  /// Checks `mailbox` against the Mailbox grammar: Dot-string or Quoted-string, `@`, Domain or
  /// address literal; UTF-8 beyond ASCII is accepted and marks the path as needing SMTPUTF8 (RFC
  /// 6531). Empty text is the null path; "postmaster" alone, in any case, is valid (CMD-03). Never
  /// repairs (CMD-05): errors are `bad_address`, `address_too_long` and, for CR, LF or NUL,
  /// `bad_argument` (CMD-04).
  explicit path(std::string_view mailbox, path_rules rules = {});

  /// Getter: a path from a local-part without any quoting and a domain; emits the least quoting
  /// that the local-part needs (CMD-06).
  [[nodiscard]] static path from_parts(std::string_view raw_local_part, std::string_view domain,
                                       path_rules rules = {});

  /// Getter: `errc::none` if the path is valid.
  [[nodiscard]] errc error() const noexcept { return error_; }
  /// Getter: what stands between the angle brackets, case preserved (CMD-07), also of a bad path.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Getter: is it the null reverse-path?
  [[nodiscard]] bool is_null() const noexcept { return text_.empty(); }
  /// Getter: does it hold non-ASCII octets (valid UTF-8), so that it needs SMTPUTF8?
  [[nodiscard]] bool is_utf8() const noexcept { return utf8_; }

  friend bool operator==(const path& a, const path& b) noexcept { return a.text_ == b.text_; }

 private:
  std::string text_;
  errc error_ = errc::none;
  bool utf8_ = false;
};

/// What is wrong with an address, and where.
struct path_fault {
  enum class reason : std::uint8_t {
    none,                 ///< It is valid.
    line_break,           ///< CR, LF or NUL (CMD-04).
    no_at,                ///< It ends before any `@`: there is no domain.
    no_local_part,        ///< Nothing stands before the `@`.
    empty_atom,           ///< A dot that begins or ends the local-part, or follows another one.
    local_octet,          ///< An octet that the local-part may hold only within quotes.
    open_quote,           ///< A quoted string that does not end.
    behind_quotes,        ///< Something else than `@` behind a quoted string.
    bad_octet,            ///< An octet that may not stand there at all: a control, or no UTF-8.
    no_domain,            ///< Nothing stands behind the `@`.
    trailing_dot,         ///< A dot ends the domain.
    empty_label,          ///< A dot that begins the domain, or follows another one.
    label_hyphen,         ///< A hyphen that begins or ends a label.
    underscore,           ///< In a label, without `allow_underscore` (CMD-09).
    domain_octet,         ///< An octet that no label may hold.
    address_in_domain,    ///< Digits and dots alone: an IP address without brackets (CMD-08).
    address_literal,      ///< What begins with `[` is no address literal (CMD-08).
    local_part_too_long,  ///< Over 64 octets, without `allow_long` (CMD-10).
    domain_too_long,      ///< Over 255 octets, likewise.
    path_too_long,        ///< Over 254 octets as a whole, likewise.
  };

  reason why = reason::none;
  /// The octet at which it shows, counted from 0: the size of the text if something is missing at
  /// its end; of what is too long, the first octet beyond the limit.
  std::size_t at = 0;

  friend bool operator==(const path_fault&, const path_fault&) = default;
};

/// Getter: the name of the enumerator, such as "trailing_dot"; a static string.
[[nodiscard]] std::string_view to_string(path_fault::reason why) noexcept;

/// Getter: why the constructor of `path` finds fault with `mailbox` under these rules; of several
/// faults the first, but a line break before all. It agrees with `path::error()`: `none` for
/// `errc::none`, `line_break` for `bad_argument`, one of the last three for `address_too_long`, and
/// any other for `bad_address`. It reads the text anew, so that a path need not remember it.
[[nodiscard]] path_fault find_fault(std::string_view mailbox, path_rules rules = {}) noexcept;

/// Getter: is `name` a Domain of RFC 5321 section 4.1.2, ASCII only, at most 255 octets?
[[nodiscard]] bool is_domain(std::string_view name, bool allow_underscore = false) noexcept;

/// Getter: is `text` an address literal with its brackets: `[192.0.2.1]`, `[IPv6:2001:db8::1]` or
/// `[tag:content]` (RFC 5321 section 4.1.3, CMD-08)?
[[nodiscard]] bool is_address_literal(std::string_view text) noexcept;

/// Getter: the literal for a numeric address, `[192.0.2.5]` or `[IPv6:2001:db8::5]`; empty if
/// `address` is neither. A zone ("fe80::1%eth0") is dropped, since it means nothing to the peer.
[[nodiscard]] std::string address_literal(std::string_view address);

}  // namespace sansmtp

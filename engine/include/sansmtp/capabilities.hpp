// The EHLO reply, read: which extensions a server offers and with which parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/reply.hpp"

namespace sansmtp {

/// The extensions that the engine itself acts upon. All others are kept as text.
enum class extension : std::uint8_t {
  pipelining,             ///< RFC 2920
  size,                   ///< RFC 1870
  eight_bit_mime,         ///< RFC 6152
  smtputf8,               ///< RFC 6531
  starttls,               ///< RFC 3207
  auth,                   ///< RFC 4954
  enhanced_status_codes,  ///< RFC 2034
  dsn,                    ///< RFC 3461
  chunking,               ///< RFC 3030
  binary_mime,            ///< RFC 3030
  require_tls,            ///< RFC 8689
  deliver_by,             ///< RFC 2852
  mt_priority,            ///< RFC 6710
  future_release,         ///< RFC 4865
  limits,                 ///< RFC 9422
  prdr,                   ///< draft-hall-prdr
  xclient,                ///< Postfix, XCLIENT howto
  xforward,               ///< Postfix, XFORWARD howto
};

/// What a server bounds by the extension LIMITS (RFC 9422 section 4); 0: no bound.
struct server_limits {
  std::uint32_t mails = 0;       ///< MAILMAX: MAILs of a session, refused ones too.
  std::uint32_t recipients = 0;  ///< RCPTMAX: RCPTs of a mail, refused ones too.
  std::uint32_t domains = 0;     ///< RCPTDOMAINMAX: distinct domains of a session's recipients.

  /// Getter: is anything bounded?
  [[nodiscard]] bool any() const noexcept { return (mails | recipients | domains) != 0; }
};

/// Getter: the keyword as it stands in an EHLO reply, e.g. "8BITMIME"; a static string.
[[nodiscard]] std::string_view keyword_of(extension e) noexcept;

/// A server's capabilities. Filled from an EHLO reply; a later one replaces it whole (SESS-17).
class capabilities {
 public:
  /// Input: takes a reply to EHLO: the first line is identification and never a capability
  /// (SESS-07), each further line is one capability. Keywords in `ignored` (case-insensitive) have
  /// no effect and are not kept (EXT-04). Lines whose keyword breaks the grammar are skipped and
  /// counted; of duplicates the first counts, but AUTH lines are united (EXT-03, AUTH-02). A reply
  /// that is no success offers nothing (SESS-17). The text is copied.
  void assign(const reply& ehlo, std::span<const std::string> ignored = {});

  /// Command: forget all.
  void clear() noexcept;

  /// Getter: is it offered?
  [[nodiscard]] bool has(extension e) const noexcept {
    return (flags_ >> static_cast<unsigned>(e) & 1U) != 0;
  }

  /// Getter: is this keyword offered (case-insensitive), known to the engine or not (EXT-02)?
  [[nodiscard]] bool has(std::string_view keyword) const noexcept;

  /// Getter: the raw parameters of a keyword, words separated as the server sent them, blanks at
  /// both ends removed; empty if there are none or the keyword is not offered. Valid until the next
  /// `assign` or `clear`.
  [[nodiscard]] std::string_view parameters(std::string_view keyword) const noexcept;

  /// Getter: is this word one of a keyword's parameters, both in any case? So an attribute of
  /// XCLIENT or XFORWARD is known to be offered (EXT-14).
  [[nodiscard]] bool has(std::string_view keyword, std::string_view parameter) const noexcept;

  /// Getter: the limit of the SIZE extension in octets; 0 means no fixed limit or none known
  /// (EXT-05).
  [[nodiscard]] std::uint64_t size_limit() const noexcept { return size_limit_; }

  /// Getter: the bounds of the extension LIMITS. A keyword whose parameters break its syntax bounds
  /// nothing, nor does a single limit that is unknown or has a bad value (EXT-11).
  [[nodiscard]] const server_limits& limits() const noexcept { return limits_; }

  /// Getter: is this SASL mechanism offered (case-insensitive), in an AUTH or a legacy AUTH= line?
  [[nodiscard]] bool offers_mechanism(std::string_view name) const noexcept;

  /// Getter: the offered SASL mechanisms, separated by one space, in upper case; united from all
  /// AUTH and AUTH= lines. Valid until the next `assign` or `clear`.
  [[nodiscard]] std::string_view mechanisms() const noexcept { return mechanisms_; }

  /// Getter: number of capability lines kept, and the i-th one's keyword as sent (upper-cased) with
  /// its parameters. Valid until the next `assign` or `clear`.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  struct entry {
    std::string_view keyword;
    std::string_view parameters;
  };
  [[nodiscard]] entry operator[](std::size_t i) const noexcept;

  /// Getter: how many lines were skipped since their keyword breaks the grammar, and how many
  /// keywords came twice: the session warns of both.
  [[nodiscard]] std::size_t skipped() const noexcept { return skipped_; }
  [[nodiscard]] std::size_t duplicates() const noexcept { return duplicates_; }

  /// Getter: octets of memory held beyond the object itself.
  [[nodiscard]] std::size_t memory() const noexcept {
    return text_.capacity() + mechanisms_.capacity() + entries_.capacity() * sizeof(span_of);
  }

 private:
  struct span_of {
    std::uint32_t keyword, keyword_size, parameters, parameters_size;
  };
  void drop_duplicates();

  std::uint64_t size_limit_ = 0;
  server_limits limits_;
  std::uint32_t flags_ = 0;
  std::string text_;  // keywords (upper case) and parameters, one behind the other
  std::string mechanisms_;
  std::vector<span_of> entries_;
  std::uint16_t skipped_ = 0;
  std::uint16_t duplicates_ = 0;
};

}  // namespace sansmtp

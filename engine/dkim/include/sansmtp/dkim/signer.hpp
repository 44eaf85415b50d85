// Signs a mail: DKIM (RFC 6376) with RSA-SHA256 and Ed25519-SHA256 (RFC 8463), relaxed/relaxed.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/buffer.hpp"
#include "sansmtp/dkim/crypto.hpp"
#include "sansmtp/dkim/refusal.hpp"
#include "sansmtp/dot_stuffer.hpp"
#include "sansmtp/error.hpp"
#include "sansmtp/message.hpp"

namespace sansmtp::dkim {

/// Octets of a header with its line ends that a signer keeps at most: all that it keeps of a mail.
inline constexpr std::size_t header_limit = std::size_t{1} << 20U;

/// Getter: the names of the fields that are signed where no list is given (RFC 6376 section 5.4.1),
/// in lower case and in the order of the h= tag; static storage. Received, Return-Path and other
/// fields that change on the way are not among them; List-Unsubscribe and its -Post are (RFC 8058
/// section 4).
[[nodiscard]] std::span<const std::string_view> usual_fields() noexcept;

/// A key and the selector under which DNS holds its public half.
struct signing_key {
  std::string selector;
  private_key* key = nullptr;  ///< Borrowed: must outlive the signer.
};

/// How a mail is signed.
struct signer_options {
  std::string domain;             ///< d=; A-labels.
  std::vector<signing_key> keys;  ///< A signature by each of them, in this order.
  /// The names of the fields that are signed, in any case; `usual_fields()` if empty. Each field of
  /// these names that the mail has is signed, and From once more than it occurs, so that nobody can
  /// add another one (RFC 6376 section 8.15). From is signed whether or not it is named.
  std::vector<std::string> fields;
  std::chrono::sys_seconds signed_at{};           ///< t=; must be given.
  std::optional<std::chrono::seconds> valid_for;  ///< x= is so long after t=.
  /// The policy of the session that sends the mail (`session_config::line_ends`): what is signed is
  /// what leaves (DKIM-02).
  line_end_policy line_ends = line_end_policy::normalize;
  /// Signs octets above 127, too. A host that has to convert them, since the next one lacks
  /// 8BITMIME, breaks the signature (RFC 6376 section 5.3).
  bool allow_eight_bit = false;
};

/// Signs one mail, whose content is given in pieces of any size; keeps its header and a digest of
/// the rest. First `check`, then `give` all of it, then `finish`; then `fields` goes in front of
/// the content, which is read once more to be sent. The first refusal is final, and each later call
/// gives it again. Content that is sent as binary is not for it (`sign` refuses it): it would be
/// signed with other line ends than it leaves with. A signer that was moved from may only be
/// destroyed or assigned to.
class signer {
 public:
  /// `hash` must outlive the signer.
  signer(signer_options options, crypto& hash);
  signer(signer&&) noexcept;
  signer& operator=(signer&&) noexcept;
  ~signer();

  /// Getter: is there something to be refused so far? Before any content: what is wrong with the
  /// options.
  [[nodiscard]] refusal check() const noexcept;
  /// Input: the next octets of the content, read during the call only.
  [[nodiscard]] refusal give(bytes piece);
  /// Command: the content is complete; makes the signatures.
  [[nodiscard]] refusal finish();

  /// Getter: the DKIM-Signature fields, each line with its CRLF and of at most 78 octets without it
  /// unless a domain, selector or field name alone is longer. Empty before `finish` and after a
  /// refusal. Valid as long as the signer.
  [[nodiscard]] const std::string& fields() const noexcept;
  /// Getter: what is wrong with the content, where the refusal is `bad_content`.
  [[nodiscard]] errc problem() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// What `sign` made.
struct signing_result {
  refusal why = refusal::none;
  errc problem = errc::none;  ///< What is wrong with the content, where that is why.
  std::string fields;         ///< As `signer::fields`.
};

/// Output: the signatures of a mail that is at hand. Refuses streamed content, which can be read
/// but once, and binary content.
[[nodiscard]] signing_result sign(const message& mail, signer_options options, crypto& hash);

}  // namespace sansmtp::dkim

// The extensions that the sink knows, and what they bring along.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sink.hpp"

namespace sansmtp::cli::serving {

/// Getter: keywords that EHLO shows unless they are hidden, and those that it shows on request.
[[nodiscard]] std::vector<std::string_view> usual_extensions();
[[nodiscard]] std::vector<std::string_view> extensions_on_request();

/// Bounds of RFC 9422; none: no bound.
struct limits {
  std::optional<std::uint64_t> mails;       ///< MAIL commands of a session.
  std::optional<std::uint64_t> recipients;  ///< RCPT commands of a mail.
  std::optional<std::uint64_t> domains;     ///< Different domains of recipients in a session.
};

/// What one sink offers, STARTTLS and AUTH apart, which depend on the session. The options must
/// outlive it.
class offer {
 public:
  /// Throws `failure`: `usage`, if a keyword that is asked for is not known.
  explicit offer(const sink::options& options);

  /// Getter: is this extension offered? Of STARTTLS and AUTH: is it not hidden?
  [[nodiscard]] bool has(std::string_view keyword) const;
  /// Getter: is this one of the words behind the keyword, without regard to case? If there are
  /// none, any is.
  [[nodiscard]] bool has_word(std::string_view keyword, std::string_view word) const;
  /// Getter: the lines of EHLO, in their order. REQUIRETLS is offered inside TLS only (RFC 8689).
  [[nodiscard]] std::vector<std::string> lines(bool secure) const;
  /// Getter: what LIMITS says; a limit that is nonsense bounds nothing.
  [[nodiscard]] const serving::limits& bounds() const noexcept { return bounds_; }

 private:
  [[nodiscard]] const std::string* wanted(std::string_view keyword) const;

  const sink::options& options_;
  serving::limits bounds_;
};

/// What the parameters of a path ask for.
struct wishes {
  bool utf8 = false;    ///< SMTPUTF8
  bool binary = false;  ///< BODY=BINARYMIME
  bool prdr = false;    ///< A reply for each recipient behind content.
};

/// Who checks parameters, and for which command.
struct parameter_check {
  bool of_sender;  ///< MAIL; else RCPT.
  std::uint64_t max_size;
  /// Whether parameters of an extension are known in this session.
  const std::function<bool(std::string_view extension)>& understands;
};

/// Getter: the reply to wrong parameters, empty if they are right. `parameters` is what follows the
/// path; what they ask for is noted in `found`.
[[nodiscard]] std::string_view check_parameters(std::string_view parameters,
                                                const parameter_check& check, wishes& found);

}  // namespace sansmtp::cli::serving
